//! `orchestrate tune`: changes how large tables are moved while a run moves them.
//!
//! What a value must look like is known before the store is asked; which throttles there are, the run's document tells.

use std::collections::BTreeMap;

use crate::model::{Action, Migration, did_you_mean};
use crate::run::{Request, State, TUNABLES, TuneError, Tuning};

use super::act;
use super::args::{Global, TuneArguments};
use super::failure::{Exit, Failure};
use super::output::Output;

pub(super) fn run(global: &Global, arguments: &TuneArguments, output: &mut Output) -> Result<Exit, Failure> {
    let changes = changes(&arguments.changes)?;
    Tuning::default().with_all(&changes).map_err(|error| refused(&error))?;
    let request = Request::Tune { changes };
    act::wish(global, &arguments.migration, request, arguments.reason.clone(), arguments.shown.format, output)
}

/// What is changed to what; each once.
fn changes(typed: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut changes = BTreeMap::new();
    for (name, value) in typed {
        if changes.insert(name.clone(), value.trim().to_owned()).is_some() {
            let failure = Failure::new(Exit::Usage, format!("`{name}` is changed twice"));
            return Err(failure.hint("give the value that is meant"));
        }
    }
    Ok(changes)
}

fn refused(error: &TuneError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, error);
    match error {
        TuneError::Unknown { hint, .. } => failure.hint(hint.clone()),
        TuneError::Invalid { .. } => failure.hint("`orchestrate tune --help` tells what each takes"),
    }
}

/// Refuses what would change nothing: there is nothing that is moved in batches, or no throttle of this name.
pub(super) fn refuse_without_effect(migration: &Migration, changes: &BTreeMap<String, String>) -> Result<(), Failure> {
    let name = &migration.name;
    let is_moving = |action: &Action| matches!(action, Action::Copy { .. } | Action::Backfill { .. });
    if !migration.operations.iter().any(|operation| is_moving(&operation.action)) {
        let failure = Failure::new(Exit::Usage, format!("nothing of {name} is moved in batches"));
        return Err(failure.hint("what can be tuned is the work of `copy` and `backfill`"));
    }
    let tuning = Tuning::default().with_all(changes).map_err(|error| refused(&error))?;
    let known: Vec<&str> = migration.throttle.iter().map(|throttle| throttle.name.as_str()).collect();
    match tuning.limits().find(|limit| !known.contains(limit)) {
        None => Ok(()),
        Some(unknown) => {
            let all = || match known.as_slice() {
                [] => "it has no `throttle`".to_owned(),
                known => format!("its throttles: {}", known.join(", ")),
            };
            let failure = Failure::new(Exit::Usage, format!("{name} has no throttle `{unknown}`"));
            Err(failure.hint(did_you_mean(unknown, known.iter().copied(), all)))
        }
    }
}

/// Whether all of it is so already.
pub(super) fn is_so_already(changes: &BTreeMap<String, String>, state: &State) -> bool {
    state.tuning.clone().with_all(changes).is_ok_and(|tuning| tuning == state.tuning)
}

/// What can be changed, for the help.
pub(super) fn help() -> String {
    let lines = TUNABLES.map(|(name, takes)| format!("  {name:<22}{takes}\n"));
    format!(
        "What can be changed:\n{}\n\
         Examples:\n  \
         orchestrate tune 0007_persons_and_groups_on_events_backfill parallel=2 --reason 'peak hours'\n  \
         orchestrate tune 0007_persons_and_groups_on_events_backfill batch_target=500ms throttle.replica-lag='< 5'",
        lines.concat()
    )
}
