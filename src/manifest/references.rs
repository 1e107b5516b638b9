//! What leads from one file to another: dependencies, platforms, targets, the project's product.
//!
//! What a broken file would have declared is not known, so a reference to it is no second finding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::graph::Dependencies;
use crate::model::{
    Catalog, Environment, Finding, Migration, MigrationName, Place, Product, ProductName, Progress, Question, Release,
    Severity, did_you_mean, nearest,
};

use super::node::shown;
use super::project::EnvironmentPlaces;
use super::report::Report;
use super::rules;

/// The platforms that need no file.
const BUILT_IN_PLATFORMS: [&str; 6] = ["helm", "compose", "ecs", "heroku", "command", "manual"];

/// Files with findings: what they declare is not wholly known.
#[derive(Default)]
pub(super) struct Holes {
    touched: BTreeSet<Arc<str>>,
    lost: BTreeSet<Arc<str>>,
}

impl Holes {
    /// Remembers a file with findings, and whether nothing at all came of it.
    pub fn note(&mut self, report: &Report, is_lost: bool) {
        if !report.findings.is_empty() {
            self.touched.insert(Arc::clone(&report.file));
        }
        if is_lost {
            self.lost.insert(Arc::clone(&report.file));
        }
    }

    /// Whether a file below this folder gave nothing.
    pub fn has_lost(&self, folder: &str) -> bool {
        self.lost.iter().any(|file| file.starts_with(folder))
    }

    /// Whether a broken file could be this migration.
    pub fn has_migration(&self, product: &ProductName, name: &MigrationName) -> bool {
        self.has_stem(&format!("manifests/{product}/{name}"))
    }

    fn has_stem(&self, path: &str) -> bool {
        [".yaml", ".yml"].iter().any(|extension| self.touched.contains(format!("{path}{extension}").as_str()))
    }
}

pub(super) fn error(rule: &'static str, place: &Place, message: impl Into<String>) -> Finding {
    Finding::new(rule, Severity::Error, place.clone(), message)
}

/// Every dependency exists, and none leads back to itself.
pub(super) fn dependencies(
    product: &ProductName,
    migrations: &BTreeMap<MigrationName, Migration>,
    holes: &Holes,
    findings: &mut Vec<Finding>,
) {
    let numbers: BTreeMap<&MigrationName, usize> = migrations.keys().zip(0..).collect();
    let mut pairs = Vec::new();
    for (after, migration) in migrations.values().enumerate() {
        for (dependency, place) in migration.depends_on.iter().zip(&migration.places.depends_on) {
            match numbers.get(dependency) {
                Some(before) => pairs.push((*before, after)),
                None if holes.has_migration(product, dependency) => {}
                None => {
                    let message = format!("there is no migration `{}`", shown(dependency.as_str()));
                    let finding = error(rules::UNKNOWN_REFERENCE, place, message);
                    findings.push(finding.hint(near_migration(dependency, migrations)));
                }
            }
        }
    }
    let all: Vec<&Migration> = migrations.values().collect();
    for cycle in Dependencies::new(all.len(), pairs).cycles() {
        findings.push(cycle_finding(&cycle, &all));
    }
}

/// One finding for a whole cycle, with the place of each dependency in it; each migration waits for the one before it.
fn cycle_finding(cycle: &[usize], all: &[&Migration]) -> Finding {
    let first = cycle.first().map_or("", |number| all[*number].name.as_str());
    // Told as people read it: who waits, then for whom.
    let order: Vec<usize> = cycle.iter().take(1).chain(cycle.iter().skip(1).rev()).copied().collect();
    let waits_for = |position: usize| all[order[(position + 1) % order.len()]];
    let place = |position: usize| {
        let migration = all[order[position]];
        let index = migration.depends_on.iter().position(|name| *name == waits_for(position).name);
        index.and_then(|index| migration.places.depends_on.get(index)).unwrap_or(&migration.place).clone()
    };
    let message = match order.as_slice() {
        [_] => format!("`{first}` depends on itself"),
        _ => {
            let names: Vec<&str> = order.iter().map(|number| all[*number].name.as_str()).collect();
            format!("migrations wait for each other: {} → {first}", names.join(" → "))
        }
    };
    let mut finding = error(rules::DEPENDENCY_CYCLE, &place(0), message);
    for position in 1..order.len() {
        let role = format!("`{}` waits for `{}`", all[order[position]].name, waits_for(position).name);
        finding = finding.related(place(position), role);
    }
    finding.hint(if order.len() == 1 { "delete this dependency" } else { "remove one of these dependencies" })
}

