//! How fast a run is, and how long it may take: from its recent progress, with a band as wide as that varies.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::{Direction, Timestamp};

use super::moved::Moved;
use super::progress::Progress;

/// Stretches that a band is made of.
const STRETCHES: usize = 6;
/// Samples that are kept; of more, every other one is dropped.
const SAMPLES_MAX: usize = 48;
/// Nothing is estimated from less than this.
const SPAN_MIN: Duration = Duration::from_secs(6);
/// What is longer ago than this says little about now.
const SPAN_MAX: Duration = Duration::from_secs(3600);

/// How fast a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Percent in a second.
    pub percent_per_s: f64,
    /// What its manifest counts, in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_per_s: Option<f64>,
    /// How long it may still take; nothing where it stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
}

/// How long something may still take, in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Left {
    /// As it goes on average.
    pub likely_s: f64,
    /// As it went when it was fast.
    pub least_s: f64,
    /// As it went when it was slow; nothing where it stood still then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_s: Option<f64>,
}

/// What was measured lately.
#[derive(Debug, Default)]
pub(super) struct Samples {
    direction: Option<Direction>,
    samples: VecDeque<(Timestamp, f64, Option<f64>)>,
    moved: Option<Moved>,
}

impl Samples {
    /// Takes a measurement in, and tells the pace in it. One that goes back begins anew. What is moved has a pace of its own.
    pub fn add(&mut self, at: Timestamp, direction: Direction, progress: &mut Progress) {
        self.moved.clone_from(&progress.moved);
        progress.pace = match (progress.percent, &progress.moved) {
            (Some(percent), None) => {
                self.sample(at, direction, percent, progress.counts.map(|(done, _)| done));
                self.pace()
            }
            (_, Some(_)) => {
                self.samples.clear();
                None
            }
            (None, None) => None,
        };
    }

    /// How far the moving of a table was when it was last told.
    pub fn moved(&self) -> Option<Moved> {
        self.moved.clone()
    }

    fn sample(&mut self, at: Timestamp, direction: Direction, percent: f64, count: Option<f64>) {
        let is_back = self.samples.back().is_some_and(|(_, before, _)| percent < *before);
        if is_back || self.direction != Some(direction) {
            self.samples.clear();
        }
        self.direction = Some(direction);
        self.samples.push_back((at, percent, count));
        while self.samples.front().is_some_and(|(first, ..)| at.since(*first) > SPAN_MAX) {
            self.samples.pop_front();
        }
        if self.samples.len() > SAMPLES_MAX {
            let last = self.samples.len() - 1;
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1 || index > last
            });
        }
    }

    fn pace(&self) -> Option<Pace> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.0.since(first.0).as_secs_f64();
        if seconds < SPAN_MIN.as_secs_f64() {
            return None;
        }
        let percent_per_s = (last.1 - first.1) / seconds;
        let counts_per_s = first.2.zip(last.2).map(|(from, to)| (to - from) / seconds);
        let left = 100.0 - last.1;
        let left = (percent_per_s > 0.0).then(|| {
            let rates = self.rates();
            let (least, most) = rates
                .iter()
                .fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), rate| (least.min(*rate), most.max(*rate)));
            Left {
                likely_s: left / percent_per_s,
                least_s: left / most.max(percent_per_s),
                most_s: (least > 0.0).then(|| left / least.min(percent_per_s)),
            }
        });
        Some(Pace { percent_per_s, counts_per_s, left })
    }

    /// How fast it was in each stretch of what was measured.
    fn rates(&self) -> Vec<f64> {
        let samples: Vec<_> = self.samples.iter().collect();
        let stretch = (samples.len().saturating_sub(1) / STRETCHES).max(1);
        let ends: Vec<_> = samples.iter().step_by(stretch).collect();
        let rate = |pair: &[&&(Timestamp, f64, Option<f64>)]| match pair {
            [from, to] if to.0 > from.0 => Some((to.1 - from.1) / to.0.since(from.0).as_secs_f64()),
            _ => None,
        };
        ends.windows(2).filter_map(rate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(percents: &[f64]) -> Option<Pace> {
        let mut samples = Samples::default();
        let mut pace = None;
        for (second, percent) in (0..).step_by(2).zip(percents) {
            let counts = Some((percent * 10.0, 1000.0));
            let mut progress = Progress { percent: Some(*percent), counts, ..Progress::default() };
            samples.add(Timestamp(second * 1000), Direction::Do, &mut progress);
            pace = progress.pace;
        }
        pace
    }

    #[test]
    fn a_steady_run_has_a_narrow_band() {
        let left = Left { likely_s: 46.0, least_s: 46.0, most_s: Some(46.0) };
        let steady = Pace { percent_per_s: 1.0, counts_per_s: Some(10.0), left: Some(left) };
        assert_eq!(fed(&[46.0, 48.0, 50.0, 52.0, 54.0]), Some(steady));
    }

    #[test]
    fn the_band_is_as_wide_as_the_pace_varies() {
        let pace = fed(&[0.0, 1.0, 4.0, 5.0, 8.0]).expect("it can be told");
        let left = pace.left.expect("it moves");
        assert_eq!((left.likely_s, left.least_s, left.most_s), (92.0, 92.0 / 1.5, Some(184.0)));
    }

    #[test]
    fn what_cannot_be_estimated_is_not() {
        assert_eq!(fed(&[1.0, 2.0, 3.0]), None, "too little was measured");
        assert_eq!(fed(&[10.0, 20.0, 30.0, 40.0, 5.0]), None, "it began anew");
        let still = fed(&[7.0; 9]).expect("it can be told");
        assert_eq!((still.percent_per_s, still.left), (0.0, None));
        let halting = fed(&[0.0, 5.0, 5.0, 10.0]).and_then(|pace| pace.left).expect("it moves");
        assert_eq!(halting.most_s, None);
    }

    #[test]
    fn a_long_run_is_kept_short() {
        let percents: Vec<f64> = (0..1000_u32).map(|second| f64::from(second) / 100.0).collect();
        let pace = fed(&percents).expect("it can be told");
        assert!((pace.percent_per_s - 0.005).abs() < 1e-9, "{pace:?}");
    }
}
