//! What will be done, before anybody is asked whether it may be.

use crate::plan::StepDocument;
use crate::run::Upgrade;

use super::super::figures::moment;
use super::super::plan_text;
use super::super::upgrade_text::release;
use super::Apply;
use super::job::Job;
use super::ready::Ready;

/// The plan, or what is left of it.
pub(super) fn text(apply: &Apply<'_>, job: &Job, ready: &Ready) -> String {
    let mut text = match job {
        Job::GoOn { upgrade, .. } => left(apply, upgrade),
        Job::Begin { plan, gives_up: None, .. } => plan_text::plan(plan),
        Job::Begin { plan, gives_up: Some(_), .. } => {
            format!("{}\n\nIt takes the place of an upgrade that is not over.", plan_text::plan(plan))
        }
    };
    let open = to_confirm(job, ready);
    if !open.is_empty() {
        text.push_str(&format!("\n\nTo be confirmed on the way: {}", open.join(", ")));
    }
    if let Some(until) = apply.arguments.until {
        text.push_str(&format!("\n\nOnly until step {until}."));
    }
    text
}

/// An upgrade with what is done of it.
fn left(apply: &Apply<'_>, upgrade: &Upgrade) -> String {
    let title = &apply.loaded.product().title;
    let (from, to) = (&upgrade.plan.from.app, &upgrade.plan.to.app);
    let mut lines = vec![
        format!("{title} from {from} to {to}: {} of {} steps done", upgrade.steps_done(), upgrade.steps.len()),
        format!(
            "  begun by {} at {}; {} since {}",
            upgrade.by,
            moment(upgrade.at),
            upgrade.status,
            moment(upgrade.since)
        ),
        format!("  {}", upgrade.because),
    ];
    for (step, state) in upgrade.plan.steps.iter().zip(&upgrade.steps) {
        let done = match (state.done_at, state.begun_at) {
            (Some(at), _) => format!("done at {}", moment(at)),
            (None, Some(_)) => format!("to be gone on with: {}", what_is_left(step, upgrade)),
            (None, None) => what_is_left(step, upgrade),
        };
        lines.push(format!("  {}. {}: {done}", step.number, release(step)));
    }
    lines.join("\n")
}

/// What is left of a step, in its order.
fn what_is_left(step: &StepDocument, upgrade: &Upgrade) -> String {
    let Some(state) = upgrade.step(step.number) else { return String::new() };
    let mut parts = Vec::new();
    if step.deploy && !state.is_deployed() {
        parts.push("deploy".to_owned());
    }
    let open: Vec<&str> =
        step.migrations.iter().filter(|name| !state.migrated.contains_key(*name)).map(String::as_str).collect();
    if !open.is_empty() {
        parts.push(format!("run {}", open.join(", ")));
    }
    if parts.is_empty() { "nothing but notes".to_owned() } else { parts.join("; ") }
}

/// The notes that nobody has confirmed, by name.
fn to_confirm(job: &Job, ready: &Ready) -> Vec<String> {
    let steps = &job.plan().steps;
    let notes = steps.iter().flat_map(|step| step.notes.iter().map(|note| (step.number, note)));
    let is_open = |number: usize, name: &str| match job.upgrade() {
        _ if ready.acknowledged.iter().any(|given| given == name) => false,
        Some(upgrade) => upgrade.is_unconfirmed(number, name),
        None => true,
    };
    let open = notes.filter(|(number, note)| note.acknowledge && is_open(*number, &note.name));
    open.map(|(_, note)| note.name.clone()).collect()
}
