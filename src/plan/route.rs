//! The search: the best path through a problem, exactly.
//!
//! Each forced migration has a stretch of stops of which the path must contain one; a move may not jump over a whole
//! stretch. Dependencies narrow the stretches: a migration cannot run before those it depends on can, nor they after it
//! must. With that, a path fits exactly if it jumps over no stretch, and its cost adds up over its moves, so the best
//! one is a shortest path in [`VersionGraph`]. Two things do not add up, and are branched on (best first, so that the
//! first answer that is true to its estimate is the best): a migration whose services leave gaps in its stretch, and two
//! migrations whose recommended releases stand against their dependency.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add;

use crate::graph::VersionGraph;

use super::Preference;
use super::bounds::{Bounds, Choices};
use super::problem::Problem;
use super::stretch::{Stretch, is_allowed};

/// What a path costs, the more important part first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost(u64, u64);

impl Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost(self.0 + other.0, self.1 + other.1)
    }
}

impl Cost {
    fn new(preference: Preference, away: usize, deploys: usize) -> Cost {
        let (away, deploys) = (away as u64, deploys as u64);
        match preference {
            Preference::Recommended => Cost(away, deploys),
            Preference::Fewest => Cost(deploys, away),
        }
    }
}

/// A path with the stop of each task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Stops from the start to the goal.
    pub path: Vec<usize>,
    /// For each task, the stop at which it runs.
    pub places: Vec<usize>,
}

/// The order in which answers are preferred: by cost, then the later releases, from the first stop on.
type Key = (Cost, Vec<Reverse<usize>>);

/// Why a path is not true to its estimate, and the choices one of which holds in every answer.
struct Conflict {
    either: [Choices; 2],
}

/// How much is tried for the best answer, as choices times stops and tasks; from then on the first valid one is taken.
const EFFORT_MAX: usize = 400_000;
/// How many choices are tried in any case.
const CHOICES_MIN: usize = 32;

/// A route that the search ended with.
pub(super) struct Found {
    pub route: Route,
    /// Whether no better one exists; not if the search was given up.
    pub is_best: bool,
}

/// The best route; nothing if there is none.
pub(super) fn best(problem: &Problem<'_>, preference: Preference) -> Option<Found> {
    if !problem.goal_is_open {
        return None;
    }
    let mut search = Search { problem, preference, open: BTreeMap::new(), opened: 0, best: None };
    search.open(Choices::default());
    let choices_max = (EFFORT_MAX / (problem.stops.len() + problem.tasks.len())).max(CHOICES_MIN);
    for _ in 0..choices_max {
        match search.open.pop_first() {
            Some(((estimate, _), _)) if search.best.as_ref().is_some_and(|(key, _)| *key <= estimate) => break,
            Some(((estimate, _), node)) => search.try_out(estimate, node),
            None => break,
        }
    }
    let is_best = match (&search.best, search.open.first_key_value()) {
        (Some((key, _)), Some(((estimate, _), _))) => key <= estimate,
        _ => search.open.is_empty(),
    };
    while search.best.is_none() {
        let ((estimate, _), node) = search.take_latest()?;
        search.try_out(estimate, node);
    }
    search.best.map(|(_, route)| Found { route, is_best })
}

/// A search in progress.
struct Search<'p> {
    problem: &'p Problem<'p>,
    preference: Preference,
    /// What is still to be tried, by the best answer that it could hold; the number keeps equal ones apart.
    open: BTreeMap<(Key, usize), (Choices, Bounds)>,
    opened: usize,
    best: Option<(Key, Route)>,
}

