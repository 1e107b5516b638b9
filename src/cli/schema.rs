//! `orchestrate schema`: JSON Schemas for editors.

use crate::manifest::{Kind, schema};

use super::args::{SchemaArguments, SchemaKind};
use super::failure::{Exit, Failure};
use super::output::Output;

pub(super) fn run(arguments: &SchemaArguments, output: &mut Output) -> Result<Exit, Failure> {
    let kind = arguments.kind.map(|kind| match kind {
        SchemaKind::Migration => Kind::Migration,
        SchemaKind::UpgradePath => Kind::UpgradePath,
        SchemaKind::Releases => Kind::Releases,
        SchemaKind::Platform => Kind::Platform,
        SchemaKind::Runbook => Kind::Runbook,
        SchemaKind::Project => Kind::Project,
    });
    output.data(&format!("{:#}", schema(kind)));
    Ok(Exit::Done)
}
