//! Operations of every kind, with their undo.

use std::collections::BTreeMap;

use crate::model::{
    Action, BackfillChange, CopyBy, Expectation, Operation, Retry, Scope, Template, Undo, Verification,
};
use crate::template::Names;

use super::fields::{Fields, map};
use super::node::{Node, Value};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

const KINDS: [&str; 9] = ["sql", "for_each", "copy", "backfill", "wait", "verify", "command", "http", "manual"];

/// Whether each operation must say how it is taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UndoRule {
    /// In migrations.
    Demanded,
    /// In platforms and runbooks, whose way back is a procedure of its own.
    Optional,
}

/// The operations of a procedure; names are unique.
pub(super) fn operations(report: &mut Report, node: &Node, names: Names<'_>, rule: UndoRule) -> Vec<Operation> {
    let mut seen: BTreeMap<String, super::node::Span> = BTreeMap::new();
    let mut operations = Vec::new();
    for item in read::items(report, node) {
        let Some(operation) = operation(report, item, names, rule) else { continue };
        if let Some(first) = seen.insert(operation.name.clone(), item.span) {
            let first = report.place(first);
            let message = format!("the operation `{}` stands twice", operation.name);
            let finding = report.error(rules::INVALID_NAME, item.span, message);
            finding.related.push((first, "the first one".to_owned()));
            finding.with_hint("the journal refers to operations by name; give each its own");
        }
        operations.push(operation);
    }
    operations
}

fn operation(report: &mut Report, node: &Node, names: Names<'_>, rule: UndoRule) -> Option<Operation> {
    let mut fields = Fields::of(report, node)?;
    let name = fields.required(report, "name").and_then(|node| read::name(report, node));
    let mut operation = body(report, &mut fields, names, name.clone().unwrap_or_default())?;
    operation.undo = undo(report, &mut fields, &operation, names, rule);
    fields.finish(report);
    name.map(|_| operation)
}

/// Everything but the name and the undo.
fn body(report: &mut Report, fields: &mut Fields<'_>, names: Names<'_>, name: String) -> Option<Operation> {
    let target = fields.optional("target").and_then(|node| read::text(report, node));
    let found: Vec<&str> = KINDS.into_iter().filter(|kind| fields.has(kind)).collect();
    let (mut timeout, mut action) = (None, None);
    match found.as_slice() {
        [kind] => action = action_of(report, fields, kind, names, &mut timeout),
        [] => report
            .error(rules::OPERATION_KIND, fields.head(), "the operation says nothing to do")
            .with_hint(format!("give it exactly one of: {}", KINDS.join(", "))),
        several => report
            .error(
                rules::OPERATION_KIND,
                fields.head(),
                format!("the operation is of two kinds: {}", several.join(", ")),
            )
            .with_hint("split it into two operations, each with its own undo"),
    }
    for kind in KINDS {
        fields.optional(kind); // known as keys, even where they were refused above
    }
    let on_database = ["sql", "for_each", "copy", "backfill", "wait", "verify"];
    if target.is_none() && found.iter().any(|kind| on_database.contains(kind)) {
        let finding = report.error(rules::MISSING_KEY, fields.head(), "the key `target` is missing");
        finding.with_hint("name the database that the statement is for, such as `target: postgres`");
    }
    let done_when = fields.optional("done_when").and_then(|node| read::template(report, node, names));
    let repeatable = fields.optional("repeatable").and_then(|node| read::boolean(report, node));
    let settings = fields.optional("settings").map(|node| map(report, node, read::scalar));
    let own_timeout = fields.optional("timeout").and_then(|node| read::duration(report, node));
    let retry = fields.optional("retry").and_then(|node| retry(report, node));
    let scope = fields
        .optional("scope")
        .and_then(|node| choice(report, node, &[("each_shard", Scope::EachShard), ("cluster", Scope::Cluster)]));
    let transaction = fields.optional("transaction").and_then(|node| read::boolean(report, node));
    Some(Operation {
        name,
        target,
        action: action?,
        undo: Undo::Nothing,
        done_when,
        repeatable: repeatable.unwrap_or(false),
        settings: settings.unwrap_or_default(),
        timeout: own_timeout.or(timeout),
        retry,
        scope: scope.unwrap_or(Scope::Server),
        transaction: transaction.unwrap_or(true),
        place: report.place(fields.span),
    })
}

fn action_of(
    report: &mut Report,
    fields: &mut Fields<'_>,
    kind: &str,
    names: Names<'_>,
    timeout: &mut Option<std::time::Duration>,
) -> Option<Action> {
    let kind = KINDS.into_iter().find(|known| *known == kind)?;
    let node = fields.required(report, kind)?;
    match kind {
        "sql" => Some(Action::Sql { sql: read::template(report, node, names)? }),
        "command" => {
            let env = fields.optional("env").map(|node| map(report, node, |r, n| read::template_word(r, n, names)));
            let cwd = fields.optional("cwd").and_then(|node| read::template(report, node, names));
            Some(Action::Command { argv: argv(report, node, names)?, env: env.unwrap_or_default(), cwd })
        }
        _ => {
            let mut inner = Fields::of(report, node)?;
            let action = nested(report, &mut inner, kind, names, timeout);
            inner.finish(report);
            action
        }
    }
}

