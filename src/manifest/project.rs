//! `orchestrate.yaml`: the product and its environments.

use std::collections::BTreeMap;

use crate::model::{Environment, ProductName, Project, ServiceSource, Target};
use crate::template::Names;

use super::fields::{Fields, map};
use super::node::{Node, Value};
use super::parameter::json;
use super::read;
use super::report::{Report, WithHint};
use super::rules;

const SETTINGS: [&str; 5] =
    ["auto_rollback", "max_concurrent", "default_timeout", "healthcheck_interval", "auto_start"];

pub(super) fn project(report: &mut Report, mut fields: Fields<'_>) -> Project {
    let product = fields.optional("product").and_then(|node| read::name(report, node)).map(ProductName::new);
    let environments = fields.optional("environments").map(|node| map(report, node, environment));
    fields.finish(report);
    Project { product, environments: environments.unwrap_or_default() }
}

fn environment(report: &mut Report, node: &Node) -> Option<Environment> {
    let mut fields = Fields::of(report, node)?;
    let store = fields.optional("store").and_then(|node| filled(report, node));
    let targets = fields.optional("targets").map(|node| map(report, node, target));
    let platform = fields.optional("platform").and_then(|node| read::name(report, node));
    let vars = fields.optional("vars").map(|node| map(report, node, filled));
    let services = fields.optional("services").map(|node| map(report, node, service));
    let settings = fields.optional("settings").map(|node| settings(report, node));
    let place = report.place(fields.head());
    fields.finish(report);
    Some(Environment {
        store,
        targets: targets.unwrap_or_default(),
        platform,
        vars: vars.unwrap_or_default(),
        services: services.unwrap_or_default(),
        settings: settings.unwrap_or_default(),
        place,
    })
}

fn target(report: &mut Report, node: &Node) -> Option<Target> {
    let mut fields = Fields::of(report, node)?;
    let url_node = fields.required(report, "url");
    let url = url_node.and_then(|node| filled(report, node));
    let database = fields.optional("database").and_then(|node| filled(report, node));
    let cluster = fields.optional("cluster").and_then(|node| filled(report, node));
    let place = report.place(fields.head());
    fields.finish(report);
    let target = Target { url: url?, database, cluster, place };
    if let Some(node) = url_node
        && target.engine().is_none()
        && !target.url.starts_with("${")
    {
        let finding = report.error(rules::INVALID_VALUE, node.span, "the URL's scheme names no known engine");
        finding.with_hint("http:// and https:// are ClickHouse; others are postgres:// and sqlite://");
    }
    Some(target)
}

fn service(report: &mut Report, node: &Node) -> Option<ServiceSource> {
    match &node.value {
        Value::Mapping(_) => {
            let probe = super::probe::probe(report, node, Names::default())?;
            Some(ServiceSource::Probe(Box::new(probe)))
        }
        Value::Scalar { .. } | Value::Sequence(_) => read::service_version(report, node).map(ServiceSource::Version),
    }
}

fn settings(report: &mut Report, node: &Node) -> BTreeMap<String, serde_json::Value> {
    let Some(mut fields) = Fields::of(report, node) else { return BTreeMap::new() };
    let mut settings = BTreeMap::new();
    for key in SETTINGS {
        let Some(node) = fields.optional(key) else { continue };
        let fits = match key {
            "auto_rollback" | "auto_start" => read::boolean(report, node).is_some(),
            "max_concurrent" => read::integer(report, node, 1..=1000).is_some(),
            _ => read::duration(report, node).is_some(),
        };
        if fits {
            settings.insert(key.to_owned(), json(node));
        }
    }
    fields.finish(report);
    settings
}

/// A text with `${NAME}` and `${NAME:-default}`; only its form is checked here.
fn filled(report: &mut Report, node: &Node) -> Option<String> {
    let text = read::word(report, node)?;
    let mut rest = text.as_str();
    while let Some(begin) = rest.find("${") {
        rest = &rest[begin + 2..];
        let Some(end) = rest.find('}') else {
            let finding = report.error(rules::INVALID_VALUE, node.span, "`${` is never closed");
            finding.with_hint("write ${NAME} or ${NAME:-default}");
            return None;
        };
        let name = rest[..end].split_once(":-").map_or(&rest[..end], |(name, _)| name);
        let is_name = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            let message = format!("`${{{}}}` names no variable", &rest[..end]);
            report.error(rules::INVALID_VALUE, node.span, message).with_hint("write ${NAME} or ${NAME:-default}");
            return None;
        }
        rest = &rest[end + 1..];
    }
    Some(text)
}
