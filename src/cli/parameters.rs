//! The values of a migration's parameters, from what was typed and what its file says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Migration, ParameterKind, did_you_mean};

use super::failure::{Exit, Failure};

/// The values of a migration's parameters: what was set, else the defaults.
pub(super) fn parameters(migration: &Migration, set: &[(String, String)]) -> Result<BTreeMap<String, Value>, Failure> {
    parameters_of(migration, set, "")
}

/// The same where a name is typed behind something that tells the migration.
pub(super) fn parameters_of(
    migration: &Migration,
    set: &[(String, String)],
    before: &str,
) -> Result<BTreeMap<String, Value>, Failure> {
    let mut values = BTreeMap::new();
    let names: Vec<&str> = migration.parameters.keys().map(String::as_str).collect();
    for (name, text) in set {
        let Some(parameter) = migration.parameters.get(name) else {
            let all = || match names.is_empty() {
                true => "the migration has no parameters".to_owned(),
                false => format!("parameters: {}", names.join(", ")),
            };
            return Err(Failure::new(Exit::Usage, format!("there is no parameter `{name}`")).hint(did_you_mean(
                name,
                names.iter().copied(),
                all,
            )));
        };
        let value = value_of(&parameter.kind, text);
        if let Some(refusal) = parameter.kind.refusal(&value) {
            return Err(Failure::new(Exit::Usage, format!("--set {before}{name}: {refusal}"))
                .hint(format!("give it {}", parameter.kind)));
        }
        values.insert(name.clone(), value);
    }
    for (name, parameter) in &migration.parameters {
        if values.contains_key(name) {
            continue;
        }
        let Some(default) = &parameter.default else {
            return Err(Failure::new(Exit::Usage, format!("the parameter `{name}` must be set"))
                .hint(format!("add --set {before}{name}=VALUE: {}", parameter.kind)));
        };
        values.insert(name.clone(), default.clone());
    }
    Ok(values)
}

/// A text as a value of a parameter's type; what is none stays a text, to be refused.
fn value_of(kind: &ParameterKind, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    match kind {
        ParameterKind::Integer { .. } | ParameterKind::Number { .. } => {
            serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| as_text(), Value::Number)
        }
        ParameterKind::Boolean => text.parse().map_or_else(|_| as_text(), Value::Bool),
        ParameterKind::String | ParameterKind::Date { .. } | ParameterKind::Enum { .. } => as_text(),
    }
}

/// Parameters as people read them: `TEAM_ID=2, MODE=careful`; nothing where there are none.
pub(super) fn shown(parameters: &BTreeMap<String, Value>) -> Option<String> {
    let shown = parameters.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}={text}"),
        Value::Null => format!("{name} unset"),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => format!("{name}={value}"),
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}
