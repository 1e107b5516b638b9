//! Tables of ClickHouse partition by partition: what is to be copied or changed, and what is known about it before.
//!
//! How a partition gets into the other table stands in `clickhouse/partition.rs`, how it is changed in `clickhouse/mutation.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::model::{Engine, Verification};

use super::clickhouse::{Attempt, Mutation, facts, mutation, partition};
use super::error::DatabaseError;
use super::target::Database;

/// A copy of one table into another, all templates rendered.
#[derive(Clone, Copy, Debug)]
pub struct TableCopy<'a> {
    /// The table to read, as a statement would name it.
    pub from: &'a str,
    /// The table to fill, as a statement would name it.
    pub to: &'a str,
    /// The columns; where empty, all that both have.
    pub columns: &'a [String],
    /// A condition on the rows.
    pub filter: Option<&'a str>,
    /// Whether rows that a merge would take away are left out.
    pub is_final: bool,
    /// How each partition is proved before it enters.
    pub verify: Verification,
    /// Settings of every statement.
    pub settings: &'a BTreeMap<String, String>,
    /// How long one partition may take.
    pub timeout: Duration,
}

/// A change of the rows of a table, all templates rendered.
#[derive(Clone, Copy, Debug)]
pub struct PartitionUpdate<'a> {
    /// The table, as a statement would name it.
    pub table: &'a str,
    /// The assignments.
    pub set: &'a str,
    /// A condition on the rows.
    pub filter: Option<&'a str>,
    /// Settings of every statement.
    pub settings: &'a BTreeMap<String, String>,
    /// How long one partition may take.
    pub timeout: Duration,
}

/// Whether a partition that is copied may still enter.
#[derive(Clone, Copy)]
pub struct Leave<'a> {
    /// Looked at between the statements.
    pub cancel: &'a CancellationToken,
    /// Asked right before it enters, and true where it may: whoever was frozen may have been replaced meanwhile.
    pub confirm: &'a (dyn Fn() -> BoxFuture<'a, bool> + Send + Sync),
}

impl<'a> Leave<'a> {
    /// It may, unless this is cancelled.
    pub fn unless(cancel: &'a CancellationToken) -> Leave<'a> {
        Leave { cancel, confirm: &|| Box::pin(std::future::ready(true)) }
    }
}

/// One partition of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// As `system.parts` calls it: `202401`, `all`, a hash.
    pub id: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes on disk.
    pub bytes: u64,
    /// Its last block of rows: it grows with every insert, and not with merges.
    pub block: i64,
}

/// What is expected of the table to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// It need not be there yet; where it is, it holds no rows.
    Later,
    /// It is there and holds no rows.
    Empty,
    /// It is there, and the rows in it are those of this copy.
    Ours,
    /// It will be another one by then: it is judged when its turn comes.
    Changing,
}

/// What is known about a copy that can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyFacts {
    /// The partitions of the table to read, by id.
    pub partitions: Vec<Partition>,
    /// Bytes needed on the disks of the table to fill, at most.
    pub bytes: u64,
    /// Bytes free on those disks, where the server tells.
    pub free_bytes: Option<u64>,
}

impl Database {
    /// Judges a copy before anything is done: refused with the reason and what to do, or what it takes.
    pub async fn copy_facts(&self, copy: &TableCopy<'_>, destination: Destination) -> Result<CopyFacts, DatabaseError> {
        self.partitions_only()?;
        facts::judge(self, copy, destination).await
    }

    /// The partitions of a table that hold rows, by id.
    pub async fn partitions(&self, table: &str) -> Result<Vec<Partition>, DatabaseError> {
        self.partitions_only()?;
        facts::list(self, table).await
    }

    /// Copies one partition, all of it or nothing; the rows that are in it then. Doing it again gives the same.
    ///
    /// Staging tables begin with `staging` and an underscore; those of earlier attempts are dropped. Each attempt has its own text.
    /// All statements have the tag. Without leave it stops between them; what runs then is ended by [`Database::end`].
    /// Rows or checksums that differ are [`Trouble::Transient`](super::Trouble::Transient).
    pub async fn copy_partition(
        &self,
        copy: &TableCopy<'_>,
        id: &str,
        tag: &str,
        staging: &str,
        attempt: &str,
        leave: Leave<'_>,
    ) -> Result<u64, DatabaseError> {
        self.partitions_only()?;
        partition::copy(self, &Attempt { copy, id, tag, staging, attempt }, leave).await
    }

    /// Drops the staging tables that begin so, beside the table to fill.
    pub async fn drop_staging(&self, to: &str, staging: &str) -> Result<(), DatabaseError> {
        self.partitions_only()?;
        partition::drop_staging(self, to, staging).await
    }

    /// Copies so many rows of the largest partition into a staging table that is dropped again: how many, and how long it took.
    ///
    /// Nothing where one of the tables is not there yet, or nothing was found within half a minute.
    pub async fn pilot_copy(
        &self,
        copy: &TableCopy<'_>,
        rows: u64,
        staging: &str,
    ) -> Result<Option<(u64, Duration)>, DatabaseError> {
        self.partitions_only()?;
        partition::pilot(self, copy, rows, staging).await
    }

    /// Judges a change before anything is done: refused with the reason and what to do, or what it takes.
    pub async fn update_facts(&self, update: &PartitionUpdate<'_>) -> Result<CopyFacts, DatabaseError> {
        self.partitions_only()?;
        facts::judge_changed(self, update).await
    }

    /// Changes one partition and waits until that is done. One that was begun under the tag is waited for and not begun again.
    ///
    /// What is stopped by `cancel`, fails or takes too long is ended on the server.
    pub async fn update_partition(
        &self,
        update: &PartitionUpdate<'_>,
        id: &str,
        tag: &str,
        cancel: &CancellationToken,
    ) -> Result<(), DatabaseError> {
        self.partitions_only()?;
        mutation::run(self, &Mutation { update, id, tag }, cancel).await
    }

    /// Ends the change of a partition that was begun under a tag.
    pub async fn end_update(&self, table: &str, tag: &str) -> Result<(), DatabaseError> {
        self.partitions_only()?;
        mutation::end(self, table, tag).await
    }

    fn partitions_only(&self) -> Result<(), DatabaseError> {
        match self.engine() {
            Engine::ClickHouse => Ok(()),
            Engine::Postgres | Engine::Sqlite => Err(self.refuse("only ClickHouse has partitions to go by")),
        }
    }
}
