//! One partition of a copy: made in a staging table, proved there, and put in its place by one REPLACE PARTITION.
//!
//! A partition that was cut off is begun again with an empty staging table. An attempt that wakes up after another has begun finds
//! its staging table gone, or has no leave to enter, so that it changes nothing.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::Verification;

use super::super::error::{DatabaseError, Failure, Trouble};
use super::super::partitioned::{Leave, TableCopy};
use super::super::target::Database;
use super::checksum;
use super::client::text;
use super::facts::{self, Tables};
use super::session::Session;
use super::staging::{self, Abilities};
use super::table::{Table, TableName, quoted_list};

/// The longest that a pilot may take; a filter may leave it without rows.
const PILOT_TIMEOUT: Duration = Duration::from_secs(30);
const DROP_TIMEOUT: Duration = Duration::from_secs(300);

/// One attempt at one partition.
pub(in crate::database) struct Attempt<'a> {
    /// The copy.
    pub copy: &'a TableCopy<'a>,
    /// The partition.
    pub id: &'a str,
    /// What its statements are found by.
    pub tag: &'a str,
    /// What the names of its staging tables begin with.
    pub staging: &'a str,
    /// A text that no other attempt has.
    pub attempt: &'a str,
}

struct Work<'a, 'l> {
    session: &'a Session<'a>,
    attempt: &'a Attempt<'a>,
    tables: &'a Tables,
    staged: &'a TableName,
    leave: Leave<'l>,
}

/// What a partition holds: its rows and, where it is asked for, their checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    rows: u64,
    checksum: Option<String>,
}

/// Copies one partition; the rows that are in it then.
pub(in crate::database) async fn copy(
    database: &Database,
    attempt: &Attempt<'_>,
    leave: Leave<'_>,
) -> Result<u64, DatabaseError> {
    let copy = attempt.copy;
    let session = Session::new(database, attempt.tag, copy.settings, copy.timeout);
    session.begin().await?;
    let to = facts::name(database, copy.to)?;
    let abilities = Abilities::read(&session, &to).await?;
    abilities.drop_all(&session, &to, attempt.staging).await?;
    let tables = tables(&session, copy).await?;
    let staged = staging::name(&to, attempt.staging, attempt.attempt);
    let work = Work { session: &session, attempt, tables: &tables, staged: &staged, leave };
    let result = work.fill_and_replace(&abilities).await;
    if result.as_ref().is_err_and(|error| may_still_run(error.trouble)) {
        return result;
    }
    let dropped = abilities.drop_one(&session, &staged).await;
    match (result, dropped) {
        (Ok(rows), dropped) => dropped.map(|()| rows),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(left)) => {
            let message = format!("{}; and {staged} is left: {}", error.message, left.message);
            Err(DatabaseError { message, ..error })
        }
    }
}

/// Whether the statement that failed may be at work on the staging table: then the next attempt drops it.
fn may_still_run(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Lost | Trouble::Running => true,
        Trouble::Transient | Trouble::Refused | Trouble::Partial | Trouble::Ended | Trouble::Timeout => false,
    }
}

async fn tables(session: &Session<'_>, copy: &TableCopy<'_>) -> Result<Tables, DatabaseError> {
    let read = async |written| {
        let name = facts::name(session.database, written)?;
        let table = Table::read(session, name.clone()).await?;
        table.ok_or_else(|| session.database.refuse(format!("there is no table {name}")))
    };
    Ok(Tables { from: read(copy.from).await?, to: read(copy.to).await? })
}

impl Work<'_, '_> {
    async fn fill_and_replace(&self, abilities: &Abilities) -> Result<u64, DatabaseError> {
        let Work { session, attempt, tables, staged, .. } = self;
        self.go_on()?;
        staging::create(session, &tables.to, staged).await?;
        let before = match attempt.copy.verify {
            Verification::None => None,
            Verification::Count | Verification::Checksum => Some(self.source(None).await?.rows),
        };
        self.go_on()?;
        session.act(&self.insert("")?).await?;
        self.go_on()?;
        let rows = self.staged_rows().await?;
        if let Some(before) = before {
            self.prove(rows, before).await?;
        }
        self.go_on()?;
        if !(self.leave.confirm)().await {
            return Err(self.stopped());
        }
        abilities.replace(session, &tables.to.name, attempt.id, staged).await?;
        Ok(rows)
    }

    fn go_on(&self) -> Result<(), DatabaseError> {
        if self.leave.cancel.is_cancelled() { Err(self.stopped()) } else { Ok(()) }
    }

    fn stopped(&self) -> DatabaseError {
        let message =
            format!("partition {} of {} was stopped; nothing of it entered", self.attempt.id, self.tables.from.name);
        self.error(Trouble::Ended, message)
    }

    fn error(&self, trouble: Trouble, message: String) -> DatabaseError {
        self.session.database.tell(Failure::new(trouble, message))
    }

    /// The statement that fills the staging table, with what follows its conditions.
    fn insert(&self, end: &str) -> Result<String, DatabaseError> {
        let columns =
            self.tables.columns(self.attempt.copy).map_err(|message| self.session.database.refuse(message))?;
        let names: Vec<&str> = columns.iter().map(|pair| pair.to.name.as_str()).collect();
        let (into, names) = (staging::insert_into(self.staged, &names), quoted_list(names.iter().copied()));
        Ok(format!("{into} SELECT {names} FROM {}{end}", self.rows()))
    }

    /// The rows that are copied, as a statement reads them.
    fn rows(&self) -> String {
        let last = if self.attempt.copy.is_final { " FINAL" } else { "" };
        format!("{}{last} WHERE {}", self.tables.from.name.sql(), self.condition())
    }

