//! What is asked of a target, and what comes back.

use std::collections::BTreeMap;
use std::time::Duration;

/// A statement that acts, with the tag it is found again by.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The SQL, all templates rendered.
    pub sql: &'a str,
    /// A text that no other statement has.
    pub tag: &'a str,
    /// Settings of the session for this statement only.
    pub settings: &'a BTreeMap<String, String>,
    /// How long it may run; then it is ended on the server.
    pub timeout: Duration,
    /// Postgres, SQLite: one transaction around all statements of the text and the mark.
    pub transaction: bool,
    /// Postgres, SQLite: leave a mark when it is done, in the same transaction if there is one.
    pub mark: bool,
}

/// What a statement did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Rows written, where the server tells.
    pub rows_affected: Option<u64>,
}

/// How far a running statement is, as its server sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatementProgress {
    /// Since when it runs.
    pub elapsed: Duration,
    /// Rows read so far.
    pub read_rows: u64,
    /// Rows it will read, where the server can tell.
    pub total_rows: Option<u64>,
    /// Rows written so far.
    pub written_rows: u64,
}
