//! What can be typed about runs.

use clap::{Args, Subcommand, ValueEnum};

use super::whole_version;
use crate::model::Version;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RunFormat {
    /// For a person at a terminal
    Text,
    /// For machines
    Json,
}

/// How something about runs is shown.
#[derive(Debug, Args)]
pub(in crate::cli) struct Shown {
    /// How the answer on standard output looks
    #[arg(long, value_enum, default_value_t = RunFormat::Text, value_name = "FORMAT")]
    pub format: RunFormat,
}

/// Show where every migration stands, and what can be done now
///
/// The store is all that it needs. The databases may be away.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate status
  orchestrate status 0003_fill_person_distinct_id2
  orchestrate status --watch                     until nothing runs any more
  orchestrate status --format json               orchestrate.status/v1")]
pub(in crate::cli) struct StatusArguments {
    /// The migration; every one if absent
    pub migration: Option<String>,
    /// Show it again whenever it changes, until nothing runs any more
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub shown: Shown,
}

/// Run a migration to its end
///
/// Every check is asked first, and all that do not pass are told at once; then nothing is done and the exit code is 5. A
/// run whose process ended is gone on with. One that is complete stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate start 0003_fill_person_distinct_id2
  orchestrate start 0003_fill_person_distinct_id2 --at 1.33.0
  orchestrate start 0007_persons_and_groups_on_events_backfill --set TEAM_ID=2
  orchestrate start 0003_fill_person_distinct_id2 --detach       for `orchestrate worker`
  orchestrate start 0003_fill_person_distinct_id2 --format json --log-format json")]
pub(in crate::cli) struct StartArguments {
    /// The migration
    pub migration: String,
    /// The app version that runs, where the platform cannot tell
    #[arg(long, value_name = "VERSION", value_parser = whole_version)]
    pub at: Option<Version>,
    /// The value of a parameter
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
    /// Leave it to a worker
    #[arg(long)]
    pub detach: bool,
    #[command(flatten)]
    pub shown: Shown,
}

/// What every request has.
#[derive(Debug, Args)]
pub(in crate::cli) struct AskArguments {
    /// The migration
    pub migration: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub shown: Shown,
}

/// End what a run is at, on the server too
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate stop 0003_fill_person_distinct_id2
  orchestrate stop 0003_fill_person_distinct_id2 --rollback --reason 'the disk fills up'")]
pub(in crate::cli) struct StopArguments {
    #[command(flatten)]
    pub ask: AskArguments,
    /// Take everything back as well
    #[arg(long)]
    pub rollback: bool,
}

/// Go on without an operation that failed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate skip 0003_fill_person_distinct_id2 drop-old --reason 'dropped by hand'")]
pub(in crate::cli) struct SkipArguments {
    /// The migration
    pub migration: String,
    /// The operation
    pub operation: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub shown: Shown,
}

/// Say what became of an operation that only a person can judge, or that a person does
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate resolve 0003_fill_person_distinct_id2 insert done --reason 'counted the rows'
  orchestrate resolve 0003_fill_person_distinct_id2 insert not-done --reason 'the table is empty'")]
pub(in crate::cli) struct ResolveArguments {
    /// The migration
    pub migration: String,
    /// The operation
    pub operation: String,
    /// What became of it
    #[arg(value_enum)]
    pub word: Word,
    /// How you know, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Word {
    /// It was done: go on after it
    Done,
    /// It was not done: do it again
    NotDone,
}

/// Change how large tables are moved, while a run moves them
///
/// A change holds from the next batch on and until the end of the run, in whatever process it goes on. The journal keeps
/// each, with who made it and why.
#[derive(Debug, Args)]
#[command(after_help = super::super::tune::help())]
pub(in crate::cli) struct TuneArguments {
    /// The migration
    pub migration: String,
    /// What is changed, and what to
    #[arg(required = true, value_name = "NAME=VALUE", value_parser = assignment)]
    pub changes: Vec<(String, String)>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub shown: Shown,
}

/// Show every error that a migration ever had, in all of its runs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate errors 0003_fill_person_distinct_id2
  orchestrate errors 0003_fill_person_distinct_id2 --format json      orchestrate.errors/v1")]
pub(in crate::cli) struct ErrorsArguments {
    /// The migration
    pub migration: String,
    #[command(flatten)]
    pub shown: Shown,
}

/// Show everything that happened in a run
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate journal 0003_fill_person_distinct_id2                    its latest run
  orchestrate journal 0193a5b2-7c1e-7000-8000-3f6d2c9b1a04             a run by its id
  orchestrate journal 0003_fill_person_distinct_id2 --format json      a line an event, orchestrate.event/v1")]
pub(in crate::cli) struct JournalArguments {
    /// The run's id, or a migration for its latest run
    pub run: String,
    #[command(flatten)]
    pub shown: Shown,
}

/// Show and change the settings of runs
///
/// What is set here is kept in the store, for every process that uses it, and holds before what orchestrate.yaml says.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate settings
  orchestrate settings set max_concurrent 2 --reason 'the new machine is larger'
  orchestrate settings unset max_concurrent
  orchestrate settings log")]
pub(in crate::cli) struct SettingsArguments {
    #[command(subcommand)]
    pub verb: Option<SettingsVerb>,
    /// How the answer on standard output looks
    #[arg(long, value_enum, default_value_t = RunFormat::Text, value_name = "FORMAT", global = true)]
    pub format: RunFormat,
}

#[derive(Clone, Debug, Subcommand)]
pub(in crate::cli) enum SettingsVerb {
    /// Show each setting, its value, and where that comes from
    List,
    /// Keep a value in the store
    Set {
        /// The setting
        name: String,
        /// Its value
        value: String,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Remove a value from the store: orchestrate.yaml holds again, else the default
    Unset {
        /// The setting
        name: String,
        /// Why, for the log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Show every change with who made it, when and why
    Log,
}

/// Work off runs that were handed over, and those whose process ended
///
/// It works until it is told to end: SIGTERM lets go of a run, so that the next worker goes on with it; Ctrl-C stops it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate worker
  orchestrate worker --log-format json")]
pub(in crate::cli) struct WorkerArguments {}

pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}
