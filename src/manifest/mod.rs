//! YAML files → a [`Catalog`], or every finding of every file at once, each with its place.
//!
//! [`parse`] makes a tree with places, the files beside it make one kind of document each, [`link`] joins them and checks
//! what leads from one file to another. Reading goes on after a finding, so that one report names everything.
#![deny(clippy::disallowed_methods)]

mod action;
mod fields;
mod link;
mod locate;
mod migration;
mod node;
mod operation;
mod parameter;
mod parse;
mod path;
mod probe;
mod procedure;
mod project;
mod read;
mod references;
mod report;
pub mod rules;
mod schema;
mod versions;

use std::sync::Arc;

use crate::model::{Catalog, Finding, Migration, Place, Platform, Runbook, Severity};

use fields::Fields;
use report::{Report, WithHint};

pub use schema::{Kind, schema};

/// The format that every file names.
pub const FORMAT: &str = "orchestrate/v1";
const BYTES_MAX: usize = 16 << 20;

/// A file as it was found.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path relative to the project, with forward slashes.
    pub path: Arc<str>,
    /// Its bytes, whatever they are.
    pub bytes: Vec<u8>,
}

/// What loading gives besides the catalog: the texts, for showing lines.
pub type Sources = std::collections::BTreeMap<Arc<str>, Arc<str>>;

/// Every finding of every file, sorted by place.
#[derive(Debug)]
pub struct Broken(pub Vec<Finding>);

/// One file's meaning, before it is joined with the others.
enum Document {
    Project(Box<project::ProjectFile>),
    Migration { product: String, migration: Box<Migration> },
    Path { product: String, path: Box<path::Path>, place: Place, digest: [u8; 32] },
    Releases { product: String, is_guess: bool, releases: path::Releases, place: Place, digest: [u8; 32] },
    Platform(Box<Platform>),
    Runbook(Box<Runbook>),
}

/// Reads all files into one catalog. The order of the files does not matter.
pub fn load(files: Vec<SourceFile>) -> (Result<Catalog, Broken>, Sources) {
    let mut files = files;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut sources = Sources::new();
    let mut findings = Vec::new();
    let mut documents = Vec::new();
    let mut holes = references::Holes::default();
    for file in files {
        let (text, mut report) = decode(file);
        sources.insert(Arc::clone(&report.file), text);
        let document = if report.findings.is_empty() { document(&mut report) } else { None };
        holes.note(&report, document.is_none());
        documents.extend(document);
        findings.append(&mut report.findings);
    }
    let (catalog, mut unlinked) = link::link(documents, &holes);
    findings.append(&mut unlinked);
    findings.sort_by(|a, b| (&a.place, a.rule, &a.message).cmp(&(&b.place, b.rule, &b.message)));
    findings.dedup(); // what stands behind an alias is read once more
    let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
    (if broken { Err(Broken(findings)) } else { Ok(catalog) }, sources)
}

/// The text of a file, and a report that already says so if it has none.
fn decode(file: SourceFile) -> (Arc<str>, Report) {
    let start = |report: &Report| Place::start_of(&report.file);
    if file.bytes.len() > BYTES_MAX {
        let mut report = Report::new(file.path, Arc::from(""));
        let finding = Finding::new(rules::YAML_LIMITS, Severity::Error, start(&report), "the file is over 16 MiB");
        report.findings.push(finding.hint("split it; releases may stand in a file of their own"));
        return (Arc::from(""), report);
    }
    match String::from_utf8(file.bytes) {
        Ok(text) => {
            let text: Arc<str> = Arc::from(text.strip_prefix('\u{feff}').unwrap_or(&text));
            (Arc::clone(&text), Report::new(file.path, text))
        }
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let text: Arc<str> = Arc::from(String::from_utf8_lossy(error.as_bytes()));
            let mut report = Report::new(file.path, Arc::clone(&text));
            let line = u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX);
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            let column = u32::try_from(column).unwrap_or(u32::MAX);
            let offset = u32::try_from(valid).unwrap_or(u32::MAX);
            let span = node::Span { line, column, start: offset, end: offset };
            let message = format!("the file is not UTF-8: byte {:#04x}", error.as_bytes()[valid]);
            report.error(rules::FILE_UNREADABLE, span, message).with_hint("save the file as UTF-8");
            (text, report)
        }
    }
}

/// What a file holds, by its `kind` and its folder.
fn document(report: &mut Report) -> Option<Document> {
    let root = parse::parse(report)?;
    let digest = root.digest();
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
    let kind = kind_of(report, &mut fields, &parts, stem)?;
    match kind.as_str() {
        "project" => Some(Document::Project(Box::new(project::project(report, fields)))),
        "migration" => {
            let migration = migration::migration(report, &root, fields, stem);
            Some(Document::Migration { product: parts[1].to_owned(), migration: Box::new(migration) })
        }
        "upgrade-path" => {
            let product = product_key(report, &mut fields, stem, Some(stem)).0;
            Some(Document::Path { product, path: Box::new(path::path(report, fields)), place, digest })
        }
        "releases" => {
            let named = fields.place_of("product").map(|span| report.place(span));
            let (product, is_guess) = product_key(report, &mut fields, stem, None);
            let place = named.unwrap_or(place);
            let releases = path::releases(report, fields);
            Some(Document::Releases { product, is_guess, releases, place, digest })
        }
        "platform" => procedure::platform(report, fields, stem).map(|platform| Document::Platform(Box::new(platform))),
        _ => procedure::runbook(report, fields, stem).map(|runbook| Document::Runbook(Box::new(runbook))),
    }
}

