//! Keys: where in a table a batch begins or ends.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The values of a key's columns in one row, real ones that were read from the table: texts for Postgres, literals as its
/// own `quote()` writes them for SQLite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Vec<String>);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => f.write_str(one),
            several => write!(f, "({})", several.join(", ")),
        }
    }
}
