//! Walks a plan to its end: a run of its own, which begins deploys and migrations and waits for them.
//!
//! `walk` is the loop, `deploy` and `children` what it begins, `prove`, `version` and `gate` what it asks. What comes next is decided by
//! [`crate::run::Upgrade::stage`]; whatever was interrupted is judged by the journal of the run that did it.

mod children;
mod deploy;
mod gate;
mod prove;
mod rehearse;
mod taken;
mod version;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::manifest::Sources;
use crate::model::{Platform, Product, StepNames};
use crate::plan::PlanDocument;
use crate::run::{Parameters, Timestamp, Upgrade, UpgradeEvent};
use crate::store::{Batch, NewRun, RunId, RunRow, StoreError, Summary};

use super::control::{ControlError, Desk};
use super::journal::{DriveError, Journal, Kept, Pulse, read};
use super::now;
use super::observe::Observer;

pub use rehearse::{Rehearsed, rehearse};
pub use taken::Taken;

/// The kind of run that an upgrade is, and its name: an environment has at most one that is not over.
pub const UPGRADE: &str = "upgrade";

/// What an upgrade is walked with.
#[derive(Debug)]
pub struct Walk<'a> {
    /// The product.
    pub product: &'a Product,
    /// The texts of its files.
    pub sources: &'a Sources,
    /// How releases are deployed.
    pub platform: &'a Platform,
    /// The names of the notes that the person confirms.
    pub acknowledged: Vec<String>,
    /// The last step to do.
    pub until: Option<usize>,
    /// The values that were typed for parameters of migrations.
    pub given: Parameters,
    /// The values of all parameters, by migration.
    pub values: &'a BTreeMap<String, BTreeMap<String, Value>>,
}

/// How far an upgrade was walked.
#[derive(Debug)]
pub struct Walked {
    /// Its run.
    pub run: RunId,
    /// Where it stands.
    pub upgrade: Upgrade,
    /// Whether it was let go in the middle.
    pub is_let_go: bool,
}

/// What templates know of a step of a plan; nothing where it has none of this number.
pub fn step_names(plan: &PlanDocument, number: usize) -> Option<StepNames> {
    let index = plan.steps.iter().position(|step| step.number == number)?;
    let planned = &plan.steps[index];
    let release = &planned.release;
    let before = index.checked_sub(1).map(|before| &plan.steps[before].release);
    let (from_app, from_chart) = match before {
        Some(before) => (before.app.clone(), before.chart.clone()),
        None => (plan.from.app.clone(), plan.from.chart.clone()),
    };
    Some(StepNames {
        number,
        app: release.app.clone(),
        chart: release.chart.clone(),
        image_override: release.image_override,
        image_tag: planned.image_tag.clone(),
        from_app,
        from_chart,
    })
}

/// The migrations that count as complete although no run of them is known: the app could not have started without, the
/// installation does not need them, or whoever asked for the plan said so.
fn assumed(plan: &PlanDocument) -> Vec<String> {
    let not_required = plan.not_required.iter().map(|found| found.migration.clone());
    taken_as_complete(plan).cloned().chain(not_required).collect()
}

/// Those of them that are complete, as opposed to not required.
fn taken_as_complete(plan: &PlanDocument) -> impl Iterator<Item = &String> {
    let said = plan.covers.completed.iter().filter(|_| plan.covers.completed_given).flatten();
    plan.assumed_complete.iter().chain(said)
}

/// Events as the store takes them, with where the upgrade stands after them.
fn batch(at: Timestamp, events: &[UpgradeEvent], upgrade: &Upgrade) -> Batch {
    let write = |event: &UpgradeEvent| serde_json::to_string(event).expect("events have only texts for keys");
    let detail = serde_json::json!({
        "because": upgrade.because,
        "to": upgrade.plan.to.app,
        "step": upgrade.current(),
        "steps": upgrade.steps.len(),
        "taken": Taken::of(upgrade),
    });
    let summary = Summary {
        status: upgrade.status.key(),
        is_finished: upgrade.is_over(),
        since_ms: upgrade.since.0,
        detail: detail.to_string(),
    };
    Batch::new(at.0, events.iter().map(write).collect(), summary)
}

