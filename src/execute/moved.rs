//! How far the moving of the large table at hand is, as it is shown: what the journal tells, and what servers tell beyond.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::{Phase, Piece, Script, Slice, State, Timestamp, moving};

use super::pace::Left;

/// The share that is shown at most while there is still something to be done.
const SHARE_MAX: f64 = 0.999;

/// How far the moving of a large table is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moved {
    /// What its pieces are.
    pub by: By,
    /// Rows that are done.
    pub rows: u64,
    /// Rows there are, or about so many; nothing where nobody could tell. More than these may be found.
    pub total: Option<u64>,
    /// Rows in a second of late, while it moves.
    pub rate_now: Option<f64>,
    /// Rows in a second since it began, with all that held it up.
    pub rate: Option<f64>,
    /// How long it may still take.
    pub left: Option<Left>,
    /// Since when it is under way, in seconds.
    pub elapsed_s: f64,
    /// The time that limits took from the run, in seconds.
    pub throttled_s: f64,
    /// How many pieces are at work.
    pub at_work: usize,
    /// The first of the pieces at hand.
    pub pieces: Vec<MovedPiece>,
}

/// What a table is moved by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Partition by partition.
    Partition,
    /// Batch by batch, along a key.
    Keys,
}

/// A partition or a stretch of keys at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedPiece {
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Which partition, or after which key.
    pub name: String,
    /// Rows of it that are done; nothing where nobody tells.
    pub rows: Option<u64>,
    /// Rows it has, or about so many.
    pub total: u64,
}

/// A statement under way.
pub(super) struct InFlight {
    /// Its part, from 0.
    pub part: u32,
    /// Rows that it has read.
    pub rows: u64,
    /// Since when it runs.
    pub elapsed: Duration,
}

/// How far the table is that a run moves now; nothing where it moves none.
pub(super) fn moved(script: &Script, state: &State, now: Timestamp) -> Option<Moved> {
    // Of a run at rest nothing goes on since.
    let now = if state.is_at_rest() { state.since } else { now };
    let found = moving(script, state, now)?;
    let phase = phase(script, state)?;
    let slices = || phase.parts().iter().filter_map(|part| part.part.slice.as_ref());
    let by = match slices().next()? {
        Slice::Partition { .. } => By::Partition,
        Slice::Keys { .. } => By::Keys,
    };
    let expected = slices().fold(0_u64, |sum, slice| sum.saturating_add(slice.rows()));
    let total = Some(expected).filter(|total| *total > 0);
    let at_work = phase.parts().iter().filter(|part| part.is_at_hand()).count();
    let is_held = state.is_at_rest() || (by == By::Keys && (state.throttle.since.is_some() || state.is_paused));
    let left = found.left_s.filter(|_| found.rows < expected && !state.is_at_rest());
    let piece = |piece: Piece| {
        let Piece { number, of, name, rows, total } = piece;
        MovedPiece { number, of, name, rows, total }
    };
    Some(Moved {
        by,
        rows: found.rows,
        total,
        rate_now: found.rate_now.filter(|_| !state.is_at_rest()),
        rate: found.rate,
        left: left.map(|[likely_s, least_s, most_s]| Left { likely_s, least_s, most_s: Some(most_s) }),
        elapsed_s: phase.started_at.map_or(0.0, |at| now.since(at).as_secs_f64()),
        throttled_s: found.throttled.as_secs_f64(),
        at_work: if is_held { 0 } else { at_work },
        pieces: found.pieces.into_iter().map(piece).collect(),
    })
}

/// The way of the operation that moves it.
fn phase<'a>(script: &Script, state: &'a State) -> Option<&'a Phase> {
    let mut phases = script.tasks.iter().filter_map(|task| state.phase(&task.name, state.direction));
    phases.find(|phase| phase.parts().iter().any(|part| part.part.slice.is_some()) && !phase.is_over())
}

