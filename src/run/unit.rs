//! What events are about: moments, the two ways of an operation, its parts with their slices of a table, and units.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Key;

/// A moment in milliseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment that lies a while after this one.
    pub fn after(self, by: std::time::Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long this lies after another moment; nothing where it lies before.
    pub fn since(self, earlier: Timestamp) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Whether an operation is done or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is done.
    Do,
    /// It is taken back.
    Undo,
}

impl Direction {
    /// As tags have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Do => "do",
            Direction::Undo => "undo",
        }
    }
}

/// The least thing that is attempted: one part of one operation, done or taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// The operation's name.
    pub operation: String,
    /// Which way.
    pub direction: Direction,
    /// Which of its parts, from 0.
    pub part: u32,
}

impl Unit {
    /// The text that a statement carries on its server and that a mark is kept under: the same for every attempt.
    pub fn tag(&self, run: &str) -> String {
        format!("orchestrate:{run}:{}:{}:{}", self.operation, self.direction.as_str(), self.part)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Direction::Do => write!(f, "{}", self.operation),
            Direction::Undo => write!(f, "the undo of {}", self.operation),
        }
    }
}

/// What a part is about: a row of `for_each`, a host of `each_shard`, a slice of a table, some of them or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The host it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The row that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<BTreeMap<String, Value>>,
    /// The slice of a table that it moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
}

/// A slice of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Slice {
    /// A partition, moved in one go.
    Partition {
        /// Its id.
        id: String,
        /// Rows in it.
        rows: u64,
        /// Bytes of it on disk.
        bytes: u64,
        /// The last block that was inserted into it: it grows with every insert.
        block: i64,
    },
    /// A stretch of keys, moved batch by batch.
    Keys {
        /// The key before its first one; nothing from the beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Key>,
        /// Its last key; nothing to the end, and whatever is added there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Key>,
        /// About how many rows it has.
        rows: u64,
    },
}

impl Slice {
    /// How many rows it has, or had when it was found.
    pub fn rows(&self) -> u64 {
        match self {
            Slice::Partition { rows, .. } | Slice::Keys { rows, .. } => *rows,
        }
    }
}
