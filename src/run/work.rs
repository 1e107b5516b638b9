//! The work itself: which operation is next, both ways, and what each kind of it asks for.

use std::time::Duration;

use super::decide::{ASK_AGAIN, Decider};
use super::fold::told;
use super::lanes::{Lane, asked_lately, lanes, pause, tries};
use super::{
    Act, Decision, Direction, Event, Fault, FaultKind, Part, Phase, Task, TaskKind, Timestamp, Undoing, Unit, Verdict,
};

/// How often the checks after the work, and `when`, are asked while they have no answer.
const CHECK_TRIES: u32 = 3;

impl Decider<'_> {
    /// The first operation that is not over.
    pub(super) fn open_task(&self) -> Option<&Task> {
        let is_over = |task: &Task| self.state.phase(&task.name, Direction::Do).is_some_and(Phase::is_over);
        self.script.tasks.iter().find(|task| !is_over(task))
    }

    /// The next step of the work.
    pub(super) fn work(&self) -> Decision {
        match (self.state.direction, self.open_task()) {
            (Direction::Do, Some(task)) => self.operation(task, &task.name, Direction::Do),
            (Direction::Do, None) => self.postchecks(),
            (Direction::Undo, _) => self.take_back(),
        }
    }

    fn take_back(&self) -> Decision {
        for task in self.script.tasks.iter().rev() {
            let Some(operation) = self.state.operations.get(&task.name).filter(|state| state.may_have_effect()) else {
                continue;
            };
            if operation.back.is_over() {
                continue;
            }
            let (undo, of_parts) = match &task.undo {
                Undoing::Nothing | Undoing::Irreversible(_) => continue,
                Undoing::Task { task, of_parts } => (task, *of_parts),
            };
            if let Some(decision) = self.when(undo, &task.name, Direction::Undo) {
                return decision;
            }
            if of_parts && operation.back.parts.is_none() {
                let started = operation.forward.parts().iter().filter(|part| part.may_have_effect());
                let parts: Vec<Part> = started.rev().map(|part| part.part.clone()).collect();
                let (operation, direction) = (task.name.clone(), Direction::Undo);
                return Decision::Record(vec![Event::Prepared {
                    operation,
                    direction,
                    parts,
                    may_grow: false,
                    batch: None,
                }]);
            }
            return self.operation(undo, &task.name, Direction::Undo);
        }
        Decision::Record(vec![Event::RolledBack])
    }

    fn operation(&self, task: &Task, name: &str, direction: Direction) -> Decision {
        let nothing = Phase::default();
        let phase = self.state.phase(name, direction).unwrap_or(&nothing);
        if phase.parts.is_none() {
            if let Some(decision) = self.when(task, name, direction) {
                return decision;
            }
            let unit = Unit { operation: name.to_owned(), direction, part: 0 };
            return match task.kind {
                TaskKind::Parts | TaskKind::Partitions { .. } | TaskKind::Keys { .. } => self.prepare(task, unit),
                TaskKind::Single | TaskKind::Wait { .. } | TaskKind::Manual => {
                    Decision::Record(vec![Event::Attempted { unit }])
                }
            };
        }
        if phase.is_searched() {
            return self.prepare(task, Unit { operation: name.to_owned(), direction, part: 0 });
        }
        let lanes = lanes(task, task.width(self.state.tuning.parallel), phase, name, direction, self.now);
        if let TaskKind::Keys { .. } = task.kind {
            return self.batches(Unit { operation: name.to_owned(), direction, part: 0 }, phase, &lanes);
        }
        let begun: Vec<&Unit> = (lanes.iter())
            .filter_map(|lane| match lane {
                Lane::Running(unit) if !self.watch.in_flight.contains(unit) => Some(unit),
                Lane::Running(_)
                | Lane::Doubtful
                | Lane::Attempt(_)
                | Lane::Later(_)
                | Lane::Exhausted(..)
                | Lane::Over => None,
            })
            .collect();
        match (task.kind, begun.first()) {
            (TaskKind::Manual, Some(unit)) => {
                let question = format!("{unit} waits for a person");
                Decision::Record(vec![Event::Parked { unit: (*unit).clone(), question }])
            }
            (TaskKind::Wait { every, timeout }, Some(_)) => {
                self.ask(&lanes, &begun, every, timeout.unwrap_or(self.settings.default_timeout))
            }
            (TaskKind::Single | TaskKind::Parts | TaskKind::Partitions { .. } | TaskKind::Keys { .. }, Some(_)) => {
                Decision::Act(begun.into_iter().cloned().map(Act::Perform).collect())
            }
            (_, None) => self.lanes(&lanes),
        }
    }

    /// What comes before an operation that is not begun; nothing where it is needed.
    fn when(&self, task: &Task, name: &str, direction: Direction) -> Option<Decision> {
        let is_begun = self.state.phase(name, direction).is_some_and(|phase| phase.parts.is_some());
        if !task.has_when || is_begun {
            return None;
        }
        let unit = Unit { operation: name.to_owned(), direction, part: 0 };
        let Some((at, verdict, tries)) = self.watch.needed.get(&unit) else {
            return Some(Decision::Act(vec![Act::AskWhen(unit)]));
        };
        let due = at.after(ASK_AGAIN);
        match verdict {
            Verdict::Unknown(why) if *tries >= CHECK_TRIES => {
                let message = format!("whether it is needed cannot be told: {why}");
                Some(Decision::Record(vec![self.failed(&unit, &message)]))
            }
            Verdict::Unknown(_) if due > self.now => Some(Decision::Wait(Some(due))),
            Verdict::Yes if due > self.now => None,
            Verdict::No(value) if due > self.now => {
                let evidence = format!("`when` answered {value}");
                Some(Decision::Record(vec![Event::PassedOver { unit, evidence }]))
            }
            Verdict::Yes | Verdict::No(_) | Verdict::Unknown(_) => Some(Decision::Act(vec![Act::AskWhen(unit)])),
        }
    }

    /// Finds out the parts of an operation, again and again where that does not work.
    fn prepare(&self, task: &Task, unit: Unit) -> Decision {
        if let Some((at, fault, failures)) = self.watch.unprepared.get(&unit) {
            if *failures >= tries(task, fault.kind) {
                // What is done is not taken back because more of it is not found out.
                if self.state.part(&unit).is_some() {
                    return Decision::Record(vec![Event::Parked { unit, question: fault.message.clone() }]);
                }
                let message = format!("its parts could not be found out: {}", fault.message);
                return Decision::Record(vec![self.failed(&unit, &message)]);
            }
            let due = at.after(pause(task, *failures));
            if due > self.now {
                return Decision::Wait(Some(due));
            }
        }
        Decision::Act(vec![Act::Prepare { operation: unit.operation, direction: unit.direction }])
    }

    /// Begins what may begin, once one host failed for good only waits for the others.
    fn lanes(&self, lanes: &[Lane]) -> Decision {
        let is_busy = lanes.iter().any(|lane| matches!(lane, Lane::Running(_) | Lane::Doubtful));
        // More may be under way than there are lanes for now.
        let is_busy = is_busy || !self.watch.in_flight.is_empty();
        let mut attempts = Vec::new();
        let mut later = None;
        for lane in lanes {
            match lane {
                Lane::Exhausted(..) if is_busy => return Decision::Wait(None),
                Lane::Exhausted(unit, message) => return Decision::Record(vec![self.failed(unit, message)]),
                Lane::Attempt(unit) => attempts.push(Event::Attempted { unit: unit.clone() }),
                Lane::Later(due) => later = Some(later.map_or(*due, |later: Timestamp| later.min(*due))),
                Lane::Running(_) | Lane::Doubtful | Lane::Over => {}
            }
        }
        if attempts.is_empty() { Decision::Wait(later) } else { Decision::Record(attempts) }
    }

    /// A unit failed for good.
    pub(super) fn failed(&self, unit: &Unit, message: &str) -> Event {
        let host = self.state.part(unit).and_then(|part| part.part.host.as_ref());
        let at = host.map(|host| format!(" on {host}")).unwrap_or_default();
        let because = format!("{unit} failed{at}: {message}");
        match unit.direction {
            Direction::Do => self.back(because, self.settings.auto_rollback),
            Direction::Undo => Event::Parked { unit: unit.clone(), question: because },
        }
    }

    /// Asks what is waited for, as often as it says and until its time is over.
    fn ask(&self, lanes: &[Lane], begun: &[&Unit], every: Duration, timeout: Duration) -> Decision {
        let asked = |unit: &Unit| asked_lately(self.watch, unit, every, self.now);
        let acts: Vec<Act> =
            begun.iter().filter(|unit| asked(unit).is_none()).map(|unit| Act::Perform((*unit).clone())).collect();
        if !acts.is_empty() {
            return Decision::Act(acts);
        }
        let end = |unit: &Unit| self.state.part(unit).and_then(|part| part.since).unwrap_or(self.now).after(timeout);
        let message = |unit: &Unit| {
            let last = self.watch.told.get(unit).map(|answer| format!("; the last answer: {answer}"));
            format!("it was not so within {}{}", told_duration(timeout), last.unwrap_or_default())
        };
        let late: Vec<Event> = (begun.iter().filter(|unit| end(unit) <= self.now))
            .map(|unit| Event::Failed {
                unit: (*unit).clone(),
                fault: Fault { kind: FaultKind::Refused, message: message(unit) },
            })
            .collect();
        if !late.is_empty() {
            return Decision::Record(late);
        }
        match self.lanes(lanes) {
            Decision::Wait(until) => {
                let times = begun.iter().flat_map(|unit| asked(unit).into_iter().chain([end(unit)]));
                Decision::Wait(times.chain(until).min())
            }
            decision @ (Decision::Record(_) | Decision::Act(_) | Decision::Finish(_)) => decision,
        }
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
        if *tries >= CHECK_TRIES {
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
