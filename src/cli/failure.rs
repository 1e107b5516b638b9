//! What went wrong, with what to do about it and the exit code. Causes are printed once, here.

use std::error::Error;
use std::process::ExitCode;

use serde_json::json;

use crate::telemetry::LogFormat;

use super::output::{Output, plain, style};

/// The exit codes, as the documentation lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Something that should not happen.
    Unexpected,
    /// The command line is wrong.
    Usage,
    /// The files are wrong.
    InvalidManifests,
    /// There is no plan.
    NoPlan,
    /// Closed: by the gate, or by a check before the start.
    Closed,
    /// The plan is stale.
    Stale,
    /// Another process holds the lease.
    Owned,
    /// It failed and was rolled back.
    RolledBack,
    /// It failed and needs attention.
    Attention,
    /// An acknowledgement is missing.
    Acknowledgement,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Unexpected => 1,
            Exit::Usage => 2,
            Exit::InvalidManifests => 3,
            Exit::NoPlan => 4,
            Exit::Closed => 5,
            Exit::Stale => 6,
            Exit::Owned => 7,
            Exit::RolledBack => 8,
            Exit::Attention => 9,
            Exit::Acknowledgement => 10,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Failure {
    /// A failure in one sentence.
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// A failure from an error with its causes.
    pub fn from_error(exit: Exit, error: &dyn Error) -> Failure {
        let mut failure = Failure::new(exit, error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            failure.causes.push(error.to_string());
            cause = error.source();
        }
        failure
    }

    /// The same with what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hints.push(hint.into());
        self
    }

    /// The failure with what to do, for a list of several.
    pub fn told(&self) -> String {
        let hints = self.hints.iter().map(|hint| format!("\n    {}{hint}", style::hint("hint: ")));
        format!("{}{}", self.message, hints.collect::<String>())
    }

    /// What went wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Tells it on standard error.
    pub fn tell(self, output: &mut Output) -> Exit {
        let mut text = format!("{}{}", style::error("error: "), self.message);
        for cause in &self.causes {
            text.push_str(&format!("\n  caused by: {cause}"));
        }
        for hint in &self.hints {
            text.push_str(&format!("\n{}{hint}", style::hint("hint: ")));
        }
        let exit_code = self.exit.code();
        let Failure { exit, message, causes, hints } = self;
        output.talk_as(&text, || {
            json!({
                "format": "orchestrate.failure/v1",
                "message": plain(&message),
                "causes": causes,
                "hints": hints,
                "exit_code": exit_code,
            })
        });
        exit
    }
}

/// Standard output cannot be written to.
pub(super) fn unwritten(error: &std::io::Error) -> Failure {
    let failure = Failure::new(Exit::Unexpected, format!("cannot write to standard output: {error}"));
    failure.hint("check where it is sent to, and the space that is left there")
}

/// Tells that standard output cannot be written to. What was found wrong before keeps its exit code.
pub(super) fn broken_output(error: &std::io::Error, exit: Exit) -> Exit {
    let mut output = Output::new(LogFormat::Text);
    let own = unwritten(error).tell(&mut output);
    output.tell_only();
    if exit == Exit::Done { own } else { exit }
}
