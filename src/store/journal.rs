//! The journal of a run: events in a row without a gap, appended by the holder of its lease alone.

use sqlx::{Any, Row, Transaction};

use super::error::{Fault, StoreError};
use super::lease::Lease;
use super::run::{self, RunId, RunRow, Summary};
use super::{open::Store, sql};

/// Events that are appended at once, with where the run stands after them; appended once, however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    id: String,
    pub(super) at_ms: i64,
    pub(super) summary: Summary,
    events: Vec<String>,
}

impl Batch {
    /// Makes a batch, which is another than every batch before, also where all its contents are the same.
    pub fn new(at_ms: i64, events: Vec<String>, summary: Summary) -> Batch {
        Batch { id: uuid::Uuid::now_v7().to_string(), at_ms, summary, events }
    }

    pub(super) fn length(&self) -> i64 {
        i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }
}

/// An event as it stands in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place, from one.
    pub sequence: i64,
    /// When it happened, in milliseconds since 1970, by its writer's clock.
    pub at_ms: i64,
    /// Which owner wrote it.
    pub generation: i64,
    /// What happened.
    pub body: String,
}

impl Store {
    /// Appends a batch, in one transaction that also checks the generation and the end of the journal.
    ///
    /// Nothing is written unless it succeeds or says [`StoreError::Unavailable`]; then the same batch is to be appended
    /// again with the same lease, and is written once.
    pub async fn append(&self, lease: &mut Lease, batch: &Batch) -> Result<(), StoreError> {
        let end = self.bounded(self.advance(lease, batch)).await?;
        lease.sequence = end;
        Ok(())
    }

    async fn advance(&self, lease: &Lease, batch: &Batch) -> Result<i64, Fault> {
        let end = lease.sequence.saturating_add(batch.length());
        let mut tx = self.write().await?;
        let advanced = sqlx::query(sql::ADVANCE)
            .bind(lease.run.as_str())
            .bind(lease.generation)
            .bind(lease.sequence)
            .bind(end)
            .bind(&batch.summary.status)
            .bind(i64::from(batch.summary.is_finished))
            .bind(batch.summary.since_ms)
            .bind(&batch.summary.detail)
            .execute(&mut *tx)
            .await;
        match advanced {
            Ok(done) if done.rows_affected() == 1 => {
                insert(&mut tx, &lease.run, lease.generation, lease.sequence, batch).await?;
                tx.commit().await?;
                Ok(end)
            }
            Ok(_) => {
                stored_before(&mut tx, lease, batch).await?;
                Ok(end)
            }
            Err(error) if error.as_database_error().is_some_and(|said| said.is_unique_violation()) => {
                tx.rollback().await?;
                Err(self.other_unfinished(&lease.run).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why a finished run cannot go on: another of its name began since.
    async fn other_unfinished(&self, run: &RunId) -> Result<Fault, Fault> {
        let row = sqlx::query(sql::RUN).bind(run.as_str()).fetch_one(&self.pool).await?;
        let RunRow { run: of, .. } = run::row(&row)?;
        let other = sqlx::query(sql::UNFINISHED)
            .bind(&of.environment)
            .bind(&of.product)
            .bind(&of.name)
            .bind(run.as_str())
            .fetch_one(&self.pool)
            .await?;
        let other = RunId::new(other.try_get::<String, _>(0)?);
        Ok(StoreError::AlreadyRunning { run: other, name: of.name }.into())
    }

    /// The events of a run after a place, the earliest first.
    pub async fn events(&self, run: &RunId, after: i64, limit: u32) -> Result<Vec<Recorded>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(sql::EVENTS)
                .bind(run.as_str())
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await?;
            let recorded = rows.iter().map(|row| {
                Ok(Recorded {
                    sequence: row.try_get("sequence")?,
                    at_ms: row.try_get("at_ms")?,
                    generation: row.try_get("generation")?,
                    body: row.try_get("body")?,
                })
            });
            recorded.collect()
        })
        .await
    }
}

/// Writes the events of a batch after a place.
pub(super) async fn insert(
    tx: &mut Transaction<'static, Any>,
    run: &RunId,
    generation: i64,
    after: i64,
    batch: &Batch,
) -> Result<(), Fault> {
    for (sequence, body) in (after.saturating_add(1)..).zip(&batch.events) {
        sqlx::query(sql::INSERT_EVENT)
            .bind(run.as_str())
            .bind(sequence)
            .bind(generation)
            .bind(batch.at_ms)
            .bind(&batch.id)
            .bind(body)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Whether the whole batch stands in the journal right after a place.
pub(super) async fn is_stored(
    tx: &mut Transaction<'static, Any>,
    run: &RunId,
    after: i64,
    batch: &Batch,
) -> Result<bool, Fault> {
    let row = sqlx::query(sql::COUNT_BATCH)
        .bind(run.as_str())
        .bind(&batch.id)
        .bind(after.saturating_add(1))
        .bind(after.saturating_add(batch.length()))
        .fetch_one(&mut **tx)
        .await?;
    Ok(row.try_get::<i64, _>(0)? == batch.length())
}

/// Succeeds if an earlier attempt wrote the batch and its answer was lost, else says why nothing may be written.
async fn stored_before(tx: &mut Transaction<'static, Any>, lease: &Lease, batch: &Batch) -> Result<(), Fault> {
    let run = lease.run.clone();
    let row = sqlx::query(sql::RUN).bind(run.as_str()).fetch_optional(&mut **tx).await?;
    let Some(now) = row.as_ref().map(run::row).transpose()? else {
        return Err(StoreError::NoRun { run }.into());
    };
    if now.generation != lease.generation || now.holder.is_none() {
        return Err(StoreError::LeaseLost { run }.into());
    }
    let end = lease.sequence.saturating_add(batch.length());
    if now.sequence == end && is_stored(tx, &run, lease.sequence, batch).await? {
        return Ok(());
    }
    Err(StoreError::Diverged { run, expected: lease.sequence, found: now.sequence }.into())
}