/// The `kind:` of a file, as its folder allows it; one that is missing or misspelt is told, and taken from the folder.
fn kind_of(report: &mut Report, fields: &mut Fields<'_>, parts: &[&str], stem: &str) -> Option<String> {
    let by_folder = match parts {
        [_] => Some("project"),
        ["manifests", _, _] => Some("migration"),
        ["upgrade-paths", ..] if stem.ends_with(".releases") => Some("releases"),
        ["upgrade-paths", ..] => Some("upgrade-path"),
        ["templates", "platforms", _] => Some("platform"),
        ["templates", "runbooks", _] => Some("runbook"),
        _ => None,
    };
    let Some(node) = fields.optional("kind") else {
        let hint =
            by_folder.map_or_else(|| "name the kind of the file".to_owned(), |kind| format!("write `kind: {kind}`"));
        fields.lacks(&["kind"], rules::MISSING_KEY, "the key `kind` is missing", Some(&hint));
        return by_folder.map(str::to_owned);
    };
    let Some(kind) = read::text(report, node) else { return by_folder.map(str::to_owned) };
    let is_path = matches!(parts, ["upgrade-paths", ..]) && matches!(kind.as_str(), "upgrade-path" | "releases");
    if is_path || by_folder == Some(kind.as_str()) {
        return Some(kind);
    }
    let is_known = wrong_kind(report, node, &kind);
    by_folder.filter(|_| !is_known).map(str::to_owned)
}

/// The `product:` of a path or of releases, else what the file's name says; and whether that is a guess.
fn product_key(report: &mut Report, fields: &mut Fields<'_>, stem: &str, must_be: Option<&str>) -> (String, bool) {
    let Some(node) = fields.optional("product") else { return (stem.to_owned(), true) };
    let Some(product) = read::name(report, node) else { return (stem.to_owned(), true) };
    if let Some(stem) = must_be.filter(|stem| *stem != product) {
        let message = format!("the product `{product}` differs from the file's stem `{stem}`");
        let hint = format!("rename the file to {product}.yaml, or write `product: {stem}`");
        report.error(rules::NAME_MISMATCH, node.span, message).with_hint(hint);
    }
    (product, false)
}

/// The optional `name` of a file that is named by its stem.
fn check_stem(report: &mut Report, fields: &mut Fields<'_>, stem: &str) {
    if let Some(node) = fields.optional("name") {
        name_like_stem(report, node, stem);
    }
}

/// A name that must be its file's stem.
fn name_like_stem(report: &mut Report, node: &node::Node, stem: &str) -> Option<String> {
    let name = read::name(report, node)?;
    if name != stem {
        let message = format!("the name `{name}` differs from the file's stem `{}`", node::shown(stem));
        let hint = match read::is_name(stem) {
            true => format!("rename the file to {name}.yaml, or write `name: {stem}`"),
            false => format!("rename the file to {name}.yaml"),
        };
        report.error(rules::NAME_MISMATCH, node.span, message).with_hint(hint);
    }
    Some(name)
}

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
        (format!("`{}` is not a format of orchestrate", node::shown(found)), format!("write `format: {FORMAT}`"))
    };
    report.error(rules::FORMAT_VERSION, node.span, message).with_hint(hint);
    false
}

/// Tells that a kind does not belong here, and whether it is one at all.
fn wrong_kind(report: &mut Report, node: &node::Node, kind: &str) -> bool {
    const KINDS: [(&str, &str); 6] = [
        ("project", "orchestrate.yaml"),
        ("migration", "manifests/<product>/<name>.yaml"),
        ("upgrade-path", "upgrade-paths/<product>.yaml"),
        ("releases", "upgrade-paths/<product>.releases.yaml"),
        ("platform", "templates/platforms/<name>.yaml"),
        ("runbook", "templates/runbooks/<name>.yaml"),
    ];
    let known = KINDS.into_iter().find(|(known, _)| *known == kind);
    match known {
        Some((_, path)) => {
            let message = format!("a file of kind `{kind}` does not belong here");
            report.error(rules::FILE_KIND, node.span, message).with_hint(format!("it belongs into {path}"));
        }
        None => {
            let names = KINDS.map(|(known, _)| known);
            let hint = crate::model::nearest(kind, names)
                .map_or_else(|| format!("known kinds: {}", names.join(", ")), |near| format!("did you mean `{near}`?"));
            let message = format!("there is no kind `{}`", node::shown(kind));
            report.error(rules::FILE_KIND, node.span, message).with_hint(hint);
        }
    }
    known.is_some()
}
