//! Tables of ClickHouse that are copied partition by partition: their texts, one partition, and which are left.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::database::{Partition, TableCopy};
use crate::model::{Action, CopyBy, Operation, Verification};
use crate::run::{Fault, FaultKind, Part, Phase, Slice, Unit};

use super::operation::Job;
use super::perform::{Came, fault};
use super::site::{Site, Texts};

/// How often a partition is copied again because something was inserted into it meanwhile.
const AGAIN_MAX: usize = 3;

/// The texts of an operation that copies a table partition by partition.
pub(super) struct CopyTexts {
    pub from: String,
    pub to: String,
    columns: Vec<String>,
    filter: Option<String>,
    pub verify: Verification,
    settings: BTreeMap<String, String>,
}

impl CopyTexts {
    /// The texts, rendered; nothing where the operation is of another kind.
    pub fn of(site: &Site, texts: &Texts, operation: &Operation) -> Result<Option<CopyTexts>, String> {
        let Action::Copy { from, to, columns, filter, by: CopyBy::Partition, verify, .. } = &operation.action else {
            return Ok(None);
        };
        let name = operation.target.as_deref().unwrap_or_default();
        let context = site.context(texts, Some(name), None);
        let sql = |template| site.sql(template, name, &context);
        Ok(Some(CopyTexts {
            from: sql(from)?,
            to: sql(to)?,
            columns: columns.clone(),
            filter: filter.as_ref().map(&sql).transpose()?,
            verify: *verify,
            settings: operation.settings.clone(),
        }))
    }

    /// As the database takes it.
    pub fn copy(&self, timeout: Duration) -> TableCopy<'_> {
        TableCopy {
            from: &self.from,
            to: &self.to,
            columns: &self.columns,
            filter: self.filter.as_deref(),
            verify: self.verify,
            settings: &self.settings,
            timeout,
        }
    }
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

/// Copies one partition.
pub(super) async fn perform(site: &Site, texts: &Texts, job: &Job, cancel: &CancellationToken) -> Result<Came, String> {
    let texts = CopyTexts::of(site, texts, &job.operation)?.ok_or("it does not go by partitions")?;
    let Some(Slice::Partition { id, .. }) = &job.part.slice else {
        return Err("its partition is not known".to_owned());
    };
    let database = match job.database(site).await {
        Ok(database) => database,
        Err(fault) => return Ok(Came::Failed(fault)),
    };
    let attempt = uuid::Uuid::now_v7().simple().to_string();
    let copied = database.copy_partition(&texts.copy(job.timeout), id, &job.tag, &job.staging, &attempt, cancel).await;
    Ok(match copied {
        Ok(rows) => Came::Done(Some(format!("{rows} row{}", if rows == 1 { "" } else { "s" }))),
        Err(error) => Came::Failed(fault(site, &error)),
    })
}

/// Drops what an attempt that was ended has left, where it is one of a partition.
pub(super) async fn clean(site: &Site, texts: &Texts, job: &Job) -> Result<(), String> {
    let Some(texts) = CopyTexts::of(site, texts, &job.operation)? else { return Ok(()) };
    let database = job.database(site).await.map_err(|fault| fault.message)?;
    database.drop_staging(&texts.to, &job.staging).await.map_err(|error| error.to_string())
}

/// The part of a partition.
pub(super) fn part(host: Option<String>, partition: Partition) -> Part {
    let Partition { id, rows, bytes, block } = partition;
    Part { host, item: None, slice: Some(Slice::Partition { id, rows, bytes, block }) }
}

/// The partitions of one host that were not copied yet: those that appeared, and where the copy is verified, those into
/// which something was inserted since.
pub(super) fn left(
    phase: &Phase,
    host: Option<&str>,
    present: Vec<Partition>,
    verify: Verification,
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
            Some((block, _)) if verify == Verification::None || *block >= partition.block => continue,
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
        assert_eq!(ids(left(&phase, None, present(), Verification::Count)), Ok(vec!["b".into(), "c".into()]));
        assert_eq!(ids(left(&phase, None, present(), Verification::None)), Ok(vec!["c".into()]));
        assert_eq!(ids(left(&phase, Some("other"), present(), Verification::None)).map(|ids| ids.len()), Ok(3));
    }

    #[test]
    fn what_changes_again_and_again_is_for_a_person() {
        let three = phase(&[("a", 1), ("a", 2), ("a", 3)]);
        assert_eq!(ids(left(&three, None, vec![partition("a", 4)], Verification::Count)), Ok(vec!["a".into()]));
        let four = phase(&[("a", 1), ("a", 2), ("a", 3), ("a", 4)]);
        assert_eq!(ids(left(&four, None, vec![partition("a", 4)], Verification::Count)), Ok(vec![]));
        assert!(left(&four, None, vec![partition("a", 5)], Verification::Count).is_err());
    }

    #[test]
    fn a_staging_name_is_the_beginning_of_no_other() {
        let unit = |part| Unit { operation: "copy".into(), direction: Direction::Do, part };
        let (one, twelve) = (staging("run", &unit(1)), staging("run", &unit(12)));
        assert!(!format!("{twelve}_").starts_with(&format!("{one}_")) && one != staging("other", &unit(1)));
    }
}
