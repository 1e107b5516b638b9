//! Folds the events of an upgrade. An event follows only where its stage comes next; so nothing is skipped.

use std::collections::BTreeMap;

use crate::plan::PlanDocument;

use super::super::{IllegalEvent, Status, Timestamp};
use super::event::{Parameters, UpgradeEvent};
use super::rest::Rest;
use super::stage::Stage;

/// How far the deploy of a step is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deployment {
    /// It was not begun.
    #[default]
    Open,
    /// It was begun.
    Begun {
        /// The latest run of this deploy that was over before.
        after: Option<String>,
    },
    /// It is done.
    Done {
        /// The run that deployed it; nothing where it ran already.
        run: Option<String>,
    },
}

/// Who confirmed a note, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// How a migration of a step came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The run.
    pub run: String,
    /// Completed, or not required.
    pub status: Status,
    /// When that was seen.
    pub at: Timestamp,
}

/// How far a step is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepState {
    /// The notes that were confirmed, by name.
    pub acknowledged: BTreeMap<String, Acknowledged>,
    /// Whether its release may start, as far as that was asked since the last interruption.
    pub is_open: bool,
    /// Its deploy.
    pub deployment: Deployment,
    /// Whether its deploy was ever begun.
    pub is_tried: bool,
    /// The version that was seen to run, since the last interruption.
    pub version: Option<String>,
    /// Its migrations that are complete.
    pub migrated: BTreeMap<String, Migrated>,
    /// When it began.
    pub begun_at: Option<Timestamp>,
    /// When it was done.
    pub done_at: Option<Timestamp>,
}

impl StepState {
    /// Whether its release is deployed.
    pub fn is_deployed(&self) -> bool {
        matches!(self.deployment, Deployment::Done { .. })
    }
}

/// An upgrade, as its journal tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The plan that it walks.
    pub plan: PlanDocument,
    /// The installation.
    pub environment: String,
    /// The installation's identity, where it is known.
    pub identity: Option<String>,
    /// Values that were given for parameters of migrations.
    pub parameters: Parameters,
    /// Who started it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Its steps, in the plan's order.
    pub steps: Vec<StepState>,
    /// What went wrong so far, the earliest first.
    pub errors: Vec<(Timestamp, String)>,
    /// What keeps it from going on, where something does.
    pub rest: Option<Rest>,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// Because of what.
    pub because: String,
    is_given_up: bool,
}

impl Upgrade {
    /// The upgrade after its first event.
    pub fn begin(event: UpgradeEvent, at: Timestamp) -> Result<Upgrade, IllegalEvent> {
        let UpgradeEvent::Started { plan, environment, identity, parameters, by } = event else {
            return Err(IllegalEvent { event: event.name(), status: Status::NotStarted, about: None });
        };
        Ok(Upgrade {
            steps: vec![StepState::default(); plan.steps.len()],
            plan: *plan,
            environment,
            identity,
            parameters,
            because: format!("{by} started it"),
            by,
            at,
            errors: Vec::new(),
            rest: None,
            status: Status::Running,
            since: at,
            is_given_up: false,
        })
    }

    /// Every event of a journal in one go.
    pub fn fold(events: impl IntoIterator<Item = (Timestamp, UpgradeEvent)>) -> Result<Option<Upgrade>, IllegalEvent> {
        let mut events = events.into_iter();
        let Some((at, first)) = events.next() else { return Ok(None) };
        let mut upgrade = Upgrade::begin(first, at)?;
        for (at, event) in events {
            upgrade.apply(event, at)?;
        }
        Ok(Some(upgrade))
    }

    /// Whether it was completed or given up: the next one is another run.
    pub fn is_over(&self) -> bool {
        self.status == Status::Completed || self.is_given_up
    }

    /// Whether another plan took its place.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// The step that it is at: the first that is not done; nothing where all are.
    pub fn current(&self) -> Option<usize> {
        self.steps.iter().position(|step| step.done_at.is_none()).map(|index| index + 1)
    }

