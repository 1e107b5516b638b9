//! A check of free space against a number, whatever the size of what is moved.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Engine, Expectation, Finding, Migration, Probe, Question, Severity};

use crate::sql::token::{Token, read};

pub(super) const RULE: Rule = Rule {
    name: "absolute-threshold",
    summary: "a check of free space that does not know how much is moved",
    explanation: "A gigabyte is plenty for one installation and nothing for the next. A check of free space before or while \
                  rows are rewritten compares it with the size of their table: ask for the ratio, and expect `>= 1.5`. On \
                  ClickHouse the sizes stand in `system.parts`, on Postgres `pg_total_relation_size` tells them, on SQLite \
                  `dbstat`. The example in PostHog's handbook wants one gigabyte for any table.",
};

/// Columns and tables that tell how much space is left.
const FREE: [&str; 8] = [
    "free_space",
    "unreserved_space",
    "free_bytes",
    "bytes_free",
    "disk_free",
    "free_disk",
    "available_bytes",
    "available_space",
];
/// Columns, tables and functions that tell how large something is.
const SIZES: [&str; 16] = [
    "bytes_on_disk",
    "data_compressed_bytes",
    "data_uncompressed_bytes",
    "total_bytes",
    "total_rows",
    "total_space",
    "parts",
    "parts_columns",
    "pg_total_relation_size",
    "pg_table_size",
    "pg_relation_size",
    "pg_indexes_size",
    "pg_database_size",
    "dbstat",
    "page_count",
    "count",
];

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for migration in catalog.migrations().filter(|migration| moves_rows(migration)) {
        let probes = migration.probes().filter(|(key, _)| matches!(*key, "precheck" | "healthcheck"));
        findings.extend(probes.filter_map(|(key, probe)| of_probe(catalog, migration, key, probe)));
    }
}

/// Whether anything is written that could need space.
fn moves_rows(migration: &Migration) -> bool {
    migration.operations.iter().any(|operation| !operation.action.is_observation())
}

fn of_probe(catalog: &Catalog, migration: &Migration, key: &str, probe: &Probe) -> Option<Finding> {
    let Question::Sql { target, sql } = &probe.question else { return None };
    let Expectation::Compare(_, operand) = &probe.expect else { return None };
    let is_chosen = operand.contains("{{") || sql.text.contains("params.");
    let tokens = read(sql, catalog.engine(target));
    let asks = |words: &[&str]| tokens.iter().any(|token: &Token<'_>| token.is_one_of(words));
    if is_chosen || !asks(&FREE) || asks(&SIZES) {
        return None;
    }
    let message = format!(
        "the {key} of {} compares free space with {operand}, however large the tables are that it writes",
        migration.name
    );
    let hint = match catalog.engine(target) {
        Some(Engine::ClickHouse) => {
            "divide by the size of the table, sum(bytes_on_disk) of its active parts in system.parts, and expect a ratio"
        }
        Some(Engine::Postgres) => "divide by pg_total_relation_size of the table, and expect a ratio",
        Some(Engine::Sqlite) | None => "divide by the size of the table, and expect a ratio",
    };
    Some(Finding::new(RULE.name, Severity::Warning, sql.place.clone(), message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    const WORK: &str = "operations:\n  - {name: a, target: clickhouse, sql: OPTIMIZE TABLE x, irreversible: no way}\n";

    fn of(sql: &str, expect: &str) -> Vec<String> {
        let probe = format!("healthcheck:\n  - {{target: clickhouse, sql: \"{sql}\", expect: \"{expect}\"}}\n");
        found(check, &migration(&format!("{probe}{WORK}")))
    }

    #[test]
    fn free_space_against_a_number() {
        assert_eq!(
            of("SELECT free_space FROM system.disks", ">= 1000000000"),
            [
                "5: warning: the healthcheck of m compares free space with 1000000000, however large the tables are that it \
                 writes (divide by the size of the table, sum(bytes_on_disk) of its active parts in system.parts, and expect a ratio)"
            ]
        );
        assert_eq!(of("SELECT min(unreserved_space) / 1e9 FROM system.disks", "> 1").len(), 1);
        assert_eq!(of("SELECT free_space > 1000 FROM system.disks", "= 1").len(), 1);
    }

    #[test]
    fn a_ratio_another_question_and_a_chosen_bound_are_fine() {
        let ratio = "SELECT min(free_space) / (SELECT sum(bytes_on_disk) FROM system.parts) FROM system.disks";
        assert_eq!(of(ratio, ">= 1.5"), [""; 0]);
        assert_eq!(of("SELECT min(free_space / total_space) FROM system.disks", ">= 0.1"), [""; 0]);
        assert_eq!(of("SELECT count() FROM system.mutations WHERE is_done = 0", "= 0"), [""; 0]);
        let nothing =
            "healthcheck:\n  - {target: clickhouse, sql: SELECT free_space FROM system.disks, expect: \"> 1\"}\n";
        assert_eq!(found(check, &migration(&format!("{nothing}operations: []\n"))), [""; 0]);
    }
}
