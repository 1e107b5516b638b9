//! Readers of versions and ranges, which YAML likes to take for numbers.

use crate::model::{Range, RangeError, Ranged, ServiceVersion, Version, VersionError};

use super::node::{Node, Resolved, shown};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

/// An app's or a chart's version.
pub(super) fn version(report: &mut Report, node: &Node) -> Option<Version> {
    let found = version_text(report, node, |whole| format!("write {whole}"))?;
    match Version::parse(&found) {
        Ok(version) => Some(version),
        Err(VersionError::Partial { text, whole }) => {
            let message = format!("`{text}` is not a whole version");
            report.error(rules::INVALID_VERSION, node.span, message).with_hint(format!("write {whole}"));
            None
        }
        Err(VersionError::Unreadable { text }) => {
            let message = format!("`{}` is not a version", shown(&text));
            let hint = "write three numbers and an optional pre-release, such as 1.33.0 or 2.0.0-rc.1";
            report.error(rules::INVALID_VERSION, node.span, message).with_hint(hint);
            None
        }
    }
}

/// A service's version.
pub(super) fn service_version(report: &mut Report, node: &Node) -> Option<ServiceVersion> {
    let found = version_text(report, node, |whole| format!("write {whole}"))?;
    let version = ServiceVersion::parse(&found).ok();
    if version.is_none() {
        let message = format!("`{}` is not a version", shown(&found));
        let hint = "write up to four numbers and an optional suffix, such as 22.3.6.5";
        report.error(rules::INVALID_VERSION, node.span, message).with_hint(hint);
    }
    version
}

/// The text of a version; a plain number is refused, with what it should have been, made from the whole version.
fn version_text(report: &mut Report, node: &Node, hint: impl Fn(&str) -> String) -> Option<String> {
    let (Some(text), Some(Resolved::Integer | Resolved::Float)) = (node.scalar(), node.resolved()) else {
        return read::text(report, node);
    };
    let hint = match Version::parse(text) {
        Err(VersionError::Partial { whole, .. }) => hint(&whole),
        _ => hint("all three numbers, such as 1.30.0"),
    };
    let number = text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string());
    let message = format!("YAML reads `{text}` as the number {number}, not as a version");
    report.error(rules::UNQUOTED_VERSION, node.span, message).with_hint(hint);
    None
}

/// A range of versions.
pub(super) fn range<V: Ranged>(report: &mut Report, node: &Node) -> Option<Range<V>> {
    let found = version_text(report, node, |whole| format!("write the range in quotes: \">={whole}\""))?;
    let error = match Range::parse(&found) {
        Ok(range) => return Some(range),
        Err(error) => error,
    };
    let written = shown(&found);
    let forms = "comparators are `>=1.20.0`, `<1.24.0`, `=1.2.3`, `^1.2.0`, `~1.2.0`, and commas separate them";
    let (message, hint) = match &error {
        RangeError::Comparator(_) if found.trim().is_empty() => {
            ("the range is empty".to_owned(), "write \"*\" for any version, or delete the entry".to_owned())
        }
        RangeError::Comparator(part) if *part == found => {
            (format!("`{written}` is not a range of versions"), forms.to_owned())
        }
        RangeError::Comparator(part) => {
            let message = format!("`{}` in `{written}` is not a comparator of versions", shown(part));
            (message, forms.to_owned())
        }
        RangeError::Alternatives => {
            let hint = "write one range that holds all of them, or an entry for each".to_owned();
            (format!("`{written}` has alternatives, which a range cannot have"), hint)
        }
        RangeError::NoComma => {
            let message = format!("`{written}` has no comma between its comparators");
            (message, format!("write \"{}\"", shown(&with_commas(&found))))
        }
        RangeError::Empty(_) => {
            let hint = "all comparators must hold at once; is one of them turned round?".to_owned();
            (format!("no version is inside `{written}`"), hint)
        }
    };
    report.error(rules::INVALID_RANGE, node.span, message).with_hint(hint);
    None
}

/// The range with a comma before each comparator but the first.
fn with_commas(range: &str) -> String {
    let mut commas = String::new();
    for word in range.split_whitespace() {
        let is_bare_operator = commas.ends_with(['<', '>', '=', '^', '~']);
        match commas.chars().last() {
            None => {}
            Some(_) if is_bare_operator => {}
            Some(',') => commas.push(' '),
            Some(_) if word.starts_with(['<', '>', '=', '^', '~']) => commas.push_str(", "),
            Some(_) => commas.push(' '),
        }
        commas.push_str(word);
    }
    commas
}
