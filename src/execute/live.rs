//! A look at one installation, for a plan: which version runs, what is complete, what is not required, which services it
//! has. It reads, and changes nothing.
//!
//! What it means for a plan is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use thiserror::Error;

use crate::model::{Migration, MigrationName, Product, ServiceVersion, Version};
use crate::run::{ProcedureKind, Status, Verdict};
use crate::store::{RunFilter, RunRow, StoreError};

use super::checks::required;
use super::control::{Desk, KIND};
use super::site::{Site, Texts};

/// How many questions are asked at the same time.
const QUESTIONS_MAX: usize = 4;

/// What is looked for.
#[derive(Debug)]
pub struct Look<'a> {
    /// The product.
    pub product: &'a Product,
    /// The app version that runs, where somebody said it; else it is asked for.
    pub version: Option<Version>,
    /// The app version to go to: what can run only above it is not asked for.
    pub to: &'a Version,
    /// Whether the store is asked what is complete, and migrations whether they are required.
    pub asks_progress: bool,
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Live {
    /// The app version that runs.
    pub version: Version,
    /// The chart that it was deployed with, where the store knows that.
    pub chart: Option<Version>,
    /// The migrations whose latest run is complete.
    pub completed: BTreeSet<MigrationName>,
    /// The migrations that were begun and are not complete.
    pub begun: BTreeSet<MigrationName>,
    /// The migrations that were never begun and whose `required` says no, with its answer.
    pub not_required: BTreeMap<MigrationName, String>,
    /// The migrations that were never begun and whose `required` cannot be told, with the reason.
    pub unknown: BTreeMap<MigrationName, String>,
    /// The versions of services, or why they cannot be told.
    pub services: BTreeMap<String, Result<ServiceVersion, String>>,
    /// What tells this installation from every other.
    pub identity: String,
}

