//! Logs: to standard error, as lines for people or as JSON for machines.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// What these tell below an error may hold SQL, URLs and what stands in them.
const QUIET: [&str; 7] = ["clickhouse", "h2", "hyper", "hyper_util", "reqwest", "rustls", "sqlx"];

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
/// Databases and HTTP clients tell errors only, unless `ORCHESTRATE_LOG` names them: `sqlx=debug`.
/// Called once, at the program's start; a second call changes nothing.
pub fn start(format: LogFormat, verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let asked = std::env::var("ORCHESTRATE_LOG").unwrap_or_default();
    let builder = tracing_subscriber::fmt().with_env_filter(filter(level, &asked)).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(false).without_time().with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started before");
    }
}

/// What is logged; of two that name the same, the later holds.
fn filter(level: LevelFilter, asked: &str) -> EnvFilter {
    let quiet = QUIET.map(|target| format!("{target}=error")).join(",");
    EnvFilter::builder().parse_lossy(format!("{level},{quiet},{asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_quiet_unless_they_are_named() {
        let directives = |level, asked: &str| {
            let mut directives: Vec<String> = filter(level, asked).to_string().split(',').map(str::to_owned).collect();
            directives.sort();
            directives.join(" ")
        };
        let quiet = "clickhouse=error h2=error hyper=error hyper_util=error reqwest=error rustls=error";
        assert_eq!(directives(LevelFilter::WARN, ""), format!("{quiet} sqlx=error warn"));
        assert_eq!(directives(LevelFilter::TRACE, ""), format!("{quiet} sqlx=error trace"));
        assert_eq!(directives(LevelFilter::WARN, "debug"), quiet.replacen(' ', " debug ", 1) + " sqlx=error");
        assert_eq!(directives(LevelFilter::WARN, "sqlx=debug"), format!("{quiet} sqlx=debug warn"));
    }
}
