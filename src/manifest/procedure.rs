//! Platforms and runbooks.

use crate::model::{Operation, Platform, Runbook};
use crate::template::Names;

use super::fields::Fields;
use super::operation::{UndoRule, operations};
use super::parameter::parameters;
use super::read;
use super::report::Report;

pub(super) fn platform(report: &mut Report, mut fields: Fields<'_>, stem: &str) -> Option<Platform> {
    let names = Names::default();
    super::document::check_stem(report, &mut fields, stem);
    let description = fields.optional("description").and_then(|node| read::text(report, node));
    let deploy = fields.required("deploy").map(|node| operations(report, node, names, UndoRule::Optional));
    let version = fields.required("version").and_then(|node| super::probe::probe(report, node, names));
    let several = |report: &mut Report, fields: &mut Fields<'_>, key| -> Vec<Operation> {
        let node = fields.optional(key);
        node.map(|node| operations(report, node, names, UndoRule::Optional)).unwrap_or_default()
    };
    let (recover, undo) = (several(report, &mut fields, "recover"), several(report, &mut fields, "undo"));
    let place = report.place(fields.head());
    fields.finish(report);
    Some(Platform { name: stem.to_owned(), description, deploy: deploy?, version: version?, recover, undo, place })
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
