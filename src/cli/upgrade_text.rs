//! An upgrade in words: its events, and how far it is.

use crate::plan::StepDocument;
use crate::run::{Rest, Upgrade, UpgradeEvent};

use super::figures::counted;
use super::output::style;

/// The release of a step.
pub(super) fn release(step: &StepDocument) -> String {
    let release = &step.release;
    match &release.chart {
        Some(chart) => format!("{} (chart {chart})", release.app),
        None => release.app.clone(),
    }
}

/// An event in a line or several. `upgrade` is what holds after it.
pub(super) fn told(event: &UpgradeEvent, upgrade: &Upgrade) -> String {
    let steps = upgrade.steps.len();
    let planned = |step: usize| upgrade.plan.steps.iter().find(|planned| planned.number == step);
    let of = |step: usize| planned(step).map(release).unwrap_or_default();
    let at = |step: usize| style::title(&format!("step {step} of {steps}"));
    match event {
        UpgradeEvent::Started { plan, by, .. } => {
            format!("upgrade to {} started by {by}: {}", plan.to.app, counted(steps, "step"))
        }
        UpgradeEvent::Taken { owner } => format!("{owner} goes on with the upgrade to {}", upgrade.plan.to.app),
        UpgradeEvent::Resumed { by, .. } => format!("{by} goes on with the upgrade to {}", upgrade.plan.to.app),
        UpgradeEvent::Acknowledged { step, note, by } => format!("{}: {by} confirms {note}", at(*step)),
        UpgradeEvent::Opened { step } => format!("{}: {} may start", at(*step), of(*step)),
        UpgradeEvent::Deploying { step, .. } => format!("{}: deploying {}", at(*step), of(*step)),
        UpgradeEvent::Deployed { step, run: Some(_) } => format!("{}: {} is deployed", at(*step), of(*step)),
        UpgradeEvent::Deployed { step, run: None } => format!("{}: {} is there already", at(*step), of(*step)),
        UpgradeEvent::Proved { step, version } => format!("{}: {version} runs", at(*step)),
        UpgradeEvent::Migrated { step, migration, status, .. } => format!("{}: {migration} is {status}", at(*step)),
        UpgradeEvent::Reopened { step, migration, status } => {
            format!("{}: {migration} was complete, and is {status}", at(*step))
        }
        UpgradeEvent::StepDone { step } => format!("{} is done", at(*step)),
        UpgradeEvent::Rested { because } => {
            format!("{} {}", style::warning("the upgrade rests:"), rest(because, upgrade))
        }
        UpgradeEvent::Completed => format!("upgrade to {}: completed", upgrade.plan.to.app),
        UpgradeEvent::GivenUp { by } => format!("{by} gives the upgrade to {} up", upgrade.plan.to.app),
    }
}

/// Why it rests, with the titles of notes.
fn rest(because: &Rest, upgrade: &Upgrade) -> String {
    let Rest::Acknowledgement { notes, .. } = because else { return because.text() };
    let planned = upgrade.plan.steps.iter().flat_map(|step| &step.notes);
    let named = planned.filter(|note| notes.contains(&note.name));
    let lines: Vec<String> = named.map(|note| format!("\n  {}: {}", note.name, note.title)).collect();
    format!("a person must confirm{}", lines.concat())
}

/// Whether an event is told even where only errors are.
pub(super) fn is_error(event: &UpgradeEvent) -> bool {
    match event {
        UpgradeEvent::Rested { because } => because.is_error() || matches!(because, Rest::Acknowledgement { .. }),
        UpgradeEvent::Started { .. }
        | UpgradeEvent::Taken { .. }
        | UpgradeEvent::Resumed { .. }
        | UpgradeEvent::Acknowledged { .. }
        | UpgradeEvent::Opened { .. }
        | UpgradeEvent::Deploying { .. }
        | UpgradeEvent::Deployed { .. }
        | UpgradeEvent::Proved { .. }
        | UpgradeEvent::Migrated { .. }
        | UpgradeEvent::Reopened { .. }
        | UpgradeEvent::StepDone { .. }
        | UpgradeEvent::Completed
        | UpgradeEvent::GivenUp { .. } => false,
    }
}
