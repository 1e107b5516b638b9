//! What can be typed.

mod apply;
mod doctor;
mod gate;
mod runbook;
mod runs;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::manifest::Kind;
use crate::model::{PartialVersion, Version};
use crate::telemetry::LogFormat;

pub(super) use apply::ApplyArguments;
pub(super) use doctor::DoctorArguments;
pub(super) use gate::GateArguments;
pub(super) use runbook::{
    RunbookArguments, RunbookListArguments, RunbookRunArguments, RunbookShowArguments, RunbookVerb,
};
pub(super) use runs::{
    AskArguments, ErrorsArguments, JournalArguments, ResolveArguments, RunFormat, SettingsArguments, SettingsVerb,
    Shown, SkipArguments, StartArguments, StatusArguments, StopArguments, TuneArguments, Word, WorkerArguments,
};

const GLOBAL: &str = "Global options";

const EXAMPLES: &str = "\
Examples:
  orchestrate plan --from 1.30 --to 1.41           the way from 1.30 to the newest 1.41
  orchestrate plan --from 1.30 --to 1.41 --format markdown > upgrade.md
  orchestrate apply --to 1.41                      walk it: deploy, prove, migrate, step by step
  orchestrate lint                                 check every file of the project
  orchestrate lint --explain gate-impassable       what a rule is about
  orchestrate status                               where every migration stands, and what can be done
  orchestrate start 0001_events_sample_by          run a migration to its end

Exit codes:
  0  done, or nothing to do
  1  unexpected failure
  2  wrong usage
  3  invalid manifests
  4  there is no plan
  5  closed: by the gate, or by a check before the start, and nothing was done
  6  the plan is stale
  7  another process owns the run
  8  failed, and rolled back
  9  failed or stopped halfway: needs attention
 10  an acknowledgement is missing";

/// Plans multi-step upgrades of self-hosted software from checked-in YAML.
#[derive(Debug, Parser)]
#[command(name = "orchestrate", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb, before or after it.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// The directory with manifests/, upgrade-paths/, templates/ and orchestrate.yaml
    #[arg(help_heading = GLOBAL, long, global = true, value_name = "DIR", default_value = ".", env = "ORCHESTRATE_PROJECT")]
    pub project: PathBuf,
    /// The product, where there are several
    #[arg(help_heading = GLOBAL, long, global = true, value_name = "NAME", env = "ORCHESTRATE_PRODUCT")]
    pub product: Option<String>,
    /// The installation, where orchestrate.yaml has several
    #[arg(help_heading = GLOBAL, long, global = true, value_name = "NAME", env = "ORCHESTRATE_ENVIRONMENT")]
    pub environment: Option<String>,
    /// When to use colour
    #[arg(help_heading = GLOBAL, long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// How log lines look
    #[arg(help_heading = GLOBAL, long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Tell more on standard error; again for still more
    #[arg(help_heading = GLOBAL, short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Tell only errors on standard error
    #[arg(help_heading = GLOBAL, short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// When to use colour; `NO_COLOR` is honoured by `auto`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Decides for the whole process.
    pub fn write_global(self) {
        match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    Plan(PlanArguments),
    Apply(ApplyArguments),
    Gate(GateArguments),
    Lint(LintArguments),
    Schema(SchemaArguments),
    Status(StatusArguments),
    Start(StartArguments),
    Stop(StopArguments),
    /// Begin nothing new in a run until it is resumed; what runs is finished
    #[command(after_help = "Examples:\n  orchestrate pause 0003_fill_person_distinct_id2 --reason 'peak hours'")]
    Pause(AskArguments),
    /// Go on with a run that is paused, was stopped, or whose process ended
    #[command(after_help = "Examples:\n  orchestrate resume 0003_fill_person_distinct_id2")]
    Resume(AskArguments),
    /// Take back everything that a run did, from its last operation to its first
    #[command(
        after_help = "Examples:\n  orchestrate rollback 0003_fill_person_distinct_id2 --reason 'the new column is wrong'"
    )]
    Rollback(AskArguments),
    /// Try again what failed, and go on
    #[command(after_help = "Examples:\n  orchestrate retry 0003_fill_person_distinct_id2")]
    Retry(AskArguments),
    Skip(SkipArguments),
    Resolve(ResolveArguments),
    Tune(TuneArguments),
    Errors(ErrorsArguments),
    Journal(JournalArguments),
    Settings(SettingsArguments),
    Runbook(RunbookArguments),
    Doctor(DoctorArguments),
    Worker(WorkerArguments),
    Demo(DemoArguments),
}

