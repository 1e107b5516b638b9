//! What a run becomes by an event about one of its units.

use super::state::RunError;
use super::{
    Direction, Event, FaultKind, OperationState, Part, PartProgress, PartState, Phase, Proof, State, Status, Timestamp,
    Unit,
};

impl State {
    /// An event about one unit; false where it cannot follow, and then nothing is changed.
    pub(super) fn unit_event(&mut self, unit: &Unit, event: &Event, at: Timestamp) -> bool {
        if matches!(event, Event::PassedOver { .. }) {
            return self.passed_over(unit, at);
        }
        let is_attempt = matches!(event, Event::Attempted { .. });
        if is_attempt && !self.may_begin(unit) {
            return false;
        }
        let phase = self.phase(&unit.operation, unit.direction);
        if phase.is_some_and(|phase| phase.is_skipped) {
            return false;
        }
        let is_prepared = phase.is_some_and(|phase| phase.parts.is_some());
        if let Event::Parked { question, .. } = event
            && (!is_prepared || phase.is_some_and(Phase::is_searched))
        {
            return self.parked_unprepared(unit, question, at);
        }
        if let Some(follows) = self.batch_event(unit, event, at) {
            return follows;
        }
        // A single part needs no preparation: its first attempt makes it.
        let is_first = is_attempt && !is_prepared && unit.part == 0;
        let next = match self.part(unit) {
            Some(part) => next(part, event, at),
            None => is_first.then_some(PartProgress::Running(at)),
        };
        let Some(next) = next else { return false };
        self.advance(unit, next, event, at);
        true
    }

    /// An operation is not needed; false where it was begun, or may not be begun now.
    fn passed_over(&mut self, unit: &Unit, at: Timestamp) -> bool {
        let is_open =
            self.phase(&unit.operation, unit.direction).is_none_or(|phase| phase.parts.is_none() && !phase.is_skipped);
        if !is_open || unit.part != 0 || !self.may_go_on(unit) {
            return false;
        }
        let operation = self.operations.entry(unit.operation.clone()).or_default();
        *operation.phase_mut(unit.direction) = Phase::prepared(Vec::new(), false, None, at);
        if unit.direction == Direction::Do {
            self.outputs.insert(unit.operation.clone(), String::new());
        }
        true
    }

    /// Whether a unit may be begun now.
    fn may_begin(&self, unit: &Unit) -> bool {
        self.throttle.since.is_none() && self.may_go_on(unit)
    }

    /// Whether it is a unit's turn, and nothing but limits may hold it up.
    fn may_go_on(&self, unit: &Unit) -> bool {
        let is_held = self.is_paused || self.stop.is_some() || self.health_unknown.is_some();
        let is_this_way = match unit.direction {
            Direction::Do => self.is_ready,
            Direction::Undo => self.operations.get(&unit.operation).is_some_and(OperationState::may_have_effect),
        };
        unit.direction == self.direction && is_this_way && !is_held
    }

    /// A person is asked about an operation whose parts could not be found out.
    fn parked_unprepared(&mut self, unit: &Unit, question: &str, at: Timestamp) -> bool {
        let is_begun = self.operations.contains_key(&unit.operation);
        if !is_begun || unit.part != 0 || unit.direction != self.direction {
            return false;
        }
        self.parked(unit, question, at);
        true
    }

    fn parked(&mut self, unit: &Unit, question: &str, at: Timestamp) {
        self.question = Some((unit.clone(), question.to_owned()));
        self.set_status(Status::NeedsAttention, at, question);
    }

