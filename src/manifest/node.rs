//! A YAML document as a tree with places, before anything is known about its meaning.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// Where a node stands in its file; lines and columns from 1, `start..end` in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub line: u32,
    pub column: u32,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The beginning of a file.
    pub const START: Span = Span { line: 1, column: 1, start: 0, end: 0 };

    /// A range of a file's bytes; it counts lines from the file's beginning.
    pub fn within(text: &str, range: Range<usize>) -> Span {
        let above = text.get(..range.start).unwrap_or(text);
        let line_start = above.rfind('\n').map_or(0, |newline| newline + 1);
        Span {
            line: narrow(above.matches('\n').count() + 1),
            column: narrow(above[line_start..].chars().count() + 1),
            start: narrow(range.start),
            end: narrow(range.end),
        }
    }
}

/// Files are at most 16 MiB, so offsets fit.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How a scalar was written: only a plain one can be taken for a number, a boolean or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    Block,
}

/// A node with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Value,
    pub span: Span,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar { text: String, style: Style },
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// How much a node is: itself and all below it, the bytes of its texts, and the levels of its collections.
pub(super) struct Size {
    pub nodes: usize,
    pub bytes: usize,
    pub depth: usize,
}

/// What YAML's core schema makes of a plain scalar, and what YAML 1.1 would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    Null,
    Boolean(bool),
    Integer,
    Float,
    /// `yes`, `no`, `on`, `off`, `y`, `n`: booleans for YAML 1.1, texts for YAML 1.2.
    OldBoolean,
    Text,
}

impl Node {
    /// The text of a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// What a scalar is; collections resolve to nothing.
    pub fn resolved(&self) -> Option<Resolved> {
        match &self.value {
            Value::Scalar { text, style: Style::Plain } => Some(resolve(text)),
            Value::Scalar { .. } => Some(Resolved::Text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.resolved() == Some(Resolved::Null)
    }

    /// What it is, with what was written, for messages.
    pub fn described(&self) -> String {
        let what = match self.resolved() {
            None | Some(Resolved::Null) => return self.kind().to_owned(),
            Some(Resolved::Boolean(_) | Resolved::OldBoolean) => "the boolean",
            Some(Resolved::Integer | Resolved::Float) => "the number",
            Some(Resolved::Text) => "the text",
        };
        format!("{what} `{}`", shown(self.scalar().unwrap_or_default()))
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match (&self.value, self.resolved()) {
            (Value::Sequence(_), _) => "a list",
            (Value::Mapping(_), _) => "a mapping",
            (_, Some(Resolved::Null)) => "nothing",
            (_, Some(Resolved::Boolean(_) | Resolved::OldBoolean)) => "a boolean",
            (_, Some(Resolved::Integer | Resolved::Float)) => "a number",
            (_, Some(Resolved::Text) | None) => "a text",
        }
    }

    /// How much it is, with all below it; bounded, since the tree itself is.
    pub fn size(&self) -> Size {
        let mut size = Size { nodes: 1, bytes: 0, depth: 0 };
        let below: Vec<&Node> = match &self.value {
            Value::Scalar { text, .. } => {
                size.bytes = text.len();
                return size;
            }
            Value::Sequence(items) => items.iter().collect(),
            Value::Mapping(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
        };
        size.depth = 1;
        for node in below {
            let part = node.size();
            size.nodes += part.nodes;
            size.bytes += part.bytes;
            size.depth = size.depth.max(part.depth + 1);
        }
        size
    }

    /// SHA-256 over the content, whatever its layout, its comments and the order of keys.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        self.hash_into(&mut hasher);
        hasher.finalize().into()
    }

    /// The same without some keys of a mapping.
    pub fn digest_without(&self, keys: &[&str]) -> [u8; 32] {
        let Value::Mapping(entries) = &self.value else { return self.digest() };
        let kept = entries.iter().filter(|(key, _)| !key.scalar().is_some_and(|key| keys.contains(&key)));
        Node { value: Value::Mapping(kept.cloned().collect()), span: self.span }.digest()
    }

    /// The value of a key of a mapping.
    pub fn value_of(&self, key: &str) -> Option<&Node> {
        let Value::Mapping(entries) = &self.value else { return None };
        entries.iter().find(|(found, _)| found.scalar() == Some(key)).map(|(_, value)| value)
    }

    fn hash_into(&self, hasher: &mut Sha256) {
        let mut part = |tag: u8, length: usize| {
            hasher.update([tag]);
            hasher.update(u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes());
        };
        match &self.value {
            Value::Scalar { text, .. } => {
                part(b'=', text.len());
                hasher.update(text.as_bytes());
            }
            Value::Sequence(items) => {
                part(b'-', items.len());
                items.iter().for_each(|item| item.hash_into(hasher));
            }
            Value::Mapping(entries) => {
                part(b':', entries.len());
                let mut sorted: Vec<&(Node, Node)> = entries.iter().collect();
                sorted.sort_by_key(|(key, _)| key.scalar());
                for (key, value) in sorted {
                    key.hash_into(hasher);
                    value.hash_into(hasher);
                }
            }
        }
    }
}

/// A text for a message: its first line, cut off where it is long, and nothing that a terminal would obey.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    let (line, is_cut) = match line.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => (&line[..end], true),
        None => (line, line.len() < text.trim_end().len()),
    };
    let visible = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    line.chars().map(visible).chain(is_cut.then(|| "…".to_owned())).collect()
}

/// One digest over several, in the order they are given.
pub(super) fn digest_of_all(digests: &[[u8; 32]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    digests.iter().for_each(|digest| hasher.update(digest));
    hasher.finalize().into()
}

/// YAML 1.2 core schema (chapter 10.3), plus the words that YAML 1.1 takes for booleans.
fn resolve(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Boolean(true),
        "false" | "False" | "FALSE" => return Resolved::Boolean(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "n" | "N" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off"
        | "OFF" => return Resolved::OldBoolean,
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some(first) = digits.bytes().next() else { return Resolved::Text };
    if !first.is_ascii_digit() && first != b'.' {
        return Resolved::Text;
    }
    let radix = |prefix, radix| {
        text.strip_prefix(prefix)
            .is_some_and(|rest: &str| !rest.is_empty() && rest.chars().all(|digit: char| digit.is_digit(radix)))
    };
    if digits.bytes().all(|byte| byte.is_ascii_digit()) || radix("0x", 16) || radix("0o", 8) {
        return Resolved::Integer;
    }
    let special = matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    let floating = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && text.parse::<f64>().is_ok();
    if special || floating { Resolved::Float } else { Resolved::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_resolve_as_the_core_schema_says() {
        for (text, expected) in [
            ("1.30", Resolved::Float),
            ("1", Resolved::Integer),
            ("12e4", Resolved::Float),
            ("0x1F", Resolved::Integer),
            ("1.33.0", Resolved::Text),
            ("2022-02-28", Resolved::Text),
            ("no", Resolved::OldBoolean),
            ("true", Resolved::Boolean(true)),
            ("", Resolved::Null),
            (".5", Resolved::Float),
            ("-", Resolved::Text),
            ("e4", Resolved::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
    }
}
