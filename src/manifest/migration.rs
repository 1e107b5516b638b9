//! Migration files.

use std::collections::BTreeMap;

use crate::model::{Migration, MigrationName, MigrationPlaces, Window};
use crate::template::Names;

use super::fields::{Fields, map};
use super::node::Node;
use super::operation::{UndoRule, operations};
use super::parameter::parameters;
use super::probe::{probes, progress};
use super::read;
use super::report::{Report, WithHint};
use super::rules;
use super::throttle::throttles;

/// A migration; `stem` is its file's name without extension.
pub(super) fn migration(report: &mut Report, document: &Node, mut fields: Fields<'_>, stem: &str) -> Migration {
    let name = fields.required("name").and_then(|node| super::document::like_stem(report, node, "name", stem));
    let (parameters, params) = parameters(report, fields.optional("parameters"));
    let names = Names { params: &params, ..Names::default() };
    let mut places = MigrationPlaces::default();
    let description = fields.optional("description").and_then(|node| read::text(report, node));
    let docs = fields.optional("docs").and_then(|node| read::text(report, node));
    let window = fields.optional("window").and_then(|node| window(report, node, &mut places));
    let services = fields.optional("services").map(|node| {
        map(report, node, |report, node| {
            let range = read::range(report, node)?;
            Some((range, report.place(node.span)))
        })
    });
    let depends_on = fields.optional("depends_on").map(|node| {
        read::list(report, node, |report, item| {
            let name = MigrationName::new(read::text(report, item)?);
            places.depends_on.push(report.place(item.span));
            Some(name)
        })
    });
    let required = fields.optional("required").and_then(|node| super::probe::probe(report, node, names));
    let precheck = probes(report, fields.optional("precheck"), names);
    let healthcheck = probes(report, fields.optional("healthcheck"), names);
    let throttle = fields.optional("throttle").map(|node| throttles(report, node, names));
    let progress = fields.optional("progress").and_then(|node| progress(report, node, names));
    let operations = fields.required("operations").map(|node| operations(report, node, names, UndoRule::Demanded));
    let postcheck = probes(report, fields.optional("postcheck"), names);
    let place = report.place(fields.head());
    fields.finish(report);
    let services: BTreeMap<_, _> = services.unwrap_or_default();
    places.services = services.iter().map(|(name, (_, place))| (name.clone(), place.clone())).collect();
    // Without a name there is a finding; the file's stem keeps references to it from being findings too.
    Migration {
        name: MigrationName::new(name.as_deref().unwrap_or(stem)),
        description,
        docs,
        window: window.unwrap_or_default(),
        services: services.into_iter().map(|(name, (range, _))| (name, range)).collect(),
        depends_on: depends_on.unwrap_or_default(),
        parameters,
        required,
        precheck,
        healthcheck,
        throttle: throttle.unwrap_or_default(),
        progress,
        operations: operations.unwrap_or_default(),
        postcheck,
        place,
        places,
        digest: document.digest(),
    }
}

fn window(report: &mut Report, node: &Node, places: &mut MigrationPlaces) -> Option<Window> {
    let mut fields = Fields::of(report, node)?;
    let end = |report: &mut Report, fields: &mut Fields<'_>, key| {
        let node = fields.optional(key)?;
        let version = read::version(report, node)?;
        Some((version, report.place(node.span), node.span))
    };
    let (min, max) = (end(report, &mut fields, "min"), end(report, &mut fields, "max"));
    fields.finish(report);
    if let (Some((min, min_place, _)), Some((max, _, span))) = (&min, &max)
        && min > max
    {
        let message = format!("the window ends at {max}, before it begins at {min}");
        let finding = report.error(rules::EMPTY_WINDOW, *span, message);
        finding.related.push((min_place.clone(), "it begins here".to_owned()));
        finding.with_hint("exchange `min` and `max`, or raise `max`");
    }
    places.min = min.as_ref().map(|(_, place, _)| place.clone());
    places.max = max.as_ref().map(|(_, place, _)| place.clone());
    Some(Window { min: min.map(|(version, _, _)| version), max: max.map(|(version, _, _)| version) })
}
