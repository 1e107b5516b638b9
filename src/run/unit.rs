//! What events are about: moments, the two ways of an operation, its parts, and units.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        let direction = match self.direction {
            Direction::Do => "do",
            Direction::Undo => "undo",
        };
        format!("orchestrate:{run}:{}:{direction}:{}", self.operation, self.part)
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

/// What a part is about: a row of `for_each`, a host of `each_shard`, both or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The host it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The row that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<BTreeMap<String, Value>>,
}
