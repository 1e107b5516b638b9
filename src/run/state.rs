//! What is known of a run: the fold of its events ([`super::fold`]).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::model::StepNames;

use super::batches::Walk;
use super::pacing::Pacing;
use super::throttle::Throttling;
use super::{Direction, Document, Fault, Forecast, Part, Proof, Request, Status, Timestamp, Tuning, Unit};

/// What a run was given when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What it does.
    pub document: Document,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, Value>,
    /// The app version that ran.
    pub app: Option<String>,
    /// The step that it deploys.
    pub step: Option<StepNames>,
    /// Migrations that count as complete although no run of them is known.
    pub assumed: Vec<String>,
    /// Who started it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A run as its journal tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// What it was given.
    pub given: Given,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// Because of what.
    pub because: String,
    /// Whether it takes back instead of doing.
    pub direction: Direction,
    /// Why it takes back.
    pub back_because: Option<String>,
    /// Whether its checks ever passed: from then on the journal decides, not `required`.
    pub has_begun: bool,
    /// Whether its checks passed since it was last taken up.
    pub is_ready: bool,
    /// What was asked and is not carried out yet: to stop.
    pub stop: Option<StopWish>,
    /// Whether nothing new may begin, because a person said so.
    pub is_paused: bool,
    /// Why nothing new may begin, because nobody knows whether the installation is well.
    pub health_unknown: Option<String>,
    /// The limits that hold it up, and the time that they took from it.
    pub throttle: Throttling,
    /// What people changed while it ran.
    pub tuning: Tuning,
    /// What moving large tables was said to take, by their operations.
    pub forecasts: BTreeMap<String, Forecast>,
    /// The operations that were begun, by name.
    pub operations: BTreeMap<String, OperationState>,
    /// What operations printed or were answered that later ones use, by name; empty for those that were passed over.
    pub outputs: BTreeMap<String, String>,
    /// What a person is asked, and about which unit.
    pub question: Option<(Unit, String)>,
    /// Everything that went wrong.
    pub errors: Vec<RunError>,
    /// The last request of the store that is settled.
    pub requests_settled: i64,
}

/// A wish to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopWish {
    /// Whether to take everything back.
    pub rollback: bool,
    /// Whether the health checks said so, and no person.
    pub is_unhealthy: bool,
    /// Why.
    pub because: String,
}

/// Something that went wrong; never removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// When.
    pub at: Timestamp,
    /// What it was about, where it was about one.
    pub unit: Option<Unit>,
    /// The host it happened on.
    pub host: Option<String>,
    /// What was said.
    pub message: String,
}

/// An operation, both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationState {
    /// How far doing it is.
    pub forward: Phase,
    /// How far taking it back is.
    pub back: Phase,
}

/// One way of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phase {
    /// When it was first attempted.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its parts, once they are known.
    pub parts: Option<Vec<PartState>>,
    /// Whether a person said to go on without it.
    pub is_skipped: bool,
    /// Whether it is looked for more parts when those that are known are done.
    pub may_grow: bool,
    /// How fast its pieces went.
    pub pacing: Pacing,
    /// The time that limits had taken from the run before it.
    pub lost_before: Duration,
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartState {
    /// What it is about.
    pub part: Part,
    /// How far it is.
    pub progress: PartProgress,
    /// Since when its time counts: not anew after a crash, but anew when a person lets it go on.
    pub since: Option<Timestamp>,
    /// How often it did not work.
    pub failures: u32,
    /// Whether an attempt before the present one may have left something.
    pub is_touched: bool,
    /// How far its batches are, where it goes by batches.
    pub walk: Option<Walk>,
}

/// How far a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartProgress {
    /// Nobody has begun it, or it is to be attempted again at once.
    Waiting,
    /// It is under way since then.
    Running(Timestamp),
    /// Nobody knows what became of it.
    InDoubt,
    /// Its statement was found running on the server.
    Adopted,
    /// It did not work.
    Failed {
        /// Why.
        fault: Fault,
        /// When.
        at: Timestamp,
    },
    /// It was ended in the middle.
    CutOff,
    /// It is done.
    Done(Proof),
}

impl PartState {
    /// A part that nobody has begun.
    pub fn new(part: Part) -> PartState {
        let walk = part.slice.as_ref().and_then(Walk::of);
        PartState { part, progress: PartProgress::Waiting, since: None, failures: 0, is_touched: false, walk }
    }

    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        matches!(self.progress, PartProgress::Done(_))
    }

    /// Whether all that is left of it was set aside, for a person to look at.
    pub fn is_set_aside(&self) -> bool {
        let is_left = |walk: &Walk| walk.at_hand().is_none() && !walk.parked.is_empty();
        matches!(self.progress, PartProgress::Running(_)) && self.walk.as_ref().is_some_and(is_left)
    }

    /// Whether it is worked on, here or at its server.
    pub fn is_at_hand(&self) -> bool {
        matches!(self.progress, PartProgress::Running(_) | PartProgress::Adopted) && !self.is_set_aside()
    }

    /// Whether there may be something to take back: not where it was never attempted, or surely refused.
    pub fn may_have_effect(&self) -> bool {
        let is_sure = matches!(self.progress, PartProgress::Waiting | PartProgress::Failed { .. });
        self.is_touched || !is_sure
    }
}

