//! Parameters: their type, their bounds, and a default that keeps to both.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::model::{Parameter, ParameterKind};

use super::fields::Fields;
use super::node::{Node, Resolved, Value};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

/// All parameters of a procedure.
pub(super) fn parameters(report: &mut Report, node: Option<&Node>) -> BTreeMap<String, Parameter> {
    node.map_or_else(BTreeMap::new, |node| super::fields::map(report, node, parameter))
}

fn parameter(report: &mut Report, node: &Node) -> Option<Parameter> {
    let mut fields = Fields::of(report, node)?;
    let kind = kind(report, &mut fields);
    let description = fields.optional("description").and_then(|node| read::text(report, node));
    let default_node = fields.nullable("default");
    let place = report.place(fields.span);
    fields.finish(report);
    let kind = kind?;
    let default = default_node.map(json);
    if let (Some(node), Some(value)) = (default_node, &default)
        && !value.is_null()
        && let Some(refusal) = kind.refusal(value)
    {
        report.error(rules::INVALID_PARAMETER, node.span, format!("the default {refusal}")).with_hint(match kind {
            ParameterKind::String => format!("write it in quotes: \"{}\"", node.scalar().unwrap_or_default()),
            ParameterKind::Integer { .. } | ParameterKind::Number { .. } | ParameterKind::Date { .. } => {
                "write a value within the bounds, or null if it may stay unset".to_owned()
            }
            ParameterKind::Boolean => "write true or false".to_owned(),
            ParameterKind::Enum { values } => format!("write one of: {}", values.join(", ")),
        });
        return None;
    }
    Some(Parameter { kind, default, description, place })
}

fn kind(report: &mut Report, fields: &mut Fields<'_>) -> Option<ParameterKind> {
    let word = fields.required(report, "type").and_then(|node| {
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
            let (min, max) = (bound(report, min, Json::as_i64), bound(report, max, Json::as_i64));
            ParameterKind::Integer { min, max }
        }
        "number" => {
            let (min, max) = (bound(report, min, Json::as_f64), bound(report, max, Json::as_f64));
            ParameterKind::Number { min, max }
        }
        "date" => ParameterKind::Date {
            min: min.and_then(|node| read::date(report, node)),
            max: max.and_then(|node| read::date(report, node)),
        },
        _ => {
            let values = values.map(|node| read::list(report, node, read::word)).unwrap_or_default();
            if values.is_empty() {
                let finding = report.error(rules::INVALID_PARAMETER, fields.head(), "an enum needs its values");
                finding.with_hint("add `values: [one, two]`");
                return None;
            }
            return Some(ParameterKind::Enum { values });
        }
    };
    if let Some(values) = values {
        report.error(rules::INVALID_PARAMETER, values.span, "only an enum has values").with_hint("write `type: enum`");
    }
    Some(kind)
}

fn bound<T>(report: &mut Report, node: Option<&Node>, read: impl Fn(&Json) -> Option<T>) -> Option<T> {
    let node = node?;
    let value = read(&json(node));
    if value.is_none() {
        report.error(rules::INVALID_PARAMETER, node.span, format!("{} cannot be a bound here", node.kind()));
    }
    value
}

/// A value as JSON has it.
pub(super) fn json(node: &Node) -> Json {
    let of_scalar = |text: &str| match node.resolved() {
        Some(Resolved::Null) | None => Json::Null,
        Some(Resolved::Boolean(value)) => Json::Bool(value),
        Some(Resolved::Integer) => text.parse::<i64>().map_or_else(|_| Json::String(text.to_owned()), Json::from),
        Some(Resolved::Float) => text.parse::<f64>().map_or(Json::Null, Json::from),
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
