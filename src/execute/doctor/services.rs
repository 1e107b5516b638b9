//! Services: their versions against what runs, what is still to run, and the releases to come.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Migration, Product, Release, ServiceVersion, Version};

use super::{Finding, Patient, in_time, texts};

/// The version of each service that something needs, or why it is not known.
pub(super) async fn look(patient: &Patient<'_>) -> BTreeMap<String, Result<ServiceVersion, String>> {
    let product = patient.product;
    let migrations = product.migrations.values().flat_map(|migration| migration.services.keys());
    let releases = product.releases.iter().flat_map(|release| release.needs.keys());
    let names: BTreeSet<&String> = migrations.chain(releases).collect();
    let asked = names.into_iter().map(|name| async move {
        let texts = texts();
        (name.clone(), in_time(patient.site.service(name, &texts)).await)
    });
    futures_util::future::join_all(asked).await.into_iter().collect()
}

/// What each version serves.
pub(super) fn judge(
    patient: &Patient<'_>,
    services: &BTreeMap<String, Result<ServiceVersion, String>>,
    running: Option<&Version>,
    complete: &BTreeSet<String>,
) -> Vec<Finding> {
    let is_open = |migration: &&Migration| {
        let is_passed = running.is_some_and(|running| migration.window.ends_below(running));
        !is_passed && !complete.contains(migration.name.as_str())
    };
    let open: Vec<&Migration> = patient.product.migrations.values().filter(is_open).collect();
    let needed = services.iter().filter_map(|(name, version)| {
        let need = Need { name, product: patient.product, open: &open, running };
        match version {
            Ok(version) => Some(need.judge(version)),
            Err(why) => need.is_there().then(|| {
                let advice = format!("declare it at environments.{}.services.{name}", patient.site.environment);
                Finding::doubtful(format!("service {name}"), format!("its version is not known: {why}"), advice)
            }),
        }
    });
    needed.collect()
}

/// What is needed of one service.
struct Need<'a> {
    name: &'a str,
    product: &'a Product,
    /// The migrations that may still run.
    open: &'a [&'a Migration],
    running: Option<&'a Version>,
}

impl Need<'_> {
    /// Whether anything that is still to come needs it.
    fn is_there(&self) -> bool {
        let to_come = |release: &&Release| self.running.is_none_or(|running| *running <= release.app);
        self.open.iter().any(|migration| migration.services.contains_key(self.name))
            || self.product.releases.iter().filter(to_come).any(|release| release.needs.contains_key(self.name))
    }

    fn judge(&self, version: &ServiceVersion) -> Finding {
        let about = format!("service {}", self.name);
        let serves = |release: &Release| release.needs.get(self.name).is_none_or(|range| range.contains(version));
        if let Some(running) = self.running {
            let of_running = self.product.releases_of(running);
            if let Some(release) = of_running.first().filter(|_| !of_running.iter().any(serves)) {
                let range = release.needs.get(self.name).map(ToString::to_string).unwrap_or_default();
                let message = format!("{version} runs, and {running}, which runs on it, needs {range}");
                return Finding::bad(about, message, format!("bring {} into that range", self.name));
            }
        }
        let above =
            self.product.releases.iter().filter(|release| self.running.is_some_and(|running| *running < release.app));
        let first = above.filter(|release| !serves(release)).min_by(|one, other| one.app.cmp(&other.app));
        let release = first.and_then(|release| {
            let range = release.needs.get(self.name)?;
            Some(format!("{} needs {range}", release.app))
        });
        let migrations = self.open.iter().filter_map(|migration| {
            let range = migration.services.get(self.name).filter(|range| !range.contains(version))?;
            Some(format!("{} needs {range}", migration.name))
        });
        let later: Vec<String> = migrations.chain(release).collect();
        if later.is_empty() {
            return Finding::good(about, format!("{version} serves what runs and what is to come"));
        }
        let message = format!("{version} runs; {}", later.join("; "));
        Finding::doubtful(
            about,
            message,
            format!("change {} on the way: `orchestrate plan` tells before which step", self.name),
        )
    }
}
