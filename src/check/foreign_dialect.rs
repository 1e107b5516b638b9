//! SQL that the database it is sent to does not speak.

use std::collections::BTreeSet;

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Engine, Finding, Severity, Template};

use super::sql::texts::SqlText;
use super::sql::{dialect, texts};
use crate::sql::token;

pub(super) const RULE: Rule = Rule {
    name: "foreign-dialect",
    summary: "SQL of one database for another one",
    explanation: "The statement would fail when its turn comes, perhaps hours after the start. Mostly the `target` is wrong: \
                  the example in PostHog's handbook creates a table with `ENGINE = ReplacingMergeTree` on Postgres. Words in \
                  texts, in comments and in quoted names do not count.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    let texts = texts::all(catalog);
    for text in &texts {
        let Some(engine) = catalog.engine(text.target) else { continue };
        let found = dialect::foreign(&token::read(text.sql, Some(engine)), engine);
        let Some((_, homes)) = found.first() else { continue };
        let words: Vec<String> =
            found.iter().filter(|(_, known)| known == homes).map(|(word, _)| format!("`{word}`")).collect();
        let message = format!(
            "{} goes to `{}`, which is {}, but {} {} SQL of {}",
            text.owner,
            text.target,
            engine.as_str(),
            words.join(", "),
            if words.len() == 1 { "is" } else { "are" },
            list(homes)
        );
        let other =
            texts.iter().find(|other| catalog.engine(other.target).is_some_and(|engine| homes.contains(&engine)));
        let hint = match other {
            Some(SqlText { target, .. }) => {
                format!("write `target: {target}`, or rewrite it in the SQL of {}", engine.as_str())
            }
            None => format!("name a target that is {}, or rewrite it in the SQL of {}", list(homes), engine.as_str()),
        };
        findings.push(Finding::new(RULE.name, Severity::Error, text.sql.place.clone(), message).hint(hint));
    }
}

/// The engines that a text is written for, where it is not written for the one it is sent to.
pub(super) fn homes(sql: &Template, engine: Engine) -> BTreeSet<Engine> {
    let found = dialect::foreign(&token::read(sql, Some(engine)), engine);
    found.into_iter().flat_map(|(_, homes)| homes.iter().copied()).collect()
}

fn list(engines: &[Engine]) -> String {
    engines.iter().map(|engine| engine.as_str()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    #[test]
    fn operations_undos_and_questions_are_looked_at() {
        let text = "required: {target: clickhouse, sql: SELECT 1 FROM pg_class}\nprogress: {target: postgres, done: \
                    SELECT 1, total: SELECT count() FROM a}\noperations:\n  - name: a\n    target: postgres\n    sql: \
                    OPTIMIZE TABLE x\n    undo: SYSTEM START MERGES\n    done_when: SELECT countIf(x) FROM y\n";
        let hint = "(write `target: clickhouse`, or rewrite it in the SQL of Postgres)";
        assert_eq!(
            found(check, &migration(text)),
            [
                "4: error: the probe `required` goes to `clickhouse`, which is ClickHouse, but `pg_class` is SQL of Postgres \
                 (write `target: postgres`, or rewrite it in the SQL of ClickHouse)"
                    .to_owned(),
                format!("5: error: `progress` goes to `postgres`, which is Postgres, but `count()` is SQL of ClickHouse or SQLite {hint}"),
                format!("10: error: the undo of `a` goes to `postgres`, which is Postgres, but `SYSTEM START` is SQL of ClickHouse {hint}"),
                format!("11: error: `done_when` of the operation `a` goes to `postgres`, which is Postgres, but `countIf(` is SQL of ClickHouse {hint}"),
                format!("9: error: the operation `a` goes to `postgres`, which is Postgres, but `OPTIMIZE TABLE` is SQL of ClickHouse {hint}"),
            ]
        );
    }

    #[test]
    fn its_own_dialect_and_an_unknown_engine_pass() {
        let of = |target: &str| {
            let text =
                format!("required: {{target: {target}, sql: SELECT count() FROM system.tables}}\noperations: []\n");
            found(check, &migration(&text))
        };
        assert_eq!(of("clickhouse"), [""; 0]);
        assert_eq!(of("warehouse"), [""; 0]);
    }
}
