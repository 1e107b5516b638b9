//! What is well and what is not in an installation, before anything relies on it. Everything is asked at the same time, and nothing is changed.
//!
//! `target`, `store`, `services`, `clock` and `room` judge what was answered; `platform` also looks for programs.

mod clock;
mod platform;
mod room;
mod services;
mod store;
mod target;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use crate::model::{Platform, Product, Secret};
use crate::run::Status;
use crate::store::Standing;

use super::control::KIND;
use super::site::{Site, Texts};

/// How long anything may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How well something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// As it should be.
    Good,
    /// It may do, or cannot be told.
    Doubtful,
    /// It will not do.
    Bad,
}

impl Rating {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Rating::Good => "good",
            Rating::Doubtful => "doubtful",
            Rating::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: `store`, `target main`, `service redis`, `platform helm`, …
    pub about: String,
    /// How well it is.
    pub rating: Rating,
    /// What was found.
    pub message: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn good(about: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding { about: about.into(), rating: Rating::Good, message: message.into(), advice: None }
    }

    /// It may do, or cannot be told.
    pub fn doubtful(about: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Finding {
        let advice = Some(advice.into());
        Finding { about: about.into(), rating: Rating::Doubtful, message: message.into(), advice }
    }

    /// It will not do.
    pub fn bad(about: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { rating: Rating::Bad, ..Finding::doubtful(about, message, advice) }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Patient<'a> {
    /// The installation.
    pub site: &'a Site,
    /// Its store; nothing where its URL cannot be told.
    pub store: Option<&'a Secret>,
    /// The product.
    pub product: &'a Product,
    /// How it is deployed, where that is declared.
    pub platform: Option<&'a Platform>,
}

/// Looks at everything.
pub async fn examine(patient: &Patient<'_>) -> Vec<Finding> {
    let (kept, targets, platform, services) = tokio::join!(
        store::look(patient.store),
        target::look(patient.site),
        platform::look(patient),
        services::look(patient),
    );
    let (mut findings, standings) = kept;
    findings.extend(targets);
    let (of_platform, running) = platform;
    findings.extend(of_platform);
    let complete = complete(&standings, patient);
    findings.extend(services::judge(patient, &services, running.as_ref(), &complete));
    for finding in &mut findings {
        finding.message = patient.site.scrub.clean(&finding.message);
    }
    findings
}

/// The migrations that are complete, by the store.
fn complete(standings: &[Standing], patient: &Patient<'_>) -> BTreeSet<String> {
    let is_ours = |standing: &&Standing| {
        standing.kind == KIND
            && standing.environment == patient.site.environment
            && standing.product == patient.product.name.as_str()
    };
    let is_complete = |standing: &&Standing| Status::parse(&standing.status).is_some_and(Status::is_complete);
    standings.iter().filter(is_ours).filter(is_complete).map(|standing| standing.name.clone()).collect()
}

/// An answer that came in time.
async fn in_time<T, E: std::fmt::Display>(work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

/// What the texts of probes may use outside of a run.
fn texts() -> Texts {
    Texts::default()
}
