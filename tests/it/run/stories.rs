//! Runs as people meet them, one story each.

mod checks;
mod health;
mod people;
mod tries;
mod undo;
mod when;

use orchestrate::run::{Event, Status, Timestamp, Unit};

use super::world::World;

/// The names of the journal's events.
fn names(world: &World) -> Vec<&'static str> {
    world.journal.iter().map(|(_, event)| event.name()).collect()
}

/// When a unit was attempted.
fn attempts(world: &World, unit: &Unit) -> Vec<i64> {
    let attempted = |(at, event): &(Timestamp, Event)| {
        matches!(event, Event::Attempted { unit: attempted } if attempted == unit).then_some(at.0 / 1000)
    };
    world.journal.iter().filter_map(attempted).collect()
}

/// The units that were attempted, in order.
fn order(world: &World) -> Vec<String> {
    let attempted = |(_, event): &(Timestamp, Event)| {
        let unit = event.unit().filter(|_| matches!(event, Event::Attempted { .. }))?;
        Some(format!("{unit} {}", unit.part))
    };
    world.journal.iter().filter_map(attempted).collect()
}

/// Where a run stands and why.
fn told(world: &World) -> (Status, String) {
    let state = world.state();
    (state.status, state.because)
}
