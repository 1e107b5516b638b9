//! Why there is no plan: a smallest set of facts that rule it out together, and what would open the way.
//!
//! The smallest set comes from implicit hitting sets (Ignatiev et al., "Smallest MUS extraction with minimal hitting set
//! dualization", CP 2015): a set of facts that hits every known correction is tried; if it does not rule the plan out
//! alone, it is grown as far as a plan exists, and what had to be left out is one more correction.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use crate::model::Version;

use super::fact::{self, Fact, Relaxed};
use super::line::Stop;
use super::problem::{Problem, World};
use super::request::Request;
use super::{NoPlan, Reason, Release, route, wording};

/// How many corrections are collected before the answer is merely a set from which nothing can be left out.
const CORRECTIONS_MAX: usize = 500;

/// One question that can be asked again with facts left out.
pub(super) struct Trial<'a> {
    pub world: &'a World<'a>,
    pub start: &'a Stop<'a>,
    pub done: &'a BTreeSet<usize>,
    pub to: &'a Version,
}

impl Trial<'_> {
    /// Whether there is a plan without some facts.
    pub fn is_solvable(&self, relaxed: &Relaxed) -> bool {
        let problem = Problem::new(self.world, self.start, self.to, self.done, relaxed);
        route::exists(&problem)
    }

    /// Facts in words, each with its place.
    pub fn reasons(&self, facts: &[Fact]) -> Vec<Reason> {
        let reason = |fact: &Fact| Reason {
            text: wording::reason(self.world, self.start, fact, self.to),
            place: fact::place(fact, self.world.product, &self.world.order).cloned(),
        };
        facts.iter().map(reason).collect()
    }

    /// Whether there is a plan where only these of all facts hold.
    fn is_solvable_with(&self, all: &[Fact], active: &BTreeSet<usize>) -> bool {
        let left_out = (0..all.len()).filter(|index| !active.contains(index));
        self.is_solvable(&Relaxed::without(left_out.map(|index| all[index].clone())))
    }
}

/// A destination below the installation.
pub(super) fn downgrade(world: &World<'_>, start: &Stop<'_>, request: &Request) -> NoPlan {
    let text = format!(
        "{} is below {}, where the installation is; a release cannot read what the data migrations of later ones made, \
         so a path only goes upward",
        request.to, request.from
    );
    let fixes = vec!["restore a backup that was made at that release".to_owned()];
    NoPlan {
        from: start.release(),
        to: destination(world, &request.to),
        reasons: vec![Reason { text, place: None }],
        fixes,
        warnings: request.warnings.clone(),
    }
}

fn destination(world: &World<'_>, to: &Version) -> Release {
    let chart = world.line.stops.get(to).and_then(|stop| stop.chart.clone());
    Release { app: to.clone(), chart }
}

/// Explains a request without a plan.
pub(super) fn refuse(world: &World<'_>, start: &Stop<'_>, done: &BTreeSet<usize>, request: &Request) -> NoPlan {
    let trial = Trial { world, start, done, to: &request.to };
    let (core, corrections) = explain(&trial);
    NoPlan {
        from: start.release(),
        to: destination(world, &request.to),
        reasons: trial.reasons(&core),
        fixes: fixes(&trial, &core, &corrections),
        warnings: request.warnings.clone(),
    }
}

/// The facts of a smallest refusal, in the order in which they are told, and the corrections that were tried for them.
pub(super) fn explain(trial: &Trial<'_>) -> (Vec<Fact>, Vec<Vec<Fact>>) {
    let world = trial.world;
    let mut all = fact::all(world.product, &world.order, trial.done, &trial.start.app, trial.to);
    all.sort_by_key(|fact| wording::rank(world, fact));
    let mut corrections: Vec<BTreeSet<usize>> = Vec::new();
    let core = loop {
        let hitting = smallest_hitting(&corrections);
        if corrections.len() >= CORRECTIONS_MAX {
            break shrink(trial, &all, corrections.iter().flatten().copied().collect());
        }
        if !trial.is_solvable_with(&all, &hitting) {
            break hitting;
        }
        let mut active = hitting.clone();
        let rest: Vec<usize> = (0..all.len()).filter(|index| !active.contains(index)).collect();
        let mut left_out = BTreeSet::new();
        grow(trial, &all, &mut active, &rest, &mut left_out);
        if left_out.is_empty() {
            break hitting; // nothing rules it out: the caller asked about a solvable request
        }
        corrections.push(left_out);
    };
    let facts = |indices: &BTreeSet<usize>| indices.iter().map(|index| all[*index].clone()).collect();
    (facts(&core), corrections.iter().map(facts).collect())
}

/// Adds to `active` all of `rest` that leaves a plan; what does not is left out.
fn grow(trial: &Trial<'_>, all: &[Fact], active: &mut BTreeSet<usize>, rest: &[usize], left_out: &mut BTreeSet<usize>) {
    if rest.is_empty() {
        return;
    }
    let with_rest: BTreeSet<usize> = active.iter().chain(rest).copied().collect();
    if trial.is_solvable_with(all, &with_rest) {
        *active = with_rest;
    } else if let [alone] = rest {
        left_out.insert(*alone);
    } else {
        let (first, second) = rest.split_at(rest.len() / 2);
        grow(trial, all, active, first, left_out);
        grow(trial, all, active, second, left_out);
    }
}

