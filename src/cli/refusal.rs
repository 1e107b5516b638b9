//! A verb that could not do what it was asked: what to do about it, and the exit code.

use crate::execute::DriveError;
use crate::execute::control::ControlError;
use crate::execute::upgrade::UPGRADE;

use super::commands::Commands;
use super::desk::unstored;
use super::failure::{Exit, Failure};
use super::wording;

/// The failure for the person who typed the verb. `name` is the migration.
pub(super) fn refused(name: &str, error: &ControlError, commands: &Commands) -> Failure {
    let status = commands.command(&format!("status {name}"));
    match error {
        ControlError::Held { .. } if name == UPGRADE => Failure::from_error(Exit::Owned, error)
            .hint(format!("`{status}` shows it, and `{status} --watch` follows it")),
        ControlError::Held { .. } => Failure::from_error(Exit::Owned, error)
            .hint(format!("`{status}` shows it; stop and pause reach it from here")),
        ControlError::Unfinished { .. } => {
            Failure::from_error(Exit::Attention, error).hint(format!("`{status}` says what can be done with it"))
        }
        ControlError::Refused { failures, .. } => {
            Failure::new(Exit::Closed, format!("{error}; nothing was done{}", wording::failures(failures)))
        }
        ControlError::Busy { failure, .. } => {
            let failures = std::slice::from_ref(&**failure);
            Failure::new(Exit::Closed, format!("{error}; nothing was done{}", wording::failures(failures)))
        }
        ControlError::NeverStarted { .. } => Failure::from_error(Exit::Usage, error).hint(commands.begin(name)),
        ControlError::DoesNotFit { .. } => {
            Failure::from_error(Exit::Usage, error).hint(format!("`{status}` says what can be done now"))
        }
        ControlError::NoWayBack { .. } => {
            Failure::from_error(Exit::Attention, error).hint(format!("`{status}` says what can be done instead"))
        }
        ControlError::Drive(error) => driven(error, &status),
    }
}

fn driven(error: &DriveError, status: &str) -> Failure {
    match error {
        DriveError::LeaseLost => {
            Failure::from_error(Exit::Owned, error).hint(format!("`{status}` shows who has it; nothing was lost"))
        }
        DriveError::Store(store) => unstored(store),
        DriveError::Journal(_) | DriveError::Unreadable { .. } => Failure::from_error(Exit::Unexpected, error)
            .hint("use the version of orchestrate that wrote it, or a later one; nothing was changed"),
        DriveError::Document(_) => Failure::from_error(Exit::Unexpected, error)
            .hint("use the version of orchestrate that started it, or a later one; nothing was changed"),
    }
}
