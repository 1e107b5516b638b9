//! Folds events into a state. It is total: an event that cannot follow is refused, never guessed at.

use thiserror::Error;

use super::state::{Given, RunError, StopWish};
use super::{
    Direction, Event, Failure, FaultKind, Part, PartProgress, PartState, Proof, Request, Resolution, State, Status,
    Timestamp, Unit,
};

/// An event that cannot follow on what happened before.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{event}` cannot follow while the run is {status}{}", about.as_ref().map(|unit| format!(" (about {unit})")).unwrap_or_default())]
pub struct IllegalEvent {
    /// The event's name.
    pub event: &'static str,
    /// Where the run stands.
    pub status: Status,
    /// What it is about.
    pub about: Option<Unit>,
}

/// Each failure in a line.
pub(super) fn told(failures: &[Failure]) -> String {
    failures.iter().map(|failure| failure.message.as_str()).collect::<Vec<_>>().join("; ")
}

impl State {
    /// The state after the first event.
    pub fn begin(event: Event, at: Timestamp) -> Result<State, IllegalEvent> {
        let Event::Started { document, parameters, app, by } = event else {
            return Err(IllegalEvent { event: event.name(), status: Status::NotStarted, about: None });
        };
        Ok(State {
            because: format!("{by} started it"),
            given: Given { document, parameters, app, by, at },
            status: Status::Starting,
            since: at,
            direction: Direction::Do,
            has_begun: false,
            is_ready: false,
            stop: None,
            is_paused: false,
            health_unknown: None,
            operations: std::collections::BTreeMap::new(),
            question: None,
            errors: Vec::new(),
            requests_settled: 0,
        })
    }

    /// Every event of a journal in one go.
    pub fn fold(events: impl IntoIterator<Item = (Timestamp, Event)>) -> Result<Option<State>, IllegalEvent> {
        let mut events = events.into_iter();
        let Some((at, first)) = events.next() else { return Ok(None) };
        let mut state = State::begin(first, at)?;
        for (at, event) in events {
            state.apply(event, at)?;
        }
        Ok(Some(state))
    }

    fn set_status(&mut self, status: Status, at: Timestamp, because: impl Into<String>) {
        if self.status != status {
            self.since = at;
        }
        self.status = status;
        self.because = because.into();
    }

    /// The status of a run that works, by what holds it up.
    fn become_working(&mut self, at: Timestamp, because: impl Into<String>) {
        let because = because.into();
        if self.stop.is_some() {
            self.set_status(Status::Stopping, at, because);
        } else if self.is_paused {
            self.set_status(Status::Paused, at, because);
        } else if let Some(why) = self.health_unknown.clone() {
            self.set_status(Status::Paused, at, why);
        } else if self.direction == Direction::Undo {
            self.set_status(Status::RollingBack, at, because);
        } else if self.is_ready {
            self.set_status(Status::Running, at, because);
        } else {
            self.set_status(Status::Starting, at, because);
        }
    }

    /// The state after one more event; where it cannot follow, nothing is changed.
    pub fn apply(&mut self, event: Event, at: Timestamp) -> Result<(), IllegalEvent> {
        let about = event.unit().cloned();
        let illegal = IllegalEvent { event: event.name(), status: self.status, about: about.clone() };
        let goes_on = matches!(event, Event::Taken { .. } | Event::Asked { request: Request::Rollback, .. });
        let follows = match about {
            _ if self.is_over() && !goes_on => false,
            Some(unit) => self.unit_event(&unit, &event, at),
            None => self.run_event(event, at),
        };
        if follows { Ok(()) } else { Err(illegal) }
    }