/// Leaves out of a set that rules the plan out whatever is not needed for that.
fn shrink(trial: &Trial<'_>, all: &[Fact], mut set: BTreeSet<usize>) -> BTreeSet<usize> {
    for index in set.clone() {
        set.remove(&index);
        if trial.is_solvable_with(all, &set) {
            set.insert(index);
        }
    }
    set
}

/// A smallest set that has something of each set; the sets are few and small.
fn smallest_hitting(sets: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    fn search(sets: &[BTreeSet<usize>], chosen: &mut BTreeSet<usize>, limit: usize) -> bool {
        let Some(open) = sets.iter().find(|set| set.is_disjoint(chosen)) else { return true };
        if chosen.len() == limit {
            return false;
        }
        for element in open {
            chosen.insert(*element);
            if search(sets, chosen, limit) {
                return true;
            }
            chosen.remove(element);
        }
        false
    }
    let mut chosen = BTreeSet::new();
    let enough = (0..=sets.len()).find(|limit| search(sets, &mut chosen, *limit));
    debug_assert!(enough.is_some(), "one element of each set always hits all of them");
    chosen
}

/// What would open the way, the least change first; each was tried by planning again.
fn fixes(trial: &Trial<'_>, core: &[Fact], corrections: &[Vec<Fact>]) -> Vec<String> {
    let opens = |facts: &[Fact]| trial.is_solvable(&Relaxed::without(facts.iter().cloned()));
    let mut edits: Vec<Vec<Fact>> = core.iter().map(|fact| vec![fact.clone()]).filter(|edit| opens(edit)).collect();
    if edits.is_empty() {
        let least = corrections.iter().map(Vec::len).min().unwrap_or(0);
        edits = corrections.iter().filter(|edit| edit.len() == least && opens(edit)).cloned().collect();
        edits.sort();
        edits.dedup();
    }
    // What lies behind the installation is no reason to edit a manifest.
    let ended = |number: usize| trial.world.order.migrations[number].window.ends_below(&trial.start.app);
    let is_behind = |fact: &Fact| matches!(fact, Fact::WindowMax(number) if ended(*number));
    let mut fixes: Vec<String> = completions(trial, core).into_iter().collect();
    fixes.extend(detour(trial));
    if !fixes.is_empty() {
        edits.retain(|edit| !edit.iter().all(is_behind));
    }
    fixes.extend(edits.iter().map(|edit| wording::edit(trial, edit)));
    fixes
}

/// Migrations that may be complete although nobody said so.
fn completions(trial: &Trial<'_>, core: &[Fact]) -> Option<String> {
    let could_be = |number: &usize| {
        let window = &trial.world.order.migrations[*number].window;
        window.min.as_ref().is_none_or(|min| *min <= trial.start.app)
    };
    let named: BTreeSet<usize> = core.iter().filter_map(Fact::migration).filter(could_be).collect();
    let mut done = trial.done.union(&named).copied().collect();
    trial.world.order.close(&mut done);
    let again = Trial { done: &done, ..*trial };
    if named.is_empty() || !again.is_solvable(&Relaxed::default()) {
        return None;
    }
    let name = |number: &usize| trial.world.order.migrations[*number].name.as_str();
    let unsaid: Vec<&str> = done.difference(trial.done).map(name).collect();
    let are = if unsaid.len() == 1 { "is" } else { "are" };
    let all: BTreeSet<&str> = done.iter().map(name).collect();
    let all = all.into_iter().collect::<Vec<_>>().join(",");
    Some(format!("if {} {are} complete already, say so with --completed {all}", unsaid.join(" and ")))
}

/// The nearest destination that can be reached: the first of a few above, else the last below.
fn detour(trial: &Trial<'_>) -> Option<String> {
    const NEAREST_MAX: usize = 16;
    let open = |(app, stop)| Some(app).filter(|_| Stop::is_open(stop));
    let is_reachable = |to: &&Version| Trial { to, ..*trial }.is_solvable(&Relaxed::default());
    let stops = &trial.world.line.stops;
    let mut above = stops.range((Excluded(trial.to), Unbounded)).filter_map(open).take(NEAREST_MAX);
    if let Some(above) = above.find(is_reachable) {
        return Some(format!("go to {above} instead: there is a plan with --to {above}"));
    }
    let between = stops.range((Excluded(&trial.start.app), Excluded(trial.to))).filter_map(open);
    let between: Vec<&Version> = between.collect();
    // Mostly whatever lies behind the first closed gate is out of reach; where it is not, the nearest ones are tried.
    let reached = between.partition_point(is_reachable);
    let last = reached.checked_sub(1).and_then(|index| between.get(index)).copied().filter(is_reachable);
    let nearest = between.iter().rev().copied().take(NEAREST_MAX).find(is_reachable);
    let below = nearest.max(last)?;
    Some(format!("go no further than {below} for now: there is a plan with --to {below}"))
}
