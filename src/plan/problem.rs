//! One question to the solver: the stops between start and goal by number, and where each forced migration may run.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{MigrationName, Product, Range, ServiceVersion, Version};

use super::fact::{Fact, Relaxed};
use super::line::{Line, Order, Stop};

/// A stretch of stops, both ends inclusive.
pub(super) type Stretch = (usize, usize);

/// A forced migration.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// Its number in [`Order`].
    pub number: usize,
    /// Where its window and its services allow it.
    pub runs: Vec<Stretch>,
    /// The stop that is recommended for it, if it lies between start and goal.
    pub recommended: Option<usize>,
    /// Whether it has a recommended release at all.
    pub has_recommended: bool,
    /// Tasks before it, by their index.
    pub dependencies: Vec<usize>,
}

/// Stops by number from the start (0) to the goal (the last), and what limits the moves between them.
#[derive(Debug)]
pub(super) struct Problem<'a> {
    pub stops: Vec<&'a Stop<'a>>,
    pub tasks: Vec<Task>,
    /// For each stop, the last one that required stops let a move reach.
    pub reach: Vec<usize>,
    /// For each stop, the stretches that blocked moves close.
    pub closed: Vec<Vec<Stretch>>,
    /// Whether the goal may be a stop at all.
    pub goal_is_open: bool,
}

/// What stays the same while facts are tried out.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub product: &'a Product,
    pub line: Line<'a>,
    pub order: Order<'a>,
}

impl<'a> World<'a> {
    pub fn of(product: &'a Product) -> World<'a> {
        World { product, line: Line::of(product), order: Order::of(product) }
    }

    /// The numbers of completed migrations.
    pub fn numbers(&self, names: &BTreeSet<MigrationName>) -> BTreeSet<usize> {
        let numbered = self.order.migrations.iter().enumerate();
        numbered.filter(|(_, migration)| names.contains(&migration.name)).map(|(number, _)| number).collect()
    }

    /// What an installation at a version is taken to have completed: whatever its version could not start without.
    pub fn assumed_complete(&self, from: &Version) -> BTreeSet<usize> {
        let numbered = self.order.migrations.iter().enumerate();
        let gone = numbered.filter(|(_, migration)| migration.window.ends_below(from));
        let mut done = gone.map(|(number, _)| number).collect();
        self.order.close(&mut done);
        done
    }
}

impl<'a> Problem<'a> {
    pub fn new(
        world: &'a World<'a>,
        start: &'a Stop<'a>,
        to: &Version,
        done: &BTreeSet<usize>,
        relaxed: &Relaxed,
    ) -> Self {
        let is_open = |stop: &Stop<'_>| stop.withdrawn.is_none() || !relaxed.holds(&Fact::Withdrawn(stop.app.clone()));
        let mut stops = vec![start];
        let mut goal_is_open = true;
        if *to > start.app {
            use std::ops::Bound::{Excluded, Included};
            let between = world.line.stops.range((Excluded(&start.app), Included(to))).map(|(_, stop)| stop);
            stops.extend(between.filter(|stop| is_open(stop) || stop.app == *to));
            goal_is_open = stops.last().is_some_and(|goal| is_open(goal) && goal.app == *to);
        }
        let mut problem = Problem { stops, tasks: Vec::new(), reach: Vec::new(), closed: Vec::new(), goal_is_open };
        problem.reach = problem.reach(world, relaxed);
        problem.closed = problem.closed(world, relaxed);
        problem.tasks = problem.tasks(world, done, relaxed, to);
        problem
    }

    pub fn goal(&self) -> usize {
        self.stops.len() - 1
    }

    /// The first stop at or above a version.
    fn first_from(&self, version: &Version) -> usize {
        self.stops.partition_point(|stop| stop.app < *version)
    }

    /// The number of stops up to a version.
    fn count_up_to(&self, version: &Version) -> usize {
        self.stops.partition_point(|stop| stop.app <= *version)
    }

    fn reach(&self, world: &World<'_>, relaxed: &Relaxed) -> Vec<usize> {
        let mut reach = vec![self.goal(); self.stops.len()];
        for (number, stop) in world.product.required_stops.iter().enumerate() {
            if relaxed.holds(&Fact::RequiredStop(number)) {
                let last = self.count_up_to(&stop.app).saturating_sub(1);
                for before in &mut reach[..self.first_from(&stop.app)] {
                    *before = (*before).min(last);
                }
            }
        }
        reach
    }

