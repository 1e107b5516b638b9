//! Joins the documents of all files into a catalog and checks what leads from one to another.

use std::collections::BTreeMap;

use crate::graph::Dependencies;
use crate::model::{
    Catalog, Finding, Migration, MigrationName, Place, Product, ProductName, Release, Severity, Template, nearest,
};

use super::path::Path;
use super::{Document, rules};

/// The platforms that need no file.
pub(super) const BUILT_IN_PLATFORMS: [&str; 6] = ["helm", "compose", "ecs", "heroku", "command", "manual"];

/// What belongs to one product, from however many files.
#[derive(Default)]
struct Parts {
    migrations: BTreeMap<MigrationName, Migration>,
    path: Option<(Path, Place)>,
    releases: Vec<Release>,
    digests: Vec<[u8; 32]>,
}

pub(super) fn link(documents: Vec<Document>) -> (Catalog, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut catalog = Catalog::default();
    let mut products: BTreeMap<ProductName, Parts> = BTreeMap::new();
    let mut releases = Vec::new();
    for document in documents {
        match document {
            Document::Project(project) => catalog.project = project,
            Document::Platform(platform) => {
                catalog.platforms.insert(platform.name.clone(), *platform);
            }
            Document::Runbook(runbook) => {
                catalog.runbooks.insert(runbook.name.clone(), *runbook);
            }
            Document::Migration { product, migration } => {
                let parts = products.entry(ProductName::new(product)).or_default();
                if let Some(other) = parts.migrations.get(&migration.name) {
                    let message = format!("the migration `{}` is declared twice", migration.name);
                    let finding = error(rules::DUPLICATE_MIGRATION, &migration.place, message);
                    findings
                        .push(finding.related(other.place.clone(), "the first one").hint("delete one of the files"));
                } else {
                    parts.migrations.insert(migration.name.clone(), *migration);
                }
            }
            Document::Path { product, path, place, digest } => {
                let parts = products.entry(ProductName::new(&product)).or_default();
                parts.digests.push(digest);
                match &parts.path {
                    None => parts.path = Some((*path, place)),
                    Some((_, other)) => {
                        let message = format!("the product `{product}` has a second upgrade path");
                        let finding = error(rules::DUPLICATE_RELEASE, &place, message);
                        findings.push(finding.related(other.clone(), "the first one").hint("merge the two files"));
                    }
                }
            }
            Document::Releases { product, is_guess, releases: listed, place, digest } => {
                releases.push((product, is_guess, listed, place, digest));
            }
        }
    }
    for (product, is_guess, listed, place, digest) in releases {
        match owner(&product, is_guess, &products) {
            Some(name) => {
                let parts = products.entry(name).or_default();
                parts.releases.extend(listed);
                parts.digests.push(digest);
            }
            None => {
                let message = "these releases belong to no upgrade path";
                let hint = "add `product: …`, or name the file upgrade-paths/<product>.releases.yaml";
                findings.push(error(rules::UNKNOWN_REFERENCE, &place, message).hint(hint));
            }
        }
    }
    for (name, parts) in products {
        let product = product(name.clone(), parts, &mut findings);
        catalog.products.insert(name, product);
    }
    environments(&catalog, &mut findings);
    (catalog, findings)
}

/// The product that a list of releases belongs to: the one it names, else the longest that its file's name begins with.
fn owner(product: &str, is_guess: bool, products: &BTreeMap<ProductName, Parts>) -> Option<ProductName> {
    let with_path = || products.iter().filter(|(_, parts)| parts.path.is_some()).map(|(name, _)| name);
    if !is_guess {
        return with_path().find(|name| name.as_str() == product).cloned();
    }
    let named = with_path().filter(|name| product.starts_with(name.as_str()));
    named
        .max_by_key(|name| name.as_str().len())
        .or_else(|| with_path().next().filter(|_| with_path().count() == 1))
        .cloned()
}

fn error(rule: &'static str, place: &Place, message: impl Into<String>) -> Finding {
    Finding::new(rule, Severity::Error, place.clone(), message)
}

