//! Options of an operation that its database does not have.

use crate::manifest::rules::Rule;
use crate::model::{Action, Catalog, CopyBy, Engine, Finding, Operation, Scope, Severity};

pub(super) const RULE: Rule = Rule {
    name: "foreign-option",
    summary: "an option that the target's engine does not have",
    explanation: "`scope` and copies `by: partition` are for ClickHouse, `transaction: false` is for Postgres and SQLite: \
                  ClickHouse has no transactions to leave out. An option that means nothing is a slip, or stands on an \
                  operation with the wrong target.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    let migrations = catalog.products.values().flat_map(|product| product.migrations.values());
    let operations = migrations.flat_map(|migration| &migration.operations);
    let others = catalog.platforms.values().flat_map(|platform| &platform.deploy);
    let runbooks = catalog.runbooks.values().flat_map(|runbook| &runbook.operations);
    for operation in operations.chain(others).chain(runbooks) {
        let Some(engine) = operation.target.as_deref().and_then(|target| catalog.engine(target)) else { continue };
        for option in foreign(operation, engine) {
            let message = format!("`{}` has {option}, which {} does not know", operation.name, engine.as_str());
            let finding = Finding::new(RULE.name, Severity::Error, operation.place.clone(), message);
            findings.push(finding.hint("remove it, or correct the target"));
        }
    }
}

fn foreign(operation: &Operation, engine: Engine) -> Vec<&'static str> {
    let by_partition = matches!(&operation.action, Action::Copy { by: CopyBy::Partition, .. });
    match engine {
        Engine::ClickHouse => (!operation.transaction).then_some("`transaction`").into_iter().collect(),
        Engine::Postgres | Engine::Sqlite => {
            let scope = (operation.scope != Scope::Server).then_some("`scope`");
            scope.into_iter().chain(by_partition.then_some("`by: partition`")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
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
}
