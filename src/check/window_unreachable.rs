//! A window without any release.

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Severity};

pub(super) const RULE: Rule = Rule {
    name: "window-unreachable",
    summary: "a window in which there is no release",
    explanation: "A migration runs only at a release inside its window. If the upgrade path lists none there, the \
                  migration can never run, and if the window has an end, no later release can ever start.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for product in catalog.products.values().filter(|product| !product.releases.is_empty()) {
        let stops = product.releases.iter().filter(|release| release.withdrawn.is_none()).map(|release| &release.app);
        let pairs = product.recommended.values().map(|entry| &entry.app);
        let apps: Vec<_> = stops.chain(pairs).collect();
        for migration in product.migrations.values() {
            if !apps.iter().any(|app| migration.window.contains(app)) {
                let message = format!("no release of {} lies in the window {}", product.title, migration.window);
                let place = migration.window_place().clone();
                let finding = Finding::new(RULE.name, Severity::Error, place, message);
                findings.push(finding.hint("widen the window, or list the release that it is for"));
            }
        }
    }
}
