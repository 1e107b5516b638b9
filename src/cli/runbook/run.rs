//! `runbook run`: runs a runbook, and asks whoever sits at the terminal for what only a person can do.

use crate::execute::Outcome;
use crate::execute::control::{Came, Wish, person};
use crate::run::{Request, Resolution, State};

use super::super::act::{self, Asked, End};
use super::super::args::{Global, RunbookRunArguments};
use super::super::desk::{Loaded, block_on};
use super::super::failure::{Exit, Failure};
use super::super::output::Output;
use super::super::watching::View;
use super::super::word::{self, Question};
use super::super::{kept, parameters, terminal};
use super::named;

pub(super) fn run(global: &Global, arguments: &RunbookRunArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let runbook = named(&loaded.catalog, &arguments.name)?;
    let (name, commands) = (runbook.run_name(), loaded.commands(global));
    let procedure = runbook.procedure(&name);
    let text = loaded.sources.get(&runbook.place.file).map(|text| text.to_string()).unwrap_or_default();
    let end = End { name: &name, commands: &commands, asked: Asked::Work, format: arguments.shown.format };
    block_on(async {
        let desk = loaded.desk(global, Some(&procedure)).await?;
        let begun = kept::latest(&loaded, &desk.store, &name, &commands).await?.map(|(_, state)| state);
        let mut view = View::new(global);
        let values = match begun.filter(|state| !state.is_over()) {
            // What it was begun with holds until its end.
            Some(state) => {
                let given = state.given.parameters.clone();
                act::refuse_other_parameters(
                    &name,
                    &state,
                    &typed(&procedure, &given, arguments)?,
                    &arguments.set,
                    &commands,
                )?;
                if let Some((unit, question)) = &state.question {
                    view.say(&format!("{} waits: {question}", unit.operation));
                }
                given
            }
            None => {
                let values = parameters::parameters(&procedure, &arguments.set)?;
                view.say(&act::intention(&procedure, &values));
                values
            }
        };
        let mut came = desk.runbook(runbook, &text, values, &mut view).await;
        while let Some(question) = came.as_ref().ok().and_then(question).filter(|_| terminal::is_there()) {
            let Some((resolution, reason)) = word::answer(&desk.signals, &question).await? else { break };
            let request = Request::Resolve { operation: question.operation.clone(), resolution };
            came = desk.ask(&name, Wish { request, by: person(), reason: Some(reason) }, &mut view).await;
            if resolution == Resolution::NotDone {
                break;
            }
        }
        view.end();
        end.finish(came, output)
    })
}

/// The parameters with what was typed now, over those that the run has.
fn typed(
    procedure: &crate::model::Migration,
    given: &std::collections::BTreeMap<String, serde_json::Value>,
    arguments: &RunbookRunArguments,
) -> Result<std::collections::BTreeMap<String, serde_json::Value>, Failure> {
    let mut all = procedure.clone();
    for (name, parameter) in &mut all.parameters {
        parameter.default = given.get(name).cloned().or(parameter.default.take());
    }
    parameters::parameters(&all, &arguments.set)
}

/// The step for people that a run waits for.
fn question(came: &Came) -> Option<Question> {
    let is_manual = matches!(&came.outcome, Some(Outcome::Rest(ending)) if ending.is_manual);
    let State { question, .. } = &came.state;
    let (unit, text) = question.as_ref().filter(|_| is_manual)?;
    Some(Question { operation: unit.operation.clone(), text: text.clone() })
}
