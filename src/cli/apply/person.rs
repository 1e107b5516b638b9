//! The person at the terminal: one question before anything is done, and the notes on the way.

use std::io::{IsTerminal as _, stderr, stdin};

use crate::run::Upgrade;

use super::super::failure::{Exit, Failure};
use super::super::output;
use super::Apply;
use super::job::Job;

/// Whether somebody can be asked.
pub(super) fn is_there() -> bool {
    stdin().is_terminal() && stderr().is_terminal()
}

/// Asks for the environment's name; anything else means no.
pub(super) async fn agree(apply: &Apply<'_>, job: &Job) -> Result<(), Failure> {
    let environment = apply.loaded.environment.as_str();
    let nothing = |why: &str| Failure::new(Exit::Acknowledgement, format!("nothing was done: {why}"));
    if !is_there() {
        return Err(nothing("there is no terminal to ask at").hint("add --yes to go ahead without a question"));
    }
    let to = &job.plan().to.app;
    let question = format!("\nTo upgrade `{environment}` to {to}, type its name: ");
    match ask(apply, question).await? {
        Some(answer) if answer == environment => Ok(()),
        Some(_) | None => {
            Err(nothing("the answer was another").hint(format!("the answer that goes ahead is `{environment}`")))
        }
    }
}

/// Shows notes one by one; gives the names of those that were confirmed. The first that is not ends it.
pub(super) async fn confirm(apply: &Apply<'_>, upgrade: &Upgrade, notes: &[String]) -> Result<Vec<String>, Failure> {
    let planned = upgrade.plan.steps.iter().flat_map(|step| &step.notes);
    let mut confirmed = Vec::new();
    for note in planned.filter(|note| notes.contains(&note.name)) {
        let question = format!("\n{}\n\n{}\n\nWhen that is so, type {}: ", note.title, note.body.trim_end(), note.name);
        match ask(apply, question).await? {
            Some(answer) if answer == note.name => confirmed.push(note.name.clone()),
            Some(_) | None => break,
        }
    }
    Ok(confirmed)
}

/// A line of the terminal; nothing where it was closed or interrupted.
async fn ask(apply: &Apply<'_>, question: String) -> Result<Option<String>, Failure> {
    let unasked = |error: std::io::Error| Failure::from_error(Exit::Unexpected, &error);
    output::write(&mut anstream::stderr().lock(), &question).map_err(unasked)?;
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        stdin().read_line(&mut line).map(|length| (length > 0).then(|| line.trim().to_owned()))
    });
    let signals = &apply.desk.signals;
    tokio::select! {
        line = read => line.map_err(|error| Failure::from_error(Exit::Unexpected, &error))?.map_err(unasked),
        () = signals.stop.cancelled() => Ok(None),
        () = signals.let_go.cancelled() => Ok(None),
    }
}
