//! An event in words, for the live view and the journal.

use serde_json::Value;

use crate::run::{Direction, Event, Failure, FaultKind, Part, Proof, Request, Resolution, State, Unit};

use super::figures::{self, counted};
use super::output::style;

/// Columns of a row that name a part.
const COLUMNS_SHOWN: usize = 3;
/// More of a value is cut off.
const VALUE_CHARS: usize = 40;

/// A part by its row and its host: ` (id=7) on ch-2`; nothing for an operation of one part.
pub(super) fn part(part: &Part) -> String {
    let shown = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let short: String = text.chars().take(VALUE_CHARS).collect();
        if short.len() < text.len() { format!("{short}…") } else { text }
    };
    let item = part.item.as_ref().map(|item| {
        let columns: Vec<String> =
            item.iter().take(COLUMNS_SHOWN).map(|(name, value)| format!("{name}={}", shown(value))).collect();
        format!(" ({})", columns.join(", "))
    });
    let host = part.host.as_ref().map(|host| format!(" on {host}"));
    format!("{}{}", item.unwrap_or_default(), host.unwrap_or_default())
}

/// A unit with its part.
pub(super) fn unit(unit: &Unit, state: &State) -> String {
    format!("{unit}{}", state.part(unit).map(|found| part(&found.part)).unwrap_or_default())
}

/// What somebody asks for.
fn request(request: &Request) -> String {
    match request {
        Request::Stop { rollback: false } => "stop".to_owned(),
        Request::Stop { rollback: true } => "stop and take everything back".to_owned(),
        Request::Pause => "pause".to_owned(),
        Request::Resume => "go on".to_owned(),
        Request::Rollback => "take everything back".to_owned(),
        Request::Retry => "try again".to_owned(),
        Request::Resolve { operation, resolution } => match resolution {
            Resolution::Done => format!("go on after {operation}, which was done"),
            Resolution::NotDone => format!("do {operation}, which was not done"),
            Resolution::Skip => format!("go on without {operation}"),
        },
        Request::Tune { changes } => {
            let changes: Vec<String> = changes.iter().map(|(name, value)| format!("{name} {value}")).collect();
            format!("go on with {}", changes.join(", "))
        }
    }
}

/// Checks that did not pass, a line each, with what to do about them.
pub(super) fn failures(failures: &[Failure]) -> String {
    let line = |failure: &Failure| {
        let hint = failure.hint.as_ref().map(|hint| format!("\n    {}{hint}", style::hint("hint: ")));
        format!("\n  {}: {}{}", failure.check, failure.message, hint.unwrap_or_default())
    };
    failures.iter().map(line).collect()
}

fn prepared(operation: &str, direction: Direction, parts: &[Part]) -> String {
    let way = if direction == Direction::Undo { "the undo of " } else { "" };
    let mut hosts: Vec<&str> = parts.iter().filter_map(|part| part.host.as_deref()).collect();
    hosts.dedup();
    match (parts, hosts.as_slice()) {
        ([], _) => format!("{way}{operation} has nothing to do"),
        (_, []) => format!("{way}{operation} has {}", counted(parts.len(), "part")),
        (_, hosts) => format!("{way}{operation} has {} on {}", counted(parts.len(), "part"), hosts.join(", ")),
    }
}

fn done(unit: &str, proof: Proof, detail: Option<&str>) -> String {
    let how = match proof {
        Proof::Answer | Proof::Repeatable | Proof::NothingToDo => "",
        Proof::Mark => " (its mark is there)",
        Proof::DoneWhen => " (`done_when` is true)",
        Proof::Person => " (a person said so)",
    };
    let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{unit} is done{how}{detail}")
}

fn failed(unit: &str, kind: FaultKind, message: &str) -> String {
    let how = match kind {
        FaultKind::Transient => "did not work and may work the next time",
        FaultKind::Refused => "failed",
        FaultKind::Partial => "failed, maybe half done",
        FaultKind::Lost => "gave no answer",
        FaultKind::Ended => "was ended",
    };
    format!("{unit} {how}: {message}")
}

