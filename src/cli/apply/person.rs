//! The person at the terminal: one question before anything is done, and the notes on the way.

use crate::run::Upgrade;

use super::super::failure::{Exit, Failure};
use super::super::terminal::{ask, is_there};
use super::Apply;
use super::job::Job;

/// Asks for the environment's name; anything else means no.
pub(super) async fn agree(apply: &Apply<'_>, job: &Job) -> Result<(), Failure> {
    let environment = apply.loaded.environment.as_str();
    let nothing = |why: &str| Failure::new(Exit::Acknowledgement, format!("nothing was done: {why}"));
    if !is_there() {
        return Err(nothing("there is no terminal to ask at").hint("add --yes to go ahead without a question"));
    }
    let to = &job.plan().to.app;
    let question = format!("\nTo upgrade `{environment}` to {to}, type its name: ");
    match ask(&apply.desk.signals, &question).await? {
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
        match ask(&apply.desk.signals, &question).await? {
            Some(answer) if answer == note.name => confirmed.push(note.name.clone()),
            Some(_) | None => break,
        }
    }
    Ok(confirmed)
}
