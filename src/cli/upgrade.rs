//! An upgrade as people and programs see it: how far it is, why it does not go on, what leads on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::execute::control::ControlError;
use crate::execute::upgrade::UPGRADE;
use crate::execute::{read, written};
use crate::plan::{AtDocument, NoteDocument, PlanDocument, StepReleaseDocument};
use crate::run::{Acknowledged, Deployment, Rest, State, Status, Upgrade};
use crate::store::{RunFilter, RunId, Store};

use super::commands::Commands;
use super::desk::unstored;
use super::failure::Failure;
use super::refusal::refused;
use super::status::Holding;

/// The format of an upgrade.
pub(super) const FORMAT: &str = "orchestrate.upgrade/v1";

/// How far an upgrade is, `orchestrate.upgrade/v1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Entry {
    pub format: &'static str,
    pub product: String,
    pub title: String,
    pub environment: String,
    pub run: String,
    pub from: AtDocument,
    pub to: AtDocument,
    pub status: String,
    pub begun: String,
    pub since: String,
    pub because: String,
    pub by: String,
    /// What keeps it from going on.
    pub rest: Option<Rest>,
    /// Who walks it.
    pub owner: Option<Holding>,
    pub errors: usize,
    pub steps_done: usize,
    pub steps: Vec<Step>,
    /// What can be done now.
    pub next: Vec<String>,
    #[serde(skip)]
    pub word: Status,
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Step {
    pub number: usize,
    pub release: StepReleaseDocument,
    pub deploy: bool,
    /// `done`, `begun` or `open`.
    pub status: &'static str,
    pub begun: Option<String>,
    pub done: Option<String>,
    /// The run that deployed it.
    pub deployed_by: Option<String>,
    pub version: Option<String>,
    pub migrations: Vec<StepMigration>,
    pub notes: Vec<StepNote>,
}

/// A migration of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StepMigration {
    pub migration: String,
    pub status: Option<String>,
    pub run: Option<String>,
}

/// A note of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct StepNote {
    pub name: String,
    pub title: String,
    pub when: String,
    pub acknowledge: bool,
    pub by: Option<String>,
    pub at: Option<String>,
}

impl Entry {
    /// An upgrade with the commands that lead on.
    pub fn of(upgrade: &Upgrade, run: &str, title: &str, next: Vec<String>) -> Entry {
        let steps = upgrade.plan.steps.iter().zip(&upgrade.steps).map(|(planned, state)| Step {
            number: planned.number,
            release: planned.release.clone(),
            deploy: planned.deploy,
            status: match (state.done_at, state.begun_at) {
                (Some(_), _) => "done",
                (None, Some(_)) => "begun",
                (None, None) => "open",
            },
            begun: state.begun_at.map(written),
            done: state.done_at.map(written),
            deployed_by: match &state.deployment {
                Deployment::Done { run } => run.clone(),
                Deployment::Open | Deployment::Begun { .. } => None,
            },
            version: state.version.clone(),
            migrations: planned
                .migrations
                .iter()
                .map(|name| StepMigration {
                    migration: name.clone(),
                    status: state.migrated.get(name).map(|migrated| migrated.status.key()),
                    run: state.migrated.get(name).map(|migrated| migrated.run.clone()),
                })
                .collect(),
            notes: planned.notes.iter().map(|note| note_of(note, &state.acknowledged)).collect(),
        });
        Entry {
            format: FORMAT,
            product: upgrade.plan.product.clone(),
            title: title.to_owned(),
            environment: upgrade.environment.clone(),
            run: run.to_owned(),
            from: upgrade.plan.from.clone(),
            to: upgrade.plan.to.clone(),
            status: upgrade.status.key(),
            begun: written(upgrade.at),
            since: written(upgrade.since),
            because: upgrade.because.clone(),
            by: upgrade.by.clone(),
            rest: upgrade.rest.clone(),
            owner: None,
            errors: upgrade.errors.len(),
            steps_done: upgrade.steps_done(),
            steps: steps.collect(),
            next,
            word: upgrade.status,
        }
    }
}

