//! What the rules need to know of SQL, in all dialects at once: tokens, names, effects of statements, foreign words.
//!
//! No parser: whatever is not understood has no effect here, so that a rule may be silent but is not wrong.

mod alter;
pub(super) mod dialect;
pub(super) mod names;
mod reader;
pub(super) mod statement;
pub(super) mod texts;
