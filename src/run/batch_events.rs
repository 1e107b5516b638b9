//! What a run becomes by an event about one batch of a unit.

use super::batches::FailedBatch;
use super::pacing::Pacing;
use super::state::RunError;
use super::{Event, PartProgress, PartState, State, Timestamp, Unit, Walk};

impl State {
    /// An event about a batch: whether it can follow; nothing where it is about something else.
    pub(super) fn batch_event(&mut self, unit: &Unit, event: &Event, at: Timestamp) -> Option<bool> {
        if let Event::Advanced { batch, high, rows, ms, .. } = event {
            let advanced = |part: &mut PartState, pacing: &mut Pacing| {
                let is_open = part.is_open();
                let walk = part.walk.as_mut()?;
                let (is_whole, is_found_behind) = (walk.attempts == 0, high.is_none());
                (is_open && walk.advanced(*batch, high.clone(), *rows)).then(|| {
                    match () {
                        // The time went into the search.
                        () if is_found_behind => {}
                        () if is_whole => pacing.add_batch(*rows, *ms, at, &mut walk.short),
                        // One that was made smaller after an attempt says nothing of the size.
                        () => pacing.add(*rows, *ms, at),
                    }
                    part.failures = 0;
                    part.is_touched |= *rows > 0;
                })
            };
            return Some(self.of_walk(unit, advanced).is_some());
        }
        if let Event::BatchFailed { batch, high, rows, is_late, message, .. } = event {
            let failed = |part: &mut PartState, pacing: &mut Pacing| {
                let (high, message) = (high.clone(), message.clone());
                let failed = FailedBatch { high, rows: *rows, is_late: *is_late, message };
                (part.is_running() && part.walk.as_mut()?.failed(*batch, failed)).then(|| {
                    if *is_late {
                        pacing.shrink(*rows);
                    }
                })
            };
            return Some(self.of_walk(unit, failed).is_some());
        }
        if let Event::BatchParked { batch, high, .. } = event {
            let parked = |part: &mut PartState, _: &mut Pacing| {
                let walk = part.walk.as_mut().filter(|_| matches!(part.progress, PartProgress::Running(_)))?;
                let message = walk.failed.as_ref().map(|failed| failed.message.clone());
                let message = message.filter(|_| walk.park(*batch, high.clone()))?;
                Some((part.part.host.clone(), message))
            };
            let Some((host, message)) = self.of_walk(unit, parked) else { return Some(false) };
            self.errors.push(RunError { at, unit: Some(unit.clone()), host, message });
            return Some(true);
        }
        None
    }

    /// Something about a part that goes by batches.
    fn of_walk<T>(&mut self, unit: &Unit, change: impl FnOnce(&mut PartState, &mut Pacing) -> Option<T>) -> Option<T> {
        let phase = self.operations.get_mut(&unit.operation)?.phase_mut(unit.direction);
        let part = phase.parts.as_mut()?.get_mut(usize::try_from(unit.part).ok()?)?;
        change(part, &mut phase.pacing)
    }

    /// How far the batches of a unit are.
    pub fn walk(&self, unit: &Unit) -> Option<&Walk> {
        self.part(unit)?.walk.as_ref()
    }
}

impl PartState {
    fn is_running(&self) -> bool {
        matches!(self.progress, PartProgress::Running(_))
    }

    fn is_open(&self) -> bool {
        self.is_running()
            || matches!(self.progress, PartProgress::InDoubt | PartProgress::Adopted | PartProgress::CutOff)
    }
}
