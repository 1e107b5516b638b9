//! Crashes on purpose, for the tests: `ORCHESTRATE_FAULT=after-effect:3` ends the process when that point is reached for
//! the third time, as a kill would; `after-effect:3:stop` freezes it there, until it is told to go on. It exists in builds
//! with debug assertions only.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The variable that names the point and the count.
const VARIABLE: &str = "ORCHESTRATE_FAULT";

/// How long a signal may take to reach every thread.
const FREEZING: Duration = Duration::from_millis(500);

/// A place at which a process may be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// Events are about to be written.
    BeforeRecord,
    /// Events were written.
    AfterRecord,
    /// A unit is about to be done.
    BeforeEffect,
    /// A unit was done, and nobody knows yet.
    AfterEffect,
}

impl Point {
    fn name(self) -> &'static str {
        match self {
            Point::BeforeRecord => "before-record",
            Point::AfterRecord => "after-record",
            Point::BeforeEffect => "before-effect",
            Point::AfterEffect => "after-effect",
        }
    }
}

/// Ends or freezes the process here if it was told to.
pub(super) fn point(point: Point) {
    static REACHED: AtomicU32 = AtomicU32::new(0);
    if !cfg!(debug_assertions) {
        return;
    }
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let mut parts = wanted.split(':');
    let (name, count, action) = (parts.next(), parts.next().unwrap_or("1"), parts.next());
    if name != Some(point.name()) || count.parse() != Ok(REACHED.fetch_add(1, Ordering::SeqCst) + 1) {
        return;
    }
    let is_frozen = action == Some("stop")
        && Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status().is_ok();
    if !is_frozen {
        std::process::abort();
    }
    // The signal may reach another thread first.
    std::thread::sleep(FREEZING);
}
