//! The events of an upgrade's journal: what is written, and must be readable for ever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::PlanDocument;

use super::super::Status;
use super::rest::Rest;

/// The version of the events' form.
pub const UPGRADE_SCHEMA: &str = "orchestrate.upgrade-event/v1";

/// Values of the parameters of migrations, as they were typed.
pub type Parameters = BTreeMap<String, BTreeMap<String, String>>;

/// Something that happened in an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum UpgradeEvent {
    /// It began.
    Started {
        /// What it walks, whole: later edits of files do not change it.
        plan: Box<PlanDocument>,
        /// The installation.
        environment: String,
        /// The installation's identity, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<String>,
        /// Values that were given for parameters of migrations.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        parameters: Parameters,
        /// Who started it.
        by: String,
    },
    /// A process took it over from one that ended or fell silent.
    Taken {
        /// The process.
        owner: String,
    },
    /// It goes on from where it rested.
    Resumed {
        /// Who asked for it.
        by: String,
        /// Values that were given for parameters of migrations, over those from before.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        parameters: Parameters,
    },
    /// A person confirmed a note.
    Acknowledged {
        /// The step that it belongs to.
        step: usize,
        /// The note's name.
        note: String,
        /// Who.
        by: String,
    },
    /// The step's release may be entered: every migration that had to be complete is.
    Opened {
        /// The step.
        step: usize,
    },
    /// The step's release is about to be deployed.
    Deploying {
        /// The step.
        step: usize,
        /// The latest run of this deploy that was over before: a later one is this step's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    /// The step's release is deployed.
    Deployed {
        /// The step.
        step: usize,
        /// The run that deployed it; nothing where it ran already.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
    },
    /// The step's release really runs.
    Proved {
        /// The step.
        step: usize,
        /// The version that runs.
        version: String,
    },
    /// A migration of the step is complete.
    Migrated {
        /// The step.
        step: usize,
        /// The migration.
        migration: String,
        /// The run that completed it.
        run: String,
        /// Completed, or not required.
        status: Status,
    },
    /// A migration of the step that was complete is so no more: it and those after it are looked at again.
    Reopened {
        /// The step.
        step: usize,
        /// The migration.
        migration: String,
        /// Where it stands now.
        status: Status,
    },
    /// Everything of the step is done.
    StepDone {
        /// The step.
        step: usize,
    },
    /// It does not go on by itself.
    Rested {
        /// What keeps it.
        because: Rest,
    },
    /// Every step is done.
    Completed,
    /// A person gave it up: another plan takes its place.
    GivenUp {
        /// Who.
        by: String,
    },
}

impl UpgradeEvent {
    /// Its name, as the journal has it.
    pub fn name(&self) -> &'static str {
        match self {
            UpgradeEvent::Started { .. } => "started",
            UpgradeEvent::Taken { .. } => "taken",
            UpgradeEvent::Resumed { .. } => "resumed",
            UpgradeEvent::Acknowledged { .. } => "acknowledged",
            UpgradeEvent::Opened { .. } => "opened",
            UpgradeEvent::Deploying { .. } => "deploying",
            UpgradeEvent::Deployed { .. } => "deployed",
            UpgradeEvent::Proved { .. } => "proved",
            UpgradeEvent::Migrated { .. } => "migrated",
            UpgradeEvent::Reopened { .. } => "reopened",
            UpgradeEvent::StepDone { .. } => "step_done",
            UpgradeEvent::Rested { .. } => "rested",
            UpgradeEvent::Completed => "completed",
            UpgradeEvent::GivenUp { .. } => "given_up",
        }
    }
}
