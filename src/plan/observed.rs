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

/// What could not be told of migrations that matter here: they are taken as required.
pub(super) fn unknown(done: &Done, world: &World<'_>, request: &Request) -> Vec<(MigrationName, String)> {
    let Some(observed) = request.observed.as_ref().filter(|_| request.completed.is_none()) else { return Vec::new() };
    let mut unknown = Vec::new();
    for (number, migration) in world.order.migrations.iter().enumerate() {
        let is_ahead = migration.window.min.as_ref().is_none_or(|min| *min <= request.to);
        let name = &migration.name;
        let is_open = is_ahead && !done.all.contains(&number) && !observed.begun.contains(name);
        if let Some(why) = observed.unknown.get(name).filter(|_| is_open) {
            let told = format!("whether {name} is required cannot be told {why}; it is taken as required");
            unknown.push((name.clone(), told));
        }
    }
    unknown
}
