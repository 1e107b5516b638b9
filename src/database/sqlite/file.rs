//! The file: statements with their transaction and mark.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::model::Engine;
use crate::sql::split::{Single, split};

use super::super::error::{Failure, Trouble};
use super::super::idle::Idle;
use super::super::location::Parts;
use super::super::statement::{Effect, Statement};
use super::super::tag;
use super::marks;
use super::running::{Running, unwatch};
use super::trouble::trouble;

/// How long a statement waits for a lock before it is told to come again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
const OPTIONS: [&str; 4] = ["mode", "cache", "immutable", "vfs"];

/// A database file.
pub(in crate::database) struct Sqlite {
    options: SqliteConnectOptions,
    idle: Idle<SqliteConnection>,
    pub(super) running: Running,
}

impl Sqlite {
    /// The file is created when it is first needed, unless the URL says otherwise.
    pub fn open(parts: &Parts, url: &str) -> Result<Sqlite, Failure> {
        let refused = |message: String| Failure::new(Trouble::Refused, message);
        if let Some(key) = parts.options.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
            return Err(refused(format!("the parameter `{key}` of the URL means nothing here")));
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| refused("a parameter of the URL has a value that cannot be read".to_owned()))?;
        let creates = !parts.options.contains_key("mode");
        // As SQLite's own shell has it; a migration that wants the checks says so in its settings.
        let options = options.create_if_missing(creates).foreign_keys(false).busy_timeout(BUSY_TIMEOUT);
        Ok(Sqlite { options: options.disable_statement_logging(), idle: Idle::new(), running: Running::default() })
    }

    pub async fn run(&self, statement: &Statement<'_>) -> Result<Effect, Failure> {
        let statements = split(statement.sql, Engine::Sqlite);
        check(&statements, statement.transaction)?;
        let running = || Failure::new(Trouble::Running, "a statement with this tag runs already");
        let entry = self.running.enter(statement.tag).ok_or_else(running)?;
        let is_plain = statement.settings.is_empty() && statements.iter().all(leaves_no_trace);
        let mut connection = if is_plain { self.connection().await? } else { self.set_up(statement.settings).await? };
        if statement.mark {
            marks::prepare(&mut connection).await?;
        }
        entry.watch(&mut connection).await.map_err(|error| trouble(&error))?;
        let rows_affected = if statement.transaction {
            whole(&mut connection, statement).await?
        } else {
            one_by_one(&mut connection, statement, &statements).await?
        };
        if is_plain && unwatch(&mut connection).await.is_ok() {
            self.keep(connection);
        }
        // What changes no rows leaves the count of the statement before it.
        let counts = statements.iter().any(changes_rows);
        Ok(Effect { rows_affected: Some(rows_affected).filter(|_| counts) })
    }

    /// A connection with settings. They become text of a statement, so only plain words will do.
    pub(super) async fn set_up(&self, settings: &BTreeMap<String, String>) -> Result<SqliteConnection, Failure> {
        let is_plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let mut options = self.options.clone();
        for (name, value) in settings {
            if !is_plain(name) || !is_plain(value) {
                let message = format!("the setting `{name}` is no pragma with a plain word or number");
                return Err(Failure::new(Trouble::Refused, message));
            }
            options = options.pragma(name.clone(), value.clone());
        }
        SqliteConnection::connect_with(&options).await.map_err(|error| trouble(&error))
    }

    pub(super) async fn connection(&self) -> Result<SqliteConnection, Failure> {
        match self.idle.take() {
            Some(connection) => Ok(connection),
            None => SqliteConnection::connect_with(&self.options).await.map_err(|error| trouble(&error)),
        }
    }

    pub(super) fn keep(&self, connection: SqliteConnection) {
        self.idle.keep(connection);
    }

    pub(super) fn path(&self) -> &Path {
        self.options.get_filename()
    }

    pub fn is_running(&self, tag: &str) -> bool {
        self.running.has(tag)
    }

    /// Ends a statement of this process and waits until it is gone; the caller bounds the wait.
    pub async fn end(&self, tag: &str) -> Result<bool, Failure> {
        let was_running = self.running.end(tag);
        while self.running.has(tag) {
            tokio::time::sleep(POLL).await;
        }
        Ok(was_running)
    }
}

fn check(statements: &[Single<'_>], transaction: bool) -> Result<(), Failure> {
    let refused = |message: &str| Err(Failure::new(Trouble::Refused, message));
    if statements.is_empty() {
        refused("there is no statement")
    } else if transaction && statements.iter().any(Single::controls_transaction) {
        refused(
            "the statements run in one transaction, which they may not end; leave BEGIN and COMMIT out, or say `transaction: false`",
        )
    } else {
        Ok(())
    }
}

/// Whether a connection is after the statement as it was before.
pub(super) fn leaves_no_trace(statement: &Single<'_>) -> bool {
    !statement.tokens.iter().any(|token| token.is_one_of(&["PRAGMA", "ATTACH", "DETACH", "TEMP", "TEMPORARY"]))
}

fn changes_rows(statement: &Single<'_>) -> bool {
    let first = statement.tokens.first();
    first.is_some_and(|token| token.is_one_of(&["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"]))
}

pub(super) async fn execute(connection: &mut SqliteConnection, sql: String) -> Result<u64, Failure> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| trouble(&error))
}

/// All statements and the mark in one transaction, which takes the lock first: it does not fail for it in the middle.
async fn whole(connection: &mut SqliteConnection, statement: &Statement<'_>) -> Result<u64, Failure> {
    execute(connection, "BEGIN IMMEDIATE".to_owned()).await?;
    if statement.mark {
        marks::leave(connection, statement.tag).await?;
    }
    let rows = execute(connection, tag::comment(statement.tag) + statement.sql).await?;
    execute(connection, "COMMIT".to_owned()).await?;
    Ok(rows)
}

/// Each statement by itself, then the mark. A transaction that the text left open is in the way of the last one here.
async fn one_by_one(
    connection: &mut SqliteConnection,
    statement: &Statement<'_>,
    statements: &[Single<'_>],
) -> Result<u64, Failure> {
    let mut rows = 0;
    for (done, single) in statements.iter().enumerate() {
        let sent = execute(connection, tag::comment(statement.tag) + single.text).await;
        rows += sent.map_err(|failure| failure.after_others(done, statements.len()))?;
    }
    let unfinished = |failure| {
        let message = "the text leaves its transaction open, and so it was taken back; end it with COMMIT";
        Failure { message: message.to_owned(), ..failure }
    };
    execute(connection, "BEGIN".to_owned()).await.map_err(unfinished)?;
    if statement.mark {
        let lost = |failure| Failure { trouble: Trouble::Lost, ..failure };
        marks::leave(connection, statement.tag).await.map_err(lost)?;
        execute(connection, "COMMIT".to_owned()).await.map_err(lost)?;
    } else {
        execute(connection, "ROLLBACK".to_owned()).await?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_ends_no_transaction() {
        let message = |sql| check(&split(sql, Engine::Sqlite), true).err().map(|failure| failure.message);
        assert_eq!(message("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END; DROP TABLE c"), None);
        assert!(message("DROP TABLE c; END").is_some_and(|message| message.starts_with("the statements run")));
    }

    #[test]
    fn what_stays_on_a_connection_is_seen() {
        let is_plain = |sql| split(sql, Engine::Sqlite).iter().all(leaves_no_trace);
        assert!(is_plain("INSERT INTO a VALUES ('TEMP')"));
        assert!(!is_plain("CREATE TEMP TABLE a (b)") && !is_plain("PRAGMA user_version = 1"));
    }
}