/// The kinds whose value is a mapping.
fn nested(
    report: &mut Report,
    inner: &mut Fields<'_>,
    kind: &str,
    names: Names<'_>,
    timeout: &mut Option<std::time::Duration>,
) -> Option<Action> {
    let needed = |report: &mut Report, inner: &mut Fields<'_>, key, names| {
        inner.required(report, key).and_then(|node| read::template(report, node, names))
    };
    match kind {
        "for_each" => {
            let rows = needed(report, inner, "rows", names);
            let sql = needed(report, inner, "sql", Names { item: true, ..names });
            Some(Action::ForEach { rows: rows?, sql: sql? })
        }
        "copy" => copy(report, inner, names),
        "backfill" => backfill(report, inner, names),
        "wait" => {
            let sql = needed(report, inner, "sql", names);
            let every = inner.optional("every").and_then(|node| read::duration(report, node));
            *timeout = inner.optional("timeout").and_then(|node| read::duration(report, node));
            Some(Action::Wait { sql: sql?, every })
        }
        "verify" => {
            let sql = needed(report, inner, "sql", names);
            let expect = inner.optional("expect").map(|node| read::expectation(report, node));
            let message = inner.optional("message");
            let message = message.and_then(|node| read::template(report, node, Names { value: true, ..names }));
            Some(Action::Verify { sql: sql?, expect: expect.unwrap_or(Some(Expectation::True))?, message })
        }
        "http" => {
            let request = http(report, inner, names)?;
            let body = inner.optional("body").and_then(|node| read::template(report, node, names));
            let HttpRequest { method, url, headers, expect_status } = request;
            Some(Action::Http { method, url, headers, body, expect_status })
        }
        _ => Some(Action::Manual { ask: needed(report, inner, "ask", names)? }),
    }
}

/// What operations and probes over HTTP share.
pub(super) struct HttpRequest {
    pub method: String,
    pub url: Template,
    pub headers: BTreeMap<String, Template>,
    pub expect_status: u16,
}

pub(super) fn http(report: &mut Report, inner: &mut Fields<'_>, names: Names<'_>) -> Option<HttpRequest> {
    const METHODS: [(&str, &str); 6] =
        [("GET", "GET"), ("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH"), ("DELETE", "DELETE"), ("HEAD", "HEAD")];
    let method = inner.optional("method").and_then(|node| choice(report, node, &METHODS));
    let url = inner.required(report, "url").and_then(|node| read::template(report, node, names));
    let headers = inner.optional("headers").map(|node| map(report, node, |r, n| read::template_word(r, n, names)));
    let expect_status = inner.optional("expect_status").and_then(|node| read::integer(report, node, 100..=599));
    let expect_status = expect_status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let method = method.unwrap_or("GET").to_owned();
    Some(HttpRequest { method, url: url?, headers: headers.unwrap_or_default(), expect_status })
}

