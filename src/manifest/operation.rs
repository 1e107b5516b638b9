//! Operations of every kind, with their undo.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Action, Expectation, Operation, Probe, Question, Retry, Scope, Template, Undo, did_you_mean};
use crate::template::{Names, outputs_used, uses_item};

use super::action::action_of;
use super::fields::{Fields, map};
use super::node::{Node, Span, Value, shown};
use super::report::{Report, WithHint};
use super::{probe, read, rules};

const KINDS: [&str; 9] = ["sql", "for_each", "copy", "backfill", "wait", "verify", "command", "http", "manual"];
const ON_DATABASE: [&str; 4] = ["sql", "for_each", "copy", "backfill"];
const OBSERVATIONS: [&str; 2] = ["wait", "verify"];

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
    let mut lists = Lists::default();
    let mut operations = lists.read(report, node, names, rule);
    keep_outputs(&mut operations.iter_mut().collect::<Vec<_>>());
    operations
}

/// Lists of operations that make one procedure: their names are unique, and what the earlier ones print is known to the
/// later ones.
#[derive(Default)]
pub(super) struct Lists {
    seen: BTreeMap<String, Span>,
    outputs: Vec<String>,
}

impl Lists {
    /// The next list.
    pub fn read(&mut self, report: &mut Report, node: &Node, names: Names<'_>, rule: UndoRule) -> Vec<Operation> {
        let mut operations = Vec::new();
        for item in read::items(report, node) {
            let names = Names { outputs: &self.outputs, ..names };
            let Some((operation, place)) = operation(report, item, names, rule) else { continue };
            if let Some(first) = self.seen.get(&operation.name) {
                let first = report.place(*first);
                let message = format!("the operation `{}` stands twice", operation.name);
                let finding = report.error(rules::DUPLICATE_OPERATION, place, message);
                finding.related.push((first, "the first one".to_owned()));
                finding.with_hint("the journal refers to operations by name; give each its own");
            } else if !operation.name.is_empty() {
                self.seen.insert(operation.name.clone(), place);
            }
            if operation.action.has_output() {
                self.outputs.push(operation.name.clone());
            }
            operations.push(operation);
        }
        operations
    }
}

/// Notes whose output a later operation of the procedure uses.
pub(super) fn keep_outputs(operations: &mut [&mut Operation]) {
    let mut used = BTreeSet::new();
    for operation in operations.iter_mut().rev() {
        let undo = operation.undo.operation().map(Operation::texts).unwrap_or_default();
        used.extend(undo.into_iter().flat_map(outputs_used));
        operation.keeps_output = used.contains(&operation.name);
        used.extend(operation.texts().into_iter().flat_map(outputs_used));
    }
}

/// An operation, and where its name stands.
fn operation(report: &mut Report, node: &Node, names: Names<'_>, rule: UndoRule) -> Option<(Operation, Span)> {
    let mut fields = Fields::of(report, node)?;
    let name_node = fields.required("name");
    let name = name_node.and_then(|node| read::name(report, node)).unwrap_or_default();
    let (mut operation, kinds) = body(report, &mut fields, names, name);
    // What takes an operation back knows what that printed.
    let own = operation.action.has_output().then(|| operation.name.clone());
    let outputs: Vec<String> = names.outputs.iter().cloned().chain(own).collect();
    let names = Names { outputs: &outputs, ..names };
    operation.undo = undo(report, &mut fields, &operation, &kinds, names, rule);
    fields.finish(report);
    Some((operation, name_node.map_or(node.span, |node| node.span)))
}

