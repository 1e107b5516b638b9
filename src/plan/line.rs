//! The versions of a product as stops one could make, in ascending order.

use std::collections::{BTreeMap, BTreeSet};

use version_ranges::Ranges;

use crate::model::{Migration, Product, Range, Release, ServiceVersion, Version};

/// A release at which a path can pause: an app version on the chart that would be deployed for it.
#[derive(Clone, Debug)]
pub(super) struct Stop<'a> {
    pub app: Version,
    pub chart: Option<Version>,
    /// Whether the chart ships another app version, so that the image tag must be set.
    pub image_override: bool,
    /// What tells its services: one release, or all that it could be where the chart is not known, or none.
    pub facts: Vec<&'a Release>,
    /// The release that says it was withdrawn.
    pub withdrawn: Option<&'a Release>,
}

impl<'a> Stop<'a> {
    /// Whether a path may stop here.
    pub fn is_open(&self) -> bool {
        self.withdrawn.is_none()
    }

    /// The version of a service that it brings along, where every release that it could be agrees.
    pub fn provides(&self, service: &str) -> Option<&'a ServiceVersion> {
        let mut versions = self.facts.iter().map(|release| release.provides.get(service));
        let first = versions.next()??;
        versions.all(|version| version == Some(first)).then_some(first)
    }

    /// The versions of a service that it works with; everything where nothing is said.
    pub fn needs(&self, service: &str) -> Ranges<ServiceVersion> {
        let needed =
            |release: &&Release| release.needs.get(service).map_or_else(Ranges::full, |need| need.set().clone());
        match self.facts.as_slice() {
            [] => Ranges::full(),
            facts => facts.iter().map(needed).fold(Ranges::empty(), |all, next| all.union(&next)),
        }
    }

    /// Whether a requirement on a service can be met here: by what is brought along, else by what is expected.
    pub fn satisfies(&self, service: &str, range: &Range<ServiceVersion>) -> bool {
        let brought = |release: &&Release| release.provides.get(service).is_none_or(|version| range.contains(version));
        self.facts.iter().all(brought) && !self.needs(service).is_disjoint(range.set())
    }

    /// Whether every requirement of a migration on services can be met here.
    pub fn serves(&self, migration: &Migration) -> bool {
        migration.services.iter().all(|(service, range)| self.satisfies(service, range))
    }

    /// The app and the chart, without what they are deployed on.
    pub fn release(&self) -> super::Release {
        super::Release { app: self.app.clone(), chart: self.chart.clone() }
    }

    /// Every service that is brought along or expected.
    pub fn services(&self) -> BTreeSet<&'a str> {
        let names = self.facts.iter().flat_map(|release| release.provides.keys().chain(release.needs.keys()));
        names.map(String::as_str).collect()
    }
}

/// All stops of a product, by app version.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub stops: BTreeMap<Version, Stop<'a>>,
}

impl<'a> Line<'a> {
    /// The releases, and the recommended pairs that are not among them.
    pub fn of(product: &'a Product) -> Line<'a> {
        let charts = product.releases.iter().filter_map(|release| Some((release.chart.as_ref()?, release)));
        let by_chart: BTreeMap<&Version, &Release> = charts.collect();
        let mut pairs: BTreeMap<&Version, Option<&Version>> = BTreeMap::new();
        for entry in product.recommended.values() {
            let chart = pairs.entry(&entry.app).or_default();
            *chart = (*chart).max(entry.chart.as_ref());
        }
        let listed = product.releases.iter().map(|release| &release.app);
        let apps: BTreeSet<&Version> = listed.chain(pairs.keys().copied()).collect();
        let mut stops = BTreeMap::new();
        for app in apps {
            let pair = pairs.get(app).copied().flatten();
            stops.insert(app.clone(), stop(app, product.releases_of(app), pair, &by_chart));
        }
        Line { stops }
    }

    /// The stop at which an installation stands: all releases of its app where the chart is not known.
    pub fn start(&self, product: &'a Product, app: &Version, chart: Option<&Version>) -> Stop<'a> {
        let of_chart =
            chart.and_then(|chart| product.releases.iter().find(|release| release.chart.as_ref() == Some(chart)));
        let facts = match of_chart {
            Some(release) => vec![release],
            None => product.releases_of(app).iter().collect(),
        };
        let image_override = of_chart.is_some_and(|release| release.app != *app);
        Stop { app: app.clone(), chart: chart.cloned(), image_override, facts, withdrawn: None }
    }
}

fn stop<'a>(
    app: &Version,
    releases: &'a [Release],
    pair: Option<&Version>,
    by_chart: &BTreeMap<&Version, &'a Release>,
) -> Stop<'a> {
    let open = releases.iter().rfind(|release| release.withdrawn.is_none());
    let newest = open.or(releases.last());
    let withdrawn = if open.is_none() { newest } else { None };
    let on_chart = |chart: &Version| releases.iter().find(|release| release.chart.as_ref() == Some(chart));
    let is_withdrawn = |chart: &Version| on_chart(chart).is_some_and(|release| release.withdrawn.is_some());
    match pair.filter(|chart| !is_withdrawn(chart)) {
        Some(chart) => {
            let own = on_chart(chart);
            let shipped = by_chart.get(chart).copied();
            Stop {
                app: app.clone(),
                chart: Some(chart.clone()),
                image_override: own.is_none(),
                facts: own.or(shipped).or(newest).into_iter().collect(),
                withdrawn,
            }
        }
        None => Stop {
            app: app.clone(),
            chart: newest.and_then(|release| release.chart.clone()),
            image_override: false,
            facts: newest.into_iter().collect(),
            withdrawn,
        },
    }
}