    fn closed(&self, world: &World<'_>, relaxed: &Relaxed) -> Vec<Vec<Stretch>> {
        let mut closed = vec![Vec::new(); self.stops.len()];
        for (number, blocked) in world.product.blocked.iter().enumerate() {
            if !relaxed.holds(&Fact::Blocked(number)) {
                continue;
            }
            let to = stretches(0, self.goal(), |stop| blocked.to.contains(&self.stops[stop].app));
            for (stop, closed) in self.stops.iter().zip(&mut closed) {
                if blocked.from.contains(&stop.app) {
                    closed.extend(&to);
                }
            }
        }
        closed
    }

    fn tasks(&self, world: &World<'_>, done: &BTreeSet<usize>, relaxed: &Relaxed, to: &Version) -> Vec<Task> {
        let order = &world.order;
        let window = |number: usize| {
            let declared = &order.migrations[number].window;
            let moved = relaxed.windows.iter().find(|(moved, _, _)| *moved == number);
            let (min, max) = moved.map_or((&declared.min, &declared.max), |(_, min, max)| (min, max));
            (
                min.as_ref().filter(|_| relaxed.holds(&Fact::WindowMin(number))),
                max.as_ref().filter(|_| relaxed.holds(&Fact::WindowMax(number))),
            )
        };
        let mut forced = vec![false; order.migrations.len()];
        let goes_up = *to > self.stops[0].app;
        let holding = |number: usize| {
            let numbered = order.dependencies[number].iter().enumerate();
            numbered.filter(move |(nth, _)| relaxed.holds(&Fact::Dependency(number, *nth))).map(|(_, before)| *before)
        };
        for number in (0..forced.len()).rev().filter(|number| !done.contains(number)) {
            forced[number] |= goes_up && window(number).1.is_some_and(|max| max < to);
            if forced[number] {
                holding(number).for_each(|before| forced[before] = true);
            }
        }
        let mut index_of = BTreeMap::new();
        let mut tasks: Vec<Task> = Vec::new();
        let mut known = BTreeMap::new();
        for number in (0..forced.len()).filter(|number| forced[*number] && !done.contains(number)) {
            let migration = order.migrations[number];
            let (min, max) = window(number);
            let low = min.map_or(0, |min| self.first_from(min));
            let after = max.map_or(self.stops.len(), |max| self.count_up_to(max));
            let mut runs = if low < after { vec![(low, after - 1)] } else { Vec::new() };
            for (service, range) in &migration.services {
                if relaxed.holds(&Fact::Service(number, service.clone())) {
                    let allowed = known
                        .entry((service.as_str(), range.to_string()))
                        .or_insert_with(|| self.allowed_by(service, range));
                    runs = intersect(&runs, allowed);
                }
            }
            let entry = world.product.recommended.get(&migration.name);
            let recommended = entry.and_then(|entry| {
                let stop = self.first_from(&entry.app);
                self.stops.get(stop).filter(|found| found.app == entry.app).map(|_| stop)
            });
            let dependencies = holding(number).filter_map(|before| index_of.get(&before).copied()).collect();
            index_of.insert(number, tasks.len());
            tasks.push(Task { number, runs, recommended, has_recommended: entry.is_some(), dependencies });
        }
        tasks
    }

    fn allowed_by(&self, service: &str, range: &Range<ServiceVersion>) -> Vec<Stretch> {
        stretches(0, self.goal(), |stop| self.stops[stop].satisfies(service, range))
    }
}

/// The stretches within `low..=high` in which a condition holds.
fn stretches(low: usize, high: usize, holds: impl Fn(usize) -> bool) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for stop in (low..=high).filter(|stop| holds(*stop)) {
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == stop => *last = stop,
            _ => stretches.push((stop, stop)),
        }
    }
    stretches
}

/// What two sorted lists of stretches share.
fn intersect(left: &[Stretch], right: &[Stretch]) -> Vec<Stretch> {
    let mut shared = Vec::new();
    for (low, high) in left {
        let first = right.partition_point(|(_, end)| end < low);
        let inside = right[first..].iter().take_while(|(begin, _)| begin <= high);
        shared.extend(inside.map(|(begin, end)| (*begin.max(low), *end.min(high))));
    }
    shared
}
