//! Folds events into a state. It is total: an event that cannot follow is refused, never guessed at.

use thiserror::Error;

use super::state::{Given, RunError, StopWish};
use super::throttle::Throttling;
use super::{
    Direction, Event, Failure, OperationState, Part, PartProgress, PartState, Phase, State, Status, Timestamp, Tuning,
    Unit,
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
        let Event::Started { document, parameters, app, step, assumed, by } = event else {
            return Err(IllegalEvent { event: event.name(), status: Status::NotStarted, about: None });
        };
        Ok(State {
            because: format!("{by} started it"),
            given: Given { document, parameters, app, step: step.map(|step| *step), assumed, by, at },
            status: Status::Starting,
            since: at,
            direction: Direction::Do,
            back_because: None,
            has_begun: false,
            is_ready: false,
            stop: None,
            is_paused: false,
            health_unknown: None,
            throttle: Throttling::default(),
            tuning: Tuning::default(),
            forecasts: std::collections::BTreeMap::new(),
            operations: std::collections::BTreeMap::new(),
            outputs: std::collections::BTreeMap::new(),
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

    pub(super) fn set_status(&mut self, status: Status, at: Timestamp, because: impl Into<String>) {
        if self.status != status {
            self.since = at;
        }
        self.status = status;
        self.because = because.into();
        if self.is_at_rest() {
            // Nothing is left of what held it up while it worked.
            self.is_paused = false;
            self.stop = None;
            self.health_unknown = None;
            self.throttle.ends(at);
        }
    }

    /// The status of a run that works, by what holds it up.
    pub(super) fn become_working(&mut self, at: Timestamp, because: impl Into<String>) {
        let because = because.into();
        if self.stop.is_some() {
            self.set_status(Status::Stopping, at, because);
        } else if self.is_paused {
            self.set_status(Status::Paused, at, because);
        } else if let Some(why) = self.health_unknown.clone() {
            self.set_status(Status::Paused, at, why);
        } else if self.direction == Direction::Undo {
            self.set_status(Status::RollingBack, at, because);
        } else if let Some(why) = self.throttle.told() {
            self.set_status(Status::Throttled, at, why);
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
        let wakes = matches!(event, Event::Taken { .. } | Event::Asked { .. });
        let follows = match about {
            _ if self.is_at_rest() && !wakes => false,
            Some(unit) => self.unit_event(&unit, &event, at),
            None => self.run_event(event, at),
        };
        if follows { Ok(()) } else { Err(illegal) }
    }

    /// An event about the run as a whole; false where it cannot follow.
    fn run_event(&mut self, event: Event, at: Timestamp) -> bool {
        if let Some(follows) = self.parts_event(&event, at).or_else(|| self.throttle_event(&event, at)) {
            return follows;
        }
        match event {
            Event::Taken { owner } => self.taken(&owner, at),
            Event::Asked { request, by, reason, number } if self.accepts(&request) => {
                self.requests_settled = self.requests_settled.max(number);
                let because = reason.map_or_else(|| format!("{by} asked for it"), |reason| format!("{by}: {reason}"));
                self.asked(request, because, at);
            }
            Event::NotRequired { evidence } if !self.has_begun && self.status == Status::Starting => {
                self.set_status(Status::NotRequired, at, evidence)
            }
            Event::Blocked { failures } if self.status == Status::Starting => {
                self.set_status(Status::Blocked, at, told(&failures));
            }
            Event::Ready { again } if !self.is_ready && self.direction == Direction::Do && self.are_over(&again) => {
                self.ready(&again, at);
            }
            Event::Unhealthy { failures } if self.stop.is_none() && self.direction == Direction::Do => {
                self.unhealthy(&failures, at)
            }
            Event::HealthUnknown { failures } if self.direction == Direction::Do => {
                self.health(Some(told(&failures)), at)
            }
            Event::Healthy if self.health_unknown.is_some() => self.health(None, at),
            Event::RollingBack { because } if self.direction == Direction::Do => self.turn_back(because, at),
            Event::Stopped if self.stop.is_some() => {
                let because = self.stop.as_ref().map(|stop| stop.because.clone()).unwrap_or_default();
                self.set_status(Status::Stopped, at, because);
            }
            Event::Errored { because } => self.errored(because, at),
            Event::RolledBack if self.direction == Direction::Undo => {
                self.set_status(Status::RolledBack, at, self.back_because.clone().unwrap_or_default());
            }
            Event::Completed if self.direction == Direction::Do && self.has_begun && self.stop.is_none() => {
                self.set_status(Status::Completed, at, "its work is done and was checked");
            }
            Event::Started { .. }
            | Event::Asked { .. }
            | Event::NotRequired { .. }
            | Event::Blocked { .. }
            | Event::Ready { .. }
            | Event::Unhealthy { .. }
            | Event::HealthUnknown { .. }
            | Event::Healthy
            | Event::RollingBack { .. }
            | Event::Stopped
            | Event::RolledBack
            | Event::Completed
            | Event::Forecast { .. }
            | Event::Prepared { .. }
            | Event::Found { .. }
            | Event::Attempted { .. }
            | Event::Done { .. }
            | Event::PassedOver { .. }
            | Event::Failed { .. }
            | Event::NotDone { .. }
            | Event::StillRunning { .. }
            | Event::CutOff { .. }
            | Event::Advanced { .. }
            | Event::BatchFailed { .. }
            | Event::BatchParked { .. }
            | Event::Throttled { .. }
            | Event::Unthrottled
            | Event::Parked { .. } => return false,
        }
        true
    }

    /// An event about the parts of an operation: whether it can follow; nothing where it is about something else.
    fn parts_event(&mut self, event: &Event, at: Timestamp) -> Option<bool> {
        if let Event::Prepared { operation, direction, parts, may_grow, batch } = event {
            let prepared = Phase::prepared(parts.clone(), *may_grow, *batch, at);
            let phase = Phase { lost_before: self.throttle.lost(at), ..prepared };
            return Some(self.prepared(operation.clone(), *direction, phase));
        }
        if let Event::Forecast { operation, forecast } = event {
            let follows = self.status == Status::Starting;
            if follows {
                self.forecasts.insert(operation.clone(), *forecast);
            }
            return Some(follows);
        }
        let Event::Found { operation, parts } = event else { return None };
        Some(self.found(operation, parts.clone(), at))
    }

    /// An event about the limits: whether it can follow; nothing where it is about something else.
    fn throttle_event(&mut self, event: &Event, at: Timestamp) -> Option<bool> {
        if let Event::Throttled { by } = event {
            let follows = self.direction == Direction::Do && !by.is_empty();
            if follows {
                self.throttle.holds(by.clone(), at);
                let why = self.throttle.told().unwrap_or_default();
                self.become_working(at, why);
            }
            return Some(follows);
        }
        if !matches!(event, Event::Unthrottled) {
            return None;
        }
        let follows = self.throttle.since.is_some();
        if follows {
            self.throttle.ends(at);
            self.become_working(at, "no limit is reached any more");
        }
        Some(follows)
    }

    /// Whether these operations are done.
    fn are_over(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.phase(name, Direction::Do).is_some_and(Phase::is_over))
    }

    /// Work begins or goes on; what finds out how things stand is done again.
    fn ready(&mut self, again: &[String], at: Timestamp) {
        (self.is_ready, self.has_begun) = (true, true);
        self.operations.retain(|name, _| !again.contains(name));
        self.outputs.retain(|name, _| !again.contains(name));
        self.become_working(at, "its checks passed");
    }

    fn errored(&mut self, because: String, at: Timestamp) {
        // Where nothing was taken back there is still a way forward.
        if self.operations.values().all(|operation| operation.back == Phase::default()) {
            self.direction = Direction::Do;
        }
        self.errors.push(RunError { at, unit: None, host: None, message: because.clone() });
        self.set_status(Status::Errored, at, because);
    }

    /// The installation is not well: the run stops and takes everything back.
    fn unhealthy(&mut self, failures: &[Failure], at: Timestamp) {
        let because = told(failures);
        self.errors.push(RunError { at, unit: None, host: None, message: because.clone() });
        self.stop = Some(StopWish { rollback: true, is_unhealthy: true, because: because.clone() });
        self.become_working(at, because);
    }

    /// Whether the installation is well: nothing, or why that is not known.
    fn health(&mut self, unknown: Option<String>, at: Timestamp) {
        let because = unknown.clone().unwrap_or_else(|| "its health checks pass again".to_owned());
        if unknown.is_none() {
            self.count_anew(at);
        }
        self.health_unknown = unknown;
        self.become_working(at, because);
    }

    /// The parts of an operation are known; false where they were before or are not to be known now.
    fn prepared(&mut self, operation: String, direction: Direction, prepared: Phase) -> bool {
        let is_this_way = direction == self.direction && self.has_begun;
        let state = self.operations.get(&operation);
        let may_have_effect = state.is_some_and(OperationState::may_have_effect);
        let is_open = state.is_none_or(|state| {
            let phase = state.phase(direction);
            phase.parts.is_none() && !phase.is_skipped
        });
        if !is_this_way || !is_open || (direction == Direction::Undo && !may_have_effect) {
            return false;
        }
        *self.operations.entry(operation).or_default().phase_mut(direction) = prepared;
        true
    }

    /// An operation was looked through for more parts; false where its parts are not done, or it is not to be looked through.
    fn found(&mut self, operation: &str, parts: Vec<Part>, at: Timestamp) -> bool {
        let is_this_way = self.direction == Direction::Do;
        let Some(operation) = self.operations.get_mut(operation).filter(|_| is_this_way) else { return false };
        let phase = &mut operation.forward;
        if !phase.is_searched() {
            return false;
        }
        phase.may_grow = !parts.is_empty();
        phase.ended_at = parts.is_empty().then_some(at);
        phase.parts.get_or_insert_default().extend(parts.into_iter().map(PartState::new));
        true
    }

    /// Another process goes on: whatever was under way is in doubt.
    fn taken(&mut self, owner: &str, at: Timestamp) {
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
        if !self.is_at_rest() {
            self.health_unknown = None;
            self.throttle.ends(at);
            self.become_working(at, format!("{owner} goes on with it"));
        }
    }
}
