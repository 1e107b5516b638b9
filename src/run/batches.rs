//! How far the batches of one stretch of keys are: what is left of it, what failed, what was set aside.

use std::collections::VecDeque;
use std::fmt;

use crate::model::Key;

use super::Slice;

/// Attempts of a range before it is set aside.
pub(super) const ATTEMPTS: u32 = 3;
/// Batches that the share of failures is counted over.
const OUTCOMES: usize = 50;
/// Ranges that one stretch may set aside: more is a failure of the operation.
const PARKED_MAX: usize = 1_000;

/// Keys from one, which is not among them, to another, which is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The key before the first one; nothing from the beginning.
    pub after: Option<Key>,
    /// The last key; nothing to the end.
    pub until: Option<Key>,
}

/// A range that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its keys.
    pub range: Range,
    /// What was said when it failed.
    pub message: String,
}

impl fmt::Display for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.range.after {
            Some(after) => write!(f, "after {after}")?,
            None => f.write_str("from the beginning")?,
        }
        match &self.range.until {
            Some(until) => write!(f, " until {until}")?,
            None => f.write_str(" to the end")?,
        }
        write!(f, " ({})", self.message)
    }
}

/// An attempt of a batch that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedBatch {
    /// Its last key, where that was known.
    pub high: Option<Key>,
    /// Its rows.
    pub rows: u64,
    /// Whether it took too long.
    pub is_late: bool,
    /// What was said.
    pub message: String,
}

/// How far the batches of a stretch are. It stays small, however many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The number of the last batch that is over.
    pub batch: u64,
    /// Rows that are done.
    pub rows: u64,
    /// What is left to be walked through; the first is at hand, and shrinks.
    pub ranges: VecDeque<Range>,
    /// How often the batch at hand was attempted.
    pub attempts: u32,
    /// What came of its last attempt.
    pub failed: Option<FailedBatch>,
    /// What was set aside.
    pub parked: Vec<Parked>,
    /// The end that was reached before what was set aside was done: what came behind is looked for from there again.
    end: Option<Range>,
    /// The rows of the last batch, where it was far smaller than was asked for.
    pub(super) short: Option<u64>,
    /// Whether each of the last batches was set aside.
    outcomes: VecDeque<bool>,
}

impl Walk {
    /// The walk through a slice; nothing where it is moved in one go.
    pub(super) fn of(slice: &Slice) -> Option<Walk> {
        let Slice::Keys { after, until, .. } = slice else { return None };
        Some(Walk {
            batch: 0,
            rows: 0,
            ranges: VecDeque::from([Range { after: after.clone(), until: until.clone() }]),
            attempts: 0,
            failed: None,
            parked: Vec::new(),
            end: None,
            short: None,
            outcomes: VecDeque::new(),
        })
    }

    /// The range that the next batch begins.
    pub fn at_hand(&self) -> Option<&Range> {
        self.ranges.front()
    }

    /// Whether rows that came behind are to be looked for where nothing is left of the range at hand: it is the last one,
    /// and nothing waits for a person that would be found again.
    pub fn sweeps(&self) -> bool {
        self.ranges.len() == 1 && self.parked.is_empty()
    }

    /// The number of the next batch.
    pub fn next_batch(&self) -> u64 {
        self.batch + 1
    }

    /// At most how many rows the next batch may have, after attempts that took too long.
    pub fn rows_max(&self) -> Option<u64> {
        self.failed.as_ref().map(|failed| (failed.rows / 2).max(1))
    }

    /// A batch is done; false where it is not the next one.
    pub(super) fn advanced(&mut self, batch: u64, high: Option<Key>, rows: u64) -> bool {
        if batch != self.next_batch() || self.ranges.is_empty() {
            return false;
        }
        (self.batch, self.rows) = (batch, self.rows.saturating_add(rows));
        if let Some(high) = high {
            self.pass(high);
        } else if rows == 0 {
            let sweeps = self.sweeps();
            self.end = self.ranges.pop_front().filter(|_| !sweeps && self.ranges.is_empty());
        }
        self.outcome(false);
        true
    }

    /// A batch did not work; false where it is not the next one.
    pub(super) fn failed(&mut self, batch: u64, failed: FailedBatch) -> bool {
        if batch != self.next_batch() || self.ranges.is_empty() {
            return false;
        }
        self.attempts += 1;
        self.failed = Some(failed);
        true
    }

