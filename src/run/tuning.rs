//! What people may change of a run while it moves large tables.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::model::{Expectation, did_you_mean, parse_duration};

use super::Limit;

/// What can be changed, with what it takes, as the documentation lists it.
pub const TUNABLES: [(&str, &str); 4] = [
    ("parallel", "how many partitions or stretches of keys are moved at once: a number from 1 to 256"),
    ("batch_target", "how long a batch is to take: a duration from 10ms to 10m"),
    ("throttle.NAME", "what the limit NAME expects, such as \"< 10\""),
    ("throttle.NAME.resume", "what it expects before it lets go again"),
];
/// The bounds of `parallel`.
const PARALLEL: std::ops::RangeInclusive<u32> = 1..=256;
/// The bounds of `batch_target`.
const BATCH_TARGET: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(600);

/// What people changed of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// How many pieces are moved at once.
    pub parallel: Option<u32>,
    /// How long a batch is to take.
    pub batch_target: Option<Duration>,
    /// What limits expect, by their names.
    expect: BTreeMap<String, Expectation>,
    /// What they expect before they let go, by their names.
    resume: BTreeMap<String, Expectation>,
}

/// A change that cannot be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TuneError {
    /// Nobody knows it.
    #[error("there is nothing called `{name}` to tune")]
    Unknown {
        /// As it was given.
        name: String,
        /// What to do.
        hint: String,
    },
    /// The value does not fit.
    #[error("`{value}` is no value of `{name}`: {takes}")]
    Invalid {
        /// What was to be changed.
        name: String,
        /// As it was given.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
}

impl Tuning {
    /// The same with one thing changed.
    pub fn with(mut self, name: &str, value: &str) -> Result<Tuning, TuneError> {
        let invalid = |takes| TuneError::Invalid { name: name.to_owned(), value: value.to_owned(), takes };
        let expectation = || match Expectation::parse(value) {
            Ok(expectation) if !value.contains("{{") => Ok(expectation),
            Ok(_) | Err(_) => Err(invalid("it takes an expectation such as \"< 10\"")),
        };
        match name.strip_prefix("throttle.").map(|limit| (limit, limit.strip_suffix(".resume"))) {
            Some((_, Some(limit))) => drop(self.resume.insert(limit.to_owned(), expectation()?)),
            Some((limit, None)) => drop(self.expect.insert(limit.to_owned(), expectation()?)),
            None if name == "parallel" => {
                let count = value.parse().ok().filter(|count| PARALLEL.contains(count));
                self.parallel = Some(count.ok_or_else(|| invalid("it takes a number from 1 to 256"))?);
            }
            None if name == "batch_target" => {
                let target = parse_duration(value).ok().filter(|target| BATCH_TARGET.contains(target));
                self.batch_target = Some(target.ok_or_else(|| invalid("it takes a duration from 10ms to 10m"))?);
            }
            None => {
                let names = TUNABLES.map(|(name, _)| name);
                let all = || format!("it takes {}", names.join(", "));
                let hint = did_you_mean(name, names.iter().copied(), all);
                return Err(TuneError::Unknown { name: name.to_owned(), hint });
            }
        }
        Ok(self)
    }

    /// The same with several things changed.
    pub fn with_all(self, changes: &BTreeMap<String, String>) -> Result<Tuning, TuneError> {
        changes.iter().try_fold(self, |tuning, (name, value)| tuning.with(name, value))
    }

    /// Everything that was changed, by the names that it is changed by.
    pub fn changes(&self) -> BTreeMap<String, String> {
        let parallel = self.parallel.map(|count| ("parallel".to_owned(), count.to_string()));
        let target = self.batch_target.map(|target| ("batch_target".to_owned(), format!("{target:?}")));
        let expect = self.expect.iter().map(|(name, value)| (format!("throttle.{name}"), value.to_string()));
        let resume = self.resume.iter().map(|(name, value)| (format!("throttle.{name}.resume"), value.to_string()));
        parallel.into_iter().chain(target).chain(expect).chain(resume).collect()
    }

    /// The names of limits that it is about.
    pub fn limits(&self) -> impl Iterator<Item = &str> {
        self.expect.keys().chain(self.resume.keys()).map(String::as_str)
    }

    /// A limit as it is now. One whose expectation was changed lets go by the same, unless that was changed too.
    pub(super) fn limit(&self, limit: &Limit) -> Limit {
        let expect = self.expect.get(&limit.name);
        let resume = self.resume.get(&limit.name).or(expect).unwrap_or(&limit.resume);
        Limit { expect: expect.unwrap_or(&limit.expect).clone(), resume: resume.clone(), ..limit.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |name: &str, value: &str| Tuning::default().with(name, value).expect_err("refused").to_string();
        assert_eq!(refused("parallel", "0"), "`0` is no value of `parallel`: it takes a number from 1 to 256");
        assert_eq!(
            refused("batch_target", "1h"),
            "`1h` is no value of `batch_target`: it takes a duration from 10ms to 10m"
        );
        assert_eq!(
            refused("throttle.lag", "10"),
            "`10` is no value of `throttle.lag`: it takes an expectation such as \"< 10\""
        );
        assert_eq!(refused("batch", "10"), "there is nothing called `batch` to tune");
    }

    #[test]
    fn what_was_changed_can_be_told_and_changed_to_again() {
        let changes =
            [("parallel", "4"), ("batch_target", "500ms"), ("throttle.lag", "< 10"), ("throttle.lag.resume", "false")];
        let changes = changes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let tuning = Tuning::default().with_all(&changes).expect("they are right");
        assert_eq!(tuning.changes(), changes);
        assert!(Tuning::default().changes().is_empty());
    }

    #[test]
    fn a_limit_that_was_changed_lets_go_by_what_it_was_changed_to() {
        let parse = |text| Expectation::parse(text).expect("it is one");
        let every = Duration::from_secs(1);
        let limit = Limit { name: "lag".into(), expect: parse("< 5"), resume: parse("< 2"), every };
        let tuning = Tuning::default().with("throttle.lag", "< 10").expect("it is one");
        assert_eq!(tuning.limit(&limit), Limit { expect: parse("< 10"), resume: parse("< 10"), ..limit.clone() });
        let tuning = tuning.with("throttle.lag.resume", "< 3").expect("it is one");
        assert_eq!(tuning.limit(&limit), Limit { expect: parse("< 10"), resume: parse("< 3"), ..limit.clone() });
        assert_eq!(Tuning::default().limit(&limit), limit);
    }
}
