//! The command line: what people type, what they see, and the exit code.
//!
//! One file a verb, those that act on a run in `act`; what they share stands in `args` (what is typed), `project` (loading), `findings` (how findings look),
//! `failure` (what went wrong, with hints and an exit code) and `output` (standard output and error).

mod act;
mod apply;
mod args;
mod bars;
mod commands;
mod demo;
mod desk;
mod doctor;
mod errors;
mod failure;
mod figures;
mod findings;
mod gate;
mod guard;
mod journal;
mod kept;
mod lint;
mod live;
mod output;
mod parameters;
mod plan;
mod plan_text;
mod project;
mod refusal;
mod runbook;
mod schema;
mod settings;
mod status;
mod status_text;
mod terminal;
mod tune;
mod upgrade;
mod upgrade_text;
mod watching;
mod word;
mod wording;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::run::Request;
use crate::telemetry::LogFormat;

use args::{Arguments, Verb, WorkerArguments};
use failure::{Exit, Failure};
use output::Output;

/// Runs a command line to its end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    arguments.global.color.write_global();
    crate::telemetry::start(arguments.global.log_format, arguments.global.verbose, arguments.global.quiet);
    let mut output = Output::new(arguments.global.log_format);
    let exit = verb(&arguments, &mut output).unwrap_or_else(|failure| failure.tell(&mut output));
    output.finish().map_or_else(|error| failure::broken_output(&error, exit), |()| exit).into()
}

fn verb(arguments: &Arguments, output: &mut Output) -> Result<Exit, Failure> {
    let global = &arguments.global;
    match &arguments.verb {
        Verb::Plan(plan) => plan::run(global, plan, output),
        Verb::Gate(gate) => gate::run(global, gate, output),
        Verb::Lint(lint) => lint::run(global, lint, output),
        Verb::Schema(schema) => schema::run(schema, output),
        Verb::Apply(apply) => apply::run(global, apply, output),
        Verb::Start(start) => act::start(global, start, output),
        Verb::Stop(stop) => {
            let request = Request::Stop { rollback: stop.rollback };
            act::ask(global, &stop.ask, request, output)
        }
        Verb::Pause(ask) => act::ask(global, ask, Request::Pause, output),
        Verb::Resume(ask) => act::ask(global, ask, Request::Resume, output),
        Verb::Rollback(ask) => act::ask(global, ask, Request::Rollback, output),
        Verb::Retry(ask) => act::ask(global, ask, Request::Retry, output),
        Verb::Skip(skip) => act::skip(global, skip, output),
        Verb::Resolve(resolve) => act::resolve(global, resolve, output),
        Verb::Tune(tune) => tune::run(global, tune, output),
        Verb::Status(arguments) => status::run(global, arguments, output),
        Verb::Errors(arguments) => errors::run(global, arguments, output),
        Verb::Journal(arguments) => journal::run(global, arguments, output),
        Verb::Settings(arguments) => settings::run(global, arguments, output),
        Verb::Runbook(arguments) => runbook::run(global, arguments, output),
        Verb::Doctor(arguments) => doctor::run(global, arguments, output),
        Verb::Demo(demo) => demo::run(global, demo, output),
        Verb::Worker(WorkerArguments {}) => act::work(global, output),
    }
}

/// Help and version go to standard output; a mistake goes to standard error with exit code 2.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().ansi().to_string();
    if error.use_stderr() {
        let mut output = Output::new(LogFormat::Text);
        output.talk(&text);
        output.tell_only();
        return Exit::Usage.into();
    }
    let written = output::write(&mut anstream::stdout().lock(), &text);
    written.map_or_else(|error| failure::broken_output(&error, Exit::Done), |()| Exit::Done).into()
}