    /// The batch at hand is set aside; false where it did not fail.
    pub(super) fn park(&mut self, batch: u64, high: Key) -> bool {
        let Some(failed) = self.failed.take_if(|_| batch == self.batch + 1) else { return false };
        let after = self.at_hand().and_then(|range| range.after.clone());
        self.batch = batch;
        self.parked.push(Parked { range: Range { after, until: Some(high.clone()) }, message: failed.message });
        self.pass(high);
        self.outcome(true);
        true
    }

    /// Whether too much fails to go on: more than half of the last batches, or more than anybody would look at.
    pub(super) fn fails(&self) -> bool {
        let parked = self.outcomes.iter().filter(|&&is_parked| is_parked).count();
        parked > OUTCOMES / 2 || self.parked.len() > PARKED_MAX
    }

    /// What was set aside is walked through again.
    pub(super) fn again(&mut self) {
        // The range that leads to the end stays the last one: what came behind is looked for from there.
        let open = std::mem::take(&mut self.ranges);
        let parked = self.parked.drain(..).map(|parked| parked.range);
        self.ranges = parked.chain(open).chain(self.end.take()).collect();
        (self.attempts, self.failed) = (0, None);
        self.outcomes.clear();
    }

    fn pass(&mut self, high: Key) {
        if let Some(range) = self.ranges.front_mut() {
            range.after = Some(high);
        }
    }

    fn outcome(&mut self, is_parked: bool) {
        (self.attempts, self.failed) = (0, None);
        if self.outcomes.len() == OUTCOMES {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back(is_parked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key(vec![text.to_owned()])
    }

    fn walk() -> Walk {
        let slice = Slice::Keys { after: None, until: Some(key("90")), rows: 90 };
        Walk::of(&slice).expect("keys are walked through")
    }

    fn fail(walk: &mut Walk, rows: u64) -> bool {
        let failed = FailedBatch { high: Some(key("10")), rows, is_late: true, message: "too late".into() };
        walk.failed(walk.next_batch(), failed)
    }

    #[test]
    fn batches_follow_one_another() {
        let mut walk = walk();
        assert!(walk.advanced(1, Some(key("30")), 30));
        assert_eq!(walk.at_hand(), Some(&Range { after: Some(key("30")), until: Some(key("90")) }));
        assert!(!walk.advanced(1, Some(key("60")), 30) && !walk.advanced(3, Some(key("60")), 30));
        assert!(walk.advanced(2, None, 5), "what was found behind moves nothing");
        assert_eq!(walk.at_hand().and_then(|range| range.after.clone()), Some(key("30")));
        assert!(walk.advanced(3, None, 0), "nothing is left");
        assert_eq!((walk.at_hand(), walk.rows), (None, 35));
        assert!(!walk.advanced(4, None, 0));
    }

    #[test]
    fn what_fails_is_halved_and_then_set_aside_and_walked_through_again() {
        let mut walk = walk();
        assert!(!walk.park(1, key("10")), "nothing failed");
        assert!(fail(&mut walk, 40));
        assert_eq!(walk.rows_max(), Some(20));
        assert!(fail(&mut walk, 1));
        assert_eq!((walk.rows_max(), walk.attempts), (Some(1), 2));
        assert!(walk.park(1, key("10")));
        assert_eq!((walk.rows_max(), walk.attempts, walk.parked.len()), (None, 0, 1));
        assert!(walk.advanced(2, None, 0));
        assert!(!walk.sweeps());
        walk.again();
        assert_eq!(walk.at_hand(), Some(&Range { after: None, until: Some(key("10")) }));
        assert!(walk.parked.is_empty() && !walk.sweeps());
        assert!(walk.advanced(3, Some(key("10")), 10) && walk.advanced(4, None, 0));
        assert_eq!(walk.at_hand(), Some(&Range { after: Some(key("10")), until: Some(key("90")) }));
        assert!(walk.sweeps() && walk.advanced(5, None, 2) && walk.advanced(6, None, 0));
        assert_eq!(walk.at_hand(), None);
    }

    #[test]
    fn more_than_half_of_fifty_is_a_failure() {
        let mut walk = walk();
        for _ in 0..25 {
            assert!(walk.advanced(walk.next_batch(), Some(key("1")), 1));
            assert!(fail(&mut walk, 1) && walk.park(walk.next_batch(), key("2")));
            assert!(!walk.fails());
        }
        assert!(fail(&mut walk, 1) && walk.park(walk.next_batch(), key("2")));
        assert!(walk.fails());
        walk.again();
        assert!(!walk.fails());
    }
}
