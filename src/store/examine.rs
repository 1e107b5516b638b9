//! What a store says of itself to whoever is going to rely on it. Nothing is changed: what is tried is taken back.

use sqlx::{AnyConnection, ConnectOptions, Connection, Row};

use super::engine::{Address, Engine};
use super::error::{Fault, StoreError};
use super::open::within;
use super::{schema, sql};
use crate::model::{ClockReading, Secret};

/// What a store said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// The store, without credentials.
    pub store: String,
    /// The format of its tables; nothing where there are none yet.
    pub format: Option<i64>,
    /// Its clock; nothing where it has none of its own.
    pub clock: Option<ClockReading>,
    /// Why it cannot be written, if it cannot.
    pub unwritable: Option<String>,
}

/// Asks a store for its format and its clock, and tries whether it may be written.
pub async fn examine(url: &Secret) -> Result<Examination, StoreError> {
    sqlx::any::install_default_drivers();
    let Address { engine, options, shown, file } = Address::parse(url)?;
    let nothing = Examination { store: shown.clone(), format: None, clock: None, unwritable: None };
    if let Some(file) = file.filter(|file| matches!(file.try_exists(), Ok(false))) {
        // The folders above are made with the file: the first that is there decides.
        let folder = file.ancestors().skip(1).find(|folder| folder.exists());
        let denied = folder.map(|folder| nix::unistd::access(folder, nix::unistd::AccessFlags::W_OK));
        let unwritable = denied.and_then(Result::err).map(|error| format!("its folder cannot be made: {error}"));
        return Ok(Examination { unwritable, ..nothing });
    }
    let asked = within(engine, &shown, async {
        let mut connection = options.connect().await?;
        sqlx::raw_sql(engine.connection_settings()).execute(&mut connection).await?;
        let format = match sqlx::query(sql::VERSION).fetch_optional(&mut connection).await {
            Ok(row) => row.map(|row| row.try_get(0)).transpose()?,
            Err(error) if engine.has_no_tables(&error) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(format) = format {
            schema::refuse_newer(format, &shown)?;
        }
        let clock = match format {
            Some(_) if engine == Engine::Postgres => Some(clock(&mut connection).await?),
            Some(_) | None => None,
        };
        let tried = attempt(&mut connection, engine, format.is_some()).await;
        let unwritable = tried.err().map(|error| Fault::from(error).told(engine, &shown));
        connection.close().await?;
        Ok(Examination { format, clock, unwritable: unwritable.map(|error| reason(&error)), ..nothing })
    });
    asked.await
}

async fn clock(connection: &mut AnyConnection) -> Result<ClockReading, sqlx::Error> {
    let now_ms = || jiff::Timestamp::now().as_millisecond();
    let before_ms = now_ms();
    let row = sqlx::query(sql::NOW).fetch_one(connection).await?;
    Ok(ClockReading { before_ms, there_ms: row.try_get(0)?, after_ms: now_ms() })
}

/// Writes, and takes it back.
async fn attempt(connection: &mut AnyConnection, engine: Engine, has_tables: bool) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin_with(engine.begin()).await?;
    sqlx::raw_sql(if has_tables { sql::TURN } else { sql::MAKE_STORE }).execute(&mut *tx).await?;
    tx.rollback().await
}

/// What the database said, without the store's name around it.
fn reason(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
