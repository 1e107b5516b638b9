//! Procedures besides migrations: how a platform deploys, and runbooks.

use std::collections::BTreeMap;

use super::{
    Action, Expectation, Migration, MigrationName, MigrationPlaces, Operation, Parameter, Place, Probe, Question,
    Scope, Template, Undo, Window,
};

/// How releases are deployed.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The file's stem.
    pub name: String,
    /// One line.
    pub description: Option<String>,
    /// What deploys a release.
    pub deploy: Vec<Operation>,
    /// Which version really runs; absent where a person says so at the end of the deploy.
    pub version: Option<Probe>,
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
        let deploy = self.deploy.iter().cloned().map(|operation| {
            if self.undo.is_empty() {
                let reason = format!("the platform `{}` says nothing of a way back", self.name);
                return with_way_back(operation, reason);
            }
            operation
        });
        // What is taken back last is begun first.
        let undo = self.undo.iter().rev().map(begun_by_nothing);
        let operations = recover.chain(undo).chain(deploy);
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

/// An operation that does nothing, and is taken back by another one.
fn begun_by_nothing(undo: &Operation) -> Operation {
    let text = Template { text: "true".to_owned(), place: undo.place.clone() };
    let probe = Probe {
        question: Question::Value { text },
        answer: None,
        expect: Expectation::True,
        message: None,
        timeout: None,
        place: undo.place.clone(),
    };
    Operation {
        target: None,
        action: Action::Verify { probe },
        undo: Undo::Operation(Box::new(Operation { undo: Undo::Nothing, ..undo.clone() })),
        when: None,
        done_when: None,
        retry: None,
        scope: Scope::Server,
        keeps_output: false,
        ..undo.clone()
    }
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
