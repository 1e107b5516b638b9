//! Deploys and runbooks: a run of such a name that is not over is gone on with, else a new one begins.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::{Platform, Runbook, StepNames};
use crate::run::{Document, Ending, Event, ProcedureKind, Request, Script, State, Status, TaskKind};

use super::super::drive::Outcome;
use super::super::observe::Observer;
use super::begin::Begun;
use super::{Came, ControlError, Desk, Wish, document};

/// A release to deploy.
#[derive(Debug)]
pub struct Deploy<'a> {
    /// How.
    pub platform: &'a Platform,
    /// The text of its file.
    pub text: &'a str,
    /// The step that it is for.
    pub step: StepNames,
}

impl Desk {
    /// Deploys a release: goes on with a deploy of it that is not over, else begins one. One that waits for a person is
    /// left as it is.
    pub async fn deploy(&self, deploy: &Deploy<'_>, observer: &mut dyn Observer) -> Result<Came, ControlError> {
        let started = Event::Started {
            document: Document {
                kind: ProcedureKind::Deploy,
                product: self.product.clone(),
                name: deploy.step.deploy_name(),
                path: deploy.platform.place.file.to_string(),
                text: deploy.text.to_owned(),
            },
            parameters: BTreeMap::new(),
            app: None,
            step: Some(Box::new(deploy.step.clone())),
            assumed: Vec::new(),
            by: self.person.clone(),
        };
        self.carry_on(&deploy.step.deploy_name(), started, observer).await
    }

    /// Runs a runbook, or goes on with its run that is not over. One that waits for a person is left as it is.
    pub async fn runbook(
        &self,
        runbook: &Runbook,
        text: &str,
        parameters: BTreeMap<String, Value>,
        observer: &mut dyn Observer,
    ) -> Result<Came, ControlError> {
        let name = runbook.run_name();
        let started = Event::Started {
            document: Document {
                kind: ProcedureKind::Runbook,
                product: self.product.clone(),
                name: name.clone(),
                path: runbook.place.file.to_string(),
                text: text.to_owned(),
            },
            parameters,
            app: None,
            step: None,
            assumed: Vec::new(),
            by: self.person.clone(),
        };
        self.carry_on(&name, started, observer).await
    }

    async fn carry_on(&self, name: &str, started: Event, observer: &mut dyn Observer) -> Result<Came, ControlError> {
        if let Some(row) = self.latest(name).await?.filter(|row| !row.summary.is_finished) {
            let state = self.read(&row).await?;
            if state.status.is_active() || matches!(state.status, Status::Stopped | Status::Blocked) {
                let wish = Wish { request: Request::Resume, by: self.person.clone(), reason: None };
                return self.ask(name, wish, observer).await;
            }
            let outcome = Some(Outcome::Rest(self.ending(&state)?));
            return Ok(Came { run: row.run.id, state, outcome });
        }
        match self.begin_with(started).await? {
            Begun::Ours(lease, state) => self.drive(lease, *state, Vec::new(), 0, observer).await,
            Begun::AlreadyRunning(run) => Err(self.unfinished(name, &run).await?),
            Begun::Busy(running, limit) => Err(super::busy(name, running, limit)),
        }
    }

    /// How a run rests.
    pub(in crate::execute) fn ending(&self, state: &State) -> Result<Ending, ControlError> {
        let script = Script::of(&document(state)?, |target| self.site.engine(target));
        let asked = state.question.as_ref().and_then(|(unit, _)| script.task_of(unit));
        let is_manual = asked.is_some_and(|task| task.kind == TaskKind::Manual);
        Ok(Ending { status: state.status, is_manual })
    }
}
