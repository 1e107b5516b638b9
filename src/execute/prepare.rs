//! Finds out the parts of an operation: the rows of `for_each`, the hosts of `each_shard`, the slices of a large table.

use std::time::Duration;

use crate::database::{Database, DatabaseError, Destination, Keyed};
use crate::model::{Action, Engine, Operation, Scope};
use crate::run::{Fault, FaultKind, Part, Phase, Slice};

use super::forecast::{fits, full};
use super::keys::{KeyedTexts, batch_timeout, first_batch, last_look};
use super::partitions::{self, PartitionTexts};
use super::perform::{fault, unsent};
use super::site::{Site, Texts};

/// More rows than this are not what `for_each` is for.
const ROWS_MAX: usize = 10_000;
/// Stretches of keys that a copy is cut into, so that more or fewer of them can be moved at once while it runs.
const STRETCHES: u32 = 16;
/// Fewer rows than this are not worth cutting.
const STRETCH_ROWS: u64 = 10_000;

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// The parts, fixed from here on.
    pub parts: Vec<Part>,
    /// Whether it is looked for more at the end.
    pub may_grow: bool,
    /// The rows of the first batch.
    pub batch: Option<u64>,
}

/// What the parts of an operation are found out with.
pub(super) struct Preparation<'a> {
    pub site: &'a Site,
    pub texts: &'a Texts,
    pub operation: &'a Operation,
    pub timeout: Duration,
    /// How long a batch is to take.
    pub batch_target: Duration,
    /// Rows in a second of a small piece, where that was seen.
    pub rows_per_s: Option<u64>,
}

fn refused(message: String) -> Fault {
    Fault { kind: FaultKind::Refused, message }
}

impl Preparation<'_> {
    fn lost(&self) -> impl Fn(DatabaseError) -> Fault + Copy {
        |error| unsent(fault(self.site, &error))
    }

    fn name(&self) -> &str {
        self.operation.target.as_deref().unwrap_or_default()
    }

    /// The hosts that it runs on; one without a name where it runs where the target's URL leads.
    async fn hosts(&self) -> Result<Vec<(Option<String>, Database)>, Fault> {
        let database = &self.site.target(self.name()).map_err(refused)?.database;
        match self.operation.scope {
            Scope::EachShard => {
                let hosts = database.shards().await.map_err(self.lost())?;
                Ok(hosts.into_iter().map(|host| (Some(host.name), host.database)).collect())
            }
            Scope::Server | Scope::Cluster => Ok(vec![(None, database.clone())]),
        }
    }

    /// Its parts.
    pub async fn parts(&self) -> Result<Prepared, Fault> {
        match &self.operation.action {
            Action::ForEach { rows, .. } => {
                let context = self.site.context(self.texts, Some(self.name()), None);
                let sql = self.site.sql(rows, self.name(), &context).map_err(refused)?;
                let mut parts = Vec::new();
                for (host, database) in self.hosts().await? {
                    let rows = database.rows(&sql, self.timeout, ROWS_MAX).await.map_err(self.lost())?;
                    parts.extend(rows.into_iter().map(|item| Part {
                        host: host.clone(),
                        item: Some(item),
                        slice: None,
                    }));
                }
                Ok(Prepared { parts, ..Prepared::default() })
            }
            Action::Copy { .. } | Action::Backfill { .. } => self.slices().await,
            Action::Sql { .. }
            | Action::Wait { .. }
            | Action::Verify { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. } => {
                let hosts = self.hosts().await?;
                let parts = hosts.into_iter().map(|(host, _)| Part { host, ..Part::default() }).collect();
                Ok(Prepared { parts, ..Prepared::default() })
            }
        }
    }

    async fn slices(&self) -> Result<Prepared, Fault> {
        let engine = self.site.target(self.name()).map_err(refused)?.database.engine();
        fits(self.operation, engine).map_err(refused)?;
        if let Some(moved) = PartitionTexts::of(self.site, self.texts, self.operation).map_err(refused)? {
            let mut parts = Vec::new();
            for (host, database) in self.hosts().await? {
                let facts = moved.facts(&database, Destination::Empty, self.timeout).await.map_err(self.lost())?;
                self.has_room(host.as_deref(), facts.bytes, facts.free_bytes)?;
                parts.extend(facts.partitions.into_iter().map(|found| partitions::part(host.clone(), found)));
            }
            return Ok(Prepared { parts, may_grow: true, batch: None });
        }
        let keyed = KeyedTexts::of(self.site, self.texts, self.operation).map_err(refused)?;
        let keyed = keyed.ok_or_else(|| refused("it moves no table".to_owned()))?;
        let keyed = keyed.keyed(batch_timeout(self.operation, self.batch_target));
        let database = &self.site.target(self.name()).map_err(refused)?.database;
        self.stretches(database, &keyed).await
    }

    /// Without room it is tried again later: somebody may make some.
    fn has_room(&self, host: Option<&str>, needed: u64, free: Option<u64>) -> Result<(), Fault> {
        let kind = FaultKind::Transient;
        full(self.operation, host, needed, free).map_or(Ok(()), |why| Err(Fault { kind, message: format!("it {why}") }))
    }

    async fn stretches(&self, database: &Database, keyed: &Keyed<'_>) -> Result<Prepared, Fault> {
        let facts = database.keyed_facts(keyed).await.map_err(self.lost())?;
        database.keyed_destination(keyed, Destination::Empty).await.map_err(self.lost())?;
        self.has_room(None, facts.bytes, facts.free_bytes)?;
        let (stretches, batch) = match &self.operation.action {
            Action::Copy { .. } if engine_cuts(database.engine()) && facts.rows >= STRETCH_ROWS => (STRETCHES, None),
            Action::Backfill { batch, .. } => (1, *batch),
            Action::Copy { .. }
            | Action::Sql { .. }
            | Action::ForEach { .. }
            | Action::Wait { .. }
            | Action::Verify { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. } => (1, None),
        };
        let cuts = database.key_splits(keyed, stretches).await.map_err(self.lost())?;
        let batch = match batch {
            Some(batch) => Some(batch),
            None => first_batch(database, keyed, self.batch_target, self.rows_per_s).await,
        };
        let count = u64::try_from(cuts.len()).unwrap_or(u64::MAX).saturating_add(1);
        let bounds: Vec<_> = std::iter::once(None).chain(cuts.into_iter().map(Some)).chain([None]).collect();
        let part = |bounds: &[Option<crate::model::Key>]| {
            let [after, until] = bounds else { return Part::default() };
            let slice = Slice::Keys { after: after.clone(), until: until.clone(), rows: facts.rows / count };
            Part { slice: Some(slice), ..Part::default() }
        };
        Ok(Prepared { parts: bounds.windows(2).map(part).collect(), may_grow: count > 1, batch })
    }

    /// What is left when its parts are done.
    pub async fn more(&self, phase: &Phase) -> Result<Vec<Part>, Fault> {
        let moved = PartitionTexts::of(self.site, self.texts, self.operation).map_err(refused)?;
        let Some(moved) = moved else { return Ok(last_look(phase)) };
        let mut parts = Vec::new();
        for (host, database) in self.hosts().await? {
            let present = database.partitions(moved.table()).await.map_err(self.lost())?;
            parts.extend(partitions::left(phase, host.as_deref(), present, moved.follows_inserts())?);
        }
        Ok(parts)
    }
}

fn engine_cuts(engine: Engine) -> bool {
    match engine {
        Engine::Postgres => true,
        Engine::Sqlite | Engine::ClickHouse => false,
    }
}
