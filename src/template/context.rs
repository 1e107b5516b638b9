//! What the texts of an operation may use; [`super::check()`] knows the same names.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::{Secret, StepNames};

/// The names of a template. What is absent is undefined: `item` outside of `for_each`, `value` outside of a message.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context {
    /// The parameters of the migration, the defaults among them.
    pub params: BTreeMap<String, Value>,
    /// The variables of the environment.
    #[serde(serialize_with = "exposed")]
    pub vars: BTreeMap<String, Secret>,
    /// The target of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetNames>,
    /// The step of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepNames>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunNames>,
    /// What operations printed or were answered, by their names.
    pub outputs: BTreeMap<String, String>,
    /// The row of a `for_each`, a mapping of its columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Value>,
    /// The answer of a probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// `target`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetNames {
    /// Its name in the environment.
    pub name: String,
    /// The database in use.
    pub database: Option<String>,
    /// The ClickHouse cluster.
    pub cluster: Option<String>,
}

/// `run`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunNames {
    /// Its id.
    pub id: String,
    /// When it began, RFC 3339.
    pub started: String,
}

fn exposed<S: Serializer>(vars: &BTreeMap<String, Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(vars.iter().map(|(name, value)| (name, value.expose())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::render_text;

    #[test]
    fn what_is_absent_is_undefined_and_what_is_secret_is_only_rendered() {
        let vars = BTreeMap::from([("password".to_owned(), Secret::new("hunter2"))]);
        let context = Context { vars, value: Some(Value::from(3)), ..Context::default() };
        assert!(!format!("{context:?}").contains("hunter2"));
        let rendered = render_text("{{ vars.password }} {{ value }}", &context);
        assert_eq!(rendered.expect("the names are there"), "hunter2 3");
        assert!(render_text("{{ item }}", &context).is_err());
    }
}