/// The product, the platforms and the targets that the project speaks of.
pub(super) fn project(
    catalog: &Catalog,
    product_place: Option<&Place>,
    environments: &BTreeMap<String, EnvironmentPlaces>,
    holes: &Holes,
    findings: &mut Vec<Finding>,
) {
    let project = &catalog.project;
    let product = match &project.product {
        Some(name) => catalog.products.get(name),
        None => catalog.products.values().next().filter(|_| catalog.products.len() == 1),
    };
    if let (Some(name), None, Some(place)) = (&project.product, product, product_place) {
        let is_hidden = holes.has_lost("upgrade-paths/") || holes.has_lost(&format!("manifests/{name}/"));
        let known: Vec<&str> = catalog.products.keys().map(ProductName::as_str).collect();
        if !known.is_empty() && !is_hidden {
            let hint = did_you_mean(name.as_str(), known.iter().copied(), || format!("products: {}", known.join(", ")));
            findings.push(error(rules::UNKNOWN_REFERENCE, place, format!("there is no product `{name}`")).hint(hint));
        }
    }
    for (name, environment) in &project.environments {
        let Some(places) = environments.get(name) else { continue };
        if let (Some(platform), Some(place)) = (&environment.platform, &places.platform)
            && !holes.has_stem(&format!("templates/platforms/{platform}"))
        {
            findings.extend(unknown_platform(catalog, platform, place));
        }
        if let Some(product) = product {
            undeclared_targets(product, name, environment, &places.targets, findings);
        }
    }
}

fn unknown_platform(catalog: &Catalog, platform: &str, place: &Place) -> Option<Finding> {
    let own = catalog.platforms.keys().map(String::as_str);
    let mut known: Vec<&str> = BUILT_IN_PLATFORMS.into_iter().chain(own).collect();
    if known.contains(&platform) {
        return None;
    }
    known.sort_unstable();
    known.dedup();
    let hint = did_you_mean(platform, known.iter().copied(), || format!("known platforms: {}", known.join(", ")));
    Some(error(rules::UNKNOWN_REFERENCE, place, format!("there is no platform `{platform}`")).hint(hint))
}

fn undeclared_targets(
    product: &Product,
    name: &str,
    environment: &Environment,
    targets_place: &Place,
    findings: &mut Vec<Finding>,
) {
    let mut missing: BTreeMap<&str, &Place> = BTreeMap::new();
    for (target, place) in product.migrations.values().flat_map(targets_of) {
        if !environment.targets.contains_key(target) {
            missing.entry(target).or_insert(place);
        }
    }
    for (target, place) in missing {
        let message = format!("the environment `{name}` does not declare the target `{target}`");
        let hint = match nearest(target, environment.targets.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? else add `{target}: {{url: …}}` under its `targets`"),
            None => format!("add `{target}: {{url: …}}` under its `targets`"),
        };
        let finding = error(rules::TARGET_UNDECLARED, targets_place, message);
        findings.push(finding.related(place.clone(), "it is needed here").hint(hint));
    }
}

/// Every target that a migration speaks of: in operations, their undo, probes and progress.
fn targets_of(migration: &Migration) -> Vec<(&str, &Place)> {
    let mut targets: Vec<(&str, &Place)> = Vec::new();
    for operation in &migration.operations {
        for operation in std::iter::once(operation).chain(operation.undo.operation()) {
            targets.extend(operation.targets().map(|target| (target, &operation.place)));
        }
    }
    for (_, probe) in migration.probes() {
        if let Question::Sql { target, .. } = &probe.question {
            targets.push((target, &probe.place));
        }
    }
    if let Some(Progress::Counts { target, done: sql, .. } | Progress::Percent { target, sql }) = &migration.progress {
        targets.push((target, &sql.place));
    }
    targets
}

pub(super) fn near_migration(name: &MigrationName, migrations: &BTreeMap<MigrationName, Migration>) -> String {
    let known = migrations.keys().map(MigrationName::as_str);
    did_you_mean(name.as_str(), known, || "add its file, or correct the name".to_owned())
}

pub(super) fn near_release(app: &str, releases: &[Release]) -> String {
    let known: Vec<String> = releases.iter().map(|release| release.app.to_string()).collect();
    match nearest(app, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => "list it under `releases`".to_owned(),
    }
}
