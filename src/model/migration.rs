//! A migration as its file declares it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{MigrationName, Operation, Parameter, Place, Probe, Range, ServiceVersion, Template, Throttle, Window};

/// A data migration too long for a deploy.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Its name, the file's stem.
    pub name: MigrationName,
    /// One line.
    pub description: Option<String>,
    /// Where to read more.
    pub docs: Option<String>,
    /// The app versions on which it may run.
    pub window: Window,
    /// The service versions it needs.
    pub services: BTreeMap<String, Range<ServiceVersion>>,
    /// Migrations that must be complete before it.
    pub depends_on: Vec<MigrationName>,
    /// What an operator may set.
    pub parameters: BTreeMap<String, Parameter>,
    /// Whether it is needed at all; absent = it is.
    pub required: Option<Probe>,
    /// Asked before the first operation and on every resume.
    pub precheck: Vec<Probe>,
    /// Asked before the start and while it runs.
    pub healthcheck: Vec<Probe>,
    /// What holds its batches back.
    pub throttle: Vec<Throttle>,
    /// How far it is; absent = told from the operations.
    pub progress: Option<Progress>,
    /// The work; empty for a migration that became a no-op.
    pub operations: Vec<Operation>,
    /// Asked before it counts as complete.
    pub postcheck: Vec<Probe>,
    /// Where the file begins.
    pub place: Place,
    /// Where parts of it stand, for reasons.
    pub places: MigrationPlaces,
    /// SHA-256 over its content, whatever its layout and comments.
    pub digest: [u8; 32],
}

/// Where the parts stand that rule upgrades in or out.
#[derive(Clone, Debug, Default)]
pub struct MigrationPlaces {
    /// `window.min`.
    pub min: Option<Place>,
    /// `window.max`.
    pub max: Option<Place>,
    /// Each of `depends_on`, in its order.
    pub depends_on: Vec<Place>,
    /// Each of `services`.
    pub services: BTreeMap<String, Place>,
}

/// How far a migration is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Two counts.
    Counts {
        /// The database.
        target: String,
        /// Done so far.
        done: Template,
        /// In all.
        total: Template,
    },
    /// A number from 0 to 100.
    Percent {
        /// The database.
        target: String,
        /// The question.
        sql: Template,
    },
}

impl Migration {
    /// Where the first thing that limits it stands, for reasons that need a place.
    pub fn window_place(&self) -> &Place {
        self.places.max.as_ref().or(self.places.min.as_ref()).unwrap_or(&self.place)
    }

    /// The values of its parameters where nothing is set; those that must be set are left out.
    pub fn defaults(&self) -> BTreeMap<String, Value> {
        let default = |(name, parameter): (&String, &Parameter)| Some((name.clone(), parameter.default.clone()?));
        self.parameters.iter().filter_map(default).collect()
    }

    /// Every probe of the migration with the key it stands under.
    pub fn probes(&self) -> impl Iterator<Item = (&'static str, &Probe)> {
        let of = |key, probes| std::iter::repeat(key).zip(<&Vec<Probe>>::into_iter(probes));
        (self.required.iter().map(|probe| ("required", probe)))
            .chain(of("precheck", &self.precheck))
            .chain(of("healthcheck", &self.healthcheck))
            .chain(self.throttle.iter().map(|throttle| ("throttle", &throttle.probe)))
            .chain(of("postcheck", &self.postcheck))
    }
}
