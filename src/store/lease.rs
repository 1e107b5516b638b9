//! Leases: who may write a run's journal, by the database's clock, and the generation that fences whoever was replaced.
//!
//! The clock decides only when an owner may be replaced. That a replaced owner writes nothing is decided by the
//! generation, in the transaction of each write.

use std::fmt;
use std::time::Duration;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Row, Transaction};

use super::error::{Fault, StoreError};
use super::journal::{self, Batch};
use super::run::{self, NewRun, RunId};
use super::{open::Store, sql};

/// How long a lease lives if it is not renewed.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often its owner renews it.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// The kind of runs that a limit counts and holds back: whatever contains them holds its lease meanwhile.
const LIMITED: &str = "migration";

/// A process that may hold leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its identity, never used again by another process.
    pub id: String,
    /// The machine that it runs on, for people.
    pub host: String,
    /// Its number there, for people.
    pub pid: i64,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// The right to write a run's journal; every append and every renewal prolongs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) run: RunId,
    pub(super) generation: i64,
    pub(super) sequence: i64,
}

impl Lease {
    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// How many owners the run has had, this one included.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// Where the journal ends: the place of its last event.
    pub fn sequence(&self) -> i64 {
        self.sequence
    }

    /// What renews this lease, for a task of its own.
    pub fn heartbeat(&self) -> Heartbeat {
        Heartbeat { run: self.run.clone(), generation: self.generation }
    }
}

/// What renews a lease, and can do nothing else with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    run: RunId,
    generation: i64,
}

impl Store {
    /// Begins a run: it stands in the store with its first events, held by `owner`, or nothing does.
    ///
    /// Refused as [`StoreError::AlreadyRunning`], or as [`StoreError::Busy`] when it is a migration and `concurrent_max`
    /// migrations of the environment have an owner. The same call repeated after a lost answer gives the lease that it made.
    pub async fn begin(
        &self,
        run: &NewRun,
        first: &Batch,
        owner: &Owner,
        lease: Duration,
        concurrent_max: u32,
    ) -> Result<Lease, StoreError> {
        self.bounded(async {
            let mut tx = self.write().await?;
            take_turn(&mut tx).await?;
            if let Some(lease) = begun_before(&mut tx, run, first, owner).await? {
                return Ok(lease);
            }
            let unfinished = sqlx::query(sql::UNFINISHED)
                .bind(&run.environment)
                .bind(&run.product)
                .bind(&run.name)
                .bind(run.id.as_str())
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(row) = unfinished {
                let id = RunId::new(row.try_get::<String, _>(0)?);
                return Err(StoreError::AlreadyRunning { run: id, name: run.name.clone() }.into());
            }
            refuse_if_busy(&mut tx, run, concurrent_max).await?;
            insert(&mut tx, run, first, owner, lease).await?;
            journal::insert(&mut tx, &run.id, 1, 0, first).await?;
            tx.commit().await?;
            Ok(Lease { run: run.id.clone(), generation: 1, sequence: first.length() })
        })
        .await
    }

    /// Takes a run that has no owner, or whose owner's lease has run out.
    ///
    /// Refused as [`StoreError::Held`], or as [`StoreError::Busy`] when it is a migration and `concurrent_max` others of
    /// the environment have an owner.
    pub async fn take(
        &self,
        run: &RunId,
        owner: &Owner,
        lease: Duration,
        concurrent_max: u32,
    ) -> Result<Lease, StoreError> {
        self.bounded(async {
            let mut tx = self.write().await?;
            take_turn(&mut tx).await?;
            let taken = sqlx::query(sql::TAKE)
                .bind(run.as_str())
                .bind(&owner.id)
                .bind(&owner.host)
                .bind(owner.pid)
                .bind(milliseconds(lease))
                .fetch_optional(&mut *tx)
                .await?;
            let now = sqlx::query(sql::RUN).bind(run.as_str()).fetch_optional(&mut *tx).await?;
            let Some(now) = now.as_ref().map(run::row).transpose()? else {
                return Err(StoreError::NoRun { run: run.clone() }.into());
            };
            let Some(taken) = taken else {
                let Some(holder) = now.holder else {
                    return Err(StoreError::LeaseLost { run: run.clone() }.into());
                };
                let for_ms = holder.left_ms.max(0);
                return Err(StoreError::Held { run: run.clone(), owner: holder.owner, for_ms }.into());
            };
            refuse_if_busy(&mut tx, &now.run, concurrent_max).await?;
            let lease = Lease { run: run.clone(), generation: taken.try_get(0)?, sequence: taken.try_get(1)? };
            tx.commit().await?;
            Ok(lease)
        })
        .await
    }

