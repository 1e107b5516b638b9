//! Begins runs, takes them up, and asks things of those that another process owns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::manifest::{SourceFile, load_migration};
use crate::model::Migration;
use crate::run::{Checked, Document, Ending, Event, Failure, Request, Settings, State, Status, Timestamp};
use crate::store::{Lease, NewRun, Owner, RunFilter, RunId, RunRow, Store, StoreError};
use crate::template::RunNames;

use super::checks::{Precondition, preflight};
use super::drive::{Driven, Outcome, Signals, drive};
use super::journal::{DriveError, batch, read};
use super::now;
use super::observe::Observer;
use super::site::{Site, Texts};

/// The kind of run that a migration is.
pub const KIND: &str = "migration";
/// How often a lease that is held is asked for again.
const TAKE_AGAIN: Duration = Duration::from_millis(200);

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
    /// The settings that hold.
    pub settings: Settings,
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

    /// Begins a run of a migration: its first event is in the store, and its lease is ours.
    async fn begin(&self, start: &Start<'_>) -> Result<(Lease, State), ControlError> {
        let at = now();
        let name = start.migration.name.as_str().to_owned();
        let document = Document {
            product: self.product.clone(),
            name: name.clone(),
            path: start.migration.place.file.to_string(),
            text: start.text.to_owned(),
        };
        let started = Event::Started {
            document,
            parameters: start.parameters.clone(),
            app: start.app.clone(),
            by: self.person.clone(),
        };
        let state = State::begin(started.clone(), at).map_err(DriveError::Journal)?;
        let run = NewRun {
            id: RunId::new(uuid::Uuid::now_v7().to_string()),
            environment: self.site.environment.clone(),
            product: self.product.clone(),
            kind: KIND.to_owned(),
            name: name.clone(),
        };
        let first = batch(at, &[started], &state);
        match self.store.begin(&run, &first, &self.owner, self.lease, self.settings.max_concurrent).await {
            Ok(lease) => Ok((lease, state)),
            Err(StoreError::AlreadyRunning { run, .. }) => Err(self.unfinished(&name, &run).await?),
            Err(StoreError::Busy { running, limit }) => {
                let mut failures = vec![busy(&running, limit)];
                failures.extend(self.other_failures(start).await?);
                Err(ControlError::Refused { name, failures })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why a new run cannot begin while another is not over.
    async fn unfinished(&self, name: &str, run: &RunId) -> Result<ControlError, ControlError> {
        let row = self.store.run(run).await?;
        let status = row.as_ref().and_then(|row| Status::parse(&row.summary.status)).unwrap_or(Status::Running);
        let holder = row.and_then(|row| row.holder).filter(|holder| holder.left_ms > 0);
        let name = name.to_owned();
        Ok(match holder {
            Some(holder) => ControlError::Held { name, owner: holder.owner.to_string() },
            None => ControlError::Unfinished { name, status },
        })
    }

    /// The checks that fail besides those of the store, so that all are told at once.
    async fn other_failures(&self, start: &Start<'_>) -> Result<Vec<Failure>, ControlError> {
        let texts = Texts { parameters: start.parameters.clone(), run: None };
        let of = Precondition {
            site: &self.site,
            store: &self.store,
            product: &self.product,
            migration: start.migration,
            app: start.app.as_deref(),
            texts: &texts,
        };
        Ok(match preflight(&of, true).await? {
            Checked::Failures(failures) => failures,
            Checked::NotRequired(_) => Vec::new(),
        })
    }

    /// The run that completed a migration, if one did: then there is nothing to begin.
    async fn complete(&self, start: &Start<'_>) -> Result<Option<Came>, ControlError> {
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

    /// Asks something of a migration's latest run. Where a living process owns it, that one is told; else the run is taken
    /// up here and driven until it rests.
    pub async fn ask(&self, name: &str, wish: Wish, observer: &mut dyn Observer) -> Result<Came, ControlError> {
        let never = || ControlError::NeverStarted { name: name.to_owned() };
        let row = self.latest(name).await?.ok_or_else(never)?;
        let state = self.read(&row).await?;
        self.refuse_unfit(name, &state, &wish.request, &row).await?;
        let is_held = row.holder.as_ref().is_some_and(|holder| holder.left_ms > 0);
        if is_held
            && !goes_on(&wish.request, &state)
            && let Some(came) = self.tell(&row, &wish).await?
        {
            return Ok(came);
        }
        let lease = self.take(&row, observer).await?;
        // Between reading and taking it may have gone on.
        let state = self.read(&row).await?;
        self.refuse_unfit(name, &state, &wish.request, &row).await?;
        if wish.request != Request::Pause {
            return self.take_up(lease, state, Some(wish), observer).await;
        }
        // Nobody works on it: that it is paused is written down, for whoever takes it up.
        let desk = Desk { signals: Signals::default(), ..self.clone() };
        desk.signals.let_go.cancel();
        let came = desk.take_up(lease, state, Some(wish), observer).await?;
        Ok(Came { outcome: None, ..came })
    }

    /// Goes on with a run that nobody owns, as its journal stands.
    pub async fn go_on(&self, row: &RunRow, observer: &mut dyn Observer) -> Result<Came, ControlError> {
        let lease = self.store.take(&row.run.id, &self.owner, self.lease, self.settings.max_concurrent).await?;
        let state = self.read(row).await?;
        self.take_up(lease, state, None, observer).await
    }

    async fn read(&self, row: &RunRow) -> Result<State, ControlError> {
        let name = || ControlError::NeverStarted { name: row.run.name.clone() };
        read(&self.store, &row.run.id).await?.ok_or_else(name)
    }

    /// Refuses what does not fit to where a run stands, and says what would.
    async fn refuse_unfit(
        &self,
        name: &str,
        state: &State,
        request: &Request,
        row: &RunRow,
    ) -> Result<(), ControlError> {
        if !(state.accepts(request) || goes_on(request, state)) {
            return Err(ControlError::DoesNotFit {
                name: name.to_owned(),
                status: state.status,
                because: state.because.clone(),
            });
        }
        if !matches!(request, Request::Rollback | Request::Stop { rollback: true }) {
            return Ok(());
        }
        let migration = document(state)?;
        let engine = |target: &str| self.site.engine(target);
        let script = crate::run::Script::of(&migration, engine);
        if let Some((operation, reason)) = state.point_of_no_return(&script) {
            let because = format!("`{operation}` was begun and is irreversible: {reason}");
            return Err(ControlError::NoWayBack { name: name.to_owned(), because });
        }
        let dependents = self.dependents(row).await?;
        if let (Status::Completed, Some(other)) = (state.status, dependents.first()) {
            let because = format!("{other} depends on it and is not rolled back; roll that back first");
            return Err(ControlError::NoWayBack { name: name.to_owned(), because });
        }
        Ok(())
    }

    /// The migrations that were begun, are not taken back, and depend on a run's migration.
    async fn dependents(&self, row: &RunRow) -> Result<Vec<String>, ControlError> {
        let filter = RunFilter {
            environment: Some(row.run.environment.clone()),
            product: Some(row.run.product.clone()),
            limit: 10_000,
            ..RunFilter::default()
        };
        let mut seen = std::collections::BTreeSet::new();
        let mut dependents = Vec::new();
        for other in self.store.runs(&filter).await? {
            let is_latest = seen.insert(other.run.name.clone());
            let status = Status::parse(&other.summary.status);
            let is_undone = matches!(status, Some(Status::RolledBack | Status::Blocked | Status::NotRequired) | None);
            if !is_latest || is_undone || other.run.id == row.run.id {
                continue;
            }
            let migration = document(&self.read(&other).await?)?;
            if migration.depends_on.iter().any(|on| on.as_str() == row.run.name) {
                dependents.push(other.run.name);
            }
        }
        Ok(dependents)
    }

    /// Takes a run, waiting for the lease of an owner that fell silent to end.
    async fn take(&self, row: &RunRow, observer: &mut dyn Observer) -> Result<Lease, ControlError> {
        let mut told = false;
        let mut left_ms = row.holder.as_ref().map_or(0, |holder| holder.left_ms);
        loop {
            match self.store.take(&row.run.id, &self.owner, self.lease, self.settings.max_concurrent).await {
                Ok(lease) => return Ok(lease),
                Err(StoreError::Held { owner, for_ms, .. }) => {
                    let is_other = row.holder.as_ref().is_none_or(|holder| holder.owner.id != owner.id);
                    // A lease that lives longer than at the last look was renewed: its owner is there.
                    if is_other || for_ms > left_ms {
                        let name = row.run.name.clone();
                        return Err(ControlError::Held { name, owner: owner.to_string() });
                    }
                    left_ms = for_ms;
                    if !told {
                        observer.waits(&format!("{owner} holds the run; its lease ends in {for_ms} ms if it is gone"));
                        told = true;
                    }
                }
                Err(StoreError::Busy { running, limit }) => {
                    let failures = vec![busy(&running, limit)];
                    return Err(ControlError::Refused { name: row.run.name.clone(), failures });
                }
                Err(error) if error.is_transient() => observer.waits(&error.to_string()),
                Err(error) => return Err(error.into()),
            }
            tokio::select! {
                () = self.signals.stop.cancelled() => return Err(ControlError::Held {
                    name: row.run.name.clone(),
                    owner: "a process that may be gone".to_owned(),
                }),
                () = tokio::time::sleep(TAKE_AGAIN) => {}
            }
        }
    }

    /// Tells the owner of a run, and waits until it has taken that in; nothing where it is gone before.
    async fn tell(&self, row: &RunRow, wish: &Wish) -> Result<Option<Came>, ControlError> {
        let body = serde_json::to_string(wish).expect("wishes have only texts for keys");
        let number = self.store.request(&row.run.id, &body, now().0).await?;
        loop {
            let state = self.read(row).await?;
            if state.requests_settled >= number {
                return Ok(Some(Came { run: row.run.id.clone(), state, outcome: None }));
            }
            let holder = self.store.run(&row.run.id).await?.and_then(|row| row.holder);
            if holder.is_none_or(|holder| holder.left_ms <= 0) {
                return Ok(None);
            }
            tokio::time::sleep(TAKE_AGAIN).await;
        }
    }

    /// Goes on with a run that is ours now.
    async fn take_up(
        &self,
        lease: Lease,
        mut state: State,
        wish: Option<Wish>,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let mut pending = Vec::new();
        let mut note = |state: &mut State, event: Event| {
            let applied = state.apply(event.clone(), now()).map_err(DriveError::Journal);
            applied.map(|()| pending.push(event))
        };
        note(&mut state, Event::Taken { owner: self.owner.to_string() })?;
        let mut seen = state.requests_settled;
        if let Some(Wish { request, by, reason }) = wish {
            // What was asked before and nobody took in is settled by this.
            let asked = self.store.requests(lease.run(), seen).await?;
            seen = asked.last().map_or(seen, |request| request.number);
            if state.accepts(&request) {
                note(&mut state, Event::Asked { request, by, reason, number: seen })?;
            }
        }
        self.drive(lease, state, pending, seen, observer).await
    }

    async fn drive(
        &self,
        lease: Lease,
        state: State,
        pending: Vec<Event>,
        requests_seen: i64,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let run = lease.run().clone();
        let migration = document(&state)?;
        let texts = Texts {
            parameters: state.given.parameters.clone(),
            run: Some(RunNames { id: run.as_str().to_owned(), started: written(state.given.at) }),
        };
        let driven = Driven {
            site: Arc::clone(&self.site),
            store: Arc::clone(&self.store),
            lease,
            lease_for: self.lease,
            migration,
            state,
            settings: self.settings,
            texts,
            signals: self.signals.clone(),
            pending,
            requests_seen,
        };
        let (outcome, state) = drive(driven, observer).await?;
        Ok(Came { run, state, outcome: Some(outcome) })
    }
}

/// As many runs have an owner as may have one.
fn busy(running: &[String], limit: u32) -> Failure {
    Failure {
        check: "max_concurrent".to_owned(),
        message: format!("{} of at most {limit} may run at once: {}", running.len(), running.join(", ")),
        is_unknown: false,
        hint: Some("wait for it, or raise it: orchestrate settings set max_concurrent N".to_owned()),
    }
}

/// Whether asking for it means no more than to go on with a run that works, or did until its owner ended.
fn goes_on(request: &Request, state: &State) -> bool {
    let is_at_it = match request {
        Request::Resume => state.status.is_active(),
        Request::Rollback => state.status == Status::RollingBack,
        Request::Stop { .. } | Request::Pause | Request::Retry | Request::Resolve { .. } => false,
    };
    is_at_it && !state.accepts(request)
}

/// The migration that a run started with.
pub fn document(state: &State) -> Result<Migration, DriveError> {
    let document = &state.given.document;
    let file = SourceFile { path: Arc::from(document.path.as_str()), bytes: document.text.clone().into_bytes() };
    load_migration(file).map_err(|broken| {
        let first = broken.0.into_iter().next();
        DriveError::Document(first.map_or_else(|| document.path.clone(), |finding| finding.message))
    })
}

/// A moment as people and machines read it, RFC 3339 in UTC.
pub fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}
