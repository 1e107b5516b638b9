//! Where everything stands, asked in one message over a connection of its own: for those who start while others wait.
//!
//! It makes no store and changes none: where no store is, nothing was ever begun.

use sqlx::any::AnyRow;
use sqlx::{ConnectOptions, Connection, Row};

use super::engine::Address;
use super::error::{Fault, StoreError};
use super::open::within;
use super::run::{self, RunId};
use super::{schema, sql};
use crate::model::Secret;

/// Where the latest run of something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The run.
    pub run: RunId,
    /// The environment that it changes.
    pub environment: String,
    /// The product.
    pub product: String,
    /// What kind of thing runs.
    pub kind: String,
    /// What runs.
    pub name: String,
    /// The status in one word.
    pub status: String,
    /// Whether nothing more will happen by itself or by a person's answer.
    pub is_finished: bool,
    /// When the status was entered, in milliseconds since 1970.
    pub since_ms: i64,
    /// Whatever else lists show, as JSON.
    pub detail: String,
    /// Whether somebody holds it, and lives.
    pub is_held: bool,
}

impl Standing {
    /// Whether the run did nothing: its checks kept it back, and it is over. It is as if it had never begun.
    pub fn did_nothing(&self) -> bool {
        run::did_nothing(&self.status, self.is_finished)
    }
}

/// The latest run of everything that a store keeps, in no order; nothing where there is no store yet. One that did nothing
/// counts only where no other ever did anything.
pub async fn standings(url: &Secret) -> Result<Vec<Standing>, StoreError> {
    sqlx::any::install_default_drivers();
    let Address { engine, options, shown, file } = Address::parse(url)?;
    if file.is_some_and(|file| matches!(file.try_exists(), Ok(false))) {
        return Ok(Vec::new());
    }
    let asked = within(engine, &shown, async {
        let mut connection = options.connect().await?;
        let rows = sqlx::raw_sql(sql::STANDINGS).fetch_all(&mut connection).await;
        let rows = match rows {
            Err(error) if engine.has_no_tables(&error) => Vec::new(),
            rows => rows?,
        };
        let read = read(&rows, &shown)?;
        connection.close().await?;
        Ok(read)
    });
    asked.await
}

fn read(rows: &[AnyRow], store: &str) -> Result<Vec<Standing>, Fault> {
    if let Some(row) = rows.first() {
        let found = row.try_get(0)?;
        schema::refuse_newer(found, store)?;
    }
    let is_run = |row: &&AnyRow| !matches!(row.try_get::<Option<String>, _>("id"), Ok(None));
    rows.iter().filter(is_run).map(standing).collect()
}

fn standing(row: &AnyRow) -> Result<Standing, Fault> {
    Ok(Standing {
        run: RunId::new(row.try_get::<String, _>("id")?),
        environment: row.try_get("environment")?,
        product: row.try_get("product")?,
        kind: row.try_get("kind")?,
        name: row.try_get("name")?,
        status: row.try_get("status")?,
        is_finished: row.try_get::<i64, _>("is_finished")? != 0,
        since_ms: row.try_get("since_ms")?,
        detail: row.try_get("detail")?,
        is_held: row.try_get::<i64, _>("left_ms")? > 0,
    })
}
