//! Errors of Postgres: what they say about a statement, by SQLSTATE and by how far it had come.

use sqlx::Error;
use sqlx::postgres::PgDatabaseError;

use super::super::error::{Failure, Trouble};

/// How far a statement had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was not sent yet.
    Before,
    /// It was sent.
    Within,
    /// The end of its transaction was asked for.
    Commit,
}

/// Deadlock, serialization, locks, too many connections, memory, a server that starts or recovers, an object in use.
const NOT_NOW: [&str; 10] = ["40P01", "40001", "55P03", "53300", "53200", "57P03", "57P02", "55006", "25P03", "57P05"];
const ADMIN_SHUTDOWN: &str = "57P01";
const CRASH_SHUTDOWN: &str = "57P02";
const QUERY_CANCELED: &str = "57014";

/// What an error of the driver says.
pub(super) fn trouble(error: Error, phase: Phase) -> Failure {
    if let Error::Database(error) = error {
        return match error.try_downcast::<PgDatabaseError>() {
            Ok(error) => refused(error.code(), error.message(), error.hint(), phase),
            Err(error) => Failure::new(Trouble::Refused, error.message()),
        };
    }
    if matches!(error, Error::Configuration(_) | Error::Tls(_)) {
        return Failure::new(Trouble::Refused, error.to_string());
    }
    broken(&error, phase)
}

fn broken(error: &Error, phase: Phase) -> Failure {
    match phase {
        Phase::Before => Failure::new(Trouble::Transient, format!("no connection: {error}")),
        Phase::Within => Failure::new(Trouble::Lost, format!("the connection broke: {error}")),
        Phase::Commit => Failure::new(Trouble::Lost, format!("the connection broke at the commit: {error}")),
    }
}

fn refused(code: &str, message: &str, hint: Option<&str>, phase: Phase) -> Failure {
    let trouble = match (code, phase) {
        // The commit may stand although its session was ended.
        (ADMIN_SHUTDOWN | CRASH_SHUTDOWN, Phase::Commit) => Trouble::Lost,
        (ADMIN_SHUTDOWN, Phase::Before) => Trouble::Transient,
        (ADMIN_SHUTDOWN, Phase::Within) => Trouble::Ended,
        (QUERY_CANCELED, _) if message.contains("statement timeout") => Trouble::Timeout,
        (QUERY_CANCELED, _) => Trouble::Ended,
        (code, _) if NOT_NOW.contains(&code) || code.starts_with("08") => Trouble::Transient,
        _ => Trouble::Refused,
    };
    let message = hint.map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}"));
    Failure { trouble, code: Some(code.to_owned()), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_means_what_the_phase_allows() {
        let of = |code, message, phase| refused(code, message, None, phase).trouble;
        assert_eq!(of("40P01", "deadlock detected", Phase::Within), Trouble::Transient);
        assert_eq!(of("57P01", "terminating connection", Phase::Within), Trouble::Ended);
        assert_eq!(of("57P01", "terminating connection", Phase::Commit), Trouble::Lost);
        assert_eq!(of("57014", "canceling statement due to user request", Phase::Within), Trouble::Ended);
        assert_eq!(of("57014", "canceling statement due to statement timeout", Phase::Within), Trouble::Timeout);
        assert_eq!(of("28P01", "password authentication failed", Phase::Before), Trouble::Refused);
        assert_eq!(of("23505", "duplicate key", Phase::Commit), Trouble::Refused);
    }

    #[test]
    fn a_broken_connection_is_harmless_only_before() {
        let of = |phase| trouble(Error::WorkerCrashed, phase).trouble;
        assert_eq!(of(Phase::Before), Trouble::Transient);
        assert_eq!((of(Phase::Within), of(Phase::Commit)), (Trouble::Lost, Trouble::Lost));
    }

    #[test]
    fn the_hint_of_the_server_is_kept() {
        assert_eq!(refused("42703", "no column", Some("Perhaps b."), Phase::Within).message, "no column; Perhaps b.");
    }
}
