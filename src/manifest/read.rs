//! Typed readers: a node becomes a value, or a finding with a hint and nothing.

use std::time::Duration;

use jiff::civil::Date;

use crate::model::{
    Expectation, ExpectationError, Range, RangeError, Ranged, ServiceVersion, Template, Version, VersionError,
    parse_duration,
};
use crate::template::{Names, check};

use super::node::{Node, Resolved, Style, Value};
use super::report::{Report, WithHint};
use super::rules;

/// A text: quoted, a block, or plain and not to be taken for anything else.
pub(super) fn text(report: &mut Report, node: &Node) -> Option<String> {
    let found = match (node.scalar(), node.resolved()) {
        (Some(text), Some(Resolved::Text)) => return Some(text.to_owned()),
        (Some(text), Some(_)) => text,
        _ => {
            report.wrong_type(node, "a text");
            return None;
        }
    };
    match node.resolved() {
        Some(Resolved::Null) => report.wrong_type(node, "a text"),
        Some(Resolved::OldBoolean) => old_boolean(report, node, found),
        _ => {
            let message = format!("expected a text, found {} `{found}`", node.kind());
            report.error(rules::WRONG_TYPE, node.span, message).with_hint(format!("write \"{found}\" in quotes"));
        }
    }
    None
}

fn old_boolean(report: &mut Report, node: &Node, found: &str) {
    let yes = matches!(found.to_ascii_lowercase().as_str(), "y" | "yes" | "on");
    let message = format!("`{found}` is a boolean for some readers of YAML and a text for others");
    let hint = format!("write `{yes}` if a boolean is meant, \"{found}\" in quotes if a text is");
    report.error(rules::YAML_BOOLEAN, node.span, message).with_hint(hint);
}

/// A text in which a whole number may stand without quotes: arguments, variables, settings.
pub(super) fn word(report: &mut Report, node: &Node) -> Option<String> {
    match (node.scalar(), node.resolved()) {
        (Some(text), Some(Resolved::Integer)) => Some(text.to_owned()),
        _ => self::text(report, node),
    }
}

/// Any scalar as it is written.
pub(super) fn scalar(report: &mut Report, node: &Node) -> Option<String> {
    match (node.scalar(), node.resolved()) {
        (Some(text), Some(Resolved::Integer | Resolved::Float | Resolved::Boolean(_))) => Some(text.to_owned()),
        _ => self::text(report, node),
    }
}

