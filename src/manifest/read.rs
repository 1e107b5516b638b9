//! Typed readers: a node becomes a value, or a finding with a hint and nothing.

use std::time::Duration;

use jiff::civil::Date;

use crate::model::{DurationError, Expectation, ExpectationError, Template, parse_duration};
use crate::template::{Names, check};

use super::locate::locate;
use super::node::{Node, Resolved, Value, shown};
use super::report::{Report, WithHint};
use super::rules;

pub(super) use super::versions::{range, service_version, version};

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
            let message = format!("expected a text, found {}", node.described());
            report.error(rules::WRONG_TYPE, node.span, message).with_hint(format!("write it in quotes: \"{found}\""));
        }
    }
    None
}

/// Notes a word that only some readers take for a boolean.
pub(super) fn old_boolean(report: &mut Report, node: &Node, found: &str) {
    let message = format!("`{found}` is a boolean for some readers of YAML and a text for others");
    let hint = format!("write {} if a boolean is meant, \"{found}\" in quotes if a text is", is_yes(found));
    report.error(rules::YAML_BOOLEAN, node.span, message).with_hint(hint);
}

/// What a word such as `yes` or `off` means where it is a boolean.
fn is_yes(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "y" | "yes" | "on")
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
    check_template(report, node, &text, names);
    Template { text, place: report.place(node.span) }
}

fn check_template(report: &mut Report, node: &Node, text: &str, names: Names<'_>) {
    let Value::Scalar { style, .. } = &node.value else { return };
    for problem in check(text, names) {
        let rule = if problem.is_syntax { rules::TEMPLATE_SYNTAX } else { rules::TEMPLATE_UNDEFINED };
        let span = locate(&report.text, node.span, *style, text, problem.range);
        report.error(rule, span, problem.message).hint = problem.hint;
    }
}

/// `true` or `false`.
pub(super) fn boolean(report: &mut Report, node: &Node) -> Option<bool> {
    match (node.scalar(), node.resolved()) {
        (_, Some(Resolved::Boolean(value))) => Some(value),
        (Some(text), Some(Resolved::OldBoolean)) => {
            let message = format!("`{text}` is a boolean for some readers of YAML only");
            report.error(rules::YAML_BOOLEAN, node.span, message).with_hint(format!("write {}", is_yes(text)));
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
            let (least, greatest) = (bounds.start(), bounds.end());
            let message = format!("`{text}` is not a whole number from {least} to {greatest}");
            report.error(rules::INVALID_VALUE, node.span, message);
            None
        }
    }
}

/// A duration.
pub(super) fn duration(report: &mut Report, node: &Node) -> Option<Duration> {
    let found = scalar(report, node)?;
    let error = match parse_duration(&found) {
        Ok(duration) => return Some(duration),
        Err(error) => error,
    };
    let is_number = matches!(node.resolved(), Some(Resolved::Integer | Resolved::Float));
    let (message, hint) = match error {
        DurationError::NotPositive(text) => {
            (format!("the duration `{text}` is not above zero"), "write a duration above zero, such as 20s".to_owned())
        }
        DurationError::Unreadable(_) if is_number => {
            let hint = format!("add the unit: {found}s, {found}m or {found}h");
            (format!("`{found}` is a number without a unit"), hint)
        }
        DurationError::Unreadable(_) => {
            let hint = hours(&found).map_or_else(
                || "write a number with a unit, such as 20s, 30m, 1h30m".to_owned(),
                |hours| format!("write {hours}h; the length of days and weeks depends on the calendar"),
            );
            (format!("`{}` is not a duration", shown(&found)), hint)
        }
    };
    report.error(rules::INVALID_DURATION, node.span, message).with_hint(hint);
    None
}

/// What a number of days or weeks is in hours.
fn hours(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let hours = match unit.trim() {
        "d" | "day" | "days" => 24,
        "w" | "week" | "weeks" => 168,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(hours)
}

/// What a probe expects.
pub(super) fn expectation(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Expectation> {
    match node.resolved() {
        Some(Resolved::Boolean(true)) => return Some(Expectation::True),
        Some(Resolved::Boolean(false)) => return Some(Expectation::False),
        _ => {}
    }
    let found = scalar(report, node)?;
    let is_number = matches!(node.resolved(), Some(Resolved::Integer | Resolved::Float));
    let result = if is_number { Err(ExpectationError::NoOperator(found.clone())) } else { Expectation::parse(&found) };
    let error = match result {
        Ok(expectation) => {
            check_template(report, node, &found, names);
            return Some(expectation);
        }
        Err(error) => error,
    };
    let written = shown(&found);
    let (message, hint) = match error {
        ExpectationError::NoOperator(_) => (
            format!("`{written}` is not an expectation"),
            format!("write true, false, or a comparison: \"= {written}\""),
        ),
        ExpectationError::NoOperand(_) => {
            (format!("`{written}` compares with nothing"), format!("write what to compare with: \"{written} 1.5\""))
        }
        ExpectationError::NotANumber(_) => {
            let message = format!("`{written}` compares with something that is not a number");
            (message, "`<`, `<=`, `>` and `>=` compare numbers; texts compare with `=` and `!=`".to_owned())
        }
    };
    report.error(rules::INVALID_EXPECTATION, node.span, message).with_hint(hint);
    None
}

/// A day.
pub(super) fn date(report: &mut Report, node: &Node) -> Option<Date> {
    let found = scalar(report, node)?;
    let date = found.parse().ok();
    if date.is_none() {
        let message = format!("`{}` is not a date", shown(&found));
        report.error(rules::INVALID_VALUE, node.span, message).with_hint("write year, month and day: 2022-02-28");
    }
    date
}

/// A name of an operation, a platform, a product.
pub(super) fn name(report: &mut Report, node: &Node) -> Option<String> {
    let found = text(report, node)?;
    if is_name(&found) {
        return Some(found);
    }
    let message = format!("`{}` is not a name", shown(&found));
    let mut hint =
        "names are lower-case letters, digits, `_` and `-`, at most 100, and begin with a letter or a digit".to_owned();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let near: String = found.chars().map(plain).collect();
    let near = near.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if found.is_ascii() && is_name(&near) {
        hint = format!("write `{near}`; {hint}");
    }
    report.error(rules::INVALID_NAME, node.span, message).with_hint(hint);
    None
}

/// Whether a text may be a name.
pub(super) fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    first && text.len() <= 100 && text.chars().all(inside)
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
