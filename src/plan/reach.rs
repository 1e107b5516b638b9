//! Every pair of releases at once: from which releases is some later one out of reach?

use crate::model::{Place, Product, Version};

use super::Reason;
use super::fact::{Fact, Relaxed};
use super::problem::{Problem, World};
use super::refusal::{Trial, explain};
use super::stretch::next_allowed;

/// Releases from which some release above cannot be reached, and why.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// Where there is no way from, ascending.
    pub from: Vec<Version>,
    /// The first release that cannot be reached from the first of them.
    pub to: Version,
    /// A smallest set of facts that rule it out.
    pub reasons: Vec<Reason>,
}

impl Unreachable {
    /// Where the first of the facts stands that have a place.
    pub fn place(&self) -> Option<&Place> {
        self.reasons.iter().find_map(|reason| reason.place.as_ref())
    }
}

/// Solves every pair of releases, each installation having completed what its release could not start without.
///
/// Most pairs need no search: as far as stopping at every release on the way up leads, every release is reached. Only
/// above that the pairs are solved one by one, up to the first that has no plan.
pub fn unreachable(product: &Product) -> Vec<Unreachable> {
    let world = World::of(product);
    let Some(top) = world.line.stops.values().rfind(|stop| stop.is_open()) else { return Vec::new() };
    let mut found: Vec<(Vec<Fact>, Unreachable)> = Vec::new();
    for from in world.line.stops.keys().filter(|app| **app < top.app) {
        let start = world.line.start(product, from, None);
        let done = world.assumed_complete(from);
        let upward = Problem::new(&world, &start, &top.app, &done, &Relaxed::default());
        let mut above = upward.stops[walks_up_to(&world, &upward) + 1..].iter().map(|stop| &stop.app);
        let trial = |to| Trial { world: &world, start: &start, done: &done, to };
        let Some(to) = above.find(|to| !trial(to).is_solvable(&Relaxed::default())) else { continue };
        let (facts, _) = explain(&trial(to));
        match found.iter_mut().find(|(known, _)| *known == facts) {
            Some((_, unreachable)) => unreachable.from.push(from.clone()),
            None => {
                let reasons = trial(to).reasons(&facts);
                found.push((facts, Unreachable { from: vec![from.clone()], to: to.clone(), reasons }));
            }
        }
    }
    found.into_iter().map(|(_, unreachable)| unreachable).collect()
}

/// The last stop that is reached by stopping everywhere, each migration running at the first stop that allows it.
fn walks_up_to(world: &World<'_>, problem: &Problem<'_>) -> usize {
    let is_shut = |stop: &usize| {
        let is_closed = problem.closed[*stop].iter().any(|(low, high)| (*low..=*high).contains(&(stop + 1)));
        is_closed || problem.reach[*stop] == *stop
    };
    let mut last = (0..problem.goal()).find(is_shut).unwrap_or(problem.goal());
    let mut places: Vec<Option<usize>> = Vec::with_capacity(problem.tasks.len());
    for task in &problem.tasks {
        let after = task.dependencies.iter().try_fold(0, |after, before| Some(places[*before]?.max(after)));
        let place = after.and_then(|after| next_allowed(&task.runs, after));
        let end = world.order.migrations[task.number].window.max.as_ref();
        if let (None, Some(end)) = (place, end) {
            last = last.min(problem.count_up_to(end).saturating_sub(1));
        }
        places.push(place);
    }
    last
}
