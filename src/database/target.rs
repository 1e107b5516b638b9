//! A target: one door to the three engines, with the bounds in time and the silence about secrets that all of them share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::model::Engine;

use super::answer::Answer;
use super::clickhouse::ClickHouse;
use super::error::{DatabaseError, Failure, Trouble};
use super::location::{Hidden, Location};
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::statement::{Effect, Statement, StatementProgress};

/// How long a statement that was ended may take to say so, beyond what ending it takes.
const FAREWELL: Duration = Duration::from_secs(25);
/// How much longer than the server we wait for an answer, so that the server speaks first.
const GRACE: Duration = Duration::from_secs(2);
/// How long small questions of our own may take.
pub(super) const OWN_TIMEOUT: Duration = Duration::from_secs(20);

/// A database that operations act on; clones share its connections.
#[derive(Clone)]
pub struct Database {
    name: Arc<str>,
    hidden: Arc<Hidden>,
    pub(super) server: Server,
}

#[derive(Clone)]
pub(super) enum Server {
    ClickHouse(Arc<ClickHouse>),
    Postgres(Arc<Postgres>),
    Sqlite(Arc<Sqlite>),
}

/// One server of a ClickHouse cluster.
#[derive(Clone, Debug)]
pub struct Host {
    /// As the cluster calls it.
    pub name: String,
    /// The way to it: the target's own URL with another host.
    pub database: Database,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("name", &self.name).field("engine", &self.engine()).finish_non_exhaustive()
    }
}