    /// The app version that it has entered: that of the last step that was deployed, or whose deploy was begun and not taken
    /// back; else the one that it began at.
    pub fn entered(&self) -> &str {
        let taken_back = match &self.rest {
            Some(Rest::Deploy { step, status: Status::RolledBack, .. }) => Some(*step),
            Some(_) | None => None,
        };
        let with_state = self.plan.steps.iter().zip(&self.steps).rev();
        let mut entered = with_state
            .filter(|(planned, state)| state.is_deployed() || (state.is_tried && taken_back != Some(planned.number)));
        entered.next().map_or(self.plan.from.app.as_str(), |(planned, _)| planned.release.app.as_str())
    }

    /// How many steps are done.
    pub fn steps_done(&self) -> usize {
        self.steps.iter().filter(|step| step.done_at.is_some()).count()
    }

    /// A step by its number.
    pub fn step(&self, number: usize) -> Option<&StepState> {
        self.steps.get(number.checked_sub(1)?)
    }

    /// Whether a note waits for a person's word: it needs one and has none.
    pub fn is_unconfirmed(&self, step: usize, note: &str) -> bool {
        let planned = self.plan.steps.iter().filter(|planned| planned.number == step).flat_map(|step| &step.notes);
        let is_asked = planned.filter(|planned| planned.acknowledge).any(|planned| planned.name == note);
        is_asked && self.step(step).is_some_and(|state| !state.acknowledged.contains_key(note))
    }

    /// The upgrade after one more event; where it cannot follow, nothing is changed.
    pub fn apply(&mut self, event: UpgradeEvent, at: Timestamp) -> Result<(), IllegalEvent> {
        if !self.follows(&event) {
            return Err(IllegalEvent { event: event.name(), status: self.status, about: None });
        }
        self.stand(&event, at);
        match event {
            UpgradeEvent::Started { .. } | UpgradeEvent::Completed => {}
            UpgradeEvent::Taken { .. } => self.ask_anew(),
            UpgradeEvent::Resumed { parameters, .. } => {
                for (migration, values) in parameters {
                    self.parameters.entry(migration).or_default().extend(values);
                }
                self.ask_anew();
                self.rest = None;
            }
            UpgradeEvent::Acknowledged { step, note, by } => {
                self.with(step, |state| {
                    state.acknowledged.insert(note, Acknowledged { by, at });
                });
            }
            UpgradeEvent::Opened { step } => self.with(step, |state| state.is_open = true),
            UpgradeEvent::Deploying { step, after } => {
                self.with(step, |state| {
                    state.deployment = Deployment::Begun { after };
                    state.is_tried = true;
                });
            }
            UpgradeEvent::Deployed { step, run } => {
                self.with(step, |state| state.deployment = Deployment::Done { run });
            }
            UpgradeEvent::Proved { step, version } => self.with(step, |state| state.version = Some(version)),
            UpgradeEvent::Migrated { step, migration, run, status } => {
                self.with(step, |state| {
                    state.migrated.insert(migration, Migrated { run, status, at });
                });
            }
            UpgradeEvent::Reopened { step, migration, .. } => {
                let planned = self.plan.steps.iter().find(|planned| planned.number == step);
                let kept = planned.map(|planned| &planned.migrations).into_iter().flatten();
                let kept: Vec<String> = kept.take_while(|name| **name != migration).cloned().collect();
                self.with(step, |state| state.migrated.retain(|name, _| kept.contains(name)));
            }
            UpgradeEvent::StepDone { step } => self.with(step, |state| state.done_at = Some(at)),
            UpgradeEvent::Rested { because } => {
                // What was deployed does not run: the next attempt deploys it again, unless it runs by then.
                if let Rest::Version { step, .. } = &because {
                    self.with(*step, |state| state.deployment = Deployment::Open);
                }
                if because.is_error() {
                    self.errors.push((at, because.text()));
                }
                self.rest = Some(because);
            }
            UpgradeEvent::GivenUp { .. } => self.is_given_up = true,
        }
        if let Some(step) = self.current().filter(|_| self.rest.is_none()) {
            self.with(step, |state| state.begun_at = state.begun_at.or(Some(at)));
        }
        Ok(())
    }