    /// Prolongs a lease by its whole length, also one that ran out, as long as nobody took the run. The note is for
    /// whoever looks at the run from outside.
    pub async fn renew(&self, lease: &Heartbeat, note: &str) -> Result<(), StoreError> {
        let renewal = sqlx::query(sql::RENEW).bind(lease.run.as_str()).bind(lease.generation).bind(note);
        self.hold(renewal, &lease.run).await
    }

    /// Gives a lease back, so that others need not wait for its end; may be repeated after a lost answer.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let release = sqlx::query(sql::RELEASE).bind(lease.run.as_str()).bind(lease.generation);
        self.hold(release, &lease.run).await
    }

    async fn hold(&self, statement: Query<'_, Any, AnyArguments>, run: &RunId) -> Result<(), StoreError> {
        self.bounded(async {
            let done = statement.execute(&self.pool).await?;
            match done.rows_affected() {
                0 => Err(StoreError::LeaseLost { run: run.clone() }.into()),
                _ => Ok(()),
            }
        })
        .await
    }
}

/// Waits for the turn to look at several runs, or at the settings, and to change them.
pub(super) async fn take_turn(tx: &mut Transaction<'static, Any>) -> Result<(), Fault> {
    sqlx::query(sql::TURN).execute(&mut **tx).await?;
    Ok(())
}

async fn begun_before(
    tx: &mut Transaction<'static, Any>,
    run: &NewRun,
    first: &Batch,
    owner: &Owner,
) -> Result<Option<Lease>, Fault> {
    let found = sqlx::query(sql::RUN).bind(run.id.as_str()).fetch_optional(&mut **tx).await?;
    let Some(found) = found.as_ref().map(run::row).transpose()? else { return Ok(None) };
    let sequence = first.length();
    let is_same = found.generation == 1
        && found.sequence == sequence
        && found.holder.is_some_and(|holder| holder.owner == *owner)
        && journal::is_stored(tx, &run.id, 0, first).await?;
    if is_same {
        return Ok(Some(Lease { run: run.id.clone(), generation: 1, sequence }));
    }
    Err(StoreError::AlreadyRunning { run: run.id.clone(), name: run.name.clone() }.into())
}

async fn refuse_if_busy(tx: &mut Transaction<'static, Any>, run: &NewRun, limit: u32) -> Result<(), Fault> {
    if run.kind != LIMITED {
        return Ok(());
    }
    let others = sqlx::query(sql::IN_PROGRESS).bind(&run.environment).bind(run.id.as_str()).bind(LIMITED);
    let others = others.fetch_all(&mut **tx).await?;
    let running = others.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    if running.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
        return Ok(());
    }
    Err(StoreError::Busy { running, limit }.into())
}

async fn insert(
    tx: &mut Transaction<'static, Any>,
    run: &NewRun,
    first: &Batch,
    owner: &Owner,
    lease: Duration,
) -> Result<(), Fault> {
    let summary = &first.summary;
    sqlx::query(sql::INSERT_RUN)
        .bind(run.id.as_str())
        .bind(&run.environment)
        .bind(&run.product)
        .bind(&run.kind)
        .bind(&run.name)
        .bind(first.at_ms)
        .bind(&summary.status)
        .bind(i64::from(summary.is_finished))
        .bind(summary.since_ms)
        .bind(&summary.detail)
        .bind(first.length())
        .bind(&owner.id)
        .bind(&owner.host)
        .bind(owner.pid)
        .bind(milliseconds(lease))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
