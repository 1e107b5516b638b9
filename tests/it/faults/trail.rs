//! What journals have in common, whatever was interrupted on the way.

use std::collections::{BTreeMap, BTreeSet};

use orchestrate::run::{Direction, Event, Request, Resolution, Unit};

use super::installation::Entry;

fn shown(unit: &Unit) -> String {
    let way = match unit.direction {
        Direction::Do => "",
        Direction::Undo => "undo ",
    };
    format!("{way}{} {}", unit.operation, unit.part)
}

/// The journal without what a crash, a lost answer or a person's help adds: what must be the same as without them.
pub fn essence(journal: &[Entry]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut asked = None;
    let lines = journal.iter().filter_map(|entry| {
        Some(match &entry.event {
            Event::Taken { .. }
            | Event::NotDone { .. }
            | Event::StillRunning { .. }
            | Event::CutOff { .. }
            | Event::Advanced { .. }
            | Event::BatchFailed { .. }
            | Event::Throttled { .. }
            | Event::Unthrottled
            | Event::Failed { .. } => return None,
            Event::Parked { unit, .. } => {
                asked = Some(shown(unit));
                return None;
            }
            Event::Asked { request: Request::Resolve { resolution: Resolution::Done, .. }, .. } => {
                format!("done {}", asked.take()?)
            }
            Event::Asked { request: Request::Rollback, .. } => "rollback".to_owned(),
            Event::Asked { .. } => return None,
            Event::Attempted { unit } => format!("attempted {}", shown(unit)),
            Event::PassedOver { unit, .. } => format!("passed over {}", shown(unit)),
            Event::Done { unit, .. } => format!("done {}", shown(unit)),
            Event::Found { operation, parts } => format!("found {operation} {parts:?}"),
            Event::BatchParked { unit, high, .. } => format!("set aside {} {high}", shown(unit)),
            Event::Prepared { operation, direction, parts, .. } => {
                format!("prepared {operation} {direction:?} {parts:?}")
            }
            event @ (Event::Started { .. }
            | Event::NotRequired { .. }
            | Event::Blocked { .. }
            | Event::Forecast { .. }
            | Event::Ready { .. }
            | Event::Unhealthy { .. }
            | Event::HealthUnknown { .. }
            | Event::Healthy
            | Event::RollingBack { .. }
            | Event::Stopped
            | Event::Errored { .. }
            | Event::RolledBack
            | Event::Completed) => event.name().to_owned(),
        })
    });
    lines.filter(|line| seen.insert(line.clone())).collect()
}

/// Everything in lines, for messages.
pub fn whole(journal: &[Entry]) -> String {
    let line = |entry: &Entry| match entry.event.unit() {
        Some(unit) => format!("{} {} {} {}", entry.sequence, entry.generation, entry.event.name(), shown(unit)),
        None => format!("{} {} {}", entry.sequence, entry.generation, entry.event.name()),
    };
    journal.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What no journal may hold: a gap, an owner after its successor, a unit begun again without a reason or after it was done.
pub fn assert_sound(journal: &[Entry], told: &str) {
    let mut units: BTreeMap<Unit, &str> = BTreeMap::new();
    let mut generation = 0;
    for (at, entry) in (1..).zip(journal) {
        let wrong = |why: &str| panic!("{told}: event {at}: {why}\n{}", whole(journal));
        if entry.sequence != at {
            wrong("there is a gap");
        }
        if entry.generation < generation {
            wrong("a former owner wrote");
        }
        generation = entry.generation;
        if let Event::Asked { request: Request::Resolve { operation, .. }, .. } = &entry.event {
            units.retain(|unit, state| unit.operation != *operation || *state == "done");
        }
        let Some(unit) = entry.event.unit() else { continue };
        let before = units.get(unit).copied();
        match (&entry.event, before) {
            (_, Some("done")) => wrong("it is done already"),
            (Event::Attempted { .. }, Some("attempted" | "parked" | "still_running")) => {
                wrong("nothing says that it was not done");
            }
            (Event::Done { .. }, None) => wrong("it was never attempted"),
            _ => {}
        }
        // Asked about a failure, a person may have it tried again.
        if !matches!((&entry.event, before), (Event::Parked { .. }, Some("failed"))) {
            units.insert(unit.clone(), entry.event.name());
        }
    }
}

/// The unit that a person is asked about, if one is.
pub fn question(journal: &[Entry]) -> Option<Unit> {
    let last = journal.iter().rev().find(|entry| entry.event.unit().is_some())?;
    if let Event::Parked { unit, .. } = &last.event { Some(unit.clone()) } else { None }
}
