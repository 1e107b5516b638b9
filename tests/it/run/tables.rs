//! Simulated large tables: rows by key or by partition, what is inserted meanwhile, and what each batch comes to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use orchestrate::model::Key;
use orchestrate::run::{Event, FaultKind, Part, Phase, Range, Slice, Timestamp, Unit};

use super::server::fault;

/// Times that a partition may be found changed.
const ROUNDS: usize = 3;

/// What the answer of a batch comes to where it is not the whole truth at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// It is refused before anything was done, and may work the next time.
    Transient,
    /// The answer is lost, nothing was done.
    LostBefore,
    /// It is done and the answer is lost.
    LostAfter,
    /// The connection is lost at once, the batch goes on for this time.
    LostRunning(Duration),
}

/// What is to be moved by a batch.
#[derive(Clone, Debug)]
pub enum Load {
    /// Rows of a range of keys.
    Keys { batch: u64, range: Range, rows: u64, sweep: Option<Option<Key>> },
    /// A partition as it was when the copy of it began.
    Partition { id: String, rows: u64, block: i64 },
}

/// A batch that runs on the server.
#[derive(Clone, Debug)]
pub struct Flight {
    pub ends: Timestamp,
    load: Load,
}

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    pub rows: u64,
    pub block: i64,
}

/// A large table and where it is moved to.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Where its keys are cut into stretches.
    pub cuts: Vec<u64>,
    /// The size of its first batch.
    pub first: Option<u64>,
    pub rows: BTreeSet<u64>,
    /// How often each row was moved.
    pub moved: BTreeMap<u64, u32>,
    /// Rows whose batch is refused.
    pub refused: BTreeSet<u64>,
    /// More rows than these take too long.
    pub late_above: Option<u64>,
    /// Rows that are inserted, and when.
    pub inserts: Vec<(Timestamp, u64)>,
    /// Partitions that appear or change, and when.
    pub changes: Vec<(Timestamp, String, u64)>,
    pub partitions: BTreeMap<String, Rows>,
    pub copied: BTreeMap<String, Rows>,
    /// Whether partitions that changed are copied again.
    pub is_verified: bool,
    /// What each attempt comes to; none is an answer.
    pub slips: BTreeMap<usize, Slip>,
    /// How long a batch takes: at least, and for each row.
    pub batch_ms: u64,
    pub row_ms: u64,
    pub attempts: usize,
    /// The batches that run.
    pub flights: BTreeMap<Unit, Flight>,
    /// What came of those that ended.
    pub outcomes: BTreeMap<Unit, Event>,
    /// The last batch of each stretch that stands in the target: its number, its last key, its rows.
    pub checkpoints: BTreeMap<Unit, (u64, Option<Key>, u64)>,
    /// When nothing was left of a stretch.
    pub emptied: BTreeMap<Unit, Timestamp>,
    /// Batches that were refused because they stood there already.
    pub fenced: usize,
    /// When each batch began.
    pub begun: Vec<Timestamp>,
}

pub fn key(number: u64) -> Key {
    Key(vec![number.to_string()])
}

fn number(key: &Key) -> u64 {
    key.0[0].parse().expect("keys are numbers")
}

impl Table {
    /// A table with rows of these keys.
    pub fn keyed(rows: impl IntoIterator<Item = u64>) -> Table {
        let rows = rows.into_iter().collect();
        Table { rows, batch_ms: 100, row_ms: 10, first: Some(10), is_verified: true, ..Table::default() }
    }

    /// A table with partitions of these rows.
    pub fn partitioned(partitions: &[(&str, u64)]) -> Table {
        let of = |(id, rows): &(&str, u64)| ((*id).to_owned(), Rows { rows: *rows, block: 1 });
        let partitions = partitions.iter().map(of).collect();
        Table { partitions, is_verified: true, batch_ms: 1000, row_ms: 1, ..Table::default() }
    }

    /// The stretch of a row, by its number.
    pub fn stretch(&self, row: u64) -> usize {
        self.cuts.iter().filter(|cut| **cut < row).count()
    }

    /// Its stretches or partitions.
    pub fn parts(&self) -> Vec<Part> {
        if self.partitions.is_empty() {
            let bounds: Vec<Option<u64>> =
                std::iter::once(None).chain(self.cuts.iter().copied().map(Some)).chain([None]).collect();
            let rows = self.rows.len() as u64 / (self.cuts.len() as u64 + 1);
            let slice = |pair: &[Option<u64>]| Slice::Keys { after: pair[0].map(key), until: pair[1].map(key), rows };
            return bounds.windows(2).map(|pair| Part { slice: Some(slice(pair)), ..Part::default() }).collect();
        }
        self.partitions.iter().map(|(id, found)| part(id, *found)).collect()
    }

    /// What is left when its parts are done, or that a partition changes without end.
    pub fn more(&self, phase: &Phase) -> Result<Vec<Part>, String> {
        let mut known: BTreeMap<&str, (i64, usize)> = BTreeMap::new();
        for part in phase.parts() {
            if let Some(Slice::Partition { id, block, .. }) = &part.part.slice {
                let (last, times) = known.entry(id).or_insert((*block, 0));
                (*last, *times) = ((*last).max(*block), *times + 1);
            }
        }
        let mut parts = Vec::new();
        for (id, found) in &self.partitions {
            match known.get(id.as_str()) {
                Some((block, _)) if !self.is_verified || *block >= found.block => {}
                Some((_, times)) if *times > ROUNDS => return Err(format!("{id} changes without end")),
                Some(_) | None => parts.push(part(id, *found)),
            }
        }
        Ok(parts)
    }