pub(super) fn argv(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Vec<Template>> {
    if let Value::Scalar { text, .. } = &node.value {
        let finding = report.error(rules::WRONG_TYPE, node.span, format!("`{text}` is a shell string"));
        finding.with_hint("write program and arguments as a list: [helm, upgrade, …]; no shell is involved");
        return None;
    }
    let argv = read::list(report, node, |report, item| read::template_word(report, item, names));
    if argv.is_empty() {
        report.error(rules::INVALID_VALUE, node.span, "the command has no program");
        return None;
    }
    Some(argv)
}

fn copy(report: &mut Report, inner: &mut Fields<'_>, names: Names<'_>) -> Option<Action> {
    let from = inner.required(report, "from").and_then(|node| read::template(report, node, names));
    let to = inner.required(report, "to").and_then(|node| read::template(report, node, names));
    let columns = inner.optional("columns").map(|node| read::list(report, node, read::text));
    let filter = inner.optional("where").and_then(|node| read::template(report, node, names));
    let by = inner.required(report, "by").map(|node| read::one_or_more(report, node)).filter(|by| !by.is_empty());
    let parallel = inner.optional("parallel").and_then(|node| read::integer(report, node, 1..=256));
    let proofs = [("count", Verification::Count), ("checksum", Verification::Checksum), ("none", Verification::None)];
    let verify = inner.optional("verify").and_then(|node| choice(report, node, &proofs));
    let by = by?;
    Some(Action::Copy {
        from: from?,
        to: to?,
        columns: columns.unwrap_or_default(),
        filter,
        by: if by == ["partition"] { CopyBy::Partition } else { CopyBy::Key(by) },
        parallel: u32::try_from(parallel.unwrap_or(1)).unwrap_or(1),
        verify: verify.unwrap_or(Verification::Count),
    })
}

fn backfill(report: &mut Report, inner: &mut Fields<'_>, names: Names<'_>) -> Option<Action> {
    let table = inner.required(report, "table").and_then(|node| read::template(report, node, names));
    let key = inner.required(report, "key").map(|node| read::one_or_more(report, node)).filter(|key| !key.is_empty());
    let set = inner.optional("set").and_then(|node| read::template(report, node, names));
    let sql_node = inner.optional("sql");
    let sql = sql_node.and_then(|node| read::template(report, node, names));
    let batch = inner.optional("batch").and_then(|node| read::integer(report, node, 1..=100_000_000));
    if let (Some(node), Some(sql)) = (sql_node, &sql)
        && !(sql.text.contains(":low") && sql.text.contains(":high"))
    {
        let finding = report.error(rules::INVALID_VALUE, node.span, "the statement does not use `:low` and `:high`");
        finding.with_hint("bound each batch: … WHERE id > :low AND id <= :high");
    }
    let change = match (set, sql) {
        (Some(set), None) => BackfillChange::Set(set),
        (None, Some(sql)) => BackfillChange::Sql(sql),
        (Some(_), Some(_)) => {
            report.error(rules::OPERATION_KIND, inner.head(), "a backfill has `set` or `sql`, not both");
            return None;
        }
        (None, None) => {
            report.error(rules::MISSING_KEY, inner.head(), "a backfill needs `set` or `sql`");
            return None;
        }
    };
    Some(Action::Backfill { table: table?, key: key?, change, batch })
}

fn retry(report: &mut Report, node: &Node) -> Option<Retry> {
    let mut fields = Fields::of(report, node)?;
    let attempts = fields.required(report, "attempts").and_then(|node| read::integer(report, node, 1..=100));
    let backoff = fields.optional("backoff").and_then(|node| read::duration(report, node));
    fields.finish(report);
    let backoff = backoff.unwrap_or(std::time::Duration::from_secs(5));
    Some(Retry { attempts: u32::try_from(attempts?).ok()?, backoff })
}

fn undo(report: &mut Report, fields: &mut Fields<'_>, operation: &Operation, names: Names<'_>, rule: UndoRule) -> Undo {
    let names = Names { item: names.item || matches!(operation.action, Action::ForEach { .. }), ..names };
    let undo = fields.optional("undo");
    let reason = fields.optional("irreversible");
    match (undo, reason) {
        (Some(_), Some(reason)) => {
            let finding = report.error(rules::UNDO_MISSING, reason.span, "both `undo` and `irreversible`");
            finding.with_hint("keep the one that is true");
            Undo::Nothing
        }
        (None, Some(reason)) => read::text(report, reason).map_or(Undo::Nothing, Undo::Irreversible),
        (None, None) => {
            if rule == UndoRule::Demanded && !operation.action.is_observation() {
                let message = format!("the operation `{}` says nothing about taking it back", operation.name);
                let finding = report.error(rules::UNDO_MISSING, fields.head(), message);
                finding.with_hint("add `undo: …`, or `irreversible: why it cannot be taken back`");
            }
            Undo::Nothing
        }
        (Some(node), None) => {
            undo_operation(report, node, operation, names).map_or(Undo::Nothing, |undo| Undo::Operation(Box::new(undo)))
        }
    }
}

/// A text is SQL for the same target; a mapping is an operation without a name.
fn undo_operation(report: &mut Report, node: &Node, of: &Operation, names: Names<'_>) -> Option<Operation> {
    let name = format!("{}:undo", of.name);
    if let Value::Mapping(_) = &node.value {
        let mut fields = Fields::of(report, node)?;
        let own_name = fields.optional("name").and_then(|node| read::name(report, node));
        let operation = body(report, &mut fields, names, own_name.unwrap_or(name));
        fields.finish(report);
        return operation;
    }
    let sql = read::template(report, node, names)?;
    if of.target.is_none() {
        let finding = report.error(rules::UNDO_MISSING, node.span, "an undo as a text is SQL, and there is no target");
        finding.with_hint("write an operation: `undo: {command: […]}`");
        return None;
    }
    Some(Operation {
        name,
        target: of.target.clone(),
        action: Action::Sql { sql },
        undo: Undo::Nothing,
        done_when: None,
        repeatable: false,
        settings: BTreeMap::new(),
        timeout: of.timeout,
        retry: None,
        scope: of.scope,
        transaction: of.transaction,
        place: report.place(node.span),
    })
}

/// One of a few words.
pub(super) fn choice<T: Copy>(report: &mut Report, node: &Node, choices: &[(&str, T)]) -> Option<T> {
    let found = read::text(report, node)?;
    let chosen = choices.iter().find(|(word, _)| *word == found).map(|(_, value)| *value);
    if chosen.is_none() {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let message = format!("`{found}` is none of: {}", words.join(", "));
        let near = crate::model::nearest(&found, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        report.error(rules::INVALID_VALUE, node.span, message).hint = near;
    }
    chosen
}
