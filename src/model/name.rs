//! Names as types, and the search for the name that was meant.

use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Takes a text as it is; what may stand in a name is checked by the loader.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A migration's name: its file's stem, unique within the product.
    MigrationName
);
name!(
    /// A product's name: its folder under `manifests/` and its upgrade path's stem.
    ProductName
);

/// The hint for a wrong name: the candidate that was probably meant, else what to do where none is near.
pub fn did_you_mean<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    nearest(wrong, candidates).map_or_else(otherwise, |near| format!("did you mean `{near}`?"))
}

/// The candidate that was probably meant by `wrong`, if any is near enough (a third of its letters, at least two edits).
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance costs the product of both lengths, and nobody misspells a name of this length.
    const BYTES_MAX: usize = 400;
    if wrong.len() > BYTES_MAX {
        return None;
    }
    let limit = (wrong.chars().count() / 3).max(2);
    let distances = candidates.into_iter().map(|candidate| (strsim::damerau_levenshtein(wrong, candidate), candidate));
    let is_near =
        |(distance, candidate): &(usize, &str)| *distance <= limit || (wrong.len() >= 4 && candidate.contains(wrong));
    distances.filter(is_near).min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["window", "operations", "depends_on"];
        assert_eq!(nearest("windw", names), Some("window"));
        assert_eq!(nearest("dependson", names), Some("depends_on"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest("0002", ["0002_events_sample_by", "0003_fill"]), Some("0002_events_sample_by"));
    }
}
