//! Probes and progress.

use crate::model::{Comparator, Expectation, Probe, Progress, Question, Template};
use crate::template::Names;

use super::action::{HttpRequest, argv, http};
use super::fields::Fields;
use super::node::{Node, shown};
use super::read;
use super::report::{Report, WithHint};
use super::rules;

const QUESTIONS: [&str; 5] = ["sql", "command", "http", "file", "value"];

/// One probe.
pub(super) fn probe(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Probe> {
    let mut fields = Fields::of(report, node)?;
    let probe = of_fields(report, &mut fields, names, None, |report, node| read::expectation(report, node, names));
    fields.finish(report);
    probe
}

/// Which app version runs; it is the step's where it does not say what is expected.
pub(super) fn version(report: &mut Report, node: &Node) -> Option<Probe> {
    let probe = probe(report, node, Names::default())?;
    let expect = match node.value_of("expect") {
        Some(_) => probe.expect,
        None => Expectation::Compare(Comparator::Equal, "{{ step.app }}".to_owned()),
    };
    Some(Probe { expect, ..probe })
}

/// A probe of an operation, whose target it asks where it names none.
pub(super) fn of_operation(report: &mut Report, node: &Node, names: Names<'_>, target: Option<&str>) -> Option<Probe> {
    let mut fields = Fields::of(report, node)?;
    let probe = of_fields(report, &mut fields, names, target, |report, node| read::expectation(report, node, names));
    fields.finish(report);
    probe
}

/// What an operation waits for or verifies: a probe without a time of its own.
pub(super) fn observed(
    report: &mut Report,
    fields: &mut Fields<'_>,
    names: Names<'_>,
    target: Option<&str>,
) -> Option<Probe> {
    let place = report.place(fields.span);
    let question = question(report, fields, names, Some(target.unwrap_or_default()));
    let answer = answer(report, fields, names);
    let expect = fields.optional("expect").map(|node| read::expectation(report, node, names));
    let message = fields.optional("message");
    let message = message.and_then(|node| read::template(report, node, Names { value: true, ..names }));
    let expect = expect.unwrap_or(Some(Expectation::True))?;
    Some(Probe { question: question?, answer, expect, message, timeout: None, place })
}

/// What is made of what came back.
fn answer(report: &mut Report, fields: &mut Fields<'_>, names: Names<'_>) -> Option<Template> {
    let node = fields.optional("answer")?;
    read::template(report, node, Names { value: true, ..names })
}

/// Whether a mapping asks a database.
pub(super) fn asks_database(node: &Node) -> bool {
    let has = |key: &str| node.value_of(key).is_some();
    has("sql") && !has("target")
}

/// A probe among other keys; `expectation` reads what it expects.
pub(super) fn of_fields(
    report: &mut Report,
    fields: &mut Fields<'_>,
    names: Names<'_>,
    target: Option<&str>,
    expectation: impl Fn(&mut Report, &Node) -> Option<Expectation>,
) -> Option<Probe> {
    let question = question(report, fields, names, target);
    let answer = answer(report, fields, names);
    let expect = fields.optional("expect").map(|node| expectation(report, node));
    let message = fields.optional("message");
    let message = message.and_then(|node| read::template(report, node, Names { value: true, ..names }));
    let timeout = fields.optional("timeout").and_then(|node| read::duration(report, node));
    let place = report.place(fields.span);
    let expect = expect.unwrap_or(Some(Expectation::True))?;
    Some(Probe { question: question?, answer, expect, message, timeout, place })
}

/// What is asked; of that target where it names none.
fn question(report: &mut Report, fields: &mut Fields<'_>, names: Names<'_>, of: Option<&str>) -> Option<Question> {
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
        ["value"] => fields
            .required("value")
            .and_then(|node| Some(Question::Value { text: read::template_word(report, node, names)? })),
        ["sql"] | [] => sql_question(report, fields, names, of),
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

fn sql_question(report: &mut Report, fields: &mut Fields<'_>, names: Names<'_>, of: Option<&str>) -> Option<Question> {
    let has_sql = fields.has("sql");
    let needs_target = has_sql && of.is_none();
    let target_node = if needs_target { fields.required("target") } else { fields.optional("target") };
    let target = match (target_node, of) {
        (None, Some(of)) => Some(of.to_owned()),
        (node, _) => node.and_then(|node| read::text(report, node)),
    };
    let sql_node = fields.optional("sql");
    if !has_sql {
        let hint = "give it `sql` with a `target`, or `command`, `http`, `file` or `value`";
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
