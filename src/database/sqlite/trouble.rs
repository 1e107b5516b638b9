//! Errors of SQLite: what they say about a statement.

use sqlx::Error;

use super::super::error::{Failure, Trouble};

const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const INTERRUPT: u32 = 9;
const FULL: u32 = 13;
const PROTOCOL: u32 = 15;

/// What an error of the driver says. What fails here was not done: there is no answer to be lost.
pub(super) fn trouble(error: &Error) -> Failure {
    let Error::Database(refusal) = error else {
        return Failure::new(Trouble::Refused, error.to_string());
    };
    let code = refusal.code();
    let trouble = match code.as_deref().and_then(kind) {
        Some(BUSY | LOCKED | PROTOCOL) => Trouble::Transient,
        Some(INTERRUPT) => Trouble::Ended,
        Some(_) | None => Trouble::Refused,
    };
    Failure { trouble, code: code.map(std::borrow::Cow::into_owned), message: refusal.message().to_owned() }
}

/// The low byte is the error, the others say more of it.
fn kind(code: &str) -> Option<u32> {
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// Whether there was no room on the disk.
pub(super) fn is_full(failure: &Failure) -> bool {
    failure.code.as_deref().and_then(kind) == Some(FULL)
}
