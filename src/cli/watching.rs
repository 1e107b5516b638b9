//! What a person or a program sees on standard error while a run is driven: a line for what happens, and on a terminal
//! bars below them.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::execute::{Observer, Progress, now, written};
use crate::run::{
    Direction, Event, Phase, SCHEMA, State, Status, Timestamp, UPGRADE_SCHEMA, Unit, Upgrade, UpgradeEvent,
};
use crate::telemetry::LogFormat;

use super::args::Global;
use super::bars::Bars;
use super::output::{self, plain};
use super::{figures, upgrade_text, wording};

/// How often progress gets a line where no bar is.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);
/// Operations of more parts than this are told as a whole.
const PARTS_TOLD: usize = 10;

/// Watches runs for whoever typed the command.
pub(super) struct View {
    shape: Shape,
    /// Whether only errors are told.
    quiet: bool,
    /// Whether each batch is told.
    batches: bool,
    /// Whether each line names its migration.
    names: bool,
    migration: String,
    started: Timestamp,
    status: Option<Status>,
    waited: Option<String>,
    told_at: Instant,
    /// The operations of many parts that were told to be done.
    ended: BTreeSet<(String, Direction)>,
}

enum Shape {
    Lines,
    Json,
    Bars(Bars),
}

impl View {
    /// Watches one run.
    pub fn new(global: &Global) -> View {
        let shape = match global.log_format {
            LogFormat::Json => Shape::Json,
            LogFormat::Text if global.quiet || !stderr().is_terminal() => Shape::Lines,
            LogFormat::Text => Shape::Bars(Bars::new()),
        };
        View {
            shape,
            quiet: global.quiet,
            batches: global.verbose > 0,
            names: false,
            migration: String::new(),
            started: now(),
            status: None,
            waited: None,
            told_at: Instant::now(),
            ended: BTreeSet::new(),
        }
    }

    /// Watches one run after another.
    pub fn of_many(global: &Global) -> View {
        View { names: true, ..View::new(global) }
    }

    /// A line that is no event.
    pub fn say(&self, text: &str) {
        match &self.shape {
            Shape::Json => self.object(&json!({ "format": "orchestrate.message/v1", "message": plain(text) })),
            Shape::Lines | Shape::Bars(_) if self.quiet => {}
            Shape::Lines | Shape::Bars(_) => self.line(text),
        }
    }

    /// Ends the bars.
    pub fn end(self) {
        if let Shape::Bars(bars) = &self.shape {
            bars.end();
        }
    }

    fn line(&self, text: &str) {
        let text = match (self.names, self.migration.as_str()) {
            (false, _) | (true, "") => format!("{text}\n"),
            (true, migration) => format!("{migration}: {text}\n"),
        };
        let write = || output::write(&mut anstream::stderr().lock(), &text);
        let written = match &self.shape {
            Shape::Bars(bars) => bars.suspend(write),
            Shape::Lines | Shape::Json => write(),
        };
        if written.is_err() {
            tracing::debug!("standard error cannot be written to");
        }
    }

    fn object(&self, object: &Value) {
        if output::write(&mut stderr().lock(), &format!("{object}\n")).is_err() {
            tracing::debug!("standard error cannot be written to");
        }
    }

    /// Whether an event is not told: that of one among many parts, but for what went wrong.
    fn is_passed_over(&self, event: &Event, state: &State) -> bool {
        if self.quiet {
            return !wording::is_error(event);
        }
        let of_many = |unit: &Unit| phase(unit, state).is_some_and(is_told_as_whole);
        matches!(event, Event::Attempted { unit } | Event::Done { unit, .. } if of_many(unit))
    }

    /// Whether an event is told only where each batch is.
    fn is_of_batch(&self, event: &Event) -> bool {
        matches!(event, Event::Advanced { .. } | Event::BatchFailed { .. }) && !self.batches
    }

    /// That an operation of many parts is done.
    fn end_of_many(&mut self, event: &Event, state: &State) {
        let Event::Done { unit, .. } = event else { return };
        let Some(phase) = phase(unit, state) else { return };
        let is_news = phase.is_over() && is_told_as_whole(phase) && !self.quiet;
        if is_news && self.ended.insert((unit.operation.clone(), unit.direction)) {
            self.line(&format!("{unit} is done: {}", wording::amount(phase)));
        }
    }
}

fn phase<'a>(unit: &Unit, state: &'a State) -> Option<&'a Phase> {
    state.phase(&unit.operation, unit.direction)
}

/// Whether the parts of an operation are not told one by one.
fn is_told_as_whole(phase: &Phase) -> bool {
    let parts = phase.parts();
    parts.len() > PARTS_TOLD || (parts.len() > 1 && parts.iter().all(|part| part.walk.is_some()))
}

impl Observer for View {
    fn happened(&mut self, at: Timestamp, event: &Event, state: &State) {
        self.waited = None;
        self.migration.clone_from(&state.given.document.name);
        if self.is_of_batch(event) {
            return;
        }
        if let Shape::Json = self.shape {
            let mut object = json!(event);
            object["format"] = json!(SCHEMA);
            object["migration"] = json!(self.migration);
            object["at"] = json!(written(at));
            object["text"] = json!(plain(&wording::told(event, state)));
            self.object(&object);
            return;
        }
        if !self.is_passed_over(event, state) {
            self.line(&wording::told(event, state));
        }
        self.end_of_many(event, state);
        if let Shape::Bars(bars) = &self.shape {
            self.started = state.given.at;
            if self.status != Some(state.status) {
                bars.say(state.status.to_string());
            }
            self.status = Some(state.status);
        }
    }

    fn went_on(&mut self, at: Timestamp, event: &UpgradeEvent, upgrade: &Upgrade) {
        self.waited = None;
        self.migration.clear();
        let text = upgrade_text::told(event, upgrade);
        if let Shape::Json = self.shape {
            let mut object = json!(event);
            object["format"] = json!(UPGRADE_SCHEMA);
            object["at"] = json!(written(at));
            object["text"] = json!(plain(&text));
            self.object(&object);
        } else if !self.quiet || upgrade_text::is_error(event) {
            self.line(&text);
        }
    }

    fn progressed(&mut self, progress: &Progress) {
        let text = figures::progress(progress);
        match &mut self.shape {
            Shape::Bars(bars) => {
                bars.show(progress);
                bars.say(format!("{} {text}", figures::duration(now().since(self.started))));
            }
            Shape::Lines | Shape::Json if self.told_at.elapsed() < PROGRESS_EVERY => {}
            Shape::Lines => {
                self.told_at = Instant::now();
                if !self.quiet {
                    self.line(&text);
                }
            }
            Shape::Json => {
                self.told_at = Instant::now();
                let format = "orchestrate.progress/v1";
                let mut object = json!(progress);
                object["format"] = json!(format);
                object["migration"] = json!(self.migration);
                object["at"] = json!(written(now()));
                self.object(&object);
            }
        }
    }

    fn waits(&mut self, why: &str) {
        if self.waited.as_deref() != Some(why) {
            self.say(&format!("waiting: {why}"));
            self.waited = Some(why.to_owned());
        }
    }
}
