//! One partition of a backfill: an ALTER TABLE … UPDATE of that partition alone, found again by its mark and waited for.
//!
//! The server works on a mutation by itself and tries what fails again and again. So it is ended where it is not wanted any more.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::answer::Answer;
use super::super::error::{DatabaseError, Failure, Trouble};
use super::super::partitioned::PartitionUpdate;
use super::super::target::Database;
use super::client::text;
use super::facts::{name, own_tag};
use super::session::Session;
use super::table::{TableName, literal};

const POLL_FIRST: Duration = Duration::from_millis(200);
const POLL_MAX: Duration = Duration::from_secs(5);
/// How long a reason to fail may stand until it is taken for the answer: a disk may be full for a moment.
const FAILING: u32 = 5;
const KILL_TIMEOUT: Duration = Duration::from_secs(60);
/// A server may list what was ended for a moment longer. Some list it for ever.
const LISTED_MAX: Duration = Duration::from_secs(10);
const SYNTAX_ERROR: &str = "62";

/// One update of one partition.
pub(in crate::database) struct Mutation<'a> {
    pub update: &'a PartitionUpdate<'a>,
    /// The partition.
    pub id: &'a str,
    /// What its statements are found by, and the mutation by its mark.
    pub tag: &'a str,
}

/// What the server tells of a mutation.
struct Told {
    is_done: bool,
    failure: Option<String>,
}

/// Updates a partition and waits for that; a mutation that was begun before is waited for and not begun again.
pub(in crate::database) async fn run(
    database: &Database,
    mutation: &Mutation<'_>,
    cancel: &CancellationToken,
) -> Result<(), DatabaseError> {
    let update = mutation.update;
    let table = name(database, update.table)?;
    let session = Session::new(database, mutation.tag, update.settings, update.timeout);
    session.begin().await?;
    let result = tokio::time::timeout(update.timeout, mutation.to_its_end(&session, &table, cancel)).await;
    let late = |_| {
        let message = format!("the update of {table} was not done within {:?}, and was ended", update.timeout);
        database.tell(Failure::new(Trouble::Timeout, message))
    };
    let result = result.map_err(late).and_then(|result| result);
    match &result {
        Err(error) if goes_on_unwanted(error.trouble) => kill(database, &table, mutation.tag).await.and(result),
        Ok(()) | Err(_) => result,
    }
}

/// Whether a mutation that may have been begun is not wanted any more.
fn goes_on_unwanted(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Refused | Trouble::Partial | Trouble::Ended | Trouble::Timeout => true,
        // It is found again by the next attempt.
        Trouble::Transient | Trouble::Lost | Trouble::Running => false,
    }
}

/// Whether the server takes such an update, as far as it can tell without beginning one.
pub(super) async fn parses(session: &Session<'_>, update: &PartitionUpdate<'_>) -> Result<(), DatabaseError> {
    let table = name(session.database, update.table)?;
    let plainest = format!("ALTER TABLE {} UPDATE a = 1 IN PARTITION ID 'a' WHERE 1", table.sql());
    let as_written = Mutation { update, id: "a", tag: "" }.sql(&table);
    match session.ask(&format!("EXPLAIN AST {plainest}")).await {
        Err(error) if error.code.as_deref() == Some(SYNTAX_ERROR) => {
            let message = "this ClickHouse cannot change a partition by itself (ALTER TABLE … UPDATE … IN PARTITION), \
                           as those of 2021 and later can";
            Err(session.database.refuse(message))
        }
        Err(error) => Err(error),
        Ok(_) => session.ask(&format!("EXPLAIN AST {as_written}")).await.map(drop),
    }
}

/// Ends the mutation of a tag, where there is one.
pub(in crate::database) async fn end(database: &Database, table: &str, tag: &str) -> Result<(), DatabaseError> {
    kill(database, &name(database, table)?, tag).await
}

async fn kill(database: &Database, table: &TableName, tag: &str) -> Result<(), DatabaseError> {
    let (own, settings) = (own_tag(), std::collections::BTreeMap::new());
    let session = Session::new(database, &own, &settings, KILL_TIMEOUT);
    session.act(&format!("KILL MUTATION WHERE NOT is_done AND {}", found_by(table, tag))).await?;
    let until_gone = async {
        while told(&session, table, tag).await?.is_some_and(|told| !told.is_done) {
            tokio::time::sleep(POLL_FIRST).await;
        }
        Ok(())
    };
    tokio::time::timeout(LISTED_MAX, until_gone).await.unwrap_or(Ok(()))
}

/// The text in the statement that it is found by; no other tag has it within its own.
fn mark(tag: &str) -> String {
    format!("{tag};")
}

fn found_by(table: &TableName, tag: &str) -> String {
    format!("{} AND position(command, {}) > 0", table.is("table"), literal(&mark(tag)))
}

impl Mutation<'_> {
    async fn to_its_end(
        &self,
        session: &Session<'_>,
        table: &TableName,
        cancel: &CancellationToken,
    ) -> Result<(), DatabaseError> {
        if told(session, table, self.tag).await?.is_none() {
            session.act_with(&self.sql(table), &[("mutations_sync", "0")]).await?;
        }
        let (mut pause, mut failing, mut missing) = (POLL_FIRST, 0, 0);
        loop {
            match told(session, table, self.tag).await? {
                Some(Told { is_done: true, .. }) => return Ok(()),
                Some(Told { failure: Some(reason), .. }) if failing >= FAILING => {
                    return Err(session.database.tell(Failure::new(Trouble::Partial, reason)));
                }
                Some(Told { failure, .. }) => failing = if failure.is_some() { failing + 1 } else { 0 },
                None if missing >= FAILING => {
                    let message = "the server does not list the update any more: it was ended there";
                    return Err(session.database.tell(Failure::new(Trouble::Partial, message)));
                }
                None => missing += 1,
            }
            tokio::select! {
                () = cancel.cancelled() => {
                    return Err(session.database.tell(Failure::new(Trouble::Ended, "the update was ended")));
                }
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(POLL_MAX),
            }
        }
    }

    fn sql(&self, table: &TableName) -> String {
        let (set, mark) = (self.update.set, literal(&mark(self.tag)));
        let filter = self.update.filter.map(|filter| format!("({filter}\n) AND ")).unwrap_or_default();
        let id = literal(self.id);
        // The line break ends a comment.
        format!("ALTER TABLE {} UPDATE {set}\nIN PARTITION ID {id} WHERE {filter}{mark} != ''", table.sql())
    }
}

async fn told(session: &Session<'_>, table: &TableName, tag: &str) -> Result<Option<Told>, DatabaseError> {
    let sql = format!(
        "SELECT is_done, latest_fail_reason FROM system.mutations WHERE {} ORDER BY create_time DESC LIMIT 1",
        found_by(table, tag)
    );
    let Answer { rows, .. } = session.ask(&sql).await?;
    Ok(rows.first().map(|row| Told {
        is_done: text(row, 0) == Some("1"),
        failure: text(row, 1).filter(|reason| !reason.is_empty()).map(str::to_owned),
    }))
}
