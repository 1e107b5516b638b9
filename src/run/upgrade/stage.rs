//! What comes next in an upgrade: the first stage of the first step that is not done.

use crate::plan::{NoteDocument, StepDocument};

use super::fold::{Deployment, StepState, Upgrade};

/// A piece of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A person confirms notes.
    Acknowledge {
        /// The step.
        step: usize,
        /// The names of those that nobody confirmed.
        notes: Vec<String>,
    },
    /// Whether the step's release may start is asked.
    Gate {
        /// The step.
        step: usize,
    },
    /// The step's release is deployed.
    Deploy {
        /// The step.
        step: usize,
    },
    /// It is proved that the step's release runs.
    Prove {
        /// The step.
        step: usize,
    },
    /// A migration is run to its end.
    Migrate {
        /// The step.
        step: usize,
        /// The migration.
        migration: String,
    },
    /// Nothing of the step is left.
    Finish {
        /// The step.
        step: usize,
    },
    /// No step is left.
    Complete,
    /// It was completed or given up.
    Over,
}

impl Upgrade {
    /// What comes next.
    pub fn stage(&self) -> Stage {
        if self.is_over() {
            return Stage::Over;
        }
        let open = self.plan.steps.iter().zip(&self.steps).find(|(_, state)| state.done_at.is_none());
        match open {
            Some((step, state)) => in_step(step, state),
            None => Stage::Complete,
        }
    }
}

fn in_step(plan: &StepDocument, state: &StepState) -> Stage {
    let step = plan.number;
    let open = |when: &str| -> Vec<String> {
        let is_open = |note: &&NoteDocument| {
            note.acknowledge && note.when == when && !state.acknowledged.contains_key(&note.name)
        };
        plan.notes.iter().filter(is_open).map(|note| note.name.clone()).collect()
    };
    let before = open("before");
    if !before.is_empty() {
        return Stage::Acknowledge { step, notes: before };
    }
    if plan.deploy {
        match state.deployment {
            Deployment::Open if !state.is_open => return Stage::Gate { step },
            Deployment::Open | Deployment::Begun { .. } => return Stage::Deploy { step },
            Deployment::Done { .. } => {}
        }
    }
    let Some(_) = state.version else { return Stage::Prove { step } };
    if let Some(migration) = plan.migrations.iter().find(|name| !state.migrated.contains_key(*name)) {
        return Stage::Migrate { step, migration: migration.clone() };
    }
    let after = open("after");
    if !after.is_empty() {
        return Stage::Acknowledge { step, notes: after };
    }
    Stage::Finish { step }
}
