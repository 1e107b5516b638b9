//! YAML files → a [`Catalog`], or every finding of every file at once, each with its place.
//!
//! `parse` makes a tree with places, `document` finds out what a file holds, the files beside it read one kind of thing
//! each, `link` joins them and checks what leads from one file to another. Reading goes on after a finding, so that one
//! report names everything.
#![deny(clippy::disallowed_methods)]

mod action;
mod batches;
mod document;
mod fields;
mod kind;
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
mod throttle;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Catalog, Finding, Migration, Platform, Runbook, Severity};

use document::Document;

pub use document::BYTES_MAX;
pub use kind::Kind;
pub use schema::schema;

/// The format that every file names.
pub const FORMAT: &str = "orchestrate/v1";

/// A file as it was found.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path relative to the project, with forward slashes.
    pub path: Arc<str>,
    /// Its bytes, whatever they are.
    pub bytes: Vec<u8>,
}

/// What loading gives besides the catalog: the texts, for showing lines.
pub type Sources = BTreeMap<Arc<str>, Arc<str>>;

/// Every finding of every file, sorted by place.
#[derive(Debug)]
pub struct Broken(pub Vec<Finding>);

/// Reads all files into one catalog. The order of the files does not matter.
pub fn load(mut files: Vec<SourceFile>) -> (Result<Catalog, Broken>, Sources) {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut sources = Sources::new();
    let mut findings = Vec::new();
    let mut documents = Vec::new();
    let mut holes = references::Holes::default();
    for file in files {
        let (text, mut report) = document::decode(file);
        sources.insert(Arc::clone(&report.file), text);
        let document = if report.findings.is_empty() { document::document(&mut report) } else { None };
        holes.note(&report, document.is_none());
        documents.extend(document);
        findings.append(&mut report.findings);
    }
    let (catalog, mut unlinked) = link::link(documents, &holes);
    findings.append(&mut unlinked);
    findings.sort_by(|a, b| a.key().cmp(&b.key()));
    findings.dedup(); // what stands behind an alias is read once more
    let broken = findings.iter().any(|finding| finding.severity == Severity::Error);
    (if broken { Err(Broken(findings)) } else { Ok(catalog) }, sources)
}

/// Reads one migration by itself, such as the document that a run started with. References to others are not followed.
pub fn load_migration(file: SourceFile) -> Result<Migration, Broken> {
    one(file, |document| if let Document::Migration { migration, .. } = document { Some(*migration) } else { None })
}

/// The same for a platform.
pub fn load_platform(file: SourceFile) -> Result<Platform, Broken> {
    one(file, |document| if let Document::Platform(platform) = document { Some(*platform) } else { None })
}

/// The same for a runbook.
pub fn load_runbook(file: SourceFile) -> Result<Runbook, Broken> {
    one(file, |document| if let Document::Runbook(runbook) = document { Some(*runbook) } else { None })
}

fn one<T>(file: SourceFile, of: impl FnOnce(Document) -> Option<T>) -> Result<T, Broken> {
    let (_, mut report) = document::decode(file);
    let document = if report.findings.is_empty() { document::document(&mut report) } else { None };
    let is_broken = report.findings.iter().any(|finding| finding.severity == Severity::Error);
    document.filter(|_| !is_broken).and_then(of).ok_or(Broken(report.findings))
}
