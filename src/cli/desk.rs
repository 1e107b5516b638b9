//! Opens an environment for the verbs that act on it: its databases, its store, its settings, and who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::config::{self, FillError, FilledTarget, Installation, Need};
use crate::database::{Database, Location};
use crate::execute::control::{Desk, KIND, person};
use crate::execute::upgrade::{Taken, UPGRADE};
use crate::execute::{Scrub, Signals, Site, SiteTarget};
use crate::manifest::Sources;
use crate::model::{
    Catalog, Environment, Migration, Operation, Probe, Product, ServiceSource, TextPart, did_you_mean, parse_duration,
    text_parts,
};
use crate::run::Settings;
use crate::store::{self, LEASE, Owner, Standing, Store, StoreError};
use crate::template::TargetNames;

use super::args::Global;
use super::commands::Commands;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::project;

/// The variable that shortens or lengthens leases.
const LEASE_VARIABLE: &str = "ORCHESTRATE_LEASE";

/// What a verb is about.
pub(super) struct Loaded {
    pub catalog: Catalog,
    pub sources: Sources,
    pub product: String,
    pub environment: String,
}

impl Loaded {
    /// Reads the project, and picks product and environment.
    pub fn read(global: &Global, output: &mut Output) -> Result<Loaded, Failure> {
        Loaded::read_or(global, output, None)
    }

    /// The same; where no environment can be picked, there is another way.
    pub fn read_or(global: &Global, output: &mut Output, other_way: Option<&str>) -> Result<Loaded, Failure> {
        let (catalog, sources) = project::catalog_with_sources(global, output)?;
        let product = project::product(global, &catalog)?.name.as_str().to_owned();
        let (environment, _) = config::pick(&catalog.project, global.environment.as_deref()).map_err(|error| {
            let failure = Failure::from_error(Exit::Usage, &error).hint(error.hint());
            other_way.into_iter().fold(failure, Failure::hint)
        })?;
        let environment = environment.to_owned();
        Ok(Loaded { catalog, sources, product, environment })
    }

    /// The product.
    pub fn product(&self) -> &Product {
        &self.catalog.products[self.product.as_str()]
    }

    /// The environment as it is declared.
    pub fn declared(&self) -> &Environment {
        &self.catalog.project.environments[&self.environment]
    }

    /// Makes commands that mean this product and this environment.
    pub fn commands(&self, global: &Global) -> Commands {
        let environment = Some(&self.environment).filter(|_| self.catalog.project.environments.len() > 1);
        let product = Some(&self.product).filter(|_| global.product.is_some());
        let mut options = String::new();
        for (option, value) in [("environment", environment), ("product", product)] {
            if let Some(value) = value {
                options.push_str(&format!(" --{option} {value}"));
            }
        }
        Commands { options }
    }

