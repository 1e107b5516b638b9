//! `orchestrate errors`: everything that ever went wrong with a migration, in all of its runs.

use serde::Serialize;

use crate::execute::upgrade::UPGRADE;
use crate::execute::written;
use crate::run::{RunError, State};
use crate::store::Store;

use super::args::{ErrorsArguments, Global, RunFormat};
use super::commands::Commands;
use super::desk::{Loaded, block_on};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::{figures, kept, wording};

/// An error as JSON has it.
#[derive(Debug, Serialize)]
struct Entry {
    at: String,
    run: String,
    /// What it was about, where it was about an operation.
    operation: Option<String>,
    /// Whether that was being done or taken back.
    direction: Option<crate::run::Direction>,
    part: Option<u32>,
    host: Option<String>,
    message: String,
}

#[derive(Debug, Serialize)]
struct Document {
    format: &'static str,
    migration: String,
    errors: Vec<Entry>,
}

pub(super) fn run(global: &Global, arguments: &ErrorsArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let (name, commands) = (arguments.migration.as_str(), loaded.commands(global));
    block_on(async {
        let store = loaded.store(global).await?;
        if name == UPGRADE {
            return of_upgrades(&loaded, &store, arguments.shown.format, &commands, output).await;
        }
        let rows = kept::runs(&loaded, &store, Some(name)).await?;
        kept::refuse_unknown(&loaded, name, &rows)?;
        let (mut lines, mut entries) = (Vec::new(), Vec::new());
        for row in rows.iter().rev() {
            let state = kept::state(&store, row, &commands).await?;
            for error in &state.errors {
                lines.push(line(error, &state));
                entries.push(entry(error, row.run.id.as_str()));
            }
        }
        match arguments.shown.format {
            RunFormat::Json => {
                let format = "orchestrate.errors/v1";
                let document = Document { format, migration: name.to_owned(), errors: entries };
                output.data(&serde_json::to_string(&document).expect("errors have only texts for keys"));
            }
            RunFormat::Text if lines.is_empty() && global.quiet => {}
            RunFormat::Text if lines.is_empty() => {
                let runs = figures::counted(rows.len(), "run");
                output.talk(&format!("{name} has had no errors in {runs}"));
            }
            RunFormat::Text => output.data(&lines.join("\n")),
        }
        Ok(Exit::Done)
    })
}

/// What ever kept upgrades from going on, but for people's words.
async fn of_upgrades(
    loaded: &Loaded,
    store: &Store,
    format: RunFormat,
    commands: &Commands,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let (mut lines, mut errors) = (Vec::new(), Vec::new());
    let rows = kept::upgrades(loaded, store).await?;
    for row in rows.iter().rev() {
        let upgrade = kept::upgrade(store, row, commands).await?;
        for (at, message) in upgrade.errors {
            lines.push(format!("{}  {message}", figures::moment(at)));
            let (at, run) = (written(at), row.run.id.to_string());
            errors.push(Entry { at, run, operation: None, direction: None, part: None, host: None, message });
        }
    }
    match format {
        RunFormat::Json => {
            let document = Document { format: "orchestrate.errors/v1", migration: UPGRADE.to_owned(), errors };
            output.data(&serde_json::to_string(&document).expect("errors have only texts for keys"));
        }
        RunFormat::Text if lines.is_empty() => {
            output.talk(&format!("upgrades have had no errors in {}", figures::counted(rows.len(), "run")));
        }
        RunFormat::Text => output.data(&lines.join("\n")),
    }
    Ok(Exit::Done)
}

fn line(error: &RunError, state: &State) -> String {
    let about = error.unit.as_ref().map(|unit| format!("{}: ", wording::unit(unit, state)));
    format!("{}  {}{}", figures::moment(error.at), about.unwrap_or_default(), error.message)
}

fn entry(error: &RunError, run: &str) -> Entry {
    Entry {
        at: written(error.at),
        run: run.to_owned(),
        operation: error.unit.as_ref().map(|unit| unit.operation.clone()),
        direction: error.unit.as_ref().map(|unit| unit.direction),
        part: error.unit.as_ref().map(|unit| unit.part),
        host: error.host.clone(),
        message: error.message.clone(),
    }
}
