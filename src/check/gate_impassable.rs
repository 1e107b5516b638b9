//! A gate that cannot be passed from some release.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Place, Severity};
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
            let mut message = format!("{title} {to} cannot be reached from {from}");
            let mut finding_places: Vec<(Place, String)> = Vec::new();
            for (index, reason) in unreachable.reasons.iter().enumerate() {
                message.push_str(if index == 0 { ": " } else { ", and " });
                message.push_str(&reason.text);
                let other = reason.place.iter().filter(|other| *other != place);
                finding_places.extend(other.map(|other| (other.clone(), reason.text.clone())));
            }
            let hint =
                format!("`orchestrate plan --from {} --to {to}` tells what would open the way", unreachable.from[0]);
            let mut finding = Finding::new(RULE.name, Severity::Error, place.clone(), message).hint(hint);
            finding.related = finding_places;
            findings.push(finding);
        }
    }
}