    /// Whether an event can follow: that of a stage only where the stage comes next.
    fn follows(&self, event: &UpgradeEvent) -> bool {
        let is_awake = self.rest.is_none() && !self.is_over();
        let stage = self.stage();
        match event {
            UpgradeEvent::Started { .. } => false,
            UpgradeEvent::Taken { .. } | UpgradeEvent::Rested { .. } => is_awake,
            UpgradeEvent::Resumed { .. } => self.rest.is_some() && !self.is_over(),
            UpgradeEvent::GivenUp { .. } => !self.is_over(),
            UpgradeEvent::Acknowledged { step, note, .. } => is_awake && self.is_unconfirmed(*step, note),
            UpgradeEvent::Opened { step } => {
                // A deploy that was begun, and of which no run is under way, is asked about again.
                let is_asked_again =
                    stage == Stage::Deploy { step: *step } && !self.step(*step).is_some_and(|step| step.is_open);
                is_awake && (is_asked_again || stage == Stage::Gate { step: *step })
            }
            UpgradeEvent::Deploying { step, .. } => is_awake && stage == Stage::Deploy { step: *step },
            UpgradeEvent::Deployed { step, run } => {
                let is_begun = self.step(*step).is_some_and(|step| matches!(step.deployment, Deployment::Begun { .. }));
                is_awake && stage == Stage::Deploy { step: *step } && (is_begun || run.is_none())
            }
            UpgradeEvent::Proved { step, .. } => is_awake && stage == Stage::Prove { step: *step },
            UpgradeEvent::Migrated { step, migration, status, .. } => {
                let is_next = stage == Stage::Migrate { step: *step, migration: migration.clone() };
                is_awake && is_next && status.is_complete()
            }
            UpgradeEvent::Reopened { step, migration, status } => {
                let is_known = self.step(*step).is_some_and(|step| step.migrated.contains_key(migration));
                is_awake && self.current() == Some(*step) && is_known && !status.is_complete()
            }
            UpgradeEvent::StepDone { step } => is_awake && stage == Stage::Finish { step: *step },
            UpgradeEvent::Completed => is_awake && stage == Stage::Complete,
        }
    }

    /// Where it stands after an event.
    fn stand(&mut self, event: &UpgradeEvent, at: Timestamp) {
        let (status, because) = match event {
            UpgradeEvent::Rested { because } => (because.status(), because.text()),
            UpgradeEvent::Completed => (Status::Completed, "every step is done".to_owned()),
            UpgradeEvent::GivenUp { by } => (Status::Stopped, format!("{by} gave it up for another plan")),
            UpgradeEvent::Taken { owner } => (Status::Running, format!("{owner} goes on with it")),
            UpgradeEvent::Resumed { by, .. } => (Status::Running, format!("{by} goes on with it")),
            UpgradeEvent::Started { .. }
            | UpgradeEvent::Acknowledged { .. }
            | UpgradeEvent::Opened { .. }
            | UpgradeEvent::Deploying { .. }
            | UpgradeEvent::Deployed { .. }
            | UpgradeEvent::Proved { .. }
            | UpgradeEvent::Migrated { .. }
            | UpgradeEvent::Reopened { .. }
            | UpgradeEvent::StepDone { .. } => return,
        };
        if self.status != status {
            self.since = at;
        }
        self.status = status;
        self.because = because;
    }

    /// Time has passed without anybody looking: what may have changed meanwhile is asked again.
    fn ask_anew(&mut self) {
        let Some(step) = self.current() else { return };
        self.with(step, |state| {
            state.is_open = false;
            state.version = None;
        });
    }

    fn with(&mut self, step: usize, change: impl FnOnce(&mut StepState)) {
        if let Some(state) = step.checked_sub(1).and_then(|index| self.steps.get_mut(index)) {
            change(state);
        }
    }
}
