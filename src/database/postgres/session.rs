//! Sessions: how one begins, what it is called, and when it may serve again.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::super::error::{Failure, Trouble};
use super::super::location::Parts;
use super::trouble::{Phase, trouble};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest `statement_timeout` of the server, in milliseconds.
const TIMEOUT_MS_MAX: u128 = i32::MAX as u128;
/// What the driver knows of a URL's query; it would log the values of all others.
const OPTIONS: [&str; 16] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "options",
    "statement-cache-capacity",
    "application_name",
    "connect_timeout",
];

/// Names a session, bounds its statements, and bounds how long it may hold locks after its owner fell silent. Parameters
/// that a server does not have are left out.
const PREPARE: &str = "SELECT set_config(name, value, false) FROM (VALUES ('application_name', $1), ('statement_timeout', $2), \
    ('idle_in_transaction_session_timeout', '60s'), ('idle_session_timeout', '60s'), ('tcp_keepalives_idle', '60'), \
    ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3')) AS wanted (name, value) \
    WHERE current_setting(name, true) IS NOT NULL";
const SET: &str = "SELECT set_config($1, $2, $3)";

/// The options of a connection, from a URL whose unknown keys are named, never their values.
pub(super) fn options(parts: &Parts) -> Result<PgConnectOptions, Failure> {
    let refused = |message: String| Failure::new(Trouble::Refused, message);
    let mut url = parts.server.clone();
    for (key, value) in &parts.options {
        let is_known = OPTIONS.contains(&key.as_str()) || (key.starts_with("options[") && key.ends_with(']'));
        if !is_known {
            tracing::warn!(%key, "a parameter of the URL means nothing here");
        } else if key != "connect_timeout" {
            url.query_pairs_mut().append_pair(key, value);
        }
    }
    let mut options = PgConnectOptions::from_str(url.as_str())
        .map_err(|_| refused("a parameter of the URL has a value that cannot be read".to_owned()))?;
    if let Some(user) = &parts.user {
        options = options.username(user);
    }
    if let Some(password) = &parts.password {
        options = options.password(password);
    }
    if let Some(database) = &parts.database {
        options = options.database(database);
    }
    // A session that serves again forgets what was prepared in it.
    Ok(options.statement_cache_capacity(0).disable_statement_logging())
}

/// A new session, not yet prepared.
pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Failure> {
    let late = |_| Failure::new(Trouble::Transient, format!("no connection within {CONNECT_TIMEOUT:?}"));
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await.map_err(late)?;
    connected.map_err(|error| trouble(error, Phase::Before))
}

/// Gives a session its name and its time: also what tells whether an idle one still lives.
pub(super) async fn prepare(session: &mut PgConnection, name: &str, timeout: Duration) -> Result<(), Failure> {
    let prepared = sqlx::query(PREPARE).bind(name).bind(milliseconds(timeout)).execute(session).await;
    prepared.map(|_| ()).map_err(|error| trouble(error, Phase::Before))
}

/// A duration as the server wants it; zero would be none.
pub(super) fn milliseconds(timeout: Duration) -> String {
    timeout.as_millis().clamp(1, TIMEOUT_MS_MAX).to_string()
}

/// Sets parameters of a session or of its transaction.
pub(super) async fn set(
    session: &mut PgConnection,
    settings: &BTreeMap<String, String>,
    of_transaction: bool,
) -> Result<(), Failure> {
    for (name, value) in settings {
        let query = sqlx::query(SET).bind(name).bind(value).bind(of_transaction);
        query.execute(&mut *session).await.map_err(|error| trouble(error, Phase::Before))?;
    }
    Ok(())
}

/// Makes a session as it was in the beginning; one that cannot is dropped.
pub(super) async fn reset(mut session: PgConnection) -> Option<PgConnection> {
    discard(&mut session).await.is_ok().then_some(session)
}

/// Forgets what was set in a session; refused within a transaction.
pub(super) async fn discard(session: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::raw_sql("DISCARD ALL").execute(session).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_never_none_and_never_too_large() {
        assert_eq!(milliseconds(Duration::ZERO), "1");
        assert_eq!(milliseconds(Duration::from_secs(90)), "90000");
        assert_eq!(milliseconds(Duration::from_secs(u64::MAX)), "2147483647");
    }
}
