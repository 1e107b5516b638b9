//! Joins the documents of all files into a catalog and checks what leads from one to another.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;
use std::sync::Arc;

use crate::model::{
    Catalog, Finding, Migration, MigrationName, Place, Product, ProductName, Recommended, Release, RequiredStop,
    Template, did_you_mean,
};

use super::document::{Document, ReleasesFile};
use super::node::{digest_of_all, shown};
use super::path::{Path, Releases};
use super::project::ProjectFile;
use super::references::{self, Holes, error, near_migration, near_release};
use super::{read, rules};

/// What belongs to one product, from however many files.
#[derive(Default)]
struct Parts {
    migrations: BTreeMap<MigrationName, Migration>,
    path: Option<(Path, Place)>,
    releases: Releases,
    digests: Vec<[u8; 32]>,
}

/// The catalog that the documents make together, and what does not fit.
pub(super) fn link(documents: Vec<Document>, holes: &Holes) -> (Catalog, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut catalog = Catalog::default();
    let mut products: BTreeMap<ProductName, Parts> = BTreeMap::new();
    let mut releases = Vec::new();
    let mut project_file = None;
    for document in documents {
        match document {
            Document::Project(file) => project_file = Some(*file),
            Document::Platform(platform) => {
                let (name, what) = (platform.name.clone(), (rules::DUPLICATE_PROCEDURE, "platform"));
                declare(&mut catalog.platforms, name, *platform, |platform| &platform.place, what, &mut findings);
            }
            Document::Runbook(runbook) => {
                let (name, what) = (runbook.name.clone(), (rules::DUPLICATE_PROCEDURE, "runbook"));
                declare(&mut catalog.runbooks, name, *runbook, |runbook| &runbook.place, what, &mut findings);
            }
            Document::Migration { product, migration } => {
                let known = &mut products.entry(ProductName::new(product)).or_default().migrations;
                let (name, what) = (migration.name.clone(), (rules::DUPLICATE_MIGRATION, "migration"));
                declare(known, name, *migration, |migration| &migration.place, what, &mut findings);
            }
            Document::Path { product, path, place, digests } => {
                let parts = products.entry(ProductName::new(&product)).or_default();
                parts.digests.extend(digests);
                match &parts.path {
                    None => parts.path = Some((*path, place)),
                    Some((_, other)) => {
                        let message = format!("the product `{product}` has a second upgrade path");
                        let finding = error(rules::DUPLICATE_PATH, &place, message);
                        findings.push(finding.related(other.clone(), "the first one").hint("merge the two files"));
                    }
                }
            }
            Document::Releases(file) => releases.push(file),
        }
    }
    for file in releases {
        match owner(&file, &products) {
            Some(name) => {
                let parts = products.entry(name).or_default();
                parts.releases.add(file.releases);
                parts.digests.extend(file.digests);
            }
            None if holes.has_lost("upgrade-paths/") => {}
            None => findings.push(without_path(&file, &products)),
        }
    }
    for (name, parts) in products {
        let product = product(name.clone(), parts, holes, &mut findings);
        catalog.products.insert(name, product);
    }
    if let Some(ProjectFile { project, product, environments }) = project_file {
        catalog.project = project;
        references::project(&catalog, product.as_ref(), &environments, holes, &mut findings);
    }
    (catalog, findings)
}

/// Keeps the first of two declarations of one name; the second is a finding.
fn declare<K: Ord + Display, V>(
    declared: &mut BTreeMap<K, V>,
    name: K,
    value: V,
    place: fn(&V) -> &Place,
    (rule, what): (&'static str, &str),
    findings: &mut Vec<Finding>,
) {
    match declared.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(first) => {
            let message = format!("the {what} `{}` is declared twice", first.key());
            let finding = error(rule, place(&value), message).related(place(first.get()).clone(), "the first one");
            findings.push(finding.hint("delete one of the files"));
        }
    }
}

/// The product that a list of releases belongs to: the one it names, else the longest that its file's name begins with,
/// else the only one that has a path.
fn owner(file: &ReleasesFile, products: &BTreeMap<ProductName, Parts>) -> Option<ProductName> {
    let with_path = products.iter().filter(|(_, parts)| parts.path.is_some()).map(|(name, _)| name);
    let with_path: Vec<&ProductName> = with_path.collect();
    if !file.is_guess {
        return with_path.into_iter().find(|name| name.as_str() == file.product).cloned();
    }
    let begins = with_path.iter().copied().filter(|name| file.product.starts_with(name.as_str()));
    match (begins.max_by_key(|name| name.as_str().len()), with_path.as_slice()) {
        (Some(longest), _) => Some(longest.clone()),
        (None, [only]) => Some((*only).clone()),
        (None, _) => None,
    }
}

