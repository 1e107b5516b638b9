//! More than one statement where ClickHouse takes one.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Engine, Finding, Severity};

use super::sql::texts;
use crate::sql::token::{read, statements};

pub(super) const RULE: Rule = Rule {
    name: "several-statements",
    summary: "several statements in one text for ClickHouse",
    explanation: "ClickHouse takes one statement at a time and refuses the whole text otherwise. It also has no transaction \
                  around several of them. Each statement is an operation of its own, with its own outcome in the journal \
                  and its own undo.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for text in texts::all(catalog) {
        if catalog.engine(text.target) != Some(Engine::ClickHouse) {
            continue;
        }
        let tokens = read(text.sql, Some(Engine::ClickHouse));
        let count = statements(&tokens).len();
        if count > 1 {
            let message = format!("{} holds {count} statements, and ClickHouse takes one at a time", text.owner);
            let hint = if text.is_work {
                "make each statement an operation of its own, with its own undo"
            } else {
                "keep the one whose answer counts"
            };
            findings.push(Finding::new(RULE.name, Severity::Error, text.sql.place.clone(), message).hint(hint));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    fn of(target: &str, sql: &str) -> Vec<String> {
        let text = format!(
            "operations:\n  - name: a\n    target: {target}\n    repeatable: true\n    sql: |\n      {sql}\n    undo: SELECT 1\n"
        );
        found(check, &migration(&text))
    }

    #[test]
    fn clickhouse_takes_one_statement() {
        assert_eq!(
            of("clickhouse", "DROP TABLE a; DROP TABLE b;"),
            [
                "9: error: the operation `a` holds 2 statements, and ClickHouse takes one at a time (make each statement an \
              operation of its own, with its own undo)"
            ]
        );
        let probe = "required: {target: clickhouse, sql: SELECT 1; SELECT 2}\noperations: []\n";
        assert_eq!(
            found(check, &migration(probe)),
            [
                "4: error: the probe `required` holds 2 statements, and ClickHouse takes one at a time (keep the one whose \
              answer counts)"
            ]
        );
    }

    #[test]
    fn a_last_semicolon_a_text_and_another_engine_are_fine() {
        assert_eq!(of("clickhouse", "SELECT ';' -- a; b\n      ;"), [""; 0]);
        assert_eq!(of("postgres", "DROP TABLE a; DROP TABLE b"), [""; 0]);
    }
}
