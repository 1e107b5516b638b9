//! When the limits are asked, and what they keep from beginning.

use super::decide::Decider;
use super::{Act, Decision, Direction, Event, Hold, Limit, Timestamp};

impl Decider<'_> {
    /// The same decision, unless a limit is in the way of what it would begin.
    pub(super) fn throttled(&self, decision: Decision) -> Decision {
        let is_held = self.state.throttle.since.is_some();
        if !self.has_limits() {
            return if is_held { Decision::Record(vec![Event::Unthrottled]) } else { decision };
        }
        let begins = match &decision {
            Decision::Act(acts) => acts.iter().any(|act| matches!(act, Act::Perform(_))),
            Decision::Record(events) => events.iter().any(|event| matches!(event, Event::Attempted { .. })),
            Decision::Wait(_) => is_held,
            Decision::Finish(_) => false,
        };
        if !begins && !matches!(decision, Decision::Wait(_)) {
            return decision;
        }
        let due = self.due();
        if !due.is_empty() {
            return Decision::Act(vec![Act::Read(due)]);
        }
        if !begins {
            return decision;
        }
        let limits: Vec<Limit> = self.limits().collect();
        let last = |limit: &Limit| self.watch.readings.get(&limit.name);
        // The first answers are waited for, and hold nothing up for longer.
        if limits.iter().any(|limit| last(limit).is_none()) {
            return match decision {
                Decision::Wait(until) => Decision::Wait(until),
                Decision::Record(_) | Decision::Act(_) | Decision::Finish(_) => Decision::Wait(None),
            };
        }
        let was_holding = |limit: &Limit| self.state.throttle.holding.contains_key(&limit.name);
        let by: Vec<Hold> =
            limits.iter().filter_map(|limit| limit.hold(last(limit), was_holding(limit), self.now)).collect();
        let is_same = by.iter().map(|hold| &hold.name).eq(self.state.throttle.holding.keys());
        match (by.is_empty(), is_held) {
            (true, true) => Decision::Record(vec![Event::Unthrottled]),
            (true, false) => decision,
            (false, true) if is_same => match decision {
                Decision::Wait(until) => Decision::Wait(until),
                Decision::Record(_) | Decision::Act(_) | Decision::Finish(_) => Decision::Wait(None),
            },
            (false, _) => Decision::Record(vec![Event::Throttled { by }]),
        }
    }

    /// When a limit is to be asked about again.
    pub(super) fn reading_due(&self) -> Option<Timestamp> {
        let due = |limit: Limit| limit.due(self.watch.readings.get(&limit.name));
        let is_asked = |limit: &Limit| self.watch.reading.contains(&limit.name);
        self.has_limits().then(|| self.limits().filter(|limit| !is_asked(limit)).filter_map(due).min()).flatten()
    }

    /// The limits that are to be asked about now.
    fn due(&self) -> Vec<String> {
        let is_due = |limit: &Limit| {
            let due = limit.due(self.watch.readings.get(&limit.name));
            due.is_none_or(|due| due <= self.now) && !self.watch.reading.contains(&limit.name)
        };
        self.limits().filter(is_due).map(|limit| limit.name).collect()
    }

    /// Whether limits are about the operation at hand.
    fn has_limits(&self) -> bool {
        self.state.direction == Direction::Do
            && !self.script.limits.is_empty()
            && self.open_task().is_some_and(|task| task.is_throttled)
    }

    /// The limits as they are now, in the order of their names.
    fn limits(&self) -> impl Iterator<Item = Limit> {
        self.script.limits.iter().map(|limit| self.state.tuning.limit(limit))
    }
}
