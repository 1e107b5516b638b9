//! What a file holds: its text, its format and kind, and then what that kind reads.

use std::sync::Arc;

use crate::model::{Migration, Place, Platform, Runbook};

use super::fields::Fields;
use super::kind::{self, Kind};
use super::node::{Node, Span, Value, shown};
use super::path::{self, Path, Releases};
use super::project::{self, ProjectFile};
use super::report::{Report, WithHint};
use super::{FORMAT, SourceFile, migration, parse, procedure, read, rules};

/// The largest file that is read.
pub const BYTES_MAX: usize = 16 << 20;

/// One file's meaning, before it is joined with the others.
pub(super) enum Document {
    Project(Box<ProjectFile>),
    Migration { product: String, migration: Box<Migration> },
    Path { product: String, path: Box<Path>, place: Place, digests: Vec<[u8; 32]> },
    Releases(ReleasesFile),
    Platform(Box<Platform>),
    Runbook(Box<Runbook>),
}

/// A file of kind `releases`.
pub(super) struct ReleasesFile {
    /// The product it names, else its stem.
    pub product: String,
    /// Whether that is the stem, which only begins with the product's name.
    pub is_guess: bool,
    pub releases: Releases,
    pub place: Place,
    pub digests: Vec<[u8; 32]>,
}

/// The text of a file, and a report that already says so if it has none.
pub(super) fn decode(file: SourceFile) -> (Arc<str>, Report) {
    if file.bytes.len() > BYTES_MAX {
        let mut report = Report::new(file.path, Arc::from(""));
        let finding = report.error(rules::YAML_LIMITS, Span::START, "the file is over 16 MiB");
        finding.with_hint("split it; releases may stand in a file of their own");
        return (Arc::from(""), report);
    }
    match String::from_utf8(file.bytes) {
        Ok(text) => {
            let text: Arc<str> = Arc::from(text.strip_prefix('\u{feff}').unwrap_or(&text));
            (Arc::clone(&text), Report::new(file.path, text))
        }
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text: Arc<str> = Arc::from(String::from_utf8_lossy(error.as_bytes()));
            let mut report = Report::new(file.path, Arc::clone(&text));
            let span = Span::within(&text, valid..valid);
            let message = format!("the file is not UTF-8: byte {:#04x}", error.as_bytes()[valid]);
            report.error(rules::FILE_UNREADABLE, span, message).with_hint("save the file as UTF-8");
            (text, report)
        }
    }
}

/// What a file holds, by its `kind` and its folder.
pub(super) fn document(report: &mut Report) -> Option<Document> {
    let root = parse::parse(report)?;
    let mut fields = Fields::of(report, &root)?;
    if &*report.file == "orchestrate.yml" {
        let finding = report.error(rules::FILE_KIND, fields.head(), "the project file is named orchestrate.yaml");
        finding.with_hint("rename orchestrate.yml to orchestrate.yaml");
        return None;
    }
    let file = Arc::clone(&report.file);
    let parts: Vec<&str> = file.split('/').collect();
    let stem = parts.last().and_then(|name| name.rsplit_once('.')).map_or("", |(stem, _)| stem);
    if !is_our_format(report, &mut fields) {
        return None;
    }
    let place = report.place(fields.head());
    let kind = kind::kind_of(report, &mut fields, &parts, stem)?;
    match kind {
        Kind::Project => Some(Document::Project(Box::new(project::project(report, fields)))),
        Kind::Migration => {
            let migration = Box::new(migration::migration(report, &root, fields, stem));
            Some(Document::Migration { product: parts[1].to_owned(), migration })
        }
        Kind::UpgradePath => {
            let product = product_of_path(report, &mut fields, stem);
            let digests = digests_of_path(&root);
            Some(Document::Path { product, path: Box::new(path::path(report, fields)), place, digests })
        }
        Kind::Releases => {
            let named = fields.place_of("product").map(|span| report.place(span));
            let product = fields.optional("product").and_then(|node| read::name(report, node));
            Some(Document::Releases(ReleasesFile {
                is_guess: product.is_none(),
                product: product.unwrap_or_else(|| stem.to_owned()),
                releases: path::releases(report, fields),
                place: named.unwrap_or(place),
                digests: digests_of_releases(&root),
            }))
        }
        Kind::Platform => {
            procedure::platform(report, fields, stem).map(|platform| Document::Platform(Box::new(platform)))
        }
        Kind::Runbook => procedure::runbook(report, fields, stem).map(|runbook| Document::Runbook(Box::new(runbook))),
    }
}

/// The digests of a path's content: its releases one by one, since neither their order nor their file matters.
fn digests_of_path(root: &Node) -> Vec<[u8; 32]> {
    let mut digests = digests_of_releases(root);
    digests.push(root.digest_without(&["releases", "product"]));
    digests
}

fn digests_of_releases(root: &Node) -> Vec<[u8; 32]> {
    match root.value_of("releases").map(|releases| &releases.value) {
        Some(Value::Sequence(releases)) => releases.iter().map(Node::digest).collect(),
        _ => Vec::new(),
    }
}

/// The product of an upgrade path: the file's stem, unless it says another, which is a finding.
fn product_of_path(report: &mut Report, fields: &mut Fields<'_>, stem: &str) -> String {
    let said = fields.optional("product").and_then(|node| like_stem(report, node, "product", stem));
    said.unwrap_or_else(|| stem.to_owned())
}

/// The optional `name` of a file that is named by its stem.
pub(super) fn check_stem(report: &mut Report, fields: &mut Fields<'_>, stem: &str) {
    if let Some(node) = fields.optional("name") {
        like_stem(report, node, "name", stem);
    }
}

/// The value of a key that must be its file's stem.
pub(super) fn like_stem(report: &mut Report, node: &Node, key: &str, stem: &str) -> Option<String> {
    let name = read::name(report, node)?;
    if name != stem {
        let message = format!("the {key} `{name}` differs from the file's stem `{}`", shown(stem));
        let hint = match read::is_name(stem) {
            true => format!("rename the file to {name}.yaml, or write `{key}: {stem}`"),
            false => format!("rename the file to {name}.yaml"),
        };
        report.error(rules::NAME_MISMATCH, node.span, message).with_hint(hint);
    }
    Some(name)
}

/// Whether the file is of the format that this program reads; a missing or wrong `format:` is told.
fn is_our_format(report: &mut Report, fields: &mut Fields<'_>) -> bool {
    let Some(node) = fields.optional("format") else {
        let hint = format!("begin the file with `format: {FORMAT}`");
        if fields.has("kind") {
            fields.lacks(&["format"], rules::FORMAT_VERSION, "the key `format` is missing", Some(&hint));
            return true;
        }
        let finding = report.error(rules::FORMAT_VERSION, fields.head(), "the keys `format` and `kind` are missing");
        finding.with_hint(format!("{hint} and `kind: …`"));
        return false;
    };
    let Some(found) = node.scalar() else {
        report.wrong_type(node, "a text");
        return false;
    };
    if found == FORMAT {
        return true;
    }
    let later =
        found.strip_prefix("orchestrate/v").and_then(|number| number.parse::<u32>().ok()).is_some_and(|n| n > 1);
    let (message, hint) = if later {
        let message = format!("`{found}` is a later format than this program reads");
        (message, format!("use a later version of orchestrate, or write the file as `{FORMAT}`"))
    } else {
        (format!("`{}` is not a format of orchestrate", shown(found)), format!("write `format: {FORMAT}`"))
    };
    report.error(rules::FORMAT_VERSION, node.span, message).with_hint(hint);
    false
}
