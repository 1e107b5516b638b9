//! The app versions on which a migration may run.

use std::fmt;

use super::Version;

/// A range of app versions, both ends inclusive; without `min` from the beginning, without `max` without end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first version that allows it.
    pub min: Option<Version>,
    /// The last version that allows it; every release above is closed until the migration is complete.
    pub max: Option<Version>,
}

impl Window {
    /// Whether the migration may run on this version.
    pub fn contains(&self, version: &Version) -> bool {
        self.min.as_ref().is_none_or(|min| min <= version) && !self.ends_below(version)
    }

    /// Whether this version is beyond the window's end, so that it is closed until the migration is complete.
    pub fn ends_below(&self, version: &Version) -> bool {
        self.max.as_ref().is_some_and(|max| max < version)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) if min == max => write!(f, "{min}"),
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, "{min} and later"),
            (None, Some(max)) => write!(f, "up to {max}"),
            (None, None) => f.write_str("any version"),
        }
    }
}
