//! Commands, calls and files: what acts on or asks neither a database nor a person.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::http::{Answer, Call, HttpError};
use crate::model::Template;
use crate::process::{self, Command, Exit, GRACE, Output, ProcessError};
use crate::run::{Fault, FaultKind};
use crate::template::Context;

use super::perform::Came;
use super::site::Site;

/// How much of what a program or a server said is told.
const TOLD_CHARACTERS: usize = 400;

/// A command as an operation has it.
pub(super) struct Program<'a> {
    pub argv: &'a [Template],
    pub env: &'a BTreeMap<String, Template>,
    pub cwd: Option<&'a Template>,
}

/// A call as an operation has it.
pub(super) struct Http<'a> {
    pub method: &'a str,
    pub url: &'a Template,
    pub headers: &'a BTreeMap<String, Template>,
    pub body: Option<&'a Template>,
    pub expect_status: u16,
}

fn all(site: &Site, texts: &BTreeMap<String, Template>, context: &Context) -> Result<BTreeMap<String, String>, String> {
    texts.iter().map(|(name, text)| Ok((name.clone(), site.text(text, context)?))).collect()
}

async fn run(
    site: &Site,
    program: &Program<'_>,
    context: &Context,
    timeout: Duration,
    cancel: &CancellationToken,
    tag: Option<&str>,
) -> Result<Result<process::Finished, ProcessError>, String> {
    let argv = program.argv.iter().map(|argument| site.text(argument, context)).collect::<Result<Vec<_>, _>>()?;
    let mut env = all(site, program.env, context)?;
    env.extend(tag.map(|tag| (process::TAG.to_owned(), tag.to_owned())));
    let cwd = program.cwd.map(|cwd| site.text(cwd, context)).transpose()?.map(PathBuf::from);
    let cwd = cwd.as_deref();
    Ok(process::run(Command { argv: &argv, env: &env, cwd, timeout, grace: GRACE, cancel, watch: None }).await)
}

/// The last of what a program wrote, its complaints before its results.
fn last_words(output: &Output) -> String {
    let text = if output.stderr.text.trim().is_empty() { &output.stdout.text } else { &output.stderr.text };
    end_of(text)
}

/// The end of a text, cut to what is told.
fn end_of(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().rev().nth(TOLD_CHARACTERS) {
        Some((at, _)) => format!("…{}", &text[at..]),
        None => text.to_owned(),
    }
}

/// Runs a program to its end. Success is exit code 0.
pub(super) async fn command(
    site: &Site,
    program: &Program<'_>,
    context: &Context,
    timeout: Duration,
    cancel: &CancellationToken,
    tag: &str,
) -> Result<Came, String> {
    let failed =
        |kind: FaultKind, message: String| Ok(Came::Failed(Fault { kind, message: site.scrub.clean(&message) }));
    let error = match run(site, program, context, timeout, cancel, Some(tag)).await? {
        Ok(finished) => {
            let words = last_words(&finished.output);
            return match finished.exit {
                Exit::Code(0) => {
                    let told = (!words.is_empty()).then(|| site.scrub.clean(&words));
                    Ok(Came::Done { told, output: Some(site.scrub.keep(finished.output.stdout.text.trim())) })
                }
                Exit::Code(code) => failed(FaultKind::Partial, format!("exit code {code}: {words}")),
                Exit::Signal(signal) => failed(FaultKind::Lost, format!("ended by signal {signal}: {words}")),
            };
        }
        Err(error) => error,
    };
    let kind = match &error {
        ProcessError::NoProgram | ProcessError::NotFound { .. } | ProcessError::NoFolder(_) => FaultKind::Refused,
        ProcessError::CannotStart { .. } => FaultKind::Transient,
        ProcessError::TimedOut { .. } | ProcessError::Lost { .. } => FaultKind::Lost,
        ProcessError::Cancelled { .. } => FaultKind::Ended,
    };
    failed(kind, error.to_string())
}

