//! Parameters: their type, their bounds, and a default that keeps to both.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::model::{Parameter, ParameterKind, did_you_mean};

use super::fields::Fields;
use super::node::{Node, Resolved, Value, shown};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

/// All parameters of a procedure, and every name that is declared, even where the rest cannot be read.
pub(super) fn parameters(report: &mut Report, node: Option<&Node>) -> (BTreeMap<String, Parameter>, Vec<String>) {
    let Some(node) = node else { return Default::default() };
    let names = match &node.value {
        Value::Mapping(entries) => entries.iter().filter_map(|(key, _)| key.scalar().map(str::to_owned)).collect(),
        Value::Scalar { .. } | Value::Sequence(_) => Vec::new(),
    };
    (super::fields::map(report, node, parameter), names)
}

fn parameter(report: &mut Report, node: &Node) -> Option<Parameter> {
    let mut fields = Fields::of(report, node)?;
    let kind = kind(report, &mut fields);
    let description = fields.optional("description").and_then(|node| read::text(report, node));
    let default_node = fields.nullable("default");
    let place = report.place(fields.span);
    fields.finish(report);
    let kind = kind?;
    if let Some(node) = default_node {
        check_default(report, node, &kind);
    }
    Some(Parameter { kind, default: default_node.map(json), description, place })
}

/// The default is of the declared type and within its bounds, or null.
fn check_default(report: &mut Report, node: &Node, kind: &ParameterKind) {
    let is_text = matches!(kind, ParameterKind::String | ParameterKind::Enum { .. });
    if let (Some(Resolved::OldBoolean), Some(text)) = (node.resolved(), node.scalar())
        && is_text
    {
        return read::old_boolean(report, node, text);
    }
    if node.resolved() == Some(Resolved::OldBoolean) && *kind == ParameterKind::Boolean {
        read::boolean(report, node);
        return;
    }
    let value = json(node);
    if node.is_null() {
        return;
    }
    let Some(refusal) = kind.refusal(&value) else { return };
    // What was written says more than what it was read as: 1.30 and not 1.3.
    let reason = refusal.strip_prefix(&value.to_string()).or(refusal.strip_prefix(node.scalar().unwrap_or_default()));
    let message = match (reason, node.scalar()) {
        (Some(reason), Some(text)) => format!("the default `{}`{reason}", shown(text)),
        _ => format!("the default is not {kind}, but {}", node.described()),
    };
    let hint = match (kind, node.scalar()) {
        (ParameterKind::String, Some(text)) => format!("write it in quotes: \"{}\"", shown(text)),
        (ParameterKind::String, None) => "write a text".to_owned(),
        (ParameterKind::Boolean, _) => "write true or false, or null if it may stay unset".to_owned(),
        (ParameterKind::Date { .. }, _) if !message.contains(" value ") => {
            "write year, month and day: 2022-02-28".to_owned()
        }
        (ParameterKind::Integer { .. } | ParameterKind::Number { .. }, Some(text))
            if node.resolved() == Some(Resolved::Text) && text.parse::<f64>().is_ok() =>
        {
            format!("write {text} without quotes")
        }
        (ParameterKind::Integer { .. }, _) if !message.contains(" value ") => {
            "write a whole number, or null if it may stay unset".to_owned()
        }
        (ParameterKind::Number { .. }, _) if !message.contains(" value ") => {
            "write a number, or null if it may stay unset".to_owned()
        }
        (ParameterKind::Integer { .. } | ParameterKind::Number { .. } | ParameterKind::Date { .. }, _) => {
            "write a value within the bounds, or null if it may stay unset".to_owned()
        }
        (ParameterKind::Enum { values }, text) => {
            let known = values.iter().map(String::as_str);
            did_you_mean(text.unwrap_or_default(), known, || format!("write one of: {}", values.join(", ")))
        }
    };
    report.error(rules::INVALID_PARAMETER, node.span, message).with_hint(hint);
}

