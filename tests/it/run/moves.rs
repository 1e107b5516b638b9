//! What the simulated process does about large tables, and about the limits that hold it up.

use std::time::Duration;

use orchestrate::model::Expectation;
use orchestrate::run::{
    Answer, Direction, Evidence, FaultKind, Limit, PartProgress, Proof, Reading, Slice, Task, TaskKind, Timestamp,
    Undoing, Unit,
};
use orchestrate::run::{Event, Phase};

use super::acts::task;
use super::make::{LOOKUP, MARK, REPEATABLE, plain};
use super::server::{Heard, fault};
use super::tables::{Load, Table};
use super::world::{World, seconds};

/// A limit with its answers.
#[derive(Clone, Debug)]
pub struct Gauge {
    /// The answers, and from when on; before the first one there is none.
    pub answers: Vec<(Timestamp, Answer)>,
    /// How long an answer takes.
    pub takes: Duration,
}

/// An operation that moves a table by its key.
pub fn keys(name: &str, parallel: u32) -> Task {
    let evidence = Evidence { mark: true, repeatable: true, ..LOOKUP };
    Task { is_throttled: true, undo: Undoing::Nothing, ..plain(name, TaskKind::Keys { parallel }, evidence) }
}

/// The same on a server where nothing can be looked up.
pub fn keys_without_lookup(name: &str, parallel: u32) -> Task {
    Task { evidence: Evidence { repeatable: true, ..MARK }, ..keys(name, parallel) }
}

/// An operation that copies a table partition by partition.
pub fn partitions(name: &str, parallel: u32) -> Task {
    let evidence = Evidence { lookup: true, ..REPEATABLE };
    Task { is_throttled: true, ..plain(name, TaskKind::Partitions { parallel }, evidence) }
}

/// A limit that is asked each second.
pub fn limit(name: &str, expect: &str, resume: &str) -> Limit {
    let parse = |text| Expectation::parse(text).expect("it is an expectation");
    Limit { name: name.into(), expect: parse(expect), resume: parse(resume), every: seconds(1) }
}

fn goes_by_batches(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Keys { .. } | TaskKind::Partitions { .. })
}

