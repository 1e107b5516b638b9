//! Does one unit of work and says what came of it.

use crate::database::{DatabaseError, Statement, Trouble};
use crate::model::{Action, Engine, Key, Scope, SliceBy, Template};
use crate::run::{Fault, FaultKind};
use crate::sql::token::final_tokens;

use super::cluster;
use super::flight::Ground;
use super::operation::Job;
use super::site::{Site, Texts};
use super::{keys, observation, outside, partitions};

/// What came of a unit.
#[derive(Debug)]
pub(super) enum Came {
    /// It is done.
    Done {
        /// What was told about it.
        told: Option<String>,
        /// What it printed or was answered.
        output: Option<String>,
    },
    /// Not yet: it is asked again later. What was answered, where anything was.
    NotYet(Option<String>),
    /// A batch of it is done; without rows nothing is left in its range.
    Advanced { batch: u64, high: Option<Key>, rows: u64, ms: u64 },
    /// A batch of it did not work, and left nothing.
    BatchFailed { batch: u64, high: Option<Key>, rows: u64, is_late: bool, message: String },
    /// It did not work.
    Failed(Fault),
}

impl Came {
    /// Done, with what was told about it.
    pub fn done(told: Option<String>) -> Came {
        Came::Done { told, output: None }
    }
}

/// What an error of a database says about the effect.
pub(super) fn fault(site: &Site, error: &DatabaseError) -> Fault {
    let kind = match error.trouble {
        Trouble::Transient => FaultKind::Transient,
        Trouble::Refused => FaultKind::Refused,
        Trouble::Partial | Trouble::Timeout => FaultKind::Partial,
        Trouble::Lost | Trouble::Running => FaultKind::Lost,
        Trouble::Ended => FaultKind::Ended,
    };
    Fault { kind, message: site.scrub.clean(&error.to_string()) }
}

/// The same where nothing was changed by asking: a lost answer is worth another try.
pub(super) fn unsent(mut fault: Fault) -> Fault {
    if fault.kind == FaultKind::Lost {
        fault.kind = FaultKind::Transient;
    }
    fault
}

/// A number of rows, as the journal has it.
pub(super) fn told_rows(rows: u64) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

pub(super) fn refused(message: String) -> Came {
    Came::Failed(Fault { kind: FaultKind::Refused, message })
}

/// Does a unit. `wait` is asked once.
pub(super) async fn perform(ground: &Ground, job: &Job, cancel: &tokio_util::sync::CancellationToken) -> Came {
    let (site, texts): (&Site, &Texts) = (&ground.site, &ground.texts);
    let Job { operation, .. } = job;
    let result = match &operation.action {
        Action::Sql { sql } | Action::ForEach { sql, .. } => statement(site, texts, job, sql).await,
        Action::Wait { probe, fail_when, .. } => {
            observation::wait(site, texts, job, probe, fail_when.as_ref(), cancel).await
        }
        Action::Verify { probe } => observation::verify(site, texts, job, probe, cancel).await,
        Action::Command { argv, env, cwd } => {
            let context = job.context(site, texts);
            let program = outside::Program { argv, env, cwd: cwd.as_ref() };
            outside::command(site, &program, &context, job.timeout, cancel, &job.tag).await
        }
        Action::Http { method, url, headers, body, expect_status } => {
            let context = job.context(site, texts);
            let call = outside::Http { method, url, headers, body: body.as_ref(), expect_status: *expect_status };
            outside::call(site, &call, &context, job.timeout, cancel).await
        }
        Action::Manual { .. } => Ok(Came::NotYet(None)),
        Action::Copy { by: SliceBy::Partition, .. } | Action::Backfill { by: SliceBy::Partition, .. } => {
            partitions::perform(ground, job, cancel).await
        }
        Action::Copy { by: SliceBy::Key(_), .. } | Action::Backfill { by: SliceBy::Key(_), .. } => {
            keys::perform(site, texts, job).await
        }
    };
    result.unwrap_or_else(refused)
}

async fn statement(site: &Site, texts: &Texts, job: &Job, sql: &Template) -> Result<Came, String> {
    let name = job.operation.target.as_deref().unwrap_or_default();
    let mut sql = site.sql(sql, name, &job.context(site, texts))?;
    if job.operation.scope == Scope::Cluster {
        let cluster = site.target(name)?.names.cluster.clone();
        let cluster = cluster.ok_or_else(|| format!("the target `{name}` names no cluster for `scope: cluster`"))?;
        sql = cluster::on_cluster(&sql, &cluster)?;
    }
    if sql.trim().is_empty() {
        return Ok(Came::done(Some("there was nothing to send".to_owned())));
    }
    let database = match job.database(site).await {
        Ok(database) => database,
        Err(fault) => return Ok(Came::Failed(fault)),
    };
    let is_marked = job.operation.transaction && database.engine() != Engine::ClickHouse;
    let mut settings = job.operation.settings.clone();
    if job.operation.scope == Scope::Cluster {
        cluster::wait_for_hosts(&mut settings, job.timeout);
    }
    let statement = Statement {
        sql: &sql,
        tag: &job.tag,
        settings: &settings,
        timeout: job.timeout,
        transaction: is_marked,
        mark: is_marked,
    };
    Ok(match database.run(&statement).await {
        Ok(effect) => Came::done(effect.rows_affected.map(told_rows)),
        Err(error) => {
            let mut fault = fault(site, &error);
            fault.kind = match (fault.kind, is_marked) {
                // The transaction was rolled back whole.
                (FaultKind::Partial, true) => FaultKind::Refused,
                // One statement may leave something without a transaction, such as an index that is not valid.
                (FaultKind::Refused, false) if database.engine() != Engine::ClickHouse || is_done_in_turn(&sql) => {
                    FaultKind::Partial
                }
                (kind, _) => kind,
            };
            Came::Failed(fault)
        }
    })
}

/// Whether ClickHouse does it one after another, so that what is refused may have been begun: a RENAME of several tables.
fn is_done_in_turn(sql: &str) -> bool {
    let tokens = final_tokens(sql, Engine::ClickHouse);
    tokens.first().is_some_and(|token| token.is_word("RENAME")) && tokens.iter().any(|token| token.is_symbol(","))
}

#[cfg(test)]
mod tests {
    use super::is_done_in_turn;

    #[test]
    fn a_rename_of_several_tables_may_end_in_its_middle() {
        let told = [
            "rename table a to b, c to d",
            "/* x */ RENAME TABLE a TO b",
            "ALTER TABLE a DROP COLUMN b, DROP COLUMN c",
        ];
        assert_eq!(told.map(is_done_in_turn), [true, false, false]);
    }
}