impl Moved {
    /// The share of it that is done, from 0 to 1; nothing where it is not known how many rows there are.
    pub fn share(&self) -> Option<f64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some((float(self.rows) / float(total)).min(SHARE_MAX))
    }

    /// Takes in what servers tell of the statements under way.
    pub(super) fn add(&mut self, in_flight: &[InFlight]) {
        if self.by == By::Keys {
            return;
        }
        let (before, mut rate) = (self.rows, 0.0);
        for statement in in_flight {
            let number = usize::try_from(statement.part).map_or(0, |part| part + 1);
            let Some(piece) = self.pieces.iter_mut().find(|piece| piece.number == number) else { continue };
            // To prove a copy its rows are read once more.
            let rows = statement.rows.min(piece.total);
            self.rows = self.rows.saturating_add(rows.saturating_sub(piece.rows.unwrap_or(0)));
            piece.rows = Some(rows);
            let seconds = statement.elapsed.as_secs_f64();
            rate += if seconds > 0.0 { float(rows) / seconds } else { 0.0 };
        }
        let Some(total) = self.total else { return };
        self.rows = self.rows.min(total);
        self.rate_now = self.rate_now.or((rate > 0.0).then_some(rate));
        self.rate = (self.elapsed_s > 0.0 && self.rows > 0).then(|| float(self.rows) / self.elapsed_s);
        let left = float(total - self.rows);
        self.left = match (&self.left, self.rate_now) {
            (Some(left_before), _) if total > before => {
                let scale = left / float(total - before);
                Some(Left {
                    likely_s: left_before.likely_s * scale,
                    least_s: left_before.least_s * scale,
                    most_s: left_before.most_s.map(|most| most * scale),
                })
            }
            (Some(_), _) => self.left.clone(),
            // One measurement has no band.
            (None, Some(rate)) => Some(Left { likely_s: left / rate, least_s: left / rate, most_s: None }),
            (None, None) => None,
        };
    }

    /// Keeps what was seen of a piece, where its server has begun to count anew.
    pub(super) fn keep(&mut self, before: &Moved) {
        if self.by == By::Keys {
            return;
        }
        for piece in &mut self.pieces {
            let seen = before.pieces.iter().find(|seen| (seen.number, &seen.name) == (piece.number, &piece.name));
            let Some(seen) = seen.and_then(|seen| seen.rows) else { continue };
            let rows = piece.rows.unwrap_or(0);
            self.rows = self.rows.saturating_add(seen.saturating_sub(rows));
            piece.rows = Some(rows.max(seen));
        }
        self.rows = self.total.map_or(self.rows, |total| self.rows.min(total));
    }
}

fn float(number: u64) -> f64 {
    // Counts of rows: what is lost beyond 2^53 does not matter.
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved() -> Moved {
        let piece =
            |number: usize, name: &str| MovedPiece { number, of: 4, name: name.into(), rows: None, total: 1000 };
        Moved {
            by: By::Partition,
            rows: 2000,
            total: Some(4000),
            rate_now: Some(100.0),
            rate: Some(50.0),
            left: Some(Left { likely_s: 20.0, least_s: 10.0, most_s: Some(40.0) }),
            elapsed_s: 40.0,
            throttled_s: 0.0,
            at_work: 2,
            pieces: vec![piece(3, "202403"), piece(4, "202404")],
        }
    }

    fn in_flight(part: u32, rows: u64) -> InFlight {
        InFlight { part, rows, elapsed: Duration::from_secs(5) }
    }

    #[test]
    fn what_servers_have_read_counts() {
        let mut moved = moved();
        moved.add(&[in_flight(2, 600), in_flight(3, 9999), in_flight(7, 5)]);
        assert_eq!((moved.rows, moved.share()), (3600, Some(0.9)));
        assert_eq!(moved.pieces.iter().map(|piece| piece.rows).collect::<Vec<_>>(), [Some(600), Some(1000)]);
        assert_eq!(moved.left, Some(Left { likely_s: 4.0, least_s: 2.0, most_s: Some(8.0) }));
        assert_eq!((moved.rate_now, moved.rate), (Some(100.0), Some(90.0)));
    }

    #[test]
    fn before_the_first_piece_is_done_the_rate_is_that_of_the_statements() {
        let mut moved = Moved { rows: 0, rate_now: None, rate: None, left: None, ..moved() };
        moved.add(&[in_flight(2, 500), in_flight(3, 500)]);
        assert_eq!(moved.rate_now, Some(200.0));
        assert_eq!(moved.left, Some(Left { likely_s: 15.0, least_s: 15.0, most_s: None }));
        let mut silent = Moved { rows: 0, rate_now: None, rate: None, left: None, ..self::moved() };
        silent.add(&[]);
        assert_eq!((silent.left, silent.rate), (None, None));
    }

    #[test]
    fn a_piece_does_not_go_back_while_it_is_proved() {
        let mut before = moved();
        before.add(&[in_flight(2, 1000)]);
        let mut proved = moved();
        proved.add(&[in_flight(2, 10)]);
        proved.keep(&before);
        assert_eq!((proved.rows, proved.pieces[0].rows, proved.pieces[1].rows), (3000, Some(1000), None));
    }

    #[test]
    fn no_share_is_told_of_what_is_not_known() {
        assert_eq!(Moved { total: None, ..moved() }.share(), None);
        assert_eq!(Moved { rows: 9, total: Some(0), ..moved() }.share(), None);
        assert_eq!(Moved { rows: 4000, ..moved() }.share(), Some(SHARE_MAX));
        assert_eq!(Moved { rows: 4001, ..moved() }.share(), Some(SHARE_MAX));
    }
}
