//! The verbs that act on one migration: start, stop, pause, resume, rollback, retry, skip, resolve, and the worker.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::execute::control::{Came, ControlError, Start, Wish, person};
use crate::execute::{DriveError, Outcome, worker};
use crate::model::{Migration, ParameterKind, did_you_mean};
use crate::run::{Request, Resolution, State, Status};

use super::args::{AskArguments, Global, ResolveArguments, RunFormat, SkipArguments, StartArguments, Word};
use super::desk::{Loaded, block_on, unstored};
use super::failure::{Exit, Failure};
use super::guard;
use super::output::Output;
use super::watching::Lines;

/// `start`.
pub(super) fn start(global: &Global, arguments: &StartArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let migration = loaded.migration(&arguments.migration)?;
    guard::refuse_lossy_undo(&loaded, migration)?;
    let parameters = parameters(migration, &arguments.set)?;
    let text = loaded.sources.get(&migration.place.file).map(|text| text.to_string()).unwrap_or_default();
    let app = arguments.at.as_ref().map(ToString::to_string);
    block_on(async {
        let desk = loaded.desk(global, Some(migration)).await?;
        let start = Start { migration, text: &text, parameters, app };
        let mut lines = Lines::new(global.quiet);
        let came = if arguments.detach { desk.enqueue(&start).await } else { desk.start(&start, &mut lines).await };
        finish(&arguments.migration, came, Asked::Work, arguments.format, output)
    })
}

/// `stop`, `pause`, `resume`, `rollback`, `retry`.
pub(super) fn ask(
    global: &Global,
    arguments: &AskArguments,
    request: Request,
    output: &mut Output,
) -> Result<Exit, Failure> {
    wish(global, &arguments.migration, request, arguments.reason.clone(), arguments.format, output)
}

/// `skip`.
pub(super) fn skip(global: &Global, arguments: &SkipArguments, output: &mut Output) -> Result<Exit, Failure> {
    let request = Request::Resolve { operation: arguments.operation.clone(), resolution: Resolution::Skip };
    wish(global, &arguments.migration, request, Some(arguments.reason.clone()), arguments.format, output)
}

/// `resolve`.
pub(super) fn resolve(global: &Global, arguments: &ResolveArguments, output: &mut Output) -> Result<Exit, Failure> {
    let resolution = match arguments.word {
        Word::Done => Resolution::Done,
        Word::NotDone => Resolution::NotDone,
    };
    let request = Request::Resolve { operation: arguments.operation.clone(), resolution };
    wish(global, &arguments.migration, request, Some(arguments.reason.clone()), arguments.format, output)
}

fn wish(
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
        Request::Pause => Asked::Pause,
        Request::Rollback => Asked::Rollback,
        Request::Resume | Request::Retry | Request::Resolve { .. } => Asked::Work,
    };
    block_on(async {
        let desk = loaded.desk(global, None).await?;
        let wish = Wish { request, by: person(), reason };
        let mut lines = Lines::new(global.quiet);
        let came = desk.ask(name, wish, &mut lines).await;
        finish(name, came, asked, format, output)
    })
}

/// `worker`.
pub(super) fn work(global: &Global, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    block_on(async {
        let desk = loaded.desk(global, None).await?;
        let mut lines = Lines::new(global.quiet);
        worker::work(&desk, &mut lines, |_| {}).await.map_err(|error| refused("worker", &error))?;
        Ok(Exit::Done)
    })
}

/// What somebody wanted of a run: it decides what counts as having come of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Work,
    Stop,
    Pause,
    Rollback,
}

fn finish(
    name: &str,
    came: Result<Came, ControlError>,
    asked: Asked,
    format: RunFormat,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let came = came.map_err(|error| refused(name, &error))?;
    let exit = exit(&came, asked);
    match format {
        RunFormat::Json => output.data(&document(name, &came).to_string()),
        RunFormat::Text => output.data(&summary(name, &came)),
    }
    Ok(exit)
}

/// The exit code for how a run came out.
fn exit(came: &Came, asked: Asked) -> Exit {
    let Some(Outcome::Rest(ending)) = &came.outcome else { return Exit::Done };
    match (ending.status, asked) {
        (Status::Completed | Status::NotRequired, Asked::Work) => Exit::Done,
        (Status::RolledBack, Asked::Rollback | Asked::Stop) => Exit::Done,
        (Status::Stopped, Asked::Stop) => Exit::Done,
        (Status::RolledBack, _) => Exit::RolledBack,
        (Status::Blocked, _) => Exit::Closed,
        (Status::NeedsAttention, _) if ending.is_manual => Exit::Acknowledgement,
        (_, Asked::Pause) => Exit::Done,
        _ => Exit::Attention,
    }
}

fn document(name: &str, came: &Came) -> Value {
    json!({
        "format": "orchestrate.run/v1",
        "migration": name,
        "run": came.run.as_str(),
        "status": came.state.status.key(),
        "because": came.state.because,
        "next": next(name, &came.state),
    })
}

fn summary(name: &str, came: &Came) -> String {
    let mut text = format!("{name}: {}", came.state.status);
    if came.outcome == Some(Outcome::LetGo) {
        text.push_str(" (let go: `orchestrate resume` or a worker goes on with it)");
    }
    for command in next(name, &came.state) {
        text.push_str(&format!("\n  {command}"));
    }
    text
}

