//! The client of a ClickHouse server: statements, questions, and what runs there.

use std::time::Duration;

use bytes::BytesMut;
use clickhouse::Client;
use clickhouse::query::{BytesCursor, Query};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::model::Engine;
use crate::sql::split::{Single, split};

use super::super::answer::{Answer, Cell};
use super::super::error::{Failure, Trouble};
use super::super::location::Parts;
use super::super::statement::{Effect, Statement, StatementProgress};
use super::trouble::{is_setting_refused, trouble};
use super::tsv;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// Shorter than the three seconds for which old servers keep an idle connection.
const IDLE: Duration = Duration::from_secs(2);
/// Statements turn them off, but a proxy may send headers of progress all the same: ten a second, for most of an hour. Room
/// for each is made with every answer, so that more of it would cost more than the answer does.
const HEADERS_MAX: usize = 30_000;
const HEADERS_BYTES_MAX: usize = 64 << 20;
/// Rows to act on are read whole.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const POLL_FIRST: Duration = Duration::from_millis(50);
const POLL_MAX: Duration = Duration::from_secs(1);

/// A server, or any server behind a balancer.
#[derive(Clone)]
pub(in crate::database) struct ClickHouse {
    client: Client,
    pub(super) server: url::Url,
    pub(super) cluster: Option<String>,
}

impl ClickHouse {
    pub fn open(parts: &Parts, cluster: Option<String>) -> Result<ClickHouse, Failure> {
        let mut client = transport(parts.server.scheme() == "https")?.with_validation(false);
        client = client.with_url(parts.server.as_str());
        for (name, value) in &parts.options {
            client = client.with_setting(name, value);
        }
        if let Some(user) = &parts.user {
            client = client.with_user(user);
        }
        if let Some(password) = &parts.password {
            client = client.with_password(password);
        }
        if let Some(database) = &parts.database {
            client = client.with_database(database);
        }
        Ok(ClickHouse { client, server: parts.server.clone(), cluster })
    }

    /// The same with another host, over the same transport.
    pub fn at(&self, host: &str) -> Option<ClickHouse> {
        let mut server = self.server.clone();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        server.set_host(Some(&host)).ok()?;
        Some(ClickHouse { client: self.client.clone().with_url(server.as_str()), server, cluster: None })
    }

    pub async fn run(&self, statement: &Statement<'_>) -> Result<Effect, Failure> {
        let single = single(statement.sql)?;
        let mut query = self.client.query_raw(statement.sql);
        for (name, value) in statement.settings {
            query = query.with_setting(name, value);
        }
        query = query
            .with_setting("query_id", statement.tag)
            .with_setting("wait_end_of_query", "1")
            .with_setting("send_progress_in_http_headers", "0");
        let inserts = single.inserts();
        let failed = |error| trouble(&error, inserts);
        let mut cursor = query.fetch_bytes("Null").map_err(failed)?;
        while cursor.next().await.map_err(failed)?.is_some() {}
        let rows_affected = cursor.summary().and_then(|summary| summary.written_rows());
        Ok(Effect { rows_affected })
    }

    pub async fn ask(&self, sql: &str, timeout: Duration, rows_max: usize) -> Result<Answer, Failure> {
        let single = single(sql)?;
        if single.chooses_format() {
            return Err(Failure::new(Trouble::Refused, "the format of an answer is not chosen here; leave FORMAT out"));
        }
        let tag = format!("orchestrate:ask:{}", uuid::Uuid::now_v7());
        match tokio::time::timeout(timeout, self.question(sql, &tag, timeout, rows_max)).await {
            Ok(answer) => answer,
            Err(_) => {
                // The caller's own bound cuts this short where the server does not answer.
                self.kill(&tag).await?;
                Err(Failure::new(Trouble::Timeout, format!("no answer within {timeout:?}")))
            }
        }
    }

