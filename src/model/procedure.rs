//! Procedures besides migrations: how a platform deploys, and runbooks.

use std::collections::BTreeMap;

use super::{Migration, MigrationName, MigrationPlaces, Operation, Parameter, Place, Probe, Undo, Window};

/// How releases are deployed.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The file's stem.
    pub name: String,
    /// One line.
    pub description: Option<String>,
    /// What deploys a release.
    pub deploy: Vec<Operation>,
    /// Which version really runs.
    pub version: Probe,
    /// What to do with a deploy that was cut off.
    pub recover: Vec<Operation>,
    /// What takes a deploy back.
    pub undo: Vec<Operation>,
    /// Where it is declared.
    pub place: Place,
}

/// A procedure for people and machines.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// The file's stem.
    pub name: String,
    /// One line.
    pub description: Option<String>,
    /// What it can be given.
    pub parameters: BTreeMap<String, Parameter>,
    /// The work, in order.
    pub operations: Vec<Operation>,
    /// Where it is declared.
    pub place: Place,
}

impl Platform {
    /// What a deploy does, as the engine runs it: first whatever looks after a deploy that was cut off, then the deploy.
    pub fn procedure(&self, name: &str) -> Migration {
        let recover = self.recover.iter().map(|operation| Operation { is_recovery: true, ..operation.clone() });
        let operations = recover.chain(self.deploy.iter().cloned()).map(|operation| {
            let reason = format!("the platform `{}` says nothing of a way back", self.name);
            with_way_back(operation, reason)
        });
        procedure(name, self.description.clone(), operations.collect(), &self.place)
    }
}

impl Runbook {
    /// The name of its runs.
    pub fn run_name(&self) -> String {
        format!("runbook/{}", self.name)
    }

    /// What it does, as the engine runs it.
    pub fn procedure(&self, name: &str) -> Migration {
        let operations = self.operations.iter().cloned().map(|operation| {
            let reason = format!("the runbook `{}` says nothing of a way back", self.name);
            with_way_back(operation, reason)
        });
        let procedure = procedure(name, self.description.clone(), operations.collect(), &self.place);
        Migration { parameters: self.parameters.clone(), ..procedure }
    }
}

/// An operation that changes something and says nothing of its undo cannot be taken back.
fn with_way_back(mut operation: Operation, reason: String) -> Operation {
    if matches!(operation.undo, Undo::Nothing) && !operation.action.is_observation() && !operation.is_recovery {
        operation.undo = Undo::Irreversible(reason);
    }
    operation
}

/// A procedure that may always run.
fn procedure(name: &str, description: Option<String>, operations: Vec<Operation>, place: &Place) -> Migration {
    Migration {
        name: MigrationName::new(name),
        description,
        docs: None,
        window: Window::default(),
        services: BTreeMap::new(),
        depends_on: Vec::new(),
        parameters: BTreeMap::new(),
        required: None,
        precheck: Vec::new(),
        healthcheck: Vec::new(),
        throttle: Vec::new(),
        progress: None,
        operations,
        postcheck: Vec::new(),
        place: place.clone(),
        places: MigrationPlaces::default(),
        digest: [0; 32],
    }
}
