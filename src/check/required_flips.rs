//! A `required` that is answered "no" as soon as the migration has begun.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Migration, Operation, Question, Severity, Template};

use super::foreign_dialect;
use super::sql::names::Name;
use super::sql::statement::{Effect, effects, sources};
use super::sql::texts;
use crate::sql::token::{Kind, Token, read};

pub(super) const RULE: Rule = Rule {
    name: "required-flips",
    summary: "a `required` that the migration's first operation already answers with no",
    explanation: "`required` asks whether an installation needs the migration at all. If it asks for what the first \
                  operation makes, such as a table, the answer is no from then on: a migration that came to its end and one \
                  that broke off after a minute look alike to whoever asks anew, with another store or another tool. Ask \
                  for what only the end of the work changes, such as the engine or the sorting key of the table that is \
                  swapped in.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for migration in catalog.migrations() {
        findings.extend(of_migration(catalog, migration));
    }
}

fn of_migration(catalog: &Catalog, migration: &Migration) -> Option<Finding> {
    let Question::Sql { target, sql } = &migration.required.as_ref()?.question else { return None };
    let mut effective = migration.operations.iter().filter(|operation| is_effective(catalog, operation));
    let first = effective.next()?;
    let rest = effective.count();
    if rest == 0 || !is_same_database(catalog, first, target) {
        return None;
    }
    let (made, name) = flipped(catalog, first, target, sql)?;
    let operation = &first.name;
    let follow =
        if rest == 1 { "1 more operation follows".to_owned() } else { format!("{rest} more operations follow") };
    let message = format!(
        "`required` asks for `{}`, which the first operation, `{operation}`, {made}: {follow}, and a migration that breaks \
         off there looks as if it were not required",
        name.text
    );
    let hint = "ask for what the last operation changes";
    let finding = Finding::new(RULE.name, Severity::Warning, sql.place.clone(), message).hint(hint);
    Some(finding.related(first.place.clone(), "the first operation"))
}

/// Whether it changes anything, so that stopping before and after it differs.
fn is_effective(catalog: &Catalog, operation: &Operation) -> bool {
    if operation.action.is_observation() {
        return false;
    }
    let Some(sql) = texts::work(operation) else { return true };
    !read(sql, texts::engine(catalog, operation)).first().is_some_and(|first| first.is_word("SELECT"))
}

/// Whether an operation acts where the probe asks. One in the probe's dialect does, whatever its target says.
fn is_same_database(catalog: &Catalog, operation: &Operation, target: &str) -> bool {
    if operation.target.as_deref() == Some(target) {
        return true;
    }
    match (texts::work(operation), texts::engine(catalog, operation), catalog.engine(target)) {
        (Some(sql), Some(engine), Some(asked)) => foreign_dialect::homes(sql, engine).contains(&asked),
        _ => false,
    }
}

/// What the operation does to an object that the probe asks for.
fn flipped(catalog: &Catalog, operation: &Operation, target: &str, probe: &Template) -> Option<(&'static str, Name)> {
    let asked = read(probe, catalog.engine(target));
    let tables = sources(&asked);
    let done = effects(&read(texts::work(operation)?, texts::engine(catalog, operation)));
    let candidates = done.into_iter().flat_map(|effect| match effect {
        Effect::Create { object, .. } => vec![("creates", true, object)],
        Effect::Drop(object) => vec![("drops", true, object)],
        Effect::Rename { from, to } => vec![("renames", true, from), ("renames another table to", true, to)],
        Effect::Exchange(one, other) => vec![("exchanges", true, one), ("exchanges", true, other)],
        Effect::AddPart(object) => vec![("adds", false, object)],
        Effect::DropPart(object) => vec![("drops", false, object)],
        Effect::Empty(_) | Effect::Insert { .. } | Effect::Link { .. } => Vec::new(),
    });
    let is_asked_for = |(_, is_table, name): &(&str, bool, Name)| {
        let by_text = |token: &Token<'_>| token.kind == Kind::Literal && name.is_text(&token.content());
        asked.iter().any(by_text) || (*is_table && tables.iter().any(|table| table.is(name)))
    };
    candidates.into_iter().find(is_asked_for).map(|(made, _, name)| (made, name))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    const REST: &str = "  - {name: fill, target: clickhouse, sql: INSERT INTO x_new SELECT 1 FROM x, undo: SELECT 1}\n";

    fn of(required: &str, first: &str, rest: &str) -> Vec<String> {
        let first = format!("  - {{name: begin, target: clickhouse, irreversible: no way, sql: \"{first}\"}}\n");
        found(
            check,
            &migration(&format!("required: {{target: clickhouse, sql: \"{required}\"}}\noperations:\n{first}{rest}")),
        )
    }

    #[test]
    fn the_first_operation_makes_what_is_asked_for() {
        let by_name = "SELECT count() = 0 FROM system.tables WHERE name = 'x_new'";
        assert_eq!(
            of(by_name, "CREATE TABLE IF NOT EXISTS db.x_new AS x", REST),
            [
                "4: warning: `required` asks for `db.x_new`, which the first operation, `begin`, creates: 1 more operation \
              follows, and a migration that breaks off there looks as if it were not required (ask for what the last \
              operation changes)"
            ]
        );
        assert_eq!(of("SELECT count() > 0 FROM x", "RENAME TABLE x TO y", REST).len(), 1);
        let by_column = "SELECT count() = 0 FROM system.columns WHERE name = 'kind'";
        assert_eq!(of(by_column, "ALTER TABLE x ADD COLUMN IF NOT EXISTS kind String", REST).len(), 1);
    }

    #[test]
    fn what_the_end_changes_or_what_is_done_at_once_passes() {
        let by_engine = "SELECT count() > 0 FROM system.tables WHERE name = 'x' AND engine = 'Log'";
        assert_eq!(of(by_engine, "CREATE TABLE IF NOT EXISTS x_new AS x", REST), [""; 0]);
        let by_name = "SELECT count() = 0 FROM system.tables WHERE name = 'x_new'";
        assert_eq!(of(by_name, "CREATE TABLE x_new AS x", ""), [""; 0]);
        assert_eq!(
            of(by_name, "CREATE TABLE x_new AS x", "  - {name: b, target: clickhouse, verify: {sql: SELECT 1}}\n"),
            [""; 0]
        );
    }

    #[test]
    fn another_database_is_another_table_unless_the_dialect_says_otherwise() {
        let of = |sql: &str| {
            let text = format!(
                "required: {{target: clickhouse, sql: \"SELECT count() = 0 FROM system.tables WHERE name = 'x_new'\"}}\n\
                 operations:\n  - {{name: begin, target: postgres, undo: DROP TABLE x_new, sql: {sql}}}\n{REST}"
            );
            found(check, &migration(&text))
        };
        assert_eq!(of("CREATE TABLE x_new (a text)"), [""; 0]);
        assert_eq!(of("CREATE TABLE x_new (a text) ENGINE = Log").len(), 1);
    }
}
