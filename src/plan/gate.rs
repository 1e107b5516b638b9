//! The gate: may a version start? Rule 2 of a plan, asked of one release at the moment it is about to be entered.
//!
//! It knows nothing of stores and platforms: what is complete, what was ever begun and which version runs are handed in.

use std::collections::BTreeSet;

use crate::model::{Migration, MigrationName, PartialVersion, Product, Version};

use super::RequestError;
use super::order::Order;
use super::request::goal;

/// What is known of an installation when the gate is asked.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The app version that runs, where something told it.
    pub running: Option<Version>,
    /// Migrations that are complete.
    pub complete: BTreeSet<MigrationName>,
    /// Migrations that were begun and are not complete: what runs is no evidence for them.
    pub unfinished: BTreeSet<MigrationName>,
}

/// Whether a version may start, and what says so.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    /// Whether the version is the one that runs: nothing is entered then.
    pub is_running: bool,
    /// Every migration whose window ends below the version, each after those it depends on.
    pub behind: Vec<&'a Migration>,
    /// Those of them that count as complete only because the version that runs could not have started without them.
    pub assumed: Vec<&'a Migration>,
    /// Those of them that are not complete.
    pub incomplete: Vec<&'a Migration>,
}

impl Gate<'_> {
    /// Whether the version may start.
    pub fn is_open(&self) -> bool {
        self.is_running || self.incomplete.is_empty()
    }
}

/// Whether a version may start.
///
/// What was never begun counts as complete where its window, or that of one that depends on it, ends below the version
/// that runs.
pub fn gate<'a>(product: &'a Product, to: &Version, known: &Known) -> Gate<'a> {
    let order = Order::of(product);
    let ends_below = |version: &Version| -> BTreeSet<usize> {
        let numbered = order.migrations.iter().enumerate();
        numbered.filter(|(_, migration)| migration.window.ends_below(version)).map(|(number, _)| number).collect()
    };
    let is_unfinished = |number: &usize| known.unfinished.contains(&order.migrations[*number].name);
    let mut passed = known.running.as_ref().map(ends_below).unwrap_or_default();
    passed.retain(|number| !is_unfinished(number));
    order.close(&mut passed);
    let mut gate = Gate {
        is_running: known.running.as_ref() == Some(to),
        behind: Vec::new(),
        assumed: Vec::new(),
        incomplete: Vec::new(),
    };
    for number in ends_below(to) {
        let migration = order.migrations[number];
        gate.behind.push(migration);
        match () {
            () if known.complete.contains(&migration.name) => {}
            () if passed.contains(&number) && !is_unfinished(&number) => gate.assumed.push(migration),
            () => gate.incomplete.push(migration),
        }
    }
    gate
}

/// The version that is meant: a whole one as it is, be it a release or a build of one's own, a partial one as the highest release.
pub fn version_to_start(product: &Product, to: &PartialVersion) -> Result<Version, RequestError> {
    match to {
        PartialVersion::Whole(version) => Ok(version.clone()),
        PartialVersion::Major(_) | PartialVersion::Minor(..) => goal(product, to),
    }
}
