//! Opening a store, and the bounds that every question to it has.

use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Connection, Row, Transaction};
use tokio::time::Instant;

use super::engine::{Address, Engine};
use super::error::{Failure, Fault, StoreError};
use super::{schema, sql};
use crate::model::Secret;

/// Enough for a journal, a heartbeat and those who watch; a server shared by many programs is not used up.
const CONNECTIONS_MAX: u32 = 4;
/// Enough for no two environments to be taken for each other, and short enough to be compared by eye.
const IDENTITY_BYTES: usize = 10;
/// How long to wait for one of them.
const ACQUIRE_MAX: Duration = Duration::from_secs(5);
/// How long any question may take; longer than the databases' own limits, which say more.
const ANSWER_MAX: Duration = Duration::from_secs(7);
/// How long a connection that was used may take to show that it lives.
const SIGN_OF_LIFE_MAX: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is tried before it is used.
const IDLE_TRUSTED: Duration = Duration::from_secs(1);
/// Between two attempts to switch a fresh file over while another process does the same.
const SWITCH_PAUSE: Duration = Duration::from_millis(10);

/// A place where runs are kept; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) pool: AnyPool,
    engine: Engine,
    shown: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.shown).finish()
    }
}

impl Store {
    /// Opens `sqlite://path` (a path as it is, without escapes; made if it is missing, with its folder) or `postgres://…`, and brings its tables up to date.
    pub async fn open(url: &Secret) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let Address { engine, options, shown, file } = Address::parse(url)?;
        if let Some(folder) = file.as_deref().and_then(Path::parent) {
            std::fs::create_dir_all(folder).map_err(|error| StoreError::Refused {
                store: shown.clone(),
                source: Failure::new(format!("the folder {} cannot be made: {error}", folder.display())),
            })?;
        }
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_MAX)
            .test_before_acquire(false)
            .before_acquire(|connection, idle| {
                Box::pin(async move {
                    if idle.idle_for > IDLE_TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            // A line that went silent in the middle of a question is left at once, not when TCP gives it up.
            .after_release(|connection, _| {
                Box::pin(async move {
                    Ok(tokio::time::timeout(SIGN_OF_LIFE_MAX, connection.ping()).await.is_ok_and(|pong| pong.is_ok()))
                })
            })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql(engine.connection_settings()).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options.clone());
        let store = Store { pool, engine, shown };
        store
            .bounded(async {
                let mut connection = options.connect().await?;
                sqlx::raw_sql(engine.connection_settings()).execute(&mut connection).await?;
                settle(&mut connection, engine).await?;
                schema::migrate(&mut connection, engine, &store.shown).await?;
                Ok(connection.close().await?)
            })
            .await?;
        Ok(store)
    }

    /// The identity of what is administered with this store, made once with the store.
    pub async fn installation(&self) -> Result<String, StoreError> {
        self.bounded(async { Ok(sqlx::query(sql::INSTALLATION).fetch_one(&self.pool).await?.try_get(0)?) }).await
    }

    /// The identity of an environment that is administered with this store: made with the store, kept for ever, and like
    /// that of no other environment or store. It tells nothing of either.
    pub async fn identity(&self, environment: &str) -> Result<String, StoreError> {
        let installation = self.installation().await?;
        let digest = Sha256::digest(format!("{installation}\0{environment}"));
        Ok(digest.iter().take(IDENTITY_BYTES).map(|byte| format!("{byte:02x}")).collect())
    }

    /// Closes the connections; what was acknowledged is kept without it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    /// Begins a transaction that writes.
    pub(super) async fn write(&self) -> Result<Transaction<'static, Any>, Fault> {
        Ok(self.pool.begin_with(self.engine.begin()).await?)
    }

    /// Does something within the time that an answer may take, and names the store in its error.
    pub(super) async fn bounded<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, StoreError> {
        within(self.engine, &self.shown, work).await
    }
}

/// Does something within the time that an answer may take; `store` is the store's URL without credentials, for its error.
pub(super) async fn within<T>(
    engine: Engine,
    store: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(ANSWER_MAX, work).await {
        Ok(done) => done.map_err(|fault| fault.told(engine, store)),
        Err(_) => Err(StoreError::Unavailable {
            store: store.to_owned(),
            source: Failure::new(format!("no answer within {} s", ANSWER_MAX.as_secs())),
        }),
    }
}

/// Sets what is set once for a store. SQLite does not wait for the lock that a switch to its write-ahead log needs.
async fn settle(connection: &mut AnyConnection, engine: Engine) -> Result<(), Fault> {
    let Some(settings) = engine.file_settings() else { return Ok(()) };
    let until = Instant::now() + ACQUIRE_MAX;
    while let Err(error) = sqlx::raw_sql(settings).execute(&mut *connection).await {
        let is_busy = error.as_database_error().and_then(|said| said.code()).is_some_and(|code| code == "5");
        if !is_busy || Instant::now() >= until {
            return Err(error.into());
        }
        tokio::time::sleep(SWITCH_PAUSE).await;
    }
    Ok(())
}
