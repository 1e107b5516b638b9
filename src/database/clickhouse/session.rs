//! The statements of one piece of work: one after another, under one tag, within one time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::answer::Answer;
use super::super::error::{DatabaseError, Trouble};
use super::super::statement::Statement;
use super::super::target::Database;

/// The server may list a statement for a moment after it has answered.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// What tidies up gets this much even where the time is over.
const TIDY: Duration = Duration::from_secs(60);
const ROWS_MAX: usize = 1_000_000;

/// A server, the tag of what is sent to it, and until when.
pub(super) struct Session<'a> {
    pub database: &'a Database,
    tag: &'a str,
    settings: &'a BTreeMap<String, String>,
    until: Instant,
}

impl<'a> Session<'a> {
    pub fn new(
        database: &'a Database,
        tag: &'a str,
        settings: &'a BTreeMap<String, String>,
        timeout: Duration,
    ) -> Session<'a> {
        Session { database, tag, settings, until: Instant::now() + timeout }
    }

    /// Fails at once where something runs under the tag: it is not ours.
    pub async fn begin(&self) -> Result<(), DatabaseError> {
        self.database.ask_tagged(&self.statement("SELECT 1", self.settings, Duration::ZERO), 1).await.map(drop)
    }

    pub async fn ask(&self, sql: &str) -> Result<Answer, DatabaseError> {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.database.ask_tagged(&self.statement(sql, self.settings, Duration::ZERO), ROWS_MAX).await {
                Err(error) if error.trouble == Trouble::Running && pause < PAUSE_MAX => rest(&mut pause).await,
                result => return result,
            }
        }
    }

    /// A statement that acts.
    pub async fn act(&self, sql: &str) -> Result<(), DatabaseError> {
        self.send(&self.statement(sql, self.settings, Duration::ZERO)).await
    }

    /// A statement with settings of our own, where the manifest does not say otherwise.
    pub async fn act_with(&self, sql: &str, settings: &[(&str, &str)]) -> Result<(), DatabaseError> {
        let mut all: BTreeMap<String, String> =
            settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        all.extend(self.settings.clone());
        self.send(&self.statement(sql, &all, TIDY)).await
    }

    async fn send(&self, statement: &Statement<'_>) -> Result<(), DatabaseError> {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.database.run(statement).await {
                Err(error) if error.trouble == Trouble::Running && pause < PAUSE_MAX => rest(&mut pause).await,
                result => return result.map(drop),
            }
        }
    }

    fn statement<'b>(
        &'b self,
        sql: &'b str,
        settings: &'b BTreeMap<String, String>,
        at_least: Duration,
    ) -> Statement<'b> {
        let left = self.until.saturating_duration_since(Instant::now());
        let timeout = left.max(at_least).max(PAUSE_FIRST);
        Statement { sql, tag: self.tag, settings, timeout, transaction: false, mark: false }
    }
}

async fn rest(pause: &mut Duration) {
    tokio::time::sleep(*pause).await;
    *pause *= 2;
}
