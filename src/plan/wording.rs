//! The words for the facts of a refusal and for the edits that would lift them.

use std::cmp::Reverse;

use crate::model::{RequiredStop, Version, Window};

use super::fact::{Fact, Relaxed};
use super::line::Stop;
use super::problem::World;
use super::refusal::Trial;

/// The order in which facts are told: gates first, then what keeps their migrations from being completed in time.
pub(super) fn rank(world: &World<'_>, fact: &Fact) -> (u8, Reverse<usize>, Fact) {
    let kind = match fact {
        Fact::Withdrawn(_) => 0,
        Fact::WindowMax(_) => 1,
        Fact::Dependency(..) => 2,
        Fact::WindowMin(_) => 3,
        Fact::Service(..) => 4,
        Fact::RequiredStop(_) => 5,
        Fact::Blocked(_) => 6,
    };
    let latest_first = Reverse(fact.migration().unwrap_or(world.order.migrations.len()));
    (kind, latest_first, fact.clone())
}

/// A fact in words.
pub(super) fn reason(world: &World<'_>, start: &Stop<'_>, fact: &Fact, to: &Version) -> String {
    let migration = |number: &usize| world.order.migrations[*number];
    match fact {
        Fact::WindowMax(number) => {
            let migration = migration(number);
            let max = migration.window.max.as_ref().unwrap_or(to);
            let above = world.line.stops.range(max..).map(|(app, _)| app).find(|app| *app > max);
            let gated = above.filter(|app| *app <= to).unwrap_or(to);
            let name = &migration.name;
            if *max < start.app {
                format!(
                    "{name} is not complete and could run only up to {max}; nothing above {} may start before it is",
                    start.app
                )
            } else {
                format!("{name} can run up to {max}, and {gated} may not start before it is complete")
            }
        }
        Fact::WindowMin(number) => {
            let migration = migration(number);
            let min = migration.window.min.as_ref().unwrap_or(&start.app);
            let at = world.line.stops.range(min..).map(|(app, _)| app).next();
            let first = match at {
                Some(app) if app != min => format!(", and the first release there is {app}"),
                Some(_) => String::new(),
                None => ", and no release is there yet".to_owned(),
            };
            format!("{} can run from {min} on{first}", migration.name)
        }
        Fact::Dependency(number, nth) => {
            let migration = migration(number);
            let before = migration.depends_on.get(*nth).map(ToString::to_string).unwrap_or_default();
            format!("{} can run only when {before} is complete", migration.name)
        }
        Fact::Service(number, service) => {
            let migration = migration(number);
            let range = migration.services.get(service).map(ToString::to_string).unwrap_or_default();
            format!("{} needs {service} {range}, which the releases that it can run on do not bring", migration.name)
        }
        Fact::Blocked(number) => {
            let blocked = &world.product.blocked[*number];
            let issue = blocked.issue.as_ref().map(|issue| format!(" ({issue})")).unwrap_or_default();
            format!("moves from {} to {} are blocked: {}{issue}", blocked.from, blocked.to, blocked.reason)
        }
        Fact::RequiredStop(number) => required_stop(&world.product.required_stops[*number]),
        Fact::Withdrawn(app) => {
            let stop = world.line.stops.get(app).and_then(|stop| stop.withdrawn);
            let reason = stop.and_then(|release| release.withdrawn.as_deref()).unwrap_or("no reason is given");
            format!("{app} was withdrawn: {reason}")
        }
    }
}

/// A required stop with its reason.
pub(super) fn required_stop(stop: &RequiredStop) -> String {
    let reason = stop.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} is a required stop{reason}", stop.app)
}

/// An edit that leaves these facts out, as small as it may be.
pub(super) fn edit(trial: &Trial<'_>, facts: &[Fact]) -> String {
    let parts: Vec<String> = facts
        .iter()
        .map(|fact| match facts.len() {
            1 => least_edit(trial, fact),
            _ => whole_edit(trial, fact),
        })
        .collect();
    parts.join(", and ")
}

/// For an end of a window, the nearest value that is enough; other facts go as a whole.
fn least_edit(trial: &Trial<'_>, fact: &Fact) -> String {
    let apps = || trial.world.line.stops.keys();
    let is_enough = |number: usize, window: Window| {
        trial.is_solvable(&Relaxed { window: Some((number, window)), ..Relaxed::default() })
    };
    match fact {
        Fact::WindowMax(number) => {
            let migration = trial.world.order.migrations[*number];
            let window = &migration.window;
            let Some(max) = &window.max else { return whole_edit(trial, fact) };
            let above: Vec<&Version> = apps().filter(|app| *app > max && *app <= trial.to).collect();
            let raised = |app: &Version| Window { max: Some(app.clone()), ..window.clone() };
            let enough = above.partition_point(|app| !is_enough(*number, raised(app)));
            match above.get(enough) {
                Some(app) => format!("raise `window.max` of {} from {max} to {app} or above", migration.name),
                None => whole_edit(trial, fact),
            }
        }
        Fact::WindowMin(number) => {
            let migration = trial.world.order.migrations[*number];
            let window = &migration.window;
            let Some(min) = &window.min else { return whole_edit(trial, fact) };
            let below: Vec<&Version> = apps().rev().filter(|app| *app < min && **app >= trial.start.app).collect();
            let lowered = |app: &Version| Window { min: Some(app.clone()), ..window.clone() };
            let enough = below.partition_point(|app| !is_enough(*number, lowered(app)));
            match below.get(enough) {
                Some(app) => format!("lower `window.min` of {} from {min} to {app} or below", migration.name),
                None => whole_edit(trial, fact),
            }
        }
        Fact::Dependency(..) | Fact::Service(..) | Fact::Blocked(_) | Fact::RequiredStop(_) | Fact::Withdrawn(_) => {
            whole_edit(trial, fact)
        }
    }
}

fn whole_edit(trial: &Trial<'_>, fact: &Fact) -> String {
    let world = trial.world;
    let migration = |number: &usize| world.order.migrations[*number];
    match fact {
        Fact::WindowMax(number) => format!("remove `window.max` of {}", migration(number).name),
        Fact::WindowMin(number) => format!("remove `window.min` of {}", migration(number).name),
        Fact::Dependency(number, nth) => {
            let before = migration(number).depends_on.get(*nth).map(ToString::to_string).unwrap_or_default();
            format!("remove {before} from `depends_on` of {}", migration(number).name)
        }
        Fact::Service(number, service) => {
            format!("widen the range of {service} under `services` of {}", migration(number).name)
        }
        Fact::Blocked(number) => {
            let blocked = &world.product.blocked[*number];
            format!("lift the block from {} to {}, if it no longer holds", blocked.from, blocked.to)
        }
        Fact::RequiredStop(number) => {
            format!("remove {} from `required_stops`", world.product.required_stops[*number].app)
        }
        Fact::Withdrawn(app) => format!("release {app} again, and remove its `withdrawn`"),
    }
}
