//! Marks: rows in the target that say which statements were done, written in their own transactions.

use sqlx::postgres::{PgConnection, PgQueryResult};

use super::super::error::{Failure, Trouble};
use super::batches;
use super::server::Postgres;
use super::trouble::{Phase, trouble};

const EXISTS: &str = "SELECT to_regclass('orchestrate_marks') IS NOT NULL";
const CREATE: &str = "CREATE TABLE IF NOT EXISTS orchestrate_marks \
                      (tag text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())";
const INSERT: &str = "INSERT INTO orchestrate_marks (tag) VALUES ($1)";
const FIND: &str = "SELECT EXISTS (SELECT FROM orchestrate_marks WHERE tag = $1)";
const FORGET: &str = "DELETE FROM orchestrate_marks WHERE left(tag, length($1)) = $1";
/// `IF NOT EXISTS` does not keep two sessions from creating at once: the later one is told so by one of these.
const CREATED_MEANWHILE: [&str; 3] = [DUPLICATE, "42P07", "42710"];
const DUPLICATE: &str = "23505";

/// Creates the table unless it is there.
pub(super) async fn prepare(session: &mut PgConnection) -> Result<(), Failure> {
    if exists(session).await? {
        return Ok(());
    }
    created(sqlx::raw_sql(CREATE).execute(session).await)
}

/// What became of a table of our own: somebody else may have created it meanwhile.
pub(super) fn created(result: sqlx::Result<PgQueryResult>) -> Result<(), Failure> {
    match result.map_err(|error| trouble(error, Phase::Before)) {
        Err(failure) if failure.code.as_deref().is_some_and(|code| CREATED_MEANWHILE.contains(&code)) => Ok(()),
        created => created.map(|_| ()),
    }
}

/// Leaves a mark, in the transaction of the session if it is in one. Where it stands already, the mark tells more than
/// this failure.
pub(super) async fn leave(session: &mut PgConnection, tag: &str, phase: Phase) -> Result<(), Failure> {
    let left = sqlx::query(INSERT).bind(tag).execute(session).await;
    match left.map_err(|error| trouble(error, phase)) {
        Err(failure) if failure.code.as_deref() == Some(DUPLICATE) => Err(Failure {
            trouble: Trouble::Lost,
            message: "the statement has left its mark already".to_owned(),
            ..failure
        }),
        left => left.map(|_| ()),
    }
}

async fn exists(session: &mut PgConnection) -> Result<bool, Failure> {
    sqlx::query_scalar(EXISTS).fetch_one(session).await.map_err(|error| trouble(error, Phase::Before))
}

impl Postgres {
    pub async fn has_mark(&self, tag: &str) -> Result<bool, Failure> {
        let mut session = self.session().await?;
        let found = exists(&mut session).await?
            && sqlx::query_scalar(FIND)
                .bind(tag)
                .fetch_one(&mut session)
                .await
                .map_err(|error| trouble(error, Phase::Before))?;
        self.keep(session).await;
        Ok(found)
    }

    pub async fn forget_marks(&self, prefix: &str) -> Result<(), Failure> {
        let mut session = self.session().await?;
        if exists(&mut session).await? {
            let forgotten = sqlx::query(FORGET).bind(prefix).execute(&mut session).await;
            forgotten.map_err(|error| trouble(error, Phase::Before))?;
        }
        batches::forget(&mut session, prefix).await?;
        self.keep(session).await;
        Ok(())
    }
}
