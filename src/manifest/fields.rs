//! The keys of a mapping: each is taken once, and what is left over was not meant to be there.

use std::collections::BTreeMap;

use crate::model::nearest;

use super::node::{Node, Span, Value};
use super::report::{Report, WithHint};
use super::rules;

/// A mapping whose keys are being taken.
pub(super) struct Fields<'a> {
    entries: Vec<(&'a str, &'a Node, &'a Node)>,
    known: Vec<&'static str>,
    pub span: Span,
}

impl<'a> Fields<'a> {
    /// The keys of a mapping; anything else is a finding.
    pub fn of(report: &mut Report, node: &'a Node) -> Option<Fields<'a>> {
        let Value::Mapping(entries) = &node.value else {
            report.wrong_type(node, "a mapping");
            return None;
        };
        let entries = entries.iter().filter_map(|(key, value)| Some((key.scalar()?, key, value))).collect();
        Some(Fields { entries, known: Vec::new(), span: node.span })
    }

    /// The value of a key that may be missing; one without a value counts as missing.
    pub fn optional(&mut self, key: &'static str) -> Option<&'a Node> {
        self.nullable(key).filter(|node| !node.is_null())
    }

    /// The value of a key whose `null` means something.
    pub fn nullable(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let index = self.entries.iter().position(|(name, _, _)| *name == key)?;
        Some(self.entries.remove(index).2)
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, report: &mut Report, key: &'static str) -> Option<&'a Node> {
        let found = self.optional(key);
        if found.is_none() {
            report.error(rules::MISSING_KEY, self.head(), format!("the key `{key}` is missing"));
        }
        found
    }

    /// Whether a key is there, without taking it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _, value)| *name == key && !value.is_null())
    }

    /// Reports every key that nobody took.
    pub fn finish(self, report: &mut Report) {
        for (name, key, _) in &self.entries {
            if self.known.contains(name) {
                continue; // the second one of a duplicate, which has its own finding
            }
            let hint = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", self.known.join(", ")),
            };
            report.error(rules::UNKNOWN_KEY, key.span, format!("there is no key `{name}` here")).with_hint(hint);
        }
    }

    /// The first line of the mapping, as the place of what is missing in it.
    pub fn head(&self) -> Span {
        Span { end: self.span.start, ..self.span }
    }
}

/// A mapping with free keys.
pub(super) fn map<T>(
    report: &mut Report,
    node: &Node,
    mut read: impl FnMut(&mut Report, &Node) -> Option<T>,
) -> BTreeMap<String, T> {
    let Value::Mapping(entries) = &node.value else {
        report.wrong_type(node, "a mapping");
        return BTreeMap::new();
    };
    let pairs = entries.iter().filter_map(|(key, value)| Some((key.scalar()?.to_owned(), read(report, value)?)));
    pairs.collect()
}