    fn condition(&self) -> String {
        let partition = self.tables.from.is_in(self.attempt.id);
        match self.attempt.copy.filter {
            // The line break ends a comment.
            Some(filter) => format!("{partition} AND ({filter}\n)"),
            None => partition,
        }
    }

    /// What is to be copied, as it is now.
    async fn source(&self, checksum: Option<&str>) -> Result<Content, DatabaseError> {
        let content = checksum.map_or_else(String::new, |checksum| format!(", {checksum}"));
        self.content(&format!("SELECT count(){content} FROM {}", self.rows())).await
    }

    async fn content(&self, sql: &str) -> Result<Content, DatabaseError> {
        let answer = self.session.ask(sql).await?;
        let row = answer.rows.first();
        let rows = row.and_then(|row| text(row, 0)).and_then(|rows| rows.parse().ok());
        let rows = rows.ok_or_else(|| self.error(Trouble::Transient, "the server counted nothing".to_owned()))?;
        Ok(Content { rows, checksum: row.and_then(|row| text(row, 1)).map(str::to_owned) })
    }

    /// The rows of the staging table, which must all be in the one partition that enters.
    async fn staged_rows(&self) -> Result<u64, DatabaseError> {
        let parts = facts::partitions(self.session, self.staged).await?;
        match parts.iter().find(|part| part.id != self.attempt.id) {
            None => Ok(parts.iter().map(|part| part.rows).sum()),
            Some(other) => Err(self.session.database.refuse(format!(
                "{} rows of partition {} of {} belong into partition {} of {}; copy with statements of your own",
                other.rows, self.attempt.id, self.tables.from.name, other.id, self.tables.to.name
            ))),
        }
    }

    /// Inserts meanwhile only add rows and merges only take away, so that the copy is one of the two counts or between them.
    async fn prove(&self, rows: u64, before: u64) -> Result<(), DatabaseError> {
        let is_count = match self.attempt.copy.verify {
            Verification::Count | Verification::None => true,
            Verification::Checksum => false,
        };
        if is_count && rows == before {
            return Ok(());
        }
        if is_count {
            let after = self.source(None).await?.rows;
            return if (before.min(after)..=before.max(after)).contains(&rows) {
                Ok(())
            } else {
                Err(self.differ(rows, after))
            };
        }
        let columns =
            self.tables.columns(self.attempt.copy).map_err(|message| self.session.database.refuse(message))?;
        let copied = format!("SELECT count(), {} FROM {}", checksum::of_copy(&columns), self.staged.sql());
        let copied = self.content(&copied).await?;
        let source = self.source(Some(&checksum::of_source(&columns))).await?;
        if copied == source {
            return Ok(());
        }
        if copied.rows != source.rows {
            return Err(self.differ(copied.rows, source.rows));
        }
        let message = format!(
            "the checksums differ: {} rows were copied, and as many in partition {} of {} are not the same",
            copied.rows, self.attempt.id, self.tables.from.name
        );
        Err(self.error(Trouble::Transient, message))
    }

    fn differ(&self, rows: u64, source: u64) -> DatabaseError {
        let message = format!(
            "rows differ: {rows} copied, {source} in partition {} of {}",
            self.attempt.id, self.tables.from.name
        );
        self.error(Trouble::Transient, message)
    }
}

/// Copies some rows of the largest partition into a staging table that is dropped again: how many, and how long it took.
///
/// Nothing where there is nothing to copy yet or nowhere to, or where no row was found in time.
pub(in crate::database) async fn pilot(
    database: &Database,
    copy: &TableCopy<'_>,
    rows: u64,
    staging: &str,
) -> Result<Option<(u64, Duration)>, DatabaseError> {
    let tag = facts::own_tag();
    let session = Session::new(database, &tag, copy.settings, copy.timeout.min(PILOT_TIMEOUT));
    let (from, to) = (facts::name(database, copy.from)?, facts::name(database, copy.to)?);
    let (Some(from), Some(to)) = (Table::read(&session, from).await?, Table::read(&session, to).await?) else {
        return Ok(None);
    };
    let partitions = facts::partitions(&session, &from.name).await?;
    let Some(largest) = partitions.into_iter().max_by_key(|partition| partition.rows) else { return Ok(None) };
    let abilities = Abilities::read(&session, &to.name).await?;
    abilities.drop_all(&session, &to.name, staging).await?;
    let staged = staging::name(&to.name, staging, "pilot");
    let tables = Tables { from, to };
    let attempt = Attempt { copy, id: &largest.id, tag: &tag, staging, attempt: "pilot" };
    let never = CancellationToken::new();
    let leave = Leave::unless(&never);
    let work = Work { session: &session, attempt: &attempt, tables: &tables, staged: &staged, leave };
    staging::create(&session, &tables.to, &staged).await?;
    let begun = Instant::now();
    let inserted = session.act(&work.insert(&format!(" LIMIT {rows}"))?).await;
    let took = begun.elapsed();
    let counted = match inserted {
        Err(error) if error.trouble == Trouble::Timeout => Ok(0),
        Err(error) => Err(error),
        Ok(()) => work.staged_rows().await,
    };
    abilities.drop_one(&session, &staged).await?;
    counted.map(|rows| (rows > 0).then_some((rows, took)))
}

/// Drops the staging tables that begin so, beside `to`.
pub(in crate::database) async fn drop_staging(
    database: &Database,
    to: &str,
    staging: &str,
) -> Result<(), DatabaseError> {
    let (tag, settings) = (facts::own_tag(), std::collections::BTreeMap::new());
    let session = Session::new(database, &tag, &settings, DROP_TIMEOUT);
    let to = facts::name(database, to)?;
    let abilities = Abilities::read(&session, &to).await?;
    abilities.drop_all(&session, &to, staging).await
}