impl Search<'_> {
    /// Adds choices to what is to be tried, if there is any path under them.
    fn open(&mut self, choices: Choices) {
        if let Some(bounds) = Bounds::of(self.problem, &choices)
            && let Some(key) = shortest(self.problem, &bounds, self.preference)
        {
            self.opened += 1;
            self.open.insert((key, self.opened), (choices, bounds));
        }
    }

    /// Settles the estimate's path, and opens the choices that lie behind a conflict.
    fn try_out(&mut self, (_, path): Key, (choices, bounds): (Choices, Bounds)) {
        let stops: Vec<usize> = path.iter().map(|stop| stop.0).collect();
        let (route, conflict) = settle(self.problem, &choices, &bounds, &stops);
        if let Some(route) = route {
            let cost = Cost::new(self.preference, away(self.problem, &route), stops.len() - 1);
            if self.best.as_ref().is_none_or(|(best, _)| (cost, &path) < (best.0, &best.1)) {
                self.best = Some(((cost, path), route));
            }
        }
        conflict.into_iter().flat_map(|conflict| conflict.either).for_each(|choices| self.open(choices));
    }

    /// What was opened last: going down from there ends soonest at an answer.
    fn take_latest(&mut self) -> Option<((Key, usize), (Choices, Bounds))> {
        let latest = self.open.keys().max_by_key(|(_, opened)| *opened)?.clone();
        self.open.remove_entry(&latest)
    }
}

/// Whether there is a route at all. Without gaps in a stretch that is a matter of reach alone, and needs no search.
pub(super) fn exists(problem: &Problem<'_>) -> bool {
    let Some(bounds) = Bounds::of(problem, &Choices::default()) else { return false };
    let has_gap = |index: usize| gap(problem, &bounds, index).is_some();
    if (0..problem.tasks.len()).any(has_gap) {
        return best(problem, Preference::Fewest).is_some();
    }
    problem.goal_is_open && reaches_goal(problem, &reach(problem, &bounds))
}

/// Whether moves lead from the start to the goal.
fn reaches_goal(problem: &Problem<'_>, reach: &[usize]) -> bool {
    let goal = problem.goal();
    let mut waiting: BTreeSet<usize> = (1..=goal).collect();
    let mut entered = BTreeSet::from([0]);
    while let Some(from) = entered.pop_first() {
        if from == goal {
            return true;
        }
        for (low, high) in moves(problem, reach, from) {
            while let Some(stop) = waiting.range(low..=high).next().copied() {
                waiting.remove(&stop);
                entered.insert(stop);
            }
        }
    }
    false
}

/// How many tasks run away from their recommended stop.
fn away(problem: &Problem<'_>, route: &Route) -> usize {
    let of = problem.tasks.iter().zip(&route.places);
    of.filter(|(task, place)| task.has_recommended && task.recommended != Some(**place)).count()
}

/// The best path if the bounds were the whole truth: a lower bound for every answer under them.
fn shortest(problem: &Problem<'_>, bounds: &Bounds, preference: Preference) -> Option<Key> {
    let (count, goal) = (problem.stops.len(), problem.goal());
    let mut recommended_before = vec![0; count + 1];
    for stop in bounds.kept.iter().flatten() {
        recommended_before[stop + 1] += 1;
    }
    for stop in 0..count {
        recommended_before[stop + 1] += recommended_before[stop];
    }
    let skipped = |first: usize, until: usize| recommended_before[until] - recommended_before[first];
    let reach = reach(problem, bounds);
    let mut graph = VersionGraph::new(count, |a, b| Cost::new(preference, skipped(a, b), 0));
    let cost = |from: usize, to: usize| Cost::new(preference, skipped(from + 1, to), 1);
    for from in 0..goal {
        for (low, high) in moves(problem, &reach, from) {
            graph.allow(from, low, high, |to| cost(from, to));
        }
    }
    let costs = graph.costs_to(goal);
    let total = costs[0]?;
    let mut path = vec![Reverse(0)];
    let mut at = 0;
    while at != goal {
        let latest_first = moves(problem, &reach, at).into_iter().rev().flat_map(|(low, high)| (low..=high).rev());
        let is_best = |to: &usize| costs[*to].is_some_and(|rest| costs[at] == Some(cost(at, *to) + rest));
        at = latest_first.into_iter().find(is_best)?;
        path.push(Reverse(at));
    }
    let lost = problem.tasks.iter().zip(&bounds.kept).filter(|(task, kept)| task.has_recommended && kept.is_none());
    Some((total + Cost::new(preference, lost.count(), 0), path))
}

