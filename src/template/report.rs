//! Rendering of the reports in `templates/reports/`, which are ours and may use all that minijinja has.

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::strict::{self, RenderError};

/// A report that is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A plan for a pull request or a ticket.
    PlanMarkdown,
    /// A plan as a picture.
    PlanMermaid,
    /// What came of an upgrade, for CI.
    UpgradeMarkdown,
}

impl Report {
    fn source(self) -> &'static str {
        match self {
            Report::PlanMarkdown => include_str!("../../templates/reports/plan.md.j2"),
            Report::PlanMermaid => include_str!("../../templates/reports/plan.mmd.j2"),
            Report::UpgradeMarkdown => include_str!("../../templates/reports/upgrade.md.j2"),
        }
    }
}

/// Renders a report with a document as its context.
pub fn render_report(report: Report, context: &impl Serialize) -> Result<String, RenderError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    strict::run(environment, report.source(), true, context)
}