/// Everything but the name and the undo, and the kinds that it has: one, unless that was told as a finding.
///
/// Where a part cannot be read, a finding says so and no catalog is handed out: what stands in its place is never seen.
fn body(
    report: &mut Report,
    fields: &mut Fields<'_>,
    names: Names<'_>,
    name: String,
) -> (Operation, Vec<&'static str>) {
    let has_target = fields.has("target");
    let target = fields.optional("target").and_then(|node| read::text(report, node));
    let kinds = kinds(report, fields);
    let asks_target = |fields: &Fields<'_>, kind: &str| fields.value_of(kind).is_some_and(probe::asks_database);
    let on_database = kinds.iter().any(|kind| ON_DATABASE.contains(kind))
        || OBSERVATIONS.iter().any(|kind| kinds.contains(kind) && asks_target(fields, kind));
    let (mut timeout, mut action) = (None, None);
    for kind in &kinds {
        action = action_of(report, fields, kind, names, target.as_deref(), &mut timeout).or(action);
    }
    for kind in KINDS {
        fields.optional(kind); // known as keys, even where they are not there
    }
    belongs_to_command(report, fields, &kinds);
    let of_part = Names { item: names.item || kinds.contains(&"for_each"), ..names };
    let done_when_node = fields.optional("done_when");
    let done_when = done_when_node.and_then(|node| done_when(report, node, of_part, target.as_deref()));
    let asks_own = done_when_node.is_some_and(|node| node.scalar().is_some());
    let when = fields.optional("when").and_then(|node| probe::of_operation(report, node, names, target.as_deref()));
    if !has_target && (on_database || asks_own) {
        let hint = "name the database that the statement is for, such as `target: postgres`";
        fields.lacks(&["target"], rules::MISSING_KEY, "the key `target` is missing", Some(hint));
    }
    let repeatable = fields.optional("repeatable").and_then(|node| read::boolean(report, node));
    let settings = fields.optional("settings").map(|node| map(report, node, read::scalar));
    let own_timeout = fields.optional("timeout").and_then(|node| read::duration(report, node));
    let retry = fields.optional("retry").and_then(|node| retry(report, node));
    let scope = fields
        .optional("scope")
        .and_then(|node| choice(report, node, &[("each_shard", Scope::EachShard), ("cluster", Scope::Cluster)]));
    let transaction = fields.optional("transaction").and_then(|node| read::boolean(report, node));
    let place = report.place(fields.span);
    let nothing = || Action::Manual { ask: Template { text: String::new(), place: place.clone() } };
    let operation = Operation {
        name,
        target,
        action: action.unwrap_or_else(nothing),
        undo: Undo::Nothing,
        when,
        done_when,
        repeatable: repeatable.unwrap_or(false),
        settings: settings.unwrap_or_default(),
        timeout: own_timeout.or(timeout),
        retry,
        scope: scope.unwrap_or(Scope::Server),
        of_item: false,
        is_recovery: false,
        keeps_output: false,
        transaction: transaction.unwrap_or(true),
        place,
    };
    (operation, kinds)
}

/// What tells that the effect is there: SQL for the operation's target, or a probe.
fn done_when(report: &mut Report, node: &Node, names: Names<'_>, target: Option<&str>) -> Option<Probe> {
    if let Value::Mapping(_) = &node.value {
        return probe::of_operation(report, node, names, target);
    }
    let sql = read::template(report, node, names)?;
    let place = sql.place.clone();
    let question = Question::Sql { target: target.unwrap_or_default().to_owned(), sql };
    Some(Probe { question, answer: None, expect: Expectation::True, message: None, timeout: None, place })
}

