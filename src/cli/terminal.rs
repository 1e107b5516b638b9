//! The person at the terminal, who can be asked.

use std::io::{IsTerminal as _, stderr, stdin};

use crate::execute::Signals;

use super::failure::{Exit, Failure};
use super::output;

/// Whether somebody can be asked.
pub(super) fn is_there() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// A line of the terminal; nothing where it was closed or interrupted.
pub(super) async fn ask(signals: &Signals, question: &str) -> Result<Option<String>, Failure> {
    let unasked = |error: std::io::Error| Failure::from_error(Exit::Unexpected, &error);
    output::write(&mut anstream::stderr().lock(), question).map_err(unasked)?;
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        stdin().read_line(&mut line).map(|length| (length > 0).then(|| line.trim().to_owned()))
    });
    tokio::select! {
        line = read => line.map_err(|error| Failure::from_error(Exit::Unexpected, &error))?.map_err(unasked),
        () = signals.stop.cancelled() => Ok(None),
        () = signals.let_go.cancelled() => Ok(None),
    }
}
