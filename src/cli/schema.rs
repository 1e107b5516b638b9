//! `orchestrate schema`: JSON Schemas for editors.

use crate::manifest::schema;

use super::args::SchemaArguments;
use super::failure::{Exit, Failure};
use super::output::Output;

pub(super) fn run(arguments: &SchemaArguments, output: &mut Output) -> Result<Exit, Failure> {
    output.data(&format!("{:#}", schema(arguments.kind)));
    Ok(Exit::Done)
}
