//! Rendering of the reports in `templates/reports/`, and of single texts of a plan.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use thiserror::Error;

/// A report that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A plan for a pull request or a ticket.
    PlanMarkdown,
    /// A plan as a picture.
    PlanMermaid,
}

impl Report {
    fn source(self) -> &'static str {
        match self {
            Report::PlanMarkdown => include_str!("../../templates/reports/plan.md.j2"),
            Report::PlanMermaid => include_str!("../../templates/reports/plan.mmd.j2"),
        }
    }
}

/// A template that cannot be rendered with its context; it holds no values of the context.
#[derive(Debug, Error)]
#[error("the template cannot be rendered: {0}")]
pub struct RenderError(String);

impl From<minijinja::Error> for RenderError {
    fn from(error: minijinja::Error) -> RenderError {
        RenderError(error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
    }
}

/// Renders a report with a document as its context.
pub fn render_report(report: Report, context: &impl Serialize) -> Result<String, RenderError> {
    render(report.source(), context)
}

/// Renders a text of a manifest for people: no SQL, no quoting.
pub fn render(source: &str, context: &impl Serialize) -> Result<String, RenderError> {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    let mut environment = Environment::new();
    environment.set_syntax(syntax.build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A name in a text for people is just a name; in SQL it is quoted.
    environment.add_filter("ident", |name: String| name);
    Ok(environment.render_str(source, Value::from(Serde(context)))?)
}