    /// A migration of the product.
    pub fn migration(&self, name: &str) -> Result<&Migration, Failure> {
        let known = &self.product().migrations;
        known.values().find(|migration| migration.name.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = known.keys().map(crate::model::MigrationName::as_str).collect();
            let all = || format!("migrations: {}", names.join(", "));
            Failure::new(Exit::Usage, format!("there is no migration `{name}`")).hint(did_you_mean(
                name,
                names.iter().copied(),
                all,
            ))
        })
    }

    /// Which app version runs, where the environment's platform can tell.
    fn version_probe(&self) -> Option<&Probe> {
        let declared = self.declared();
        let platform = || self.catalog.platforms.get(declared.platform.as_deref()?)?.version.as_ref();
        declared.version.as_ref().or_else(platform)
    }

    /// Fills the environment in, for all of its targets or only for the store.
    fn fill(&self, global: &Global, need: Need<'_>) -> Result<Installation, Failure> {
        config::fill(&global.project, &self.environment, self.declared(), need, &config::variable).map_err(|errors| {
            let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Failure::new(Exit::Usage, told.join("\n  ")).hint("set the variables, or write ${NAME:-default}")
        })
    }

    /// Fills in what can be, with what cannot: the broken parts are left out.
    pub fn fill_in_part(&self, global: &Global) -> (Installation, Vec<FillError>) {
        let fill = |declared: &Environment| {
            config::fill(&global.project, &self.environment, declared, Need::Everything, &config::variable)
        };
        let errors = match fill(self.declared()) {
            Ok(filled) => return (filled, Vec::new()),
            Err(errors) => errors,
        };
        let mut declared = self.declared().clone();
        let is_broken =
            |part: &str| errors.iter().any(|error| error.key == part || error.key.starts_with(&format!("{part}.")));
        declared.store = declared.store.filter(|_| !is_broken("store"));
        declared.vars.retain(|name, _| !is_broken(&format!("vars.{name}")));
        declared.targets.retain(|name, _| !is_broken(&format!("targets.{name}")));
        let filled = fill(&declared).expect("what cannot be filled in was left out");
        (filled, errors)
    }

    /// The targets that a migration and its checks speak to.
    pub fn targets_of(&self, migration: &Migration) -> BTreeSet<String> {
        let undone = migration.operations.iter().flat_map(|operation| [Some(operation), operation.undo.operation()]);
        let mut names: BTreeSet<String> = undone.flatten().flat_map(Operation::targets).map(str::to_owned).collect();
        let services = self.declared().services.values().filter_map(|service| match service {
            ServiceSource::Probe(probe) => Some(&**probe),
            ServiceSource::Version(_) => None,
        });
        let probes = migration.probes().map(|(_, probe)| probe).chain(self.version_probe()).chain(services);
        names.extend(probes.filter_map(Probe::target).map(str::to_owned));
        if let Some(crate::model::Progress::Counts { target, .. } | crate::model::Progress::Percent { target, .. }) =
            &migration.progress
        {
            names.insert(target.clone());
        }
        let declared = &self.declared().targets;
        names.extend(migration.services.keys().filter(|name| declared.contains_key(*name)).cloned());
        names
    }

    /// The targets that a look at the installation speaks to: those of the platform's version probe, of `required`, and
    /// of services.
    pub fn targets_of_a_look(&self) -> BTreeSet<String> {
        let declared = self.declared();
        let product = self.product();
        let services = declared.services.values().filter_map(|service| match service {
            ServiceSource::Probe(probe) => Some(&**probe),
            ServiceSource::Version(_) => None,
        });
        let required = product.migrations.values().filter_map(|migration| migration.required.as_ref());
        let probes = required.chain(self.version_probe()).chain(services);
        let mut names: BTreeSet<String> = probes.filter_map(Probe::target).map(str::to_owned).collect();
        let of_migrations = product.migrations.values().flat_map(|migration| migration.services.keys());
        let of_releases = product.releases.iter().flat_map(|release| release.needs.keys());
        names.extend(of_migrations.chain(of_releases).filter(|name| declared.targets.contains_key(*name)).cloned());
        names
    }

    /// Opens what a migration needs; without one, all that is declared.
    pub async fn desk(&self, global: &Global, migration: Option<&Migration>) -> Result<Desk, Failure> {
        let names = migration.map(|migration| self.targets_of(migration));
        self.desk_with(global, names.as_ref().map_or(Need::Everything, Need::Targets)).await
    }

    /// Opens what is needed.
    pub async fn desk_with(&self, global: &Global, need: Need<'_>) -> Result<Desk, Failure> {
        let filled = self.fill(global, need)?;
        let store = open_store(&filled).await?;
        let declared = declared_settings(&filled)?;
        let site = self.site(filled)?;
        Ok(Desk {
            site: Arc::new(site),
            store: Arc::new(store),
            product: self.product.clone(),
            declared,
            lease: lease()?,
            owner: owner(),
            person: person(),
            signals: signals()?,
        })
    }

    /// The databases of a filled environment, and what asks them; nothing is connected to yet.
    pub fn site(&self, filled: Installation) -> Result<Site, Failure> {
        let mut targets = BTreeMap::new();
        for (name, target) in &filled.targets {
            let database =
                Database::open(&location(name, target)).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
            let names =
                TargetNames { name: name.clone(), database: target.database.clone(), cluster: target.cluster.clone() };
            targets.insert(name.clone(), SiteTarget { database, names });
        }
        Ok(Site {
            environment: self.environment.clone(),
            targets,
            vars: filled.vars,
            services: filled.services,
            version: self.version_probe().cloned(),
            scrub: Scrub::new(secrets(self.declared())),
            caller: OnceLock::new(),
        })
    }

    /// What tells which version runs, and no more than that.
    pub fn version_site(&self, global: &Global) -> Result<Site, Failure> {
        let names = self.version_probe().and_then(Probe::target).map(str::to_owned).into_iter().collect();
        self.site(self.fill(global, Need::Targets(&names))?)
    }

    /// Where the latest run of each migration stands, by its name, and what the latest upgrade takes as complete. No store is
    /// made or changed.
    pub async fn standings(&self, global: &Global) -> Result<(BTreeMap<String, Standing>, Option<Taken>), Failure> {
        let filled = self.fill(global, Need::Store)?;
        let found = store::standings(&filled.store).await.map_err(|error| unstored(&error))?;
        let is_ours =
            |standing: &Standing| standing.environment == self.environment && standing.product == self.product;
        let (mut standings, mut taken) = (BTreeMap::new(), None);
        for standing in found.into_iter().filter(is_ours) {
            match standing.kind.as_str() {
                KIND => drop(standings.insert(standing.name.clone(), standing)),
                UPGRADE => taken = Taken::of_detail(&standing.detail),
                _ => {}
            }
        }
        Ok((standings, taken))
    }

    /// Opens the store alone.
    pub async fn store(&self, global: &Global) -> Result<Store, Failure> {
        let filled = self.fill(global, Need::Store)?;
        let store = open_store(&filled).await?;
        Ok(store)
    }
}