impl Desk {
    /// The latest upgrade of the environment.
    pub async fn latest_upgrade(&self) -> Result<Option<(RunRow, Upgrade)>, ControlError> {
        let Some(row) = self.latest(UPGRADE).await? else { return Ok(None) };
        let never = || ControlError::NeverStarted { name: UPGRADE.to_owned() };
        let upgrade = read(&self.store, &row.run.id).await?.ok_or_else(never)?;
        Ok(Some((row, upgrade)))
    }

    /// Begins to walk a plan, until it rests.
    pub async fn begin_upgrade(
        &self,
        plan: PlanDocument,
        walk: &Walk<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Walked, ControlError> {
        let at = now();
        let identity = plan.environment.as_ref().map(|environment| environment.identity.clone());
        let started = UpgradeEvent::Started {
            plan: Box::new(plan),
            environment: self.site.environment.clone(),
            identity,
            parameters: walk.given.clone(),
            by: self.person.clone(),
        };
        let upgrade = Upgrade::begin(started.clone(), at).map_err(DriveError::Journal)?;
        let run = NewRun {
            id: RunId::new(uuid::Uuid::now_v7().to_string()),
            environment: self.site.environment.clone(),
            product: self.product.clone(),
            kind: UPGRADE.to_owned(),
            name: UPGRADE.to_owned(),
        };
        let first = batch(at, std::slice::from_ref(&started), &upgrade);
        let lease = match self.store.begin(&run, &first, &self.owner, self.lease, u32::MAX).await {
            Ok(lease) => lease,
            Err(StoreError::AlreadyRunning { run, .. }) => return Err(self.unfinished(UPGRADE, &run).await?),
            Err(error) => return Err(error.into()),
        };
        observer.went_on(at, &started, &upgrade);
        let journal = Journal { store: Arc::clone(&self.store), lease, pulse: Pulse::new(self.lease) };
        self.walk(journal, upgrade, walk, None, observer).await
    }

    /// Goes on with an upgrade that rests, or whose process ended.
    pub async fn go_on_with_upgrade(
        &self,
        row: &RunRow,
        walk: &Walk<'_>,
        observer: &mut dyn Observer,
    ) -> Result<Walked, ControlError> {
        let (journal, upgrade) = self.take_upgrade(row, observer).await?;
        let first = match upgrade.rest {
            Some(_) => UpgradeEvent::Resumed { by: self.person.clone(), parameters: walk.given.clone() },
            None => UpgradeEvent::Taken { owner: self.owner.to_string() },
        };
        self.walk(journal, upgrade, walk, Some(first), observer).await
    }

    /// Gives an upgrade up, so that another can begin.
    pub async fn give_up_upgrade(&self, row: &RunRow, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let (mut journal, mut upgrade) = self.take_upgrade(row, observer).await?;
        if !upgrade.is_over() {
            let (at, event) = (now(), UpgradeEvent::GivenUp { by: self.person.clone() });
            upgrade.apply(event.clone(), at).map_err(DriveError::Journal)?;
            journal.write(&batch(at, std::slice::from_ref(&event), &upgrade), observer).await?;
            observer.went_on(at, &event, &upgrade);
        }
        Ok(journal.release().await?)
    }

    async fn take_upgrade(
        &self,
        row: &RunRow,
        observer: &mut dyn Observer,
    ) -> Result<(Journal, Upgrade), ControlError> {
        let lease = self.take(row, observer).await?;
        // Between reading and taking it may have gone on.
        let never = || ControlError::NeverStarted { name: UPGRADE.to_owned() };
        let upgrade = read(&self.store, &row.run.id).await?.ok_or_else(never)?;
        Ok((Journal { store: Arc::clone(&self.store), lease, pulse: Pulse::new(self.lease) }, upgrade))
    }

    async fn walk(
        &self,
        journal: Journal,
        upgrade: Upgrade,
        walk: &Walk<'_>,
        first: Option<UpgradeEvent>,
        observer: &mut dyn Observer,
    ) -> Result<Walked, ControlError> {
        let heartbeat = journal.lease.heartbeat();
        let kept = Kept::begin(&self.store, &heartbeat, &journal.pulse);
        let run = journal.lease.run().clone();
        let settings = self.settings().await?;
        let mut walker = walk::Walker::new(self, walk, journal, heartbeat, upgrade, settings);
        // Its future is large, and those of all children are in it.
        let walked = Box::pin(walker.walk(first, observer)).await;
        kept.end().await;
        let is_let_go = walked?;
        walker.journal.release().await?;
        Ok(Walked { run, upgrade: walker.upgrade, is_let_go })
    }
}
