//! The versions of a product as stops one could make, in ascending order.

use std::collections::{BTreeMap, BTreeSet};

use version_ranges::Ranges;

use crate::model::{MigrationName, Product, Range, Release, ServiceVersion, Version};

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
        let mut by_app: BTreeMap<&Version, Vec<&Release>> = BTreeMap::new();
        let mut by_chart: BTreeMap<&Version, &Release> = BTreeMap::new();
        for release in &product.releases {
            by_app.entry(&release.app).or_default().push(release);
            if let Some(chart) = &release.chart {
                by_chart.insert(chart, release);
            }
        }
        let mut pairs: BTreeMap<&Version, Option<&Version>> = BTreeMap::new();
        for entry in product.recommended.values() {
            let chart = pairs.entry(&entry.app).or_default();
            *chart = (*chart).max(entry.chart.as_ref());
        }
        let apps: BTreeSet<&Version> = by_app.keys().chain(pairs.keys()).copied().collect();
        let stop = |app: &Version| {
            let releases = by_app.get(app).map_or(&[][..], Vec::as_slice);
            let pair = pairs.get(app).copied().flatten();
            (app.clone(), stop(app, releases, pair, &by_chart))
        };
        Line { stops: apps.into_iter().map(stop).collect() }
    }

    /// The stop at which an installation stands: all releases of its app where the chart is not known.
    pub fn start(&self, product: &'a Product, app: &Version, chart: Option<&Version>) -> Stop<'a> {
        let of_chart =
            chart.and_then(|chart| product.releases.iter().find(|release| release.chart.as_ref() == Some(chart)));
        let facts = match (chart, of_chart) {
            (Some(_), Some(release)) => vec![release],
            _ => product.releases.iter().filter(|release| release.app == *app).collect(),
        };
        let image_override = of_chart.is_some_and(|release| release.app != *app);
        Stop { app: app.clone(), chart: chart.cloned(), image_override, facts, withdrawn: None }
    }
}

fn stop<'a>(
    app: &Version,
    releases: &[&'a Release],
    pair: Option<&Version>,
    by_chart: &BTreeMap<&Version, &'a Release>,
) -> Stop<'a> {
    let is_there = |release: &&&Release| release.withdrawn.is_none();
    let withdrawn_pair = |chart: &Version| {
        releases.iter().any(|release| release.chart.as_ref() == Some(chart) && release.withdrawn.is_some())
    };
    let newest = releases.iter().rfind(is_there).or(releases.last()).copied();
    let all_withdrawn = !releases.is_empty() && releases.iter().all(|release| release.withdrawn.is_some());
    let withdrawn = if all_withdrawn { newest } else { None };
    match pair.filter(|chart| !withdrawn_pair(chart)) {
        Some(chart) => {
            let shipped = by_chart.get(chart).copied();
            let image_override = !releases.iter().any(|release| release.chart.as_ref() == Some(chart));
            let own = releases.iter().find(|release| release.chart.as_ref() == Some(chart)).copied();
            let facts = own.or(shipped).or(newest).into_iter().collect();
            Stop { app: app.clone(), chart: Some(chart.clone()), image_override, facts, withdrawn }
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

/// Migrations by number: each after those it depends on, by how many stand before it in a row, then by name.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub migrations: Vec<&'a crate::model::Migration>,
    /// For each, the numbers of those it depends on, in its file's order.
    pub dependencies: Vec<Vec<usize>>,
}

impl<'a> Order<'a> {
    pub fn of(product: &'a Product) -> Order<'a> {
        let all: Vec<&crate::model::Migration> = product.migrations.values().collect();
        let numbers: BTreeMap<&MigrationName, usize> = product.migrations.keys().zip(0..).collect();
        let pairs = all.iter().enumerate().flat_map(|(after, migration)| {
            migration.depends_on.iter().filter_map(|name| numbers.get(name)).map(move |before| (*before, after))
        });
        let pairs: Vec<(usize, usize)> = pairs.collect();
        let graph = crate::graph::Dependencies::new(all.len(), pairs.iter().copied());
        let sorted = graph.order().unwrap_or_else(|| (0..all.len()).collect());
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
        pairs.iter().for_each(|(before, next)| after[*before].push(*next));
        let mut level = vec![0; all.len()];
        for number in sorted {
            for next in &after[number] {
                level[*next] = level[*next].max(level[number] + 1);
            }
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|number| (level[*number], *number));
        let mut position = vec![0; all.len()];
        for (place, number) in order.iter().enumerate() {
            position[*number] = place;
        }
        let before = |migration: &crate::model::Migration| {
            let names = migration.depends_on.iter();
            names.filter_map(|name| numbers.get(name)).map(|number| position[*number]).collect()
        };
        let migrations: Vec<_> = order.iter().map(|number| all[*number]).collect();
        let dependencies = migrations.iter().map(|migration| before(migration)).collect();
        Order { migrations, dependencies }
    }

    /// Adds to a set of numbers everything that its members depend on.
    pub fn close(&self, set: &mut BTreeSet<usize>) {
        for number in (0..self.migrations.len()).rev() {
            if set.contains(&number) {
                set.extend(&self.dependencies[number]);
            }
        }
    }
}
