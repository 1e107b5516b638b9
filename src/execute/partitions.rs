//! Tables of ClickHouse that are copied or changed partition by partition: their texts, one partition, and which are left.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::database::{CopyFacts, Database, DatabaseError, Destination, Leave, Partition, PartitionUpdate, TableCopy};
use crate::model::{Action, BackfillChange, Operation, SliceBy, Verification};
use crate::run::{Fault, FaultKind, Part, Phase, Slice, Unit};

use super::flight::Ground;
use super::operation::Job;
use super::perform::{Came, fault, told_rows};
use super::site::{Site, Texts};

/// How often a partition is copied again because something was inserted into it meanwhile.
const AGAIN_MAX: usize = 3;

/// The texts of an operation that goes partition by partition.
pub(super) struct PartitionTexts {
    table: String,
    filter: Option<String>,
    change: ChangeTexts,
    settings: BTreeMap<String, String>,
}

enum ChangeTexts {
    Set(String),
    Copy { to: String, columns: Vec<String>, is_final: bool, verify: Verification },
}

impl PartitionTexts {
    /// The texts, rendered; nothing where the operation is of another kind.
    pub fn of(site: &Site, texts: &Texts, operation: &Operation) -> Result<Option<PartitionTexts>, String> {
        let name = operation.target.as_deref().unwrap_or_default();
        let context = site.context(texts, Some(name), None);
        let sql = |template| site.sql(template, name, &context);
        let (table, filter, change) = match &operation.action {
            Action::Copy { from, to, columns, filter, is_final, by: SliceBy::Partition, verify, .. } => {
                let (to, columns) = (sql(to)?, columns.clone());
                let change = ChangeTexts::Copy { to, columns, is_final: *is_final, verify: *verify };
                (from, filter, change)
            }
            Action::Backfill { table, by: SliceBy::Partition, filter, change: BackfillChange::Set(set), .. } => {
                (table, filter, ChangeTexts::Set(sql(set)?))
            }
            Action::Copy { .. }
            | Action::Backfill { .. }
            | Action::Sql { .. }
            | Action::ForEach { .. }
            | Action::Wait { .. }
            | Action::Verify { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. } => return Ok(None),
        };
        let (table, filter) = (sql(table)?, filter.as_ref().map(&sql).transpose()?);
        Ok(Some(PartitionTexts { table, filter, change, settings: operation.settings.clone() }))
    }

    /// As the database takes it.
    fn work(&self, timeout: Duration) -> Work<'_> {
        let (table, filter, settings) = (self.table.as_str(), self.filter.as_deref(), &self.settings);
        match &self.change {
            ChangeTexts::Set(set) => Work::Update(PartitionUpdate { table, set, filter, settings, timeout }),
            ChangeTexts::Copy { to, columns, is_final, verify } => {
                let (is_final, verify) = (*is_final, *verify);
                Work::Copy(TableCopy { from: table, to, columns, filter, is_final, verify, settings, timeout })
            }
        }
    }

    /// The table whose partitions they are.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The table that is filled.
    pub fn to(&self) -> Option<&str> {
        match &self.change {
            ChangeTexts::Copy { to, .. } => Some(to.as_str()),
            ChangeTexts::Set(_) => None,
        }
    }

    /// Whether it is about some rows of each partition only, so that nobody knows how many.
    pub fn is_of_some(&self) -> bool {
        self.filter.is_some() || matches!(self.change, ChangeTexts::Copy { is_final: true, .. })
    }

    /// Whether a partition into which something is inserted later is done again.
    pub fn follows_inserts(&self) -> bool {
        match &self.change {
            ChangeTexts::Copy { verify, .. } => *verify != Verification::None,
            ChangeTexts::Set(_) => false,
        }
    }

    /// What it takes, or why it cannot be.
    pub async fn facts(
        &self,
        database: &Database,
        destination: Destination,
        timeout: Duration,
    ) -> Result<CopyFacts, DatabaseError> {
        match self.work(timeout) {
            Work::Copy(copy) => database.copy_facts(&copy, destination).await,
            Work::Update(update) => database.update_facts(&update).await,
        }
    }

    /// So many rows of a copy that is thrown away again, and how long they took; nothing where that cannot be told.
    pub async fn pilot(&self, database: &Database, rows: u64, timeout: Duration) -> Option<(u64, Duration)> {
        let Work::Copy(copy) = self.work(timeout) else { return None };
        let staging = format!("orchestrate_pilot_{}", uuid::Uuid::now_v7().simple());
        database.pilot_copy(&copy, rows, &staging).await.ok().flatten()
    }
}

