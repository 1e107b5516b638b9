//! Logs: to standard error, as lines for people or as JSON for machines.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// Starts logging: warnings and errors, more with each `-v`; `ORCHESTRATE_LOG` overrides it.
///
/// Called once, at the program's start; a second call changes nothing.
pub fn start(format: LogFormat, verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let filter =
        EnvFilter::builder().with_default_directive(level.into()).with_env_var("ORCHESTRATE_LOG").from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(false).without_time().with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
}
