//! What an operation does, kind by kind; what surrounds it is [`super::operation`]'s.

use std::collections::BTreeMap;

use crate::model::{Action, Template};
use crate::template::Names;

use super::batches::{backfill, copy};
use super::fields::{Fields, map};
use super::node::{Node, Value, shown};
use super::operation::choice;
use super::probe::observed;
use super::read;
use super::report::{Report, WithHint};
use super::rules;

/// The action behind the key of its kind.
pub(super) fn action_of(
    report: &mut Report,
    fields: &mut Fields<'_>,
    kind: &'static str,
    names: Names<'_>,
    target: Option<&str>,
    timeout: &mut Option<std::time::Duration>,
) -> Option<Action> {
    let node = fields.required(kind)?;
    match kind {
        "sql" => Some(Action::Sql { sql: read::template(report, node, names)? }),
        "command" => {
            let env = fields.optional("env").map(|node| map(report, node, |r, n| read::template_word(r, n, names)));
            let cwd = fields.optional("cwd").and_then(|node| read::template(report, node, names));
            Some(Action::Command { argv: argv(report, node, names)?, env: env.unwrap_or_default(), cwd })
        }
        _ => {
            let mut inner = Fields::of(report, node)?;
            let action = nested(report, &mut inner, kind, names, target, timeout);
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
    target: Option<&str>,
    timeout: &mut Option<std::time::Duration>,
) -> Option<Action> {
    let needed = |report: &mut Report, inner: &mut Fields<'_>, key, names| {
        inner.required(key).and_then(|node| read::template(report, node, names))
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
            let every = inner.optional("every").and_then(|node| read::duration(report, node));
            *timeout = inner.optional("timeout").and_then(|node| read::duration(report, node));
            let fail_when = inner.optional("fail_when").map(|node| read::expectation(report, node, names));
            let probe = observed(report, inner, names, target);
            Some(Action::Wait { probe: probe?, every, fail_when: fail_when.map_or(Some(None), |it| it.map(Some))? })
        }
        "verify" => Some(Action::Verify { probe: observed(report, inner, names, target)? }),
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
    let url = inner.required("url").and_then(|node| read::template(report, node, names));
    let headers = inner.optional("headers").map(|node| map(report, node, |r, n| read::template_word(r, n, names)));
    let expect_status = inner.optional("expect_status").and_then(|node| read::integer(report, node, 100..=599));
    let expect_status = expect_status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
    let method = method.unwrap_or("GET").to_owned();
    Some(HttpRequest { method, url: url?, headers: headers.unwrap_or_default(), expect_status })
}

pub(super) fn argv(report: &mut Report, node: &Node, names: Names<'_>) -> Option<Vec<Template>> {
    if let Value::Scalar { text, .. } = &node.value {
        let message = format!("`{}` is a shell string", shown(text));
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_plain = |word: &&str| word.chars().all(|c| c.is_alphanumeric() || "-_./=:".contains(c));
        let hint = if words.len() < 8 && !words.is_empty() && words.iter().all(is_plain) {
            format!("write program and arguments as a list: [{}]; no shell is involved", words.join(", "))
        } else {
            "write program and arguments as a list: [helm, upgrade, …]; no shell is involved".to_owned()
        };
        report.error(rules::WRONG_TYPE, node.span, message).with_hint(hint);
        return None;
    }
    let argv = read::list(report, node, |report, item| read::template_word(report, item, names));
    if matches!(&node.value, Value::Sequence(items) if items.is_empty()) {
        let finding = report.error(rules::INVALID_VALUE, node.span, "the command has no program");
        finding.with_hint("write program and arguments: [helm, upgrade, …]");
    }
    Some(argv).filter(|argv| !argv.is_empty())
}
