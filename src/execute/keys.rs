//! Tables that are moved by a key, batch by batch (Postgres, SQLite): their texts, one batch, and how large the first one is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::database::{Batch, BatchFailure, Change, Database, Keyed, Sweep, Trouble};
use crate::model::{Action, BackfillChange, Engine, Key, Operation, SliceBy, Verification};
use crate::run::{FaultKind, Part, Phase, Slice, State, Unit};

use super::operation::Job;
use super::perform::{Came, fault};
use super::site::{Site, Texts};

/// How long a batch may take that nothing is said about, at least, and as so many times what it is to take.
const BATCH_TIMEOUT: Duration = Duration::from_secs(60);
const BATCH_TIMEOUT_TARGETS: u32 = 10;
/// Rows that are tried first; ten times as many where they are done at once.
const PILOT_ROWS: u64 = 1_000;
const PILOT_SHORT: Duration = Duration::from_millis(50);
/// Where there is one writer at a time, others get their turn between batches: about so often, which is less than they mostly
/// wait, and for a little longer than SQLite sleeps before it looks again.
const TURN_EVERY: Duration = Duration::from_secs(3);
const TURN: Duration = Duration::from_millis(110);

/// The batch that a unit does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NextBatch {
    pub number: u64,
    pub after: Option<Key>,
    pub until: Option<Key>,
    pub rows: u64,
    /// Where rows that came behind are to be looked for.
    pub sweep: Option<Behind>,
}

/// Where rows that came behind the batches are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behind {
    /// The key before the first one; nothing from the beginning.
    pub after: Option<Key>,
    /// Whether nothing else is done: it is the last look through all stretches.
    pub is_all: bool,
}

impl NextBatch {
    /// The next batch of a unit; nothing where it does not go by batches, or none is left.
    pub fn of(state: &State, unit: &Unit, settings: &crate::run::Settings) -> Option<NextBatch> {
        let walk = state.walk(unit)?;
        let range = walk.at_hand()?;
        let slice = state.part(unit)?.part.slice.as_ref();
        let after = match slice {
            Some(Slice::Keys { after, .. }) => after.clone(),
            Some(Slice::Partition { .. }) | None => None,
        };
        // Rows may come into any stretch until the last one is done: one look at the end is for all of them.
        let is_one_of_many = state.phase(&unit.operation, unit.direction)?.parts().len() > 1;
        let is_all = is_one_of_many && slice.is_some_and(is_whole);
        let sweeps = walk.sweeps() && (is_all || !is_one_of_many);
        Some(NextBatch {
            number: walk.next_batch(),
            after: range.after.clone(),
            until: range.until.clone(),
            rows: state.batch_rows(unit, settings),
            sweep: sweeps.then_some(Behind { after, is_all }),
        })
    }
}

/// Whether a slice is all keys.
fn is_whole(slice: &Slice) -> bool {
    matches!(slice, Slice::Keys { after: None, until: None, .. })
}

/// The last look through the table of a copy that was cut into stretches, for the rows that came behind their batches; nothing
/// once it was taken.
pub(super) fn last_look(phase: &Phase) -> Vec<Part> {
    let is_taken = phase.parts().iter().any(|part| part.part.slice.as_ref().is_some_and(is_whole));
    let slice = Some(Slice::Keys { after: None, until: None, rows: 0 });
    if is_taken { Vec::new() } else { vec![Part { slice, ..Part::default() }] }
}

/// How long a batch may take.
pub(super) fn batch_timeout(operation: &Operation, target: Duration) -> Duration {
    operation.timeout.unwrap_or_else(|| BATCH_TIMEOUT.max(target.saturating_mul(BATCH_TIMEOUT_TARGETS)))
}

/// The texts of an operation that moves a table by a key.
pub(super) struct KeyedTexts {
    table: String,
    key: Vec<String>,
    filter: Option<String>,
    change: ChangeTexts,
    settings: BTreeMap<String, String>,
}

enum ChangeTexts {
    Set(String),
    Sql(String),
    Copy { to: String, columns: Vec<String>, verify: Verification },
}

