//! Bars on a terminal: one for the whole run, and below it one for each piece of a large table at hand.

use std::collections::BTreeMap;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::execute::{MovedPiece, Progress};

use super::figures;

/// What the bar of the whole is long for all of it.
const LENGTH: u64 = 1000;
/// Pieces that have a bar.
const PIECES_MAX: usize = 8;

/// The bars.
pub(super) struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    /// By the operation and the number of the piece.
    pieces: BTreeMap<(String, usize), PieceBar>,
}

struct PieceBar {
    bar: ProgressBar,
    since: Instant,
    /// Rows that were done when it was first seen.
    rows: Option<u64>,
}

impl Bars {
    /// One bar, which says nothing yet.
    pub fn new() -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let whole = all.add(ProgressBar::new(LENGTH));
        whole.set_style(style("[{bar:16}] {wide_msg}"));
        Bars { all, whole, pieces: BTreeMap::new() }
    }

    /// Writes past the bars.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.all.suspend(write)
    }

    /// What stands beside the bar of the whole.
    pub fn say(&self, text: String) {
        self.whole.set_message(text);
    }

    /// Shows how far it all is.
    pub fn show(&mut self, progress: &Progress) {
        let share = progress.percent.unwrap_or_default().clamp(0.0, 100.0) / 100.0;
        let length = u32::try_from(LENGTH).map_or(0.0, f64::from);
        // Between 0 and the bar's length.
        self.whole.set_position((share * length) as u64);
        let pieces = progress.moved.as_ref().map(|moved| moved.pieces.as_slice()).unwrap_or_default();
        let operation = progress.operation.clone().unwrap_or_default();
        let at_hand = || pieces.iter().take(PIECES_MAX);
        let (all, is_at_hand) =
            (&self.all, |key: &(String, usize)| key.0 == operation && at_hand().any(|piece| piece.number == key.1));
        self.pieces.retain(|key, piece| {
            let stays = is_at_hand(key);
            if !stays {
                piece.bar.finish_and_clear();
                all.remove(&piece.bar);
            }
            stays
        });
        let Some(moved) = &progress.moved else { return };
        for piece in at_hand() {
            let shown = self.pieces.entry((operation.clone(), piece.number)).or_insert_with(|| PieceBar {
                bar: all.add(ProgressBar::new(LENGTH).with_style(style("  [{bar:14}] {wide_msg}"))),
                since: Instant::now(),
                rows: piece.rows,
            });
            shown.bar.set_length(piece.total.max(piece.rows.unwrap_or(0)).max(1));
            shown.bar.set_position(piece.rows.unwrap_or(0));
            shown.bar.set_message(figures::piece(moved.by, piece, shown.rate(piece)));
        }
    }

    /// Takes them away.
    pub fn end(&self) {
        for piece in self.pieces.values() {
            piece.bar.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }
}

impl PieceBar {
    /// Rows in a second since it was first seen.
    fn rate(&self, piece: &MovedPiece) -> Option<f64> {
        let rows = piece.rows?.saturating_sub(self.rows.unwrap_or(0));
        let seconds = self.since.elapsed().as_secs_f64();
        // Counts of rows: what is lost beyond 2^53 does not matter.
        (rows > 0 && seconds > 0.0).then(|| rows as f64 / seconds)
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant").progress_chars("=> ")
}
