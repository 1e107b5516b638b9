//! The actions that work through a table in batches: `copy` and `backfill`.

use crate::model::{Action, BackfillChange, SliceBy, Template, Verification};
use crate::sql::token::{Kind, tokens};
use crate::template::Names;

use super::fields::Fields;
use super::node::{Node, Value, shown};
use super::operation::choice;
use super::read;
use super::report::{Report, WithHint};
use super::rules;

pub(super) fn copy(report: &mut Report, inner: &mut Fields<'_>, names: Names<'_>) -> Option<Action> {
    let from = inner.required("from").and_then(|node| read::template(report, node, names));
    let to_node = inner.required("to");
    let to = to_node.and_then(|node| read::template(report, node, names));
    if let (Some(from), Some(to), Some(node)) = (&from, &to, to_node)
        && from.text.trim() == to.text.trim()
    {
        let message = format!("`{}` would be copied into itself", shown(to.text.trim()));
        report.error(rules::INVALID_VALUE, node.span, message).with_hint("copy into another table, and exchange them");
    }
    let columns = inner.optional("columns").and_then(|node| {
        let names = read::list(report, node, read::text);
        columns(report, node, names, &['.'])
    });
    let filter = inner.optional("where").and_then(|node| part(report, node, names, "WHERE", "a condition"));
    let by = inner.required("by").and_then(|node| columns_of_key(report, node));
    let final_node = inner.optional("final");
    let is_final = final_node.and_then(|node| read::boolean(report, node)).unwrap_or(false);
    let parallel = inner.optional("parallel").and_then(|node| read::integer(report, node, 1..=256));
    let proofs = [("count", Verification::Count), ("checksum", Verification::Checksum), ("none", Verification::None)];
    let verify = inner.optional("verify").and_then(|node| choice(report, node, &proofs));
    let by = slice_by(by?);
    if let Some(node) = final_node.filter(|_| is_final && by != SliceBy::Partition) {
        report
            .error(rules::INVALID_VALUE, node.span, "only a copy by partition reads with FINAL")
            .with_hint("delete the key; Postgres and SQLite keep one row of each key anyway");
    }
    Some(Action::Copy {
        from: from?,
        to: to?,
        columns: columns.unwrap_or_default(),
        filter,
        is_final,
        by,
        parallel: u32::try_from(parallel.unwrap_or(1)).unwrap_or(1),
        verify: verify.unwrap_or(Verification::Count),
    })
}

