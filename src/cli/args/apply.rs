//! What can be typed about upgrades.

use std::path::PathBuf;

use clap::Args;

use super::{Shown, partial_version};
use crate::model::PartialVersion;

/// Walk a plan to its end: each step's deploy, the proof that it runs, its migrations, and only then the next step
///
/// What will be done is shown first, and then one question is asked; without a terminal nothing is done without --yes. An
/// upgrade that was interrupted, or that rests, is gone on with by the same command: nothing is done twice. Where it rests
/// it says why, by its exit code too, and what leads on.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate apply --to 1.41                      plans from what runs, shows the plan, asks, and walks it
  orchestrate apply plan.json --yes                a plan that `orchestrate plan --out plan.json` wrote; nothing is asked
  orchestrate apply                                goes on with an upgrade that is not over
  orchestrate apply --to 1.41 --until 1            the first step only
  orchestrate apply --to 1.41 --dry-run            every command and statement, without doing anything
  orchestrate apply --to 1.41 --yes --acknowledge delete-the-statefulset-of-redis --summary upgrade.md
  orchestrate apply --to 1.41 --set 0007_persons_and_groups_on_events_backfill.TEAM_ID=2")]
pub(in crate::cli) struct ApplyArguments {
    /// The plan, as `orchestrate plan --out` writes it
    #[arg(value_name = "PLAN", conflicts_with = "to")]
    pub plan: Option<PathBuf>,
    /// The app version to go to; the plan is made from what runs
    #[arg(long, value_name = "VERSION", value_parser = partial_version)]
    pub to: Option<PartialVersion>,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
    /// A note that you confirm, by its name or its title
    #[arg(long, value_name = "NOTE")]
    pub acknowledge: Vec<String>,
    /// The number of the last step to do
    #[arg(long, value_name = "STEP")]
    pub until: Option<usize>,
    /// The value of a migration's parameter
    #[arg(long, value_name = "MIGRATION.NAME=VALUE", value_parser = value_of_migration)]
    pub set: Vec<ParameterValue>,
    /// Show every command and every statement as it would be sent, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Give up an upgrade that is not over, and plan from what runs now
    #[arg(long)]
    pub anew: bool,
    /// Write what came of it to a file, as markdown
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    #[command(flatten)]
    pub shown: Shown,
}

/// A value for a parameter of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct ParameterValue {
    pub migration: String,
    pub name: String,
    pub value: String,
}

fn value_of_migration(text: &str) -> Result<ParameterValue, String> {
    let form = || "write MIGRATION.NAME=VALUE".to_owned();
    let (of, value) = text.split_once('=').ok_or_else(form)?;
    let (migration, name) = of.split_once('.').ok_or_else(form)?;
    Ok(ParameterValue { migration: migration.to_owned(), name: name.to_owned(), value: value.to_owned() })
}
