//! Who watches a run: a terminal, a log, nobody.

use crate::run::{Event, State, Timestamp, Upgrade, UpgradeEvent};

use super::progress::Progress;

/// Somebody who is told what happens, after it is in the journal.
pub trait Observer: Send {
    /// Something happened; `state` is what holds afterwards.
    fn happened(&mut self, at: Timestamp, event: &Event, state: &State);
    /// Something happened in an upgrade; `upgrade` is what holds afterwards.
    fn went_on(&mut self, _at: Timestamp, _event: &UpgradeEvent, _upgrade: &Upgrade) {}
    /// How far the run is.
    fn progressed(&mut self, progress: &Progress);
    /// Nothing goes on until something is there again, such as the store.
    fn waits(&mut self, why: &str);
}

/// Nobody watches.
#[derive(Debug)]
pub struct Silent;

impl Observer for Silent {
    fn happened(&mut self, _: Timestamp, _: &Event, _: &State) {}
    fn progressed(&mut self, _: &Progress) {}
    fn waits(&mut self, _: &str) {}
}
