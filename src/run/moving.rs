//! How far the moving of a large table is, how fast, and how long it may still take.
//!
//! The estimate is the rows that are left by the rate of late; its band comes from how that rate varied from piece to
//! piece. Both know the share of the time that limits took.

use std::collections::BTreeMap;
use std::time::Duration;

use super::pacing::float;
use super::{Direction, PartState, Phase, Script, Slice, State, TaskKind, Timestamp};

/// Pieces that are told one by one.
const PIECES: usize = 8;

/// How far the moving of a table is.
#[derive(Clone, Debug, PartialEq)]
pub struct Moving {
    /// Rows that are done.
    pub rows: u64,
    /// Rows there are, or about so many.
    pub total: u64,
    /// Rows in a second of late, while it moved.
    pub rate_now: Option<f64>,
    /// Rows in a second since it began, with all that held it up.
    pub rate: Option<f64>,
    /// How long it may still take, in seconds: as it goes, as it went when it was fast, as it went when it was slow.
    pub left_s: Option<[f64; 3]>,
    /// The time that limits took.
    pub throttled: Duration,
    /// The pieces at hand.
    pub pieces: Vec<Piece>,
}

/// A partition or a stretch of keys at hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Which partition, or after which key.
    pub name: String,
    /// Rows of it that are done; nothing where its server knows that alone.
    pub rows: Option<u64>,
    /// Rows it has, or about so many.
    pub total: u64,
}

/// How far the table is that a run moves now; nothing where it moves none.
pub fn moving(script: &Script, state: &State, now: Timestamp) -> Option<Moving> {
    let is_moved = |kind| matches!(kind, TaskKind::Partitions { .. } | TaskKind::Keys { .. });
    let direction = state.direction;
    let (task, phase) = script.tasks.iter().find_map(|task| {
        let of = match (direction, &task.undo) {
            (Direction::Do, _) => task,
            (Direction::Undo, super::Undoing::Task { task, .. }) => task,
            (Direction::Undo, super::Undoing::Nothing | super::Undoing::Irreversible(_)) => return None,
        };
        let phase = state.phase(&task.name, direction)?;
        (is_moved(of.kind) && phase.parts.is_some() && !phase.is_over()).then_some((of, phase))
    })?;
    let rows = phase.parts().iter().map(done).sum();
    let total = phase.parts().iter().map(total).sum::<u64>().max(rows);
    let throttled = state.throttle.lost(now).saturating_sub(phase.lost_before);
    let elapsed = now.since(phase.started_at?);
    let rates = rates(phase);
    let at_once = at_once(phase, task.width(state.tuning.parallel));
    let at_once = float(u64::try_from(at_once).unwrap_or(1)) * phase.pacing.busy();
    let rate_now = smooth(&rates).map(|rate| rate * at_once);
    let held = (throttled.as_secs_f64() / elapsed.as_secs_f64().max(0.001)).clamp(0.0, 0.95);
    let left = float(total - rows);
    let left_s = rate_now.map(|rate| {
        let seconds = |rate: f64| left / (rate * (1.0 - held)).max(f64::MIN_POSITIVE);
        let (slow, fast) = band(&rates);
        [seconds(rate), seconds((fast * at_once).max(rate)), seconds((slow * at_once).min(rate))]
    });
    let seconds = elapsed.as_secs_f64();
    let rate = (seconds > 0.0 && rows > 0).then(|| float(rows) / seconds);
    Some(Moving { rows, total, rate_now, rate, left_s, throttled, pieces: pieces(phase) })
}

/// How many pieces are moved at once, with at most so many on each host.
fn at_once(phase: &Phase, width: usize) -> usize {
    let mut hosts: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for part in phase.parts().iter().filter(|part| part.is_at_hand()) {
        *hosts.entry(part.part.host.as_deref()).or_default() += 1;
    }
    hosts.into_values().map(|parts| parts.min(width)).sum::<usize>().max(1)
}

/// Rows of a part that are done.
fn done(part: &PartState) -> u64 {
    match (&part.walk, part.is_done(), &part.part.slice) {
        (Some(walk), _, _) => walk.rows,
        (None, true, Some(slice)) => slice.rows(),
        (None, _, _) => 0,
    }
}

/// Rows of a part in all: what was found where it is done, else as many as it was said to have.
fn total(part: &PartState) -> u64 {
    match (&part.walk, part.is_done(), &part.part.slice) {
        (Some(walk), true, _) => walk.rows,
        (Some(walk), false, Some(slice)) => slice.rows().max(walk.rows),
        (_, _, slice) => slice.as_ref().map_or(0, Slice::rows),
    }
}

/// Rows in a second of each of the last pieces, the latest last.
fn rates(phase: &Phase) -> Vec<f64> {
    phase.pacing.recent().map(|(rows, ms)| float(rows) * 1000.0 / float(ms)).collect()
}

fn smooth(rates: &[f64]) -> Option<f64> {
    let (first, others) = rates.split_first()?;
    Some(others.iter().fold(*first, |smooth, rate| 0.4_f64.mul_add(*rate, 0.6 * smooth)))
}

/// The rates that a tenth of the last pieces were slower and faster than.
fn band(rates: &[f64]) -> (f64, f64) {
    let mut sorted = rates.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    (at(last / 10), at(last - last / 10))
}