impl World {
    /// Adds a limit with what it answers from when on.
    pub fn hold_by(&mut self, limit: Limit, answers: &[(Timestamp, &str)]) {
        let answer = |(at, value): &(Timestamp, &str)| (*at, Answer::Value((*value).into()));
        let gauge = Gauge { answers: answers.iter().map(answer).collect(), takes: Duration::from_millis(50) };
        self.gauges.insert(limit.name.clone(), gauge);
        self.script.limits.push(limit);
        self.script.limits.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// The table that an operation moves.
    pub fn table(&self, operation: &str) -> &Table {
        self.tables.get(operation).expect("it moves a table")
    }

    pub(super) fn table_of(&mut self, unit: &Unit) -> Option<&mut Table> {
        let is_moved = unit.direction == Direction::Do && goes_by_batches(task(&self.script, unit));
        self.tables.get_mut(&unit.operation).filter(|_| is_moved)
    }

    /// Asks about limits; the answers come later.
    pub(super) fn read(&mut self, names: Vec<String>) {
        let now = self.now;
        for name in names {
            let gauge = &self.gauges[&name];
            let answer = gauge.answers.iter().rfind(|(from, _)| *from <= now).map(|(_, answer)| answer.clone());
            let answer = answer.unwrap_or_else(|| Answer::Error("no answer".into()));
            let due = now.after(gauge.takes);
            let process = self.process();
            process.watch.reading.insert(name.clone());
            process.reads.push((due, name, Reading { at: now, answer }));
        }
    }

    /// What was answered until now.
    pub(super) fn readings(&mut self) {
        let now = self.now;
        let process = self.process();
        let due: Vec<_> = process.reads.extract_if(.., |(due, ..)| *due <= now).collect();
        for (_, name, reading) in due {
            process.watch.reading.remove(&name);
            process.watch.readings.insert(name, reading);
        }
    }

    /// Finds out the parts of a table, or what is left of it.
    pub(super) fn prepare_table(&mut self, operation: String, direction: Direction) {
        let table = self.tables[&operation].clone();
        let is_grown = matches!(task(&self.script, &unit(&operation)).kind, TaskKind::Partitions { .. });
        let known = self.process().state.phase(&operation, direction).filter(|phase| phase.parts.is_some()).cloned();
        let Some(phase) = known else {
            let (parts, batch) = (table.parts(), table.first);
            self.record(Event::Prepared { operation, direction, parts, may_grow: is_grown, batch });
            return;
        };
        self.found(operation, &table, &phase);
    }

    fn found(&mut self, operation: String, table: &Table, phase: &Phase) {
        match table.more(phase) {
            Ok(parts) => self.record(Event::Found { operation, parts }),
            Err(message) => {
                let now = self.now;
                let fault = orchestrate::run::Fault { kind: FaultKind::Refused, message };
                self.process().watch.unprepared.insert(unit(&operation), (now, fault, 1));
            }
        }
    }

    /// Begins a batch, or the copy of a partition.
    pub(super) fn perform_batch(&mut self, unit: Unit) {
        let (now, settings) = (self.now, self.settings);
        let has_lookup = task(&self.script, &unit).evidence.lookup;
        let state = &self.process().state;
        let slice = state.part(&unit).and_then(|part| part.part.slice.clone()).expect("it moves a slice");
        let load = match (state.walk(&unit), slice) {
            (Some(walk), Slice::Keys { after, .. }) => Load::Keys {
                batch: walk.next_batch(),
                range: walk.at_hand().expect("something is left").clone(),
                rows: state.batch_rows(&unit, &settings),
                sweep: walk.sweeps().then_some(after),
            },
            (_, Slice::Partition { id, rows, block, .. }) => Load::Partition { id, rows, block },
            (None, Slice::Keys { .. }) => panic!("{unit} is walked through"),
        };
        let table = self.table_of(&unit).expect("it moves a table");
        let load = match load {
            Load::Partition { id, .. } => {
                let found = table.partitions[&id];
                Load::Partition { id, rows: found.rows, block: found.block }
            }
            load @ Load::Keys { .. } => load,
        };
        let (at, fault) = table.begin(&unit, load, has_lookup, now);
        let process = self.process();
        process.watch.in_flight.insert(unit.clone());
        process.hears.insert(unit, Heard { at, fault });
    }

    /// What is heard of a batch.
    pub(super) fn heard_of_batch(&mut self, unit: &Unit, heard: &Heard) -> Option<Event> {
        let outcome = self.table_of(unit)?.outcomes.remove(unit);
        Some(match heard.fault {
            Some(kind) => Event::Failed { unit: unit.clone(), fault: fault(kind) },
            None => outcome.expect("it ended"),
        })
    }

    /// Finds out what became of a batch.
    pub(super) fn judge_batch(&mut self, unit: Unit) {
        let now = self.now;
        let evidence = task(&self.script, &unit).evidence;
        if self.server.is_silent(now) {
            self.process().watch.polled.insert(unit, now);
            return;
        }
        let table = self.table_of(&unit).expect("it moves a table");
        let (runs, stands) = (table.flights.contains_key(&unit), table.checkpoints.get(&unit).cloned());
        let part = self.process().state.part(&unit).cloned().expect("it has begun");
        if runs && evidence.lookup {
            if part.progress != PartProgress::Adopted {
                self.record(Event::StillRunning { unit: unit.clone() });
            }
            self.process().watch.polled.insert(unit, now);
            return;
        }
        let last = part.walk.map_or(u64::MAX, |walk| walk.batch);
        if let Some((batch, high, rows)) = stands.filter(|(batch, ..)| *batch > last) {
            self.record(Event::Advanced { unit: unit.clone(), batch, high, rows, ms: 0 });
        }
        let proof = if evidence.mark { Proof::Mark } else { Proof::Repeatable };
        self.record(Event::NotDone { unit, proof });
    }

    /// Ends what runs of a unit.
    pub(super) fn end_batch(&mut self, unit: &Unit) {
        if let Some(table) = self.table_of(unit) {
            table.flights.remove(unit);
            table.outcomes.remove(unit);
        }
    }

    /// The process died: what it was at goes on without it, ends at once done or not, or is gone.
    pub(super) fn leave_batches(&mut self) {
        let (now, outlives) = (self.now, self.outlives);
        for task in &self.script.tasks {
            let Some(table) = self.tables.get_mut(&task.name) else { continue };
            if !outlives {
                table.flights.clear();
            } else if !task.evidence.lookup {
                table.flights.values_mut().for_each(|flight| flight.ends = now);
            }
            table.pass(now);
            table.outcomes.clear();
        }
    }
}

fn unit(operation: &str) -> Unit {
    Unit { operation: operation.into(), direction: Direction::Do, part: 0 }
}
