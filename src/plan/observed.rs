//! What was seen of one installation, and what it means for a plan: what is complete, taken as complete, not required.
//!
//! The shell looks; here nothing is asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{MigrationName, ServiceVersion};

use super::problem::World;
use super::request::Request;
use super::{Installation, NotRequired};

/// What was seen of one installation.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Which one it is.
    pub installation: Installation,
    /// SHA-256 over how it is declared, with its platform.
    pub declared: [u8; 32],
    /// The migrations whose latest run is complete.
    pub completed: BTreeSet<MigrationName>,
    /// The migrations that were begun and are not complete.
    pub begun: BTreeSet<MigrationName>,
    /// The migrations that were never begun and whose `required` says no, with its answer.
    pub not_required: BTreeMap<MigrationName, String>,
    /// The migrations that were never begun and whose `required` cannot be told, with the reason.
    pub unknown: BTreeMap<MigrationName, String>,
    /// The versions of services, or why they cannot be told.
    pub services: BTreeMap<String, Result<ServiceVersion, String>>,
}

/// What need not run any more, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    /// All of it.
    pub all: BTreeSet<usize>,
    /// What is known to be complete, by the store or by whoever asks; nothing where nobody says.
    pub known: Option<BTreeSet<usize>>,
    /// What is taken as complete, since the installed release could not have started without it.
    pub assumed: BTreeSet<usize>,
    /// What says of itself that it is not required.
    pub not_required: Vec<NotRequired>,
}

impl Done {
    /// What need not run any more: as it was said, else as it was seen, else as it must be.
    pub fn of(world: &World<'_>, request: &Request) -> Done {
        if let Some(names) = &request.completed {
            let all = world.numbers(names);
            return Done { known: Some(all.clone()), all, ..Done::default() };
        }
        let assumed = world.assumed_complete(&request.from);
        let Some(observed) = &request.observed else {
            return Done { all: assumed.clone(), assumed, ..Done::default() };
        };
        let known = world.numbers(&observed.completed);
        let begun = world.numbers(&observed.begun);
        let assumed: BTreeSet<usize> =
            assumed.into_iter().filter(|number| !known.contains(number) && !begun.contains(number)).collect();
        let mut all: BTreeSet<usize> = known.union(&assumed).copied().collect();
        let mut not_required = Vec::new();
        for (number, migration) in world.order.migrations.iter().enumerate() {
            let Some(evidence) = observed.not_required.get(&migration.name) else { continue };
            if !begun.contains(&number) && all.insert(number) {
                not_required.push(NotRequired { migration: migration.name.clone(), evidence: evidence.clone() });
            }
        }
        not_required.sort();
        Done { all, known: Some(known), assumed, not_required }
    }
}

/// What could not be told of migrations that the plan reaches: they stay in it.
pub(super) fn unknown(world: &World<'_>, done: &Done, request: &Request) -> Vec<String> {
    let observed = request.observed.iter().filter(|_| request.completed.is_none());
    let unknown: BTreeMap<&MigrationName, &String> = observed.flat_map(|observed| &observed.unknown).collect();
    let mut warnings = Vec::new();
    let open = world.order.migrations.iter().enumerate().filter(|(number, _)| !done.all.contains(number));
    for (_, migration) in open {
        let is_ahead = migration.window.min.as_ref().is_none_or(|min| *min <= request.to);
        if let Some(why) = unknown.get(&migration.name).filter(|_| is_ahead) {
            warnings
                .push(format!("whether {} is required cannot be told, so it stays in the plan: {why}", migration.name));
        }
    }
    warnings
}
