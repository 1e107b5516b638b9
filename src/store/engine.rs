//! The two databases that a store can live in, and everything that differs between them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions;
use sqlx::any::AnyConnectOptions;

use super::error::{Judgement, StoreError};
use crate::model::{Secret, without_credentials};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Begins a transaction that will write: SQLite takes its one lock at once, so that no transaction has to be repeated.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }

    /// Lets one process at a time make or change the tables; SQLite's `BEGIN IMMEDIATE` does that already.
    pub(super) fn only_one(self) -> Option<&'static str> {
        match self {
            Engine::Sqlite => None,
            Engine::Postgres => Some("SELECT pg_advisory_xact_lock(7165061943)"),
        }
    }

    /// The view that holds the database's clock, in milliseconds since 1970.
    pub(super) fn clock(self) -> &'static str {
        match self {
            Engine::Sqlite => "CREATE VIEW orchestrate_now AS SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS ms",
            Engine::Postgres => {
                "CREATE VIEW orchestrate_now AS
                 SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS ms"
            }
        }
    }

    /// What is set once for a whole store.
    pub(super) fn file_settings(self) -> Option<&'static str> {
        match self {
            Engine::Sqlite => Some("PRAGMA journal_mode = WAL"),
            Engine::Postgres => None,
        }
    }

    /// What is set for each connection: bounds on waiting, and that a commit is on disk before it is acknowledged.
    pub(super) fn connection_settings(self) -> &'static str {
        match self {
            Engine::Sqlite => {
                "PRAGMA busy_timeout = 4000;
                 PRAGMA foreign_keys = ON;
                 PRAGMA synchronous = FULL"
            }
            Engine::Postgres => {
                "SET lock_timeout = '4s';
                 SET statement_timeout = '5s';
                 SET idle_in_transaction_session_timeout = '10s';
                 SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') = 'off'"
            }
        }
    }

    /// Whether a database answered that it has no tables of a store.
    pub(super) fn has_no_tables(self, error: &sqlx::Error) -> bool {
        let Some(said) = error.as_database_error() else { return false };
        match self {
            Engine::Sqlite => said.message().starts_with("no such table: orchestrate_"),
            Engine::Postgres => said.code().is_some_and(|code| code == "42P01"),
        }
    }

    /// What a code of this database means: an SQLSTATE, or SQLite's result code with its extension in the higher bits.
    pub(super) fn judge(self, code: &str) -> Judgement {
        match self {
            Engine::Sqlite => match code.parse::<u32>().map(|code| code & 0xff) {
                // busy, locked, I/O error, full, cannot open
                Ok(5 | 6 | 10 | 13 | 14) => Judgement::Unavailable,
                // corrupt, constraint, type mismatch, not a database
                Ok(11 | 19 | 20 | 26) => Judgement::Damaged,
                Ok(_) | Err(_) => Judgement::Refused,
            },
            Engine::Postgres => match code {
                // read-only (a standby), cancelled by a timeout, being shut down or started, no lock in time
                "25006" | "25P03" | "57014" | "57P01" | "57P02" | "57P03" | "57P05" | "55P03" => Judgement::Unavailable,
                _ => match code.get(..2).unwrap_or_default() {
                    // connection, transaction to be repeated, resources, system
                    "08" | "40" | "53" | "58" => Judgement::Unavailable,
                    // constraint, data, corrupted
                    "22" | "23" | "XX" => Judgement::Damaged,
                    _ => Judgement::Refused,
                },
            },
        }
    }
}

/// Where a store is.
pub(super) struct Address {
    pub(super) engine: Engine,
    pub(super) options: AnyConnectOptions,
    /// The URL without credentials.
    pub(super) shown: String,
    /// The whole path of a store that is a file.
    pub(super) file: Option<PathBuf>,
}

impl Address {
    /// Reads `sqlite://path`, `postgres://…` or `postgresql://…`.
    pub(super) fn parse(url: &Secret) -> Result<Address, StoreError> {
        let text = url.expose();
        if let Some(rest) = text.strip_prefix("sqlite:") {
            return Address::file(rest.strip_prefix("//").unwrap_or(rest));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(StoreError::WrongUrl { problem: "begins with neither `sqlite://` nor `postgres://`" });
        }
        let options = AnyConnectOptions::from_str(text)
            .map_err(|_| StoreError::WrongUrl { problem: "cannot be read; special characters need %-encoding" })?;
        let options = options.disable_statement_logging();
        Ok(Address { engine: Engine::Postgres, options, shown: without_credentials(text), file: None })
    }

    fn file(rest: &str) -> Result<Address, StoreError> {
        let path = match rest.split_once('?') {
            None | Some((_, "mode=rwc")) => rest.trim_end_matches("?mode=rwc"),
            Some(_) => return Err(StoreError::WrongUrl { problem: "of SQLite takes no parameter but `mode=rwc`" }),
        };
        if path.is_empty() || path.ends_with('/') || path == ":memory:" {
            return Err(StoreError::WrongUrl { problem: "of SQLite names no file" });
        }
        let unreadable = StoreError::WrongUrl { problem: "of SQLite is no path" };
        let absolute = std::path::absolute(Path::new(path)).map_err(|_| unreadable.clone())?;
        let shown = format!("sqlite://{}", absolute.display());
        let mut url = url::Url::parse("sqlite:///").map_err(|_| unreadable.clone())?;
        // A percent sign is part of the file's name, while the driver decodes what it is given.
        url.set_path(&absolute.to_str().ok_or_else(|| unreadable.clone())?.replace('%', "%25"));
        url.set_query(Some("mode=rwc"));
        let options = AnyConnectOptions::from_url(&url).map_err(|_| unreadable)?.disable_statement_logging();
        Ok(Address { engine: Engine::Sqlite, options, shown, file: Some(absolute) })
    }
}
