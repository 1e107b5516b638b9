//! What comes next in an operation whose parts are moved batch by batch.

use std::time::Duration;

use super::batches::ATTEMPTS;
use super::decide::Decider;
use super::lanes::Lane;
use super::{Act, Decision, Event, Fault, FaultKind, Parked, Phase, Proof, Settings, State, Timestamp, Unit, Walk};

/// Ranges that were set aside and are told by their keys.
const TOLD: usize = 3;

impl Decider<'_> {
    /// Takes every part a batch further, and begins parts. Once one failed for good it only waits for what is under way.
    pub(super) fn batches(&self, of: Unit, phase: &Phase, lanes: &[Lane]) -> Decision {
        let (mut acts, mut events, mut attempts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut exhausted, mut later, mut is_busy) = (None, None, false);
        for lane in lanes {
            match lane {
                // What is under way tells whether any of it works.
                Lane::Running(unit) if self.never_worked(unit) && !self.watch.in_flight.is_empty() => is_busy = true,
                Lane::Running(unit) if !self.watch.in_flight.contains(unit) => match self.over(unit) {
                    Some(event) => events.push(event),
                    None => acts.push(Act::Perform(unit.clone())),
                },
                Lane::Running(_) | Lane::Doubtful => is_busy = true,
                Lane::Attempt(unit) => attempts.push(Event::Attempted { unit: unit.clone() }),
                Lane::Later(due) => later = Some(later.map_or(*due, |later: Timestamp| later.min(*due))),
                Lane::Exhausted(unit, message) => exhausted = Some((unit, message)),
                Lane::Over => {}
            }
        }
        if !events.is_empty() {
            return Decision::Record(events);
        }
        match exhausted {
            Some(_) if is_busy || !self.watch.in_flight.is_empty() => Decision::Wait(None),
            Some((unit, message)) => Decision::Record(vec![self.failed(unit, message)]),
            None if !acts.is_empty() => Decision::Act(acts),
            None if !attempts.is_empty() => Decision::Record(attempts),
            None if is_busy || later.is_some() => Decision::Wait(later),
            None => asked_about(of, phase),
        }
    }

    /// What ends the batch at hand, or the part, without another batch; nothing where a batch comes next.
    fn over(&self, unit: &Unit) -> Option<Event> {
        let walk = self.state.walk(unit)?;
        let refused = |message: String| {
            let fault = Fault { kind: FaultKind::Refused, message };
            Some(Event::Failed { unit: unit.clone(), fault })
        };
        if walk.fails() {
            let last = walk.parked.last().map(|parked| parked.message.as_str()).unwrap_or_default();
            return refused(format!("more than half of its last batches were set aside; the last one: {last}"));
        }
        if let Some(failed) = &walk.failed {
            let never_worked = self.never_worked(unit);
            match &failed.high {
                _ if !never_worked && walk.attempts < ATTEMPTS => return None,
                Some(high) if !never_worked => {
                    let (unit, batch, high) = (unit.clone(), walk.next_batch(), high.clone());
                    return Some(Event::BatchParked { unit, batch, high });
                }
                // What was done is not taken back because rows that came behind do not work.
                None if !never_worked && self.watch.in_flight.is_empty() => {
                    let question =
                        format!("a batch failed {ATTEMPTS} times, and cannot be set aside: {}", failed.message);
                    return Some(Event::Parked { unit: unit.clone(), question });
                }
                Some(_) | None => return refused(failed.message.clone()),
            }
        }
        if walk.at_hand().is_some() {
            return None;
        }
        Some(Event::Done {
            unit: unit.clone(),
            proof: Proof::Answer,
            detail: Some(format!("{} rows", walk.rows)),
            output: None,
        })
    }

    /// Whether a batch failed at once before any of the operation worked: then it is not the rows that are wrong.
    fn never_worked(&self, unit: &Unit) -> bool {
        let phase = self.state.phase(&unit.operation, unit.direction);
        let mut walks = phase.map(Phase::parts).unwrap_or_default().iter().filter_map(|part| part.walk.as_ref());
        let is_refused = |walk: &Walk| walk.failed.as_ref().is_some_and(|failed| !failed.is_late);
        self.state.walk(unit).is_some_and(is_refused) && walks.all(|walk| walk.rows == 0)
    }
}

/// Every part is done but for what was set aside: a person looks at that.
fn asked_about(of: Unit, phase: &Phase) -> Decision {
    let aside = (0..).zip(phase.parts()).filter(|(_, part)| part.is_set_aside());
    let Some((part, _)) = aside.clone().next() else { return Decision::Wait(None) };
    let parked: Vec<&Parked> = aside.filter_map(|(_, part)| part.walk.as_ref()).flat_map(|walk| &walk.parked).collect();
    let mut told: Vec<String> = parked.iter().take(TOLD).map(ToString::to_string).collect();
    if parked.len() > TOLD {
        told.push(format!("and {} more", parked.len() - TOLD));
    }
    let many = if parked.len() == 1 { "a range of keys was" } else { "ranges of keys were" };
    let question = format!(
        "{many} set aside after {ATTEMPTS} attempts each: {}; `skip` leaves out these, and what came behind the batches",
        told.join("; ")
    );
    Decision::Record(vec![Event::Parked { unit: Unit { part, ..of }, question }])
}

impl State {
    /// How long a batch is to take.
    pub fn batch_target(&self, settings: &Settings) -> Duration {
        self.tuning.batch_target.unwrap_or(settings.batch_target)
    }

    /// The rows of a unit's next batch.
    pub fn batch_rows(&self, unit: &Unit, settings: &Settings) -> u64 {
        let (phase, walk) = (self.phase(&unit.operation, unit.direction), self.walk(unit));
        let short = walk.and_then(|walk| walk.short);
        let next = phase.map_or(1, |phase| phase.pacing.next(self.batch_target(settings), short));
        walk.and_then(Walk::rows_max).map_or(next, |most| next.min(most))
    }
}