/// For each stop, the last one that a move may reach: no stretch and no required stop is jumped over.
fn reach(problem: &Problem<'_>, bounds: &Bounds) -> Vec<usize> {
    let mut reach = problem.reach.clone();
    let mut ends = vec![problem.goal(); problem.stops.len() + 1];
    for (low, high) in &bounds.stretches {
        ends[*low] = ends[*low].min(*high);
    }
    let mut nearest = problem.goal();
    for stop in (0..reach.len()).rev() {
        nearest = nearest.min(ends[stop + 1]);
        reach[stop] = reach[stop].min(nearest);
    }
    reach
}

/// The stretches that a move from a stop may lead into, ascending.
fn moves(problem: &Problem<'_>, reach: &[usize], from: usize) -> Vec<Stretch> {
    let (mut low, high) = (from + 1, reach[from]);
    if problem.closed[from].is_empty() {
        return if low <= high { vec![(low, high)] } else { Vec::new() };
    }
    let mut closed = problem.closed[from].clone();
    closed.sort_unstable();
    let mut open = Vec::new();
    for (begin, end) in closed {
        if low < begin && low <= high {
            open.push((low, high.min(begin - 1)));
        }
        low = low.max(end + 1);
    }
    if low <= high {
        open.push((low, high));
    }
    open
}

/// Puts each task on a stop of the path: its recommended one where it can be kept, else the first that allows it.
///
/// Where that does not work out, the conflict says between which choices to decide. Both can be there: a route that is
/// valid but dearer than the estimate.
fn settle(
    problem: &Problem<'_>,
    choices: &Choices,
    bounds: &Bounds,
    path: &[usize],
) -> (Option<Route>, Option<Conflict>) {
    let mut places: Vec<usize> = Vec::with_capacity(problem.tasks.len());
    let mut troubled = None;
    for (index, task) in problem.tasks.iter().enumerate() {
        let after = task.dependencies.iter().map(|before| places[*before]).max().unwrap_or(0);
        let kept = bounds.kept[index].filter(|stop| path.binary_search(stop).is_ok());
        if let Some(stop) = kept.filter(|stop| *stop >= after) {
            places.push(stop);
            continue;
        }
        if kept.is_some() {
            troubled = troubled.or(Some(index));
        }
        let first = path.partition_point(|stop| *stop < after);
        let allowed = path[first..].iter().find(|stop| is_allowed(&task.runs, **stop));
        match allowed {
            Some(stop) => places.push(*stop),
            None => return (None, conflict(problem, choices, bounds, path, index)),
        }
    }
    let conflict = troubled.and_then(|index| conflict(problem, choices, bounds, path, index));
    (Some(Route { path: path.to_vec(), places }), conflict)
}

/// Two choices that between them hold every answer: for a task in trouble, or for one that it waits for.
fn conflict(
    problem: &Problem<'_>,
    choices: &Choices,
    bounds: &Bounds,
    path: &[usize],
    troubled: usize,
) -> Option<Conflict> {
    let mut before = BTreeSet::from([troubled]);
    for index in (0..=troubled).rev() {
        if before.contains(&index) {
            before.extend(&problem.tasks[index].dependencies);
        }
    }
    let on_path = |index: usize| bounds.kept[index].filter(|stop| path.binary_search(stop).is_ok());
    if let Some(stop) = on_path(troubled)
        && let Some(late) = before.iter().copied().find(|index| on_path(*index).is_some_and(|other| other > stop))
    {
        let give_up = |index| {
            let mut choices = choices.clone();
            choices.given_up.insert(index);
            choices
        };
        return Some(Conflict { either: [give_up(late), give_up(troubled)] });
    }
    let (index, end, begin) = before.iter().rev().copied().find_map(|index| gap(problem, bounds, index))?;
    let (low, high) = bounds.stretches[index];
    let part = |stretch| {
        let mut choices = choices.clone();
        choices.parts.insert(index, stretch);
        choices
    };
    Some(Conflict { either: [part((low, end)), part((begin, high))] })
}

/// The first gap in a task's stretch: the task, the last stop before the gap and the first one behind it.
fn gap(problem: &Problem<'_>, bounds: &Bounds, index: usize) -> Option<(usize, usize, usize)> {
    let (low, high) = bounds.stretches[index];
    let mut pairs = problem.tasks[index].runs.windows(2);
    pairs.find(|pair| low <= pair[0].1 && pair[1].0 <= high).map(|pair| (index, pair[0].1, pair[1].0))
}
