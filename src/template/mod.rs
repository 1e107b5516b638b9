//! Templates: checked when they are loaded, strict when they are rendered; the only code that knows minijinja.
//!
//! It does not know YAML: problems carry byte ranges of the template's own text, and [`crate::manifest`] places them.
#![deny(clippy::disallowed_methods)]

mod check;
mod report;

pub use check::{Names, Problem, check};
pub use report::{RenderError, Report, render, render_report};
