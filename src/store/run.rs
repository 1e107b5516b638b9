//! The rows of runs: what they are, where they stand, who holds them.

use std::fmt;
use std::sync::Arc;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Fault, StoreError};
use super::lease::Owner;
use super::{open::Store, sql};
use crate::run::Status;

/// The name of one run, made by whoever begins it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Arc<str>);

impl RunId {
    /// Takes a text as it is.
    pub fn new(text: impl AsRef<str>) -> RunId {
        RunId(Arc::from(text.as_ref()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A run that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id; later runs have greater ones.
    pub id: RunId,
    /// The environment that it changes.
    pub environment: String,
    /// The product.
    pub product: String,
    /// What kind of thing runs.
    pub kind: String,
    /// What runs; at most one unfinished run of an environment and product has this name.
    pub name: String,
}

/// Where a run stands, for lists that do not read journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The status in one word.
    pub status: String,
    /// Whether nothing more will happen by itself or by a person's answer.
    pub is_finished: bool,
    /// When the status was entered, in milliseconds since 1970.
    pub since_ms: i64,
    /// Whatever else lists show, as JSON.
    pub detail: String,
}

impl Summary {
    /// Whether the run did nothing: its checks kept it back, and it is over. It is as if it had never begun.
    pub fn did_nothing(&self) -> bool {
        did_nothing(&self.status, self.is_finished)
    }
}

pub(super) fn did_nothing(status: &str, is_finished: bool) -> bool {
    is_finished && Status::parse(status) == Some(Status::Blocked)
}

/// Who has the right to write a run's journal, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The owner.
    pub owner: Owner,
    /// How long the lease lives if it is not renewed; not above zero when the owner died or froze.
    pub left_ms: i64,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// What it is.
    pub run: NewRun,
    /// When it began, in milliseconds since 1970.
    pub begun_ms: i64,
    /// Where it stands.
    pub summary: Summary,
    /// How many events its journal has.
    pub sequence: i64,
    /// How many owners it has had.
    pub generation: i64,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// What its owner last said of it; empty where nobody owns it.
    pub note: String,
}

/// Which runs to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFilter {
    /// Those of one environment.
    pub environment: Option<String>,
    /// Those of one product.
    pub product: Option<String>,
    /// Those of one name.
    pub name: Option<String>,
    /// Only those that are not finished.
    pub unfinished_only: bool,
    /// How many at most.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> RunFilter {
        RunFilter { environment: None, product: None, name: None, unfinished_only: false, limit: 100 }
    }
}

impl Store {
    /// The runs that a filter lets through, the latest first.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(sql::RUNS)
                .bind(filter.environment.as_deref())
                .bind(filter.product.as_deref())
                .bind(filter.name.as_deref())
                .bind(i64::from(!filter.unfinished_only))
                .bind(i64::from(filter.limit))
                .fetch_all(&self.pool)
                .await?;
            rows.iter().map(row).collect()
        })
        .await
    }

    /// One run.
    pub async fn run(&self, run: &RunId) -> Result<Option<RunRow>, StoreError> {
        self.bounded(async {
            let found = sqlx::query(sql::RUN).bind(run.as_str()).fetch_optional(&self.pool).await?;
            found.as_ref().map(row).transpose()
        })
        .await
    }
}

/// Reads a row of `select_run!`.
pub(super) fn row(row: &AnyRow) -> Result<RunRow, Fault> {
    let holder = match row.try_get::<Option<String>, _>("owner_id")? {
        None => None,
        Some(id) => Some(Holder {
            owner: Owner { id, host: row.try_get("owner_host")?, pid: row.try_get("owner_pid")? },
            left_ms: row.try_get("left_ms")?,
        }),
    };
    Ok(RunRow {
        run: NewRun {
            id: RunId::new(row.try_get::<String, _>("id")?),
            environment: row.try_get("environment")?,
            product: row.try_get("product")?,
            kind: row.try_get("kind")?,
            name: row.try_get("name")?,
        },
        begun_ms: row.try_get("begun_ms")?,
        summary: Summary {
            status: row.try_get("status")?,
            is_finished: row.try_get::<i64, _>("is_finished")? != 0,
            since_ms: row.try_get("since_ms")?,
            detail: row.try_get("detail")?,
        },
        sequence: row.try_get("sequence")?,
        generation: row.try_get("generation")?,
        holder,
        note: row.try_get("note")?,
    })
}
