//! An undo that destroys rows which are nowhere else.

use crate::manifest::rules::Rule;
use crate::model::{Action, Catalog, Finding, Migration, Operation, Severity, Template, Undo};

use super::sql::names::{Name, name};
use super::sql::statement::{Effect, effects};
use super::sql::texts;
use crate::sql::token::read;

pub(super) const RULE: Rule = Rule {
    name: "undo-drops-only-copy",
    summary: "an undo that would destroy the only copy of something",
    explanation: "An undo takes back what its migration has made, and nothing else. Two slips make it worse than no undo: it \
                  drops or empties a table that was there before the migration, or it drops the copy although a later \
                  operation drops the original. Rename the original away instead, and let a person drop the backup; or \
                  declare the operation that drops it `irreversible`, so that nobody rolls back across it.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for migration in catalog.migrations() {
        let mut history = History { steps: Vec::new() };
        for operation in &migration.operations {
            history.steps.push((operation, done(catalog, operation)));
        }
        for at in 0..migration.operations.len() {
            of_undo(catalog, migration, &history, at, findings);
        }
    }
}

/// What the operations of a migration do, in their order.
struct History<'a> {
    steps: Vec<(&'a Operation, Vec<Effect>)>,
}

/// The effects of an operation of any kind.
fn done(catalog: &Catalog, operation: &Operation) -> Vec<Effect> {
    let engine = texts::engine(catalog, operation);
    if let Action::Copy { from, to, .. } = &operation.action {
        let read_name = |template: &Template| name(&read(template, engine)).map(|(name, _)| name);
        let both = read_name(from).zip(read_name(to));
        return both.into_iter().map(|(from, into)| Effect::Insert { into, from: vec![from] }).collect();
    }
    texts::work(operation).map(|sql| effects(&read(sql, engine))).unwrap_or_default()
}

fn of_undo(catalog: &Catalog, migration: &Migration, history: &History<'_>, at: usize, findings: &mut Vec<Finding>) {
    let operation = &migration.operations[at];
    let Some(undo) = operation.undo.operation() else { return };
    let Some(sql) = texts::work(undo) else { return };
    let mut before: Vec<Effect> = Vec::new();
    for effect in done(catalog, undo) {
        let destroyed = match &effect {
            Effect::Drop(table) => Some(("drops", table)),
            Effect::Empty(table) => Some(("empties", table)),
            Effect::Create { .. } | Effect::Rename { .. } | Effect::Exchange(..) => None,
            Effect::AddPart(_) | Effect::DropPart(_) | Effect::Insert { .. } | Effect::Link { .. } => None,
        };
        if let Some((verb, table)) = destroyed.filter(|(_, table)| !table.varies()) {
            let target = undo.target.as_deref();
            let finding = |message| Finding::new(RULE.name, Severity::Error, sql.place.clone(), message);
            let (name, table_name) = (&operation.name, &table.text);
            if !history.is_made(target, table, at, &before) {
                let message = format!(
                    "the undo of `{name}` {verb} `{table_name}`, which no operation up to there has created: it was there \
                     before the migration"
                );
                let hint = format!("take back only what `{name}` has done");
                findings.push(finding(message).hint(hint));
            } else if let Some((source, later)) = history.lost_source(catalog, target, table, at) {
                let message = format!(
                    "the undo of `{name}` {verb} `{table_name}`, the only copy once `{}` has destroyed `{}`",
                    later.name, source.text
                );
                let hint =
                    format!("let `{}` rename `{}` away instead, or declare it `irreversible`", later.name, source.text);
                findings.push(finding(message).hint(hint).related(later.place.clone(), "here the original goes"));
            }
        }
        before.push(effect);
    }
}

impl<'a> History<'a> {
    /// The effects on a database, with the index of their operation.
    fn on(&self, target: Option<&str>) -> impl Iterator<Item = (usize, &Effect)> {
        let steps = self.steps.iter().enumerate();
        let here = steps.filter(move |(_, (operation, _))| operation.target.as_deref() == target);
        here.flat_map(|(at, (_, effects))| effects.iter().map(move |effect| (at, effect)))
    }