fn product(name: ProductName, mut parts: Parts, findings: &mut Vec<Finding>) -> Product {
    dependencies(&parts.migrations, findings);
    let path = parts.path.take();
    let place = path.as_ref().map(|(_, place)| place.clone());
    let mut path = path.map(|(path, _)| path).unwrap_or_else(empty_path);
    parts.releases.append(&mut path.releases);
    parts.releases.sort_by(|a, b| (&a.app, &a.chart, &a.place).cmp(&(&b.app, &b.chart, &b.place)));
    duplicate_releases(&parts.releases, findings);
    let mut recommended = BTreeMap::new();
    for entry in path.recommended {
        recommendation(&entry, &parts.migrations, findings);
        if let Some(first) = recommended.get(&entry.migration) {
            let first: &crate::model::Recommended = first;
            let message = format!("`{}` has a second recommended release", entry.migration);
            let finding = error(rules::DUPLICATE_MIGRATION, &entry.place, message);
            findings.push(finding.related(first.place.clone(), "the first one").hint("keep the one that is meant"));
        } else {
            recommended.insert(entry.migration.clone(), entry);
        }
    }
    for stop in &path.required_stops {
        if !parts.releases.iter().any(|release| release.app == stop.app) {
            let message = format!("the required stop {} is not among the releases", stop.app);
            let hint = near_release(&stop.app.to_string(), &parts.releases);
            findings.push(error(rules::UNKNOWN_REFERENCE, &stop.place, message).hint(hint));
        }
    }
    path.required_stops.sort_by(|a, b| (&a.app, &a.place).cmp(&(&b.app, &b.place)));
    let default_tag = || Template {
        text: "{{ step.app }}".to_owned(),
        place: place.clone().unwrap_or_else(|| Place::start_of(&std::sync::Arc::from(""))),
    };
    parts.digests.sort_unstable();
    Product {
        title: path.title.unwrap_or_else(|| name.to_string()),
        name,
        docs: path.docs,
        image_tag: path.image_tag.unwrap_or_else(default_tag),
        migrations: parts.migrations,
        releases: parts.releases,
        recommended,
        required_stops: path.required_stops,
        blocked: path.blocked,
        notes: path.notes,
        path_digest: super::node::digest_of_all(&parts.digests),
    }
}

fn empty_path() -> Path {
    Path {
        title: None,
        docs: None,
        image_tag: None,
        releases: Vec::new(),
        recommended: Vec::new(),
        required_stops: Vec::new(),
        blocked: Vec::new(),
        notes: Vec::new(),
    }
}

/// Every dependency exists, and none leads back to itself.
fn dependencies(migrations: &BTreeMap<MigrationName, Migration>, findings: &mut Vec<Finding>) {
    let numbers: BTreeMap<&MigrationName, usize> = migrations.keys().zip(0..).collect();
    let mut pairs = Vec::new();
    for (after, migration) in migrations.values().enumerate() {
        for (dependency, place) in migration.depends_on.iter().zip(&migration.places.depends_on) {
            match numbers.get(dependency) {
                Some(before) => pairs.push((*before, after)),
                None => {
                    let message = format!("there is no migration `{dependency}`");
                    let finding = error(rules::UNKNOWN_REFERENCE, place, message);
                    findings.push(finding.hint(near_migration(dependency, migrations)));
                }
            }
        }
    }
    let all: Vec<&Migration> = migrations.values().collect();
    for cycle in Dependencies::new(all.len(), pairs).cycles() {
        let names: Vec<&str> = cycle.iter().map(|number| all[*number].name.as_str()).collect();
        let first = names.first().copied().unwrap_or_default();
        let message = match names.as_slice() {
            [alone] => format!("`{alone}` depends on itself"),
            _ => {
                // Each name waits for the one before it on the way round.
                let backwards: Vec<&str> = names.iter().rev().copied().collect();
                format!("migrations wait for each other: {first} → {}", backwards.join(" → "))
            }
        };
        let place = |number: usize| {
            let migration = all[number];
            migration.places.depends_on.first().unwrap_or(&migration.place).clone()
        };
        let mut finding = error(rules::DEPENDENCY_CYCLE, &place(cycle[0]), message);
        for number in cycle.iter().skip(1) {
            finding = finding.related(place(*number), format!("`{}` is part of it", all[*number].name));
        }
        findings.push(finding.hint("remove one of these dependencies"));
    }
}