    /// An event about the run as a whole; false where it cannot follow.
    fn run_event(&mut self, event: Event, at: Timestamp) -> bool {
        match event {
            Event::Taken { owner } => self.taken(&owner, at),
            Event::Asked { request, by, reason, number } if self.accepts(&request) => {
                self.requests_settled = self.requests_settled.max(number);
                let because = reason.map_or_else(|| format!("{by} asked for it"), |reason| format!("{by}: {reason}"));
                self.asked(request, because, at);
            }
            Event::NotRequired { evidence } if !self.has_begun => self.set_status(Status::NotRequired, at, evidence),
            Event::Blocked { failures } if self.status == Status::Starting => {
                self.set_status(Status::Blocked, at, told(&failures));
            }
            Event::Ready if !self.is_ready && self.direction == Direction::Do => {
                self.is_ready = true;
                self.has_begun = true;
                self.become_working(at, "its checks passed");
            }
            Event::Prepared { operation, direction, parts } => return self.prepared(operation, direction, parts, at),
            Event::Unhealthy { failures } if self.stop.is_none() => self.unhealthy(&failures, at),
            Event::HealthUnknown { failures } => self.health(Some(told(&failures)), at),
            Event::Healthy if self.health_unknown.is_some() => self.health(None, at),
            Event::RollingBack { because } if self.direction == Direction::Do => self.turn_back(because, at),
            Event::Stopped if self.stop.is_some() => {
                let because = self.stop.take().map(|stop| stop.because).unwrap_or_default();
                self.set_status(Status::Stopped, at, because);
            }
            Event::Errored { because } => {
                self.stop = None;
                self.errors.push(RunError { at, unit: None, host: None, message: because.clone() });
                self.set_status(Status::Errored, at, because);
            }
            Event::RolledBack if self.direction == Direction::Undo => {
                let because = self.because.clone();
                self.set_status(Status::RolledBack, at, because);
            }
            Event::Completed if self.direction == Direction::Do && self.is_ready => {
                self.set_status(Status::Completed, at, "its work is done and was checked");
            }
            Event::Started { .. }
            | Event::Asked { .. }
            | Event::NotRequired { .. }
            | Event::Blocked { .. }
            | Event::Ready
            | Event::Unhealthy { .. }
            | Event::Healthy
            | Event::RollingBack { .. }
            | Event::Stopped
            | Event::RolledBack
            | Event::Completed
            | Event::Attempted { .. }
            | Event::Done { .. }
            | Event::Failed { .. }
            | Event::NotDone { .. }
            | Event::StillRunning { .. }
            | Event::CutOff { .. }
            | Event::Parked { .. } => return false,
        }
        true
    }

    /// The installation is not well: the run stops and takes everything back.
    fn unhealthy(&mut self, failures: &[Failure], at: Timestamp) {
        let because = told(failures);
        self.errors.push(RunError { at, unit: None, host: None, message: because.clone() });
        self.stop = Some(StopWish { rollback: true, because: because.clone() });
        self.become_working(at, because);
    }

    /// Whether the installation is well: nothing, or why that is not known.
    fn health(&mut self, unknown: Option<String>, at: Timestamp) {
        let because = unknown.clone().unwrap_or_else(|| "its health checks pass again".to_owned());
        self.health_unknown = unknown;
        self.become_working(at, because);
    }

    /// The parts of an operation are known; false where they were before.
    fn prepared(&mut self, operation: String, direction: Direction, parts: Vec<Part>, at: Timestamp) -> bool {
        let phase = self.operations.entry(operation).or_default().phase_mut(direction);
        if phase.parts.is_some() {
            return false;
        }
        phase.started_at = Some(at);
        phase.ended_at = parts.is_empty().then_some(at);
        phase.parts = Some(parts.into_iter().map(PartState::new).collect());
        true
    }

    /// Another process goes on: whatever was under way is in doubt.
    fn taken(&mut self, owner: &str, at: Timestamp) {
        if self.is_at_rest() {
            return;
        }
        for operation in self.operations.values_mut() {
            for direction in [Direction::Do, Direction::Undo] {
                for part in operation.phase_mut(direction).parts.iter_mut().flatten() {
                    if matches!(part.progress, PartProgress::Running(_) | PartProgress::Adopted) {
                        part.progress = PartProgress::InDoubt;
                    }
                }
            }
        }
        self.is_ready = false;
        self.health_unknown = None;
        self.become_working(at, format!("{owner} goes on with it"));
    }

    fn asked(&mut self, request: Request, because: String, at: Timestamp) {
        match request {
            Request::Stop { rollback } => {
                self.is_paused = false;
                self.stop = Some(StopWish { rollback, because: because.clone() });
                self.become_working(at, because);
            }
            Request::Pause => {
                self.is_paused = true;
                self.become_working(at, because);
            }
            Request::Resume => {
                self.is_paused = false;
                self.is_ready = self.is_ready && self.status == Status::Paused;
                self.become_working(at, because);
            }
            Request::Rollback => {
                self.question = None;
                self.turn_back(because, at);
            }
            Request::Retry => {
                self.again();
                self.become_working(at, because);
            }
            Request::Resolve { operation, resolution } => {
                self.resolved(&operation, resolution, at);
                self.become_working(at, because);
            }
        }
    }

    fn turn_back(&mut self, because: String, at: Timestamp) {
        if self.direction == Direction::Undo {
            self.again();
        }
        self.direction = Direction::Undo;
        self.stop = None;
        self.health_unknown = None;
        self.become_working(at, because);
    }

    /// What failed or is asked about is attempted anew, with all its tries.
    fn again(&mut self) {
        self.question = None;
        self.is_ready = false;
        let direction = self.direction;
        for operation in self.operations.values_mut() {
            for part in operation.phase_mut(direction).parts.iter_mut().flatten() {
                part.failures = 0;
                if matches!(part.progress, PartProgress::Failed { .. }) {
                    part.progress = PartProgress::Waiting;
                }
            }
        }
    }