/// A list of releases that belongs to no product.
fn without_path(file: &ReleasesFile, products: &BTreeMap<ProductName, Parts>) -> Finding {
    let product = &file.product;
    let (message, hint) = if file.is_guess {
        let hint = "add `product: …`, or name the file upgrade-paths/<product>.releases.yaml".to_owned();
        ("these releases belong to no upgrade path".to_owned(), hint)
    } else {
        let otherwise = || format!("add upgrade-paths/{product}.yaml, or correct the name");
        let hint = did_you_mean(product, products.keys().map(ProductName::as_str), otherwise);
        (format!("the product `{product}` has no upgrade path"), hint)
    };
    error(rules::UNKNOWN_REFERENCE, &file.place, message).hint(hint)
}

fn product(name: ProductName, mut parts: Parts, holes: &Holes, findings: &mut Vec<Finding>) -> Product {
    check_name(&name, &parts, findings);
    references::dependencies(&name, &parts.migrations, holes, findings);
    let path = parts.path.take();
    let place = path.as_ref().map(|(_, place)| place.clone());
    let mut path = path.map(|(path, _)| path).unwrap_or_default();
    parts.releases.add(path.releases);
    let Releases { listed: mut releases, has_holes } = parts.releases;
    releases.sort_by(|a, b| (&a.app, &a.chart, &a.place).cmp(&(&b.app, &b.chart, &b.place)));
    duplicate_releases(&releases, findings);
    let mut recommended: BTreeMap<MigrationName, Recommended> = BTreeMap::new();
    for entry in path.recommended {
        recommendation(&name, &entry, &parts.migrations, holes, findings);
        if let Some(first) = recommended.get(&entry.migration) {
            let message = format!("`{}` has a second recommended release", entry.migration);
            let finding = error(rules::DUPLICATE_MIGRATION, &entry.place, message);
            findings.push(finding.related(first.place.clone(), "the first one").hint("keep the one that is meant"));
        } else {
            recommended.insert(entry.migration.clone(), entry);
        }
    }
    if !has_holes && !holes.has_lost("upgrade-paths/") {
        unknown_stops(&path.required_stops, &releases, findings);
    }
    path.required_stops.sort_by(|a, b| (&a.app, &a.place).cmp(&(&b.app, &b.place)));
    let default_tag = || Template {
        text: "{{ step.app }}".to_owned(),
        place: place.clone().unwrap_or_else(|| Place::start_of(&Arc::from(""))),
    };
    parts.digests.sort_unstable();
    Product {
        title: path.title.unwrap_or_else(|| name.to_string()),
        name,
        docs: path.docs,
        image_tag: path.image_tag.unwrap_or_else(default_tag),
        migrations: parts.migrations,
        releases,
        recommended,
        required_stops: path.required_stops,
        blocked: path.blocked,
        notes: path.notes,
        path_digest: digest_of_all(&parts.digests),
    }
}

/// A product is named by its folder and by its upgrade path's file.
fn check_name(name: &ProductName, parts: &Parts, findings: &mut Vec<Finding>) {
    let place = parts.migrations.values().next().map(|migration| &migration.place);
    let Some(place) = place.or(parts.path.as_ref().map(|(_, place)| place)) else { return };
    if !read::is_name(name.as_str()) {
        let message = format!("the product `{}` has no valid name", shown(name.as_str()));
        let hint = "rename its folder and its upgrade path: lower-case letters, digits, `_` and `-`, at most 100";
        findings.push(error(rules::INVALID_NAME, place, message).hint(hint));
    }
}

/// Required stops that are no releases, which are sorted.
fn unknown_stops(stops: &[RequiredStop], releases: &[Release], findings: &mut Vec<Finding>) {
    for stop in stops {
        if releases.binary_search_by(|release| release.app.cmp(&stop.app)).is_err() {
            let message = format!("the required stop {} is not among the releases", stop.app);
            let hint = near_release(&stop.app.to_string(), releases);
            findings.push(error(rules::UNKNOWN_REFERENCE, &stop.place, message).hint(hint));
        }
    }
}

/// Releases that are listed twice; they are sorted.
fn duplicate_releases(releases: &[Release], findings: &mut Vec<Finding>) {
    for same in releases.chunk_by(|a, b| (&a.app, &a.chart) == (&b.app, &b.chart)) {
        let [first, rest @ ..] = same else { continue };
        for second in rest {
            let chart = second.chart.as_ref().map(|chart| format!(" on chart {chart}")).unwrap_or_default();
            let message = format!("the release {}{chart} is listed twice", second.app);
            let finding = error(rules::DUPLICATE_RELEASE, &second.place, message);
            findings.push(finding.related(first.place.clone(), "the first one").hint("delete one of them"));
        }
    }
}

/// The recommended migration exists, and may run on the recommended release.
fn recommendation(
    product: &ProductName,
    entry: &Recommended,
    migrations: &BTreeMap<MigrationName, Migration>,
    holes: &Holes,
    findings: &mut Vec<Finding>,
) {
    let Some(migration) = migrations.get(&entry.migration) else {
        if holes.has_migration(product, &entry.migration) {
            return;
        }
        let message = format!("there is no migration `{}`", shown(entry.migration.as_str()));
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
