//! What comes next in a run: every decision, from what is known and the time alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::fold::told;
use super::lanes::{Lane, asked_lately, lanes};
use super::{
    Direction, Event, Failure, Fault, FaultKind, Part, PartProgress, Script, Settings, State, Status, Task, TaskKind,
    Timestamp, Undoing, Unit,
};

/// How often something is asked again that could not be answered.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How often health is asked again while it is unknown.
const HEALTH_AGAIN: Duration = Duration::from_secs(30);
/// How often the checks after the work are asked while they have no answer.
const POSTCHECK_TRIES: u32 = 3;

/// What this process knows besides the journal. It is empty when a process begins.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The units that this process is at.
    pub in_flight: BTreeSet<Unit>,
    /// Those of them that it has been told to end.
    pub ending: BTreeSet<Unit>,
    /// When each unit was last asked about.
    pub polled: BTreeMap<Unit, Timestamp>,
    /// Units in doubt that nothing can judge: why.
    pub unknown: BTreeMap<Unit, String>,
    /// What the checks before the work found.
    pub check: Option<Checked>,
    /// What the health checks found, and when.
    pub health: Option<(Timestamp, Vec<Failure>)>,
    /// What the checks after the work found, when, and how often they were asked.
    pub postcheck: Option<(Timestamp, Vec<Failure>, u32)>,
}

/// What the checks before the work found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is not required: the evidence.
    NotRequired(String),
    /// These did not pass; none = all did.
    Failures(Vec<Failure>),
}

/// Something to do in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Ask every check before the work; `required` only where nothing was ever done.
    Check {
        /// Whether `required` is asked.
        required: bool,
    },
    /// Ask the health checks.
    Health,
    /// Ask the checks after the work.
    Postcheck,
    /// Find out the parts of an operation.
    Prepare {
        /// The operation.
        operation: String,
        /// Which way.
        direction: Direction,
    },
    /// Do a unit; for one that waits: ask once.
    Perform(Unit),
    /// Find out what became of a unit.
    Judge(Unit),
    /// End a unit on its server.
    End(Unit),
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This is so from now on.
    Record(Vec<Event>),
    /// Do these, and tell what came of them.
    Act(Vec<Act>),
    /// Nothing, until something comes of what is under way, somebody asks for something, or this moment is there.
    Wait(Option<Timestamp>),
    /// Nothing more: nobody needs to own the run.
    Finish(Ending),
}

/// How a run came to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Where it stands.
    pub status: Status,
    /// Whether it waits for a person's acknowledgement, as opposed to a judgement.
    pub is_manual: bool,
}

/// What comes next. The same answer for the same arguments; it changes nothing.
pub fn decide(script: &Script, state: &State, watch: &Watch, settings: &Settings, now: Timestamp) -> Decision {
    let decider = Decider { script, state, watch, settings, now };
    if state.is_at_rest() {
        let manual = state.question.as_ref().and_then(|(unit, _)| decider.task(unit));
        let is_manual = manual.is_some_and(|task| task.kind == TaskKind::Manual);
        return Decision::Finish(Ending { status: state.status, is_manual });
    }
    decider.next()
}

struct Decider<'a> {
    script: &'a Script,
    state: &'a State,
    watch: &'a Watch,
    settings: &'a Settings,
    now: Timestamp,
}

