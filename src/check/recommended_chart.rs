//! A recommended pair of app and chart that the releases do not know.

use std::collections::BTreeMap;

use crate::manifest::rules::Rule;
use crate::model::{Catalog, Finding, Product, Recommended, Severity, Version, nearest};

pub(super) const RULE: Rule = Rule {
    name: "recommended-chart",
    summary: "a recommended chart that ships another app version, without a word about it",
    explanation: "A chart ships one app version. Where a recommended pair names another, the image tag is overridden, which \
                  is right now and then: PostHog ran 0004 on app 1.36.1 with chart 26.0.0, which ships 1.37.1. Since it \
                  looks just like a slip, the entry's `note` has to say that it is meant. A chart that is not among the \
                  releases at all cannot be checked, and its services are unknown.",
};

pub(super) fn check(catalog: &Catalog, findings: &mut Vec<Finding>) {
    for product in catalog.products.values() {
        let mut together: BTreeMap<_, Vec<&Recommended>> = BTreeMap::new();
        for entry in product.recommended.values() {
            together.entry((&entry.app, &entry.chart, &entry.note)).or_default().push(entry);
        }
        for entries in together.values() {
            let names: Vec<&str> = entries.iter().map(|entry| entry.migration.as_str()).collect();
            findings.extend(of_entry(product, entries[0], &names.join(", ")));
        }
    }
}

fn of_entry(product: &Product, entry: &Recommended, migrations: &str) -> Option<Finding> {
    let app = &entry.app;
    let Some(chart) = entry.chart.as_ref() else { return unlisted(product, entry, migrations) };
    let charts: Vec<(&Version, &Version)> =
        product.releases.iter().filter_map(|release| Some((release.chart.as_ref()?, &release.app))).collect();
    let shipped: Vec<&Version> = charts.iter().filter(|(known, _)| *known == chart).map(|(_, app)| *app).collect();
    let shipping: Vec<&Version> =
        charts.iter().filter(|(_, shipped)| *shipped == app).map(|(chart, _)| *chart).collect();
    if charts.is_empty() || shipped.contains(&app) {
        return None;
    }
    let warning = |message: String| Finding::new(RULE.name, Severity::Warning, entry.place.clone(), message);
    let instead = shipping.last().map(|chart| format!("{app} is on chart {chart}"));
    let Some(other) = shipped.last() else {
        let message =
            format!("chart {chart}, recommended for {migrations}, is not among the releases of {}", product.title);
        let known: Vec<String> = charts.iter().map(|(chart, _)| chart.to_string()).collect();
        let near =
            nearest(&chart.to_string(), known.iter().map(String::as_str)).map(|near| format!("did you mean {near}?"));
        let hint = instead.map(|instead| format!("{instead}; or list the release that has chart {chart}"));
        let otherwise = || near.unwrap_or_else(|| format!("list the release that has chart {chart}"));
        return Some(warning(message).hint(hint.unwrap_or_else(otherwise)));
    };
    if entry.note.is_some() {
        return None;
    }
    let message = format!("chart {chart}, recommended for {migrations}, ships app {other} and not {app}");
    let meant = "if the image tag is to be overridden, say so in a `note`";
    let hint = instead.map_or_else(|| meant.to_owned(), |instead| format!("{instead}; {meant}"));
    Some(warning(message).hint(hint))
}

/// Without a chart there is no image tag to override, so the release itself must be one.
fn unlisted(product: &Product, entry: &Recommended, migrations: &str) -> Option<Finding> {
    if !product.releases_of(&entry.app).is_empty() {
        return None;
    }
    let message =
        format!("{}, recommended for {migrations}, is not among the releases of {}", entry.app, product.title);
    let known: Vec<String> = product.releases.iter().map(|release| release.app.to_string()).collect();
    let near = nearest(&entry.app.to_string(), known.iter().map(String::as_str));
    let hint = near.map_or_else(|| "list it under `releases`".to_owned(), |near| format!("did you mean {near}?"));
    Some(Finding::new(RULE.name, Severity::Warning, entry.place.clone(), message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{catalog, found};
    use super::*;

    fn of(pair: &str) -> Vec<String> {
        let path = format!(
            "format: orchestrate/v1\nkind: upgrade-path\ntitle: P\nreleases:\n  - {{app: 1.36.1, chart: 25.0.0}}\n  \
             - {{app: 1.37.1, chart: 26.0.0}}\n  - {{app: 1.38.0}}\nrecommended:\n  - {{migrations: [m], {pair}}}\n"
        );
        let migration = "format: orchestrate/v1\nkind: migration\nname: m\noperations: []\n";
        found(check, &catalog(&[("manifests/p/m.yaml", migration), ("upgrade-paths/p.yaml", &path)]))
    }

    #[test]
    fn another_app_needs_a_note() {
        assert_eq!(
            of("app: 1.36.1, chart: 26.0.0"),
            [
                "9: warning: chart 26.0.0, recommended for m, ships app 1.37.1 and not 1.36.1 (1.36.1 is on chart 25.0.0; if \
              the image tag is to be overridden, say so in a `note`)"
            ]
        );
        assert_eq!(of("app: 1.36.1, chart: 26.0.0, note: the image tag is overridden"), [""; 0]);
    }

    #[test]
    fn an_unknown_chart_is_told_with_or_without_a_note() {
        assert_eq!(
            of("app: 1.36.1, chart: 52.0.0, note: the image tag is overridden"),
            [
                "9: warning: chart 52.0.0, recommended for m, is not among the releases of P (1.36.1 is on chart 25.0.0; or \
              list the release that has chart 52.0.0)"
            ]
        );
        assert_eq!(
            of("app: 1.38.0, chart: 26.0.1"),
            ["9: warning: chart 26.0.1, recommended for m, is not among the releases of P (did you mean 26.0.0?)"]
        );
    }

    #[test]
    fn a_release_and_a_pair_without_chart_pass() {
        assert_eq!(of("app: 1.37.1, chart: 26.0.0"), [""; 0]);
        assert_eq!(of("app: 1.36.1"), [""; 0]);
        assert_eq!(
            of("app: 1.36.2"),
            ["9: warning: 1.36.2, recommended for m, is not among the releases of P (did you mean 1.36.1?)"]
        );
    }
}
