//! Throttles: probes that hold back a migration's batches while its installation has enough to do.

use std::time::Duration;

use super::{Expectation, Probe};

/// A limit with a name: while its probe says no, no new batch begins.
#[derive(Clone, Debug)]
pub struct Throttle {
    /// Unique in the migration: what `tune` and `status` refer to.
    pub name: String,
    /// What is asked, and the answer with which work may go on. The operand is never a template.
    pub probe: Probe,
    /// The answer that lets go of work that is held back; absent = what the probe expects.
    pub resume: Option<Expectation>,
    /// How often it is asked; absent = [`Throttle::EVERY_DEFAULT`].
    pub every: Option<Duration>,
}

impl Throttle {
    /// How often it is asked where nothing is said.
    pub const EVERY_DEFAULT: Duration = Duration::from_secs(1);
    /// How often it is asked at most.
    pub const EVERY_MIN: Duration = Duration::from_millis(100);
}
