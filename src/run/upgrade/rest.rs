//! Why an upgrade does not go on by itself.

use serde::{Deserialize, Serialize};

use super::super::Status;

/// A migration that must be complete before a release may start, and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The migration.
    pub migration: String,
    /// The last version on which it can run.
    pub until: String,
    /// Where it stands.
    pub status: Status,
    /// Why it does not count as complete although the plan takes it as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What keeps an upgrade from going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rest {
    /// Notes that a person must confirm first.
    Acknowledgement {
        /// The step.
        step: usize,
        /// Their names.
        notes: Vec<String>,
    },
    /// The step's release may not start yet.
    Gate {
        /// The step.
        step: usize,
        /// What must be complete first.
        closed: Vec<Closed>,
    },
    /// The release could not be deployed.
    Deploy {
        /// The step.
        step: usize,
        /// The name of the deploy.
        name: String,
        /// Its run.
        run: String,
        /// Where that stands.
        status: Status,
        /// Whether a person is asked to do something.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_manual: bool,
        /// Why.
        because: String,
    },
    /// Another version runs than the step's.
    Version {
        /// The step.
        step: usize,
        /// What was told instead.
        because: String,
    },
    /// The step leads from another version than the one that runs.
    Stale {
        /// The step.
        step: usize,
        /// What runs, and where the step begins.
        because: String,
    },
    /// A migration did not come to its end.
    Migration {
        /// The step.
        step: usize,
        /// The migration.
        migration: String,
        /// Its run.
        run: String,
        /// Where that stands.
        status: Status,
        /// Whether a person is asked to do something.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_manual: bool,
        /// Why.
        because: String,
    },
    /// Something could not even be begun.
    Refused {
        /// The step.
        step: usize,
        /// Why.
        because: String,
    },
    /// A person stopped it.
    Stopped {
        /// Who.
        by: String,
    },
    /// It went as far as it was asked to.
    Until {
        /// The last step that it was asked for.
        step: usize,
    },
}

impl Rest {
    /// The status that it means for the upgrade.
    pub fn status(&self) -> Status {
        match self {
            Rest::Gate { .. } | Rest::Stale { .. } | Rest::Refused { .. } => Status::Blocked,
            Rest::Deploy { status: Status::Blocked, .. } | Rest::Migration { status: Status::Blocked, .. } => {
                Status::Blocked
            }
            Rest::Stopped { .. } | Rest::Until { .. } => Status::Stopped,
            Rest::Acknowledgement { .. } | Rest::Deploy { .. } | Rest::Version { .. } | Rest::Migration { .. } => {
                Status::NeedsAttention
            }
        }
    }

    /// Whether something went wrong, as opposed to what was to be expected.
    pub fn is_error(&self) -> bool {
        match self {
            Rest::Acknowledgement { .. } | Rest::Stopped { .. } | Rest::Until { .. } => false,
            Rest::Gate { .. }
            | Rest::Deploy { .. }
            | Rest::Version { .. }
            | Rest::Stale { .. }
            | Rest::Migration { .. }
            | Rest::Refused { .. } => true,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Rest::Acknowledgement { notes, .. } => format!("a person must confirm {}", notes.join(", ")),
            Rest::Gate { closed, .. } => {
                let each = |closed: &Closed| {
                    let because = closed.because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
                    let Closed { migration, until, status, .. } = closed;
                    format!("{migration} is {status} and can run until {until} only{because}")
                };
                closed.iter().map(each).collect::<Vec<_>>().join("; ")
            }
            Rest::Deploy { name, status, because, .. } => format!("{}: {because}", standing(name, *status)),
            Rest::Migration { migration, status, because, .. } => {
                format!("{}: {because}", standing(migration, *status))
            }
            Rest::Version { because, .. } | Rest::Stale { because, .. } | Rest::Refused { because, .. } => {
                because.clone()
            }
            Rest::Stopped { by } => format!("{by} stopped it"),
            Rest::Until { step } => format!("it was to go until step {step}"),
        }
    }
}

/// Where something stands, as a sentence.
fn standing(name: &str, status: Status) -> String {
    let verb = if status == Status::NeedsAttention { "" } else { "is " };
    format!("{name} {verb}{status}")
}
