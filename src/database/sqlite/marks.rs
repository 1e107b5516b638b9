//! Marks: rows in the file that say which statements were done, written in their own transactions.

use sqlx::SqliteConnection;

use super::super::error::{Failure, Trouble};
use super::batches;
use super::file::Sqlite;
use super::trouble::trouble;

const EXISTS: &str =
    "SELECT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = 'orchestrate_marks')";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS main.orchestrate_marks \
                      (tag TEXT PRIMARY KEY, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID";
const INSERT: &str = "INSERT INTO main.orchestrate_marks (tag) VALUES (?1)";
const FIND: &str = "SELECT EXISTS (SELECT 1 FROM main.orchestrate_marks WHERE tag = ?1)";
const FORGET: &str = "DELETE FROM main.orchestrate_marks WHERE substr(tag, 1, length(?1)) = ?1";
const DUPLICATE: &str = "1555";

/// Creates the table unless it is there.
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), Failure> {
    sqlx::raw_sql(CREATE).execute(connection).await.map(|_| ()).map_err(|error| trouble(&error))
}

/// Leaves a mark, in the transaction of the connection if it is in one.
pub(super) async fn leave(connection: &mut SqliteConnection, tag: &str) -> Result<(), Failure> {
    let left = sqlx::query(INSERT).bind(tag).execute(connection).await;
    match left.map_err(|error| trouble(&error)) {
        Err(failure) if failure.code.as_deref() == Some(DUPLICATE) => Err(Failure {
            trouble: Trouble::Lost,
            message: "the statement has left its mark already".to_owned(),
            ..failure
        }),
        left => left.map(|_| ()),
    }
}

async fn exists(connection: &mut SqliteConnection) -> Result<bool, Failure> {
    sqlx::query_scalar(EXISTS).fetch_one(connection).await.map_err(|error| trouble(&error))
}

impl Sqlite {
    pub async fn has_mark(&self, tag: &str) -> Result<bool, Failure> {
        let mut connection = self.connection().await?;
        let found = exists(&mut connection).await?
            && sqlx::query_scalar(FIND).bind(tag).fetch_one(&mut connection).await.map_err(|error| trouble(&error))?;
        self.keep(connection);
        Ok(found)
    }

    pub async fn forget_marks(&self, prefix: &str) -> Result<(), Failure> {
        let mut connection = self.connection().await?;
        if exists(&mut connection).await? {
            let forgotten = sqlx::query(FORGET).bind(prefix).execute(&mut connection).await;
            forgotten.map_err(|error| trouble(&error))?;
        }
        batches::forget(&mut connection, prefix).await?;
        self.keep(connection);
        Ok(())
    }
}