impl Decider<'_> {
    fn next(&self) -> Decision {
        if self.state.stop.is_some() {
            return self.end_all(None).unwrap_or_else(|| Decision::Record(vec![self.stopped()]));
        }
        if self.state.direction == Direction::Undo
            && let Some(decision) = self.end_all(Some(Direction::Do))
        {
            return decision;
        }
        let doubt = self.doubts();
        if let Some(Decision::Act(_)) = doubt {
            return doubt.unwrap_or(Decision::Wait(None));
        }
        if self.state.is_paused {
            return doubt.unwrap_or(Decision::Wait(None));
        }
        if self.state.direction == Direction::Do {
            if !self.state.is_ready {
                return self.checks();
            }
            if let Some(decision) = self.health() {
                return decision;
            }
        }
        doubt.unwrap_or_else(|| self.sooner(self.work()))
    }

    fn task(&self, unit: &Unit) -> Option<&Task> {
        let task = self.script.task(&unit.operation)?;
        match (unit.direction, &task.undo) {
            (Direction::Do, _) => Some(task),
            (Direction::Undo, Undoing::Task { task, .. }) => Some(task),
            (Direction::Undo, Undoing::Nothing | Undoing::Irreversible(_)) => None,
        }
    }

    /// Ends whatever runs; nothing once nothing runs any more.
    fn end_all(&self, only: Option<Direction>) -> Option<Decision> {
        let open: Vec<Unit> = (self.state.parts())
            .filter(|(unit, _)| only.is_none_or(|direction| unit.direction == direction))
            .filter(|(_, part)| {
                matches!(part.progress, PartProgress::Running(_) | PartProgress::InDoubt | PartProgress::Adopted)
            })
            .map(|(unit, _)| unit)
            .collect();
        if open.is_empty() {
            return None;
        }
        // What a wait or a person is asked runs nowhere.
        let is_idle = |unit: &Unit| {
            let kind = self.task(unit).map(|task| task.kind);
            matches!(kind, Some(TaskKind::Wait { .. } | TaskKind::Manual)) && !self.watch.in_flight.contains(unit)
        };
        let idle: Vec<Event> =
            open.iter().filter(|unit| is_idle(unit)).cloned().map(|unit| Event::CutOff { unit }).collect();
        if !idle.is_empty() {
            return Some(Decision::Record(idle));
        }
        let due = |unit: &&Unit| {
            let is_told = self.watch.in_flight.contains(*unit) && self.watch.ending.contains(*unit);
            !is_told && asked_lately(self.watch, unit, ASK_AGAIN, self.now).is_none()
        };
        let acts: Vec<Act> = open.iter().filter(due).cloned().map(Act::End).collect();
        if !acts.is_empty() {
            return Some(Decision::Act(acts));
        }
        let again = open.iter().filter_map(|unit| asked_lately(self.watch, unit, ASK_AGAIN, self.now)).min();
        Some(Decision::Wait(again))
    }

    /// Nothing runs any more and it was asked to stop.
    fn stopped(&self) -> Event {
        match &self.state.stop {
            Some(stop) if stop.rollback && self.state.direction == Direction::Do => {
                self.back(format!("it was to be taken back: {}", stop.because), true)
            }
            Some(_) | None => Event::Stopped,
        }
    }

    /// Turns back, or stands still where there is no way back.
    fn back(&self, because: String, wanted: bool) -> Event {
        match self.state.point_of_no_return(self.script) {
            Some((name, reason)) if wanted => {
                Event::Errored { because: format!("{because}; it cannot be taken back past `{name}`: {reason}") }
            }
            None if wanted => Event::RollingBack { because },
            Some(_) | None => Event::Errored { because },
        }
    }

    /// What became of the units in doubt: asks, or waits to ask again.
    fn doubts(&self) -> Option<Decision> {
        let open = || {
            self.state.parts().filter(|(unit, part)| {
                unit.direction == self.state.direction
                    && !self.state.phase(&unit.operation, unit.direction).is_some_and(|phase| phase.is_skipped)
                    && matches!(part.progress, PartProgress::InDoubt | PartProgress::Adopted | PartProgress::CutOff)
            })
        };
        let mut again = None;
        let mut acts = Vec::new();
        for (unit, _) in open().filter(|(unit, _)| !self.watch.unknown.contains_key(unit)) {
            match asked_lately(self.watch, &unit, ASK_AGAIN, self.now) {
                Some(due) => again = Some(again.map_or(due, |again: Timestamp| again.min(due))),
                None => acts.push(Act::Judge(unit)),
            }
        }
        if !acts.is_empty() {
            return Some(Decision::Act(acts));
        }
        if again.is_some() || !self.watch.in_flight.is_empty() {
            return (open().next().is_some()).then_some(Decision::Wait(self.or_health(again)));
        }
        let (unit, why) = open().find_map(|(unit, _)| Some((unit.clone(), self.watch.unknown.get(&unit)?)))?;
        let question = format!("whether {unit} was done cannot be told: {why}");
        Some(Decision::Record(vec![Event::Parked { unit, question }]))
    }

    fn checks(&self) -> Decision {
        match &self.watch.check {
            None => Decision::Act(vec![Act::Check { required: !self.state.has_begun }]),
            Some(Checked::NotRequired(evidence)) => {
                Decision::Record(vec![Event::NotRequired { evidence: evidence.clone() }])
            }
            Some(Checked::Failures(failures)) if failures.is_empty() => Decision::Record(vec![Event::Ready]),
            Some(Checked::Failures(failures)) => Decision::Record(vec![Event::Blocked { failures: failures.clone() }]),
        }
    }

    /// When health is to be asked next.
    fn health_due(&self) -> Option<Timestamp> {
        let every = if self.state.health_unknown.is_some() { HEALTH_AGAIN } else { self.settings.healthcheck_interval };
        let at = self.watch.health.as_ref().map(|(at, _)| at.after(every));
        (self.script.has_healthcheck && self.state.direction == Direction::Do).then(|| at.unwrap_or(self.now))
    }

    fn or_health(&self, until: Option<Timestamp>) -> Option<Timestamp> {
        [until, self.health_due()].into_iter().flatten().min()
    }

    /// Something about the installation's health that comes before the work.
    fn health(&self) -> Option<Decision> {
        if self.health_due().is_some_and(|due| due <= self.now) {
            return Some(Decision::Act(vec![Act::Health]));
        }
        let (_, failures) = self.watch.health.as_ref()?;
        let no: Vec<Failure> = failures.iter().filter(|failure| !failure.is_unknown).cloned().collect();
        if !no.is_empty() {
            return Some(Decision::Record(vec![Event::Unhealthy { failures: no }]));
        }
        match (&self.state.health_unknown, failures.is_empty()) {
            (None, true) => None,
            (Some(_), true) => Some(Decision::Record(vec![Event::Healthy])),
            (None, false) => Some(Decision::Record(vec![Event::HealthUnknown { failures: failures.clone() }])),
            (Some(_), false) => Some(Decision::Wait(self.health_due())),
        }
    }

    /// A wait ends no later than when health is asked again.
    fn sooner(&self, decision: Decision) -> Decision {
        match decision {
            Decision::Wait(until) => Decision::Wait(self.or_health(until)),
            Decision::Record(_) | Decision::Act(_) | Decision::Finish(_) => decision,
        }
    }

    fn work(&self) -> Decision {
        match self.state.direction {
            Direction::Do => {
                let is_open =
                    |task: &&Task| !self.state.phase(&task.name, Direction::Do).is_some_and(super::Phase::is_over);
                match self.script.tasks.iter().find(is_open) {
                    Some(task) => self.operation(task, &task.name, Direction::Do),
                    None => self.postchecks(),
                }
            }
            Direction::Undo => self.take_back(),
        }
    }

    fn take_back(&self) -> Decision {
        for task in self.script.tasks.iter().rev() {
            let Some(operation) = self.state.operations.get(&task.name).filter(|state| state.was_started()) else {
                continue;
            };
            if operation.back.is_over() {
                continue;
            }
            let (undo, of_parts) = match &task.undo {
                Undoing::Nothing => continue,
                Undoing::Irreversible(reason) => {
                    let because = format!("`{}` cannot be taken back: {reason}", task.name);
                    return Decision::Record(vec![Event::Errored { because }]);
                }
                Undoing::Task { task, of_parts } => (task, *of_parts),
            };
            if of_parts && operation.back.parts.is_none() {
                let started = operation.forward.parts().iter().filter(|part| part.was_attempted);
                let parts: Vec<Part> = started.rev().map(|part| part.part.clone()).collect();
                let (operation, direction) = (task.name.clone(), Direction::Undo);
                return Decision::Record(vec![Event::Prepared { operation, direction, parts }]);
            }
            return self.operation(undo, &task.name, Direction::Undo);
        }
        Decision::Record(vec![Event::RolledBack])
    }

    fn operation(&self, task: &Task, name: &str, direction: Direction) -> Decision {
        let nothing = super::Phase::default();
        let phase = self.state.phase(name, direction).unwrap_or(&nothing);
        if phase.parts.is_none() {
            if task.kind == TaskKind::Parts {
                return Decision::Act(vec![Act::Prepare { operation: name.to_owned(), direction }]);
            }
            let unit = Unit { operation: name.to_owned(), direction, part: 0 };
            return Decision::Record(vec![Event::Attempted { unit }]);
        }
        let lanes = lanes(task, phase, name, direction, self.now);
        let started_at = phase.started_at.unwrap_or(self.now);
        let busy: Vec<(&Unit, Timestamp)> = (lanes.iter())
            .filter_map(|lane| match lane {
                Lane::Busy(unit, since) => Some((unit, *since)),
                Lane::Attempt(_) | Lane::Later(_) | Lane::Exhausted(..) | Lane::Over => None,
            })
            .collect();
        let begun: Vec<Act> = (busy.iter().map(|(unit, _)| *unit))
            .filter(|unit| !self.watch.in_flight.contains(*unit))
            .filter(|unit| matches!(self.state.part(unit).map(|part| &part.progress), Some(PartProgress::Running(_))))
            .cloned()
            .map(Act::Perform)
            .collect();
        match task.kind {
            TaskKind::Manual if !begun.is_empty() => return self.ask(name, direction),
            TaskKind::Wait { every, timeout } if !begun.is_empty() => {
                return self.wait(begun, every, timeout.unwrap_or(self.settings.default_timeout), started_at);
            }
            TaskKind::Manual | TaskKind::Wait { .. } | TaskKind::Single | TaskKind::Parts if begun.is_empty() => {}
            TaskKind::Manual | TaskKind::Wait { .. } | TaskKind::Single | TaskKind::Parts => {
                return Decision::Act(begun);
            }
        }
        self.lanes(&lanes, !busy.is_empty())
    }

    /// Begins what may begin, once one host failed for good only waits for the others.
    fn lanes(&self, lanes: &[Lane], is_busy: bool) -> Decision {
        let exhausted = lanes.iter().find_map(|lane| match lane {
            Lane::Exhausted(unit, message) => Some((unit, message)),
            Lane::Attempt(_) | Lane::Later(_) | Lane::Busy(..) | Lane::Over => None,
        });
        if let Some((unit, message)) = exhausted {
            return if is_busy { Decision::Wait(None) } else { Decision::Record(vec![self.failed(unit, message)]) };
        }
        let attempts: Vec<Event> = (lanes.iter())
            .filter_map(|lane| match lane {
                Lane::Attempt(unit) => Some(Event::Attempted { unit: unit.clone() }),
                Lane::Later(_) | Lane::Busy(..) | Lane::Exhausted(..) | Lane::Over => None,
            })
            .collect();
        if !attempts.is_empty() {
            return Decision::Record(attempts);
        }
        let later = lanes.iter().filter_map(|lane| match lane {
            Lane::Later(due) => Some(*due),
            Lane::Attempt(_) | Lane::Busy(..) | Lane::Exhausted(..) | Lane::Over => None,
        });
        Decision::Wait(later.min())
    }

    /// A unit failed for good.
    fn failed(&self, unit: &Unit, message: &str) -> Event {
        let host = self.state.part(unit).and_then(|part| part.part.host.as_ref());
        let at = host.map(|host| format!(" on {host}")).unwrap_or_default();
        let because = format!("{unit} failed{at}: {message}");
        match unit.direction {
            Direction::Do => self.back(because, self.settings.auto_rollback),
            Direction::Undo => Event::Parked { unit: unit.clone(), question: because },
        }
    }

    fn ask(&self, name: &str, direction: Direction) -> Decision {
        let unit = Unit { operation: name.to_owned(), direction, part: 0 };
        let question = format!("{unit} waits for a person");
        Decision::Record(vec![Event::Parked { unit, question }])
    }

    fn wait(&self, begun: Vec<Act>, every: Duration, timeout: Duration, started_at: Timestamp) -> Decision {
        let unit = begun.iter().find_map(|act| match act {
            Act::Perform(unit) => Some(unit.clone()),
            Act::Check { .. } | Act::Health | Act::Postcheck | Act::Prepare { .. } | Act::Judge(_) | Act::End(_) => {
                None
            }
        });
        let Some(unit) = unit else { return Decision::Wait(None) };
        let Some(due) = asked_lately(self.watch, &unit, every, self.now) else { return Decision::Act(begun) };
        let end = started_at.after(timeout);
        if self.now < end {
            return Decision::Wait(Some(due.min(end)));
        }
        let message = format!("it was not so within {}", told_duration(timeout));
        Decision::Record(vec![Event::Failed { unit, fault: Fault { kind: FaultKind::Refused, message } }])
    }

    fn postchecks(&self) -> Decision {
        if !self.script.has_postcheck {
            return Decision::Record(vec![Event::Completed]);
        }
        let Some((at, failures, tries)) = &self.watch.postcheck else { return Decision::Act(vec![Act::Postcheck]) };
        if failures.is_empty() {
            return Decision::Record(vec![Event::Completed]);
        }
        let because = format!("its checks after the work did not pass: {}", told(failures));
        if failures.iter().any(|failure| !failure.is_unknown) {
            return Decision::Record(vec![self.back(because, self.settings.auto_rollback)]);
        }
        if *tries >= POSTCHECK_TRIES {
            return Decision::Record(vec![Event::Errored { because }]);
        }
        let due = at.after(ASK_AGAIN);
        if due <= self.now { Decision::Act(vec![Act::Postcheck]) } else { Decision::Wait(Some(due)) }
    }
}

/// A duration for people, without fractions of a second.
fn told_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, 0) => format!("{minutes}m"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, 0, 0) => format!("{hours}h"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

impl State {
    /// The first operation that was begun and cannot be taken back, and why.
    pub fn point_of_no_return<'a>(&self, script: &'a Script) -> Option<(&'a str, &'a str)> {
        script.tasks.iter().find_map(|task| match &task.undo {
            Undoing::Irreversible(reason) if self.operations.get(&task.name)?.was_started() => {
                Some((task.name.as_str(), reason.as_str()))
            }
            Undoing::Irreversible(_) | Undoing::Nothing | Undoing::Task { .. } => None,
        })
    }
}