impl Phase {
    /// One whose parts were just found out.
    pub(super) fn prepared(parts: Vec<Part>, may_grow: bool, batch: Option<u64>, at: Timestamp) -> Phase {
        Phase {
            started_at: Some(at),
            ended_at: (parts.is_empty() && !may_grow).then_some(at),
            parts: Some(parts.into_iter().map(PartState::new).collect()),
            is_skipped: false,
            may_grow,
            pacing: Pacing::new(batch),
            lost_before: Duration::ZERO,
        }
    }

    /// Whether it is over: every part is done and nothing more is looked for, or a person said to go on without it.
    pub fn is_over(&self) -> bool {
        self.is_skipped
            || (!self.may_grow && self.parts.as_ref().is_some_and(|parts| parts.iter().all(PartState::is_done)))
    }

    /// Whether its parts are done, and it is looked for more of them.
    pub fn is_searched(&self) -> bool {
        self.may_grow && !self.is_skipped && self.parts().iter().all(PartState::is_done)
    }

    /// Its parts; none where they are not known yet.
    pub fn parts(&self) -> &[PartState] {
        self.parts.as_deref().unwrap_or_default()
    }
}

impl OperationState {
    /// One of the two ways.
    pub fn phase(&self, direction: Direction) -> &Phase {
        match direction {
            Direction::Do => &self.forward,
            Direction::Undo => &self.back,
        }
    }

    /// One of the two ways, to change it.
    pub(super) fn phase_mut(&mut self, direction: Direction) -> &mut Phase {
        match direction {
            Direction::Do => &mut self.forward,
            Direction::Undo => &mut self.back,
        }
    }

    /// Whether there may be something to take back.
    pub fn may_have_effect(&self) -> bool {
        self.forward.parts().iter().any(PartState::may_have_effect)
    }
}

impl State {
    /// One way of an operation, if it was begun.
    pub fn phase(&self, operation: &str, direction: Direction) -> Option<&Phase> {
        self.operations.get(operation).map(|operation| operation.phase(direction))
    }

    /// A unit's part.
    pub fn part(&self, unit: &Unit) -> Option<&PartState> {
        self.phase(&unit.operation, unit.direction)?.parts().get(usize::try_from(unit.part).ok()?)
    }

    /// Every part that was begun, with its unit.
    pub fn parts(&self) -> impl Iterator<Item = (Unit, &PartState)> {
        self.units(|_| true).filter_map(|unit| Some((unit.clone(), self.part(&unit)?)))
    }

    /// The units of such progress, without those that a person said to go on without.
    pub fn units(&self, is_meant: impl Fn(&PartProgress) -> bool + Copy) -> impl Iterator<Item = Unit> {
        self.operations.iter().flat_map(move |(name, operation)| {
            [Direction::Do, Direction::Undo].into_iter().flat_map(move |direction| {
                let phase = operation.phase(direction);
                let parts = (0..).zip(phase.parts()).filter(|_| !phase.is_skipped);
                let meant = parts.filter(move |(_, part)| is_meant(&part.progress));
                meant.map(move |(part, _)| Unit { operation: name.clone(), direction, part })
            })
        })
    }

    /// Whether nobody works on it any more, and nothing goes on until somebody asks for it.
    pub fn is_at_rest(&self) -> bool {
        !self.status.is_active()
    }

    /// Whether a new start is a new run.
    pub fn is_over(&self) -> bool {
        self.status.is_final() || (self.status == Status::Blocked && !self.has_begun)
    }

    /// What people may ask of it now.
    pub fn accepts(&self, request: &Request) -> bool {
        match request {
            Request::Stop { rollback } => {
                self.status.is_active() && !(*rollback && self.direction == Direction::Undo) && self.stop.is_none()
            }
            Request::Pause => self.status.is_active() && self.status != Status::Stopping && !self.is_paused,
            Request::Resume => {
                matches!(self.status, Status::Paused | Status::Stopped)
                    || (self.status == Status::Blocked && self.has_begun)
            }
            Request::Rollback => match self.status {
                Status::Stopped | Status::Errored | Status::NeedsAttention | Status::Completed => true,
                Status::Blocked => self.has_begun,
                Status::NotStarted
                | Status::Starting
                | Status::Running
                | Status::Paused
                | Status::Throttled
                | Status::Stopping
                | Status::NotRequired
                | Status::RollingBack
                | Status::RolledBack => false,
            },
            Request::Retry => matches!(self.status, Status::Errored | Status::NeedsAttention),
            Request::Tune { changes } => self.status.is_active() && self.tuning.clone().with_all(changes).is_ok(),
            Request::Resolve { operation, .. } => {
                let asked = self.question.as_ref().map(|(unit, _)| unit.clone());
                let failed = self.failed_unit().filter(|_| self.status == Status::Errored);
                !self.status.is_active() && asked.or(failed).is_some_and(|unit| unit.operation == *operation)
            }
        }
    }

    /// The unit that the run failed at.
    pub fn failed_unit(&self) -> Option<Unit> {
        self.units(|progress| matches!(progress, PartProgress::Failed { .. }))
            .find(|unit| unit.direction == self.direction)
    }
}
