//! SQL in the dialects of the engines: tokens, and a text as single statements.
//!
//! No parser: it knows where texts, names and comments end, and nothing of grammar that it does not need for that.
#![deny(clippy::disallowed_methods)]

pub(crate) mod extent;
pub mod split;
pub mod token;
