//! Every pair of releases at once: from which releases is some later one out of reach?

use std::ops::Bound::{Excluded, Unbounded};

use crate::model::{Place, Product, Version};

use super::fact::{self, Relaxed};
use super::line::Stop;
use super::problem::{Problem, World};
use super::refusal::{Trial, core};
use super::{Reason, wording};

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
/// Most pairs need no search: if stopping at every release on the way up gets to the top, it got past every release in
/// between. Only where that fails are the pairs solved one by one, up to the first that has no plan.
pub fn unreachable(product: &Product) -> Vec<Unreachable> {
    let world = World::of(product);
    let mut found: Vec<(Vec<fact::Fact>, Unreachable)> = Vec::new();
    let is_open = |stop: &&Stop<'_>| stop.withdrawn.is_none();
    let top = world.line.stops.values().rev().find(is_open).map(|stop| &stop.app);
    for from in world.line.stops.keys() {
        let start = world.line.start(product, from, None);
        let done = world.assumed_complete(from);
        let Some(top) = top.filter(|top| *top > from) else { continue };
        if walks_up(&Problem::new(&world, &start, top, &done, &Relaxed::default())) {
            continue;
        }
        let above = world.line.stops.range((Excluded(from), Unbounded)).map(|(_, stop)| stop).filter(is_open);
        for to in above.map(|stop| &stop.app) {
            let trial = Trial { world: &world, start: &start, done: &done, to };
            if trial.is_solvable(&Relaxed::default()) {
                continue;
            }
            let facts = core(&trial);
            match found.iter_mut().find(|(known, _)| *known == facts) {
                Some((_, unreachable)) => unreachable.from.push((*from).clone()),
                None => {
                    let reasons = facts.iter().map(|fact| Reason {
                        text: wording::reason(&world, &start, fact, to),
                        place: fact::place(fact, product, &world.order).cloned(),
                    });
                    let reasons = reasons.collect();
                    found.push((facts, Unreachable { from: vec![(*from).clone()], to: to.clone(), reasons }));
                }
            }
            break;
        }
    }
    found.into_iter().map(|(_, unreachable)| unreachable).collect()
}

/// Whether the path that stops everywhere works: each migration runs at the first stop that allows it.
fn walks_up(problem: &Problem<'_>) -> bool {
    let open = |stop: usize| {
        let next = stop + 1;
        problem.reach[stop] >= next && !problem.closed[stop].iter().any(|(low, high)| (*low..=*high).contains(&next))
    };
    if !problem.goal_is_open || !(0..problem.goal()).all(open) {
        return false;
    }
    let mut places: Vec<usize> = Vec::with_capacity(problem.tasks.len());
    for task in &problem.tasks {
        let after = task.dependencies.iter().map(|before| places[*before]).max().unwrap_or(0);
        let run = task.runs.partition_point(|(_, end)| *end < after);
        let Some((begin, _)) = task.runs.get(run) else { return false };
        places.push(after.max(*begin));
    }
    true
}