enum Work<'a> {
    Copy(TableCopy<'a>),
    Update(PartitionUpdate<'a>),
}

/// What the names of a unit's staging tables begin with, before an underscore.
pub(super) fn staging(run: &str, unit: &Unit) -> String {
    let mut digest = Sha256::new();
    digest.update(run);
    digest.update("/");
    digest.update(&unit.operation);
    digest.update(unit.direction.as_str());
    let digest = digest.finalize();
    let word = digest.iter().take(6).fold(String::new(), |word, byte| word + &format!("{byte:02x}"));
    format!("orchestrate_{word}_{}", unit.part)
}

/// Copies or changes one partition.
pub(super) async fn perform(ground: &Ground, job: &Job, cancel: &CancellationToken) -> Result<Came, String> {
    let site = &ground.site;
    let texts = PartitionTexts::of(site, &ground.texts, &job.operation)?.ok_or("it does not go by partitions")?;
    let Some(Slice::Partition { id, rows, .. }) = &job.part.slice else {
        return Err("its partition is not known".to_owned());
    };
    let database = match job.database(site).await {
        Ok(database) => database,
        Err(fault) => return Ok(Came::Failed(fault)),
    };
    let done = match texts.work(job.timeout) {
        Work::Copy(copy) => {
            let attempt = uuid::Uuid::now_v7().simple().to_string();
            let confirm = || -> BoxFuture<'_, bool> { Box::pin(ground.is_ours()) };
            let leave = Leave { cancel, confirm: &confirm };
            database.copy_partition(&copy, id, &job.tag, &job.staging, &attempt, leave).await
        }
        Work::Update(update) => database.update_partition(&update, id, &job.tag, cancel).await.map(|()| *rows),
    };
    Ok(match done {
        Ok(rows) => Came::done(Some(told_rows(rows))),
        Err(error) => Came::Failed(fault(site, &error)),
    })
}

/// Ends and drops what an attempt that was cut off has left at the server, where it is one of a partition.
pub(super) async fn clean(site: &Site, texts: &Texts, job: &Job) -> Result<(), String> {
    let Some(texts) = PartitionTexts::of(site, texts, &job.operation)? else { return Ok(()) };
    let database = job.database(site).await.map_err(|fault| fault.message)?;
    let cleaned = match texts.work(job.timeout) {
        Work::Copy(copy) => database.drop_staging(copy.to, &job.staging).await,
        Work::Update(update) => database.end_update(update.table, &job.tag).await,
    };
    cleaned.map_err(|error| error.to_string())
}

/// The part of a partition.
pub(super) fn part(host: Option<String>, partition: Partition) -> Part {
    let Partition { id, rows, bytes, block } = partition;
    Part { host, item: None, slice: Some(Slice::Partition { id, rows, bytes, block }) }
}

/// The partitions of one host that are left: those that appeared, and where inserts are followed, those into which something
/// was inserted since.
pub(super) fn left(
    phase: &Phase,
    host: Option<&str>,
    present: Vec<Partition>,
    follows_inserts: bool,
) -> Result<Vec<Part>, Fault> {
    let mut known: BTreeMap<&str, (i64, usize)> = BTreeMap::new();
    for part in phase.parts().iter().filter(|part| part.part.host.as_deref() == host) {
        if let Some(Slice::Partition { id, block, .. }) = &part.part.slice {
            let (last, times) = known.entry(id.as_str()).or_insert((*block, 0));
            (*last, *times) = ((*last).max(*block), *times + 1);
        }
    }
    let mut parts = Vec::new();
    for partition in present {
        match known.get(partition.id.as_str()) {
            Some((block, _)) if !follows_inserts || *block >= partition.block => continue,
            Some((_, times)) if *times > AGAIN_MAX => {
                let id = &partition.id;
                let message = format!(
                    "something was inserted into the partition {id} each of the {times} times that it was copied; \
                     stop what writes to the table, or collect that elsewhere and say `verify: none`"
                );
                return Err(Fault { kind: FaultKind::Refused, message });
            }
            Some(_) | None => parts.push(part(host.map(str::to_owned), partition)),
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Direction, PartState};

    fn partition(id: &str, block: i64) -> Partition {
        Partition { id: id.into(), rows: 1, bytes: 1, block }
    }

    fn phase(partitions: &[(&str, i64)]) -> Phase {
        let parts = partitions.iter().map(|(id, block)| PartState::new(part(None, partition(id, *block)))).collect();
        Phase { parts: Some(parts), ..Phase::default() }
    }

    fn ids(parts: Result<Vec<Part>, Fault>) -> Result<Vec<String>, String> {
        let id = |part: Part| match part.slice {
            Some(Slice::Partition { id, .. }) => id,
            Some(Slice::Keys { .. }) | None => String::new(),
        };
        parts.map(|parts| parts.into_iter().map(id).collect()).map_err(|fault| fault.message)
    }

    #[test]
    fn what_appeared_or_changed_is_left() {
        let phase = phase(&[("a", 5), ("b", 5)]);
        let present = || vec![partition("a", 5), partition("b", 6), partition("c", 1)];
        assert_eq!(ids(left(&phase, None, present(), true)), Ok(vec!["b".into(), "c".into()]));
        assert_eq!(ids(left(&phase, None, present(), false)), Ok(vec!["c".into()]));
        assert_eq!(ids(left(&phase, Some("other"), present(), false)).map(|ids| ids.len()), Ok(3));
    }

    #[test]
    fn what_changes_again_and_again_is_for_a_person() {
        let three = phase(&[("a", 1), ("a", 2), ("a", 3)]);
        assert_eq!(ids(left(&three, None, vec![partition("a", 4)], true)), Ok(vec!["a".into()]));
        let four = phase(&[("a", 1), ("a", 2), ("a", 3), ("a", 4)]);
        assert_eq!(ids(left(&four, None, vec![partition("a", 4)], true)), Ok(vec![]));
        assert!(left(&four, None, vec![partition("a", 5)], true).is_err());
    }

    #[test]
    fn a_staging_name_is_the_beginning_of_no_other() {
        let unit = |part| Unit { operation: "copy".into(), direction: Direction::Do, part };
        let (one, twelve) = (staging("run", &unit(1)), staging("run", &unit(12)));
        assert!(!format!("{twelve}_").starts_with(&format!("{one}_")) && one != staging("other", &unit(1)));
    }
}
