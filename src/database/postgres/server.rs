//! The server: statements with their transaction and mark, and what runs there under a tag.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::model::Engine;
use crate::sql::split::{Single, split};

use super::super::error::{Failure, Trouble};
use super::super::idle::Idle;
use super::super::location::Parts;
use super::super::statement::{Effect, Statement};
use super::super::tag;
use super::trouble::{Phase, trouble};
use super::{marks, session};

/// What sessions are called that act for no statement.
pub(super) const IDLE_NAME: &str = "orchestrate";
const OWN_TIMEOUT: Duration = Duration::from_secs(20);
const RUNNING: &str = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1)";
const CANCEL: &str = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
const TERMINATE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
const IN_TRANSACTION: &str = "25001";
/// How long a cancelled statement may take to go before its session is ended.
const CANCEL_WAIT: Duration = Duration::from_secs(5);
const POLL_FIRST: Duration = Duration::from_millis(20);
const POLL_MAX: Duration = Duration::from_millis(500);
/// How often a waiting statement is looked for: the driver sets no keep-alive, and a dead connection is silent.
const WATCH: Duration = Duration::from_secs(60);

/// A server and the database in it.
pub(in crate::database) struct Postgres {
    options: PgConnectOptions,
    idle: Idle<PgConnection>,
    /// Whether the table of marks is there; a failure makes it unknown again.
    has_marks: AtomicBool,
    /// The same for the table of checkpoints.
    has_batches: AtomicBool,
}

impl Postgres {
    pub fn open(parts: &Parts) -> Result<Postgres, Failure> {
        let unknown = || AtomicBool::new(false);
        Ok(Postgres {
            options: session::options(parts)?,
            idle: Idle::new(),
            has_marks: unknown(),
            has_batches: unknown(),
        })
    }

    pub async fn run(&self, statement: &Statement<'_>) -> Result<Effect, Failure> {
        let statements = split(statement.sql, Engine::Postgres);
        check(&statements, statement.transaction)?;
        let result = self.run_in_session(statement, &statements).await;
        self.has_marks.fetch_and(result.is_ok(), Ordering::Relaxed);
        result
    }

    async fn run_in_session(&self, statement: &Statement<'_>, statements: &[Single<'_>]) -> Result<Effect, Failure> {
        let mut session = self.named(&tag::application_name(statement.tag), statement.timeout).await?;
        if statement.mark && !self.has_marks.load(Ordering::Relaxed) {
            marks::prepare(&mut session).await?;
            self.has_marks.store(true, Ordering::Relaxed);
        }
        let work = async {
            if statement.transaction {
                whole(&mut session, statement).await
            } else {
                one_by_one(&mut session, statement, statements).await
            }
        };
        let rows_affected = tokio::select! {
            result = work => result?,
            failure = self.watch(statement.tag) => return Err(failure),
        };
        self.keep(session).await;
        Ok(Effect { rows_affected: Some(rows_affected) })
    }

    pub(super) fn has_batches(&self) -> bool {
        self.has_batches.load(Ordering::Relaxed)
    }

    pub(super) fn know_batches(&self, are_there: bool) {
        self.has_batches.store(are_there, Ordering::Relaxed);
    }

    /// Ends only if the statement is no longer on the server although its connection is silent.
    pub(super) async fn watch(&self, tag: &str) -> Failure {
        let mut times = 0;
        while times < 2 {
            tokio::time::sleep(WATCH).await;
            times = missed(times, &self.is_running(tag).await);
        }
        Failure::new(Trouble::Lost, "the statement is no longer on the server, and no answer came")
    }

    pub async fn is_running(&self, tag: &str) -> Result<bool, Failure> {
        let mut session = self.session().await?;
        let running = is_named(&mut session, &tag::application_name(tag)).await?;
        self.keep(session).await;
        Ok(running)
    }

    /// Cancels what runs under a tag, ends its session if that does not help, and waits until it is gone.
    pub async fn end(&self, tag: &str) -> Result<bool, Failure> {
        let name = tag::application_name(tag);
        let mut session = self.session().await?;
        let was_running = is_named(&mut session, &name).await?;
        if was_running {
            signal(&mut session, CANCEL, &name).await?;
            if tokio::time::timeout(CANCEL_WAIT, gone(&mut session, &name)).await.is_err() {
                // The wait may have been cut in the middle of an answer.
                session = self.session().await?;
                signal(&mut session, TERMINATE, &name).await?;
                gone(&mut session, &name).await?;
            }
        }
        self.keep(session).await;
        Ok(was_running)
    }

    /// A session for a question of our own.
    pub(super) async fn session(&self) -> Result<PgConnection, Failure> {
        self.named(IDLE_NAME, OWN_TIMEOUT).await
    }

    pub(super) async fn named(&self, name: &str, timeout: Duration) -> Result<PgConnection, Failure> {
        while let Some(mut session) = self.idle.take() {
            if session::prepare(&mut session, name, timeout).await.is_ok() {
                return Ok(session);
            }
        }
        let mut session = session::connect(&self.options).await?;
        session::prepare(&mut session, name, timeout).await?;
        Ok(session)
    }

    /// Keeps a session that ended its work in order; it loses its name here, before its work is told to be done.
    pub(super) async fn keep(&self, session: PgConnection) {
        if let Some(session) = session::reset(session).await {
            self.idle.keep(session);
        }
    }
}