/// The commands that fit to where a run stands.
pub(super) fn next(name: &str, state: &State) -> Vec<String> {
    let operation = state.question.as_ref().map(|(unit, _)| unit.operation.clone());
    let operation = operation.or_else(|| state.failed_unit().map(|unit| unit.operation));
    let mut commands = Vec::new();
    let fits = |request: Request| state.accepts(&request);
    if fits(Request::Resume) {
        commands.push(format!("orchestrate resume {name}"));
    }
    if fits(Request::Retry) {
        commands.push(format!("orchestrate retry {name}"));
    }
    if let Some(operation) = operation {
        if fits(Request::Resolve { operation: operation.clone(), resolution: Resolution::Done }) {
            commands.push(format!("orchestrate resolve {name} {operation} done --reason …"));
            commands.push(format!("orchestrate resolve {name} {operation} not-done --reason …"));
            commands.push(format!("orchestrate skip {name} {operation} --reason …"));
        }
    }
    if fits(Request::Pause) {
        commands.push(format!("orchestrate pause {name}"));
    }
    if fits(Request::Stop { rollback: false }) {
        commands.push(format!("orchestrate stop {name}"));
    }
    if fits(Request::Rollback) {
        commands.push(format!("orchestrate rollback {name}"));
    }
    if state.is_over() && !state.status.is_complete() {
        commands.push(format!("orchestrate start {name}"));
    }
    commands
}

/// A verb that could not do what it was asked.
fn refused(name: &str, error: &ControlError) -> Failure {
    match error {
        ControlError::Held { .. } => Failure::from_error(Exit::Owned, error)
            .hint(format!("`orchestrate status {name}` shows it; stop, pause and resume reach it from here")),
        ControlError::Unfinished { status, .. } => Failure::from_error(Exit::Attention, error)
            .hint(format!("`orchestrate status {name}` says what can be done with a run that is {status}")),
        ControlError::Refused { failures, .. } => {
            let told: Vec<String> = failures.iter().map(|failure| failure.message.clone()).collect();
            let failure = Failure::new(Exit::Closed, format!("{error}: {}", told.join("; ")));
            failures.iter().filter_map(|failure| failure.hint.clone()).fold(failure, Failure::hint)
        }
        ControlError::NeverStarted { .. } => {
            Failure::from_error(Exit::Usage, error).hint(format!("orchestrate start {name}"))
        }
        ControlError::DoesNotFit { .. } => Failure::from_error(Exit::Usage, error)
            .hint(format!("`orchestrate status {name}` says what can be done now")),
        ControlError::NoWayBack { .. } => Failure::from_error(Exit::Attention, error),
        ControlError::Drive(DriveError::LeaseLost) => {
            Failure::from_error(Exit::Owned, error).hint(format!("`orchestrate status {name}` shows who has it"))
        }
        ControlError::Drive(DriveError::Store(store)) => unstored(store),
        ControlError::Drive(DriveError::Journal(_) | DriveError::Unreadable { .. } | DriveError::Document(_)) => {
            Failure::from_error(Exit::Unexpected, error)
        }
    }
}

/// The values of a migration's parameters: what was set, else the defaults.
fn parameters(migration: &Migration, set: &[(String, String)]) -> Result<BTreeMap<String, Value>, Failure> {
    let mut values = BTreeMap::new();
    let names: Vec<&str> = migration.parameters.keys().map(String::as_str).collect();
    for (name, text) in set {
        let Some(parameter) = migration.parameters.get(name) else {
            let all = || match names.is_empty() {
                true => "the migration has no parameters".to_owned(),
                false => format!("parameters: {}", names.join(", ")),
            };
            return Err(Failure::new(Exit::Usage, format!("there is no parameter `{name}`")).hint(did_you_mean(
                name,
                names.iter().copied(),
                all,
            )));
        };
        let value = value_of(&parameter.kind, text);
        if let Some(refusal) = parameter.kind.refusal(&value) {
            return Err(Failure::new(Exit::Usage, format!("--set {name}: {refusal}"))
                .hint(format!("give it {}", parameter.kind)));
        }
        values.insert(name.clone(), value);
    }
    for (name, parameter) in &migration.parameters {
        if values.contains_key(name) {
            continue;
        }
        let Some(default) = &parameter.default else {
            return Err(Failure::new(Exit::Usage, format!("the parameter `{name}` must be set"))
                .hint(format!("add --set {name}=VALUE: {}", parameter.kind)));
        };
        values.insert(name.clone(), default.clone());
    }
    Ok(values)
}

/// A text as a value of a parameter's type; what is none stays a text, to be refused.
fn value_of(kind: &ParameterKind, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    match kind {
        ParameterKind::Integer { .. } | ParameterKind::Number { .. } => {
            serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| as_text(), Value::Number)
        }
        ParameterKind::Boolean => text.parse().map_or_else(|_| as_text(), Value::Bool),
        ParameterKind::String | ParameterKind::Date { .. } | ParameterKind::Enum { .. } => as_text(),
    }
}
