//! The shell around [`crate::run`]: asks what comes next, does it in the world, and records what came of it.
//!
//! `drive` is the loop. What it may do stands beside it: `checks` before the work, `prepare` finds out
//! parts, `perform` does units, `judge` finds out what became of them, `journal` writes. [`control`] begins runs and takes
//! them up, [`worker`] does so unattended, [`upgrade`] walks a whole plan. Nothing here decides what comes next.

mod checks;
mod cluster;
pub mod control;
pub mod doctor;
mod drive;
mod earlier;
mod fault;
mod flight;
mod folded;
mod forecast;
mod journal;
mod judge;
mod keys;
mod limits;
pub mod live;
mod moved;
mod needs;
mod observation;
mod observe;
mod operation;
mod outside;
mod pace;
mod partitions;
mod perform;
mod prepare;
mod progress;
mod scrub;
mod site;
pub mod upgrade;
pub mod worker;

pub use checks::{Precondition, preflight};
pub use drive::{Outcome, Signals};
pub use folded::{Fold, Folded};
pub use forecast::bytes;
pub use journal::{DriveError, Pulse, read};
pub use moved::{By, Moved, MovedPiece};
pub use needs::{Missing, programs, tools, vars};
pub use observe::{Observer, Silent};
pub use pace::{Left, Pace};
pub use progress::{Progress, of_operations};
pub use scrub::Scrub;
pub use site::{Site, SiteTarget, Texts};

use crate::run::Timestamp;

/// The present moment.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// A moment as people and machines read it, RFC 3339 in UTC.
pub fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |at| at.to_string())
}
