//! Checkpoints: rows in the target that say which batch of a stretch was the last, written in its own transaction.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::super::error::Failure;
use super::super::keyed::{Batch, Checkpoint, Moved, decoded, encoded, fenced};
use super::marks::created;
use super::server::Postgres;
use super::trouble::{Phase, trouble};

const EXISTS: &str = "SELECT to_regclass('orchestrate_batches') IS NOT NULL";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS orchestrate_batches \
                      (tag text PRIMARY KEY, batch bigint NOT NULL, high text, rows bigint NOT NULL)";
/// Nothing where this batch, or one after it, stands there; else the table with its schema.
const FENCE: &str = "INSERT INTO orchestrate_batches AS kept (tag, batch, rows) VALUES ($1, $2, 0) \
    ON CONFLICT (tag) DO UPDATE SET batch = excluded.batch WHERE kept.batch < excluded.batch \
    RETURNING (SELECT format('%I.%I', nspname, relname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
    WHERE pg_class.oid = 'orchestrate_batches'::regclass)";
const FIND: &str = "SELECT batch, high, rows FROM orchestrate_batches WHERE tag = $1";
const FORGET: &str = "DELETE FROM orchestrate_batches WHERE left(tag, length($1)) = $1";

async fn exists(session: &mut PgConnection) -> Result<bool, Failure> {
    sqlx::query_scalar(EXISTS).fetch_one(session).await.map_err(|error| trouble(error, Phase::Before))
}

/// Creates the table unless it is there.
pub(super) async fn prepare(session: &mut PgConnection) -> Result<(), Failure> {
    if exists(session).await? { Ok(()) } else { created(sqlx::raw_sql(CREATE).execute(session).await) }
}

/// Takes the batch, in the transaction of the session: where its checkpoint stands, whatever path is set later.
pub(super) async fn take(session: &mut PgConnection, batch: &Batch<'_>) -> Result<String, Failure> {
    let number = i64::try_from(batch.number).unwrap_or(i64::MAX);
    let taken = sqlx::query_scalar(FENCE).bind(batch.tag).bind(number).fetch_optional(session).await;
    taken.map_err(|error| trouble(error, Phase::Before))?.ok_or_else(fenced)
}

/// Writes what was done.
pub(super) async fn leave(
    session: &mut PgConnection,
    table: &str,
    batch: &Batch<'_>,
    moved: &Moved,
) -> Result<(), Failure> {
    let rows = i64::try_from(moved.rows).unwrap_or(i64::MAX);
    let leave = AssertSqlSafe(format!("UPDATE {table} SET high = $2, rows = $3 WHERE tag = $1"));
    let left = sqlx::query(leave).bind(batch.tag).bind(encoded(moved.high.as_ref())).bind(rows).execute(session).await;
    left.map(|_| ()).map_err(|error| trouble(error, Phase::Within))
}

/// Forgets those whose tag begins so.
pub(super) async fn forget(session: &mut PgConnection, prefix: &str) -> Result<(), Failure> {
    if exists(session).await? {
        let forgotten = sqlx::query(FORGET).bind(prefix).execute(session).await;
        forgotten.map_err(|error| trouble(error, Phase::Before))?;
    }
    Ok(())
}

impl Postgres {
    pub async fn checkpoint(&self, tag: &str) -> Result<Option<Checkpoint>, Failure> {
        let before = |error| trouble(error, Phase::Before);
        let mut session = self.session().await?;
        let mut found = None;
        if exists(&mut session).await? {
            found = sqlx::query(FIND).bind(tag).fetch_optional(&mut session).await.map_err(before)?;
        }
        self.keep(session).await;
        let Some(row) = found else { return Ok(None) };
        let (batch, high, rows): (i64, Option<String>, i64) =
            (row.try_get(0).map_err(before)?, row.try_get(1).map_err(before)?, row.try_get(2).map_err(before)?);
        let high = high.map(|high| decoded(&high)).transpose()?;
        Ok(Some(Checkpoint { batch: batch.unsigned_abs(), high, rows: rows.unsigned_abs() }))
    }
}
