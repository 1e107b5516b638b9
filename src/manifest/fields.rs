//! The keys of a mapping: each is taken once, and what is left over was not meant to be there.
//!
//! What is missing is told at the end, when the leftovers are known: a misspelt key is one mistake and not two.

use std::collections::BTreeMap;

use crate::model::nearest;

use super::node::{Node, Resolved, Span, Value, shown};
use super::report::{Report, WithHint};
use super::rules;

/// A mapping whose keys are being taken.
pub(super) struct Fields<'a> {
    entries: Vec<(&'a str, &'a Node, &'a Node)>,
    known: Vec<&'static str>,
    empty: Vec<(&'static str, Span)>,
    lacking: Vec<Lack>,
    head: Span,
    pub span: Span,
}

/// Something that must be there and is not, unless a leftover is its misspelling.
struct Lack {
    keys: Vec<&'static str>,
    rule: &'static str,
    message: String,
    hint: Option<String>,
}

impl<'a> Fields<'a> {
    /// The keys of a mapping; anything else is a finding.
    pub fn of(report: &mut Report, node: &'a Node) -> Option<Fields<'a>> {
        let Value::Mapping(entries) = &node.value else {
            report.wrong_type(node, "a mapping");
            return None;
        };
        let span = node.span;
        let in_block = entries.first().map(|(key, _)| key.span).filter(|key| key.start == span.start);
        let head = in_block.unwrap_or(Span { end: span.start + 1, ..span });
        let entries = entries.iter().filter_map(|(key, value)| Some((key.scalar()?, key, value))).collect();
        Some(Fields { entries, known: Vec::new(), empty: Vec::new(), lacking: Vec::new(), head, span })
    }

    /// The value of a key that may be missing; one without a value is noted.
    pub fn optional(&mut self, key: &'static str) -> Option<&'a Node> {
        let (place, value) = self.take(key)?;
        if value.is_null() {
            self.empty.push((key, place.span));
            return None;
        }
        Some(value)
    }

    /// The value of a key whose `null` means something.
    pub fn nullable(&mut self, key: &'static str) -> Option<&'a Node> {
        self.take(key).map(|(_, value)| value)
    }

    fn take(&mut self, key: &'static str) -> Option<(&'a Node, &'a Node)> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let index = self.entries.iter().position(|(name, _, _)| *name == key)?;
        let (_, place, value) = self.entries.remove(index);
        Some((place, value))
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, key: &'static str) -> Option<&'a Node> {
        let found = self.optional(key);
        if found.is_none() {
            let hint = format!("add `{key}: …`");
            self.lacks(&[key], rules::MISSING_KEY, format!("the key `{key}` is missing"), Some(&hint));
        }
        found
    }

    /// Notes that none of these keys is there; told unless a leftover key was meant to be one of them.
    pub fn lacks(&mut self, keys: &[&'static str], rule: &'static str, message: impl Into<String>, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.lacking.push(Lack { keys: keys.to_vec(), rule, message: message.into(), hint });
    }

    /// Whether a key is there, without taking it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _, _)| *name == key)
    }

    /// Where a key stands, if it is there and not taken yet.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.entries.iter().find(|(name, _, _)| *name == key).map(|(_, place, _)| place.span)
    }

    /// The value of a key, if it is there and not taken yet.
    pub fn value_of(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(name, _, _)| *name == key).map(|(_, _, value)| *value)
    }

    /// Where the value of a key stands, if it is there and not taken yet.
    pub fn place_of(&self, key: &str) -> Option<Span> {
        self.value_of(key).map(|value| value.span)
    }

    /// Reports every key that nobody took, that has no value, and that is missing.
    pub fn finish(self, report: &mut Report) {
        let mut excused: Vec<&str> = self.empty.iter().map(|(key, _)| *key).collect();
        for (key, span) in &self.empty {
            let finding = report.error(rules::MISSING_KEY, *span, format!("the key `{key}` has no value"));
            finding.with_hint("write a value, or delete the key");
        }
        for (name, key, _) in &self.entries {
            if self.known.contains(name) || key.resolved() != Some(Resolved::Text) {
                continue; // the second one of a duplicate, or no text: each has its own finding
            }
            let near = nearest(name, self.known.iter().copied());
            excused.extend(near);
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", self.known.join(", ")),
            };
            let message = format!("there is no key `{}` here", shown(name));
            report.error(rules::UNKNOWN_KEY, key.span, message).with_hint(hint);
        }
        for lack in self.lacking {
            if !lack.keys.iter().any(|key| excused.contains(key)) {
                report.error(lack.rule, self.head, lack.message).hint = lack.hint;
            }
        }
    }

    /// The first key of the mapping, as the place of what concerns the whole of it.
    pub fn head(&self) -> Span {
        self.head
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
    let mut values = BTreeMap::new();
    for (key, value) in entries {
        let Some(name) = key.scalar() else { continue };
        if value.is_null() {
            let finding = report.error(rules::MISSING_KEY, key.span, format!("the key `{}` has no value", shown(name)));
            finding.with_hint("write a value, or delete the key");
        } else if let Some(value) = read(report, value) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}