fn duplicate_releases(releases: &[Release], findings: &mut Vec<Finding>) {
    for pair in releases.windows(2) {
        let [first, second] = pair else { continue };
        if (&first.app, &first.chart) == (&second.app, &second.chart) {
            let chart = second.chart.as_ref().map(|chart| format!(" on chart {chart}")).unwrap_or_default();
            let message = format!("the release {}{chart} is listed twice", second.app);
            let finding = error(rules::DUPLICATE_RELEASE, &second.place, message);
            findings.push(finding.related(first.place.clone(), "the first one").hint("delete one of them"));
        }
    }
}

/// The recommended migration exists, and may run on the recommended release.
fn recommendation(
    entry: &crate::model::Recommended,
    migrations: &BTreeMap<MigrationName, Migration>,
    findings: &mut Vec<Finding>,
) {
    let Some(migration) = migrations.get(&entry.migration) else {
        let message = format!("there is no migration `{}`", entry.migration);
        let finding = error(rules::UNKNOWN_REFERENCE, &entry.place, message);
        findings.push(finding.hint(near_migration(&entry.migration, migrations)));
        return;
    };
    if !migration.window.contains(&entry.app) {
        let message =
            format!("`{}` is recommended at {}, but its window is {}", entry.migration, entry.app, migration.window);
        let finding = error(rules::RECOMMENDED_OUTSIDE, &entry.place, message);
        let finding = finding.related(migration.window_place().clone(), "the window");
        findings.push(finding.hint("recommend a release inside the window, or widen the window"));
    }
}

/// Platforms and targets that environments and migrations speak of.
fn environments(catalog: &Catalog, findings: &mut Vec<Finding>) {
    let project = &catalog.project;
    for environment in project.environments.values() {
        let Some(platform) = &environment.platform else { continue };
        let known = BUILT_IN_PLATFORMS.into_iter().chain(catalog.platforms.keys().map(String::as_str));
        if !known.clone().any(|name| name == platform) {
            let message = format!("there is no platform `{platform}`");
            let hint = nearest(platform, known.clone()).map_or_else(
                || format!("known platforms: {}", known.collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            findings.push(error(rules::UNKNOWN_REFERENCE, &environment.place, message).hint(hint));
        }
    }
    let product = match &project.product {
        Some(name) => catalog.products.get(name),
        None => catalog.products.values().next().filter(|_| catalog.products.len() == 1),
    };
    let Some(product) = product else { return };
    for (name, environment) in &project.environments {
        let mut missing: BTreeMap<&str, &Place> = BTreeMap::new();
        for migration in product.migrations.values() {
            let targets = migration.operations.iter().filter_map(|op| Some((op.target.as_deref()?, &op.place)));
            for (target, place) in targets.filter(|(target, _)| !environment.targets.contains_key(*target)) {
                missing.entry(target).or_insert(place);
            }
        }
        for (target, place) in missing {
            let message = format!("the environment `{name}` does not declare the target `{target}`");
            let finding = error(rules::TARGET_UNDECLARED, &environment.place, message);
            let hint = format!("add `{target}: {{url: …}}` under its `targets`");
            findings.push(finding.related(place.clone(), "an operation acts on it").hint(hint));
        }
    }
}

fn near_migration(name: &MigrationName, migrations: &BTreeMap<MigrationName, Migration>) -> String {
    match nearest(name.as_str(), migrations.keys().map(MigrationName::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add its file, or correct the name".to_owned(),
    }
}

fn near_release(app: &str, releases: &[Release]) -> String {
    let known: Vec<String> = releases.iter().map(|release| release.app.to_string()).collect();
    match nearest(app, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => "list it under `releases`".to_owned(),
    }
}
