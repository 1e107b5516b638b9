//! What events carry: documents, faults, forecasts, limits, proofs, and what people ask for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What kind of procedure a run is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcedureKind {
    /// A migration.
    #[default]
    Migration,
    /// A platform's deploy.
    Deploy,
    /// A runbook.
    Runbook,
}

impl ProcedureKind {
    /// As the store has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ProcedureKind::Migration => "migration",
            ProcedureKind::Deploy => "deploy",
            ProcedureKind::Runbook => "runbook",
        }
    }

    /// Whether it is a migration.
    pub fn is_migration(&self) -> bool {
        *self == ProcedureKind::Migration
    }
}

/// The manifest that a run started with: later edits do not change the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is of.
    #[serde(default, skip_serializing_if = "ProcedureKind::is_migration")]
    pub kind: ProcedureKind,
    /// The product.
    pub product: String,
    /// The run's name, which is the migration's.
    pub name: String,
    /// The file, for messages.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What is known of the effect.
    pub kind: FaultKind,
    /// What was said; never a secret.
    pub message: String,
}

/// What is known of the effect of something that did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It surely was not done, and may work the next time.
    Transient,
    /// It surely was not done, and would be refused again.
    Refused,
    /// It failed, and a part of it may have been done.
    Partial,
    /// Nobody knows: the answer was lost.
    Lost,
    /// It was ended on purpose, maybe half done.
    Ended,
}

/// A check that did not say yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which check: `window`, `depends_on`, `precheck`, …
    pub check: String,
    /// What it found, for people.
    pub message: String,
    /// Whether the answer is not known, as opposed to no.
    #[serde(default)]
    pub is_unknown: bool,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How it is known that something was done, or was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The server's answer.
    Answer,
    /// The mark that was kept in the same transaction.
    Mark,
    /// The question `done_when`.
    DoneWhen,
    /// Doing it again is harmless.
    Repeatable,
    /// A person said so.
    Person,
    /// There was nothing to do.
    NothingToDo,
}

/// What a person says about a unit that nobody else can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It was done.
    Done,
    /// It was not done: do it again.
    NotDone,
    /// Go on without it.
    Skip,
}

/// What people ask of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Request {
    /// End what runs, and take everything back if wanted.
    Stop {
        /// Whether to take everything back.
        rollback: bool,
    },
    /// Begin nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Take everything back.
    Rollback,
    /// Try again what failed.
    Retry,
    /// Say what became of a unit.
    Resolve {
        /// The operation.
        operation: String,
        /// What became of it.
        resolution: Resolution,
    },
    /// Change how fast large tables are moved, from here on.
    Tune {
        /// New values by their names: see [`super::TUNABLES`].
        changes: BTreeMap<String, String>,
    },
}

/// What moving a large table will take, as far as it can be told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Rows to be moved.
    pub rows: u64,
    /// Whether they were estimated and not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_estimate: bool,
    /// Bytes of them on disk, which the new rows will take as well at most.
    pub bytes: u64,
    /// Bytes that are free there, where the server tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// How long it may take by what a small piece took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Rows in a second of that small piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_s: Option<u64>,
}

/// Why nothing of a table may be moved now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The limit's name.
    pub name: String,
    /// What it found, for people.
    pub message: String,
}
