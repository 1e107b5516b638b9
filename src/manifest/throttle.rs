//! Throttles: probes with a name, whose limits can be changed while they hold batches back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Expectation, Throttle};
use crate::template::Names;

use super::fields::Fields;
use super::node::{Node, Span, shown};
use super::report::{Report, WithHint};
use super::{probe, read, rules};

/// The throttles of a migration; names are unique.
pub(super) fn throttles(report: &mut Report, node: &Node, names: Names<'_>) -> Vec<Throttle> {
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    let mut throttles = Vec::new();
    for item in read::items(report, node) {
        let Some(mut fields) = Fields::of(report, item) else { continue };
        let name_node = fields.required("name");
        let name = name_node.and_then(|node| Some((read::name(report, node)?, node.span)));
        if let Some((name, place)) = &name {
            match seen.get(name) {
                Some(first) => stands_twice(report, name, *first, *place),
                None => drop(seen.insert(name.clone(), *place)),
            }
        }
        let throttle = throttle(report, &mut fields, name.map(|(name, _)| name), names);
        fields.finish(report);
        throttles.extend(throttle);
    }
    throttles
}

fn stands_twice(report: &mut Report, name: &str, first: Span, place: Span) {
    let first = report.place(first);
    let finding = report.error(rules::DUPLICATE_THROTTLE, place, format!("the throttle `{name}` stands twice"));
    finding.related.push((first, "the first one".to_owned()));
    finding.with_hint("`tune` and `status` refer to throttles by name; give each its own");
}

fn throttle(report: &mut Report, fields: &mut Fields<'_>, name: Option<String>, names: Names<'_>) -> Option<Throttle> {
    let resume_node = fields.optional("resume");
    let resume = resume_node.map(|node| limit(report, node));
    let every = fields.optional("every").and_then(|node| every(report, node));
    let probe = probe::of_fields(report, fields, names, None, limit)?;
    let resume = resume.map_or(Some(None), |resume| resume.map(Some))?;
    if let (Some(node), Some(resume)) = (resume_node, &resume)
        && resume.is_laxer_than(&probe.expect)
    {
        let message = format!("`resume: {resume}` lets go where `expect: {}` holds back again", probe.expect);
        let hint = "`resume` is the stricter of the two: what has to be so before work goes on";
        report.error(rules::INVALID_EXPECTATION, node.span, message).with_hint(hint);
    }
    Some(Throttle { name: name?, probe, resume, every })
}

/// An expectation that `tune` may put another in place of: nothing in it is left to be rendered.
fn limit(report: &mut Report, node: &Node) -> Option<Expectation> {
    if let Some(text) = node.scalar().filter(|text| ["{{", "{%", "{#"].iter().any(|open| text.contains(open))) {
        let message = format!("`{}` holds a template, and the limit of a throttle is a value", shown(text));
        let hint = "write the value; `orchestrate tune` changes it while the migration runs";
        report.error(rules::INVALID_EXPECTATION, node.span, message).with_hint(hint);
        return None;
    }
    read::expectation(report, node, Names::default())
}

fn every(report: &mut Report, node: &Node) -> Option<Duration> {
    let every = read::duration(report, node)?;
    if every < Throttle::EVERY_MIN {
        let message = format!("a throttle is asked at most every {:?}", Throttle::EVERY_MIN);
        report
            .error(rules::INVALID_VALUE, node.span, message)
            .with_hint("write 100ms or more; 1s if the key is absent");
    }
    Some(every)
}
