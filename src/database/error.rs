//! What went wrong at a target, and what is known about the statement then.

use thiserror::Error;

/// What a failure says about the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing was done, and another try may succeed: no connection, a deadlock, too many statements at once.
    Transient,
    /// Nothing was done, and another try would be refused again.
    Refused,
    /// It failed, and a part of it may have been done.
    Partial,
    /// Unknown whether it was done: the answer never came.
    Lost,
    /// It was ended on the server by somebody.
    Ended,
    /// Its time was over and it no longer runs.
    Timeout,
    /// A statement with this tag runs already.
    Running,
}

/// A failure at a target, without anything of its URL but the host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{target}: {message}{}", code.as_ref().map(|code| format!(" (code {code})")).unwrap_or_default())]
pub struct DatabaseError {
    /// The target's name.
    pub target: String,
    /// What it says about the statement.
    pub trouble: Trouble,
    /// The server's own code: SQLSTATE, or the number of ClickHouse and SQLite.
    pub code: Option<String>,
    /// The server's own message.
    pub message: String,
}

/// A failure as an engine tells it, before anything secret is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub trouble: Trouble,
    pub code: Option<String>,
    pub message: String,
}

impl Failure {
    /// A failure without a code of the server.
    pub fn new(trouble: Trouble, message: impl Into<String>) -> Failure {
        Failure { trouble, code: None, message: message.into() }
    }

    /// The same for a text whose earlier statements have taken effect: trying it again is not safe.
    pub fn after_others(mut self, done: usize, all: usize) -> Failure {
        if done > 0 {
            self.trouble = match self.trouble {
                Trouble::Transient | Trouble::Refused => Trouble::Partial,
                Trouble::Partial | Trouble::Lost | Trouble::Ended | Trouble::Timeout | Trouble::Running => self.trouble,
            };
            self.message = format!("statement {} of {all}, after {done} took effect: {}", done + 1, self.message);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_after_a_part_is_not_tried_again() {
        let failure = Failure::new(Trouble::Transient, "deadlock detected");
        assert_eq!(failure.clone().after_others(0, 2), failure);
        let late = failure.after_others(1, 2);
        assert_eq!(late, Failure::new(Trouble::Partial, "statement 2 of 2, after 1 took effect: deadlock detected"));
    }

    #[test]
    fn an_error_tells_target_message_and_code() {
        let error = DatabaseError {
            target: "main".into(),
            trouble: Trouble::Refused,
            code: Some("60".into()),
            message: "table a does not exist".into(),
        };
        assert_eq!(error.to_string(), "main: table a does not exist (code 60)");
    }
}
