//! `orchestrate runbook`: procedures for people and machines.

mod run;
mod show;

use serde::Serialize;

use crate::model::{Catalog, Runbook, did_you_mean};

use super::args::{Global, RunFormat, RunbookArguments, RunbookListArguments, RunbookVerb};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::project;

/// `runbook`.
pub(super) fn run(global: &Global, arguments: &RunbookArguments, output: &mut Output) -> Result<Exit, Failure> {
    match &arguments.verb {
        RunbookVerb::List(arguments) => list(global, arguments, output),
        RunbookVerb::Show(arguments) => show::run(global, arguments, output),
        RunbookVerb::Run(arguments) => run::run(global, arguments, output),
    }
}

/// What `runbook list` answers, `orchestrate.runbooks/v1`.
#[derive(Debug, Serialize)]
struct Document {
    format: &'static str,
    runbooks: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    runbook: String,
    description: Option<String>,
    file: String,
    steps: usize,
}

fn list(global: &Global, arguments: &RunbookListArguments, output: &mut Output) -> Result<Exit, Failure> {
    let catalog = project::catalog(global, output)?;
    let entry = |runbook: &Runbook| Entry {
        runbook: runbook.name.clone(),
        description: runbook.description.clone(),
        file: runbook.place.file.to_string(),
        steps: runbook.operations.len(),
    };
    let runbooks: Vec<Entry> = catalog.runbooks.values().map(entry).collect();
    output.data(&match arguments.shown.format {
        RunFormat::Json => {
            let document = Document { format: "orchestrate.runbooks/v1", runbooks };
            serde_json::to_string(&document).expect("runbooks have only texts for keys")
        }
        RunFormat::Text => {
            let names = runbooks.iter().map(|entry| entry.runbook.len()).max().unwrap_or(0);
            let line = |entry: &Entry| {
                let description = entry.description.as_deref().unwrap_or_default();
                format!("{:<names$}  {description}", entry.runbook).trim_end().to_owned()
            };
            runbooks.iter().map(line).collect::<Vec<String>>().join("\n")
        }
    });
    Ok(Exit::Done)
}

/// A runbook by its name.
fn named<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Runbook, Failure> {
    catalog.runbooks.get(name).ok_or_else(|| {
        let known = catalog.runbooks.keys().map(String::as_str);
        let all = || "`orchestrate runbook list` lists them; a project's own stand in templates/runbooks/".to_owned();
        Failure::new(Exit::Usage, format!("there is no runbook `{name}`")).hint(did_you_mean(name, known, all))
    })
}
