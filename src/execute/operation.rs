//! The operation behind a unit, and what its texts may use.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::database::Database;
use crate::model::{Migration, Operation};
use crate::run::{Direction, Fault, FaultKind, Part, Settings, State, Unit};
use crate::template::Context;

use super::keys::{NextBatch, batch_timeout};
use super::partitions::staging;
use super::perform::{fault, unsent};
use super::site::{Site, Texts};

/// What a unit's work needs besides its operation.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub unit: Unit,
    pub operation: Operation,
    pub part: Part,
    pub tag: String,
    pub timeout: Duration,
    /// What earlier operations printed or were answered.
    pub outputs: BTreeMap<String, String>,
    /// The batch that comes next, where it goes by batches.
    pub batch: Option<NextBatch>,
    /// How its staging tables begin, where it has some.
    pub staging: String,
}

impl Job {
    /// The job of a unit; nothing where the document has no such operation, or nothing takes it back.
    pub fn of(migration: &Migration, state: &State, unit: &Unit, run: &str, settings: &Settings) -> Option<Job> {
        let operation = operation(migration, &unit.operation, unit.direction)?.clone();
        let part = state.part(unit);
        let timeout = match part.and_then(|part| part.walk.as_ref()) {
            Some(_) => batch_timeout(&operation, state.batch_target(settings)),
            None => operation.timeout.unwrap_or(settings.default_timeout),
        };
        Some(Job {
            unit: unit.clone(),
            operation,
            part: part.map(|part| part.part.clone()).unwrap_or_default(),
            tag: unit.tag(run),
            timeout,
            outputs: state.outputs.clone(),
            batch: NextBatch::of(state, unit, settings),
            staging: staging(run, unit),
        })
    }

    /// The row that it is for.
    pub fn item(&self) -> Option<&BTreeMap<String, Value>> {
        self.part.item.as_ref()
    }

    /// What its texts may use.
    pub fn context(&self, site: &Site, texts: &Texts) -> Context {
        let context = site.context(texts, self.operation.target.as_deref(), self.item());
        let outputs = self.outputs.iter().map(|(name, output)| (name.clone(), site.scrub.restore(output))).collect();
        Context { outputs, ..context }
    }

    /// The database that it acts on: the target's, or that of its host.
    pub async fn database(&self, site: &Site) -> Result<Database, Fault> {
        let refused = |message: String| Fault { kind: FaultKind::Refused, message };
        let name = self.operation.target.as_deref().unwrap_or_default();
        let database = &site.target(name).map_err(refused)?.database;
        match &self.part.host {
            Some(host) => database.on_host(host).await.map_err(|error| unsent(fault(site, &error))),
            None => Ok(database.clone()),
        }
    }
}

/// An operation, or what takes it back.
pub(super) fn operation<'a>(migration: &'a Migration, name: &str, direction: Direction) -> Option<&'a Operation> {
    let operation = migration.operations.iter().find(|operation| operation.name == name)?;
    match direction {
        Direction::Do => Some(operation),
        Direction::Undo => operation.undo.operation(),
    }
}
