//! The verbs that act on one migration: start, stop, pause, resume, rollback, retry, skip, resolve, and the worker; [`super::tune`] uses the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::execute::control::{Came, ControlError, Start, Wish, document, person};
use crate::execute::{Outcome, worker};
use crate::model::{Migration, Undo};
use crate::run::{Request, Resolution, State, Status};

use super::args::{AskArguments, Global, ResolveArguments, RunFormat, SkipArguments, StartArguments, Word};
use super::commands::Commands;
use super::desk::{Loaded, block_on};
use super::failure::{Exit, Failure};
use super::figures::{counted, moment};
use super::guard;
use super::kept;
use super::output::Output;
use super::parameters::{parameters, shown};
use super::refusal::refused;
use super::tune;
use super::watching::View;

/// `start`.
pub(super) fn start(global: &Global, arguments: &StartArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let migration = loaded.migration(&arguments.migration)?;
    guard::refuse_lossy_undo(&loaded, migration)?;
    let parameters = parameters(migration, &arguments.set)?;
    let text = loaded.sources.get(&migration.place.file).map(|text| text.to_string()).unwrap_or_default();
    let app = arguments.at.as_ref().map(ToString::to_string);
    let (name, commands) = (arguments.migration.as_str(), loaded.commands(global));
    let end = End { name, commands: &commands, asked: Asked::Work, format: arguments.shown.format };
    block_on(async {
        let desk = loaded.desk(global, Some(migration)).await?;
        let mut view = View::new(global);
        let begun = kept::latest(&loaded, &desk.store, name, &commands).await?.map(|(_, state)| state);
        let start = Start { migration, text: &text, parameters, app, assumed: &[] };
        let came = match begun {
            Some(state) if state.status.is_active() && !state.is_paused => {
                refuse_other_parameters(name, &state, &start.parameters, &arguments.set, &commands)?;
                let wish = Wish { request: Request::Resume, by: person(), reason: None };
                desk.ask(name, wish, &mut view).await
            }
            Some(state) if state.status.is_complete() => {
                view.say(&format!("nothing to do: {name} is {} since {}", state.status, moment(state.since)));
                desk.start(&start, &mut view).await
            }
            Some(state) if !state.is_over() => desk.start(&start, &mut view).await,
            Some(_) | None => {
                view.say(&intention(migration, &start.parameters));
                if arguments.detach {
                    let came = desk.enqueue(&start).await;
                    if came.is_ok() {
                        view.say(&format!("{name} is left to a worker: {}", commands.command("worker")));
                    }
                    came
                } else {
                    desk.start(&start, &mut view).await
                }
            }
        };
        view.end();
        end.finish(came, output)
    })
}

/// A run that is gone on with keeps its parameters; other ones are refused.
pub(super) fn refuse_other_parameters(
    name: &str,
    state: &State,
    wanted: &BTreeMap<String, Value>,
    set: &[(String, String)],
    commands: &Commands,
) -> Result<(), Failure> {
    let other = set.iter().map(|(name, _)| name).find(|name| wanted.get(*name) != state.given.parameters.get(*name));
    let Some(other) = other else { return Ok(()) };
    let given = shown(&state.given.parameters).unwrap_or_else(|| "no parameters".to_owned());
    let message = format!("{name} ({}) was begun with {given}: --set {other} cannot change that", state.status);
    let back = if state.status.is_active() { format!("stop {name} --rollback") } else { format!("rollback {name}") };
    let hint = format!("leave out --set to go on with it, or take it back first: {}", commands.command(&back));
    Err(Failure::new(Exit::Usage, message).hint(hint))
}

/// What is about to be done, before anything is: with which parameters, in how many operations, and from where on there is
/// no way back.
pub(super) fn intention(migration: &Migration, parameters: &BTreeMap<String, Value>) -> String {
    let operations = counted(migration.operations.len(), "operation");
    let mut text = format!("{}: {operations}", migration.name);
    if let Some(parameters) = shown(parameters) {
        text.push_str(&format!(", {parameters}"));
    }
    for (number, operation) in (1..).zip(&migration.operations) {
        if let Undo::Irreversible(reason) = &operation.undo {
            let (name, all) = (&operation.name, migration.operations.len());
            text.push_str(&format!("\n  no way back once {name} begins ({number} of {all}): {reason}"));
            break;
        }
    }
    text
}

/// `stop`, `pause`, `resume`, `rollback`, `retry`.
pub(super) fn ask(
    global: &Global,
    arguments: &AskArguments,
    request: Request,
    output: &mut Output,
) -> Result<Exit, Failure> {
    wish(global, &arguments.migration, request, arguments.reason.clone(), arguments.shown.format, output)
}

/// `skip`.
pub(super) fn skip(global: &Global, arguments: &SkipArguments, output: &mut Output) -> Result<Exit, Failure> {
    let request = Request::Resolve { operation: arguments.operation.clone(), resolution: Resolution::Skip };
    wish(global, &arguments.migration, request, Some(arguments.reason.clone()), arguments.shown.format, output)
}

/// `resolve`.
pub(super) fn resolve(global: &Global, arguments: &ResolveArguments, output: &mut Output) -> Result<Exit, Failure> {
    let resolution = match arguments.word {
        Word::Done => Resolution::Done,
        Word::NotDone => Resolution::NotDone,
    };
    let request = Request::Resolve { operation: arguments.operation.clone(), resolution };
    wish(global, &arguments.migration, request, Some(arguments.reason.clone()), arguments.shown.format, output)
}

