//! What `status` shows a person.

use crate::execute::By;
use crate::run::Status;

use super::output::style;
use super::status::{Document, Entry};
use super::{figures, parameters, upgrade};

/// Every migration with what there is to know of it. One that was asked for by name is told in full.
pub(super) fn whole(document: &Document, in_full: bool) -> String {
    let mut text = format!("{} in {}\n", style::title(&document.product), style::title(&document.environment));
    let names = document.migrations.iter().map(|entry| entry.migration.len()).max().unwrap_or(0);
    let statuses = document.migrations.iter().map(|entry| entry.word.as_str().len()).max().unwrap_or(0);
    if let Some(upgrade) = &document.upgrade {
        text.push_str(&format!("\n{}\n", upgrade_text(upgrade, in_full)));
    }
    for entry in &document.migrations {
        let (name, status) = (&entry.migration, entry.word.as_str());
        let padding = " ".repeat(statuses - status.len());
        let line = format!("  {name:<names$}  {}{padding}  {}", painted(entry.word), reason(entry));
        text.push_str(&format!("\n{}", line.trim_end()));
        for detail in details(entry, in_full) {
            text.push_str(&format!("\n      {detail}"));
        }
    }
    if document.migrations.is_empty() && document.upgrade.is_none() {
        text.push_str("\n  it has no migrations");
    }
    text
}

/// How far an upgrade is. One that was asked for by name is told step by step.
fn upgrade_text(entry: &upgrade::Entry, in_full: bool) -> String {
    let (done, steps) = (entry.steps_done, entry.steps.len());
    let since = to_the_second(&entry.since);
    let mut text = format!("  upgrade to {}  {}  since {since}: {}", entry.to.app, painted(entry.word), entry.because);
    if let Some(step) = entry.steps.iter().find(|step| step.status != "done") {
        let waits_for = step.migrations.iter().find(|migration| migration.status.is_none());
        let at = waits_for.map(|migration| format!(", before the end of {}", migration.migration)).unwrap_or_default();
        text.push_str(&format!("\n      step {} of {steps}: {}{at}", step.number, step.release.app));
    } else {
        text.push_str(&format!("\n      {done} of {steps} steps done"));
    }
    if in_full {
        text.push_str(&format!("\n      run: {}, begun {} by {}", entry.run, to_the_second(&entry.begun), entry.by));
        for step in &entry.steps {
            text.push_str(&format!("\n      {}. {}: {}", step.number, step.release.app, step.status));
            for migration in &step.migrations {
                let status = migration.status.as_deref().unwrap_or("not complete").replace('_', " ");
                text.push_str(&format!("\n           {}: {status}", migration.migration));
            }
            for note in step.notes.iter().filter(|note| note.acknowledge) {
                let word = note.by.as_ref().map_or("to be confirmed".to_owned(), |by| format!("confirmed by {by}"));
                text.push_str(&format!("\n           {}: {word}", note.name));
            }
        }
    }
    match &entry.owner {
        Some(owner) if owner.is_alive => {
            text.push_str(&format!("\n      owner: process {} on {}", owner.pid, owner.host));
        }
        Some(owner) => {
            text.push_str(&format!("\n      owner: process {} on {}, which fell silent", owner.pid, owner.host));
        }
        None => {}
    }
    if entry.errors > 0 {
        text.push_str(&format!("\n      {}: orchestrate errors upgrade", figures::counted(entry.errors, "error")));
    }
    for (index, command) in entry.next.iter().enumerate() {
        text.push_str(&format!("\n      {} {command}", if index == 0 { "next:" } else { "     " }));
    }
    text
}

fn painted(status: Status) -> String {
    let word = status.as_str();
    match status {
        Status::Errored | Status::NeedsAttention => style::error(word),
        Status::Blocked | Status::Paused | Status::Throttled | Status::Stopping | Status::Stopped => {
            style::warning(word)
        }
        Status::Starting | Status::Running | Status::RollingBack => style::title(word),
        Status::NotStarted | Status::Completed | Status::NotRequired | Status::RolledBack => word.to_owned(),
    }
}

/// Since when, and because of what.
fn reason(entry: &Entry) -> String {
    let since = entry.since.as_ref().map(|since| format!("since {}", to_the_second(since)));
    // That its work is done is what completed means.
    let because = entry.because.as_deref().filter(|_| entry.word != Status::Completed);
    let parts: Vec<&str> = since.as_deref().into_iter().chain(because).collect();
    parts.join(": ")
}

/// A moment of RFC 3339 without fractions of a second.
pub(super) fn to_the_second(moment: &str) -> String {
    match moment.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => moment.to_owned(),
    }
}