/// An event in a line or several. `state` is what holds after it.
pub(super) fn told(event: &Event, state: &State) -> String {
    let name = |of: &Unit| unit(of, state);
    match event {
        Event::Started { document, by, .. } => format!("{} started by {by}", document.name),
        Event::Taken { owner } => format!("{owner} goes on with it"),
        Event::Asked { request: what, by, reason, .. } => {
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{by} asks to {}{reason}", request(what))
        }
        Event::NotRequired { evidence } => format!("it is not required: {evidence}"),
        Event::Blocked { failures: found } => {
            let what = if state.has_begun { "nothing more was done" } else { "nothing was done" };
            format!("{} {what}{}", style::warning("blocked:"), failures(found))
        }
        Event::Forecast { operation, forecast } => figures::forecast(operation, forecast),
        Event::Ready => "its checks passed".to_owned(),
        Event::Prepared { operation, parts, direction, .. } => prepared(operation, *direction, parts),
        Event::Found { operation, parts } if parts.is_empty() => format!("{operation} has nothing left"),
        Event::Found { operation, parts } => format!("{operation} has {} more", counted(parts.len(), "part")),
        Event::Advanced { unit, batch, high, rows, .. } => {
            let until = high.as_ref().map(|high| format!(", until {high}")).unwrap_or_default();
            format!("{} batch {batch}: {}{until}", name(unit), figures::rows(*rows))
        }
        Event::BatchFailed { unit, batch, rows, message, .. } => {
            format!("{} batch {batch} of {} did not work: {message}", name(unit), figures::rows(*rows))
        }
        Event::BatchParked { unit, batch, high } => {
            format!("{} {} batch {batch}, until {high}", style::warning("set aside:"), name(unit))
        }
        Event::Throttled { by } => {
            let by: Vec<String> = by.iter().map(|hold| format!("{}: {}", hold.name, hold.message)).collect();
            format!("{} {}", style::warning("throttled:"), by.join("; "))
        }
        Event::Unthrottled => "not throttled any more".to_owned(),
        Event::Attempted { unit } => format!("{} begins", name(unit)),
        Event::Done { unit, proof, detail } => done(&name(unit), *proof, detail.as_deref()),
        Event::Failed { unit, fault } => failed(&name(unit), fault.kind, &fault.message),
        Event::NotDone { unit, proof: Proof::Repeatable } => format!("{} is done again", name(unit)),
        Event::NotDone { unit, .. } => format!("{} was not done", name(unit)),
        Event::StillRunning { unit } => format!("{} still runs at its server", name(unit)),
        Event::CutOff { unit } => format!("{} was ended", name(unit)),
        Event::Parked { question, .. } => format!("{} {question}", style::warning("a person is needed:")),
        Event::Unhealthy { failures: found } => {
            format!("{} what was done is taken back{}", style::error("not healthy:"), failures(found))
        }
        Event::HealthUnknown { failures: found } => {
            format!("{} nothing new begins{}", style::warning("health is unknown:"), failures(found))
        }
        Event::Healthy => "healthy again".to_owned(),
        // What failed was told right before.
        Event::RollingBack { because } => match state.errors.last() {
            Some(error) if error.unit.is_some() && because.ends_with(&error.message) => "rolling back".to_owned(),
            Some(_) | None => format!("rolling back: {because}"),
        },
        Event::Stopped => "stopped".to_owned(),
        Event::Errored { because } => format!("{} {because}", style::error("failed:")),
        Event::RolledBack => "rolled back".to_owned(),
        Event::Completed => "completed".to_owned(),
    }
}

/// Whether an event is told even where only errors are.
pub(super) fn is_error(event: &Event) -> bool {
    matches!(
        event,
        Event::Blocked { .. }
            | Event::Failed { .. }
            | Event::Parked { .. }
            | Event::Unhealthy { .. }
            | Event::HealthUnknown { .. }
            | Event::Errored { .. }
    )
}
