//! How large the next batch is: towards a target duration, from how long the last ones took.
//!
//! The constants and the smoothing are those that GitLab published for its batched background migrations:
//! <https://docs.gitlab.com/development/database/batched_background_migrations/#how-optimization-works>. Smoothed is the
//! time a row takes, not the time a batch takes, so that the answer does not lag behind the size.

use std::collections::VecDeque;
use std::time::Duration;

use super::Timestamp;

/// Batches that the answer is smoothed over.
const RECENT: usize = 20;
/// How much the latest of them counts.
const FACTOR: f64 = 0.4;
/// How much larger than the last one a batch may be.
const GROWTH_MAX: f64 = 1.2;
/// Shares of the target duration that are good enough to leave the size as it is.
const EFFICIENCY: std::ops::RangeInclusive<f64> = 0.9..=0.95;
/// The bounds of a batch that nothing says more about.
const ROWS: std::ops::RangeInclusive<u64> = 1_000..=2_000_000;

/// Longer than this no two pieces lie apart without a reason.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// How fast the pieces of an operation went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pacing {
    /// Rows and milliseconds of the last pieces, the latest last.
    recent: VecDeque<(u64, u64)>,
    /// When the last piece was done.
    last_at: Option<Timestamp>,
    /// The time that pieces took in all, and that lay between them, in milliseconds.
    busy_ms: u64,
    idle_ms: u64,
    /// The size that the last batch had, or that the first one has.
    size: Option<u64>,
    /// The least that a batch is made without need.
    least: Option<u64>,
}

impl Pacing {
    /// Of an operation whose first batch has this size.
    pub fn new(first: Option<u64>) -> Pacing {
        let first = first.map(|rows| rows.clamp(1, *ROWS.end()));
        Pacing { size: first, least: first.filter(|rows| rows < ROWS.start()), ..Pacing::default() }
    }

    /// Rows and milliseconds of the last pieces, the latest last.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.recent.iter().copied()
    }

    /// The share of the time that pieces took, where nothing held them up.
    pub(super) fn busy(&self) -> f64 {
        let all = self.busy_ms.saturating_add(self.idle_ms);
        if all == 0 { 1.0 } else { float(self.busy_ms) / float(all) }
    }

    /// A piece was done. One that nobody saw the time of says nothing.
    pub(super) fn add(&mut self, rows: u64, ms: u64, at: Timestamp) {
        let since = self.last_at.replace(at).map(|last| at.since(last));
        if rows == 0 || ms == 0 {
            return;
        }
        self.busy_ms = self.busy_ms.saturating_add(ms);
        // What lies further apart was held up by something.
        if let Some(since) = since.filter(|since| *since < IDLE_MAX) {
            let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
            self.idle_ms = self.idle_ms.saturating_add(since.saturating_sub(ms));
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((rows, ms));
    }

    /// A batch of a stretch of keys was done. One that is far smaller may be what was left at the end of the stretch, and
    /// sets no size before another one follows it: `short` is kept with the stretch.
    pub(super) fn add_batch(&mut self, rows: u64, ms: u64, at: Timestamp, short: &mut Option<u64>) {
        self.add(rows, ms, at);
        let is_short = rows < self.size.unwrap_or(*ROWS.start()) / 2;
        let before = short.take();
        if is_short {
            *short = Some(rows);
        }
        if let Some(size) = if is_short { before } else { Some(rows) } {
            self.size = Some(size.min(*ROWS.end()));
        }
    }

    /// A batch of so many rows took too long.
    pub(super) fn shrink(&mut self, rows: u64) {
        // The batch itself is halved down to one row; those after it are not.
        self.size = Some((rows / 2).max(self.least().min(rows)));
    }

    /// The rows of the next batch, where the last one of its stretch was far smaller than was asked for: after so many.
    pub fn next(&self, target: Duration, short: Option<u64>) -> u64 {
        let last = short.or(self.size).unwrap_or(*ROWS.start());
        let Some(ms_per_row) = self.ms_per_row() else { return last };
        let target = (target.as_secs_f64() * 1000.0).max(1.0);
        let efficiency = ms_per_row * float(last) / target;
        if EFFICIENCY.contains(&efficiency) {
            return last;
        }
        let wanted =
            (EFFICIENCY.end() * target / ms_per_row).min((float(last) * GROWTH_MAX).max(float(last) + 1.0)).round();
        // What is above the bound is cut off by it.
        let wanted = if wanted >= float(*ROWS.end()) { *ROWS.end() } else { wanted as u64 };
        wanted.clamp(self.least().min(last), *ROWS.end())
    }

    fn least(&self) -> u64 {
        self.least.unwrap_or(*ROWS.start())
    }

    /// The time that a row takes, smoothed.
    fn ms_per_row(&self) -> Option<f64> {
        let mut times = self.recent.iter().map(|&(rows, ms)| float(ms) / float(rows));
        let first = times.next()?;
        Some(times.fold(first, |smooth, time| FACTOR.mul_add(time, (1.0 - FACTOR) * smooth)))
    }
}

pub(super) fn float(number: u64) -> f64 {
    // Counts of rows and milliseconds: what is lost beyond 2^53 does not matter.
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The sizes of batches where a batch takes this long.
    fn sizes(first: u64, batches: usize, took_ms: impl Fn(u64) -> u64) -> Vec<u64> {
        let (mut pacing, mut short) = (Pacing::new(Some(first)), None);
        let mut next = || {
            let rows = pacing.next(SECOND, short);
            pacing.add_batch(rows, took_ms(rows), Timestamp(0), &mut short);
            rows
        };
        (0..batches).map(|_| next()).collect()
    }

    #[test]
    fn the_size_is_found_and_kept() {
        let sizes = sizes(10_000, 40, |rows| 5 + rows / 80);
        assert_eq!(sizes[..4], [10_000, 12_000, 14_400, 17_280]);
        assert!((70_000..=80_000).contains(&sizes[13]), "{sizes:?}");
        assert!(sizes[20..].windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}");
    }

    #[test]
    fn a_size_that_is_far_too_large_shrinks_at_once() {
        let sizes = sizes(1_000_000, 3, |rows| rows / 10);
        assert_eq!(sizes, [1_000_000, 9_500, 9_500]);
    }

    #[test]
    fn a_batch_stays_within_its_bounds() {
        assert_eq!(sizes(1_000, 60, |_| 1).last(), Some(&2_000_000));
        assert_eq!(sizes(1_000, 5, |_| 60_000).last(), Some(&1_000));
        assert_eq!(sizes(10, 5, |_| 60_000).last(), Some(&10), "a smaller first size is a smaller bound");
        assert_eq!(Pacing::new(Some(0)).next(SECOND, None), 1);
        assert_eq!(Pacing::default().next(SECOND, None), 1_000);
    }

    #[test]
    fn a_size_that_became_small_grows_again() {
        let mut pacing = Pacing::new(Some(100_000));
        for _ in 0..30 {
            pacing.shrink(pacing.next(SECOND, None));
        }
        assert_eq!(pacing.next(SECOND, None), 1_000);
        assert!(sizes(1, 60, |_| 1).last().is_some_and(|rows| *rows > 50_000), "from one row, too");
    }

    #[test]
    fn what_took_too_long_is_halved_and_grows_slowly_again() {
        let mut pacing = Pacing::new(Some(40_000));
        pacing.add_batch(40_000, 500, Timestamp(0), &mut None);
        pacing.shrink(48_000);
        assert_eq!(pacing.next(SECOND, None), 28_800);
    }
}
