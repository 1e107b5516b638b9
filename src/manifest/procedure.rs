//! Platforms and runbooks.

use crate::model::{Action, Operation, Platform, Runbook};
use crate::template::Names;

use super::fields::Fields;
use super::node::Node;
use super::operation::{Lists, UndoRule, keep_outputs, operations};
use super::parameter::parameters;
use super::read;
use super::report::Report;
use super::rules;

pub(super) fn platform(report: &mut Report, mut fields: Fields<'_>, stem: &str) -> Option<Platform> {
    let names = Names::default();
    super::document::check_stem(report, &mut fields, stem);
    let description = fields.optional("description").and_then(|node| read::text(report, node));
    let mut lists = Lists::default();
    let mut list =
        |report: &mut Report, node: Option<&Node>| node.map(|node| lists.read(report, node, names, UndoRule::Optional));
    // In the order in which they are done.
    let recover = fields.optional("recover");
    let mut recover = list(report, recover).unwrap_or_default();
    let mut deploy = fields.required("deploy").and_then(|node| list(report, Some(node)));
    let undo = fields.optional("undo");
    let mut undo = list(report, undo).unwrap_or_default();
    let all = recover.iter_mut().chain(deploy.iter_mut().flatten()).chain(&mut undo);
    keep_outputs(&mut all.collect::<Vec<_>>());
    let version = fields.optional("version").map(|node| super::probe::version(report, node));
    let ends_by_hand = |operation: &Operation| matches!(operation.action, Action::Manual { .. });
    if version.is_none() && !deploy.iter().flatten().next_back().is_some_and(ends_by_hand) {
        let hint = "add `version: …`, or end with a `manual` operation: then a person's word tells which version runs";
        fields.lacks(&["version"], rules::MISSING_KEY, "the key `version` is missing", Some(hint));
    }
    let place = report.place(fields.head());
    fields.finish(report);
    Some(Platform {
        name: stem.to_owned(),
        description,
        deploy: deploy?,
        version: version.map_or(Some(None), |it| it.map(Some))?,
        recover,
        undo,
        place,
    })
}

pub(super) fn runbook(report: &mut Report, mut fields: Fields<'_>, stem: &str) -> Option<Runbook> {
    super::document::check_stem(report, &mut fields, stem);
    let (parameters, params) = parameters(report, fields.optional("parameters"));
    let names = Names { params: &params, ..Names::default() };
    let description = fields.optional("description").and_then(|node| read::text(report, node));
    let operations = fields.required("operations").map(|node| operations(report, node, names, UndoRule::Optional));
    let place = report.place(fields.head());
    fields.finish(report);
    Some(Runbook { name: stem.to_owned(), description, parameters, operations: operations?, place })
}