/// The kinds whose keys an operation has, in the order of the file; it should be one.
fn kinds(report: &mut Report, fields: &mut Fields<'_>) -> Vec<&'static str> {
    let mut found: Vec<(Span, &'static str)> =
        KINDS.into_iter().filter_map(|kind| Some((fields.key_span(kind)?, kind))).collect();
    found.sort_by_key(|(span, _)| span.start);
    let kinds: Vec<&'static str> = found.iter().map(|(_, kind)| *kind).collect();
    match found.as_slice() {
        [_] => {}
        [] => {
            let hint = format!("give it exactly one of: {}", KINDS.join(", "));
            let message = "the operation says nothing to do";
            fields.lacks(&KINDS, rules::OPERATION_KIND, message, Some(&hint));
        }
        [(first, kind), (second, _), ..] => {
            let first = report.place(*first);
            let message = format!("the operation is of several kinds: {}", kinds.join(", "));
            let finding = report.error(rules::OPERATION_KIND, *second, message);
            finding.related.push((first, format!("it is of the kind `{kind}` already")));
            finding.with_hint("split it, so that each operation has its own outcome and its own undo");
        }
    }
    kinds
}

/// `env` and `cwd` of what is no command.
fn belongs_to_command(report: &mut Report, fields: &mut Fields<'_>, kinds: &[&str]) {
    for key in ["env", "cwd"] {
        let span = fields.key_span(key);
        fields.nullable(key);
        if let (Some(span), Some(kind)) = (span, kinds.first()) {
            let finding = report.error(rules::UNKNOWN_KEY, span, format!("`{key}` is for commands only"));
            finding.with_hint(format!("delete it; this operation is of the kind `{kind}`"));
        }
    }
}

fn retry(report: &mut Report, node: &Node) -> Option<Retry> {
    let mut fields = Fields::of(report, node)?;
    let attempts = fields.required("attempts").and_then(|node| read::integer(report, node, 1..=100));
    let backoff = fields.optional("backoff").and_then(|node| read::duration(report, node));
    fields.finish(report);
    let backoff = backoff.unwrap_or(std::time::Duration::from_secs(5));
    Some(Retry { attempts: u32::try_from(attempts?).ok()?, backoff })
}

fn undo(
    report: &mut Report,
    fields: &mut Fields<'_>,
    operation: &Operation,
    kinds: &[&str],
    names: Names<'_>,
    rule: UndoRule,
) -> Undo {
    let names = Names { item: names.item || kinds.contains(&"for_each"), ..names };
    let keys = fields.key_span("undo").zip(fields.key_span("irreversible"));
    let undo = fields.optional("undo").map(|node| undo_operation(report, node, operation, kinds, names));
    let reason = fields.optional("irreversible").map(|node| read::text(report, node));
    if let Some((undo, irreversible)) = keys {
        let (first, second) = if undo.start < irreversible.start { (undo, irreversible) } else { (irreversible, undo) };
        let first = report.place(first);
        let finding = report.error(rules::UNDO_MISSING, second, "both `undo` and `irreversible`");
        finding.related.push((first, "the other one".to_owned()));
        finding.with_hint("keep the one that is true");
    }
    let changes = kinds.iter().any(|kind| !["wait", "verify", "manual"].contains(kind));
    if undo.is_none() && reason.is_none() && rule == UndoRule::Demanded && changes {
        let message = match operation.name.as_str() {
            "" => "the operation says nothing about taking it back".to_owned(),
            name => format!("the operation `{name}` says nothing about taking it back"),
        };
        let hint = "add `undo: …`, or `irreversible: why it cannot be taken back`";
        fields.lacks(&["undo", "irreversible"], rules::UNDO_MISSING, message, Some(hint));
    }
    match (undo.flatten(), reason.flatten()) {
        (Some(undo), _) => {
            let of_item = kinds.contains(&"for_each") && undo.texts().into_iter().any(uses_item);
            Undo::Operation(Box::new(Operation { of_item, ..undo }))
        }
        (None, Some(reason)) => Undo::Irreversible(reason),
        (None, None) => Undo::Nothing,
    }
}

/// A text is SQL for the same target, harmless a second time: it also runs where the operation was only begun. A mapping is
/// an operation without a name.
fn undo_operation(
    report: &mut Report,
    node: &Node,
    of: &Operation,
    kinds: &[&str],
    names: Names<'_>,
) -> Option<Operation> {
    let name = format!("{}:undo", of.name);
    if let Value::Mapping(_) = &node.value {
        let mut fields = Fields::of(report, node)?;
        let own_name = fields.optional("name").and_then(|node| read::name(report, node));
        let (operation, _) = body(report, &mut fields, names, own_name.unwrap_or(name));
        fields.finish(report);
        return Some(operation);
    }
    let sql = read::template(report, node, names)?;
    if of.target.is_none() {
        if !kinds.iter().any(|kind| ON_DATABASE.contains(kind)) {
            let message = "an undo as a text is SQL, and there is no target";
            report
                .error(rules::UNDO_MISSING, node.span, message)
                .with_hint("write an operation: `undo: {command: […]}`");
        }
        return None;
    }
    Some(Operation {
        name,
        target: of.target.clone(),
        // What adds rows would add them twice.
        repeatable: !sql.text.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("INSERT")),
        action: Action::Sql { sql },
        undo: Undo::Nothing,
        when: None,
        done_when: None,
        settings: BTreeMap::new(),
        timeout: of.timeout,
        retry: None,
        scope: of.scope,
        of_item: false,
        is_recovery: false,
        keeps_output: false,
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
        let hint = did_you_mean(&found, words.iter().copied(), || format!("write one of: {}", words.join(", ")));
        let message = format!("`{}` is not known here", shown(&found));
        report.error(rules::INVALID_VALUE, node.span, message).with_hint(hint);
    }
    chosen
}
