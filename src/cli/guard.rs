//! What `start` refuses although the project loads: a way back that would destroy rows which are nowhere else.

use crate::check;
use crate::model::Migration;

use super::desk::Loaded;
use super::failure::{Exit, Failure};

/// Refuses a migration whose undo would destroy rows: a failure in the middle takes back by itself, and nobody would be asked.
pub(super) fn refuse_lossy_undo(loaded: &Loaded, migration: &Migration) -> Result<(), Failure> {
    let findings = check::lossy_undos(&loaded.catalog);
    let Some(finding) = findings.into_iter().find(|finding| finding.place.file == migration.place.file) else {
        return Ok(());
    };
    let message = format!("taking {} back would destroy rows: {} ({})", migration.name, finding.message, finding.place);
    let failure = Failure::new(Exit::InvalidManifests, message);
    let failure = finding.hint.into_iter().fold(failure, Failure::hint);
    Err(failure.hint(format!("`orchestrate lint --explain {}` tells more", finding.rule)))
}
