//! Why a path stops where it stops.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use crate::model::{MigrationName, Version};

use super::bounds::{Bounds, Choices};
use super::problem::{Problem, World};
use super::route::Route;
use super::stretch::Stretch;
use super::{Because, wording};

/// What the reasons of all steps are told from.
pub(super) struct Reasons<'a> {
    world: &'a World<'a>,
    problem: &'a Problem<'a>,
    route: &'a Route,
    /// For each forced migration, by number, where it can run and which gate it must be complete before.
    forced: BTreeMap<usize, (Stretch, Gate)>,
}

/// The window that ends first among a migration's own and those of all that wait for it: whose it is, and its end.
type Gate = Option<(Version, usize)>;

impl<'a> Reasons<'a> {
    pub fn of(world: &'a World<'a>, problem: &'a Problem<'a>, route: &'a Route) -> Reasons<'a> {
        let stretches = Bounds::of(problem, &Choices::default()).map(|bounds| bounds.stretches).unwrap_or_default();
        let mut gates: Vec<Gate> = Vec::with_capacity(problem.tasks.len());
        for task in &problem.tasks {
            let end = world.order.migrations[task.number].window.max.clone();
            gates.push(end.map(|end| (end, task.number)));
        }
        for (index, task) in problem.tasks.iter().enumerate().rev() {
            let Some(gate) = gates[index].clone() else { continue };
            for before in &task.dependencies {
                if gates[*before].as_ref().is_none_or(|(end, _)| gate.0 < *end) {
                    gates[*before] = Some(gate.clone());
                }
            }
        }
        let numbers = problem.tasks.iter().map(|task| task.number);
        let forced = numbers.zip(stretches.into_iter().zip(gates)).collect();
        Reasons { world, problem, route, forced }
    }

    /// The reasons for the stop at a position of the path, where these migrations run.
    pub fn because(&self, here: &[usize], position: usize) -> Vec<Because> {
        let path = &self.route.path;
        let is_last = position + 1 == path.len();
        let stop = &self.problem.stops[path[position]];
        let next = path.get(position + 1).copied();
        let before = position.checked_sub(1).map(|before| path[before]);
        let mut because = Vec::new();
        for number in here {
            let Some(((low, high), gate)) = self.forced.get(number) else { continue };
            if before.is_none_or(|before| *low > before) && next.is_some_and(|next| *high < next) {
                because.push(self.forced(*number, gate));
            }
        }
        let required = &self.world.product.required_stops;
        let first = required.partition_point(|required| required.app < stop.app);
        for required in required[first..].iter().take_while(|required| required.app == stop.app && position > 0) {
            let text = wording::required_stop(required);
            because.push(Because { until: Some(stop.app.clone()), opens: self.opens(&stop.app), ..plain(text) });
        }
        if let (Some(before), Some(next)) = (before, next) {
            let (from, to) = (&self.problem.stops[before].app, &self.problem.stops[next].app);
            let blocked = self.world.product.blocked.iter();
            let blocked = blocked.filter(|blocked| blocked.from.contains(from) && blocked.to.contains(to));
            because.extend(blocked.map(|blocked| plain(format!("{from} to {to} is blocked: {}", blocked.reason))));
        }
        if is_last && position > 0 {
            because.push(plain(format!("{} is the destination", stop.app)));
        }
        if because.is_empty() {
            because.extend(here.iter().map(|number| self.chosen(*number, &stop.app, position)));
        }
        if because.is_empty() {
            because.push(plain(format!("the moves around {} are closed to longer ones", stop.app)));
        }
        because
    }

    /// The first release above a version.
    fn opens(&self, version: &Version) -> Option<Version> {
        self.world.line.stops.range((Excluded(version), Unbounded)).map(|(app, _)| app.clone()).next()
    }

    /// A migration that must be complete before the next stop: by its own window, or by that of one that waits for it.
    fn forced(&self, number: usize, gate: &Gate) -> Because {
        let name = self.name(number);
        let Some((until, gate)) = gate else { return plain(format!("{name} can run only here")) };
        let opens = self.opens(until);
        let opened = match &opens {
            Some(opens) => format!(", and {opens} may not start before it is complete"),
            None => String::new(),
        };
        let text = if *gate == number {
            format!("{name} can run up to {until}{opened}")
        } else {
            format!("{} waits for {name} and can run up to {until}{opened}", self.name(*gate))
        };
        Because { migration: Some(name.clone()), until: Some(until.clone()), opens, text }
    }

    /// A migration that could run elsewhere too, but runs here.
    fn chosen(&self, number: usize, app: &Version, position: usize) -> Because {
        let name = self.name(number);
        let recommended = self.world.product.recommended.get(name).is_some_and(|entry| entry.app == *app);
        let text = match (recommended, position) {
            (true, _) => format!("{app} is the recommended release for {name}"),
            (false, 0) => format!("{name} can run at {app}, where the installation is"),
            (false, _) => format!("{name} can run at {app}"),
        };
        let gate = self.forced.get(&number).and_then(|(_, gate)| gate.as_ref());
        let until = gate.map(|(until, _)| until.clone());
        let opens = until.as_ref().and_then(|until| self.opens(until));
        Because { migration: Some(name.clone()), until, opens, text }
    }

    fn name(&self, number: usize) -> &MigrationName {
        &self.world.order.migrations[number].name
    }
}

fn plain(text: String) -> Because {
    Because { migration: None, until: None, opens: None, text }
}
