//! The settings of runs: their names, forms and defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::model::{did_you_mean, parse_duration};

/// A setting, as the documentation lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What holds where nobody set it.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// Every setting.
pub const SETTINGS: [Setting; 7] = [
    Setting {
        name: "auto_rollback",
        default: "true",
        about: "whether a run that fails takes back what it did by itself",
    },
    Setting { name: "max_concurrent", default: "1", about: "how many runs may work at once" },
    Setting {
        name: "default_timeout",
        default: "2h",
        about: "how long an operation may take that says nothing itself",
    },
    Setting { name: "healthcheck_interval", default: "30m", about: "how often a run asks whether all is well" },
    Setting { name: "batch_target", default: "1s", about: "how long a batch of a large table is to take" },
    Setting {
        name: "proof_timeout",
        default: "10m",
        about: "how long it may take until a deployed release says that it runs",
    },
    Setting { name: "auto_start", default: "false", about: "whether a worker starts migrations that may run" },
];

/// The settings that hold for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a run that fails takes back what it did by itself.
    pub auto_rollback: bool,
    /// How many runs may work at once.
    pub max_concurrent: u32,
    /// How long an operation may take that says nothing itself.
    pub default_timeout: Duration,
    /// How often a run asks whether all is well.
    pub healthcheck_interval: Duration,
    /// How long a batch of a large table is to take.
    pub batch_target: Duration,
    /// How long it may take until a deployed release says that it runs.
    pub proof_timeout: Duration,
    /// Whether a worker starts migrations that may run.
    pub auto_start: bool,
}

/// A setting that does not exist, or a value that is none of it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    /// Nobody knows it.
    #[error("there is no setting `{name}`")]
    Unknown {
        /// As it was given.
        name: String,
        /// What to do.
        hint: String,
    },
    /// The value does not fit.
    #[error("`{value}` is no value of `{name}`: it takes {takes}")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// As it was given.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            auto_rollback: true,
            max_concurrent: 1,
            default_timeout: Duration::from_secs(2 * 3600),
            healthcheck_interval: Duration::from_secs(30 * 60),
            batch_target: Duration::from_secs(1),
            proof_timeout: Duration::from_secs(10 * 60),
            auto_start: false,
        }
    }
}

impl Settings {
    /// The same with one of them changed.
    pub fn with(mut self, name: &str, value: &str) -> Result<Settings, SettingsError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
            let names = SETTINGS.map(|setting| setting.name);
            let all = || format!("settings: {}", names.join(", "));
            return Err(SettingsError::Unknown {
                name: name.to_owned(),
                hint: did_you_mean(name, names.iter().copied(), all),
            });
        };
        let invalid = |takes| SettingsError::Invalid { name: setting.name, value: value.to_owned(), takes };
        let truth = || value.parse::<bool>().map_err(|_| invalid("true or false"));
        let duration = || match parse_duration(value) {
            Ok(duration) if !duration.is_zero() => Ok(duration),
            Ok(_) | Err(_) => Err(invalid("a duration such as 30m or 2h")),
        };
        match setting.name {
            "auto_rollback" => self.auto_rollback = truth()?,
            "auto_start" => self.auto_start = truth()?,
            "default_timeout" => self.default_timeout = duration()?,
            "batch_target" => self.batch_target = duration()?,
            "proof_timeout" => self.proof_timeout = duration()?,
            "healthcheck_interval" => self.healthcheck_interval = duration()?,
            _ => {
                let count = value.parse().ok().filter(|count| (1..=1000).contains(count));
                self.max_concurrent = count.ok_or_else(|| invalid("a number from 1 to 1000"))?;
            }
        }
        Ok(self)
    }

    /// The same with several changed, the later ones over the earlier.
    pub fn with_all(self, changes: &BTreeMap<String, String>) -> Result<Settings, SettingsError> {
        changes.iter().try_fold(self, |settings, (name, value)| settings.with(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let table = SETTINGS.iter().map(|setting| (setting.name.to_owned(), setting.default.to_owned())).collect();
        assert_eq!(Settings::default().with_all(&table), Ok(Settings::default()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |name: &str, value: &str| Settings::default().with(name, value).expect_err("refused").to_string();
        assert_eq!(
            refused("max_concurrent", "0"),
            "`0` is no value of `max_concurrent`: it takes a number from 1 to 1000"
        );
        assert_eq!(
            refused("default_timeout", "7"),
            "`7` is no value of `default_timeout`: it takes a duration such as 30m or 2h"
        );
        assert_eq!(refused("rollback", "true"), "there is no setting `rollback`");
    }
}
