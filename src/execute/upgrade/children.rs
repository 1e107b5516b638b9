//! What an upgrade begins: deploys and migrations, each a run of its own, brought to its end or as far as it goes.

use std::time::Duration;

use crate::run::{Failure, Request, State, Status};
use crate::store::{RunFilter, RunId, StoreError};

use super::super::control::{Came, ControlError, Deploy, KIND, Start, Wish};
use super::super::drive::Outcome;
use super::super::journal::{DriveError, read};
use super::super::observe::Observer;
use super::walk::Walker;

/// How often a run is looked at that another process works on.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What is to be brought to its end.
pub(super) enum Attempt<'a> {
    Deploy(Deploy<'a>),
    Migration(Start<'a>),
}

/// What came of it.
pub(super) enum Child {
    /// It is complete.
    Complete { run: RunId, status: Status },
    /// It rests without being complete.
    Rests { run: RunId, status: Status, is_manual: bool, because: String },
    /// It cannot begin now.
    Refused(String),
    /// It was let go in the middle.
    LetGo,
}

impl Walker<'_> {
    /// Brings a run of a name to its end, once: begins it, goes on with it, or waits for whoever works on it. Runs that were
    /// over before `after` are not meant.
    pub async fn carry(
        &self,
        name: &str,
        after: Option<&str>,
        attempt: &Attempt<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Child, ControlError> {
        let mut is_tried = false;
        loop {
            let row = self.desk.latest(name).await?.filter(|row| Some(row.run.id.as_str()) != after);
            let mut state = None;
            if let Some(row) = &row {
                state = read::<State>(&self.desk.store, &row.run.id).await?;
            }
            if let (Some(row), Some(state)) = (&row, &state) {
                let run = row.run.id.clone();
                if state.status.is_complete() {
                    return Ok(Child::Complete { run, status: state.status });
                }
                if (is_tried && state.is_at_rest()) || is_for_a_person(attempt, state) {
                    let is_manual = self.desk.ending(state)?.is_manual;
                    let because = state.because.clone();
                    return Ok(Child::Rests { run, status: state.status, is_manual, because });
                }
            }
            if self.desk.signals.let_go.is_cancelled() {
                return Ok(Child::LetGo);
            }
            match self.beside(self.attempt(name, attempt, state.as_ref(), observer)).await {
                Ok(Came { outcome: Some(Outcome::LetGo), .. }) => return Ok(Child::LetGo),
                Ok(_) => is_tried = true,
                Err(ControlError::Refused { failures, .. }) => return Ok(Child::Refused(told(&failures))),
                Err(ControlError::Busy { running, failure, .. }) => {
                    if !self.wait_for_room(name, &running, &failure, observer).await? {
                        return Ok(Child::Refused(told(&[*failure])));
                    }
                    if self.desk.signals.stop.is_cancelled() {
                        return Ok(Child::LetGo);
                    }
                }
                Err(error) if is_anothers(&error) => {
                    self.follow(name, observer).await?;
                    if self.desk.signals.stop.is_cancelled() {
                        return Ok(Child::LetGo);
                    }
                    is_tried = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn attempt(
        &self,
        name: &str,
        attempt: &Attempt<'_>,
        state: Option<&State>,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let wish = |request| Wish { request, by: self.desk.person.clone(), reason: None };
        match (attempt, state) {
            // Whatever looks after a deploy that was cut off finds out first how things stand.
            (Attempt::Deploy(_), Some(state)) if state.status == Status::Errored => {
                self.desk.ask(name, wish(Request::Retry), observer).await
            }
            (Attempt::Deploy(deploy), _) => self.desk.deploy(deploy, observer).await,
            (Attempt::Migration(_), Some(state)) if !state.is_over() => {
                self.desk.ask(name, wish(Request::Resume), observer).await
            }
            (Attempt::Migration(start), _) => self.desk.start(start, observer).await,
        }
    }

    /// Works on a child for as long as the upgrade is ours; else lets go of it.
    async fn beside<T>(&self, work: impl Future<Output = Result<T, ControlError>>) -> Result<T, ControlError> {
        tokio::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.journal.pulse.lost.cancelled() => self.desk.signals.let_go.cancel(),
        }
        work.await.and(Err(DriveError::LeaseLost.into()))
    }

    /// Waits while another process works on a run.
    async fn follow(&self, name: &str, observer: &mut dyn Observer) -> Result<(), ControlError> {
        loop {
            let Some(row) = self.desk.latest(name).await? else { return Ok(()) };
            let holder = row.holder.filter(|holder| holder.left_ms > 0);
            let Some(holder) = holder else { return Ok(()) };
            observer.waits(&format!("{name} is in the hands of {}", holder.owner));
            tokio::select! {
                () = self.journal.pulse.lost.cancelled() => return Err(DriveError::LeaseLost.into()),
                () = self.desk.signals.let_go.cancelled() => return Ok(()),
                () = self.desk.signals.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

impl Walker<'_> {
    /// Waits while living processes work on as many other migrations as may run at once; whether that is worth it.
    async fn wait_for_room(
        &self,
        name: &str,
        running: &[String],
        failure: &Failure,
        observer: &mut dyn Observer,
    ) -> Result<bool, ControlError> {
        loop {
            let filter = RunFilter {
                environment: Some(self.desk.site.environment.clone()),
                unfinished_only: true,
                limit: u32::MAX,
                ..RunFilter::default()
            };
            let rows = self.desk.store.runs(&filter).await?;
            let of_others = rows.iter().filter(|row| row.run.kind == KIND && running.contains(&row.run.name));
            let held: Vec<i64> = of_others.filter_map(|row| row.holder.as_ref()).map(|holder| holder.left_ms).collect();
            if held.len() >= running.len() && held.iter().all(|left_ms| *left_ms <= 0) {
                return Ok(false);
            }
            observer.waits(&format!("{name} waits its turn: {}", failure.message));
            tokio::select! {
                () = self.journal.pulse.lost.cancelled() => return Err(DriveError::LeaseLost.into()),
                () = self.desk.signals.let_go.cancelled() => return Ok(true),
                () = self.desk.signals.stop.cancelled() => return Ok(true),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            let room = usize::try_from(self.desk.settings().await?.max_concurrent).unwrap_or(usize::MAX);
            if held.len() < room.max(running.len()) {
                return Ok(true);
            }
        }
    }
}

/// Whether only a person's verb leads on, and not that the upgrade is asked for again.
fn is_for_a_person(attempt: &Attempt<'_>, state: &State) -> bool {
    match (attempt, state.status) {
        (Attempt::Migration(_), Status::Errored) | (_, Status::NeedsAttention) => true,
        (_, Status::Paused) => state.is_paused,
        (
            _,
            Status::NotStarted
            | Status::Blocked
            | Status::Starting
            | Status::Running
            | Status::Throttled
            | Status::Stopping
            | Status::Stopped
            | Status::Completed
            | Status::NotRequired
            | Status::Errored
            | Status::RollingBack
            | Status::RolledBack,
        ) => false,
    }
}

/// Whether another process has it, so that there is something to wait for.
fn is_anothers(error: &ControlError) -> bool {
    match error {
        // The last: it went on between looking at it and taking it.
        ControlError::Held { .. } | ControlError::Unfinished { .. } | ControlError::DoesNotFit { .. } => true,
        ControlError::Drive(DriveError::LeaseLost) => true,
        ControlError::Drive(DriveError::Store(error)) => matches!(error, StoreError::Held { .. }),
        ControlError::Refused { .. }
        | ControlError::Busy { .. }
        | ControlError::NeverStarted { .. }
        | ControlError::NoWayBack { .. }
        | ControlError::Drive(DriveError::Journal(_) | DriveError::Unreadable { .. } | DriveError::Document(_)) => {
            false
        }
    }
}

fn told(failures: &[Failure]) -> String {
    failures.iter().map(|failure| failure.message.as_str()).collect::<Vec<_>>().join("; ")
}
