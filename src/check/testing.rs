//! What the tests of the rules share: a catalog from a few lines of YAML, and a rule's findings as lines of text.

use std::sync::Arc;

use crate::manifest::{SourceFile, load};
use crate::model::{Catalog, Finding, Severity};

/// The catalog of these files.
pub(super) fn catalog(files: &[(&str, &str)]) -> Catalog {
    let file = |(path, text): &(&str, &str)| SourceFile { path: Arc::from(*path), bytes: text.as_bytes().to_vec() };
    load(files.iter().map(file).collect()).0.expect("the files of the test load")
}

/// The catalog of a migration, given from `operations:` or any key before it on.
pub(super) fn migration(body: &str) -> Catalog {
    let text = format!("format: orchestrate/v1\nkind: migration\nname: m\n{body}");
    catalog(&[("manifests/p/m.yaml", &text)])
}

/// A rule's findings, each as `line: severity: message (hint)`.
pub(super) fn found(check: fn(&Catalog, &mut Vec<Finding>), catalog: &Catalog) -> Vec<String> {
    let mut findings = Vec::new();
    check(catalog, &mut findings);
    let line = |finding: Finding| {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        let hint = finding.hint.unwrap_or_default();
        format!("{}: {severity}: {} ({hint})", finding.place.line, finding.message)
    };
    findings.into_iter().map(line).collect()
}
