//! Questions: one statement in a read-only transaction, its answer as the texts that the server itself writes.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Column as _, Row as _, TypeInfo as _, ValueRef as _};

use crate::model::Engine;
use crate::sql::split::split;

use super::super::answer::{Answer, Cell, Kind};
use super::super::error::{Failure, Trouble};
use super::server::{IDLE_NAME, Postgres};
use super::trouble::{Phase, trouble};

/// The whole session is read-only too, so that no text can leave the transaction and write.
const READ_ONLY: &str = "SET default_transaction_read_only = on";

impl Postgres {
    pub async fn ask(&self, sql: &str, timeout: Duration, rows_max: usize) -> Result<Answer, Failure> {
        let statements = split(sql, Engine::Postgres);
        if statements.len() != 1 {
            let message = format!("a question is one statement, and these are {}", statements.len());
            return Err(Failure::new(Trouble::Refused, message));
        }
        let mut session = self.named(IDLE_NAME, timeout).await?;
        let before = |error| trouble(error, Phase::Before);
        sqlx::raw_sql(READ_ONLY).execute(&mut session).await.map_err(before)?;
        sqlx::raw_sql("BEGIN READ ONLY").execute(&mut session).await.map_err(before)?;
        let answer = read(&mut session, sql, rows_max).await?;
        if answer.rows.len() <= rows_max {
            sqlx::raw_sql("ROLLBACK").execute(&mut session).await.map_err(before)?;
            self.keep(session).await;
        }
        Ok(answer)
    }
}

/// Reads at most one row more than wanted; then the session is in the middle of an answer.
async fn read(session: &mut PgConnection, sql: &str, rows_max: usize) -> Result<Answer, Failure> {
    let within = |error| trouble(error, Phase::Within);
    let mut answer = Answer::default();
    let mut rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch(session);
    while let Some(row) = rows.try_next().await.map_err(within)? {
        if answer.rows.is_empty() {
            answer.columns = row.columns().iter().map(|column| column.name().to_owned()).collect();
        }
        answer.rows.push(cells(&row).map_err(within)?);
        if answer.rows.len() > rows_max {
            break;
        }
    }
    Ok(answer)
}

fn cells(row: &PgRow) -> sqlx::Result<Vec<Cell>> {
    (0..row.len()).map(|at| cell(row, at)).collect()
}

fn cell(row: &PgRow, at: usize) -> sqlx::Result<Cell> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(None);
    }
    let kind = kind(row.column(at).type_info().name());
    let text = value.as_str().map_err(sqlx::Error::Decode)?;
    let text = match (kind, text) {
        (Kind::Boolean, "t") => "true",
        (Kind::Boolean, "f") => "false",
        (_, text) => text,
    };
    Ok(Some((kind, text.to_owned())))
}

fn kind(name: &str) -> Kind {
    match name {
        "BOOL" => Kind::Boolean,
        "INT2" | "INT4" | "INT8" | "OID" => Kind::Integer,
        "FLOAT4" | "FLOAT8" => Kind::Real,
        "NUMERIC" => Kind::Decimal,
        _ => Kind::Text,
    }
}