impl Database {
    /// Reads the URL; connects only when something is asked.
    pub fn open(at: &Location) -> Result<Database, DatabaseError> {
        let parts = at.parts()?;
        let refuse = |failure: Failure| at.error(parts.hidden().clean(&failure.message));
        let server = match parts.engine {
            Engine::ClickHouse => {
                let cluster = at.cluster.clone();
                Server::ClickHouse(Arc::new(ClickHouse::open(&parts, cluster).map_err(refuse)?))
            }
            Engine::Postgres => Server::Postgres(Arc::new(Postgres::open(&parts).map_err(refuse)?)),
            Engine::Sqlite => Server::Sqlite(Arc::new(Sqlite::open(&parts, at.url.expose()).map_err(refuse)?)),
        };
        Ok(Database { name: Arc::from(at.name.as_str()), hidden: Arc::new(parts.hidden()), server })
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        match self.server {
            Server::ClickHouse(_) => Engine::ClickHouse,
            Server::Postgres(_) => Engine::Postgres,
            Server::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// Runs a statement to its end. When its time is over it is ended on the server, and that is waited for.
    ///
    /// A caller that drops the future must [`Database::end`] the tag: dropping alone stops no server.
    pub async fn run(&self, statement: &Statement<'_>) -> Result<Effect, DatabaseError> {
        let mut work = Box::pin(self.work(statement));
        let result = match tokio::time::timeout(statement.timeout, &mut work).await {
            Ok(result) => result,
            Err(_) => self.stop_late(statement, work).await,
        };
        result.map_err(|failure| self.tell(failure))
    }

    async fn work(&self, statement: &Statement<'_>) -> Result<Effect, Failure> {
        match &self.server {
            Server::ClickHouse(server) => server.run(statement).await,
            Server::Postgres(server) => server.run(statement).await,
            Server::Sqlite(server) => server.run(statement).await,
        }
    }

    async fn stop_late(
        &self,
        statement: &Statement<'_>,
        work: impl Future<Output = Result<Effect, Failure>>,
    ) -> Result<Effect, Failure> {
        let late = format!("not done within {:?}", statement.timeout);
        let (ended, result) = tokio::join!(self.end(statement.tag), tokio::time::timeout(FAREWELL, work));
        match (result, ended) {
            (Ok(Err(failure)), _) if failure.trouble == Trouble::Ended => {
                Err(Failure { trouble: Trouble::Timeout, message: format!("{late}, and ended"), ..failure })
            }
            (Ok(result), _) => result,
            (Err(_), Ok(_)) => {
                Err(Failure::new(Trouble::Lost, format!("{late}, and no answer came after it was ended")))
            }
            (Err(_), Err(error)) => {
                Err(Failure::new(Trouble::Lost, format!("{late}, and could not be ended: {}", error.message)))
            }
        }
    }

    /// The one value of a read-only question; nothing for NULL or no row.
    pub async fn ask(&self, sql: &str, timeout: Duration) -> Result<Option<String>, DatabaseError> {
        self.question(sql, timeout, 1).await.and_then(Answer::one).map_err(|failure| self.tell(failure))
    }

    /// The rows of a read-only question by the names of their columns; more than `rows_max` are an error.
    pub async fn rows(
        &self,
        sql: &str,
        timeout: Duration,
        rows_max: usize,
    ) -> Result<Vec<BTreeMap<String, Value>>, DatabaseError> {
        let answer = self.question(sql, timeout, rows_max).await;
        answer.and_then(|answer| answer.records(rows_max)).map_err(|failure| self.tell(failure))
    }

    /// A read-only question under the tag and with the settings of a statement, so that it is found and ended like one.
    pub(super) async fn ask_tagged(&self, question: &Statement<'_>, rows_max: usize) -> Result<Answer, DatabaseError> {
        let Server::ClickHouse(server) = &self.server else { return Err(self.refuse("only ClickHouse is asked so")) };
        let answer = tokio::time::timeout(question.timeout + GRACE, server.ask_tagged(question, rows_max));
        let late = |_| Failure::new(Trouble::Lost, format!("no answer within {:?}", question.timeout));
        answer.await.map_err(late).and_then(|answer| answer).map_err(|failure| self.tell(failure))
    }

    async fn question(&self, sql: &str, timeout: Duration, rows_max: usize) -> Result<Answer, Failure> {
        let answer = async {
            match &self.server {
                Server::ClickHouse(server) => server.ask(sql, timeout, rows_max).await,
                Server::Postgres(server) => server.ask(sql, timeout, rows_max).await,
                Server::Sqlite(server) => server.ask(sql, timeout, rows_max).await,
            }
        };
        let late = |_| Failure::new(Trouble::Timeout, format!("no answer within {timeout:?}"));
        tokio::time::timeout(timeout + GRACE, answer).await.map_err(late)?
    }

    /// Whether the tagged statement is still on the server.
    pub async fn is_running(&self, tag: &str) -> Result<bool, DatabaseError> {
        let found = async {
            match &self.server {
                Server::ClickHouse(server) => server.is_running(tag).await,
                Server::Postgres(server) => server.is_running(tag).await,
                Server::Sqlite(server) => Ok(server.is_running(tag)),
            }
        };
        self.bounded(OWN_TIMEOUT, found).await
    }

    /// Ends the tagged statement on the server and waits until it is gone; whether there was one.
    pub async fn end(&self, tag: &str) -> Result<bool, DatabaseError> {
        let ended = async {
            match &self.server {
                Server::ClickHouse(server) => server.end(tag).await,
                Server::Postgres(server) => server.end(tag).await,
                Server::Sqlite(server) => server.end(tag).await,
            }
        };
        self.bounded(FAREWELL, ended).await
    }

    /// Whether the tagged statement left its mark; ClickHouse keeps none.
    pub async fn has_mark(&self, tag: &str) -> Result<bool, DatabaseError> {
        let found = async {
            match &self.server {
                Server::ClickHouse(_) => Ok(false),
                Server::Postgres(server) => server.has_mark(tag).await,
                Server::Sqlite(server) => server.has_mark(tag).await,
            }
        };
        self.bounded(OWN_TIMEOUT, found).await
    }

    /// Forgets every mark and every checkpoint whose tag begins so.
    pub async fn forget_marks(&self, prefix: &str) -> Result<(), DatabaseError> {
        let forgotten = async {
            match &self.server {
                Server::ClickHouse(_) => Ok(()),
                Server::Postgres(server) => server.forget_marks(prefix).await,
                Server::Sqlite(server) => server.forget_marks(prefix).await,
            }
        };
        self.bounded(OWN_TIMEOUT, forgotten).await
    }

    /// The version of the server, as it tells it.
    pub async fn version(&self) -> Result<String, DatabaseError> {
        let sql = match self.engine() {
            Engine::ClickHouse => "SELECT version()",
            Engine::Postgres => "SHOW server_version",
            Engine::Sqlite => "SELECT sqlite_version()",
        };
        let none = || Failure::new(Trouble::Refused, "the server tells no version");
        self.ask(sql, OWN_TIMEOUT).await?.ok_or_else(|| self.tell(none()))
    }

    /// How far the tagged statement is; only ClickHouse tells, and only while it runs.
    pub async fn progress(&self, tag: &str) -> Result<Option<StatementProgress>, DatabaseError> {
        let progress = async {
            match &self.server {
                Server::ClickHouse(server) => server.progress(tag).await,
                Server::Postgres(_) | Server::Sqlite(_) => Ok(None),
            }
        };
        self.bounded(OWN_TIMEOUT, progress).await
    }

    /// One replica of every shard of the cluster; without a cluster this server alone.
    pub async fn shards(&self) -> Result<Vec<Host>, DatabaseError> {
        let mut rows = self.hosts().await?;
        rows.dedup_by_key(|(shard, _)| *shard);
        Ok(rows.into_iter().map(|(_, host)| host).collect())
    }

    /// Every server of the cluster, shard by shard; without a cluster this server alone.
    pub async fn replicas(&self) -> Result<Vec<Host>, DatabaseError> {
        Ok(self.hosts().await?.into_iter().map(|(_, host)| host).collect())
    }

    /// The way to one server of the cluster, by the name that the cluster has for it.
    pub async fn on_host(&self, name: &str) -> Result<Database, DatabaseError> {
        let hosts = self.hosts().await?;
        let found = hosts.into_iter().map(|(_, host)| host).find(|host| host.name == name);
        found.map(|host| host.database).ok_or_else(|| {
            self.tell(Failure::new(Trouble::Refused, format!("its cluster has no host `{name}` any more")))
        })
    }

    async fn hosts(&self) -> Result<Vec<(u32, Host)>, DatabaseError> {
        let Server::ClickHouse(server) = &self.server else {
            return Ok(vec![(1, Host { name: self.name.to_string(), database: self.clone() })]);
        };
        let members = self.bounded(OWN_TIMEOUT, server.members()).await?;
        let host = |member: super::clickhouse::Member| {
            let name = Arc::from(format!("{} ({})", self.name, member.name));
            let server = Server::ClickHouse(Arc::new(member.server));
            let database = Database { name, hidden: Arc::clone(&self.hidden), server };
            (member.shard, Host { name: member.name, database })
        };
        Ok(members.into_iter().map(host).collect())
    }

    pub(super) async fn bounded<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, DatabaseError> {
        let late = |_| Failure::new(Trouble::Transient, format!("no answer within {limit:?}"));
        let result = tokio::time::timeout(limit, work).await.map_err(late).and_then(|result| result);
        result.map_err(|failure| self.tell(failure))
    }

    /// An error of our own: nothing was done, and another try would be refused again.
    pub(super) fn refuse(&self, message: impl Into<String>) -> DatabaseError {
        self.tell(Failure::new(Trouble::Refused, message))
    }

    pub(super) fn tell(&self, failure: Failure) -> DatabaseError {
        DatabaseError {
            target: self.name.to_string(),
            trouble: failure.trouble,
            code: failure.code,
            message: self.hidden.clean(&failure.message),
        }
    }
}
