//! Begins runs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::Migration;
use crate::run::{Checked, Document, Ending, Event, Failure, ProcedureKind, State, Status};
use crate::store::{Lease, NewRun, RunId, StoreError};

use super::super::checks::{Precondition, preflight};
use super::super::drive::Outcome;
use super::super::journal::{DriveError, batch};
use super::super::now;
use super::super::observe::Observer;
use super::super::site::Texts;
use super::{Came, ControlError, Desk, busy};

/// A migration to begin.
#[derive(Debug)]
pub struct Start<'a> {
    /// The migration.
    pub migration: &'a Migration,
    /// The text of its file.
    pub text: &'a str,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, Value>,
    /// The app version that somebody says runs.
    pub app: Option<String>,
    /// Migrations that count as complete although no run of them is known.
    pub assumed: &'a [String],
}

/// What came of beginning a run.
#[derive(Debug)]
pub(super) enum Begun {
    /// It began, and is ours.
    Ours(Lease, Box<State>),
    /// Another run of its name is not over.
    AlreadyRunning(RunId),
    /// As many migrations have an owner as may have one: which, and how many.
    Busy(Vec<String>, u32),
}

impl Desk {
    /// Begins a run of a migration: its first event is in the store, and its lease is ours.
    pub(super) async fn begin(&self, start: &Start<'_>) -> Result<(Lease, State), ControlError> {
        let name = start.migration.name.as_str().to_owned();
        let document = Document {
            kind: ProcedureKind::Migration,
            product: self.product.clone(),
            name: name.clone(),
            path: start.migration.place.file.to_string(),
            text: start.text.to_owned(),
        };
        let started = Event::Started {
            document,
            parameters: start.parameters.clone(),
            app: start.app.clone(),
            step: None,
            assumed: start.assumed.to_vec(),
            by: self.person.clone(),
        };
        match self.begin_with(started).await? {
            Begun::Ours(lease, state) => Ok((lease, *state)),
            Begun::AlreadyRunning(run) => Err(self.unfinished(&name, &run).await?),
            Begun::Busy(running, limit) => {
                Err(match (busy(&name, running, limit), self.other_failures(start).await?) {
                    (ControlError::Busy { name, failure, .. }, others) if !others.is_empty() => {
                        let failures = std::iter::once(*failure).chain(others).collect();
                        ControlError::Refused { name, failures }
                    }
                    (busy, _) => busy,
                })
            }
        }
    }

    /// Begins a run with its first event.
    pub(super) async fn begin_with(&self, started: Event) -> Result<Begun, ControlError> {
        let at = now();
        let state = State::begin(started.clone(), at).map_err(DriveError::Journal)?;
        let document = &state.given.document;
        let run = NewRun {
            id: RunId::new(uuid::Uuid::now_v7().to_string()),
            environment: self.site.environment.clone(),
            product: self.product.clone(),
            kind: document.kind.as_str().to_owned(),
            name: document.name.clone(),
        };
        let first = batch(at, &[started], &state);
        let concurrent_max = self.settings().await?.max_concurrent;
        match self.store.begin(&run, &first, &self.owner, self.lease, concurrent_max).await {
            Ok(lease) => Ok(Begun::Ours(lease, Box::new(state))),
            Err(StoreError::AlreadyRunning { run, .. }) => Ok(Begun::AlreadyRunning(run)),
            Err(StoreError::Busy { running, limit }) => Ok(Begun::Busy(running, limit)),
            Err(error) => Err(error.into()),
        }
    }

    /// Why a new run cannot begin while another is not over.
    pub(in crate::execute) async fn unfinished(&self, name: &str, run: &RunId) -> Result<ControlError, ControlError> {
        let row = self.store.run(run).await?;
        let status = row.as_ref().and_then(|row| Status::parse(&row.summary.status)).unwrap_or(Status::Running);
        let holder = row.and_then(|row| row.holder).filter(|holder| holder.left_ms > 0);
        let name = name.to_owned();
        Ok(match holder {
            Some(holder) => ControlError::Held { name, owner: holder.owner.to_string() },
            None => ControlError::Unfinished { name, status },
        })
    }

    /// Whether its checks pass, so that beginning it is worth an entry in the store.
    pub(in crate::execute) async fn may_start(&self, start: &Start<'_>) -> Result<bool, ControlError> {
        Ok(self.other_failures(start).await?.is_empty())
    }

    /// The checks that fail besides those of the store, so that all are told at once.
    pub(super) async fn other_failures(&self, start: &Start<'_>) -> Result<Vec<Failure>, ControlError> {
        let texts = Texts { parameters: start.parameters.clone(), ..Texts::default() };
        let of = Precondition {
            site: &self.site,
            store: &self.store,
            product: &self.product,
            migration: start.migration,
            app: start.app.as_deref(),
            assumed: start.assumed,
            texts: &texts,
        };
        Ok(match preflight(&of, true).await? {
            Checked::Failures(failures) => failures,
            Checked::NotRequired(_) => Vec::new(),
        })
    }

    /// The run that completed a migration, if one did: then there is nothing to begin.
    pub(super) async fn complete(&self, start: &Start<'_>) -> Result<Option<Came>, ControlError> {
        let Some(row) = self.latest(start.migration.name.as_str()).await? else { return Ok(None) };
        if !Status::parse(&row.summary.status).is_some_and(Status::is_complete) {
            return Ok(None);
        }
        let state = self.read(&row).await?;
        let outcome = Some(Outcome::Rest(Ending { status: state.status, is_manual: false }));
        Ok(Some(Came { run: row.run.id, state, outcome }))
    }

    /// Begins a migration and drives it until it rests. One that is complete is left as it is.
    pub async fn start(&self, start: &Start<'_>, observer: &mut dyn Observer) -> Result<Came, ControlError> {
        if let Some(came) = self.complete(start).await? {
            return Ok(came);
        }
        let (lease, state) = self.begin(start).await?;
        self.drive(lease, state, Vec::new(), 0, observer).await
    }

    /// Begins a migration and leaves it to a worker.
    pub async fn enqueue(&self, start: &Start<'_>) -> Result<Came, ControlError> {
        if let Some(came) = self.complete(start).await? {
            return Ok(came);
        }
        let (lease, state) = self.begin(start).await?;
        self.store.release(&lease).await?;
        Ok(Came { run: lease.run().clone(), state, outcome: None })
    }
}