/// Where a target is.
pub(super) fn location(name: &str, target: &FilledTarget) -> Location {
    Location {
        name: name.to_owned(),
        url: target.url.clone(),
        database: target.database.clone(),
        cluster: target.cluster.clone(),
    }
}

async fn open_store(filled: &Installation) -> Result<Store, Failure> {
    Store::open(&filled.store).await.map_err(|error| unstored(&error))
}

/// A failure of the store.
pub(super) fn unstored(error: &StoreError) -> Failure {
    Failure::from_error(Exit::Unexpected, error).hint("check `store:` of the environment in orchestrate.yaml")
}

/// The defaults, over them what the project says.
pub(super) fn declared_settings(filled: &Installation) -> Result<Settings, Failure> {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let declared = filled.settings.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    Settings::default().with_all(&declared).map_err(|error| Failure::from_error(Exit::Usage, &error))
}

/// The values of the variables that an environment is filled in with: nobody may see them.
fn secrets(environment: &Environment) -> Vec<(String, String)> {
    let texts = environment.vars.values().chain(environment.store.iter());
    let texts = texts.chain(environment.targets.values().map(|target| &target.url));
    let parts = texts.flat_map(|text| text_parts(text).unwrap_or_default());
    let values = parts.filter_map(|part| match part {
        TextPart::Variable { name, .. } => Some((name.to_owned(), config::variable(name)?)),
        TextPart::Plain(_) => None,
    });
    values.collect()
}

fn lease() -> Result<Duration, Failure> {
    let Some(text) = config::variable(LEASE_VARIABLE) else { return Ok(LEASE) };
    parse_duration(&text).map_err(|error| {
        Failure::new(Exit::Usage, format!("{LEASE_VARIABLE}: {error}")).hint("write a duration such as 15s")
    })
}

fn owner() -> Owner {
    let host = std::fs::read_to_string("/etc/hostname").ok().or_else(|| config::variable("HOSTNAME"));
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    Owner {
        id: uuid::Uuid::now_v7().to_string(),
        host: host.unwrap_or_else(|| "this machine".to_owned()),
        pid: i64::from(std::process::id()),
    }
}

/// Ctrl-C ends what runs, a second one lets go of it; SIGTERM lets go at once.
fn signals() -> Result<Signals, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let told = |error: std::io::Error| Failure::from_error(Exit::Unexpected, &error);
    let signals = Signals::default();
    let mut interrupted = signal(SignalKind::interrupt()).map_err(told)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(told)?;
    let handed = signals.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupted.recv() => {
                    if handed.stop.is_cancelled() {
                        handed.let_go.cancel();
                    }
                    handed.stop.cancel();
                }
                _ = terminated.recv() => handed.let_go.cancel(),
                () = handed.let_go.cancelled() => return,
            }
        }
    });
    Ok(signals)
}

/// Runs a verb that waits for databases.
pub(super) fn block_on<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::from_error(Exit::Unexpected, &error))?;
    let result = runtime.block_on(verb);
    // What still runs has nobody who would wait for it.
    runtime.shutdown_background();
    result
}
