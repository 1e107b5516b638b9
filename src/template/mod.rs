//! Templates: checked when they are loaded, strict when they are rendered; the only code that knows minijinja.
//!
//! It does not know YAML: problems carry byte ranges of the template's own text, and [`crate::manifest`] places them.
#![deny(clippy::disallowed_methods)]

mod check;
mod context;
mod literal;
mod region;
mod report;
mod sql;
mod strict;
mod text;
mod uses;

pub use check::{Names, Problem, check};
pub use context::{Context, RunNames, TargetNames};
pub use report::{Report, render_report};
pub use sql::render_sql;
pub use strict::RenderError;
pub use text::render_text;
pub use uses::{outputs_used, uses_item, vars_needed};
