//! Large tables by key: what a batch is asked to do, and what comes back. Postgres and SQLite.
//!
//! A batch is one transaction: the fence by its number, the work between two real keys, the proof, and its checkpoint.
//! How large batches are, and what follows on a failure, is the caller's.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Key, Verification};

use super::error::{DatabaseError, Failure, Trouble};
use super::partitioned::Destination;
use super::target::{Database, Server};

/// How long the questions before the start may take.
const FACTS_TIMEOUT: Duration = Duration::from_secs(120);
const OWN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take to look for the rows of a batch, and for those that came behind: where few need it, that reads the whole
/// range.
pub(super) const SWEEP_TIMEOUT: Duration = Duration::from_secs(12 * 3600);

/// A table that is walked through by a key.
#[derive(Clone, Copy, Debug)]
pub struct Keyed<'a> {
    /// The table, as SQL names it.
    pub table: &'a str,
    /// The columns of the key.
    pub key: &'a [String],
    /// Which rows need it; all without one.
    pub filter: Option<&'a str>,
    /// What is done to them.
    pub change: Change<'a>,
    /// Settings of the session.
    pub settings: &'a BTreeMap<String, String>,
    /// How long one batch may take.
    pub timeout: Duration,
}

/// What is done to the rows of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// The assignments of an UPDATE.
    Set(&'a str),
    /// Statements with `:low` and `:high`, the first and the last key of the batch.
    Sql(&'a str),
    /// The rows are copied into another table.
    Copy {
        /// The table, as SQL names it.
        to: &'a str,
        /// The columns; all of them where empty.
        columns: &'a [String],
        /// How a batch is proved.
        verify: Verification,
    },
}

/// A batch to be done.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// What its session is called and its checkpoint is kept under: one for each stretch of keys.
    pub tag: &'a str,
    /// Its number, larger than those of all batches before it under the tag.
    pub number: u64,
    /// The key before its first one; nothing from the beginning.
    pub after: Option<&'a Key>,
    /// The last key that it may have; nothing to the end.
    pub until: Option<&'a Key>,
    /// How many rows it has, at least one.
    pub rows: u64,
    /// Where nothing is left after the key, look for rows that came behind it.
    pub sweep: Option<Sweep<'a>>,
}

/// Where to look for rows that came behind the batches.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<'a> {
    /// The key before the stretch's first one; nothing from the beginning.
    pub after: Option<&'a Key>,
    /// Whether that is all: what is ahead was walked through in other stretches.
    pub is_all: bool,
}

impl Batch<'_> {
    /// Whether it takes the next rows after its key.
    pub(super) fn goes_forward(&self) -> bool {
        !self.sweep.is_some_and(|sweep| sweep.is_all)
    }
}

/// A batch that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its last key; nothing for rows that came behind the batches before it.
    pub high: Option<Key>,
    /// Its rows.
    pub rows: u64,
}

/// What stands in the target about the last batch under a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The batch's number.
    pub batch: u64,
    /// Its last key; nothing for rows that came behind the batches before it.
    pub high: Option<Key>,
    /// Its rows.
    pub rows: u64,
}

/// A batch that failed, and left nothing; unless the error says that its answer was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFailure {
    /// The error.
    pub error: DatabaseError,
    /// Its last key, where that was known.
    pub high: Option<Key>,
    /// Whether it took too long or waited too long for a lock: fewer rows may work.
    pub is_late: bool,
}

/// What is known of a table before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedFacts {
    /// Rows that need it.
    pub rows: u64,
    /// Whether the rows were estimated and not counted.
    pub is_estimate: bool,
    /// Bytes of the table.
    pub bytes: u64,
    /// Bytes that are free on its disk, where that can be told.
    pub free_bytes: Option<u64>,
}

/// A batch that failed, before anything secret is hidden.
#[derive(Debug)]
pub(super) struct Setback {
    pub failure: Failure,
    pub high: Option<Key>,
    pub is_late: bool,
}

impl From<Failure> for Setback {
    fn from(failure: Failure) -> Setback {
        Setback { failure, high: None, is_late: false }
    }
}

fn by_partition() -> Failure {
    Failure::new(Trouble::Refused, "ClickHouse copies by partition; by a key goes for Postgres and SQLite")
}

/// Somebody else had this batch, or one after it.
pub(super) fn fenced() -> Failure {
    Failure::new(Trouble::Lost, "this batch, or one after it, was done by somebody else")
}