/// Asks for something, and shows what came of it.
pub(super) fn wish(
    global: &Global,
    name: &str,
    request: Request,
    reason: Option<String>,
    format: RunFormat,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let asked = match &request {
        Request::Stop { .. } => Asked::Stop,
        Request::Pause | Request::Tune { .. } => Asked::Pause,
        Request::Rollback => Asked::Rollback,
        Request::Resume | Request::Retry | Request::Resolve { .. } => Asked::Work,
    };
    let commands = loaded.commands(global);
    let end = End { name, commands: &commands, asked, format };
    block_on(async {
        let store = loaded.store(global).await?;
        let Some((row, state)) = kept::latest(&loaded, &store, name, &commands).await? else {
            kept::refuse_unknown(&loaded, name, &[])?;
            return Err(refused(name, &ControlError::NeverStarted { name: name.to_owned() }, &commands));
        };
        let mut view = View::new(global);
        if is_so_already(&request, &state) {
            let what = if matches!(request, Request::Tune { .. }) { ", with all of that" } else { "" };
            view.say(&format!("nothing to do: {name} is {} since {}{what}", state.status, moment(state.since)));
            end.show(row.run.id.as_str(), &state, None, output);
            return Ok(Exit::Done);
        }
        let migration = document(&state).map_err(|error| refused(name, &ControlError::Drive(error), &commands))?;
        if let Request::Tune { changes } = &request {
            tune::refuse_without_effect(&migration, changes)?;
        }
        let desk = loaded.desk(global, Some(&migration)).await?;
        let wish = Wish { request, by: person(), reason };
        let came = desk.ask(name, wish, &mut view).await;
        view.end();
        end.finish(came, output)
    })
}

/// Whether what is asked for is so.
fn is_so_already(request: &Request, state: &State) -> bool {
    let status = state.status;
    match request {
        Request::Stop { rollback: false } => status == Status::Stopped,
        Request::Stop { rollback: true } | Request::Rollback => status == Status::RolledBack,
        Request::Pause => status == Status::Paused,
        Request::Resume | Request::Retry => status.is_complete(),
        Request::Resolve { .. } => false,
        Request::Tune { changes } => status.is_active() && tune::is_so_already(changes, state),
    }
}

/// What a worker may begin by itself: migrations that need no word of a person first.
fn candidates(loaded: &Loaded) -> Vec<Start<'_>> {
    let migrations = loaded.product().migrations.values();
    let safe = migrations.filter(|migration| guard::refuse_lossy_undo(loaded, migration).is_ok());
    let starts = safe.filter_map(|migration| {
        let text = loaded.sources.get(&migration.place.file)?;
        Some(Start { migration, text, parameters: parameters(migration, &[]).ok()?, app: None, assumed: &[] })
    });
    starts.collect()
}

/// `worker`.
pub(super) fn work(global: &Global, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let commands = loaded.commands(global);
    let candidates = candidates(&loaded);
    block_on(async {
        let desk = loaded.desk(global, None).await?;
        let mut view = View::of_many(global);
        let worked = worker::work(&desk, &candidates, &mut view, |_| {}).await;
        view.end();
        worked.map_err(|error| refused("worker", &error, &commands))?;
        Ok(Exit::Done)
    })
}

/// What somebody wanted of a run: it decides what counts as having come of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Work,
    Stop,
    Pause,
    Rollback,
}

/// How a verb ends.
pub(super) struct End<'a> {
    pub name: &'a str,
    pub commands: &'a Commands,
    pub asked: Asked,
    pub format: RunFormat,
}

impl End<'_> {
    /// Tells how it came out.
    pub fn finish(&self, came: Result<Came, ControlError>, output: &mut Output) -> Result<Exit, Failure> {
        let came = came.map_err(|error| refused(self.name, &error, self.commands))?;
        self.show(came.run.as_str(), &came.state, came.outcome.as_ref(), output);
        Ok(exit(&came, self.asked))
    }

    /// Shows where the run stands. One that was only told of something has an owner.
    fn show(&self, run: &str, state: &State, outcome: Option<&Outcome>, output: &mut Output) {
        let is_owned = outcome.is_none();
        let next = self.commands.next(self.name, state, is_owned);
        match self.format {
            RunFormat::Json => output.data(
                &json!({
                    "format": "orchestrate.run/v1",
                    "migration": self.name,
                    "run": run,
                    "status": state.status.key(),
                    "because": state.because,
                    "next": next,
                })
                .to_string(),
            ),
            RunFormat::Text => {
                let mut text = format!("{}: {}", self.name, state.status);
                if outcome == Some(&Outcome::LetGo) {
                    text.push_str(", let go");
                }
                for command in next {
                    text.push_str(&format!("\n  {command}"));
                }
                output.data(&text);
            }
        }
    }
}

/// The exit code for how a run came out.
fn exit(came: &Came, asked: Asked) -> Exit {
    let ending = match &came.outcome {
        Some(Outcome::Rest(ending)) => ending,
        Some(Outcome::LetGo) => return Exit::Attention,
        None => return Exit::Done,
    };
    match (ending.status, asked) {
        (Status::Completed | Status::NotRequired, Asked::Work) => Exit::Done,
        (Status::RolledBack, Asked::Rollback | Asked::Stop) => Exit::Done,
        (Status::Stopped, Asked::Stop) => Exit::Done,
        (Status::RolledBack, Asked::Work | Asked::Pause) => Exit::RolledBack,
        (Status::Blocked, _) => Exit::Closed,
        (Status::NeedsAttention, _) if ending.is_manual => Exit::Acknowledgement,
        _ => Exit::Attention,
    }
}
