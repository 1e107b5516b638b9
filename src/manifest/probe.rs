//! Probes and progress.

use crate::model::{Expectation, Probe, Progress, Question, Template};
use crate::template::Names;

use super::action::{HttpRequest, argv, http};
use super::fields::Fields;
use super::node::{Node, shown};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

const QUESTIONS: [&str; 4] = ["sql", "command", "http", "file"];

/// One probe.
pub(super) fn probe(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Probe> {
    let mut fields = Fields::of(report, node)?;
    let probe = of_fields(report, &mut fields, names, |report, node| read::expectation(report, node, names));
    fields.finish(report);
    probe
}

/// A probe among other keys; `expectation` reads what it expects.
pub(super) fn of_fields(
    report: &mut Report,
    fields: &mut Fields<'_>,
    names: Names<'_>,
    expectation: impl Fn(&mut Report, &Node) -> Option<Expectation>,
) -> Option<Probe> {
    let question = question(report, fields, names);
    let expect = fields.optional("expect").map(|node| expectation(report, node));
    let message = fields.optional("message");
    let message = message.and_then(|node| read::template(report, node, Names { value: true, ..names }));
    let timeout = fields.optional("timeout").and_then(|node| read::duration(report, node));
    let place = report.place(fields.span);
    let expect = expect.unwrap_or(Some(Expectation::True))?;
    Some(Probe { question: question?, expect, message, timeout, place })
}

/// What is asked.
fn question(report: &mut Report, fields: &mut Fields<'_>, names: Names<'_>) -> Option<Question> {
    let found: Vec<&str> = QUESTIONS.into_iter().filter(|key| fields.has(key)).collect();
    let question = match found.as_slice() {
        ["command"] => {
            fields.required("command").and_then(|node| Some(Question::Command { argv: argv(report, node, names)? }))
        }
        ["http"] => fields.required("http").and_then(|node| {
            let mut inner = Fields::of(report, node)?;
            let request = http(report, &mut inner, names);
            inner.finish(report);
            let HttpRequest { method, url, headers, expect_status } = request?;
            Some(Question::Http { method, url, headers, expect_status })
        }),
        ["file"] => {
            fields.required("file").and_then(|node| Some(Question::File { path: whole_path(report, node, names)? }))
        }
        ["sql"] | [] => sql_question(report, fields, names),
        several => {
            let message = format!("the probe asks several questions: {}", several.join(", "));
            report.error(rules::OPERATION_KIND, fields.head(), message).with_hint("write a probe for each");
            None
        }
    };
    for key in ["target"].into_iter().chain(QUESTIONS) {
        fields.optional(key); // known as keys, even where they were refused above
    }
    question
}

/// A path that means the same wherever the program runs.
fn whole_path(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Template> {
    let path = read::template(report, node, names)?;
    if !path.text.starts_with(['/', '{']) {
        let message = format!("`{}` is not a whole path", shown(&path.text));
        let hint = "begin it with `/`: a run may be gone on with from another folder";
        report.error(rules::INVALID_VALUE, node.span, message).with_hint(hint);
    }
    Some(path)
}

fn sql_question(report: &mut Report, fields: &mut Fields<'_>, names: Names<'_>) -> Option<Question> {
    let has_sql = fields.has("sql");
    let target_node = if has_sql { fields.required("target") } else { fields.optional("target") };
    let target = target_node.and_then(|node| read::text(report, node));
    let sql_node = fields.optional("sql");
    if !has_sql {
        let hint = "give it `sql` with a `target`, or `command`, `http` or `file`";
        fields.lacks(&QUESTIONS, rules::MISSING_KEY, "the probe asks nothing", Some(hint));
    }
    let sql = sql_node.and_then(|node| read::template(report, node, names));
    Some(Question::Sql { target: target?, sql: sql? })
}

/// A list of probes.
pub(super) fn probes(report: &mut Report, node: Option<&Node>, names: Names<'_>) -> Vec<Probe> {
    node.map_or_else(Vec::new, |node| read::list(report, node, |report, item| probe(report, item, names)))
}

/// How far a migration is.
pub(super) fn progress(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Progress> {
    let mut fields = Fields::of(report, node)?;
    let target = fields.required("target").and_then(|node| read::text(report, node));
    let has_sql = fields.has("sql");
    let mut statement = |report: &mut Report, key| fields.optional(key).map(|node| read::template(report, node, names));
    let (sql, done, total) = (statement(report, "sql"), statement(report, "done"), statement(report, "total"));
    let progress = match (sql, done, total) {
        (Some(sql), None, None) => sql.zip(target).map(|(sql, target)| Progress::Percent { target, sql }),
        (None, Some(done), Some(total)) => {
            let counts = done.zip(total).zip(target);
            counts.map(|((done, total), target)| Progress::Counts { target, done, total })
        }
        _ => {
            let message = "progress is `done` with `total`, or `sql`";
            let hint = if has_sql { "keep one of the two forms" } else { "add what is missing" };
            fields.lacks(&["sql", "done", "total"], rules::MISSING_KEY, message, Some(hint));
            None
        }
    };
    fields.finish(report);
    progress
}
