//! A text that may hold `{{ … }}`, with the place it was written at.

use super::Place;

/// The source of a template; it is parsed and checked at load and rendered by [`crate::template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The text as the YAML scalar has it.
    pub text: String,
    /// Where the scalar stands.
    pub place: Place,
}
