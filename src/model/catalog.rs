//! Everything that was loaded, consistent.

use std::collections::BTreeMap;

use super::{
    Blocked, Engine, Migration, MigrationName, Note, Platform, ProductName, Project, Recommended, Release,
    RequiredStop, Runbook, Template, Version,
};

/// What the files of a project say. It exists only if every reference leads somewhere and nothing contradicts itself.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// The project file.
    pub project: Project,
    /// The products by name.
    pub products: BTreeMap<ProductName, Product>,
    /// The platforms that are declared by files.
    pub platforms: BTreeMap<String, Platform>,
    /// The runbooks.
    pub runbooks: BTreeMap<String, Runbook>,
}

impl Catalog {
    /// The migrations of all products.
    pub fn migrations(&self) -> impl Iterator<Item = &Migration> {
        self.products.values().flat_map(|product| product.migrations.values())
    }

    /// The engine behind a target's name: by the environments' URLs, else by the name itself.
    pub fn engine(&self, target: &str) -> Option<Engine> {
        let declared = self.project.environments.values().filter_map(|environment| environment.targets.get(target));
        declared.filter_map(|target| target.engine()).next().or_else(|| Engine::from_target_name(target))
    }
}

/// A product: its migrations and its upgrade path.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// Its name for people.
    pub title: String,
    /// Where its upgrades are documented.
    pub docs: Option<String>,
    /// The image tag of a release, where a chart's own app version must be overridden.
    pub image_tag: Template,
    /// Its migrations.
    pub migrations: BTreeMap<MigrationName, Migration>,
    /// Its releases, by app and then chart.
    pub releases: Vec<Release>,
    /// Where each migration should run.
    pub recommended: BTreeMap<MigrationName, Recommended>,
    /// Releases that may not be jumped over, by app.
    pub required_stops: Vec<RequiredStop>,
    /// Moves that do not work.
    pub blocked: Vec<Blocked>,
    /// What people must do or know.
    pub notes: Vec<Note>,
    /// SHA-256 over the content of its path and releases, whatever the order of files.
    pub path_digest: [u8; 32],
}

impl Product {
    /// The releases of an app version, one for each chart that ships it.
    pub fn releases_of(&self, app: &Version) -> &[Release] {
        let first = self.releases.partition_point(|release| release.app < *app);
        let count = self.releases[first..].partition_point(|release| release.app == *app);
        &self.releases[first..first + count]
    }
}
