//! One question to the solver: the stops between start and goal by number, and where each forced migration may run.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::model::{MigrationName, Product, Range, Version};

use super::fact::{Fact, Relaxed};
use super::line::{Line, Stop};
use super::order::Order;
use super::stretch::{Stretch, intersect, stretches};

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
        let is_open = |stop: &Stop<'_>| stop.is_open() || !relaxed.holds(&Fact::Withdrawn(stop.app.clone()));
        let mut stops = vec![start];
        let mut goal_is_open = true;
        if *to > start.app {
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
    pub fn count_up_to(&self, version: &Version) -> usize {
        self.stops.partition_point(|stop| stop.app <= *version)
    }

    /// The stretch of stops inside a range of versions.
    fn inside(&self, range: &Range<Version>) -> Option<Stretch> {
        let (low, high) = range.set().bounding_range()?;
        let first = match low {
            Included(version) => self.first_from(version),
            Excluded(version) => self.count_up_to(version),
            Unbounded => 0,
        };
        let after = match high {
            Included(version) => self.count_up_to(version),
            Excluded(version) => self.first_from(version),
            Unbounded => self.stops.len(),
        };
        (first < after).then(|| (first, after - 1))
    }

    fn reach(&self, world: &World<'_>, relaxed: &Relaxed) -> Vec<usize> {
        let mut reach = vec![self.goal(); self.stops.len()];
        for (number, required) in world.product.required_stops.iter().enumerate() {
            let before = self.first_from(&required.app).checked_sub(1);
            if let Some(before) = before.filter(|_| relaxed.holds(&Fact::RequiredStop(number))) {
                reach[before] = reach[before].min(self.count_up_to(&required.app) - 1);
            }
        }
        for stop in (0..self.goal()).rev() {
            reach[stop] = reach[stop].min(reach[stop + 1]);
        }
        reach
    }

    fn closed(&self, world: &World<'_>, relaxed: &Relaxed) -> Vec<Vec<Stretch>> {
        let mut closed = vec![Vec::new(); self.stops.len()];
        for (number, blocked) in world.product.blocked.iter().enumerate() {
            if relaxed.holds(&Fact::Blocked(number))
                && let (Some((first, last)), Some(to)) = (self.inside(&blocked.from), self.inside(&blocked.to))
            {
                closed[first..=last].iter_mut().for_each(|closed| closed.push(to));
            }
        }
        closed
    }

    /// Whether each migration is forced: its window, or that of one that waits for it, ends below the goal.
    fn forced(&self, order: &Order<'_>, done: &BTreeSet<usize>, relaxed: &Relaxed, to: &Version) -> Vec<bool> {
        let mut forced = vec![false; order.migrations.len()];
        if *to <= self.stops[0].app {
            return forced;
        }
        for number in (0..forced.len()).rev() {
            let (_, max) = relaxed.ends(order, number);
            forced[number] = (forced[number] || max.is_some_and(|max| max < to)) && !done.contains(&number);
            if forced[number] {
                relaxed.dependencies(order, number).for_each(|before| forced[before] = true);
            }
        }
        forced
    }

    fn tasks(&self, world: &World<'_>, done: &BTreeSet<usize>, relaxed: &Relaxed, to: &Version) -> Vec<Task> {
        let order = &world.order;
        let forced = self.forced(order, done, relaxed, to);
        let mut index_of = BTreeMap::new();
        let mut tasks: Vec<Task> = Vec::new();
        let mut known = BTreeMap::new();
        for number in (0..forced.len()).filter(|number| forced[*number]) {
            let migration = order.migrations[number];
            let (min, max) = relaxed.ends(order, number);
            let low = min.map_or(0, |min| self.first_from(min));
            let after = max.map_or(self.stops.len(), |max| self.count_up_to(max));
            let mut runs = if low < after { vec![(low, after - 1)] } else { Vec::new() };
            for (service, range) in &migration.services {
                if relaxed.holds(&Fact::Service(number, service.clone())) {
                    let allowed = known.entry((service.as_str(), range.to_string())).or_insert_with(|| {
                        stretches(self.stops.len(), |stop| self.stops[stop].satisfies(service, range))
                    });
                    runs = intersect(&runs, allowed);
                }
            }
            let entry = world.product.recommended.get(&migration.name);
            let recommended = entry.and_then(|entry| {
                let stop = self.first_from(&entry.app);
                self.stops.get(stop).filter(|found| found.app == entry.app).map(|_| stop)
            });
            let waits_for = relaxed.dependencies(order, number);
            let dependencies = waits_for.filter_map(|before| index_of.get(&before).copied()).collect();
            index_of.insert(number, tasks.len());
            tasks.push(Task { number, runs, recommended, has_recommended: entry.is_some(), dependencies });
        }
        tasks
    }
}
