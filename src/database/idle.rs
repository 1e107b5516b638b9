//! Connections that wait for the next statement: a few, and not for long.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Servers and what stands between may cut an idle connection; a short wait keeps that rare.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// One for the statement, one for the questions beside it.
const KEPT_MAX: usize = 2;

/// Connections that ended their last work in order; any other is dropped instead.
pub(super) struct Idle<C>(Mutex<Vec<(C, Instant)>>);

impl<C> Idle<C> {
    /// None yet.
    pub fn new() -> Idle<C> {
        Idle(Mutex::new(Vec::new()))
    }

    /// The one that was used last, unless it waited for too long.
    pub fn take(&self) -> Option<C> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < WAIT_MAX);
        kept.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection, if there is room.
    pub fn keep(&self, connection: C) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push((connection, Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_comes_first_and_there_are_few() {
        let idle = Idle::new();
        (1..=3).for_each(|connection| idle.keep(connection));
        assert_eq!([idle.take(), idle.take(), idle.take()], [Some(2), Some(1), None]);
    }
}
