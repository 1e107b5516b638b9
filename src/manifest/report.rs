//! Collects the findings of one file; reading goes on after each.

use std::sync::Arc;

use crate::model::{Finding, Place, Severity};

use super::node::{Node, Span, Style, Value};
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
        let message = format!("expected {wanted}, found {}", node.described());
        self.error(rules::WRONG_TYPE, node.span, message).hint = type_hint(node, wanted);
    }
}

/// What to write instead, where it can be told from what is wanted and what was found.
fn type_hint(node: &Node, wanted: &str) -> Option<String> {
    let hint = match (&node.value, wanted) {
        (Value::Scalar { text, style: Style::Plain }, "a mapping")
            if text.split_once(':').is_some_and(|(key, _)| !key.contains(' ')) =>
        {
            "a blank is missing after `:`"
        }
        (Value::Scalar { .. }, "a mapping") => "write its keys below it, each as `key: value`",
        (Value::Sequence(_), "a mapping") => "remove the `- `; one set of keys is meant here, not a list of them",
        (Value::Scalar { text, .. }, "a list") if !text.is_empty() && text.len() < 40 && !text.contains('\n') => {
            return Some(format!("write it as a list: [{text}]"));
        }
        (Value::Scalar { .. } | Value::Mapping(_), "a list") => "begin each entry with `- `",
        (Value::Scalar { text, style: Style::Quoted }, "`true` or `false`") if text == "true" || text == "false" => {
            return Some(format!("write {text} without quotes"));
        }
        (_, "`true` or `false`") => "write true or false",
        (Value::Scalar { text, style: Style::Quoted }, "a whole number")
            if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() =>
        {
            return Some(format!("write {text} without quotes"));
        }
        (Value::Sequence(_) | Value::Mapping(_), "a text") => {
            "write one text; one that begins with a bracket or a brace needs quotes"
        }
        (Value::Scalar { .. }, "a text") => "write a text, or delete the entry",
        _ => return None,
    };
    Some(hint.to_owned())
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
