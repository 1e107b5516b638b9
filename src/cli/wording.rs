//! An event in words, for the live view and the journal.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::Key;
use crate::run::{Direction, Event, Failure, FaultKind, Part, Phase, Proof, Request, Resolution, Slice, State, Unit};

use super::figures::{self, counted};
use super::output::style;

/// Columns of a row that name a part.
const COLUMNS_SHOWN: usize = 3;
/// More of a value is cut off.
const VALUE_CHARS: usize = 40;

/// A part by its row and its host: ` (id=7) on ch-2`; nothing for an operation of one part.
pub(super) fn part(part: &Part) -> String {
    let shown = |value: &Value| short(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let item = part.item.as_ref().map(|item| {
        let columns: Vec<String> =
            item.iter().take(COLUMNS_SHOWN).map(|(name, value)| format!("{name}={}", shown(value))).collect();
        format!(" ({})", columns.join(", "))
    });
    let slice = part.slice.as_ref().and_then(slice).map(|slice| format!(" ({slice})"));
    let host = part.host.as_ref().map(|host| format!(" on {host}"));
    format!("{}{}{}", item.unwrap_or_default(), slice.unwrap_or_default(), host.unwrap_or_default())
}

fn short(text: String) -> String {
    let short: String = text.chars().take(VALUE_CHARS).collect();
    if short.len() < text.len() { format!("{short}…") } else { text }
}

/// A slice of a table; nothing for the whole of it.
fn slice(slice: &Slice) -> Option<String> {
    let key = |key: &Key| short(key.to_string());
    match slice {
        Slice::Partition { id, .. } => Some(format!("partition {id}")),
        Slice::Keys { after: None, until: None, .. } => None,
        Slice::Keys { after: Some(after), until: None, .. } => Some(format!("after {}", key(after))),
        Slice::Keys { after: None, until: Some(until), .. } => Some(format!("until {}", key(until))),
        Slice::Keys { after: Some(after), until: Some(until), .. } => {
            Some(format!("after {} until {}", key(after), key(until)))
        }
    }
}

/// What an operation of several parts did.
pub(super) fn amount(phase: &Phase) -> String {
    let parts = phase.parts();
    let walked: Vec<u64> = parts.iter().filter_map(|part| Some(part.walk.as_ref()?.rows)).collect();
    let slices = parts.iter().filter_map(|part| part.part.slice.as_ref().map(Slice::rows));
    match (walked.is_empty(), slices.clone().next()) {
        (false, _) => figures::rows(walked.iter().sum()),
        (true, Some(_)) => format!("{}, {}", counted(parts.len(), "partition"), figures::rows(slices.sum())),
        (true, None) => counted(parts.len(), "part"),
    }
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

fn prepared(operation: &str, direction: Direction, parts: &[Part], batch: Option<u64>) -> String {
    let way = if direction == Direction::Undo { "the undo of " } else { "" };
    let hosts: BTreeSet<&str> = parts.iter().filter_map(|part| part.host.as_deref()).collect();
    let hosts: Vec<&str> = hosts.into_iter().collect();
    let on = if hosts.is_empty() { String::new() } else { format!(" on {}", hosts.join(", ")) };
    match parts.first().map(|part| &part.slice) {
        None => format!("{way}{operation} has nothing to do"),
        Some(None) => format!("{way}{operation} has {}{on}", counted(parts.len(), "part")),
        Some(Some(Slice::Partition { .. })) => format!("{way}{operation} has {}{on}", partitions(parts, "")),
        Some(Some(Slice::Keys { .. })) => {
            let stretches = if parts.len() > 1 { format!(" in {} stretches", parts.len()) } else { String::new() };
            let batches = batch.map(|rows| format!(", batches from {}", figures::rows(rows)));
            let rows = figures::rows(rows_of(parts));
            format!("{way}{operation} goes by key{stretches}{on}, about {rows}{}", batches.unwrap_or_default())
        }
    }
}

fn partitions(parts: &[Part], more: &str) -> String {
    format!("{}, {}", counted(parts.len(), &format!("{more}partition")), figures::rows(rows_of(parts)))
}

fn rows_of(parts: &[Part]) -> u64 {
    parts.iter().filter_map(|part| part.slice.as_ref()).fold(0, |sum, slice| sum.saturating_add(slice.rows()))
}

/// What was found when the parts that were known were done.
fn found(operation: &str, parts: &[Part], state: &State) -> String {
    let phase = state.phase(operation, Direction::Do).filter(|phase| !phase.parts().is_empty());
    match (parts, phase) {
        ([], Some(phase)) => format!("{operation} is done: {}", amount(phase)),
        ([], None) => format!("{operation} has nothing to do"),
        (parts, _) => format!("{operation} has {}", partitions(parts, "more ")),
    }
}

fn done(unit: &str, proof: Proof, detail: Option<&str>) -> String {
    let how = match proof {
        Proof::Answer | Proof::Repeatable | Proof::NothingToDo => "",
        Proof::Mark => " (its mark is there)",
        Proof::DoneWhen => " (`done_when` is true)",
        Proof::Person => " (a person said so)",
    };
    let rows = |detail: &str| detail.strip_suffix(" rows").and_then(|rows| rows.parse().ok()).map(figures::rows);
    let detail = detail.map(|detail| format!(": {}", rows(detail).unwrap_or_else(|| detail.to_owned())));
    let detail = detail.unwrap_or_default();
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
        Event::Ready { again } if again.is_empty() => "its checks passed".to_owned(),
        Event::Ready { again } => format!("its checks passed; {} first, again", again.join(", ")),
        Event::Prepared { operation, parts, direction, batch, .. } => prepared(operation, *direction, parts, *batch),
        Event::Found { operation, parts } => found(operation, parts, state),
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
        Event::Done { unit, proof, detail, .. } => done(&name(unit), *proof, detail.as_deref()),
        Event::PassedOver { unit, evidence } => format!("{} is not needed: {evidence}", name(unit)),
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
            | Event::BatchParked { .. }
            | Event::Unhealthy { .. }
            | Event::HealthUnknown { .. }
            | Event::Errored { .. }
    )
}
