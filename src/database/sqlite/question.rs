//! Questions: one statement on a connection that may not write, its answer as text.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::model::Engine;
use crate::sql::split::split;

use super::super::answer::{Answer, Cell, Kind};
use super::super::error::{Failure, Trouble};
use super::file::Sqlite;
use super::trouble::trouble;

impl Sqlite {
    pub async fn ask(&self, sql: &str, timeout: Duration, rows_max: usize) -> Result<Answer, Failure> {
        let statements = split(sql, Engine::Sqlite);
        if statements.len() != 1 {
            let message = format!("a question is one statement, and these are {}", statements.len());
            return Err(Failure::new(Trouble::Refused, message));
        }
        let late = |_| Failure::new(Trouble::Timeout, format!("no answer within {timeout:?}"));
        tokio::time::timeout(timeout, self.read_only(sql, rows_max)).await.map_err(late)?
    }

    /// Dropping this in the middle ends the statement: its entry goes with it.
    async fn read_only(&self, sql: &str, rows_max: usize) -> Result<Answer, Failure> {
        let mut connection = self.connection().await?;
        let tag = format!("orchestrate:ask:{}", uuid::Uuid::now_v7());
        let entry = self.running.enter(&tag);
        if let Some(entry) = &entry {
            entry.watch(&mut connection).await.map_err(|error| trouble(&error))?;
        }
        sqlx::raw_sql("PRAGMA query_only = ON").execute(&mut connection).await.map_err(|error| trouble(&error))?;
        // The connection is not used again: it may not write, and may be in the middle of an answer.
        read(&mut connection, sql, rows_max).await
    }
}

async fn read(connection: &mut SqliteConnection, sql: &str, rows_max: usize) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(|error| trouble(&error))? {
        if answer.rows.is_empty() {
            answer.columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
        }
        answer.rows.push(cells(&row).map_err(|error| trouble(&error))?);
        if answer.rows.len() > rows_max {
            break;
        }
    }
    Ok(answer)
}

fn cells(row: &SqliteRow) -> sqlx::Result<Vec<Cell>> {
    (0..row.len()).map(|at| cell(row, at)).collect()
}

fn cell(row: &SqliteRow, at: usize) -> sqlx::Result<Cell> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(None);
    }
    // The value's own type, not the column's: SQLite lets them differ.
    let cell = match value.type_info().name() {
        "INTEGER" => (Kind::Integer, row.try_get_unchecked::<i64, _>(at)?.to_string()),
        "REAL" => (Kind::Real, serde_json::Value::from(row.try_get_unchecked::<f64, _>(at)?).to_string()),
        "BLOB" => (Kind::Text, hexadecimal(&row.try_get_unchecked::<Vec<u8>, _>(at)?)),
        _ => (Kind::Text, String::from_utf8_lossy(&row.try_get_unchecked::<Vec<u8>, _>(at)?).into_owned()),
    };
    Ok(Some(cell))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