    /// The unit is that far now.
    fn advance(&mut self, unit: &Unit, next: PartProgress, event: &Event, at: Timestamp) {
        let is_told_to_end = self.stop.is_some() || unit.direction != self.direction;
        let phase = self.operations.entry(unit.operation.clone()).or_default().phase_mut(unit.direction);
        phase.started_at = phase.started_at.or(Some(at));
        let parts = phase.parts.get_or_insert_with(|| vec![PartState::new(Part::default())]);
        let Some(part) = usize::try_from(unit.part).ok().and_then(|index| parts.get_mut(index)) else { return };
        part.since = match &next {
            PartProgress::Running(_) => part.since.or(Some(at)),
            PartProgress::Failed { .. } | PartProgress::CutOff => None,
            PartProgress::Waiting | PartProgress::InDoubt | PartProgress::Adopted | PartProgress::Done(_) => part.since,
        };
        part.is_touched |= leaves_something(event);
        if let (PartProgress::Running(since), PartProgress::Done(_), Some(slice)) =
            (&part.progress, &next, part.part.slice.as_ref().filter(|_| part.walk.is_none()))
        {
            let ms = at.since(*since).as_millis();
            phase.pacing.add(slice.rows(), u64::try_from(ms).unwrap_or(u64::MAX), at);
        }
        part.progress = next;
        if let Event::Failed { fault, .. } = event {
            part.failures += u32::from(fault.kind != FaultKind::Ended || !is_told_to_end);
            let (host, message) = (part.part.host.clone(), fault.message.clone());
            self.errors.push(RunError { at, unit: Some(unit.clone()), host, message });
        }
        let is_over = phase.is_over();
        phase.ended_at = is_over.then_some(at);
        if let (Event::Done { output: Some(output), .. }, Direction::Do) = (event, unit.direction) {
            self.outputs.insert(unit.operation.clone(), output.clone());
        }
        if let Event::Parked { question, .. } = event {
            self.parked(unit, question, at);
        } else if is_over && self.status == Status::Running {
            self.because = format!("{unit} is done");
        }
    }
}

/// Whether an event says of an attempt that it may have left something, although it is not done.
fn leaves_something(event: &Event) -> bool {
    let half_done = matches!(event, Event::Failed { fault, .. } if fault.kind == FaultKind::Partial);
    // Without its mark a transaction left nothing.
    half_done || matches!(event, Event::NotDone { proof, .. } if *proof != Proof::Mark)
}

/// How far a part is after an event about it; nothing where the event cannot follow.
fn next(part: &PartState, event: &Event, at: Timestamp) -> Option<PartProgress> {
    use PartProgress::{Adopted, CutOff, Done, Failed, InDoubt, Running, Waiting};
    let progress = &part.progress;
    let is_open = matches!(progress, Running(_) | InDoubt | Adopted | CutOff);
    match event {
        Event::Attempted { .. } => matches!(progress, Waiting | Failed { .. }).then_some(Running(at)),
        Event::Done { proof, .. } => {
            (is_open || (*progress == Waiting && *proof == Proof::NothingToDo)).then_some(Done(*proof))
        }
        Event::Failed { fault, .. } if is_open => Some(match fault.kind {
            FaultKind::Lost => InDoubt,
            FaultKind::Ended => CutOff,
            FaultKind::Transient | FaultKind::Refused | FaultKind::Partial => Failed { fault: fault.clone(), at },
        }),
        Event::NotDone { .. } => is_open.then_some(Waiting),
        Event::StillRunning { .. } => is_open.then_some(Adopted),
        Event::CutOff { .. } => is_open.then_some(CutOff),
        Event::Parked { .. } => match progress {
            Running(_) | InDoubt | Failed { .. } | CutOff => Some(progress.clone()),
            // What was found running is not found any more.
            Adopted => Some(InDoubt),
            // It was lost as often as it may be tried, and is not done.
            Waiting => (part.failures > 0).then_some(Waiting),
            Done(_) => None,
        },
        Event::Failed { .. }
        | Event::PassedOver { .. }
        | Event::Started { .. }
        | Event::Taken { .. }
        | Event::Asked { .. }
        | Event::NotRequired { .. }
        | Event::Blocked { .. }
        | Event::Ready { .. }
        | Event::Forecast { .. }
        | Event::Prepared { .. }
        | Event::Found { .. }
        | Event::Advanced { .. }
        | Event::BatchFailed { .. }
        | Event::BatchParked { .. }
        | Event::Throttled { .. }
        | Event::Unthrottled
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
