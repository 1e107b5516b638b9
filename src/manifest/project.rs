//! `orchestrate.yaml`: the product and its environments.

use std::collections::BTreeMap;

use crate::model::{Environment, Place, PlaceholderError, ProductName, Project, ServiceSource, Target, text_parts};
use crate::template::Names;

use super::fields::{Fields, map};
use super::node::{Node, Value, shown};
use super::parameter::json;
use super::read;
use super::report::{Report, WithHint};
use super::rules;

const SETTINGS: [&str; 6] =
    ["auto_rollback", "max_concurrent", "default_timeout", "healthcheck_interval", "batch_target", "auto_start"];

/// The project with the places that its references stand at.
pub(super) struct ProjectFile {
    pub project: Project,
    pub product: Option<Place>,
    pub environments: BTreeMap<String, EnvironmentPlaces>,
}

/// Where an environment names things that stand elsewhere.
pub(super) struct EnvironmentPlaces {
    pub platform: Option<Place>,
    /// The key `targets`, else the first one.
    pub targets: Place,
}

pub(super) fn project(report: &mut Report, mut fields: Fields<'_>) -> ProjectFile {
    let product_node = fields.optional("product");
    let product = product_node.and_then(|node| read::name(report, node)).map(ProductName::new);
    let read = fields.optional("environments").map(|node| map(report, node, environment)).unwrap_or_default();
    fields.finish(report);
    let (mut environments, mut places) = (BTreeMap::new(), BTreeMap::new());
    for (name, (environment, of)) in read {
        environments.insert(name.clone(), environment);
        places.insert(name, of);
    }
    let product_place = product_node.map(|node| report.place(node.span));
    ProjectFile { project: Project { product, environments }, product: product_place, environments: places }
}

fn environment(report: &mut Report, node: &Node) -> Option<(Environment, EnvironmentPlaces)> {
    let mut fields = Fields::of(report, node)?;
    let targets_place = report.place(fields.key_span("targets").unwrap_or(fields.head()));
    let store = fields.optional("store").and_then(|node| filled(report, node));
    let targets = fields.optional("targets").map(|node| map(report, node, target));
    let platform_node = fields.optional("platform");
    let platform = platform_node.and_then(|node| read::name(report, node));
    let platform_place = platform_node.map(|node| report.place(node.span));
    let version = fields.optional("version").and_then(|node| super::probe::version(report, node));
    let vars = fields.optional("vars").map(|node| map(report, node, filled));
    let services = fields.optional("services").map(|node| map(report, node, service));
    let settings = fields.optional("settings").map(|node| settings(report, node));
    let place = report.place(fields.head());
    fields.finish(report);
    let environment = Environment {
        store,
        targets: targets.unwrap_or_default(),
        platform,
        version,
        vars: vars.unwrap_or_default(),
        services: services.unwrap_or_default(),
        settings: settings.unwrap_or_default(),
        place,
    };
    Some((environment, EnvironmentPlaces { platform: platform_place, targets: targets_place }))
}

fn target(report: &mut Report, node: &Node) -> Option<Target> {
    let mut fields = Fields::of(report, node)?;
    let url_node = fields.required("url");
    let url = url_node.and_then(|node| filled(report, node));
    let database = fields.optional("database").and_then(|node| filled(report, node));
    let cluster = fields.optional("cluster").and_then(|node| filled(report, node));
    let place = report.place(fields.head());
    fields.finish(report);
    // A target whose URL cannot be read is declared all the same.
    let target = Target { url: url.clone().unwrap_or_default(), database, cluster, place };
    if let (Some(node), Some(url)) = (url_node, url)
        && target.engine().is_none()
        && !url.starts_with("${")
    {
        // The rest of the URL may hold a password.
        let message = match url.split_once("://") {
            Some((scheme, _)) => format!("the scheme `{}` names no known engine", shown(scheme)),
            None => "the URL has no scheme, which would name the engine".to_owned(),
        };
        let finding = report.error(rules::INVALID_VALUE, node.span, message);
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
    let message = match text_parts(&text) {
        Ok(_) => return Some(text),
        Err(PlaceholderError::NoName(inner)) => PlaceholderError::NoName(shown(&inner)).to_string(),
        Err(error @ PlaceholderError::NeverClosed) => error.to_string(),
    };
    let finding = report.error(rules::INVALID_VALUE, node.span, message);
    finding.with_hint("write ${NAME} or ${NAME:-default}");
    None
}