    /// Begins a batch; when its answer comes, and the fault where there is no answer. What nobody can look up ends with its
    /// connection.
    pub fn begin(
        &mut self,
        unit: &Unit,
        load: Load,
        has_lookup: bool,
        now: Timestamp,
    ) -> (Timestamp, Option<FaultKind>) {
        assert!(!self.flights.contains_key(unit), "two batches of {unit} overlap");
        self.attempts += 1;
        self.begun.push(now);
        let rows = match &load {
            Load::Keys { rows, range, .. } => self.of(range).take(usize::try_from(*rows).expect("few")).count() as u64,
            Load::Partition { rows, .. } => *rows,
        };
        let ms = self.batch_ms + self.row_ms * rows;
        let answer = now.after(Duration::from_millis(ms.max(1)));
        let slip = self.slips.get(&self.attempts).copied();
        let (ends, heard) = match slip {
            None => (Some(answer), (answer, None)),
            Some(Slip::Transient) => (None, (now.after(Duration::from_secs(1)), Some(FaultKind::Transient))),
            Some(Slip::LostBefore) => (None, (answer, Some(FaultKind::Lost))),
            Some(Slip::LostAfter) => (Some(answer), (answer, Some(FaultKind::Lost))),
            Some(Slip::LostRunning(_)) if !has_lookup => (Some(answer), (answer, Some(FaultKind::Lost))),
            Some(Slip::LostRunning(more)) => (Some(answer.after(more)), (answer, Some(FaultKind::Lost))),
        };
        if let Some(ends) = ends {
            self.flights.insert(unit.clone(), Flight { ends, load });
        }
        heard
    }

    /// What happens until a moment: rows are inserted, and batches end.
    pub fn pass(&mut self, now: Timestamp) {
        loop {
            let insert = self.inserts.iter().map(|(at, _)| *at).min();
            let change = self.changes.iter().map(|(at, ..)| *at).min();
            let flight = self.flights.iter().min_by_key(|(_, flight)| flight.ends);
            let flight = flight.map(|(unit, flight)| (flight.ends, unit.clone()));
            let next = [insert, change, flight.as_ref().map(|(ends, _)| *ends)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= now) else { return };
            let due: Vec<(Timestamp, u64)> = self.inserts.extract_if(.., |(at, _)| *at <= next).collect();
            self.rows.extend(due.into_iter().map(|(_, row)| row));
            let due: Vec<(Timestamp, String, u64)> = self.changes.extract_if(.., |(at, ..)| *at <= next).collect();
            for (_, id, rows) in due {
                let partition = self.partitions.entry(id).or_insert(Rows { rows: 0, block: 0 });
                *partition = Rows { rows: partition.rows + rows, block: partition.block + 1 };
            }
            if let Some((ends, unit)) = flight.filter(|(ends, _)| *ends <= next) {
                let flight = self.flights.remove(&unit).expect("it flies");
                self.land(unit, flight.load, ends);
            }
        }
    }

    /// The rows of a range.
    fn of(&self, range: &Range) -> impl Iterator<Item = u64> {
        let after = range.after.as_ref().map_or(0, |after| number(after) + 1);
        let until = range.until.as_ref().map_or(u64::MAX, number);
        self.rows.range(after..).copied().take_while(move |row| *row <= until)
    }

    /// A batch ends: one transaction with its fence, its work and its checkpoint.
    fn land(&mut self, unit: Unit, load: Load, now: Timestamp) {
        let Load::Keys { batch, range, rows, sweep } = load else {
            return self.land_partition(unit, load);
        };
        if self.checkpoints.get(&unit).is_some_and(|(last, ..)| *last >= batch) {
            self.fenced += 1;
            let event = Event::Failed { unit: unit.clone(), fault: fault(FaultKind::Lost) };
            self.outcomes.insert(unit, event);
            return;
        }
        let many = usize::try_from(rows).expect("few");
        let mut taken: Vec<u64> = self.of(&range).take(many).collect();
        let high = taken.last().copied().map(key);
        if let (None, Some(began)) = (&high, sweep) {
            let whole = Range { after: began, until: range.until };
            taken = self.of(&whole).filter(|row| !self.moved.contains_key(row)).take(many).collect();
            if taken.is_empty() {
                self.emptied.insert(unit.clone(), now);
            }
        }
        let is_late = self.late_above.is_some_and(|most| taken.len() as u64 > most);
        let event = if is_late || taken.iter().any(|row| self.refused.contains(row)) {
            let message = if is_late { "too late" } else { "refused" }.to_owned();
            Event::BatchFailed { unit: unit.clone(), batch, high, rows, is_late, message }
        } else {
            let count = taken.len() as u64;
            taken.into_iter().for_each(|row| *self.moved.entry(row).or_default() += 1);
            if count > 0 {
                self.checkpoints.insert(unit.clone(), (batch, high.clone(), count));
            }
            let ms = self.batch_ms + self.row_ms * count;
            Event::Advanced { unit: unit.clone(), batch, high, rows: count, ms: ms.max(1) }
        };
        self.outcomes.insert(unit, event);
    }

    fn land_partition(&mut self, unit: Unit, load: Load) {
        let Load::Partition { id, rows, block } = load else { panic!("it is a partition") };
        self.copied.insert(id, Rows { rows, block });
        let proof = orchestrate::run::Proof::Answer;
        self.outcomes.insert(unit.clone(), Event::Done { unit, proof, detail: None, output: None });
    }
}

fn part(id: &str, found: Rows) -> Part {
    let Rows { rows, block } = found;
    Part { slice: Some(Slice::Partition { id: id.into(), rows, bytes: rows * 100, block }), ..Part::default() }
}
