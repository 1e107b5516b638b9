//! What is wrong with a file: one typed finding for the loader and for the rules of [`crate::check`].

use super::Place;

/// How much a finding matters: errors fail `lint`, warnings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The files cannot be used, or an upgrade would fail.
    Error,
    /// It works, but a person should look.
    Warning,
}

impl Severity {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One problem at one place, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, as `lint --explain` knows it.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Where.
    pub place: Place,
    /// What is wrong, a lowercase fragment.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Other places that belong to it, each with its role.
    pub related: Vec<(Place, String)>,
}

impl Finding {
    /// A finding without hint or related places.
    pub fn new(rule: &'static str, severity: Severity, place: Place, message: impl Into<String>) -> Finding {
        Finding { rule, severity, place, message: message.into(), hint: None, related: Vec::new() }
    }

    /// What findings are sorted by: the place, then the rule and the message.
    pub fn key(&self) -> (&Place, &str, &str) {
        (&self.place, self.rule, &self.message)
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    /// The same with one more place.
    #[must_use]
    pub fn related(mut self, place: Place, role: impl Into<String>) -> Finding {
        self.related.push((place, role.into()));
        self
    }
}
