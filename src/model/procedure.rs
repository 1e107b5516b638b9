//! Procedures besides migrations: how a platform deploys, and runbooks.

use std::collections::BTreeMap;

use super::{Operation, Parameter, Place, Probe};

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