impl Entry {
    /// The upgrade that was not begun because nothing is to be done.
    pub fn of_nothing(plan: &PlanDocument, environment: &str, title: &str) -> Entry {
        Entry {
            format: FORMAT,
            product: plan.product.clone(),
            title: title.to_owned(),
            environment: environment.to_owned(),
            run: String::new(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            status: Status::Completed.key(),
            begun: String::new(),
            since: String::new(),
            because: "nothing is to be done".to_owned(),
            by: String::new(),
            rest: None,
            owner: None,
            errors: 0,
            steps_done: 0,
            steps: Vec::new(),
            next: Vec::new(),
            word: Status::Completed,
        }
    }
}

fn note_of(note: &NoteDocument, acknowledged: &BTreeMap<String, Acknowledged>) -> StepNote {
    let word = acknowledged.get(&note.name);
    StepNote {
        name: note.name.clone(),
        title: note.title.clone(),
        when: note.when.clone(),
        acknowledge: note.acknowledge,
        by: word.map(|word| word.by.clone()),
        at: word.map(|word| written(word.at)),
    }
}

/// What can be done now with an upgrade, as commands to type; nothing where it is over.
pub(super) async fn next(
    store: &Store,
    environment: &str,
    upgrade: &Upgrade,
    commands: &Commands,
) -> Result<Vec<String>, Failure> {
    if upgrade.is_over() {
        return Ok(Vec::new());
    }
    let apply = commands.command("apply");
    let of_child = match &upgrade.rest {
        Some(Rest::Migration { migration, run, .. }) => Some((migration, run)),
        Some(Rest::Deploy { name, run, .. }) => Some((name, run)),
        Some(Rest::Acknowledgement { notes, .. }) => {
            let notes: Vec<String> = notes.iter().map(|note| format!(" --acknowledge {note}")).collect();
            return Ok(vec![commands.command(&format!("apply{}", notes.concat()))]);
        }
        Some(Rest::Gate { closed, .. }) => {
            let status = |closed: &crate::run::Closed| commands.command(&format!("status {}", closed.migration));
            // What the plan takes for granted does not hold any more.
            let anew = closed.iter().any(|closed| closed.because.is_some());
            let anew = anew.then(|| commands.command(&format!("apply --to {} --anew", upgrade.plan.to.app)));
            return Ok(closed.iter().map(status).chain(anew).chain([apply]).collect());
        }
        Some(Rest::Stale { .. }) => {
            let anew = commands.command(&format!("apply --to {} --anew", upgrade.plan.to.app));
            return Ok(vec![anew, apply]);
        }
        Some(Rest::Version { .. } | Rest::Refused { .. } | Rest::Stopped { .. } | Rest::Until { .. }) | None => None,
    };
    let Some((name, run)) = of_child else { return Ok(vec![apply]) };
    let filter = RunFilter {
        environment: Some(environment.to_owned()),
        product: Some(upgrade.plan.product.clone()),
        name: Some(name.clone()),
        limit: 1,
        ..RunFilter::default()
    };
    let latest = store.runs(&filter).await.map_err(|error| unstored(&error))?.into_iter().next();
    let state = read::<State>(store, &RunId::new(run)).await;
    let state = state.map_err(|error| refused(UPGRADE, &ControlError::Drive(error), commands))?;
    let mut next = Vec::new();
    if let (Some(row), Some(state)) = (latest.filter(|row| row.run.id.as_str() == run), state) {
        let is_owned = row.holder.as_ref().is_some_and(|holder| holder.left_ms > 0);
        // A new run of it is begun by the upgrade.
        next.extend(commands.next(name, &state, is_owned).into_iter().filter(|_| !state.is_over()));
        next.extend((!state.errors.is_empty()).then(|| commands.command(&format!("errors {name}"))));
    }
    next.push(apply);
    Ok(next)
}