/// Write a small product with its data into a folder, and upgrade it there over all of its releases
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate demo
  orchestrate demo --dir somewhere-else")]
pub(super) struct DemoArguments {
    /// The folder; it must be new, empty, or an earlier demo
    #[arg(long, value_name = "DIR", default_value = "orchestrate-demo")]
    pub dir: PathBuf,
}

/// Show the way from one version to another: the stops, the migrations of each, and what people must do
///
/// A partial --from is the lowest release that it can mean, a partial --to the highest. Without --from, and wherever
/// --environment names one, the installation is read: which version runs, what is complete, what it does not need. Nothing
/// is changed there. Else nothing is asked, and where --completed is not given, the installation is taken to have completed
/// every migration that its release could not have started without; the plan lists them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate plan --from 1.30 --to 1.41
  orchestrate plan --to 1.41 --environment production --out plan.json
  orchestrate plan --from 1.36.1 --from-chart 23.3.0 --to 1.41.4
  orchestrate plan --from 1.33 --to 1.34 --completed 0001_events_sample_by
  orchestrate plan --from 1.30 --to 1.41 --format json --out plan.json
  orchestrate plan --from 1.30 --to 1.41 --format dot | dot -Tsvg > plan.svg
  orchestrate plan --product sentry --from 22.8.0 --to 24.2.0")]
pub(super) struct PlanArguments {
    /// The app version that is installed; absent = what the environment's platform reads
    #[arg(long, value_name = "VERSION", value_parser = partial_version)]
    pub from: Option<PartialVersion>,
    /// The chart version that is installed, for the notes to be exact
    #[arg(long, value_name = "VERSION", value_parser = whole_version)]
    pub from_chart: Option<Version>,
    /// The app version to go to
    #[arg(long, value_name = "VERSION", value_parser = partial_version)]
    pub to: PartialVersion,
    /// The migrations that are complete, and no others; `--completed ''` for none
    #[arg(long, value_name = "A,B", value_delimiter = ',', num_args = 0..)]
    pub completed: Option<Vec<String>>,
    /// Which of two plans is better
    #[arg(long, value_enum, default_value_t = Prefer::Recommended, value_name = "WHAT")]
    pub prefer: Prefer,
    /// Leave out migrations that nothing forces yet
    #[arg(long)]
    pub only_required: bool,
    /// How the plan is shown
    #[arg(long, value_enum, default_value_t = PlanFormat::Text, value_name = "FORMAT")]
    pub format: PlanFormat,
    /// Write the plan as JSON to a file, besides showing it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Prefer {
    /// Migrations on their recommended releases, then few deploys
    Recommended,
    /// Few deploys, then recommended releases
    Fewest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For a person at a terminal
    Text,
    /// For machines, orchestrate.plan/v1
    Json,
    /// For a pull request or a ticket
    Markdown,
    /// A picture, for markdown
    Mermaid,
    /// A picture, for graphviz
    Dot,
}

/// Check every file of the project: whether it can be read, and the rules that need no database
///
/// Exit code 0 without errors (warnings are shown), 3 with errors.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate lint
  orchestrate lint --format github      annotations in GitHub Actions
  orchestrate lint --format sarif > lint.sarif
  orchestrate lint --explain undo-missing")]
pub(super) struct LintArguments {
    /// How the findings are shown
    #[arg(long, value_enum, default_value_t = LintFormat::Text, value_name = "FORMAT")]
    pub format: LintFormat,
    /// Explain a rule, or list all of them
    #[arg(long, value_name = "RULE", num_args = 0..=1, default_missing_value = "")]
    pub explain: Option<String>,
    /// Take warnings for errors
    #[arg(long)]
    pub strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LintFormat {
    /// For a person at a terminal
    Text,
    /// For machines, orchestrate.lint/v1
    Json,
    /// For code scanning, SARIF 2.1.0
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

/// Print the JSON Schema of a kind of file, for editors
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  orchestrate schema > orchestrate.schema.json         every kind
  orchestrate schema migration > migration.schema.json")]
pub(super) struct SchemaArguments {
    /// The kind of file; all of them if absent
    #[arg(value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)).try_map(kind))]
    pub kind: Option<Kind>,
}

fn kind(word: String) -> Result<Kind, String> {
    Kind::parse(&word).ok_or_else(|| format!("there is no kind `{word}`"))
}

fn partial_version(text: &str) -> Result<PartialVersion, String> {
    PartialVersion::parse(text).map_err(|_| "a version has one to three numbers: 1.30 or 1.30.0".to_owned())
}

fn whole_version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|_| "a whole version has three numbers: 16.1.0".to_owned())
}