fn pieces(phase: &Phase) -> Vec<Piece> {
    let of = phase.parts().len();
    let piece = |(index, part): (usize, &PartState)| {
        let name = match (&part.part.slice, &part.walk) {
            (Some(Slice::Partition { id, .. }), _) => id.clone(),
            (_, Some(walk)) => walk.at_hand()?.after.as_ref().map_or("the beginning".to_owned(), ToString::to_string),
            (_, None) => return None,
        };
        let name = match &part.part.host {
            Some(host) => format!("{name} on {host}"),
            None => name,
        };
        let rows = part.walk.as_ref().map(|walk| walk.rows);
        Some(Piece { number: index + 1, of, name, rows, total: total(part) })
    };
    let at_hand = phase.parts().iter().enumerate().filter(|(_, part)| part.is_at_hand());
    at_hand.take(PIECES).filter_map(piece).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Key;
    use crate::run::{Document, Event, Evidence, Hold, Part, ProcedureKind, Proof, Task, Undoing, Unit};

    fn script(kind: TaskKind) -> Script {
        let (evidence, undo) = (Evidence::default(), Undoing::Nothing);
        let task = Task {
            name: "copy".into(),
            kind,
            evidence,
            retry: None,
            undo,
            is_throttled: true,
            has_when: false,
            is_recovery: false,
        };
        Script { tasks: vec![task], has_healthcheck: false, has_postcheck: false, limits: Vec::new() }
    }

    fn unit(part: u32) -> Unit {
        Unit { operation: "copy".into(), direction: Direction::Do, part }
    }

    /// A run of which this happened, each with its second.
    fn state(slices: Vec<Slice>, events: Vec<(i64, Event)>) -> State {
        let text = String::new;
        let document =
            Document { kind: ProcedureKind::Migration, product: text(), name: text(), path: text(), text: text() };
        let started = Event::Started {
            document,
            parameters: BTreeMap::new(),
            app: None,
            step: None,
            assumed: Vec::new(),
            by: "ada".into(),
        };
        let parts = slices.into_iter().map(|slice| Part { slice: Some(slice), ..Part::default() }).collect();
        let (operation, direction) = ("copy".to_owned(), Direction::Do);
        let prepared = Event::Prepared { operation, direction, parts, may_grow: true, batch: Some(100) };
        let first = [(0, started), (0, Event::Ready { again: Vec::new() }), (0, prepared)];
        let all = first.into_iter().chain(events).map(|(second, event)| (Timestamp(second * 1000), event));
        State::fold(all).expect("it folds").expect("it has events")
    }

    fn partition(id: &str, rows: u64) -> Slice {
        Slice::Partition { id: id.into(), rows, bytes: rows, block: 1 }
    }

    fn advanced(part: u32, batch: u64, rows: u64, ms: u64) -> Event {
        Event::Advanced { unit: unit(part), batch, high: Some(Key(vec![format!("k{batch}")])), rows, ms }
    }

    #[test]
    fn partitions_count_when_they_are_done() {
        let slices = vec![partition("a", 100), partition("b", 300), partition("c", 600)];
        let state = state(
            slices,
            vec![
                (0, Event::Attempted { unit: unit(0) }),
                (10, Event::Done { unit: unit(0), proof: Proof::Answer, detail: None, output: None }),
                (10, Event::Attempted { unit: unit(1) }),
            ],
        );
        let moving = moving(&script(TaskKind::Partitions { parallel: 1 }), &state, Timestamp(20_000));
        let piece = Piece { number: 2, of: 3, name: "b".into(), rows: None, total: 300 };
        let expected = Moving {
            rows: 100,
            total: 1000,
            rate_now: Some(10.0),
            rate: Some(5.0),
            left_s: Some([90.0; 3]),
            throttled: Duration::ZERO,
            pieces: vec![piece],
        };
        assert_eq!(moving, Some(expected));
    }

    #[test]
    fn keys_count_by_their_batches_and_limits_by_the_time_they_took() {
        let slices = (0..2).map(|_| Slice::Keys { after: None, until: None, rows: 500 }).collect();
        let hold = Hold { name: "lag".into(), message: "much".into() };
        let state = state(
            slices,
            vec![
                (0, Event::Attempted { unit: unit(0) }),
                (0, Event::Attempted { unit: unit(1) }),
                (1, advanced(0, 1, 100, 1000)),
                (1, advanced(1, 1, 100, 1000)),
                (1, Event::Throttled { by: vec![hold] }),
                (2, Event::Unthrottled),
            ],
        );
        let moving = moving(&script(TaskKind::Keys { parallel: 2 }), &state, Timestamp(2_000)).expect("it moves");
        assert_eq!((moving.rows, moving.total, moving.rate), (200, 1000, Some(100.0)));
        assert_eq!((moving.rate_now, moving.throttled), (Some(200.0), Duration::from_secs(1)));
        // Half of the time went to the limit.
        assert_eq!(moving.left_s, Some([8.0; 3]));
        let names: Vec<_> = moving.pieces.iter().map(|piece| (piece.name.as_str(), piece.rows)).collect();
        assert_eq!(names, [("k1", Some(100)), ("k1", Some(100))]);
    }
}