    /// The same under a tag and with settings of the caller's.
    pub async fn ask_tagged(&self, question: &Statement<'_>, rows_max: usize) -> Result<Answer, Failure> {
        let &Statement { sql, tag, settings, timeout, .. } = question;
        let mut query = self.client.query_raw(sql);
        for (name, value) in settings {
            query = query.with_setting(name, value);
        }
        let query = query.with_setting("query_id", tag).with_setting("wait_end_of_query", "1");
        match tokio::time::timeout(timeout, answer(query, rows_max)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.kill(tag).await?;
                Err(Failure::new(Trouble::Timeout, format!("no answer within {timeout:?}")))
            }
        }
    }

    /// Asks with the settings that forbid writing, or without any where the user may change none: then it may not write.
    async fn question(&self, sql: &str, tag: &str, timeout: Duration, rows_max: usize) -> Result<Answer, Failure> {
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        let query = || self.client.query_raw(sql).with_setting("query_id", tag).with_setting("wait_end_of_query", "1");
        let bounded = query().with_setting("readonly", "2").with_setting("max_execution_time", seconds.to_string());
        match answer(bounded, rows_max).await {
            Err(failure) if is_setting_refused(&failure) => answer(query(), rows_max).await,
            result => result,
        }
    }

    pub async fn is_running(&self, tag: &str) -> Result<bool, Failure> {
        let query = self.client.query("SELECT count() FROM system.processes WHERE query_id = ?").bind(tag);
        let count = answer(query, 1).await?.one()?;
        Ok(count.is_some_and(|count| count != "0"))
    }

    /// Ends a statement and waits until it is gone; the caller bounds the wait.
    pub async fn end(&self, tag: &str) -> Result<bool, Failure> {
        if !self.is_running(tag).await? {
            return Ok(false);
        }
        self.kill(tag).await?;
        let mut pause = POLL_FIRST;
        while self.is_running(tag).await? {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
        }
        Ok(true)
    }

    async fn kill(&self, tag: &str) -> Result<(), Failure> {
        let query = self.client.query("KILL QUERY WHERE query_id = ? ASYNC").bind(tag);
        let failed = |error| trouble(&error, false);
        let mut cursor = query.fetch_bytes("Null").map_err(failed)?;
        while cursor.next().await.map_err(failed)?.is_some() {}
        Ok(())
    }

    pub async fn progress(&self, tag: &str) -> Result<Option<StatementProgress>, Failure> {
        const SQL: &str =
            "SELECT elapsed, read_rows, total_rows_approx, written_rows FROM system.processes WHERE query_id = ?";
        let answer = answer(self.client.query(SQL).bind(tag), 1).await?;
        let Some(row) = answer.rows.first() else { return Ok(None) };
        let number = |at: usize| text(row, at).and_then(|text| text.parse().ok()).unwrap_or(0);
        let seconds = text(row, 0).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        let elapsed = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let total_rows = Some(number(2)).filter(|&total| total > 0);
        Ok(Some(StatementProgress { elapsed, read_rows: number(1), total_rows, written_rows: number(3) }))
    }

    /// Asks under the user's own settings, whatever they allow.
    pub(super) async fn plain(&self, sql: &str) -> Result<Answer, Failure> {
        answer(self.client.query_raw(sql), usize::MAX).await
    }

    pub(super) async fn own(&self, sql: &str, argument: &str) -> Result<Answer, Failure> {
        answer(self.client.query(sql).bind(argument), usize::MAX).await
    }
}

/// A cell's text.
pub(super) fn text(row: &[Cell], at: usize) -> Option<&str> {
    row.get(at)?.as_ref().map(|(_, text)| text.as_str())
}

fn single(sql: &str) -> Result<Single<'_>, Failure> {
    let mut statements = split(sql, Engine::ClickHouse);
    let refused = |message: String| Err(Failure::new(Trouble::Refused, message));
    match (statements.pop(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (Some(_), others) => refused(format!("ClickHouse takes one statement at a time, and these are {}", others + 1)),
        (None, _) => refused("there is no statement".to_owned()),
    }
}

async fn answer(query: Query, rows_max: usize) -> Result<Answer, Failure> {
    let failed = |error| trouble(&error, false);
    let cursor = query.fetch_bytes("TabSeparatedWithNamesAndTypes").map_err(failed)?;
    tsv::read(&collect(cursor).await?, rows_max)
}

async fn collect(mut cursor: BytesCursor) -> Result<BytesMut, Failure> {
    let mut body = BytesMut::new();
    while let Some(chunk) = cursor.next().await.map_err(|error| trouble(&error, false))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(Failure::new(Trouble::Refused, format!("the answer has more than {ANSWER_BYTES_MAX} bytes")));
        }
    }
    Ok(body)
}

/// The driver's own client takes a hundred headers and no more.
fn transport(is_secure: bool) -> Result<Client, Failure> {
    let mut connector = HttpConnector::new();
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let mut builder = HttpClient::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE).http1_max_headers(HEADERS_MAX).http1_max_buf_size(HEADERS_BYTES_MAX);
    if !is_secure {
        return Ok(Client::with_http_client(builder.build(connector)));
    }
    let tls = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| Failure::new(Trouble::Refused, format!("no certificates of this machine: {error}")))?;
    Ok(Client::with_http_client(builder.build(tls.https_or_http().enable_http1().wrap_connector(connector))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_exactly_one_statement() {
        let message = |sql| single(sql).err().map(|failure| failure.message);
        assert_eq!(message("SELECT ';';"), None);
        assert_eq!(
            message("SELECT 1; SELECT 2").as_deref(),
            Some("ClickHouse takes one statement at a time, and these are 2")
        );
        assert_eq!(message("-- nothing").as_deref(), Some("there is no statement"));
    }

    #[test]
    fn another_host_keeps_scheme_and_port() {
        let location = super::super::super::location::Location {
            name: "main".into(),
            url: crate::model::Secret::new("http://user:word@host:8124/db"),
            database: None,
            cluster: None,
        };
        let server =
            ClickHouse::open(&location.parts().expect("the URL is right"), None).expect("no certificates needed");
        let at = |host| server.at(host).map(|server| server.server.to_string());
        assert_eq!(at("other").as_deref(), Some("http://other:8124/"));
        assert_eq!(at("::1").as_deref(), Some("http://[::1]:8124/"));
        assert_eq!(at("no host"), None);
    }
}