/// A text with templates, which are checked here.
pub(super) fn template(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Template> {
    let text = text(report, node)?;
    Some(checked_template(report, node, text, names))
}

/// The same where a whole number may stand without quotes.
pub(super) fn template_word(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Template> {
    let text = word(report, node)?;
    Some(checked_template(report, node, text, names))
}

fn checked_template(report: &mut Report, node: &Node, text: String, names: Names<'_>) -> Template {
    for problem in check(&text, names) {
        let rule = if problem.is_syntax { rules::TEMPLATE_SYNTAX } else { rules::TEMPLATE_UNDEFINED };
        let span = locate(report, node, &text, problem.range);
        report.error(rule, span, problem.message).hint = problem.hint;
    }
    Template { text, place: report.place(node.span) }
}

/// Where a stretch of a scalar's value stands in the file: its line is looked for among the scalar's source lines.
///
/// Exact for plain, quoted and literal scalars; where escapes or folding changed the line, it is the scalar itself.
fn locate(report: &Report, node: &Node, text: &str, range: std::ops::Range<usize>) -> super::node::Span {
    let whole = node.span;
    let (Some(source), Some(before)) = (report.text.get(whole.start as usize..), text.get(..range.start)) else {
        return whole;
    };
    let source = &source[..(whole.end.saturating_sub(whole.start) as usize).min(source.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let repeats = text[..line_start].lines().filter(|other| *other == line).count();
    let Some((found, _)) = source.match_indices(line).nth(repeats).filter(|_| !line.is_empty()) else {
        return whole;
    };
    let offset = found + (range.start - line_start);
    let above = &source[..offset];
    let lines_down = above.matches('\n').count();
    let column = match above.rfind('\n') {
        Some(newline) => above[newline + 1..].chars().count() + 1,
        None => above.chars().count() + whole.column as usize,
    };
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let start = whole.start + narrow(offset);
    let length = narrow(range.len()).min(narrow(line.len().saturating_sub(range.start - line_start)));
    super::node::Span { line: whole.line + narrow(lines_down), column: narrow(column), start, end: start + length }
}

/// `true` or `false`.
pub(super) fn boolean(report: &mut Report, node: &Node) -> Option<bool> {
    match (node.scalar(), node.resolved()) {
        (_, Some(Resolved::Boolean(value))) => Some(value),
        (Some(text), Some(Resolved::OldBoolean)) => {
            let yes = matches!(text.to_ascii_lowercase().as_str(), "y" | "yes" | "on");
            let message = format!("`{text}` is not a boolean");
            report.error(rules::YAML_BOOLEAN, node.span, message).with_hint(format!("write `{yes}`"));
            None
        }
        _ => {
            report.wrong_type(node, "`true` or `false`");
            None
        }
    }
}

/// A whole number within bounds.
pub(super) fn integer(report: &mut Report, node: &Node, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
    let (Some(text), Some(Resolved::Integer)) = (node.scalar(), node.resolved()) else {
        report.wrong_type(node, "a whole number");
        return None;
    };
    match text.parse::<u64>() {
        Ok(number) if bounds.contains(&number) => Some(number),
        _ => {
            let message = format!("`{text}` is not from {} to {}", bounds.start(), bounds.end());
            report.error(rules::INVALID_VALUE, node.span, message);
            None
        }
    }
}

/// An app's or a chart's version.
pub(super) fn version(report: &mut Report, node: &Node) -> Option<Version> {
    let found = version_text(report, node, Version::parse)?;
    match Version::parse(&found) {
        Ok(version) => Some(version),
        Err(VersionError::Partial { text, whole }) => {
            let message = format!("`{text}` is not a whole version");
            report.error(rules::INVALID_VERSION, node.span, message).with_hint(format!("write {whole}"));
            None
        }
        Err(VersionError::Unreadable { text }) => {
            let message = format!("`{text}` is not a version");
            let hint = "three numbers and an optional pre-release, such as 1.33.0";
            report.error(rules::INVALID_VERSION, node.span, message).with_hint(hint);
            None
        }
    }
}

/// A service's version.
pub(super) fn service_version(report: &mut Report, node: &Node) -> Option<ServiceVersion> {
    let found = version_text(report, node, Version::parse)?;
    ServiceVersion::parse(&found).map_or_else(
        |error| {
            let hint = "up to four numbers and an optional suffix, such as 22.3.6.5";
            report.error(rules::INVALID_VERSION, node.span, error.to_string()).with_hint(hint);
            None
        },
        Some,
    )
}

/// The text of a version; a plain number is refused, with what it should have been.
fn version_text(
    report: &mut Report,
    node: &Node,
    parse: impl Fn(&str) -> Result<Version, VersionError>,
) -> Option<String> {
    let (Some(text), Some(Resolved::Integer | Resolved::Float)) = (node.scalar(), node.resolved()) else {
        return self::text(report, node);
    };
    let hint = match parse(text) {
        Err(VersionError::Partial { whole, .. }) => format!("write {whole}"),
        _ => "write all three numbers, such as 1.30.0".to_owned(),
    };
    let number = text.parse::<f64>().map_or_else(|_| text.to_owned(), |number| number.to_string());
    let message = format!("YAML reads `{text}` as the number {number}, not as a version");
    report.error(rules::UNQUOTED_VERSION, node.span, message).with_hint(hint);
    None
}

/// A range of versions.
pub(super) fn range<V: Ranged>(report: &mut Report, node: &Node) -> Option<Range<V>> {
    let found = version_text(report, node, Version::parse)?;
    match Range::parse(&found) {
        Ok(range) => Some(range),
        Err(error) => {
            let hint = match &error {
                RangeError::Comparator(_) => "comparators are `>=1.20.0`, `<1.24.0`, `=1.2.3`, `^1.2.0`, `~1.2.0`",
                RangeError::Alternatives => "write one range that holds all of them, or an entry for each",
                RangeError::NoComma => "write `>=1.20.0, <1.24.0`",
                RangeError::Empty(_) => "all comparators must hold at once; is one of them turned round?",
            };
            let message = format!("`{found}` is not a range: {error}");
            report.error(rules::INVALID_RANGE, node.span, message).with_hint(hint);
            None
        }
    }
}

/// A duration.
pub(super) fn duration(report: &mut Report, node: &Node) -> Option<Duration> {
    let found = scalar(report, node)?;
    parse_duration(&found).map_or_else(
        |error| {
            let hint = match node.resolved() {
                Some(Resolved::Integer | Resolved::Float) => format!("add the unit: {found}s, {found}m or {found}h"),
                _ => "write a number with a unit, such as 20s, 30m, 48h (days: 48h)".to_owned(),
            };
            report.error(rules::INVALID_DURATION, node.span, error.to_string()).with_hint(hint);
            None
        },
        Some,
    )
}

/// What a probe expects.
pub(super) fn expectation(report: &mut Report, node: &Node) -> Option<Expectation> {
    let hint = match (&node.value, node.resolved()) {
        (_, Some(Resolved::Boolean(true))) => return Some(Expectation::True),
        (_, Some(Resolved::Boolean(false))) => return Some(Expectation::False),
        (Value::Scalar { text, .. }, Some(Resolved::Integer | Resolved::Float)) => format!("write \"= {text}\""),
        (Value::Scalar { style: Style::Block, .. }, _) => "write it on one line".to_owned(),
        _ => "write true, false, or a comparison in quotes such as \">= 1.5\" or \"= done\"".to_owned(),
    };
    let found = scalar(report, node)?;
    let result = match node.resolved() {
        Some(Resolved::Integer | Resolved::Float) => Err(ExpectationError::NoOperator(found)),
        _ => Expectation::parse(&found),
    };
    result.map_or_else(
        |error| {
            report.error(rules::INVALID_EXPECTATION, node.span, error.to_string()).with_hint(hint);
            None
        },
        Some,
    )
}

/// A day.
pub(super) fn date(report: &mut Report, node: &Node) -> Option<Date> {
    let found = scalar(report, node)?;
    found.parse().map_or_else(
        |_| {
            let message = format!("`{found}` is not a date");
            report.error(rules::INVALID_VALUE, node.span, message).with_hint("write it as 2022-02-28");
            None
        },
        Some,
    )
}

/// A name of an operation, a platform, a product.
pub(super) fn name(report: &mut Report, node: &Node) -> Option<String> {
    let found = text(report, node)?;
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let first = found.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && found.len() <= 100 && found.chars().all(inside) {
        return Some(found);
    }
    let message = format!("`{found}` is not a name");
    let hint = "lower-case letters, digits, `_` and `-`, at most 100, beginning with a letter or a digit";
    report.error(rules::INVALID_NAME, node.span, message).with_hint(hint);
    None
}

/// The items of a list.
pub(super) fn items<'a>(report: &mut Report, node: &'a Node) -> &'a [Node] {
    match &node.value {
        Value::Sequence(items) => items,
        Value::Scalar { .. } | Value::Mapping(_) => {
            report.wrong_type(node, "a list");
            &[]
        }
    }
}

/// All items of a list that can be read.
pub(super) fn list<T>(
    report: &mut Report,
    node: &Node,
    mut read: impl FnMut(&mut Report, &Node) -> Option<T>,
) -> Vec<T> {
    items(report, node).iter().filter_map(|item| read(report, item)).collect()
}

/// One text, or a list of them.
pub(super) fn one_or_more(report: &mut Report, node: &Node) -> Vec<String> {
    match &node.value {
        Value::Sequence(_) => list(report, node, text),
        Value::Scalar { .. } | Value::Mapping(_) => text(report, node).into_iter().collect(),
    }
}