fn kind(report: &mut Report, fields: &mut Fields<'_>) -> Option<ParameterKind> {
    let word = fields.required("type").and_then(|node| {
        let words = ["string", "integer", "number", "boolean", "date", "enum"];
        super::operation::choice(report, node, &words.map(|word| (word, word)))
    });
    let bounded = matches!(word, Some("integer" | "number" | "date"));
    let (min, max) = (fields.optional("min"), fields.optional("max"));
    for bound in [min, max].into_iter().flatten().filter(|_| word.is_some() && !bounded) {
        let finding = report.error(rules::INVALID_PARAMETER, bound.span, "this type has no bounds");
        finding.with_hint("`min` and `max` are for integer, number and date");
    }
    let values = fields.optional("values");
    let kind = match word? {
        "string" => ParameterKind::String,
        "boolean" => ParameterKind::Boolean,
        "integer" => {
            let (min, max) = ordered(report, min, max, |r, node| bound(r, node, "a whole number", Json::as_i64));
            ParameterKind::Integer { min, max }
        }
        "number" => {
            let (min, max) = ordered(report, min, max, |r, node| bound(r, node, "a number", Json::as_f64));
            ParameterKind::Number { min, max }
        }
        "date" => {
            let (min, max) = ordered(report, min, max, read::date);
            ParameterKind::Date { min, max }
        }
        _ => {
            return enum_of(report, fields, values);
        }
    };
    if let Some(values) = values {
        report.error(rules::INVALID_PARAMETER, values.span, "only an enum has values").with_hint("write `type: enum`");
    }
    Some(kind)
}

fn enum_of(report: &mut Report, fields: &mut Fields<'_>, values: Option<&Node>) -> Option<ParameterKind> {
    let hint = "add `values: [one, two]`";
    let Some(node) = values else {
        fields.lacks(&["values"], rules::INVALID_PARAMETER, "an enum needs its values", Some(hint));
        return None;
    };
    if matches!(&node.value, Value::Sequence(items) if items.is_empty()) {
        report.error(rules::INVALID_PARAMETER, node.span, "an enum needs its values").with_hint(hint);
    }
    let values = read::list(report, node, read::word);
    Some(ParameterKind::Enum { values })
        .filter(|kind| !matches!(kind, ParameterKind::Enum { values } if values.is_empty()))
}

/// Both bounds, the least below the greatest.
fn ordered<T: PartialOrd>(
    report: &mut Report,
    min: Option<&Node>,
    max: Option<&Node>,
    read: impl Fn(&mut Report, &Node) -> Option<T>,
) -> (Option<T>, Option<T>) {
    let least = min.and_then(|node| read(report, node));
    let greatest = max.and_then(|node| read(report, node));
    if let (Some(max), Some(low), Some(high)) = (max, &least, &greatest)
        && low > high
    {
        let finding = report.error(rules::INVALID_PARAMETER, max.span, "`max` is below `min`");
        finding.with_hint("exchange `min` and `max`");
        return (None, None);
    }
    (least, greatest)
}

fn bound<T>(report: &mut Report, node: &Node, wanted: &str, read: impl Fn(&Json) -> Option<T>) -> Option<T> {
    let value = read(&json(node));
    if value.is_none() {
        let message = format!("the bound is {}, and not {wanted}", node.described());
        report.error(rules::INVALID_PARAMETER, node.span, message).with_hint(format!("write {wanted}"));
    }
    value
}

/// A value as JSON has it.
pub(super) fn json(node: &Node) -> Json {
    let of_scalar = |text: &str| match node.resolved() {
        Some(Resolved::Null) | None => Json::Null,
        Some(Resolved::Boolean(value)) => Json::Bool(value),
        Some(Resolved::Integer) => text.parse::<i64>().map_or_else(|_| Json::String(text.to_owned()), Json::from),
        Some(Resolved::Float) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Json::from(number),
            Ok(_) | Err(_) => Json::String(text.to_owned()),
        },
        Some(Resolved::OldBoolean | Resolved::Text) => Json::String(text.to_owned()),
    };
    match &node.value {
        Value::Scalar { text, .. } => of_scalar(text),
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect()),
        Value::Mapping(entries) => Json::Object(
            entries.iter().filter_map(|(key, value)| Some((key.scalar()?.to_owned(), json(value)))).collect(),
        ),
    }
}
