//! What a person sees while a run is driven: a line for each thing that happens, on standard error.

use crate::execute::{Observer, Progress};
use crate::run::{Direction, Event, FaultKind, Proof, State, Timestamp};

use super::output::{self, style};

/// Writes a line for each thing that happens.
pub(super) struct Lines {
    quiet: bool,
    waited: Option<String>,
}

impl Lines {
    pub fn new(quiet: bool) -> Lines {
        Lines { quiet, waited: None }
    }

    fn line(&self, text: &str) {
        if !self.quiet && output::write(&mut anstream::stderr().lock(), &format!("{text}\n")).is_err() {
            tracing::debug!("standard error cannot be written to");
        }
    }
}

impl Observer for Lines {
    fn happened(&mut self, _: Timestamp, event: &Event, state: &State) {
        self.waited = None;
        if let Some(text) = told(event, state) {
            self.line(&text);
        }
    }

    fn progressed(&mut self, _: &Progress) {}

    fn waits(&mut self, why: &str) {
        if self.waited.as_deref() != Some(why) {
            self.line(&format!("waiting: {why}"));
            self.waited = Some(why.to_owned());
        }
    }
}

/// An event in a line; nothing for those that say nothing to a person.
fn told(event: &Event, state: &State) -> Option<String> {
    let host = |unit| state.part(unit).and_then(|part| part.part.host.clone());
    let on = |unit| host(unit).map(|host| format!(" on {host}")).unwrap_or_default();
    Some(match event {
        Event::Started { document, by, .. } => format!("{} started by {by}", style::title(&document.name)),
        Event::Taken { owner } => format!("{owner} goes on with {}", state.given.document.name),
        Event::Asked { by, reason, .. } => match reason {
            Some(reason) => format!("asked by {by}: {reason}"),
            None => format!("asked by {by}"),
        },
        Event::NotRequired { evidence } => format!("not required: {evidence}"),
        Event::Blocked { failures } => {
            let lines: Vec<String> = failures.iter().map(|failure| format!("  {}", failure.message)).collect();
            format!("{} nothing was done\n{}", style::warning("blocked:"), lines.join("\n"))
        }
        Event::Ready => "its checks passed".to_owned(),
        Event::Prepared { operation, parts, direction } => {
            let way = if *direction == Direction::Undo { "the undo of " } else { "" };
            format!("{way}{operation}: {} parts", parts.len())
        }
        Event::Attempted { unit } => format!("{unit}{}…", on(unit)),
        Event::Done { unit, proof, detail } => {
            let how = match proof {
                Proof::Answer => String::new(),
                Proof::Mark => " (its mark is there)".to_owned(),
                Proof::DoneWhen => " (`done_when` is true)".to_owned(),
                Proof::Repeatable | Proof::NothingToDo => String::new(),
                Proof::Person => " (a person said so)".to_owned(),
            };
            let detail = detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
            format!("{unit}{} is done{how}{detail}", on(unit))
        }
        Event::Failed { unit, fault } => {
            let kind = match fault.kind {
                FaultKind::Transient => "did not work and may be tried again",
                FaultKind::Refused => "failed",
                FaultKind::Partial => "failed, maybe half done",
                FaultKind::Lost => "gave no answer",
                FaultKind::Ended => "was ended",
            };
            format!("{unit}{} {kind}: {}", on(unit), fault.message)
        }
        Event::NotDone { unit, .. } => format!("{unit}{} was not done", on(unit)),
        Event::StillRunning { unit } => format!("{unit}{} still runs at its server; waiting for it", on(unit)),
        Event::CutOff { unit } => format!("{unit}{} was ended", on(unit)),
        Event::Parked { question, .. } => format!("{} {question}", style::warning("a person is needed:")),
        Event::Unhealthy { .. } => format!("{} {}", style::error("unhealthy:"), state.because),
        Event::HealthUnknown { .. } => format!("holding, since health is unknown: {}", state.because),
        Event::Healthy => "healthy again".to_owned(),
        Event::RollingBack { because } => format!("rolling back: {because}"),
        Event::Stopped => "stopped".to_owned(),
        Event::Errored { because } => format!("{} {because}", style::error("failed:")),
        Event::RolledBack => "rolled back".to_owned(),
        Event::Completed => "completed".to_owned(),
    })
}