impl KeyedTexts {
    /// The texts, rendered; nothing where the operation is of another kind.
    pub fn of(site: &Site, texts: &Texts, operation: &Operation) -> Result<Option<KeyedTexts>, String> {
        let name = operation.target.as_deref().unwrap_or_default();
        let context = site.context(texts, Some(name), None);
        let sql = |template| site.sql(template, name, &context);
        let (table, key, filter, change) = match &operation.action {
            Action::Copy { from, to, columns, filter, by: SliceBy::Key(key), verify, .. } => {
                let change = ChangeTexts::Copy { to: sql(to)?, columns: columns.clone(), verify: *verify };
                (from, key, filter, change)
            }
            Action::Backfill { table, by: SliceBy::Key(key), filter, change, .. } => {
                let change = match change {
                    BackfillChange::Set(set) => ChangeTexts::Set(sql(set)?),
                    BackfillChange::Sql(text) => ChangeTexts::Sql(sql(text)?),
                };
                (table, key, filter, change)
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
        let filter = filter.as_ref().map(&sql).transpose()?;
        let settings = operation.settings.clone();
        Ok(Some(KeyedTexts { table: sql(table)?, key: key.clone(), filter, change, settings }))
    }

    /// As the database takes it.
    pub fn keyed(&self, timeout: Duration) -> Keyed<'_> {
        let change = match &self.change {
            ChangeTexts::Set(set) => Change::Set(set),
            ChangeTexts::Sql(sql) => Change::Sql(sql),
            ChangeTexts::Copy { to, columns, verify } => Change::Copy { to, columns, verify: *verify },
        };
        let filter = self.filter.as_deref();
        Keyed { table: &self.table, key: &self.key, filter, change, settings: &self.settings, timeout }
    }

    /// The table that is walked through.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The table that is filled.
    pub fn to(&self) -> Option<&str> {
        match &self.change {
            ChangeTexts::Copy { to, .. } => Some(to.as_str()),
            ChangeTexts::Set(_) | ChangeTexts::Sql(_) => None,
        }
    }
}

/// Does one batch.
pub(super) async fn perform(site: &Site, texts: &Texts, job: &Job) -> Result<Came, String> {
    let moved = KeyedTexts::of(site, texts, &job.operation)?.ok_or("it does not go by a key")?;
    let next = job.batch.as_ref().ok_or("none of its batches is left")?;
    let database = match job.database(site).await {
        Ok(database) => database,
        Err(fault) => return Ok(Came::Failed(fault)),
    };
    let batch = Batch {
        tag: &job.tag,
        number: next.number,
        after: next.after.as_ref(),
        until: next.until.as_ref(),
        rows: next.rows,
        sweep: next.sweep.as_ref().map(|behind| Sweep { after: behind.after.as_ref(), is_all: behind.is_all }),
    };
    let begun = Instant::now();
    let moved = database.move_batch(&moved.keyed(job.timeout), &batch).await;
    let took = begun.elapsed();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    if database.engine() == Engine::Sqlite && is_turn(next.number, took) {
        tokio::time::sleep(TURN).await;
    }
    Ok(match moved {
        Ok(Some(moved)) => Came::Advanced { batch: next.number, high: moved.high, rows: moved.rows, ms },
        Ok(None) => Came::Advanced { batch: next.number, high: None, rows: 0, ms },
        Err(failure) => failed(site, next, failure),
    })
}

/// Whether it is the turn of others after a batch of this number that took this long.
fn is_turn(number: u64, took: Duration) -> bool {
    let batches = TURN_EVERY.as_millis() / took.as_millis().max(1);
    u128::from(number).is_multiple_of(batches.max(1))
}

fn failed(site: &Site, next: &NextBatch, failure: BatchFailure) -> Came {
    let mut fault = fault(site, &failure.error);
    // Without its last key it cannot be set aside. It left nothing: what it waited for will pass.
    if failure.is_late && failure.high.is_none() {
        fault.kind = FaultKind::Transient;
        return Came::Failed(fault);
    }
    let is_of_batch = match failure.error.trouble {
        Trouble::Refused | Trouble::Partial | Trouble::Timeout => true,
        Trouble::Transient | Trouble::Lost | Trouble::Ended | Trouble::Running => failure.is_late,
    };
    if !is_of_batch {
        return Came::Failed(fault);
    }
    let (batch, rows) = (next.number, next.rows);
    Came::BatchFailed { batch, high: failure.high, rows, is_late: failure.is_late, message: fault.message }
}

/// Rows in a second of a small batch that is taken back; nothing where that cannot be told.
pub(super) async fn pilot(database: &Database, keyed: &Keyed<'_>) -> Option<f64> {
    let mut rows = PILOT_ROWS;
    loop {
        let (done, took) = database.pilot(keyed, None, rows).await.ok()??;
        if done >= rows && took < PILOT_SHORT && rows == PILOT_ROWS {
            rows *= 10;
            continue;
        }
        let seconds = took.as_secs_f64();
        // Counts of rows lie far below 2^53.
        return (seconds > 0.0 && done > 0).then(|| done as f64 / seconds);
    }
}

/// How many rows the first batch is to have by the rate that was seen before, else by what a small one takes. One that is too
/// large is corrected by the next; one that is too small only by a fifth each time.
pub(super) async fn first_batch(
    database: &Database,
    keyed: &Keyed<'_>,
    target: Duration,
    seen: Option<u64>,
) -> Option<u64> {
    let rate = match seen {
        Some(rate) => rate as f64,
        None => pilot(database, keyed).await?,
    };
    let rows = (rate * target.as_secs_f64()).clamp(PILOT_ROWS as f64, 1e6);
    Some(rows as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_get_their_turn_every_three_seconds() {
        let turns = |ms| (1..=300).filter(|number| is_turn(*number, Duration::from_millis(ms))).count();
        assert_eq!([10, 1000, 4000].map(turns), [1, 100, 300]);
        assert!(!is_turn(1, Duration::ZERO));
    }
}
