//! The loop: ask what comes next, record it, do it, record what came of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::database::Checkpoint;
use crate::model::{Action, Migration};
use crate::process;
use crate::run::{
    Act, Checked, Decision, Direction, Ending, Event, Fault, FaultKind, Judgement, Proof, Request, Script, Settings,
    State, Timestamp, Unit, Watch, decide,
};
use crate::store::{Lease, Store};

use super::checks::{Precondition, preflight};
use super::flight::{Flights, Ground};
use super::journal::{DriveError, Journal, Pulse, keep_alive};
use super::judge::{Found, checkpoint, find_out};
use super::limits::{Readings, limits};
use super::observe::Observer;
use super::operation::{Job, operation};
use super::pace::Samples;
use super::perform::Came;
use super::prepare::{self, Prepared};
use super::progress::{self, Progress, Question};
use super::site::{Site, Texts};
use super::{forecast, now, partitions};

/// How often requests of other processes are looked for.
const REQUESTS_EVERY: Duration = Duration::from_millis(500);
/// How often progress is asked for.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

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
    let end = CancellationToken::new();
    let heartbeat = run.lease.heartbeat();
    let kept = tokio::spawn(keep_alive(Arc::clone(&run.store), heartbeat.clone(), pulse.clone(), end.clone()));
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
    end.cancel();
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the heartbeat ended by itself");
    }
    let outcome = driven?;
    drive.journal.store.release(&drive.journal.lease).await.or_else(|error| match error {
        error if error.is_transient() => Ok(()), // it runs out by itself
        error => Err(DriveError::from(error)),
    })?;
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
                        self.act(act).await?;
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
        let context = self.ground.site.context(&self.ground.texts, operation.target.as_deref(), None);
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
            Act::Prepare { operation, direction } => self.prepare(operation, direction).await?,
            Act::Perform(unit) => self.perform(unit).await?,
            Act::Judge(unit) => self.judge(unit).await?,
            Act::End(unit) => self.end(unit).await?,
        }
        Ok(())
    }

    async fn check(&mut self, required: bool) -> Result<(), DriveError> {
        let of = Precondition {
            site: &self.ground.site,
            store: &self.ground.store,
            product: &self.state.given.document.product,
            migration: &self.migration,
            app: self.state.given.app.as_deref(),
            texts: &self.ground.texts,
        };
        let checked = loop {
            match preflight(&of, required).await {
                Ok(checked) => break checked,
                Err(error) if error.is_transient() => tokio::time::sleep(REQUESTS_EVERY).await,
                Err(error) => return Err(error.into()),
            }
        };
        self.watch.check = Some(self.looked_ahead(checked, required).await?);
        self.watch.health = Some((now(), Vec::new()));
        Ok(())
    }

    /// Where nothing was ever done and nothing is in the way, what large tables will take is told, or is in the way.
    async fn looked_ahead(&mut self, checked: Checked, is_first: bool) -> Result<Checked, DriveError> {
        let Checked::Failures(failures) = &checked else { return Ok(checked) };
        if !is_first || !failures.is_empty() {
            return Ok(checked);
        }
        let (site, texts) = (&self.ground.site, &self.ground.texts);
        let outlook = forecast::outlook(site, texts, &self.migration, self.settings.default_timeout).await;
        for (operation, forecast) in outlook.forecasts {
            self.note(Event::Forecast { operation, forecast })?;
        }
        Ok(Checked::Failures(outlook.failures))
    }

    fn job(&self, unit: &Unit) -> Option<Job> {
        Job::of(&self.migration, &self.state, unit, &self.run, &self.settings)
    }

    async fn prepare(&mut self, name: String, direction: Direction) -> Result<(), DriveError> {
        let unit = Unit { operation: name.clone(), direction, part: 0 };
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let preparation = prepare::Preparation {
            site: &self.ground.site,
            texts: &self.ground.texts,
            operation: &job.operation,
            timeout: job.timeout,
            batch_target: self.state.tuning.batch_target.unwrap_or(self.settings.batch_target),
        };
        let prepared = match self.state.phase(&name, direction).filter(|phase| phase.parts.is_some()) {
            Some(phase) => {
                let more = preparation.more(phase).await;
                more.map(|parts| Event::Found { operation: name, parts })
            }
            None => preparation.parts().await.map(|Prepared { parts, may_grow, batch }| Event::Prepared {
                operation: name,
                direction,
                parts,
                may_grow,
                batch,
            }),
        };
        match prepared {
            Ok(event) => self.note(event),
            Err(fault) => {
                tracing::warn!(%unit, fault = fault.message, "its parts could not be found out");
                let failures = self.watch.unprepared.get(&unit).map_or(0, |(_, _, failures)| *failures) + 1;
                self.watch.unprepared.insert(unit, (now(), fault, failures));
                Ok(())
            }
        }
    }

    async fn perform(&mut self, unit: Unit) -> Result<(), DriveError> {
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        if !matches!(job.operation.action, Action::Wait { .. }) {
            self.watch.in_flight.insert(unit);
            self.flights.begin(&self.ground, job);
            return Ok(());
        }
        let never = CancellationToken::new();
        let came = super::perform::perform(&self.ground.site, &self.ground.texts, &job, &never).await;
        self.watch.polled.insert(unit.clone(), now());
        self.came(unit, came)
    }

    fn came(&mut self, unit: Unit, came: Came) -> Result<(), DriveError> {
        match came {
            Came::NotYet => Ok(()),
            Came::Advanced { batch, high, rows, ms } => self.note(Event::Advanced { unit, batch, high, rows, ms }),
            Came::BatchFailed { batch, high, rows, is_late, message } => {
                self.note(Event::BatchFailed { unit, batch, high, rows, is_late, message })
            }
            Came::Done(detail) => self.note(Event::Done { unit, proof: Proof::Answer, detail }),
            Came::Failed(mut fault) => {
                // What somebody else ended is not for us to begin again.
                if fault.kind == FaultKind::Ended && !self.watch.ending.contains(&unit) {
                    fault.kind = FaultKind::Partial;
                }
                self.note(Event::Failed { unit, fault })
            }
        }
    }

    async fn judge(&mut self, unit: Unit) -> Result<(), DriveError> {
        self.watch.polled.insert(unit.clone(), now());
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let Some(evidence) = self.script.task_of(&unit).map(|task| task.evidence) else { return Ok(()) };
        match find_out(&self.ground.site, &self.ground.texts, &job, evidence).await {
            Found::CannotAsk(why) => {
                tracing::warn!(%unit, why, "what became of it cannot be asked now");
                Ok(())
            }
            Found::Judged(Judgement::Done(proof)) => self.note(Event::Done { unit, proof, detail: None }),
            Found::Judged(Judgement::NotDone(proof)) => self.not_done(&job, proof).await,
            Found::Judged(Judgement::Running) => {
                let progress = self.state.part(&unit).map(|part| part.progress.clone());
                let is_known = progress == Some(crate::run::PartProgress::Adopted);
                if is_known { Ok(()) } else { self.note(Event::StillRunning { unit }) }
            }
            Found::Judged(Judgement::Unknown(why)) => {
                self.watch.unknown.insert(unit, why);
                Ok(())
            }
            Found::Judged(Judgement::AskMark | Judgement::AskRunning | Judgement::AskDoneWhen) => Ok(()),
        }
    }

    /// A unit is not done; where it goes by batches, the last one of them may be and not stand in the journal.
    async fn not_done(&mut self, job: &Job, proof: Proof) -> Result<(), DriveError> {
        let unit = job.unit.clone();
        if let Some(last) = self.state.walk(&unit).map(|walk| walk.batch) {
            match checkpoint(&self.ground.site, job).await {
                Ok(Some(found)) if found.batch > last => {
                    let Checkpoint { batch, high, rows } = found;
                    self.note(Event::Advanced { unit: unit.clone(), batch, high, rows, ms: 0 })?;
                }
                Ok(_) => {}
                Err(why) => {
                    tracing::warn!(%unit, why, "how far it came cannot be asked now");
                    return Ok(());
                }
            }
        }
        self.note(Event::NotDone { unit, proof })
    }

    /// Ends a unit on its server. One that is under way here then gives its own answer.
    async fn end(&mut self, unit: Unit) -> Result<(), DriveError> {
        self.watch.polled.insert(unit.clone(), now());
        self.watch.ending.insert(unit.clone());
        self.flights.cancel(&unit);
        let Some(job) = self.job(&unit) else { return self.note(gone(unit)) };
        let is_here = self.watch.in_flight.contains(&unit);
        let is_command = matches!(job.operation.action, Action::Command { .. });
        let is_statement = self.script.task_of(&unit).is_some_and(|task| task.evidence.mark || task.evidence.lookup);
        if is_command && !is_here {
            process::end(&job.tag, process::GRACE).await;
        } else if is_statement && !is_command {
            let ended = match job.database(&self.ground.site).await {
                Ok(database) => database.end(&job.tag).await.map_err(|error| error.to_string()),
                Err(fault) => Err(fault.message),
            };
            let ended = match ended {
                Ok(_) if !is_here => partitions::clean(&self.ground.site, &self.ground.texts, &job).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                let error = self.ground.site.scrub.clean(&error);
                tracing::warn!(%unit, error, "it could not be ended on its server");
                return Ok(());
            }
        }
        if is_here { Ok(()) } else { self.note(Event::CutOff { unit }) }
    }

    /// Waits for whatever comes first; an outcome where the run is let go.
    async fn wait(
        &mut self,
        until: Option<Timestamp>,
        observer: &mut dyn Observer,
    ) -> Result<Option<Outcome>, DriveError> {
        self.looks_at = until;
        let look = REQUESTS_EVERY.saturating_sub(self.looked_at.elapsed());
        let for_ = until.map_or(look, |until| until.since(now()).min(look));
        tokio::select! {
            biased;
            () = self.ground.pulse.lost.cancelled() => return Err(DriveError::LeaseLost),
            () = self.signals.let_go.cancelled() => return Ok(Some(Outcome::LetGo)),
            () = self.signals.stop.cancelled(), if self.may_stop() => self.stop()?,
            (unit, came) = self.flights.next() => {
                self.watch.in_flight.remove(&unit);
                self.came(unit.clone(), came)?;
                self.watch.ending.remove(&unit);
            }
            (name, reading) = self.readings.next() => {
                self.watch.reading.remove(&name);
                self.watch.readings.insert(name, reading);
            }
            Some(Ok(progress)) = self.asking.join_next() => self.tell_progress(progress, observer),
            () = tokio::time::sleep(for_) => {}
        }
        self.look_around().await?;
        Ok(None)
    }

    /// Looks for requests and asks for progress now and then, however fast units come and go.
    async fn look_around(&mut self) -> Result<(), DriveError> {
        if self.looked_at.elapsed() < REQUESTS_EVERY {
            return Ok(());
        }
        self.looked_at = tokio::time::Instant::now();
        self.requests().await?;
        self.ask_progress();
        Ok(())
    }

    fn may_stop(&self) -> bool {
        self.state.accepts(&Request::Stop { rollback: false })
    }

    fn stop(&mut self) -> Result<(), DriveError> {
        let by = super::control::person();
        self.note(Event::Asked { request: Request::Stop { rollback: false }, by, reason: None, number: 0 })
    }

    /// Takes in what other processes ask for. What does not fit is passed over: who asked sees that nothing came of it.
    async fn requests(&mut self) -> Result<(), DriveError> {
        let asked = match self.ground.store.requests(self.journal.lease.run(), self.requests_seen).await {
            Ok(asked) => asked,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for request in asked {
            self.requests_seen = request.number;
            let Ok(wish) = serde_json::from_str::<super::control::Wish>(&request.body) else { continue };
            if self.state.accepts(&wish.request) {
                let super::control::Wish { request: wish, by, reason } = wish;
                self.note(Event::Asked { request: wish, by, reason, number: request.number })?;
            }
        }
        Ok(())
    }

    fn ask_progress(&mut self) {
        if !self.asking.is_empty() || self.asked_at.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
            return;
        }
        self.asked_at = Some(tokio::time::Instant::now());
        let (site, texts) = (Arc::clone(&self.ground.site), Arc::clone(&self.ground.texts));
        let (flying, before) = (self.watch.in_flight.iter(), self.samples.moved());
        let question = Question::new(&site, &self.migration, &self.script, &self.state, flying, &self.run, before);
        self.asking.spawn(async move { question.answer(&site, &texts).await });
    }

    fn tell_progress(&mut self, mut progress: Progress, observer: &mut dyn Observer) {
        let at = now();
        progress.waits_for = progress::waits_for(&self.state, self.looks_at, at).or(progress.waits_for);
        self.samples.add(at, self.state.direction, &mut progress);
        self.ground.pulse.say(serde_json::to_string(&progress).expect("progress has only texts for keys"));
        observer.progressed(&progress);
    }
}

/// An operation that the document does not have: a state that no journal of ours leads to.
fn gone(unit: Unit) -> Event {
    let message = "its document has no such operation".to_owned();
    Event::Failed { unit, fault: Fault { kind: FaultKind::Refused, message } }
}