/// A program's answer to a probe: what it writes to its standard output.
pub(super) async fn ask_command(
    site: &Site,
    argv: &[Template],
    context: &Context,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Option<String>, String> {
    let program = Program { argv, env: &BTreeMap::new(), cwd: None };
    let finished = run(site, &program, context, timeout, cancel, None).await?.map_err(|error| error.to_string())?;
    let answer = finished.output.stdout.text.trim();
    match finished.exit {
        Exit::Code(0) => Ok((!answer.is_empty()).then(|| answer.to_owned())),
        Exit::Code(code) => Err(format!("exit code {code}: {}", last_words(&finished.output))),
        Exit::Signal(signal) => Err(format!("ended by signal {signal}")),
    }
}

async fn send(
    site: &Site,
    http: &Http<'_>,
    context: &Context,
    timeout: Duration,
) -> Result<Result<Answer, HttpError>, String> {
    let url = site.text(http.url, context)?;
    let headers = all(site, http.headers, context)?;
    let body = http.body.map(|body| site.text(body, context)).transpose()?;
    let caller = site.caller().map_err(|error| error.to_string())?;
    let call = Call {
        method: http.method,
        url: &url,
        headers: &headers,
        body: body.as_deref(),
        expect_status: http.expect_status,
        timeout,
    };
    Ok(caller.call(call).await)
}

/// An error with its causes in one line, and the end of what was answered.
fn told(error: &HttpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    if let HttpError::Status { answer, .. } = error
        && !answer.body.trim().is_empty()
    {
        text.push_str(&format!(": {}", end_of(&answer.body)));
    }
    text
}

/// Calls a URL.
pub(super) async fn call(
    site: &Site,
    http: &Http<'_>,
    context: &Context,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Came, String> {
    let answered = tokio::select! {
        answered = send(site, http, context, timeout) => answered?,
        () = cancel.cancelled() => {
            let message = "the call was given up".to_owned();
            return Ok(Came::Failed(Fault { kind: FaultKind::Ended, message }));
        }
    };
    let error = match answered {
        Ok(answer) => return Ok(Came::done(Some(format!("status {}", answer.status)))),
        Err(error) => error,
    };
    let kind = match &error {
        HttpError::NotSent { .. } => FaultKind::Transient,
        HttpError::Lost { .. } => FaultKind::Lost,
        HttpError::Invalid(_) | HttpError::NoClient(_) => FaultKind::Refused,
        HttpError::Status { .. } => FaultKind::Partial,
    };
    Ok(Came::Failed(Fault { kind, message: site.scrub.clean(&told(&error)) }))
}

/// The answer to a probe about a file: whether it is there.
pub(super) async fn ask_file(
    site: &Site,
    path: &Template,
    context: &Context,
    timeout: Duration,
) -> Result<Option<String>, String> {
    let path = PathBuf::from(site.text(path, context)?);
    let told = path.display().to_string();
    if !path.is_absolute() {
        return Err(format!("`{told}` is not a whole path"));
    }
    // A file system that hangs holds up a thread of its own, not this one.
    let looked = tokio::time::timeout(timeout, tokio::task::spawn_blocking(move || path.try_exists())).await;
    let looked = looked.map_err(|_| format!("{told}: no answer within {timeout:?}"))?;
    match looked.map_err(|error| format!("{told}: {error}"))? {
        Ok(is_there) => Ok(Some(is_there.to_string())),
        Err(error) => Err(format!("{told}: {error}")),
    }
}

/// A server's answer to a probe: the body.
pub(super) async fn ask_http(
    site: &Site,
    http: &Http<'_>,
    context: &Context,
    timeout: Duration,
) -> Result<Option<String>, String> {
    let answer = send(site, http, context, timeout).await?.map_err(|error| told(&error))?;
    let body = answer.body.trim();
    Ok((!body.is_empty()).then(|| body.to_owned()))
}