    /// Whether a table comes from this migration, after the operation at an index and what its undo has done so far.
    ///
    /// A table keeps its origin when it is renamed: a backup of what was there before is not the migration's own.
    fn is_made(&self, target: Option<&str>, table: &Name, at: usize, undone: &[Effect]) -> bool {
        let mut made: Vec<&Name> = Vec::new();
        let own = self.on(target).filter(|(step, _)| *step <= at).map(|(_, effect)| effect);
        for effect in own.chain(undone) {
            match effect {
                Effect::Create { object, .. } => made.push(object),
                Effect::Rename { from, to } => {
                    let is_own = made.iter().any(|known| known.is(from) || known.varies());
                    made.retain(|known| !known.is(from) && !known.is(to));
                    if is_own || from.varies() || to.varies() {
                        made.push(to);
                    }
                }
                Effect::Exchange(one, other) => {
                    let of = |name: &Name| made.iter().any(|known| known.is(name));
                    let (has_one, has_other) = (of(one), of(other));
                    made.retain(|known| !known.is(one) && !known.is(other));
                    made.extend(has_one.then_some(other).into_iter().chain(has_other.then_some(one)));
                }
                Effect::Drop(_) | Effect::Empty(_) | Effect::AddPart(_) | Effect::DropPart(_) => {}
                Effect::Insert { .. } | Effect::Link { .. } => {}
            }
        }
        made.iter().any(|known| known.is(table) || known.varies())
    }

    /// A source that was copied into the table and is destroyed later, with the operation that does so, if a rollback
    /// could come across it and then destroy the table at the index's undo.
    fn lost_source(
        &self,
        catalog: &Catalog,
        target: Option<&str>,
        table: &Name,
        at: usize,
    ) -> Option<(Name, &'a Operation)> {
        for (copied, effect) in self.on(target) {
            let sources: Vec<&Name> = match effect {
                Effect::Insert { into, from } | Effect::Create { object: into, from } if into.is(table) => {
                    from.iter().collect()
                }
                Effect::Link { into, from } if into.is(table) => vec![from],
                Effect::Insert { .. } | Effect::Create { .. } | Effect::Link { .. } => continue,
                Effect::Drop(_)
                | Effect::Empty(_)
                | Effect::Rename { .. }
                | Effect::Exchange(..)
                | Effect::AddPart(_)
                | Effect::DropPart(_) => {
                    continue;
                }
            };
            for source in sources {
                let Some(later) = self.destroyed(target, source, copied) else { continue };
                let (operation, _) = self.steps[later];
                let crossed = later < at || !matches!(operation.undo, Undo::Irreversible(_));
                let is_own = self.is_made(target, source, copied, &[]);
                if crossed && !is_own && !comes_back(catalog, operation, source) {
                    return Some((source.clone(), operation));
                }
            }
        }
        None
    }

    /// The operation after an index that drops or empties a table, unless it was renamed away first.
    fn destroyed(&self, target: Option<&str>, table: &Name, after: usize) -> Option<usize> {
        for (at, effect) in self.on(target).filter(|(at, _)| *at > after) {
            match effect {
                Effect::Drop(dropped) | Effect::Empty(dropped) if dropped.is(table) => return Some(at),
                Effect::Rename { from, .. } if from.is(table) => return None,
                Effect::Exchange(one, other) if one.is(table) || other.is(table) => return None,
                Effect::Create { .. } | Effect::Drop(_) | Effect::Empty(_) | Effect::Rename { .. } => {}
                Effect::Exchange(..)
                | Effect::AddPart(_)
                | Effect::DropPart(_)
                | Effect::Insert { .. }
                | Effect::Link { .. } => {}
            }
        }
        None
    }
}