/// Why nothing was seen.
#[derive(Debug, Error)]
pub enum LiveError {
    /// Nothing tells which version runs.
    #[error("nothing tells which version runs in `{0}`: neither its platform nor a `version:` of its own does")]
    NoPlatform(String),
    /// Which version runs cannot be told.
    #[error("which version runs in `{environment}` cannot be told: {why}")]
    Unknown {
        /// The environment.
        environment: String,
        /// Why.
        why: String,
    },
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks at an installation.
pub async fn look(desk: &Desk, look: &Look<'_>) -> Result<Live, LiveError> {
    let site = &*desk.site;
    let identity = desk.store.identity(&site.environment).await?;
    let filter = RunFilter {
        environment: Some(site.environment.clone()),
        product: Some(desk.product.clone()),
        limit: u32::MAX,
        ..RunFilter::default()
    };
    let rows = desk.store.runs(&filter).await?;
    let version = match &look.version {
        Some(version) => version.clone(),
        None => running(site).await?,
    };
    let kept = Kept::of(look.product, &rows);
    let mut live = Live {
        chart: chart(&rows, &version),
        completed: BTreeSet::new(),
        begun: BTreeSet::new(),
        not_required: BTreeMap::new(),
        unknown: BTreeMap::new(),
        services: services(site, look, &version).await,
        identity,
        version,
    };
    if look.asks_progress {
        (live.completed, live.begun) = (kept.completed, kept.begun);
        ask_whether_required(site, look, &mut live).await;
    }
    Ok(live)
}

/// The app version that runs, as the platform's probe reads it.
pub async fn running(site: &Site) -> Result<Version, LiveError> {
    let environment = site.environment.clone();
    let Some(probe) = &site.version else { return Err(LiveError::NoPlatform(environment)) };
    let told = site.running(None, &Texts::default()).await;
    told.map_err(|why| LiveError::Unknown { environment, why: format!("{why} ({})", probe.place) })
}

/// What the store says about the migrations of a product.
struct Kept {
    completed: BTreeSet<MigrationName>,
    begun: BTreeSet<MigrationName>,
}

impl Kept {
    /// The latest run of each migration that did anything counts; those that the files no longer have stop nothing.
    fn of(product: &Product, rows: &[RunRow]) -> Kept {
        let mut kept = Kept { completed: BTreeSet::new(), begun: BTreeSet::new() };
        for row in rows.iter().filter(|row| row.run.kind == KIND && !row.summary.did_nothing()) {
            let Some((name, _)) = product.migrations.get_key_value(row.run.name.as_str()) else { continue };
            if kept.completed.contains(name) || kept.begun.contains(name) {
                continue;
            }
            let is_complete = Status::parse(&row.summary.status).is_some_and(Status::is_complete);
            if is_complete {
                kept.completed.insert(name.clone())
            } else {
                kept.begun.insert(name.clone())
            };
        }
        kept
    }
}

/// The chart of the latest deploy, where that deployed what runs. Its name is `deploy/<app>@<chart>`.
fn chart(rows: &[RunRow], version: &Version) -> Option<Version> {
    let latest = rows.iter().find(|row| row.run.kind == ProcedureKind::Deploy.as_str())?;
    let is_complete = Status::parse(&latest.summary.status).is_some_and(Status::is_complete);
    let (app, chart) = latest.run.name.strip_prefix("deploy/")?.split_once('@')?;
    let chart = Version::parse(chart).ok()?;
    (is_complete && Version::parse(app).ok()? == *version).then_some(chart)
}

/// The versions of the services that the way there depends on, as far as the environment has any of that name.
async fn services(site: &Site, look: &Look<'_>, version: &Version) -> BTreeMap<String, Result<ServiceVersion, String>> {
    let ahead = look.product.releases.iter().filter(|release| release.app >= *version && release.app <= *look.to);
    let of_releases = ahead.flat_map(|release| release.needs.keys());
    let of_migrations = look.product.migrations.values().flat_map(|migration| migration.services.keys());
    let names: BTreeSet<&String> = of_releases.chain(of_migrations).collect();
    let told = names.into_iter().filter(|name| site.services.contains_key(*name) || site.targets.contains_key(*name));
    let ask = async |name: &String| {
        let told = site.service(name, &Texts::default()).await;
        (name.clone(), told.map_err(|why| site.scrub.clean(&why)))
    };
    let asked = iter(told.map(ask));
    asked.buffer_unordered(QUESTIONS_MAX).collect().await
}

/// Asks each migration that was never begun whether it is required. One that waits for work that is still to be done is not
/// asked: what it would answer now says nothing about then.
async fn ask_whether_required(site: &Site, look: &Look<'_>, live: &mut Live) {
    let mut settled = settled(look.product, live);
    let is_open = |migration: &&Migration| {
        let is_ahead = migration.window.min.as_ref().is_some_and(|min| min > look.to);
        !settled.contains(&migration.name) && !live.begun.contains(&migration.name) && !is_ahead
    };
    let mut open: Vec<&Migration> = look.product.migrations.values().filter(is_open).collect();
    loop {
        let is_ready = |migration: &&Migration| migration.depends_on.iter().all(|name| settled.contains(name));
        let (ready, waiting): (Vec<_>, Vec<_>) = open.into_iter().partition(is_ready);
        open = waiting;
        if ready.is_empty() {
            return;
        }
        let asked =
            iter(ready.into_iter().map(async |migration: &Migration| (migration, is_required(site, migration).await)));
        let answers: Vec<(&Migration, Verdict)> = asked.buffer_unordered(QUESTIONS_MAX).collect().await;
        for (migration, verdict) in answers {
            let name = &migration.name;
            match verdict {
                Verdict::Yes if migration.operations.is_empty() => {
                    settled.insert(name.clone());
                }
                Verdict::Yes => {}
                Verdict::No(evidence) => {
                    settled.insert(name.clone());
                    live.not_required.insert(name.clone(), evidence);
                }
                Verdict::Unknown(why) => {
                    live.unknown.insert(name.clone(), why);
                }
            }
        }
    }
}

/// What has taken place, or must have for the version that runs to have started.
fn settled(product: &Product, live: &Live) -> BTreeSet<MigrationName> {
    let mut settled = live.completed.clone();
    let gone = product.migrations.values().filter(|migration| migration.window.ends_below(&live.version));
    let mut open: Vec<&MigrationName> = gone.map(|migration| &migration.name).collect();
    let mut assumed = BTreeSet::new();
    while let Some(name) = open.pop() {
        if let Some(migration) = product.migrations.get(name).filter(|_| assumed.insert(name.clone())) {
            open.extend(&migration.depends_on);
        }
    }
    settled.extend(assumed.into_iter().filter(|name| !live.begun.contains(name)));
    settled
}

/// Whether a migration is required, as it says now; without the question it is.
pub async fn is_required(site: &Site, migration: &Migration) -> Verdict {
    let Some(probe) = &migration.required else { return Verdict::Yes };
    let texts = Texts { parameters: migration.defaults(), ..Texts::default() };
    required(site, probe, &texts).await
}
