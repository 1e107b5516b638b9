//! The loop: ask what comes next, record it, do it, record what came of it.
//!
//! What it does stands in `work`, what became of that in `doubt`, what it waits for and looks at meanwhile in `around`.

mod around;
mod doubt;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::{Action, Migration};
use crate::run::{
    Act, Decision, Ending, Event, Fault, FaultKind, Script, Settings, State, Timestamp, Unit, Watch, decide,
};
use crate::store::{Lease, Store};

use super::flight::{Flights, Ground};
use super::journal::{DriveError, Journal, Kept, Pulse};
use super::limits::{Readings, limits};
use super::now;
use super::observe::Observer;
use super::operation::operation;
use super::pace::Samples;
use super::progress::Progress;
use super::site::{Site, Texts};

/// What the outside may tell a process that drives a run.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// End what runs, then rest: Ctrl-C.
    pub stop: CancellationToken,
    /// Let go at once: what runs goes on at its server, and the next process finds it there.
    pub let_go: CancellationToken,
}

/// How driving a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It came to rest.
    Rest(Ending),
    /// It was let go in the middle.
    LetGo,
}

/// A run with everything that is needed to go on with it.
pub(super) struct Driven {
    pub site: Arc<Site>,
    pub store: Arc<Store>,
    pub lease: Lease,
    pub lease_for: Duration,
    pub migration: Migration,
    pub state: State,
    pub settings: Settings,
    pub texts: Texts,
    pub signals: Signals,
    /// Events that are in the state and not yet in the journal.
    pub pending: Vec<Event>,
    /// The last request that is settled.
    pub requests_seen: i64,
}

/// Drives a run until it rests. The lease is given back at the end.
pub(super) async fn drive(run: Driven, observer: &mut dyn Observer) -> Result<(Outcome, State), DriveError> {
    let pulse = Pulse::new(run.lease_for);
    let heartbeat = run.lease.heartbeat();
    let kept = Kept::begin(&run.store, &heartbeat, &pulse);
    let engine = |target: &str| run.site.engine(target);
    let mut drive = Drive {
        script: Script { limits: limits(&run.migration), ..Script::of(&run.migration, engine) },
        ground: Ground {
            site: run.site,
            texts: Arc::new(run.texts),
            store: Arc::clone(&run.store),
            heartbeat,
            pulse: pulse.clone(),
        },
        run: run.lease.run().as_str().to_owned(),
        journal: Journal { store: run.store, lease: run.lease, pulse },
        migration: run.migration,
        state: run.state,
        settings: run.settings,
        watch: Watch::default(),
        flights: Flights::default(),
        pending: run.pending,
        requests_seen: run.requests_seen,
        looked_at: tokio::time::Instant::now(),
        asked_at: None,
        asking: JoinSet::new(),
        readings: Readings::default(),
        looks_at: None,
        samples: Samples::default(),
        signals: run.signals,
    };
    let driven = drive.until_rest(observer).await;
    kept.end().await;
    let outcome = driven?;
    drive.journal.release().await?;
    Ok((outcome, drive.state))
}

struct Drive {
    script: Script,
    ground: Ground,
    run: String,
    journal: Journal,
    migration: Migration,
    state: State,
    settings: Settings,
    watch: Watch,
    flights: Flights,
    pending: Vec<Event>,
    requests_seen: i64,
    /// When requests were last looked for.
    looked_at: tokio::time::Instant,
    /// When progress was last asked for.
    asked_at: Option<tokio::time::Instant>,
    /// The question about progress that is under way, at most one.
    asking: JoinSet<Progress>,
    /// The questions about limits that are under way.
    readings: Readings,
    /// When it looks again by itself.
    looks_at: Option<Timestamp>,
    samples: Samples,
    signals: Signals,
}

impl Drive {
    async fn until_rest(&mut self, observer: &mut dyn Observer) -> Result<Outcome, DriveError> {
        loop {
            let decision = self.decided(observer).await?;
            match decision {
                Decision::Finish(ending) => return Ok(Outcome::Rest(ending)),
                Decision::Act(acts) => {
                    for act in acts {
                        Box::pin(self.act(act)).await?;
                    }
                }
                Decision::Wait(until) => {
                    if let Some(outcome) = self.wait(until, observer).await? {
                        return Ok(outcome);
                    }
                }
                Decision::Record(_) => {}
            }
        }
    }

    /// What comes next, once everything that was decided on the way stands in the journal, in one commit.
    async fn decided(&mut self, observer: &mut dyn Observer) -> Result<Decision, DriveError> {
        loop {
            let at = now();
            match decide(&self.script, &self.state, &self.watch, &self.settings, at) {
                Decision::Record(events) => {
                    for event in events {
                        let event = self.worded(event);
                        self.note(event)?;
                    }
                }
                decision @ (Decision::Act(_) | Decision::Wait(_) | Decision::Finish(_)) => {
                    if !self.pending.is_empty() {
                        let events = std::mem::take(&mut self.pending);
                        self.journal.append(at, &events, &self.state, observer).await?;
                        for event in &events {
                            observer.happened(at, event, &self.state);
                        }
                    }
                    return Ok(decision);
                }
            }
        }
    }

    /// Folds an event in; it goes into the journal before anything is done because of it.
    fn note(&mut self, event: Event) -> Result<(), DriveError> {
        self.state.apply(event.clone(), now()).map_err(DriveError::Journal)?;
        self.pending.push(event);
        Ok(())
    }

    /// A question in the words of its manifest.
    fn worded(&self, event: Event) -> Event {
        let Event::Parked { unit, question } = &event else { return event };
        let Some(operation) = operation(&self.migration, &unit.operation, unit.direction) else { return event };
        let Action::Manual { ask } = &operation.action else { return event };
        // A person is not shown what is hidden.
        let mut context = self.ground.site.context(&self.ground.texts, operation.target.as_deref(), None);
        context.outputs = self.state.outputs.clone();
        let ask = self.ground.site.text(ask, &context).unwrap_or_else(|error| format!("{question} ({error})"));
        Event::Parked { unit: unit.clone(), question: self.ground.site.scrub.clean(&ask) }
    }

    async fn act(&mut self, act: Act) -> Result<(), DriveError> {
        match act {
            Act::Check { required } => self.check(required).await?,
            Act::Health => {
                let site = &self.ground.site;
                let failures = site.failures("healthcheck", &self.migration.healthcheck, &self.ground.texts).await;
                self.watch.health = Some((now(), failures));
            }
            Act::Postcheck => {
                let site = &self.ground.site;
                let failures = site.failures("postcheck", &self.migration.postcheck, &self.ground.texts).await;
                let tries = self.watch.postcheck.as_ref().map_or(0, |(_, _, tries)| *tries);
                self.watch.postcheck = Some((now(), failures, tries + 1));
            }
            Act::Read(names) => {
                self.readings.ask(&self.ground.site, &self.ground.texts, &self.migration, &names);
                self.watch.reading.extend(names);
            }
            Act::AskWhen(unit) => self.ask_when(unit).await?,
            Act::Prepare { operation, direction } => self.prepare(operation, direction).await?,
            Act::Perform(unit) => self.perform(unit).await?,
            Act::Judge(unit) => self.judge(unit).await?,
            Act::End(unit) => self.end(unit).await?,
        }
        Ok(())
    }
}

/// An operation that the document does not have: a state that no journal of ours leads to.
fn gone(unit: Unit) -> Event {
    let message = "its document has no such operation".to_owned();
    Event::Failed { unit, fault: Fault { kind: FaultKind::Refused, message } }
}
