//! Limits that hold up the moving of large tables: who holds, since when, and what that has cost.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Expectation;

use super::{Answer, Hold, Timestamp, Verdict, compare};

/// An answer older than this is none, where it is not asked for less often.
const STALE: Duration = Duration::from_secs(10);

/// A limit without the text of its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// While this is so, the work may go on.
    pub expect: Expectation,
    /// Once it was not so, the work may go on only when this is so too.
    pub resume: Expectation,
    /// How often it is asked.
    pub every: Duration,
}

/// The latest answer about a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it came.
    pub at: Timestamp,
    /// The answer.
    pub answer: Answer,
}

/// What holds a run up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Throttling {
    /// The limits that are reached, with what they found.
    pub holding: BTreeMap<String, String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The time that was lost before that.
    pub lost_before: Duration,
}

impl Throttling {
    /// The time that was lost so far.
    pub fn lost(&self, now: Timestamp) -> Duration {
        self.lost_before + self.since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Why the run is held up, in a line.
    pub fn told(&self) -> Option<String> {
        let told = || self.holding.iter().map(|(name, message)| format!("{name}: {message}")).collect::<Vec<_>>();
        self.since.map(|_| told().join("; "))
    }

    pub(super) fn holds(&mut self, by: Vec<Hold>, at: Timestamp) {
        self.holding = by.into_iter().map(|hold| (hold.name, hold.message)).collect();
        self.since = self.since.or(Some(at));
    }

    pub(super) fn ends(&mut self, at: Timestamp) {
        (self.lost_before, self.since) = (self.lost(at), None);
        self.holding.clear();
    }
}

impl Limit {
    /// When it is to be asked again.
    pub(super) fn due(&self, last: Option<&Reading>) -> Option<Timestamp> {
        last.map(|reading| reading.at.after(self.every))
    }

    /// Why it holds the work up; nothing where it does not. An answer that is too old is none.
    pub(super) fn hold(&self, last: Option<&Reading>, was_holding: bool, now: Timestamp) -> Option<Hold> {
        let hold = |message: String| Some(Hold { name: self.name.clone(), message });
        let Some(reading) = last else { return hold("it was not asked yet".to_owned()) };
        if now.since(reading.at) > self.stale_after() {
            return hold(format!("it gives no answer; the last one is {} s old", now.since(reading.at).as_secs()));
        }
        // What lets go must not take hold again at once.
        let mut wanted = was_holding.then_some(&self.resume).into_iter().chain([&self.expect]);
        wanted.find_map(|wanted| match compare(wanted, &reading.answer) {
            Verdict::Yes => None,
            Verdict::No(value) => hold(format!("the answer is {value}, expected {wanted}")),
            Verdict::Unknown(why) => hold(format!("it cannot be told: {why}")),
        })
    }

    /// How old an answer may be: a slow one may come after the next was due.
    fn stale_after(&self) -> Duration {
        self.every.saturating_mul(2).max(STALE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit() -> Limit {
        let parse = |text| Expectation::parse(text).expect("it is one");
        Limit { name: "lag".into(), expect: parse("< 5"), resume: parse("< 2"), every: Duration::from_secs(1) }
    }

    fn hold(value: &str, was_holding: bool) -> Option<String> {
        let reading = Reading { at: Timestamp(0), answer: Answer::Value(value.into()) };
        limit().hold(Some(&reading), was_holding, Timestamp(900)).map(|hold| hold.message)
    }

    #[test]
    fn a_limit_lets_go_later_than_it_takes_hold() {
        assert_eq!(hold("4", false), None);
        assert_eq!(hold("5", false).as_deref(), Some("the answer is 5, expected < 5"));
        assert_eq!(hold("4", true).as_deref(), Some("the answer is 4, expected < 2"));
        assert_eq!(hold("1", true), None);
    }

    #[test]
    fn a_laxer_end_lets_go_only_where_it_would_not_take_hold_again() {
        let parse = |text| Expectation::parse(text).expect("it is one");
        for resume in ["< 50", "any", "true"] {
            let limit = Limit { resume: parse(resume), ..limit() };
            let hold = |value: &str, was_holding| {
                let reading = Reading { at: Timestamp(0), answer: Answer::Value(value.into()) };
                limit.hold(Some(&reading), was_holding, Timestamp(900)).is_some()
            };
            assert!(hold("20", false) && hold("20", true), "{resume}");
        }
    }

    #[test]
    fn what_is_not_known_holds() {
        assert!(limit().hold(None, false, Timestamp(0)).is_some());
        let old = Reading { at: Timestamp(0), answer: Answer::Value("0".into()) };
        let message = limit().hold(Some(&old), false, Timestamp(12_000)).map(|hold| hold.message);
        assert_eq!(message.as_deref(), Some("it gives no answer; the last one is 12 s old"));
        let lost = Reading { at: Timestamp(0), answer: Answer::Error("no route".into()) };
        assert!(limit().hold(Some(&lost), false, Timestamp(0)).is_some());
    }

    #[test]
    fn lost_time_adds_up() {
        let mut throttling = Throttling::default();
        let by = |name: &str| vec![Hold { name: name.into(), message: "much".into() }];
        throttling.holds(by("lag"), Timestamp(1000));
        throttling.holds(by("merges"), Timestamp(3000));
        assert_eq!(throttling.told().as_deref(), Some("merges: much"));
        assert_eq!(throttling.lost(Timestamp(4000)), Duration::from_secs(3));
        throttling.ends(Timestamp(5000));
        throttling.holds(by("lag"), Timestamp(9000));
        assert_eq!(throttling.lost(Timestamp(9500)), Duration::from_millis(4500));
    }
}
