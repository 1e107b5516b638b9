//! The loop: ask what comes next, do it, record what came of it.

use std::error::Error as _;
use std::time::Duration;

use crate::model::Product;
use crate::plan::StepDocument;
use crate::run::{Rest, Settings, Stage, Status, Upgrade, UpgradeEvent};
use crate::store::Heartbeat;

use super::super::control::{ControlError, Desk, Start};
use super::super::drive::Signals;
use super::super::journal::{DriveError, Journal};
use super::super::now;
use super::super::observe::Observer;
use super::super::site::Texts;
use super::children::{Attempt, Child};
use super::{Walk, batch, gate, step_names};

/// The pause before the store is asked again.
const STORE_AGAIN: Duration = Duration::from_secs(1);

fn is_transient(error: &ControlError) -> bool {
    matches!(error, ControlError::Drive(DriveError::Store(error)) if error.is_transient())
}

/// An upgrade that this process walks.
pub(super) struct Walker<'a> {
    /// What its children are begun with; they are let go when the lease of the upgrade is lost.
    pub desk: Desk,
    pub walk: &'a Walk<'a>,
    pub journal: Journal,
    pub upgrade: Upgrade,
    pub settings: Settings,
    heartbeat: Heartbeat,
}

impl<'a> Walker<'a> {
    pub fn new(
        desk: &Desk,
        walk: &'a Walk<'a>,
        journal: Journal,
        heartbeat: Heartbeat,
        upgrade: Upgrade,
        settings: Settings,
    ) -> Walker<'a> {
        let signals = Signals { stop: desk.signals.stop.clone(), let_go: desk.signals.let_go.child_token() };
        let desk = Desk { signals, ..desk.clone() };
        Walker { desk, walk, journal, upgrade, settings, heartbeat }
    }

    /// Walks until it rests or is over; whether it was let go before.
    pub async fn walk(
        &mut self,
        first: Option<UpgradeEvent>,
        observer: &mut dyn Observer,
    ) -> Result<bool, ControlError> {
        if self.upgrade.is_over() {
            return Ok(false);
        }
        let mut is_taken_up = first.is_some();
        if let Some(first) = first {
            self.note(first, observer).await?;
        }
        self.confirm_notes(observer).await?;
        while self.upgrade.rest.is_none() && !self.upgrade.is_over() {
            self.journal.pulse.confirm(&self.journal.store, &self.heartbeat).await?;
            if self.desk.signals.let_go.is_cancelled() {
                return Ok(true);
            }
            match self.kept_back() {
                Some(because) => self.rest(because, observer).await?,
                None => {
                    let staged = match is_taken_up {
                        true => self.look_again(observer).await,
                        false => self.stage(observer).await,
                    };
                    match staged {
                        Err(error) if is_transient(&error) => self.wait_for_store(&error, observer).await?,
                        staged => {
                            staged?;
                            is_taken_up = false;
                        }
                    }
                }
            }
        }
        Ok(false)
    }

    /// What the current step's migrations came to may have been taken back while nobody looked.
    async fn look_again(&mut self, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let Some(step) = self.upgrade.current() else { return Ok(()) };
        for migration in self.planned(step)?.migrations.clone() {
            if !self.upgrade.step(step).is_some_and(|state| state.migrated.contains_key(&migration)) {
                return Ok(());
            }
            let status = gate::status(&self.desk, &migration).await?;
            if !status.is_complete() {
                return self.note(UpgradeEvent::Reopened { step, migration, status }, observer).await;
            }
        }
        Ok(())
    }

    /// The store was away in the middle of a stage: that is begun anew, and finds what was done.
    async fn wait_for_store(&self, error: &ControlError, observer: &mut dyn Observer) -> Result<(), ControlError> {
        observer.waits(&error.source().map_or_else(|| error.to_string(), ToString::to_string));
        tokio::select! {
            () = self.journal.pulse.lost.cancelled() => Err(DriveError::LeaseLost.into()),
            () = tokio::time::sleep(STORE_AGAIN) => Ok(()),
        }
    }

    /// What keeps it from the next stage, whichever that is.
    fn kept_back(&self) -> Option<Rest> {
        if self.desk.signals.stop.is_cancelled() {
            return Some(Rest::Stopped { by: self.desk.person.clone() });
        }
        let until = self.walk.until.filter(|until| self.upgrade.current().is_some_and(|step| step > *until))?;
        Some(Rest::Until { step: until })
    }

    async fn stage(&mut self, observer: &mut dyn Observer) -> Result<(), ControlError> {
        match self.upgrade.stage() {
            Stage::Acknowledge { step, notes } => self.rest(Rest::Acknowledgement { step, notes }, observer).await,
            Stage::Gate { step } => self.enter(step, observer).await,
            Stage::Deploy { step } => self.deploy(step, observer).await,
            Stage::Prove { step } => self.prove(step, observer).await,
            Stage::Migrate { step, migration } => self.migrate(step, &migration, observer).await,
            Stage::Finish { step } => self.note(UpgradeEvent::StepDone { step }, observer).await,
            Stage::Complete => self.note(UpgradeEvent::Completed, observer).await,
            Stage::Over => Ok(()),
        }
    }

    /// Asks whether a step's release may start.
    pub async fn enter(&mut self, step: usize, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let Some(names) = step_names(&self.upgrade.plan, step) else { return self.planned(step).map(|_| ()) };
        let closed = gate::closed(&self.desk, self.walk.product, &self.upgrade.plan, &names).await?;
        match closed.is_empty() {
            true => self.note(UpgradeEvent::Opened { step }, observer).await,
            false => self.rest(Rest::Gate { step, closed }, observer).await,
        }
    }

    /// Records something, and only then tells it.
    pub async fn note(&mut self, event: UpgradeEvent, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let at = now();
        self.upgrade.apply(event.clone(), at).map_err(DriveError::Journal)?;
        let batch = batch(at, std::slice::from_ref(&event), &self.upgrade);
        self.journal.write(&batch, observer).await?;
        observer.went_on(at, &event, &self.upgrade);
        Ok(())
    }

    pub async fn rest(&mut self, because: Rest, observer: &mut dyn Observer) -> Result<(), ControlError> {
        self.note(UpgradeEvent::Rested { because }, observer).await
    }

    /// What the person confirms, of whichever step.
    async fn confirm_notes(&mut self, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let notes = self.upgrade.plan.steps.iter().flat_map(|step| {
            let of_step = step.notes.iter().filter(|note| self.walk.acknowledged.contains(&note.name));
            of_step.map(|note| (step.number, note.name.clone()))
        });
        let by = self.desk.person.clone();
        let open: Vec<(usize, String)> =
            notes.filter(|(step, note)| self.upgrade.is_unconfirmed(*step, note)).collect();
        for (step, note) in open {
            self.note(UpgradeEvent::Acknowledged { step, note, by: by.clone() }, observer).await?;
        }
        Ok(())
    }

    /// What the plan says of a step.
    pub fn planned(&self, step: usize) -> Result<&StepDocument, ControlError> {
        let planned = self.upgrade.plan.steps.iter().find(|planned| planned.number == step);
        planned.ok_or_else(|| DriveError::Document(format!("the plan has no step {step}")).into())
    }

    /// What its texts may use in a step.
    pub fn texts(&self, step: usize) -> Texts {
        Texts { step: step_names(&self.upgrade.plan, step), ..Texts::default() }
    }

    async fn migrate(&mut self, step: usize, name: &str, observer: &mut dyn Observer) -> Result<(), ControlError> {
        let product: &Product = self.walk.product;
        let declared = product.migrations.values().find(|migration| migration.name.as_str() == name);
        let Some(migration) = declared else {
            let because = format!("{name} is in the plan, and no file of the project declares it any more");
            return self.rest(Rest::Refused { step, because }, observer).await;
        };
        let text = self.walk.sources.get(&migration.place.file).map(|text| text.to_string()).unwrap_or_default();
        let assumed = super::assumed(&self.upgrade.plan);
        let parameters = self.walk.values.get(name).cloned().unwrap_or_default();
        // Where nothing tells which version runs, it is the one that was deployed.
        let app = self.planned(step)?.release.app.clone();
        let app = Some(app).filter(|_| self.desk.site.version.is_none());
        let start = Start { migration, text: &text, parameters, app, assumed: &assumed };
        match self.carry(name, None, &Attempt::Migration(start), observer).await? {
            Child::Complete { run, status } => {
                let (migration, run) = (name.to_owned(), run.to_string());
                self.note(UpgradeEvent::Migrated { step, migration, run, status }, observer).await
            }
            Child::Rests { run, status, is_manual, because } => {
                if status == Status::Stopped && self.desk.signals.stop.is_cancelled() {
                    return Ok(());
                }
                let (migration, run) = (name.to_owned(), run.to_string());
                self.rest(Rest::Migration { step, migration, run, status, is_manual, because }, observer).await
            }
            Child::Refused(because) => self.rest(Rest::Refused { step, because }, observer).await,
            Child::LetGo => Ok(()),
        }
    }
}
