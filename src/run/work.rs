//! The work itself: which operation is next, both ways, and what each kind of it asks for.

use std::time::Duration;

use super::decide::{ASK_AGAIN, Decider};
use super::fold::told;
use super::lanes::{Lane, asked_lately, lanes};
use super::{
    Act, Decision, Direction, Event, Fault, FaultKind, Part, PartProgress, Phase, Task, TaskKind, Timestamp, Undoing,
    Unit,
};

/// How often the checks after the work are asked while they have no answer.
const POSTCHECK_TRIES: u32 = 3;

impl Decider<'_> {
    pub(super) fn work(&self) -> Decision {
        match self.state.direction {
            Direction::Do => {
                let is_open = |task: &&Task| !self.state.phase(&task.name, Direction::Do).is_some_and(Phase::is_over);
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
        let nothing = Phase::default();
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
        Decision::Record(vec![Event::Failed { unit, fault: Fault { kind: FaultKind::Permanent, message } }])
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
