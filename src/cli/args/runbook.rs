//! What can be typed about runbooks.

use clap::{Args, Subcommand};

use super::Shown;
use super::runs::assignment;

/// Procedures for people and machines: list them, show one, run one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate runbook list
  orchestrate runbook show heroku-postgres-upgrade
  orchestrate runbook run release --set VERSION=1.42.0

A project's own stand in templates/runbooks/; one of the same name takes the place of one that comes with the program.")]
pub(in crate::cli) struct RunbookArguments {
    #[command(subcommand)]
    pub verb: RunbookVerb,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RunbookVerb {
    List(RunbookListArguments),
    Show(RunbookShowArguments),
    Run(RunbookRunArguments),
}

/// List the runbooks that there are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate runbook list
  orchestrate runbook list --format json      orchestrate.runbooks/v1")]
pub(in crate::cli) struct RunbookListArguments {
    #[command(flatten)]
    pub shown: Shown,
}

/// Show what a runbook does, step by step, and how each step is taken back
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate runbook show release
  orchestrate runbook show release --format json      orchestrate.runbook/v1")]
pub(in crate::cli) struct RunbookShowArguments {
    /// The runbook
    pub name: String,
    #[command(flatten)]
    pub shown: Shown,
}

/// Run a runbook to its end, or go on with its run that is not over
///
/// Steps for people are asked at the terminal, with a word on what tells that they are done. Without a terminal the run
/// waits, the exit code is 10, and the command that answers is told. `status`, `stop`, `resume`, `retry`, `rollback`,
/// `resolve`, `errors` and `journal` take `runbook/NAME` like the name of a migration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate runbook run release --set VERSION=1.42.0
  orchestrate runbook run release                                     go on with it
  orchestrate resolve runbook/release test-playground done --reason 'two hours without a finding'
  orchestrate rollback runbook/heroku-postgres-upgrade")]
pub(in crate::cli) struct RunbookRunArguments {
    /// The runbook
    pub name: String,
    /// The value of a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    #[command(flatten)]
    pub shown: Shown,
}
