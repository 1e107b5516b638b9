//! Options of an operation that its database does not have.

use crate::manifest::rules::Rule;
use crate::model::{Action, Catalog, Engine, Finding, Operation, Scope, Severity, SliceBy};

use super::sql::texts;

pub(super) const RULE: Rule = Rule {
    name: "foreign-option",
    summary: "an option that the target's engine does not have",
    explanation: "`scope` and copies `by: partition` are for ClickHouse, `transaction: false` and copies by a key are for \
                  Postgres and SQLite: ClickHouse has no transactions to leave out, and no key that is unique. An option that means nothing is a slip, or stands on an \
                  operation with the wrong target.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for operation in texts::operations(catalog) {
        let Some(engine) = texts::engine(catalog, operation) else { continue };
        for (option, hint) in foreign(operation, engine) {
            let message = format!("`{}` has {option}, which {} does not know", operation.name, engine.as_str());
            let finding = Finding::new(RULE.name, Severity::Error, operation.place.clone(), message);
            findings.push(finding.hint(format!("{hint}, or correct the target")));
        }
    }
}

/// The options that mean nothing there, each with what to do about it.
fn foreign(operation: &Operation, engine: Engine) -> Vec<(&'static str, &'static str)> {
    let by_partition = matches!(&operation.action, Action::Copy { by: SliceBy::Partition, .. });
    let by_key = matches!(&operation.action, Action::Copy { by: SliceBy::Key(_), .. });
    let options = match engine {
        Engine::ClickHouse => [
            ("`transaction`", "remove it", !operation.transaction),
            ("a copy by a key", "write `by: partition`", by_key),
        ],
        Engine::Postgres | Engine::Sqlite => [
            ("`scope`", "remove it", operation.scope != Scope::Server),
            ("`by: partition`", "name the columns of a key", by_partition),
        ],
    };
    options.into_iter().filter(|(_, _, is_set)| *is_set).map(|(option, hint, _)| (option, hint)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{catalog, found, migration};
    use super::*;

    fn of(target: &str, more: &str) -> Vec<String> {
        let operation = format!("{{name: o, target: {target}, sql: SELECT 1, irreversible: a test, {more}}}");
        found(check, &migration(&format!("operations:\n  - {operation}\n")))
    }

    #[test]
    fn each_engine_has_its_own() {
        assert_eq!(of("clickhouse", "scope: cluster"), [""; 0]);
        assert_eq!(of("postgres", "transaction: false"), [""; 0]);
        assert_eq!(
            of("postgres", "scope: cluster"),
            ["5: error: `o` has `scope`, which Postgres does not know (remove it, or correct the target)"]
        );
        assert_eq!(
            of("clickhouse", "transaction: false"),
            ["5: error: `o` has `transaction`, which ClickHouse does not know (remove it, or correct the target)"]
        );
    }

    #[test]
    fn what_makes_a_batch_of_a_copy() {
        let of = |target: &str, by: &str| {
            let copy =
                format!("{{name: o, target: {target}, copy: {{from: x, to: z, by: {by}}}, irreversible: a test}}");
            found(check, &migration(&format!("operations:\n  - {copy}\n")))
        };
        assert_eq!((of("clickhouse", "partition"), of("postgres", "id")), (vec![], vec![]));
        assert_eq!(
            of("sqlite", "partition"),
            [
                "5: error: `o` has `by: partition`, which SQLite does not know (name the columns of a key, or correct the target)"
            ]
        );
        assert_eq!(
            of("clickhouse", "id"),
            [
                "5: error: `o` has a copy by a key, which ClickHouse does not know (write `by: partition`, or correct the target)"
            ]
        );
    }

    #[test]
    fn every_operation_of_a_platform_is_looked_at() {
        let operation = |name: &str| format!("[{{name: {name}, target: postgres, sql: SELECT 1, scope: cluster}}]");
        let platform = format!(
            "format: orchestrate/v1\nkind: platform\nversion: {{command: [v]}}\ndeploy: {}\nrecover: {}\nundo: {}\n",
            operation("d"),
            operation("r"),
            operation("u")
        );
        let of = |name: &str, line: u32| {
            format!(
                "{line}: error: `{name}` has `scope`, which Postgres does not know (remove it, or correct the target)"
            )
        };
        assert_eq!(
            found(check, &catalog(&[("templates/platforms/p.yaml", &platform)])),
            [of("d", 4), of("r", 5), of("u", 6)]
        );
    }
}
