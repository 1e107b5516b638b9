//! Begins runs (`begin`; deploys and runbooks: `procedure`), asks things of them (`ask`), and takes them up (`take`).

mod ask;
mod begin;
mod procedure;
mod take;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::manifest::{SourceFile, load_migration, load_platform, load_runbook};
use crate::model::Migration;
use crate::run::{Failure, ProcedureKind, Request, Settings, State, Status};
use crate::store::{Owner, RunFilter, RunId, RunRow, Store, StoreError};

use super::drive::{Outcome, Signals};
use super::journal::{DriveError, read};
use super::site::Site;

pub use begin::Start;
pub use procedure::Deploy;

/// The kind of run that a migration is.
pub const KIND: &str = "migration";

/// What a person asks of a run that another process owns, as the store carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What.
    pub request: Request,
    /// Who.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What every verb works with.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The installation.
    pub site: Arc<Site>,
    /// The store.
    pub store: Arc<Store>,
    /// The product.
    pub product: String,
    /// The settings that the project says.
    pub declared: Settings,
    /// How long a lease lives that is not renewed.
    pub lease: Duration,
    /// This process.
    pub owner: Owner,
    /// Who asks.
    pub person: String,
    /// What the outside may tell.
    pub signals: Signals,
}

/// Why a verb did not do what it was asked.
#[derive(Debug, Error)]
pub enum ControlError {
    /// Another process owns the run.
    #[error("{name} is in the hands of {owner}")]
    Held {
        /// The migration.
        name: String,
        /// Who.
        owner: String,
    },
    /// It has a run that is not over.
    #[error("{name} is {status} already")]
    Unfinished {
        /// The migration.
        name: String,
        /// Where it stands.
        status: Status,
    },
    /// Checks that the store makes did not pass, and maybe others: nothing was begun.
    #[error("{name} cannot start now")]
    Refused {
        /// The migration.
        name: String,
        /// Each check that did not pass.
        failures: Vec<Failure>,
    },
    /// As many others run as may run at once: nothing was begun.
    #[error("{name} cannot start now")]
    Busy {
        /// The migration.
        name: String,
        /// Those that run.
        running: Vec<String>,
        /// The same, as a check that did not pass.
        failure: Box<Failure>,
    },
    /// No run of it has ever begun.
    #[error("{name} has never been started")]
    NeverStarted {
        /// The migration.
        name: String,
    },
    /// What is asked does not fit to where it stands.
    #[error("{name} is {status}: {because}")]
    DoesNotFit {
        /// The migration.
        name: String,
        /// Where it stands.
        status: Status,
        /// Why it does not fit.
        because: String,
    },
    /// Its way back is closed.
    #[error("{name} cannot be taken back: {because}")]
    NoWayBack {
        /// The migration.
        name: String,
        /// Why.
        because: String,
    },
    /// The run could not be driven.
    #[error(transparent)]
    Drive(#[from] DriveError),
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> ControlError {
        ControlError::Drive(DriveError::from(error))
    }
}

/// Who asks: the name that the person gave the machine.
pub fn person() -> String {
    let name =
        ["ORCHESTRATE_USER", "SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned())
}

/// What a verb came to.
#[derive(Debug)]
pub struct Came {
    /// The run.
    pub run: RunId,
    /// Where it stands.
    pub state: State,
    /// Whether it rests or was let go.
    pub outcome: Option<Outcome>,
}

impl Desk {
    /// The settings that hold now: what the project says, over that what the store keeps.
    pub async fn settings(&self) -> Result<Settings, ControlError> {
        let kept = self.store.settings(&self.site.environment).await?;
        let with = |settings: Settings, (name, value): (&String, &String)| match settings.with(name, value) {
            Ok(settings) => settings,
            Err(error) => {
                tracing::warn!(%error, "the store keeps a setting that this program does not know");
                settings
            }
        };
        Ok(kept.iter().fold(self.declared, with))
    }

    /// The latest run of a migration.
    pub async fn latest(&self, name: &str) -> Result<Option<RunRow>, StoreError> {
        let filter = RunFilter {
            environment: Some(self.site.environment.clone()),
            product: Some(self.product.clone()),
            name: Some(name.to_owned()),
            limit: 1,
            ..RunFilter::default()
        };
        Ok(self.store.runs(&filter).await?.into_iter().next())
    }

    /// The latest run of a migration that did anything: one that was blocked before is as if it had never begun.
    pub async fn latest_begun(&self, name: &str) -> Result<Option<RunRow>, StoreError> {
        latest_begun(&self.store, &self.site.environment, &self.product, name).await
    }

    pub(super) async fn read(&self, row: &RunRow) -> Result<State, ControlError> {
        let name = || ControlError::NeverStarted { name: row.run.name.clone() };
        read(&self.store, &row.run.id).await?.ok_or_else(name)
    }
}

/// The latest run of a migration that did anything.
pub(super) async fn latest_begun(
    store: &Store,
    environment: &str,
    product: &str,
    name: &str,
) -> Result<Option<RunRow>, StoreError> {
    let filter = RunFilter {
        environment: Some(environment.to_owned()),
        product: Some(product.to_owned()),
        name: Some(name.to_owned()),
        limit: u32::MAX,
        ..RunFilter::default()
    };
    Ok(store.runs(&filter).await?.into_iter().find(|row| !row.summary.did_nothing()))
}

/// As many runs have an owner as may have one.
fn busy(name: &str, running: Vec<String>, limit: u32) -> ControlError {
    let failure = Failure {
        check: "max_concurrent".to_owned(),
        message: format!("{} of at most {limit} may run at once: {}", running.len(), running.join(", ")),
        is_unknown: false,
        hint: Some("wait for it, or raise it: orchestrate settings set max_concurrent N".to_owned()),
    };
    ControlError::Busy { name: name.to_owned(), running, failure: Box::new(failure) }
}

/// What a run started with: a migration, a platform's deploy or a runbook, as the engine runs it.
pub fn document(state: &State) -> Result<Migration, DriveError> {
    let document = &state.given.document;
    let file = SourceFile { path: Arc::from(document.path.as_str()), bytes: document.text.clone().into_bytes() };
    let loaded = match document.kind {
        ProcedureKind::Migration => load_migration(file),
        ProcedureKind::Deploy => load_platform(file).map(|platform| platform.procedure(&document.name)),
        ProcedureKind::Runbook => load_runbook(file).map(|runbook| runbook.procedure(&document.name)),
    };
    loaded.map_err(|broken| {
        let first = broken.0.into_iter().next();
        DriveError::Document(first.map_or_else(|| document.path.clone(), |finding| finding.message))
    })
}