pub(super) fn backfill(report: &mut Report, inner: &mut Fields<'_>, names: Names<'_>) -> Option<Action> {
    let table = inner.required("table").and_then(|node| read::template(report, node, names));
    let key = inner.required("key").and_then(|node| columns_of_key(report, node));
    let filter = inner.optional("where").and_then(|node| part(report, node, names, "WHERE", "a condition"));
    let set_node = inner.optional("set");
    let set = set_node.and_then(|node| part(report, node, names, "SET", "assignments"));
    let sql_node = inner.optional("sql");
    let sql = sql_node.and_then(|node| read::template(report, node, names));
    let batch_node = inner.optional("batch");
    let batch = batch_node.and_then(|node| read::integer(report, node, 1..=100_000_000));
    if let (Some(node), Some(sql), None) = (sql_node, &sql, set_node) {
        let missing: Vec<&str> = ["low", "high"].into_iter().filter(|end| !has_end(&sql.text, end)).collect();
        if !missing.is_empty() {
            let message = format!("the statement does not use `:{}`", missing.join("` and `:"));
            let hint = "bound each batch: … WHERE id BETWEEN :low AND :high; they are its first and its last key";
            report.error(rules::INVALID_VALUE, node.span, message).with_hint(hint);
        }
    }
    match (set_node, sql_node) {
        (Some(_), Some(node)) => {
            let finding = report.error(rules::OPERATION_KIND, node.span, "a backfill has `set` or `sql`, not both");
            finding.with_hint("keep the one that is meant");
        }
        (None, None) => {
            let hint = "write `set: column = value`, or `sql:` with :low and :high";
            inner.lacks(&["set", "sql"], rules::MISSING_KEY, "a backfill needs `set` or `sql`", Some(hint));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    let by = slice_by(key?);
    let of_keys = [("sql", sql_node), ("batch", batch_node)];
    for (name, node) in of_keys.into_iter().filter_map(|(name, node)| Some((name, node?))) {
        if by == SliceBy::Partition {
            let message = format!("a backfill by partition has no `{name}`");
            report
                .error(rules::INVALID_VALUE, node.span, message)
                .with_hint("write `set`, and `where`; each partition is one piece");
        }
    }
    let change = set.map(BackfillChange::Set).or(sql.map(BackfillChange::Sql))?;
    Some(Action::Backfill { table: table?, by, filter, change, batch })
}

fn slice_by(columns: Vec<String>) -> SliceBy {
    if columns == ["partition"] { SliceBy::Partition } else { SliceBy::Key(columns) }
}

/// Whether a statement names an end of the batch, outside of texts and comments.
fn has_end(sql: &str, end: &str) -> bool {
    let tokens = tokens(sql, None);
    (0..tokens.len()).any(|at| match &tokens[at..] {
        [colon, word, ..] if colon.is_symbol(":") && word.kind == Kind::Word && word.at == colon.at + 1 => {
            let is_cast = at.checked_sub(1).is_some_and(|before| tokens[before].is_symbol(":"));
            !is_cast && word.text == end
        }
        _ => false,
    })
}

/// A part of a statement that the program writes around it, without the keyword that it brings along.
fn part(report: &mut Report, node: &Node, names: Names<'_>, keyword: &str, what: &str) -> Option<Template> {
    let template = read::template(report, node, names)?;
    let tokens = tokens(&template.text, None);
    match tokens.first() {
        Some(first) if first.is_word(keyword) => {
            let message = format!("{keyword} is written by the program");
            report.error(rules::INVALID_VALUE, node.span, message).with_hint(format!("write {what} alone"));
        }
        Some(_) if tokens.iter().any(|token| token.is_symbol(";")) => {
            let message = "this is a part of a statement, and `;` would end it";
            report.error(rules::INVALID_VALUE, node.span, message).with_hint(format!("write {what} alone"));
        }
        Some(_) => {}
        None => {
            let finding = report.error(rules::INVALID_VALUE, node.span, "the text is empty");
            finding.with_hint(format!("write {what}, or delete the key"));
        }
    }
    Some(template)
}

/// The columns of a key, or the word `partition`: one or several, at least one.
fn columns_of_key(report: &mut Report, node: &Node) -> Option<Vec<String>> {
    let names = read::one_or_more(report, node);
    columns(report, node, names, &[])
}

/// Plain names of columns: the program puts the quotes.
fn columns(report: &mut Report, node: &Node, names: Vec<String>, also: &[char]) -> Option<Vec<String>> {
    if matches!(&node.value, Value::Sequence(items) if items.is_empty()) {
        report.error(rules::INVALID_VALUE, node.span, "the list is empty").with_hint("name at least one column");
    }
    let is_plain = |name: &str| {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || also.contains(&c);
        !name.is_empty() && name.chars().all(inside)
    };
    for (at, name) in names.iter().enumerate() {
        if !is_plain(name) {
            let message = format!("`{}` is not the plain name of a column", shown(name));
            let hint = "name columns without quotes, functions and the table; several are a list: [team_id, id]";
            report.error(rules::INVALID_VALUE, node.span, message).with_hint(hint);
        } else if names[..at].contains(name) {
            let message = format!("the column `{name}` stands twice");
            report.error(rules::INVALID_VALUE, node.span, message).with_hint("name each column once");
        }
    }
    Some(names).filter(|names| !names.is_empty())
}
