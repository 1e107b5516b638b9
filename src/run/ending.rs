//! Ending what runs: to stop, to stand still where something failed, or to turn back.

use super::decide::{ASK_AGAIN, Decider};
use super::lanes::asked_lately;
use super::{Act, Decision, Direction, Event, PartProgress, Script, State, Task, TaskKind, Undoing, Unit};

impl Decider<'_> {
    /// Ends whatever runs; nothing once nothing runs any more.
    pub(super) fn end_all(&self, only: Option<Direction>) -> Option<Decision> {
        let is_open = |progress: &PartProgress| {
            matches!(progress, PartProgress::Running(_) | PartProgress::InDoubt | PartProgress::Adopted)
        };
        let is_meant = |unit: &Unit| only.is_none_or(|direction| unit.direction == direction);
        let open: Vec<Unit> = self.state.units(is_open).filter(is_meant).collect();
        if open.is_empty() {
            return None;
        }
        // What a wait or a person is asked runs nowhere, and what cannot be looked up cannot be ended from here.
        let is_idle = |unit: &Unit| {
            let is_work = |kind| !matches!(kind, TaskKind::Wait { .. } | TaskKind::Manual);
            let can_run = |task: &Task| is_work(task.kind) && task.evidence.lookup;
            !self.watch.in_flight.contains(unit) && !self.script.task_of(unit).is_some_and(can_run)
        };
        let idle: Vec<Event> =
            open.iter().filter(|unit| is_idle(unit)).cloned().map(|unit| Event::CutOff { unit }).collect();
        if !idle.is_empty() {
            return Some(Decision::Record(idle));
        }
        // Told once is not enough: a statement may reach its server after it was looked for there.
        let due = |unit: &&Unit| {
            let was_told = self.watch.ending.contains(*unit);
            !was_told || asked_lately(self.watch, unit, ASK_AGAIN, self.now).is_none()
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
            Some(stop) if stop.is_unhealthy => {
                self.back(format!("the installation is not well: {}", stop.because), self.settings.auto_rollback)
            }
            Some(stop) if stop.rollback && self.state.direction == Direction::Do => {
                self.back(format!("it was to be taken back: {}", stop.because), true)
            }
            Some(_) | None => Event::Stopped,
        }
    }

    /// Nothing of the way forward runs any more: what was ended is judged by its mark, and then the way back is open or not.
    pub(super) fn turned(&self) -> Option<Decision> {
        self.doubts().or_else(|| self.no_return())
    }

    /// Refuses to take anything back where not everything can be.
    fn no_return(&self) -> Option<Decision> {
        let (name, reason) = self.state.point_of_no_return(self.script)?;
        let because = format!("it cannot be taken back past `{name}`: {reason}");
        Some(Decision::Record(vec![Event::Errored { because }]))
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
            Undoing::Irreversible(reason) if self.operations.get(&task.name)?.may_have_effect() => {
                Some((task.name.as_str(), reason.as_str()))
            }
            Undoing::Irreversible(_) | Undoing::Nothing | Undoing::Task { .. } => None,
        })
    }
}