pub(super) fn refused(message: impl Into<String>) -> Failure {
    Failure::new(Trouble::Refused, message)
}

/// A key as the checkpoint keeps it.
pub(super) fn encoded(key: Option<&Key>) -> Option<String> {
    key.map(|key| serde_json::Value::from(key.0.clone()).to_string())
}

/// A key from the checkpoint or from an answer.
pub(super) fn decoded(text: &str) -> Result<Key, Failure> {
    serde_json::from_str(text).map_err(|error| refused(format!("a key cannot be read: {error}")))
}

impl Database {
    /// Looks whether a table can be walked through or copied so, and how large it is. What cannot be is refused, with what to do.
    pub async fn keyed_facts(&self, keyed: &Keyed<'_>) -> Result<KeyedFacts, DatabaseError> {
        let facts = async {
            match &self.server {
                Server::ClickHouse(_) => Err(by_partition()),
                Server::Postgres(server) => server.keyed_facts(keyed).await,
                Server::Sqlite(server) => server.keyed_facts(keyed).await,
            }
        };
        self.bounded(FACTS_TIMEOUT, facts).await
    }

    /// Looks whether the table to fill can take the rows of a copy. What cannot be is refused, with what to do.
    pub async fn keyed_destination(&self, keyed: &Keyed<'_>, destination: Destination) -> Result<(), DatabaseError> {
        if destination == Destination::Changing {
            return Ok(());
        }
        let checked = async {
            match &self.server {
                Server::ClickHouse(_) => Err(by_partition()),
                Server::Postgres(server) => server.keyed_destination(keyed, destination).await,
                Server::Sqlite(server) => server.keyed_destination(keyed, destination).await,
            }
        };
        self.bounded(FACTS_TIMEOUT, checked).await
    }

    /// Real keys that cut a table into at most so many stretches of about the same size, in order; SQLite has one writer.
    pub async fn key_splits(&self, keyed: &Keyed<'_>, lanes: u32) -> Result<Vec<Key>, DatabaseError> {
        let splits = async {
            match &self.server {
                Server::ClickHouse(_) => Err(by_partition()),
                Server::Postgres(server) => server.key_splits(keyed, lanes).await,
                Server::Sqlite(_) => Ok(Vec::new()),
            }
        };
        self.bounded(FACTS_TIMEOUT, splits).await
    }

    /// Does one batch; nothing where nothing is left in its range.
    ///
    /// A caller that drops the future must [`Database::end`] the tag: dropping alone stops no server.
    pub async fn move_batch(&self, keyed: &Keyed<'_>, batch: &Batch<'_>) -> Result<Option<Moved>, BatchFailure> {
        let moved = match &self.server {
            Server::ClickHouse(_) => Err(by_partition().into()),
            Server::Postgres(server) => server.move_batch(keyed, batch).await,
            Server::Sqlite(server) => server.move_batch(keyed, batch).await,
        };
        moved.map_err(|setback| self.tell_setback(setback))
    }

    /// Does a batch and takes it back: its rows, and how long they took.
    pub async fn pilot(
        &self,
        keyed: &Keyed<'_>,
        after: Option<&Key>,
        rows: u64,
    ) -> Result<Option<(u64, Duration)>, BatchFailure> {
        let tag = format!("orchestrate:pilot:{}", uuid::Uuid::now_v7());
        let batch = Batch { tag: &tag, number: 0, after, until: None, rows, sweep: None };
        let tried = match &self.server {
            Server::ClickHouse(_) => Err(by_partition().into()),
            Server::Postgres(server) => server.pilot(keyed, &batch).await,
            Server::Sqlite(server) => server.pilot(keyed, &batch).await,
        };
        tried.map_err(|setback| self.tell_setback(setback))
    }

    /// What the target keeps about the last batch under a tag.
    pub async fn checkpoint(&self, tag: &str) -> Result<Option<Checkpoint>, DatabaseError> {
        let found = async {
            match &self.server {
                Server::ClickHouse(_) => Ok(None),
                Server::Postgres(server) => server.checkpoint(tag).await,
                Server::Sqlite(server) => server.checkpoint(tag).await,
            }
        };
        self.bounded(OWN_TIMEOUT, found).await
    }

    fn tell_setback(&self, setback: Setback) -> BatchFailure {
        BatchFailure { error: self.tell(setback.failure), high: setback.high, is_late: setback.is_late }
    }
}
