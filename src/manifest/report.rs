//! Collects the findings of one file; reading goes on after each.

use std::sync::Arc;

use crate::model::{Finding, Place, Severity};

use super::node::{Node, Span};
use super::rules;

/// The findings of one file so far.
pub(super) struct Report {
    pub file: Arc<str>,
    pub text: Arc<str>,
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn new(file: Arc<str>, text: Arc<str>) -> Report {
        Report { file, text, findings: Vec::new() }
    }

    pub fn place(&self, span: Span) -> Place {
        let Span { line, column, start, end } = span;
        Place { file: Arc::clone(&self.file), line, column, start, end }
    }

    /// Notes an error; the caller may add a hint to what is returned.
    pub fn error(&mut self, rule: &'static str, span: Span, message: impl Into<String>) -> &mut Finding {
        let finding = Finding::new(rule, Severity::Error, self.place(span), message);
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Notes that a value is not what its key needs.
    pub fn wrong_type(&mut self, node: &Node, wanted: &str) {
        self.error(rules::WRONG_TYPE, node.span, format!("expected {wanted}, found {}", node.kind()));
    }
}

/// Adds a hint to a finding that was just noted.
pub(super) trait WithHint {
    fn with_hint(self, hint: impl Into<String>);
}

impl WithHint for &mut Finding {
    fn with_hint(self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}
