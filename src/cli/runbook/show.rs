//! `runbook show`: what is done, step by step, and how each step is taken back.

use serde::Serialize;
use serde_json::Value;

use crate::model::{Action, Expectation, Migration, Operation, Parameter, Probe, Question, Template, Undo};

use super::super::args::{Global, RunFormat, RunbookShowArguments};
use super::super::failure::{Exit, Failure};
use super::super::output::{Output, style};
use super::super::project;
use super::named;

/// What `runbook show` answers, `orchestrate.runbook/v1`.
#[derive(Debug, Serialize)]
struct Document {
    format: &'static str,
    runbook: String,
    description: Option<String>,
    file: String,
    parameters: Vec<Setting>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Setting {
    parameter: String,
    takes: String,
    description: Option<String>,
    /// Whether it has to be set.
    is_needed: bool,
    default: Option<Value>,
}

/// One operation.
#[derive(Debug, Serialize)]
struct Step {
    number: usize,
    operation: String,
    /// The key that makes its kind.
    kind: &'static str,
    /// What it does, as its file says.
    text: String,
    undo: Option<String>,
    /// Why it cannot be taken back.
    irreversible: Option<String>,
}

pub(super) fn run(global: &Global, arguments: &RunbookShowArguments, output: &mut Output) -> Result<Exit, Failure> {
    let catalog = project::catalog(global, output)?;
    let runbook = named(&catalog, &arguments.name)?;
    let procedure = runbook.procedure(&runbook.run_name());
    let document = Document {
        format: "orchestrate.runbook/v1",
        runbook: runbook.name.clone(),
        description: runbook.description.clone(),
        file: runbook.place.file.to_string(),
        parameters: runbook.parameters.iter().map(|(name, parameter)| setting(name, parameter)).collect(),
        steps: steps(&procedure),
    };
    output.data(&match arguments.shown.format {
        RunFormat::Json => serde_json::to_string(&document).expect("a runbook has only texts for keys"),
        RunFormat::Text => text(&document),
    });
    Ok(Exit::Done)
}

fn setting(name: &str, parameter: &Parameter) -> Setting {
    Setting {
        parameter: name.to_owned(),
        takes: parameter.kind.to_string(),
        description: parameter.description.clone(),
        is_needed: parameter.default.is_none(),
        default: parameter.default.clone(),
    }
}

fn steps(procedure: &Migration) -> Vec<Step> {
    let step = |(number, operation): (usize, &Operation)| {
        let (kind, text) = told(operation);
        Step {
            number,
            operation: operation.name.clone(),
            kind,
            text,
            undo: operation.undo.operation().map(|undo| told(undo).1),
            irreversible: match &operation.undo {
                Undo::Irreversible(reason) => Some(reason.clone()),
                Undo::Operation(_) | Undo::Nothing => None,
            },
        }
    };
    (1..).zip(&procedure.operations).map(step).collect()
}

/// The kind of an operation, and what it does as its file says.
fn told(operation: &Operation) -> (&'static str, String) {
    let first = || operation.texts().first().map(|text| (*text).trim().to_owned()).unwrap_or_default();
    match &operation.action {
        Action::Command { argv, .. } => ("command", line(argv)),
        Action::Http { method, url, .. } => ("http", format!("{method} {}", url.text)),
        Action::Manual { ask } => ("manual", ask.text.trim().to_owned()),
        Action::Wait { probe, .. } => ("wait", asked(probe)),
        Action::Verify { probe } => ("verify", asked(probe)),
        Action::Sql { .. } => ("sql", first()),
        Action::ForEach { .. } => ("for_each", first()),
        Action::Copy { .. } => ("copy", first()),
        Action::Backfill { .. } => ("backfill", first()),
    }
}

/// What a probe asks, and what it makes of the answer.
fn asked(probe: &Probe) -> String {
    let question = match &probe.question {
        Question::Command { argv } => line(argv),
        Question::Http { method, url, .. } => format!("{method} {}", url.text),
        Question::Sql { sql: text, .. } | Question::File { path: text } | Question::Value { text } => {
            text.text.trim().to_owned()
        }
    };
    let answer = probe.answer.as_ref().map(|answer| format!("\n{}", answer.text.trim())).unwrap_or_default();
    let expect =
        if probe.expect == Expectation::True { String::new() } else { format!("\nexpected: {}", probe.expect) };
    format!("{question}{answer}{expect}")
}

/// Words as one would type them.
fn line(argv: &[Template]) -> String {
    argv.iter().map(|word| quoted(&word.text)).collect::<Vec<String>>().join(" ")
}

/// A word as one would type it, with its templates.
fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "'\"|&;<>$".contains(c));
    if is_plain || (word.starts_with("{{") && word.ends_with("}}")) { word.to_owned() } else { format!("'{word}'") }
}

fn text(document: &Document) -> String {
    let mut text = style::title(&document.runbook);
    if let Some(description) = &document.description {
        text.push_str(&format!(": {description}"));
    }
    if !document.parameters.is_empty() {
        text.push('\n');
    }
    for setting in &document.parameters {
        let default = match &setting.default {
            None => ", must be set".to_owned(),
            Some(Value::Null) => ", may stay unset".to_owned(),
            Some(Value::String(default)) => format!(", {default} where it is not set"),
            Some(default) => format!(", {default} where it is not set"),
        };
        let about = setting.description.as_ref().map(|about| format!(": {about}")).unwrap_or_default();
        text.push_str(&format!("\n  --set {}=…  {}{default}{about}", setting.parameter, setting.takes));
    }
    for step in &document.steps {
        let body = step.text.replace('\n', "\n      ");
        text.push_str(&format!(
            "\n\n  {}. {} ({})\n      {body}",
            step.number,
            style::title(&step.operation),
            step.kind
        ));
        if let Some(undo) = &step.undo {
            text.push_str(&format!("\n      {}{}", style::faint("back: "), undo.replace('\n', "\n      ")));
        }
        if let Some(reason) = &step.irreversible {
            text.push_str(&format!("\n      {}{reason}", style::warning("no way back: ")));
        }
    }
    text
}
