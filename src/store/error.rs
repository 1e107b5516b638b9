//! What can go wrong with a store, as values: whom to wait for, whether to try again, what is refused for good.

use std::fmt;

use super::engine::Engine;
use super::lease::Owner;
use super::run::RunId;

/// Why the store did not do what was asked; nothing was written, unless `Unavailable` says that this is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another owner's lease lives.
    #[error("the run {run} is held by {owner} for {for_ms} ms more")]
    Held {
        /// The run.
        run: RunId,
        /// Who holds it.
        owner: Owner,
        /// How long its lease lives if it is not renewed.
        for_ms: i64,
    },
    /// The lease was given back or taken over: this owner may write nothing more.
    #[error("the lease of the run {run} was lost to another owner")]
    LeaseLost {
        /// The run.
        run: RunId,
    },
    /// The same thing has an unfinished run already.
    #[error("`{name}` has an unfinished run already: {run}")]
    AlreadyRunning {
        /// The unfinished run.
        run: RunId,
        /// What runs.
        name: String,
    },
    /// As many runs of the environment have an owner as may have one.
    #[error("{} of at most {limit} runs of the environment are in progress: {}", running.len(), running.join(", "))]
    Busy {
        /// The names of what runs.
        running: Vec<String>,
        /// How many may run.
        limit: u32,
    },
    /// There is no such run.
    #[error("the store has no run {run}")]
    NoRun {
        /// The run.
        run: RunId,
    },
    /// The journal ends elsewhere than the holder of its lease believes: something was appended that it does not know.
    #[error("the journal of the run {run} ends at {found}, and not at {expected}")]
    Diverged {
        /// The run.
        run: RunId,
        /// Where the owner believed it to end.
        expected: i64,
        /// Where it ends.
        found: i64,
    },
    /// A newer version of the program wrote the store.
    #[error("the store {store} has the format {found}, and this program knows formats up to {known}")]
    NewerStore {
        /// The store, without credentials.
        store: String,
        /// The format of the store.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// The URL of the store cannot be used.
    #[error("the URL of the store {problem}")]
    WrongUrl {
        /// What is wrong with it, without quoting it.
        problem: &'static str,
    },
    /// The store did not answer: whether it did what was asked is not known, and asking again is safe.
    #[error("the store {store} does not answer")]
    Unavailable {
        /// The store, without credentials.
        store: String,
        /// What the connection said.
        source: Failure,
    },
    /// The store refuses what was asked, and would refuse it again.
    #[error("the store {store} refuses this program")]
    Refused {
        /// The store, without credentials.
        store: String,
        /// What the store said.
        source: Failure,
    },
    /// What stands in the store cannot be what this program wrote.
    #[error("the store {store} is damaged")]
    Damaged {
        /// The store, without credentials.
        store: String,
        /// What is wrong with it.
        source: Failure,
    },
}

impl StoreError {
    /// Whether asking again later may succeed without anybody's doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Unavailable { .. })
    }
}

/// What a database or a connection said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The database's code: an SQLSTATE, or SQLite's extended result code.
    pub code: Option<String>,
    /// Its words.
    pub message: String,
}

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Failure {
        Failure { code: None, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, " (code {code})"))
    }
}

impl std::error::Error for Failure {}

/// What stops the inner functions: an answer for the caller, or an error of sqlx that has no store's name yet.
pub(super) enum Fault {
    Told(StoreError),
    Database(sqlx::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Told(error)
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Fault {
        Fault::Database(error)
    }
}

impl Fault {
    /// The error for the caller; `store` is the store's URL without credentials.
    pub(super) fn told(self, engine: Engine, store: &str) -> StoreError {
        let error = match self {
            Fault::Told(error) => return error,
            Fault::Database(error) => error,
        };
        let store = store.to_owned();
        if matches!(error, sqlx::Error::Configuration(_)) {
            return StoreError::WrongUrl { problem: "cannot be read" };
        }
        let Some(said) = error.as_database_error() else {
            let source = Failure::new(error.to_string());
            return match () {
                () if is_lost(&error) => StoreError::Unavailable { store, source },
                () if matches!(error, sqlx::Error::Tls(_)) => StoreError::Refused { store, source },
                () => StoreError::Damaged { store, source },
            };
        };
        let code = said.code().map(String::from);
        let source = Failure { code: code.clone(), message: said.message().to_owned() };
        match engine.judge(code.as_deref().unwrap_or_default()) {
            Judgement::Unavailable => StoreError::Unavailable { store, source },
            Judgement::Refused => StoreError::Refused { store, source },
            Judgement::Damaged => StoreError::Damaged { store, source },
        }
    }
}

/// What a database's code means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Unavailable,
    Refused,
    Damaged,
}

/// Whether the connection, rather than the database, failed.
fn is_lost(error: &sqlx::Error) -> bool {
    use sqlx::Error::{BeginFailed, Io, PoolClosed, PoolTimedOut, Protocol, WorkerCrashed};
    matches!(error, Io(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed | BeginFailed)
}
