//! Checkpoints: rows in the file that say which batch of a stretch was the last, written in its own transaction.

use sqlx::{Row as _, SqliteConnection};

use super::super::error::Failure;
use super::super::keyed::{Batch, Checkpoint, Moved, decoded, encoded, fenced};
use super::file::Sqlite;
use super::trouble::trouble;

const EXISTS: &str =
    "SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'orchestrate_batches')";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS main.orchestrate_batches \
                      (tag TEXT PRIMARY KEY, batch INTEGER NOT NULL, high TEXT, rows INTEGER NOT NULL) WITHOUT ROWID";
/// Nothing where this batch, or one after it, stands there.
const FENCE: &str = "INSERT INTO main.orchestrate_batches AS kept (tag, batch, rows) VALUES (?1, ?2, 0) \
                     ON CONFLICT (tag) DO UPDATE SET batch = excluded.batch WHERE kept.batch < excluded.batch";
const LEAVE: &str = "UPDATE main.orchestrate_batches SET high = ?2, rows = ?3 WHERE tag = ?1";
const FIND: &str = "SELECT batch, high, rows FROM main.orchestrate_batches WHERE tag = ?1";
const FORGET: &str = "DELETE FROM main.orchestrate_batches WHERE substr(tag, 1, length(?1)) = ?1";

async fn exists(connection: &mut SqliteConnection) -> Result<bool, Failure> {
    sqlx::query_scalar(EXISTS).fetch_one(connection).await.map_err(|error| trouble(&error))
}

/// Creates the table unless it is there.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), Failure> {
    sqlx::raw_sql(CREATE).execute(connection).await.map(|_| ()).map_err(|error| trouble(&error))
}

/// Takes the batch, in the transaction of the connection.
pub(super) async fn take(connection: &mut SqliteConnection, batch: &Batch<'_>) -> Result<(), Failure> {
    let number = i64::try_from(batch.number).unwrap_or(i64::MAX);
    let taken = sqlx::query(FENCE).bind(batch.tag).bind(number).execute(connection).await;
    if taken.map_err(|error| trouble(&error))?.rows_affected() == 0 { Err(fenced()) } else { Ok(()) }
}

/// Writes what was done.
pub(super) async fn leave(connection: &mut SqliteConnection, batch: &Batch<'_>, moved: &Moved) -> Result<(), Failure> {
    let rows = i64::try_from(moved.rows).unwrap_or(i64::MAX);
    let high = encoded(moved.high.as_ref());
    let left = sqlx::query(LEAVE).bind(batch.tag).bind(high).bind(rows).execute(connection).await;
    left.map(|_| ()).map_err(|error| trouble(&error))
}

/// Forgets those whose tag begins so.
pub(super) async fn forget(connection: &mut SqliteConnection, prefix: &str) -> Result<(), Failure> {
    if exists(connection).await? {
        let forgotten = sqlx::query(FORGET).bind(prefix).execute(connection).await;
        forgotten.map_err(|error| trouble(&error))?;
    }
    Ok(())
}

impl Sqlite {
    pub async fn checkpoint(&self, tag: &str) -> Result<Option<Checkpoint>, Failure> {
        let read = |error| trouble(&error);
        let mut connection = self.connection().await?;
        let mut found = None;
        if exists(&mut connection).await? {
            found = sqlx::query(FIND).bind(tag).fetch_optional(&mut connection).await.map_err(read)?;
        }
        self.keep(connection);
        let Some(row) = found else { return Ok(None) };
        let (batch, high, rows): (i64, Option<String>, i64) =
            (row.try_get(0).map_err(read)?, row.try_get(1).map_err(read)?, row.try_get(2).map_err(read)?);
        let high = high.map(|high| decoded(&high)).transpose()?;
        Ok(Some(Checkpoint { batch: batch.unsigned_abs(), high, rows: rows.unsigned_abs() }))
    }
}
