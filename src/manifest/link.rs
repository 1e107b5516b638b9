//! Joins the documents of all files into a catalog and checks what leads from one to another.

use std::collections::BTreeMap;

use crate::model::{
    Catalog, Finding, Migration, MigrationName, Place, Platform, Product, ProductName, Release, Runbook, Template,
    nearest,
};

use super::node::shown;
use super::path::{Path, Releases};
use super::project::ProjectFile;
use super::references::{self, Holes, error, near_migration, near_release};
use super::{Document, read, rules};

/// What belongs to one product, from however many files.
struct Parts {
    migrations: BTreeMap<MigrationName, Migration>,
    path: Option<(Path, Place)>,
    releases: Vec<Release>,
    has_all_releases: bool,
    digests: Vec<[u8; 32]>,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            migrations: BTreeMap::new(),
            path: None,
            releases: Vec::new(),
            has_all_releases: true,
            digests: Vec::new(),
        }
    }
}

pub(super) fn link(documents: Vec<Document>, holes: &Holes) -> (Catalog, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut catalog = Catalog::default();
    let mut products: BTreeMap<ProductName, Parts> = BTreeMap::new();
    let mut releases = Vec::new();
    let mut project_file = None;
    for document in documents {
        match document {
            Document::Project(file) => project_file = Some(*file),
            Document::Platform(platform) => add_platform(&mut catalog, *platform, &mut findings),
            Document::Runbook(runbook) => add_runbook(&mut catalog, *runbook, &mut findings),
            Document::Migration { product, migration } => {
                let parts = products.entry(ProductName::new(product)).or_default();
                add_migration(parts, *migration, &mut findings);
            }
            Document::Path { product, path, place, digest } => {
                let parts = products.entry(ProductName::new(&product)).or_default();
                parts.digests.push(digest);
                match &parts.path {
                    None => parts.path = Some((*path, place)),
                    Some((_, other)) => {
                        let message = format!("the product `{product}` has a second upgrade path");
                        let finding = error(rules::DUPLICATE_PATH, &place, message);
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
                parts.releases.extend(listed.listed);
                parts.has_all_releases &= listed.is_whole;
                parts.digests.push(digest);
            }
            None if holes.has_lost("upgrade-paths/") => {}
            None => {
                let known: Vec<&str> = products.keys().map(ProductName::as_str).collect();
                let (message, hint) = if is_guess {
                    let hint = "add `product: …`, or name the file upgrade-paths/<product>.releases.yaml".to_owned();
                    ("these releases belong to no upgrade path".to_owned(), hint)
                } else {
                    let hint = nearest(&product, known).map_or_else(
                        || format!("add upgrade-paths/{product}.yaml, or correct the name"),
                        |near| format!("did you mean `{near}`?"),
                    );
                    (format!("the product `{product}` has no upgrade path"), hint)
                };
                findings.push(error(rules::UNKNOWN_REFERENCE, &place, message).hint(hint));
            }
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

fn add_migration(parts: &mut Parts, migration: Migration, findings: &mut Vec<Finding>) {
    if let Some(other) = parts.migrations.get(&migration.name) {
        let message = format!("the migration `{}` is declared twice", migration.name);
        let finding = error(rules::DUPLICATE_MIGRATION, &migration.place, message);
        findings.push(finding.related(other.place.clone(), "the first one").hint("delete one of the files"));
    } else {
        parts.migrations.insert(migration.name.clone(), migration);
    }
}

fn add_platform(catalog: &mut Catalog, platform: Platform, findings: &mut Vec<Finding>) {
    if let Some(other) = catalog.platforms.get(&platform.name) {
        let message = format!("the platform `{}` is declared twice", platform.name);
        let finding = error(rules::DUPLICATE_PROCEDURE, &platform.place, message);
        findings.push(finding.related(other.place.clone(), "the first one").hint("delete one of the files"));
    } else {
        catalog.platforms.insert(platform.name.clone(), platform);
    }
}

fn add_runbook(catalog: &mut Catalog, runbook: Runbook, findings: &mut Vec<Finding>) {
    if let Some(other) = catalog.runbooks.get(&runbook.name) {
        let message = format!("the runbook `{}` is declared twice", runbook.name);
        let finding = error(rules::DUPLICATE_PROCEDURE, &runbook.place, message);
        findings.push(finding.related(other.place.clone(), "the first one").hint("delete one of the files"));
    } else {
        catalog.runbooks.insert(runbook.name.clone(), runbook);
    }
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

fn product(name: ProductName, mut parts: Parts, holes: &Holes, findings: &mut Vec<Finding>) -> Product {
    check_name(&name, &parts, findings);
    references::dependencies(&name, &parts.migrations, holes, findings);
    let path = parts.path.take();
    let place = path.as_ref().map(|(_, place)| place.clone());
    let mut path = path.map(|(path, _)| path).unwrap_or_else(empty_path);
    parts.releases.append(&mut path.releases.listed);
    let has_all_releases = parts.has_all_releases && path.releases.is_whole && !holes.has_lost("upgrade-paths/");
    parts.releases.sort_by(|a, b| (&a.app, &a.chart, &a.place).cmp(&(&b.app, &b.chart, &b.place)));
    duplicate_releases(&parts.releases, findings);
    let mut recommended = BTreeMap::new();
    for entry in path.recommended {
        recommendation(&name, &entry, &parts.migrations, holes, findings);
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
        if has_all_releases && !parts.releases.iter().any(|release| release.app == stop.app) {
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

fn empty_path() -> Path {
    Path {
        title: None,
        docs: None,
        image_tag: None,
        releases: Releases { listed: Vec::new(), is_whole: true },
        recommended: Vec::new(),
        required_stops: Vec::new(),
        blocked: Vec::new(),
        notes: Vec::new(),
    }
}

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
    entry: &crate::model::Recommended,
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