    /// A person's word on the unit that was asked about, or on what failed.
    fn resolved(&mut self, operation: &str, resolution: Resolution, at: Timestamp) {
        let asked = self.question.take().map(|(unit, _)| unit);
        self.is_ready = false;
        let direction = self.direction;
        let Some(state) = self.operations.get_mut(operation) else { return };
        let phase = state.phase_mut(direction);
        if resolution == Resolution::Skip {
            phase.is_skipped = true;
            phase.ended_at = Some(at);
        }
        for (index, part) in phase.parts.iter_mut().flatten().enumerate() {
            let is_meant = asked.as_ref().is_none_or(|unit| usize::try_from(unit.part) == Ok(index));
            let is_open = matches!(
                part.progress,
                PartProgress::Failed { .. } | PartProgress::InDoubt | PartProgress::CutOff | PartProgress::Running(_)
            );
            if !(is_meant && is_open) {
                continue;
            }
            part.progress = match resolution {
                Resolution::Done => PartProgress::Done(Proof::Person),
                Resolution::NotDone => PartProgress::Waiting,
                Resolution::Skip => PartProgress::CutOff,
            };
            part.failures = 0;
        }
        if phase.is_over() && phase.ended_at.is_none() {
            phase.ended_at = Some(at);
        }
    }

    /// An event about one unit; false where it cannot follow.
    fn unit_event(&mut self, unit: &Unit, event: &Event, at: Timestamp) -> bool {
        if let Event::Attempted { .. } = event
            && !(unit.direction == self.direction && (self.is_ready || self.direction == Direction::Undo))
        {
            return false;
        }
        let phase = self.operations.entry(unit.operation.clone()).or_default().phase_mut(unit.direction);
        if phase.is_skipped {
            return false;
        }
        // A single part needs no preparation: its first attempt makes it.
        if matches!(event, Event::Attempted { .. }) && phase.parts.is_none() && unit.part == 0 {
            phase.parts = Some(vec![PartState::new(Part::default())]);
        }
        phase.started_at = phase.started_at.or(Some(at));
        let index = usize::try_from(unit.part).unwrap_or(usize::MAX);
        let Some(part) = phase.parts.as_mut().and_then(|parts| parts.get_mut(index)) else { return false };
        let host = part.part.host.clone();
        let Some(next) = next(&part.progress, event, at) else { return false };
        if let Event::Attempted { .. } = event {
            part.was_attempted = true;
        }
        part.progress = next;
        if let Event::Failed { fault, .. } = event {
            if fault.kind != FaultKind::Ended {
                part.failures += 1;
            }
            let message = fault.message.clone();
            self.errors.push(RunError { at, unit: Some(unit.clone()), host, message });
        }
        let over = phase.is_over();
        phase.ended_at = over.then_some(at);
        if let Event::Parked { question, .. } = event {
            self.question = Some((unit.clone(), question.clone()));
            self.set_status(Status::NeedsAttention, at, question.clone());
        } else if over && self.direction == Direction::Do {
            self.because = format!("{unit} is done");
        }
        true
    }
}

/// How far a part is after an event about it; nothing where the event cannot follow.
fn next(progress: &PartProgress, event: &Event, at: Timestamp) -> Option<PartProgress> {
    use PartProgress::{Adopted, CutOff, Done, Failed, InDoubt, Running, Waiting};
    let is_open = matches!(progress, Running(_) | InDoubt | Adopted | CutOff);
    match event {
        Event::Attempted { .. } => matches!(progress, Waiting | Failed { .. }).then_some(Running(at)),
        Event::Done { proof, .. } => (is_open || *progress == Waiting).then_some(Done(*proof)),
        Event::Failed { fault, .. } if is_open => Some(match fault.kind {
            FaultKind::Lost => InDoubt,
            FaultKind::Ended => CutOff,
            FaultKind::Transient | FaultKind::Permanent => Failed { fault: fault.clone(), at },
        }),
        Event::NotDone { .. } => is_open.then_some(Waiting),
        Event::StillRunning { .. } => is_open.then_some(Adopted),
        Event::CutOff { .. } => is_open.then_some(CutOff),
        Event::Parked { .. } => match progress {
            Running(_) | InDoubt | Failed { .. } | CutOff => Some(progress.clone()),
            Waiting | Adopted | Done(_) => None,
        },
        Event::Failed { .. }
        | Event::Started { .. }
        | Event::Taken { .. }
        | Event::Asked { .. }
        | Event::NotRequired { .. }
        | Event::Blocked { .. }
        | Event::Ready
        | Event::Prepared { .. }
        | Event::Unhealthy { .. }
        | Event::HealthUnknown { .. }
        | Event::Healthy
        | Event::RollingBack { .. }
        | Event::Stopped
        | Event::Errored { .. }
        | Event::RolledBack
        | Event::Completed => None,
    }
}
