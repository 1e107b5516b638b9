//! `orchestrate journal`: everything that happened in a run, as it was written down.

use serde_json::{Value, json};

use crate::execute::control::ControlError;
use crate::execute::upgrade::UPGRADE;
use crate::execute::{DriveError, Fold, written};
use crate::run::{Event, SCHEMA, State, Timestamp, UPGRADE_SCHEMA, Upgrade, UpgradeEvent};
use crate::store::{Recorded, RunId, RunRow, Store};

use super::args::{Global, JournalArguments, RunFormat};
use super::commands::Commands;
use super::desk::{Loaded, block_on, unstored};
use super::failure::{Exit, Failure, unwritten};
use super::output::Output;
use super::refusal::refused;
use super::{figures, kept, upgrade_text, wording};

/// Events that are read at once.
const PAGE: u32 = 1000;

pub(super) fn run(global: &Global, arguments: &JournalArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let commands = loaded.commands(global);
    block_on(async {
        let store = loaded.store(global).await?;
        let (row, earlier) = find(&loaded, &store, &arguments.run, &commands).await?;
        if !earlier.is_empty() && !global.quiet {
            output.talk(&format!("its latest run; earlier ones: {}", earlier.join(", ")));
        }
        let mut state = match row.run.kind == UPGRADE {
            true => Told::Upgrade(None),
            false => Told::Run(None),
        };
        let mut after = 0;
        loop {
            let page = store.events(&row.run.id, after, PAGE).await.map_err(|error| unstored(&error))?;
            let is_last = page.len() < PAGE as usize;
            for recorded in page {
                after = recorded.sequence;
                let line = match arguments.shown.format {
                    RunFormat::Json => object(&recorded, &row).map(|object| object.to_string()),
                    RunFormat::Text => text(&recorded, &mut state),
                };
                output.data(&line.map_err(|error| refused(&row.run.name, &ControlError::Drive(error), &commands))?);
            }
            if is_last {
                return Ok(Exit::Done);
            }
            output.pass_on().map_err(|error| unwritten(&error))?;
        }
    })
}

/// The run that is meant: by its id, else the latest of a migration, with the ids of those before it.
async fn find(
    loaded: &Loaded,
    store: &Store,
    name: &str,
    commands: &Commands,
) -> Result<(RunRow, Vec<String>), Failure> {
    let by_id = store.run(&RunId::new(name)).await.map_err(|error| unstored(&error))?;
    if let Some(row) = by_id {
        return Ok((row, Vec::new()));
    }
    let rows = match name == UPGRADE {
        true => kept::upgrades(loaded, store).await?,
        false => kept::runs(loaded, store, Some(name)).await?,
    };
    let mut rows = rows.into_iter();
    let Some(row) = rows.next() else {
        if name != UPGRADE {
            kept::refuse_unknown(loaded, name, &[])?;
        }
        let never = ControlError::NeverStarted { name: name.to_owned() };
        return Err(refused(name, &never, commands));
    };
    Ok((row, rows.map(|row| row.run.id.to_string()).collect()))
}

fn unreadable(recorded: &Recorded, error: &serde_json::Error) -> DriveError {
    DriveError::Unreadable { sequence: recorded.sequence, reason: error.to_string() }
}

/// An event as it stands in the journal, with its place, its time and the owner who wrote it.
fn object(recorded: &Recorded, row: &RunRow) -> Result<Value, DriveError> {
    let mut object: Value = serde_json::from_str(&recorded.body).map_err(|error| unreadable(recorded, &error))?;
    let is_upgrade = row.run.kind == UPGRADE;
    object["format"] = json!(if is_upgrade { UPGRADE_SCHEMA } else { SCHEMA });
    object["run"] = json!(row.run.id.as_str());
    if !is_upgrade {
        object["migration"] = json!(row.run.name);
    }
    object["sequence"] = json!(recorded.sequence);
    object["at"] = json!(written(Timestamp(recorded.at_ms)));
    object["generation"] = json!(recorded.generation);
    Ok(object)
}

/// What the events so far amount to.
enum Told {
    Run(Option<State>),
    Upgrade(Option<Upgrade>),
}

/// An event in words.
fn text(recorded: &Recorded, so_far: &mut Told) -> Result<String, DriveError> {
    let at = Timestamp(recorded.at_ms);
    let told = match so_far {
        Told::Run(state) => {
            let event: Event = serde_json::from_str(&recorded.body).map_err(|error| unreadable(recorded, &error))?;
            wording::told(&event, folded(state, event.clone(), at)?)
        }
        Told::Upgrade(upgrade) => {
            let event: UpgradeEvent =
                serde_json::from_str(&recorded.body).map_err(|error| unreadable(recorded, &error))?;
            upgrade_text::told(&event, folded(upgrade, event.clone(), at)?)
        }
    };
    Ok(format!("{}  {}", figures::moment(at), told.replace('\n', "\n                      ")))
}

/// What holds after an event.
fn folded<S: Fold>(state: &mut Option<S>, event: S::Event, at: Timestamp) -> Result<&S, DriveError> {
    match state {
        None => Ok(state.insert(S::begin(event, at).map_err(DriveError::Journal)?)),
        Some(state) => {
            state.apply(event, at).map_err(DriveError::Journal)?;
            Ok(state)
        }
    }
}
