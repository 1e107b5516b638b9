//! Where something stands in a file, for errors and reasons.

use std::fmt;
use std::sync::Arc;

/// A stretch of a source file. Lines and columns count from 1, columns in characters; `start..end` are bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, relative to the project's directory, with forward slashes.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Place {
    /// The beginning of a file.
    pub fn start_of(file: &Arc<str>) -> Place {
        Place { file: Arc::clone(file), line: 1, column: 1, start: 0, end: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
