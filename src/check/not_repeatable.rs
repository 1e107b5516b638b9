//! ClickHouse work of which nothing tells, after a crash, whether it has happened.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Engine, Finding, Severity};

use super::sql::{statement, texts};
use crate::sql::token::{Token, read};

pub(super) const RULE: Rule = Rule {
    name: "not-repeatable",
    summary: "ClickHouse work that nobody could judge after a crash",
    explanation: "ClickHouse has no transaction that could keep a mark of what was done. If the connection or the program \
                  ends in the middle, an operation of kind `sql` or `for_each` can only go on by itself if doing it again \
                  is harmless (`repeatable: true`) or if a question tells whether it has happened (`done_when`). With \
                  neither, the run stops there and waits for a person, mostly at night.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for operation in texts::operations(catalog) {
        let engine = texts::engine(catalog, operation);
        let Some(sql) = texts::work(operation) else { continue };
        if engine != Some(Engine::ClickHouse) || operation.repeatable || operation.done_when.is_some() {
            continue;
        }
        let tokens = read(sql, engine);
        let table = statement::subject(&tokens).map(|table| format!(" on `{}`", table.text)).unwrap_or_default();
        let message = format!(
            "after a crash, nothing tells whether the operation `{}`{table} has happened: it has neither `done_when` nor \
             `repeatable`",
            operation.name
        );
        let hint = match condition(&tokens) {
            Some(condition) => {
                format!("it says {condition}, so that a second time is harmless: add `repeatable: true`")
            }
            None => {
                "add `done_when: SELECT …`, true once the effect is there, or `repeatable: true` if a second time is \
                     harmless"
                    .to_owned()
            }
        };
        findings.push(Finding::new(RULE.name, Severity::Error, sql.place.clone(), message).hint(hint));
    }
}

/// The words that make the statement harmless the second time.
fn condition(tokens: &[Token<'_>]) -> Option<&'static str> {
    (0..tokens.len()).find_map(|at| match &tokens[at..] {
        [one, two, ..] if one.is_word("IF") && two.is_word("EXISTS") => Some("IF EXISTS"),
        [one, two, three, ..] if one.is_word("IF") && two.is_word("NOT") && three.is_word("EXISTS") => {
            Some("IF NOT EXISTS")
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    fn of(target: &str, rest: &str) -> Vec<String> {
        let text = format!("operations:\n  - {{name: a, target: {target}, irreversible: no way, {rest}}}\n");
        found(check, &migration(&text))
    }

    #[test]
    fn work_on_clickhouse_says_how_it_is_judged() {
        let first = of("clickhouse", "sql: DETACH TABLE events_mv");
        assert_eq!(
            first,
            [
                "5: error: after a crash, nothing tells whether the operation `a` on `events_mv` has happened: it has neither \
              `done_when` nor `repeatable` (add `done_when: SELECT …`, true once the effect is there, or `repeatable: true` \
              if a second time is harmless)"
            ]
        );
        let second = of("clickhouse", "for_each: {rows: SELECT 1 AS t, sql: DROP TABLE IF EXISTS x}");
        assert!(second[0].ends_with("(it says IF EXISTS, so that a second time is harmless: add `repeatable: true`)"));
        assert_eq!(second.len(), 1);
    }

    #[test]
    fn work_that_can_be_judged_passes() {
        assert_eq!(of("clickhouse", "sql: DROP TABLE x, done_when: SELECT 1"), [""; 0]);
        assert_eq!(of("clickhouse", "sql: DROP TABLE IF EXISTS x, repeatable: true"), [""; 0]);
        assert_eq!(of("clickhouse", "copy: {from: a, to: b, by: partition}"), [""; 0]);
        assert_eq!(of("postgres", "sql: DROP TABLE x"), [""; 0]);
    }
}
