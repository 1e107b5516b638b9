//! What comes next in a run: every decision, from what is known and the time alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lanes::asked_lately;
use super::{
    Direction, Event, Failure, Fault, PartProgress, Phase, Reading, Script, Settings, State, Status, TaskKind,
    Timestamp, Unit, Verdict,
};

/// How often something is asked again that could not be answered.
pub(super) const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How often health is asked again while it is unknown.
const HEALTH_AGAIN: Duration = Duration::from_secs(30);

/// What this process knows besides the journal. It is empty when a process begins.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The units that this process is at.
    pub in_flight: BTreeSet<Unit>,
    /// Those of them that it has been told to end.
    pub ending: BTreeSet<Unit>,
    /// When each unit was last asked about.
    pub polled: BTreeMap<Unit, Timestamp>,
    /// What waits were last answered.
    pub told: BTreeMap<Unit, String>,
    /// Whether operations are needed, by their first unit: when that was answered, the answer, and how often it was asked.
    pub needed: BTreeMap<Unit, (Timestamp, Verdict, u32)>,
    /// Units in doubt that nothing can judge: why.
    pub unknown: BTreeMap<Unit, String>,
    /// Operations whose parts could not be found out, by their first unit: when, why, and how often it was tried.
    pub unprepared: BTreeMap<Unit, (Timestamp, Fault, u32)>,
    /// What the checks before the work found.
    pub check: Option<Checked>,
    /// What the health checks found, and when.
    pub health: Option<(Timestamp, Vec<Failure>)>,
    /// What the checks after the work found, when, and how often they were asked.
    pub postcheck: Option<(Timestamp, Vec<Failure>, u32)>,
    /// The latest answer about each limit.
    pub readings: BTreeMap<String, Reading>,
    /// The limits that are being asked about.
    pub reading: BTreeSet<String>,
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
    /// Ask about these limits, beside everything else.
    Read(Vec<String>),
    /// Ask whether an operation is needed, by its first unit.
    AskWhen(Unit),
    /// Find out the parts of an operation, or whether there are more of them.
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
        let manual = state.question.as_ref().and_then(|(unit, _)| script.task_of(unit));
        let is_manual = manual.is_some_and(|task| task.kind == TaskKind::Manual);
        return Decision::Finish(Ending { status: state.status, is_manual });
    }
    decider.next()
}

pub(super) struct Decider<'a> {
    pub(super) script: &'a Script,
    pub(super) state: &'a State,
    pub(super) watch: &'a Watch,
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
}

impl Decider<'_> {
    fn next(&self) -> Decision {
        if self.state.stop.is_some() {
            return self.end_all(None).unwrap_or_else(|| Decision::Record(vec![self.stopped()]));
        }
        if self.state.direction == Direction::Undo
            && let Some(decision) = self.end_all(Some(Direction::Do)).or_else(|| self.turned())
        {
            return decision;
        }
        let doubt = self.doubts();
        match doubt {
            Some(Decision::Act(_)) => return doubt.unwrap_or(Decision::Wait(None)),
            Some(Decision::Wait(until)) if self.state.is_paused => return Decision::Wait(until),
            Some(_) | None if self.state.is_paused => return Decision::Wait(None),
            Some(_) | None => {}
        }
        if self.state.direction == Direction::Do {
            // What the checks guard is over once the work is.
            if !(self.state.is_ready || (self.state.has_begun && self.open_task().is_none())) {
                return self.checks();
            }
            match (self.health(), &doubt) {
                (Some(Decision::Wait(until)), Some(Decision::Wait(again))) => {
                    return Decision::Wait(until.into_iter().chain(*again).min());
                }
                (Some(decision), _) => return decision,
                (None, _) => {}
            }
        }
        let decision = doubt.unwrap_or_else(|| self.work());
        self.sooner(self.throttled(decision))
    }

    /// What became of the units in doubt: asks, or waits to ask again.
    pub(super) fn doubts(&self) -> Option<Decision> {
        let open = || {
            let is_open = |progress: &PartProgress| {
                matches!(progress, PartProgress::InDoubt | PartProgress::Adopted | PartProgress::CutOff)
            };
            self.state.units(is_open).filter(|unit| unit.direction == self.state.direction || self.is_marked(unit))
        };
        let mut again = None;
        let mut acts = Vec::new();
        for unit in open().filter(|unit| !self.watch.unknown.contains_key(unit)) {
            match asked_lately(self.watch, &unit, ASK_AGAIN, self.now) {
                Some(due) => again = Some(again.map_or(due, |again: Timestamp| again.min(due))),
                None => acts.push(Act::Judge(unit)),
            }
        }
        if !acts.is_empty() {
            return Some(Decision::Act(acts));
        }
        if again.is_some() || !self.watch.in_flight.is_empty() {
            return (open().next().is_some()).then_some(Decision::Wait(again));
        }
        let (unit, why) = open().find_map(|unit| Some((unit.clone(), self.watch.unknown.get(&unit)?)))?;
        let question = format!("whether {unit} was done cannot be told: {why}");
        Some(Decision::Record(vec![Event::Parked { unit, question }]))
    }

    /// Whether a mark tells if there is anything of a unit to take back.
    fn is_marked(&self, unit: &Unit) -> bool {
        self.state.direction == Direction::Undo && self.script.task_of(unit).is_some_and(|task| task.evidence.mark)
    }

    fn checks(&self) -> Decision {
        match &self.watch.check {
            None => Decision::Act(vec![Act::Check { required: !self.state.has_begun }]),
            Some(Checked::NotRequired(evidence)) => {
                Decision::Record(vec![Event::NotRequired { evidence: evidence.clone() }])
            }
            Some(Checked::Failures(failures)) if failures.is_empty() => {
                Decision::Record(vec![Event::Ready { again: self.again() }])
            }
            Some(Checked::Failures(failures)) => Decision::Record(vec![Event::Blocked { failures: failures.clone() }]),
        }
    }

    /// What is done, and done again by whoever takes the run up.
    fn again(&self) -> Vec<String> {
        let is_over = |task: &super::Task| self.state.phase(&task.name, Direction::Do).is_some_and(Phase::is_over);
        self.script
            .tasks
            .iter()
            .filter(|task| task.is_recovery && is_over(task))
            .map(|task| task.name.clone())
            .collect()
    }

    /// When health is to be asked next.
    fn health_due(&self) -> Option<Timestamp> {
        let every = self.settings.healthcheck_interval;
        let every = if self.state.health_unknown.is_some() { every.min(HEALTH_AGAIN) } else { every };
        let at = self.watch.health.as_ref().map(|(at, _)| at.after(every));
        (self.script.has_healthcheck && self.state.direction == Direction::Do).then(|| at.unwrap_or(self.now))
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
            Decision::Wait(until) => {
                Decision::Wait(until.into_iter().chain(self.health_due()).chain(self.reading_due()).min())
            }
            Decision::Record(_) | Decision::Act(_) | Decision::Finish(_) => decision,
        }
    }
}
