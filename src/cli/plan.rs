//! `orchestrate plan`: the way from one version to another, in five shapes.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use crate::model::Product;
use crate::plan::{NoPlan, NoPlanDocument, Plan, PlanDocument, Question, RequestError, plan, settle};
use crate::template::{Report, render_report};

use super::args::{Global, PlanArguments, PlanFormat, Prefer};
use super::commands::Commands;
use super::desk::block_on;
use super::failure::{Exit, Failure};
use super::output::{Output, style};
use super::{live, plan_text, project};

pub(super) fn run(global: &Global, arguments: &PlanArguments, output: &mut Output) -> Result<Exit, Failure> {
    let question = question(arguments);
    if live::is_meant(global, &question) {
        let loaded = live::loaded(global, output)?;
        let question = block_on(async {
            let desk = live::desk(&loaded, global).await?;
            live::seen(&loaded, &desk, question, live::Asks::Plan).await
        })?;
        let commands = loaded.commands(global);
        return solved(global, arguments, (loaded.product(), &commands), &question, output);
    }
    let catalog = project::catalog(global, output)?;
    let product = project::product(global, &catalog)?;
    solved(global, arguments, (product, &Commands::default()), &question, output)
}

fn solved(
    global: &Global,
    arguments: &PlanArguments,
    (product, commands): (&Product, &Commands),
    question: &Question,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let request = settle(product, question).map_err(|error| refused(product.name.as_str(), error))?;
    let start = Instant::now();
    let answer = plan(product, &request);
    let (releases, steps) = (product.releases.len(), answer.as_ref().map_or(0, |plan| plan.steps.len()));
    tracing::info!(product = %product.name, releases, steps, elapsed_ms = start.elapsed().as_millis(), "solved");
    let warnings = match &answer {
        Ok(plan) => &plan.warnings,
        Err(refusal) => &refusal.warnings,
    };
    for warning in warnings.iter().filter(|_| !global.quiet) {
        output.talk(&format!("{}{warning}", style::warning("warning: ")));
    }
    match answer {
        Ok(plan) => {
            show(&plan, arguments, output)?;
            Ok(Exit::Done)
        }
        Err(refusal) => {
            refuse(&refusal, arguments.format, output)?;
            let begun = request.observed.iter().flat_map(|observed| &observed.begun);
            for name in begun.filter(|name| refusal.reasons.iter().any(|reason| reason.text.contains(name.as_str()))) {
                output.talk(&format!(
                    "{}`{}` shows where it stands",
                    style::hint("hint: "),
                    commands.command(&format!("status {name}"))
                ));
            }
            Ok(Exit::NoPlan)
        }
    }
}

fn question(arguments: &PlanArguments) -> Question {
    let names = |names: &Vec<String>| {
        let names = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    Question {
        from: arguments.from.clone(),
        from_chart: arguments.from_chart.clone(),
        to: arguments.to.clone(),
        completed: arguments.completed.as_ref().map(names),
        preference: match arguments.prefer {
            Prefer::Recommended => crate::plan::Preference::Recommended,
            Prefer::Fewest => crate::plan::Preference::Fewest,
        },
        only_required: arguments.only_required,
        observed: None,
    }
}

/// A question about versions or migrations that do not exist.
pub(super) fn refused(product: &str, error: RequestError) -> Failure {
    let failure = Failure::from_error(Exit::Usage, &error);
    match error {
        RequestError::NoReleases(_) => {
            failure.hint(format!("list them under `releases` in upgrade-paths/{product}.yaml"))
        }
        RequestError::UnknownDestination { near, .. } => failure.hint(format!("the nearest are {}", near.join(", "))),
        RequestError::UnknownMigration { near, .. } => failure.hint(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its file would stand in manifests/{product}/"),
        }),
        RequestError::UnknownChart(_) => failure.hint("add --from VERSION"),
    }
}

fn show(plan: &Plan, arguments: &PlanArguments, output: &mut Output) -> Result<(), Failure> {
    let document = PlanDocument::from(plan);
    let report = |report| {
        render_report(report, &context(plan, &document)).map_err(|error| Failure::from_error(Exit::Unexpected, &error))
    };
    let text = match arguments.format {
        PlanFormat::Text => plan_text::plan(plan),
        PlanFormat::Json => pretty(&document)?,
        PlanFormat::Markdown => report(Report::PlanMarkdown)?,
        PlanFormat::Mermaid => report(Report::PlanMermaid)?,
        PlanFormat::Dot => crate::plan::dot(plan),
    };
    if let Some(path) = &arguments.out {
        std::fs::write(path, pretty(&document)? + "\n").map_err(|error| {
            let failure = Failure::new(Exit::Unexpected, format!("cannot write {}: {error}", path.display()));
            failure.hint("name a file in a folder that exists and that you may write to")
        })?;
    }
    output.data(&text);
    Ok(())
}

fn pretty(document: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map_err(|error| Failure::from_error(Exit::Unexpected, &error))
}

/// The plan as JSON, with what reports show besides.
fn context(plan: &Plan, document: &PlanDocument) -> Value {
    let mut context = json!(document);
    context["title"] = json!(plan.title);
    context["environment"] = json!(document.environment);
    context["completed"] = json!(plan.covers.completed.as_ref().filter(|_| plan.environment.is_some()));
    context["not_required"] = json!(document.not_required);
    for (index, step) in plan.steps.iter().enumerate() {
        context["steps"][index]["image_tag"] = json!(step.image_tag);
        context["steps"][index]["chart_ships"] = json!(step.chart_ships.as_ref().map(ToString::to_string));
    }
    for (index, line) in plan.services.iter().enumerate() {
        context["services"][index]["advice"] = json!(line.advice);
    }
    context
}

/// A refusal is an answer: machines find it on standard output, people on standard error.
fn refuse(refusal: &NoPlan, format: PlanFormat, output: &mut Output) -> Result<(), Failure> {
    if format == PlanFormat::Json {
        output.data(&pretty(&NoPlanDocument::from(refusal))?);
    }
    output.talk(&plan_text::refusal(refusal));
    Ok(())
}
