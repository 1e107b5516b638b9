//! What a run becomes when somebody asks for something.

use super::batches::Walk;
use super::state::StopWish;
use super::{Direction, PartProgress, PartState, Proof, Request, Resolution, State, Timestamp};

impl State {
    /// What was asked for; it was accepted before.
    pub(super) fn asked(&mut self, request: Request, because: String, at: Timestamp) {
        if let Request::Tune { changes } = request {
            return self.tuned(&changes);
        }
        self.is_paused = request == Request::Pause;
        self.is_ready = self.is_ready && !self.is_at_rest();
        match request {
            Request::Stop { rollback } => {
                self.stop = Some(StopWish { rollback, is_unhealthy: false, because: because.clone() });
            }
            Request::Pause => {}
            Request::Resume => self.count_anew(at),
            Request::Rollback => return self.turn_back(because, at),
            Request::Retry => self.again(at),
            Request::Resolve { operation, resolution } => self.resolved(&operation, resolution, at),
            Request::Tune { .. } => {}
        }
        self.become_working(at, because);
    }

    fn tuned(&mut self, changes: &std::collections::BTreeMap<String, String>) {
        if let Ok(tuning) = self.tuning.clone().with_all(changes) {
            self.tuning = tuning;
        }
    }

    /// From here on everything that was started is taken back.
    pub(super) fn turn_back(&mut self, because: String, at: Timestamp) {
        if self.direction == Direction::Undo {
            self.again(at);
        }
        self.direction = Direction::Undo;
        self.back_because = Some(because.clone());
        self.question = None;
        self.stop = None;
        self.health_unknown = None;
        self.throttle.ends(at);
        self.become_working(at, because);
    }

    /// The time of what is under way counts anew.
    pub(super) fn count_anew(&mut self, at: Timestamp) {
        for part in self.open_parts() {
            part.since = part.since.map(|_| at);
        }
    }

    /// What failed or is asked about is attempted anew, with all its tries.
    fn again(&mut self, at: Timestamp) {
        self.question = None;
        self.count_anew(at);
        for part in self.open_parts() {
            part.failures = 0;
            part.walk.iter_mut().for_each(Walk::again);
            if matches!(part.progress, PartProgress::Failed { .. }) {
                part.progress = PartProgress::Waiting;
            }
        }
    }

    /// The parts of this way that are not done.
    fn open_parts(&mut self) -> impl Iterator<Item = &mut PartState> {
        let direction = self.direction;
        let phases = self.operations.values_mut().map(move |operation| operation.phase_mut(direction));
        phases.flat_map(|phase| phase.parts.iter_mut().flatten()).filter(|part| !part.is_done())
    }

    /// A person's word on the unit that was asked about, or on what failed.
    fn resolved(&mut self, operation: &str, resolution: Resolution, at: Timestamp) {
        let asked = self.question.take().map(|(unit, _)| unit);
        let direction = self.direction;
        let Some(state) = self.operations.get_mut(operation) else { return };
        let phase = state.phase_mut(direction);
        match resolution {
            Resolution::Skip => phase.is_skipped = true,
            // Its parts are not even known.
            Resolution::Done => {
                phase.may_grow &= !phase.parts().iter().all(PartState::is_done);
                phase.parts = phase.parts.take().or(Some(Vec::new()));
            }
            Resolution::NotDone => {}
        }
        let is_meant = |index: usize| {
            resolution == Resolution::Skip || asked.as_ref().is_none_or(|unit| usize::try_from(unit.part) == Ok(index))
        };
        for (index, part) in phase.parts.iter_mut().flatten().enumerate() {
            if is_meant(index) {
                part.resolve(resolution);
            }
        }
        if phase.is_over() && phase.ended_at.is_none() {
            phase.ended_at = Some(at);
        }
    }
}

impl PartState {
    fn resolve(&mut self, resolution: Resolution) {
        match self.progress {
            PartProgress::Done(_) => return,
            PartProgress::Waiting if self.failures == 0 => return,
            PartProgress::Waiting
            | PartProgress::Failed { .. }
            | PartProgress::InDoubt
            | PartProgress::Adopted
            | PartProgress::CutOff
            | PartProgress::Running(_) => {}
        }
        let is_refused = matches!(self.progress, PartProgress::Waiting | PartProgress::Failed { .. });
        self.is_touched |= resolution == Resolution::NotDone && !is_refused;
        if resolution == Resolution::NotDone {
            self.walk.iter_mut().for_each(Walk::again);
        }
        self.progress = match resolution {
            Resolution::Done => PartProgress::Done(Proof::Person),
            Resolution::Skip if !is_refused => PartProgress::CutOff,
            Resolution::NotDone | Resolution::Skip => PartProgress::Waiting,
        };
        self.failures = 0;
        self.since = None;
    }
}
