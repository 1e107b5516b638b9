//! The kinds of files: their words, where they stand, and the `kind:` of a file at hand.

use crate::model::did_you_mean;

use super::fields::Fields;
use super::node::{Node, shown};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `manifests/<product>/<name>.yaml`
    Migration,
    /// `upgrade-paths/<product>.yaml`
    UpgradePath,
    /// `upgrade-paths/<product>.releases.yaml`
    Releases,
    /// `templates/platforms/<name>.yaml`
    Platform,
    /// `templates/runbooks/<name>.yaml`
    Runbook,
    /// `orchestrate.yaml`
    Project,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] =
        [Kind::Migration, Kind::UpgradePath, Kind::Releases, Kind::Platform, Kind::Runbook, Kind::Project];

    /// The kind of this word.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word after `kind:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Migration => "migration",
            Kind::UpgradePath => "upgrade-path",
            Kind::Releases => "releases",
            Kind::Platform => "platform",
            Kind::Runbook => "runbook",
            Kind::Project => "project",
        }
    }

    /// Where its files stand.
    fn path(self) -> &'static str {
        match self {
            Kind::Migration => "manifests/<product>/<name>.yaml",
            Kind::UpgradePath => "upgrade-paths/<product>.yaml",
            Kind::Releases => "upgrade-paths/<product>.releases.yaml",
            Kind::Platform => "templates/platforms/<name>.yaml",
            Kind::Runbook => "templates/runbooks/<name>.yaml",
            Kind::Project => "orchestrate.yaml",
        }
    }

    /// The kind that stands at a path, given by its parts.
    fn at(parts: &[&str], stem: &str) -> Option<Kind> {
        match parts {
            [_] => Some(Kind::Project),
            ["manifests", _, _] => Some(Kind::Migration),
            ["upgrade-paths", ..] if stem.ends_with(".releases") => Some(Kind::Releases),
            ["upgrade-paths", ..] => Some(Kind::UpgradePath),
            ["templates", "platforms", _] => Some(Kind::Platform),
            ["templates", "runbooks", _] => Some(Kind::Runbook),
            _ => None,
        }
    }
}

/// The `kind:` of a file, as its folder allows it; one that is missing or misspelt is told, and taken from the folder.
pub(super) fn kind_of(report: &mut Report, fields: &mut Fields<'_>, parts: &[&str], stem: &str) -> Option<Kind> {
    let by_folder = Kind::at(parts, stem);
    let Some(node) = fields.optional("kind") else {
        let hint = match by_folder {
            Some(kind) => format!("write `kind: {}`", kind.as_str()),
            None => "name the kind of the file".to_owned(),
        };
        fields.lacks(&["kind"], rules::MISSING_KEY, "the key `kind` is missing", Some(&hint));
        return by_folder;
    };
    let Some(word) = read::text(report, node) else { return by_folder };
    let Some(kind) = Kind::parse(&word) else {
        unknown_kind(report, node, &word);
        return by_folder;
    };
    let is_path = |kind| matches!(kind, Kind::UpgradePath | Kind::Releases);
    if by_folder == Some(kind) || (is_path(kind) && by_folder.is_some_and(is_path)) {
        return Some(kind);
    }
    let message = format!("a file of kind `{word}` does not belong here");
    report.error(rules::FILE_KIND, node.span, message).with_hint(format!("it belongs into {}", kind.path()));
    None
}

fn unknown_kind(report: &mut Report, node: &Node, word: &str) {
    // The project file comes first: it stands above the folders.
    let known = [Kind::Project].into_iter().chain(Kind::ALL.into_iter().filter(|kind| *kind != Kind::Project));
    let known: Vec<&str> = known.map(Kind::as_str).collect();
    let hint = did_you_mean(word, known.iter().copied(), || format!("known kinds: {}", known.join(", ")));
    report.error(rules::FILE_KIND, node.span, format!("there is no kind `{}`", shown(word))).with_hint(hint);
}
