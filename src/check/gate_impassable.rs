//! A gate that cannot be passed from some release.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Severity};
use crate::plan::unreachable;

pub(super) const RULE: Rule = Rule {
    name: "gate-impassable",
    summary: "a release that cannot be reached from an earlier one",
    explanation: "Every pair of releases is solved, each installation having completed what its release could not start \
                  without. Where no path leads from one to the other, the facts that rule it out are named. PostHog once \
                  shipped such a gate: 0005 could run from 1.38 on, 0006 was needed above 1.39.1 and depended on 0005, so \
                  that nobody could go straight from 1.37 to 1.40.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for product in catalog.products.values() {
        for unreachable in unreachable(product) {
            let Some(place) = unreachable.place() else { continue };
            let from = match unreachable.from.as_slice() {
                [] => continue,
                [alone] => alone.to_string(),
                [first, .., last] => format!("{first} to {last}"),
            };
            let (to, title) = (&unreachable.to, &product.title);
            let reasons: Vec<&str> = unreachable.reasons.iter().map(|reason| reason.text.as_str()).collect();
            let message = format!("{title} {to} cannot be reached from {from}: {}", reasons.join(", and "));
            let hint =
                format!("`orchestrate plan --from {} --to {to}` tells what would open the way", unreachable.from[0]);
            let mut finding = Finding::new(RULE.name, Severity::Error, place.clone(), message).hint(hint);
            for reason in &unreachable.reasons {
                if let Some(other) = reason.place.as_ref().filter(|other| *other != place) {
                    finding = finding.related(other.clone(), &reason.text);
                }
            }
            findings.push(finding);
        }
    }
}