/// How often in a row a statement was missed: the first time its answer may be on its way.
fn missed(before: u32, seen: &Result<bool, Failure>) -> u32 {
    if matches!(seen, Ok(false)) { before + 1 } else { 0 }
}

fn check(statements: &[Single<'_>], transaction: bool) -> Result<(), Failure> {
    let refused = |message: &str| Err(Failure::new(Trouble::Refused, message));
    if statements.is_empty() {
        refused("there is no statement")
    } else if statements.iter().any(Single::copies_from_client) {
        refused("COPY from STDIN or to STDOUT needs a client; use a `command` operation")
    } else if transaction && statements.iter().any(Single::controls_transaction) {
        refused(
            "the statements run in one transaction, which they may not end; leave BEGIN and COMMIT out, or say `transaction: false`",
        )
    } else {
        Ok(())
    }
}

/// All statements and the mark in one transaction. The mark comes first: nothing that the text sets can lead it astray,
/// and a second owner of the same tag waits for the first one here.
async fn whole(session: &mut PgConnection, statement: &Statement<'_>) -> Result<u64, Failure> {
    sqlx::raw_sql("BEGIN").execute(&mut *session).await.map_err(|error| trouble(error, Phase::Before))?;
    if statement.mark {
        marks::leave(session, statement.tag, Phase::Before).await?;
    }
    session::set(session, statement.settings, true).await?;
    let rows = send(session, statement.tag, statement.sql).await?;
    sqlx::raw_sql("COMMIT").execute(session).await.map_err(|error| trouble(error, Phase::Commit))?;
    Ok(rows)
}

/// Each statement by itself, then the mark, in a session without what the text has set.
async fn one_by_one(
    session: &mut PgConnection,
    statement: &Statement<'_>,
    statements: &[Single<'_>],
) -> Result<u64, Failure> {
    session::set(session, statement.settings, false).await?;
    let mut rows = 0;
    for (done, single) in statements.iter().enumerate() {
        let sent = send(session, statement.tag, single.text).await;
        rows += sent.map_err(|failure| failure.after_others(done, statements.len()))?;
    }
    session::discard(session).await.map_err(|error| unfinished(trouble(error, Phase::Commit)))?;
    if statement.mark {
        let lost = |failure| Failure { trouble: Trouble::Lost, ..failure };
        session::prepare(session, &tag::application_name(statement.tag), OWN_TIMEOUT).await.map_err(lost)?;
        marks::leave(session, statement.tag, Phase::Within).await.map_err(lost)?;
    }
    Ok(rows)
}

/// A session can only be cleared outside of a transaction: what stands in an open one would go with the session.
fn unfinished(failure: Failure) -> Failure {
    if failure.code.as_deref() == Some(IN_TRANSACTION) {
        let message = "the text leaves its transaction open, and so it was taken back; end it with COMMIT";
        Failure { trouble: Trouble::Refused, message: message.to_owned(), ..failure }
    } else {
        failure
    }
}

async fn send(session: &mut PgConnection, tag: &str, sql: &str) -> Result<u64, Failure> {
    let sql = tag::comment(tag) + sql;
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await;
    done.map(|done| done.rows_affected()).map_err(|error| trouble(error, Phase::Within))
}

async fn is_named(session: &mut PgConnection, name: &str) -> Result<bool, Failure> {
    let found = sqlx::query_scalar(RUNNING).bind(name).fetch_one(session).await;
    found.map_err(|error| trouble(error, Phase::Before))
}

async fn signal(session: &mut PgConnection, sql: &'static str, name: &str) -> Result<(), Failure> {
    let sent = sqlx::query(sql).bind(name).execute(session).await;
    sent.map(|_| ()).map_err(|error| trouble(error, Phase::Before))
}

/// Waits until no session has the name; the caller bounds the wait.
async fn gone(session: &mut PgConnection, name: &str) -> Result<(), Failure> {
    let mut pause = POLL_FIRST;
    while is_named(session, name).await? {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(POLL_MAX);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_look_without_the_statement_counts_as_missed() {
        let refused = || Err(Failure::new(Trouble::Transient, "no connection"));
        let seen = [Ok(false), refused(), Ok(false), Ok(true), Ok(false), Ok(false)];
        let times: Vec<u32> = seen
            .iter()
            .scan(0, |times, seen| {
                *times = missed(*times, seen);
                Some(*times)
            })
            .collect();
        assert_eq!(times, [1, 0, 1, 0, 1, 2]);
    }

    #[test]
    fn what_would_leave_the_transaction_is_refused() {
        let message =
            |sql, transaction| check(&split(sql, Engine::Postgres), transaction).err().map(|failure| failure.message);
        assert_eq!(message("UPDATE a SET b = 1; UPDATE a SET c = 2", true), None);
        assert!(
            message("UPDATE a SET b = 1; COMMIT", true)
                .is_some_and(|message| message.starts_with("the statements run"))
        );
        assert_eq!(message("BEGIN; COMMIT", false), None);
        assert_eq!(message(" ; ", true).as_deref(), Some("there is no statement"));
    }
}
