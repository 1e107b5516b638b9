//! Requests: what people ask of a run that another process owns. Its owner reads them and journals what it made of them.

use sqlx::Row;

use super::error::StoreError;
use super::run::RunId;
use super::{open::Store, sql};

/// Something that was asked of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its place among the requests of the run, from one.
    pub number: i64,
    /// When it was made, in milliseconds since 1970, by its maker's clock.
    pub at_ms: i64,
    /// What is asked.
    pub body: String,
}

impl Store {
    /// Asks something of a run, and gives the request's number.
    pub async fn request(&self, run: &RunId, body: &str, at_ms: i64) -> Result<i64, StoreError> {
        self.bounded(async {
            let mut tx = self.write().await?;
            let counted = sqlx::query(sql::COUNT_REQUEST).bind(run.as_str()).fetch_optional(&mut *tx).await?;
            let Some(counted) = counted else { return Err(StoreError::NoRun { run: run.clone() }.into()) };
            let number: i64 = counted.try_get(0)?;
            sqlx::query(sql::INSERT_REQUEST)
                .bind(run.as_str())
                .bind(number)
                .bind(at_ms)
                .bind(body)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(number)
        })
        .await
    }

    /// What was asked of a run after a request, the earliest first.
    pub async fn requests(&self, run: &RunId, after: i64) -> Result<Vec<Request>, StoreError> {
        self.bounded(async {
            let rows = sqlx::query(sql::REQUESTS).bind(run.as_str()).bind(after).fetch_all(&self.pool).await?;
            let requests = rows.iter().map(|row| {
                Ok(Request { number: row.try_get("number")?, at_ms: row.try_get("at_ms")?, body: row.try_get("body")? })
            });
            requests.collect()
        })
        .await
    }
}
