//! The person at the terminal: one question before anything is done, and the notes on the way.

use crate::execute::control::{ControlError, Wish};
use crate::run::{Request, Resolution, Rest, Upgrade};

use super::super::failure::{Exit, Failure};
use super::super::kept;
use super::super::refusal::refused;
use super::super::terminal::{ask, is_there};
use super::super::watching::View;
use super::super::word::{self, Question};
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

/// What it waits for that only a person can do: the name of a deploy or of a migration.
pub(super) fn waits(because: &Rest) -> Option<&str> {
    match because {
        Rest::Deploy { name, is_manual: true, .. } => Some(name),
        Rest::Migration { migration, is_manual: true, .. } => Some(migration),
        Rest::Deploy { .. }
        | Rest::Migration { .. }
        | Rest::Acknowledgement { .. }
        | Rest::Gate { .. }
        | Rest::Version { .. }
        | Rest::Stale { .. }
        | Rest::Refused { .. }
        | Rest::Stopped { .. }
        | Rest::Until { .. } => None,
    }
}

/// Asks for what only a person can do, and goes on with the run that waits for it; whether the upgrade is to be gone on with.
pub(super) async fn answer(apply: &Apply<'_>, name: &str, view: &mut View) -> Result<bool, Failure> {
    let told = |error: ControlError| refused(name, &error, apply.commands);
    let latest = kept::latest(apply.loaded, &apply.desk.store, name, apply.commands).await?;
    let Some((unit, text)) = latest.and_then(|(_, state)| state.question) else { return Ok(false) };
    let question = Question { operation: unit.operation.clone(), text };
    let Some((resolution, reason)) = word::answer(&apply.desk.signals, &question).await? else { return Ok(false) };
    let request = Request::Resolve { operation: unit.operation, resolution };
    let wish = Wish { request, by: apply.desk.person.clone(), reason: Some(reason) };
    apply.desk.ask(name, wish, view).await.map_err(told)?;
    Ok(resolution == Resolution::Done)
}
