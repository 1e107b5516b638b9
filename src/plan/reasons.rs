//! Why a path stops where it stops.

use std::collections::BTreeMap;

use crate::model::{MigrationName, Version};

use super::Because;
use super::problem::{Problem, World};
use super::route::{Route, bounds};

/// The reasons for the stop at a position of the path.
pub(super) fn because(
    world: &World<'_>,
    problem: &Problem<'_>,
    route: &Route,
    placed: &[Vec<usize>],
    position: usize,
) -> Vec<Because> {
    let is_last = position + 1 == route.path.len();
    let stop = &problem.stops[route.path[position]];
    let next = (!is_last).then(|| route.path[position + 1]);
    let before = position.checked_sub(1).map(|before| route.path[before]);
    let stretches: BTreeMap<usize, (usize, usize)> = bounds(problem).unwrap_or_default();
    let mut because = Vec::new();
    for number in &placed[position] {
        let forces = stretches.get(number).is_some_and(|(low, high)| {
            before.is_none_or(|before| *low > before) && next.is_some_and(|next| *high < next)
        });
        if forces {
            because.push(forced(world, problem, *number));
        }
    }
    let required = world.product.required_stops.iter().filter(|required| required.app == stop.app && position > 0);
    because.extend(required.map(|required| {
        let reason = required.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = format!("{} is a required stop{reason}", stop.app);
        Because { migration: None, until: Some(stop.app.clone()), opens: opens(world, &stop.app), text }
    }));
    if let (Some(before), Some(next)) = (before, next) {
        let (from, to) = (&problem.stops[before].app, &problem.stops[next].app);
        let blocked =
            world.product.blocked.iter().filter(|blocked| blocked.from.contains(from) && blocked.to.contains(to));
        because.extend(blocked.map(|blocked| plain(format!("{from} to {to} is blocked: {}", blocked.reason))));
    }
    if is_last && position > 0 {
        because.push(plain(format!("{} is the destination", stop.app)));
    }
    if because.is_empty() {
        because.extend(placed[position].iter().map(|number| chosen(world, problem, *number, &stop.app, position)));
    }
    if because.is_empty() {
        because.push(plain(format!("the moves around {} are closed to longer ones", stop.app)));
    }
    because
}

fn plain(text: String) -> Because {
    Because { migration: None, until: None, opens: None, text }
}

/// The first release above a version.
fn opens(world: &World<'_>, version: &Version) -> Option<Version> {
    use std::ops::Bound::{Excluded, Unbounded};
    world.line.stops.range((Excluded(version), Unbounded)).map(|(app, _)| app.clone()).next()
}

/// A migration that must be complete before the next stop: by its own window, or by that of one that waits for it.
fn forced(world: &World<'_>, problem: &Problem<'_>, number: usize) -> Because {
    let (gate, until) = gate(world, problem, number);
    let name = &world.order.migrations[number].name;
    let opens = until.as_ref().and_then(|until| opens(world, until));
    let end = until.as_ref().map(|until| format!(" up to {until}")).unwrap_or_default();
    let opened = match &opens {
        Some(opens) => format!(", and {opens} may not start before it is complete"),
        None => String::new(),
    };
    let text = if gate == *name {
        format!("{name} can run{end}{opened}")
    } else {
        format!("{gate} waits for {name} and can run{end}{opened}")
    };
    Because { migration: Some(name.clone()), until, opens, text }
}

/// Whose window ends first among a migration and all that wait for it.
fn gate(world: &World<'_>, problem: &Problem<'_>, number: usize) -> (MigrationName, Option<Version>) {
    let mut waiting = std::collections::BTreeSet::from([number]);
    for task in &problem.tasks {
        let waits = task.dependencies.iter().any(|before| waiting.contains(&problem.tasks[*before].number));
        if waits {
            waiting.insert(task.number);
        }
    }
    let migrations = waiting.iter().map(|number| world.order.migrations[*number]);
    let ends = migrations.filter_map(|migration| Some((migration.window.max.as_ref()?, migration)));
    let own = &world.order.migrations[number].name;
    let first = ends.min_by_key(|(max, migration)| (*max, migration.name != *own));
    match first {
        Some((max, migration)) => (migration.name.clone(), Some(max.clone())),
        None => (own.clone(), None),
    }
}

/// A migration that could run elsewhere too, but runs here.
fn chosen(world: &World<'_>, problem: &Problem<'_>, number: usize, app: &Version, position: usize) -> Because {
    let migration = world.order.migrations[number];
    let is_task = problem.tasks.iter().any(|task| task.number == number);
    let (_, until) = if is_task { gate(world, problem, number) } else { (migration.name.clone(), None) };
    let recommended = world.product.recommended.get(&migration.name).is_some_and(|entry| entry.app == *app);
    let text = match (recommended, position) {
        (true, _) => format!("{app} is the recommended release for {}", migration.name),
        (false, 0) => format!("{} can run at {app}, where the installation is", migration.name),
        (false, _) => format!("{} can run at {app}", migration.name),
    };
    let opens = until.as_ref().and_then(|until| opens(world, until));
    Because { migration: Some(migration.name.clone()), until, opens, text }
}
