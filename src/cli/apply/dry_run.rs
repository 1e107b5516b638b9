//! `apply --dry-run`: every command and statement as it would be sent.

use serde_json::{Value, json};

use crate::execute::upgrade::Rehearsed;
use crate::plan::StepDocument;

use super::super::args::RunFormat;
use super::super::output::{Output, style};
use super::Apply;
use super::job::Job;
use super::ready::{Ready, StepRehearsed};

pub(super) fn show(apply: &Apply<'_>, job: &Job, ready: &Ready, output: &mut Output) {
    match apply.arguments.shown.format {
        RunFormat::Text => output.data(&text(job, ready)),
        RunFormat::Json => output.data(&object(job, ready).to_string()),
    }
}

fn planned<'a>(job: &'a Job, step: &StepRehearsed) -> Option<&'a StepDocument> {
    job.plan().steps.iter().find(|planned| planned.number == step.number)
}

fn text(job: &Job, ready: &Ready) -> String {
    let steps = job.plan().steps.len();
    let mut lines = Vec::new();
    for step in &ready.steps {
        let app = planned(job, step).map_or("", |planned| planned.release.app.as_str());
        lines.push(style::title(&format!("Step {} of {steps}: {app}", step.number)));
        for (procedure, sent) in &step.procedures {
            lines.extend(sent.iter().flat_map(|sent| operation(procedure, sent)));
        }
        lines.push(String::new());
    }
    if ready.steps.is_empty() {
        lines.push("nothing is left to do".to_owned());
    }
    lines.push("Nothing was done.".to_owned());
    lines.join("\n")
}

fn operation(procedure: &str, sent: &Rehearsed) -> Vec<String> {
    let to = sent.target.as_ref().map(|target| format!(" to {target}")).unwrap_or_default();
    let mut lines = vec![format!("  {procedure}: {} ({}{to})", sent.operation, sent.kind)];
    lines.extend(sent.text.trim().lines().map(|line| format!("      {line}").trim_end().to_owned()));
    lines
}

fn object(job: &Job, ready: &Ready) -> Value {
    let operation = |procedure: &str, sent: &Rehearsed| {
        json!({
            "procedure": procedure,
            "operation": sent.operation,
            "kind": sent.kind,
            "target": sent.target,
            "text": sent.text,
        })
    };
    let steps = ready.steps.iter().map(|step| {
        let operations = step
            .procedures
            .iter()
            .flat_map(|(procedure, sent)| sent.iter().map(|sent| operation(procedure, sent)).collect::<Vec<_>>());
        json!({
            "number": step.number,
            "release": planned(job, step).map(|planned| &planned.release),
            "operations": operations.collect::<Vec<_>>(),
        })
    });
    json!({ "format": "orchestrate.dry-run/v1", "steps": steps.collect::<Vec<_>>() })
}