fn details(entry: &Entry, in_full: bool) -> Vec<String> {
    let is_quiet =
        matches!(entry.word, Status::NotStarted | Status::Completed | Status::NotRequired | Status::RolledBack);
    let mut lines = Vec::new();
    if !entry.is_declared {
        lines.push("no file of the project declares it any more".to_owned());
    }
    if is_quiet && !in_full {
        return lines;
    }
    lines.extend(entry.progress.as_ref().map(figures::progress));
    lines.extend(moving(entry));
    match &entry.owner {
        Some(owner) if owner.is_alive => lines.push(format!("owner: process {} on {}", owner.pid, owner.host)),
        Some(owner) => lines.push(format!("owner: process {} on {}, which fell silent", owner.pid, owner.host)),
        None if entry.word.is_active() => lines.push("owner: none; a worker goes on with it".to_owned()),
        None => {}
    }
    lines.extend(parameters::shown(&entry.parameters).map(|shown| format!("parameters: {shown}")));
    if let Some(point) = &entry.point_of_no_return {
        let (operation, reason) = (&point.operation, &point.reason);
        lines.push(match point.is_passed {
            true => format!("no way back since {operation} began: {reason}"),
            false => format!("no way back once {operation} begins: {reason}"),
        });
    }
    if entry.errors > 0 {
        let errors = figures::counted(entry.errors, "error");
        lines.push(format!("{errors}: orchestrate errors {}", entry.migration));
    }
    if in_full {
        lines.extend(entry.run.as_ref().map(|run| format!("run: {run} ({})", figures::counted(entry.runs, "run"))));
        lines.extend(entry.app.as_ref().map(|app| format!("app: {app}")));
    }
    for (index, command) in entry.next.iter().enumerate() {
        lines.push(format!("{} {command}", if index == 0 { "next:" } else { "     " }));
    }
    lines
}

/// What there is to know of a large table that is moved: its pieces, what was said before, what holds it up.
fn moving(entry: &Entry) -> Vec<String> {
    let progress = entry.progress.as_ref();
    let moved = progress.and_then(|progress| progress.moved.as_ref());
    let mut lines = Vec::new();
    if let Some(moved) = moved.filter(|moved| moved.by == By::Partition || moved.pieces.len() > 1) {
        lines.extend(moved.pieces.iter().map(|piece| format!("  {}", figures::piece(moved.by, piece, None))));
    }
    let forecast = progress.and_then(|progress| entry.forecasts.get(progress.operation.as_ref()?));
    if let (Some(forecast), Some(moved)) = (forecast, moved) {
        lines.push(format!("forecast: {}", figures::compared(forecast, moved)));
    }
    if let Some(held) = &entry.throttle {
        let lost = figures::seconds(held.lost_s);
        lines.extend(held.since.as_ref().map(|since| {
            let by: Vec<String> = held.by.iter().map(|hold| format!("{} ({})", hold.name, hold.message)).collect();
            format!("throttled since {} by {}", to_the_second(since), by.join(", "))
        }));
        lines.push(format!("lost to throttling: {lost}"));
    }
    if !entry.tuned.is_empty() {
        let tuned: Vec<String> = entry.tuned.iter().map(|(name, value)| format!("{name}={value}")).collect();
        lines.push(format!("tuned: {}", tuned.join(", ")));
    }
    lines
}

/// A line for each migration that stands elsewhere than before.
pub(super) fn changes(before: Option<&Document>, now: &Document) -> Vec<String> {
    let line = |entry: &Entry| {
        // While it is throttled there is no more news than that.
        let is_at_work = entry.word.is_active() && entry.word != Status::Throttled;
        let progress = entry.progress.as_ref().filter(|_| is_at_work).map(figures::progress);
        let parts: Vec<String> = progress.into_iter().chain(entry.because.clone()).collect();
        let rest = if parts.is_empty() { String::new() } else { format!(": {}", parts.join("; ")) };
        format!("{} {}{rest}", entry.migration, entry.word)
    };
    let was = |entry: &Entry| {
        let found = before?.migrations.iter().find(|other| other.migration == entry.migration);
        found.map(line)
    };
    let of_upgrade = |document: &Document| {
        let told = |entry: &upgrade::Entry| {
            format!(
                "upgrade {}: {} of {} steps done; {}",
                entry.word,
                entry.steps_done,
                entry.steps.len(),
                entry.because
            )
        };
        document.upgrade.as_ref().map(told)
    };
    let upgrade = of_upgrade(now).filter(|told| before.and_then(of_upgrade).as_ref() != Some(told));
    let moved = now.migrations.iter().filter(|entry| was(entry).as_deref() != Some(line(entry).as_str())).map(line);
    upgrade.into_iter().chain(moved).collect()
}
