//! The tables of a store: made once, brought up to date by whoever opens it first, refused when newer.

use sqlx::{AnyConnection, Connection, Row};

use super::engine::Engine;
use super::error::{Fault, StoreError};
use super::sql;

/// The changes of the tables, in order; the place of a change is the format that it leads to.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_runs.sql")];

/// The newest format that this program knows.
pub(super) const NEWEST: i64 = 1;

/// Brings the tables up to date, in one transaction; many processes may do it at once.
pub(super) async fn migrate(connection: &mut AnyConnection, engine: Engine, store: &str) -> Result<(), Fault> {
    // A store that is up to date is opened without waiting for anybody's lock.
    if let Ok(row) = sqlx::query(sql::VERSION).fetch_one(&mut *connection).await
        && row.try_get::<i64, _>(0)? == NEWEST
    {
        return Ok(());
    }
    let mut tx = connection.begin_with(engine.begin()).await?;
    if let Some(lock) = engine.only_one() {
        sqlx::query(lock).execute(&mut *tx).await?;
    }
    sqlx::raw_sql(sql::MAKE_STORE).execute(&mut *tx).await?;
    let found = match sqlx::query(sql::VERSION).fetch_optional(&mut *tx).await? {
        Some(row) => row.try_get(0)?,
        None => {
            sqlx::query(sql::FIRST_VERSION).bind(uuid::Uuid::now_v7().to_string()).execute(&mut *tx).await?;
            sqlx::raw_sql(engine.clock()).execute(&mut *tx).await?;
            0
        }
    };
    refuse_newer(found, store)?;
    for (format, migration) in (1_i64..).zip(MIGRATIONS) {
        if format > found {
            sqlx::raw_sql(migration).execute(&mut *tx).await?;
        }
    }
    sqlx::query(sql::SET_VERSION).bind(NEWEST).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Refuses a store that a newer version of the program wrote.
pub(super) fn refuse_newer(found: i64, store: &str) -> Result<(), StoreError> {
    if found > NEWEST {
        return Err(StoreError::NewerStore { store: store.to_owned(), found, known: NEWEST });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_format_is_that_of_the_last_migration() {
        assert_eq!(usize::try_from(NEWEST), Ok(MIGRATIONS.len()));
    }
}
