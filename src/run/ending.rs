//! Ending what runs: to stop, to stand still where something failed, or to turn back.

use super::decide::{ASK_AGAIN, Decider};
use super::lanes::asked_lately;
use super::{Act, Decision, Direction, Event, PartProgress, Script, State, TaskKind, Undoing, Unit};

impl Decider<'_> {
    /// Ends whatever runs; nothing once nothing runs any more.
    pub(super) fn end_all(&self, only: Option<Direction>) -> Option<Decision> {
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
    pub(super) fn stopped(&self) -> Event {
        match &self.state.stop {
            Some(stop) if stop.rollback && self.state.direction == Direction::Do => {
                self.back(format!("it was to be taken back: {}", stop.because), true)
            }
            Some(_) | None => Event::Stopped,
        }
    }

    /// Turns back, or stands still where there is no way back.
    pub(super) fn back(&self, because: String, wanted: bool) -> Event {
        match self.state.point_of_no_return(self.script) {
            Some((name, reason)) if wanted => {
                Event::Errored { because: format!("{because}; it cannot be taken back past `{name}`: {reason}") }
            }
            None if wanted => Event::RollingBack { because },
            Some(_) | None => Event::Errored { because },
        }
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
