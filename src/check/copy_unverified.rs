//! A copy of rows that nothing proves.

use crate::manifest::rules::Rule;
use crate::model::{Action, Catalog, Finding, Migration, Operation, Severity, Verification};

use super::sql::statement::{Effect, effects};
use super::sql::texts;
use crate::sql::token::read;

pub(super) const RULE: Rule = Rule {
    name: "copy-unverified",
    summary: "rows are copied and nothing proves that all arrived",
    explanation: "Every copy can lose rows: a timeout that looks like an end, a filter that is too narrow, rows that arrive \
                  meanwhile. PostHog's copy of persons once took each error for the end of the work, and four million \
                  persons were in the backup only. So what copies rows (`copy` with `verify: none`, INSERT … SELECT, CREATE \
                  TABLE … AS SELECT) is followed by a `verify` operation, before anything is swapped or dropped, or at \
                  least by a `postcheck`.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for migration in catalog.migrations() {
        of_migration(catalog, migration, findings);
    }
}

fn of_migration(catalog: &Catalog, migration: &Migration, findings: &mut Vec<Finding>) {
    if !migration.postcheck.is_empty() {
        return;
    }
    for (at, operation) in migration.operations.iter().enumerate() {
        let is_proof = |later: &Operation| matches!(later.action, Action::Verify { .. });
        let Some(copy) = copy(catalog, operation) else { continue };
        if migration.operations[at + 1..].iter().any(is_proof) {
            continue;
        }
        let name = &operation.name;
        let message = format!("the operation `{name}` copies {copy}, and nothing proves that every row arrived");
        let proof = "add a `verify` operation after it that compares the two, or a `postcheck`";
        let is_copy = matches!(operation.action, Action::Copy { .. });
        let hint =
            if is_copy { format!("write `verify: count` or `verify: checksum`, or {proof}") } else { proof.to_owned() };
        findings.push(Finding::new(RULE.name, Severity::Error, operation.place.clone(), message).hint(hint));
    }
}

/// What is copied where, if the operation copies without a proof of its own.
fn copy(catalog: &Catalog, operation: &Operation) -> Option<String> {
    if let Action::Copy { from, to, verify: Verification::None, .. } = &operation.action {
        return Some(format!("`{}` into `{}`", from.text, to.text));
    }
    let tokens = read(texts::work(operation)?, texts::engine(catalog, operation));
    effects(&tokens).into_iter().find_map(|effect| match effect {
        Effect::Insert { into: to, from } | Effect::Create { object: to, from } if !from.is_empty() => {
            let from = from.first().map(|from| from.text.as_str())?;
            Some(format!("`{from}` into `{}`", to.text))
        }
        Effect::Insert { .. }
        | Effect::Create { .. }
        | Effect::Drop(_)
        | Effect::Empty(_)
        | Effect::AddPart(_)
        | Effect::DropPart(_) => None,
        Effect::Rename { .. } | Effect::Exchange(..) | Effect::Link { .. } => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{found, migration};
    use super::*;

    fn of(first: &str, rest: &str) -> Vec<String> {
        let text = format!("operations:\n  - {{name: a, target: clickhouse, irreversible: no way, {first}}}\n{rest}");
        found(check, &migration(&text))
    }

    const VERIFY: &str = "  - {name: b, target: clickhouse, verify: {sql: SELECT 1}}\n";
    const POSTCHECK: &str = "postcheck:\n  - {target: clickhouse, sql: SELECT 1}\n";

    #[test]
    fn a_copy_needs_a_proof() {
        let copy = "copy: {from: x, to: new, by: partition, verify: none}";
        assert_eq!(
            of(copy, ""),
            [
                "5: error: the operation `a` copies `x` into `new`, and nothing proves that every row arrived (write `verify: \
              count` or `verify: checksum`, or add a `verify` operation after it that compares the two, or a `postcheck`)"
            ]
        );
        assert_eq!(of("copy: {from: x, to: new, by: partition}", ""), [""; 0]);
        assert_eq!((of(copy, VERIFY), of(copy, POSTCHECK)), (vec![], vec![]));
    }

    #[test]
    fn so_does_copying_sql() {
        let insert = "sql: INSERT INTO new SELECT * FROM x";
        assert_eq!(
            of(insert, ""),
            [
                "5: error: the operation `a` copies `x` into `new`, and nothing proves that every row arrived (add a `verify` \
              operation after it that compares the two, or a `postcheck`)"
            ]
        );
        assert_eq!(of("sql: CREATE TABLE new ENGINE = Log AS SELECT * FROM x", "").len(), 1);
        assert_eq!(
            of("for_each: {rows: SELECT 1 AS t, sql: 'INSERT INTO new SELECT * FROM x WHERE t = {{ item.t }}'}", "")
                .len(),
            1
        );
        assert_eq!((of(insert, VERIFY), of(insert, POSTCHECK)), (vec![], vec![]));
        assert_eq!(of("sql: INSERT INTO new VALUES (1)", ""), [""; 0]);
        assert_eq!(of("sql: INSERT INTO new SELECT 1", ""), [""; 0]);
        assert_eq!(of("sql: CREATE TABLE new AS x", ""), [""; 0]);
    }

    #[test]
    fn a_proof_that_comes_first_proves_nothing() {
        let text = format!(
            "operations:\n{VERIFY}  - {{name: a, target: clickhouse, irreversible: no way, sql: INSERT INTO new SELECT 1 FROM x}}\n"
        );
        assert_eq!(found(check, &migration(&text)).len(), 1);
    }
}