/// Whether the undo of what destroys a table fills it again.
fn comes_back(catalog: &Catalog, operation: &Operation, table: &Name) -> bool {
    let undone = operation.undo.operation().map(|undo| done(catalog, undo)).unwrap_or_default();
    undone.iter().any(|effect| match effect {
        Effect::Insert { into, .. } | Effect::Link { into, .. } => into.is(table),
        Effect::Create { object, from } => object.is(table) && !from.is_empty(),
        Effect::Rename { to, .. } => to.is(table),
        Effect::Exchange(one, other) => one.is(table) || other.is(table),
        Effect::Drop(_) | Effect::Empty(_) | Effect::AddPart(_) | Effect::DropPart(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    /// Operations `a`, `b`, … from pairs of SQL and undo; an undo of `-` is irreversible.
    fn of(operations: &[(&str, &str)]) -> Vec<String> {
        let mut text = "operations:\n".to_owned();
        for (name, (sql, undo)) in ('a'..).zip(operations) {
            let undo = if *undo == "-" { "irreversible: no way".to_owned() } else { format!("undo: \"{undo}\"") };
            text.push_str(&format!("  - {{name: {name}, target: clickhouse, sql: \"{sql}\", {undo}}}\n"));
        }
        found(check, &migration(&text))
    }

    #[test]
    fn what_was_there_before_is_not_dropped() {
        assert_eq!(
            of(&[("INSERT INTO events SELECT * FROM old", "TRUNCATE TABLE events")]),
            [
                "5: error: the undo of `a` empties `events`, which no operation up to there has created: it was there before \
              the migration (take back only what `a` has done)"
            ]
        );
        assert_eq!(of(&[("RENAME TABLE x TO x_backup", "DROP TABLE x_backup")]).len(), 1);
        assert_eq!(of(&[("SYSTEM STOP MERGES", "DELETE FROM x WHERE 1")]).len(), 1);
        assert_eq!(of(&[("SYSTEM STOP MERGES", "DROP TABLE y"), ("CREATE TABLE y AS x", "DROP TABLE y")]).len(), 1);
    }

    #[test]
    fn what_the_migration_has_made_is() {
        assert_eq!(of(&[("CREATE TABLE IF NOT EXISTS y AS x", "DROP TABLE IF EXISTS db.y")]), [""; 0]);
        assert_eq!(
            of(&[("CREATE TABLE y AS x", "DROP TABLE y"), ("RENAME TABLE x TO z, y TO x", "DROP TABLE x")]),
            [""; 0]
        );
        assert_eq!(of(&[("CREATE TABLE y AS x", "SELECT 1"), ("EXCHANGE TABLES x AND y", "DROP TABLE x")]), [""; 0]);
        assert_eq!(of(&[("SYSTEM STOP MERGES", "DELETE FROM x WHERE marked = 1")]), [""; 0]);
        assert_eq!(of(&[("CREATE TABLE {{ vars.a | ident }} AS x", "DROP TABLE {{vars.a|ident}}")]), [""; 0]);
    }

    const MAKE: (&str, &str) = ("CREATE TABLE y AS x", "SELECT 1");
    const COPY: (&str, &str) = ("INSERT INTO y SELECT * FROM x", "TRUNCATE TABLE y");

    #[test]
    fn a_copy_stays_when_the_original_goes() {
        assert_eq!(
            of(&[MAKE, COPY, ("DROP TABLE x", "SELECT 1")]),
            [
                "6: error: the undo of `b` empties `y`, the only copy once `c` has destroyed `x` (let `c` rename `x` away \
              instead, or declare it `irreversible`)"
            ]
        );
        assert_eq!(of(&[("CREATE TABLE y AS x", "DROP TABLE y"), COPY, ("TRUNCATE TABLE x", "SELECT 1")]).len(), 2);
        assert_eq!(
            of(&[MAKE, (COPY.0, "SELECT 1"), ("DROP TABLE x", "-"), ("SYSTEM FLUSH LOGS", "DROP TABLE y")]).len(),
            1
        );
    }

    #[test]
    fn a_backup_a_point_of_no_return_and_a_way_back_are_fine() {
        assert_eq!(of(&[MAKE, COPY, ("RENAME TABLE x TO x_backup, y TO x", "SELECT 1")]), [""; 0]);
        assert_eq!(of(&[MAKE, COPY, ("DROP TABLE x", "-")]), [""; 0]);
        assert_eq!(of(&[MAKE, COPY, ("TRUNCATE TABLE x", "INSERT INTO x SELECT * FROM y")]), [""; 0]);
        assert_eq!(of(&[("CREATE TABLE x AS z", "SELECT 1"), MAKE, COPY, ("DROP TABLE x", "SELECT 1")]), [""; 0]);
    }

    #[test]
    fn a_copy_operation_is_a_copy() {
        let text = "operations:\n  - {name: a, target: clickhouse, sql: CREATE TABLE y AS x, undo: SELECT 1}\n  \
                    - {name: b, target: clickhouse, copy: {from: db.x, to: db.y, by: partition}, undo: DROP TABLE y}\n  \
                    - {name: c, target: clickhouse, sql: DROP TABLE x, undo: SELECT 1}\n";
        assert_eq!(found(check, &migration(text)).len(), 1);
    }
}
