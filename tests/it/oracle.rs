//! The planner against brute force: random small catalogues, every path and every placement tried.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use orchestrate::manifest::{SourceFile, load};
use orchestrate::model::{Catalog, PartialVersion, Product, Version};
use orchestrate::plan::{NoPlan, Plan, Preference, Question, plan, settle, unreachable};
use proptest::prelude::*;

/// A random product. Releases are 1.0.0, 1.1.0, …; a bound or a recommendation may lie between two of them (1.n.5).
#[derive(Clone, Debug)]
struct World {
    /// For each release, the version of the service `db` that it provides, and whether it was withdrawn.
    releases: Vec<(Option<u64>, bool)>,
    migrations: Vec<Migration>,
    required: Vec<usize>,
    blocked: Vec<((usize, usize), (usize, usize))>,
    from: usize,
    to: usize,
    completed: Option<BTreeSet<usize>>,
}

#[derive(Clone, Debug)]
struct Migration {
    min: Option<usize>,
    max: Option<usize>,
    depends_on: Vec<usize>,
    needs: Option<u64>,
    recommended: Option<usize>,
}

/// Draws choices from a vector of random numbers, which proptest can shrink.
struct Draw<'a>(std::slice::Iter<'a, u32>);

impl Draw<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next().map_or(0, |number| *number as usize % limit.max(1))
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    fn span(&mut self, count: usize) -> (usize, usize) {
        let (a, b) = (self.below(count), self.below(count));
        (a.min(b), a.max(b))
    }

    fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
}

/// Half of the worlds are kind: nearly everything is open, so that it is cost that decides, and gaps in services and
/// recommendations against dependencies matter. The other half is hostile, so that feasibility decides.
fn world(entropy: &[u32]) -> World {
    let mut draw = Draw(entropy.iter());
    let is_kind = draw.one_in(2);
    let count = if is_kind { draw.between(4, 7) } else { draw.between(2, 7) };
    let last = count - 1;
    let rare = if is_kind { 30 } else { 6 };
    let releases = (0..count)
        .map(|_| {
            let is_silent = draw.one_in(if is_kind { 8 } else { 3 });
            ((!is_silent).then(|| draw.between(1, 2) as u64), draw.one_in(rare + 3))
        })
        .collect();
    let number = if is_kind { draw.between(2, 5) } else { draw.between(0, 5) };
    let mut migrations: Vec<Migration> = Vec::new();
    for index in 0..number {
        let (low, high) =
            if is_kind { (draw.between(0, last / 2), draw.between(last / 2, last - 1)) } else { draw.span(count) };
        let depends_on = (0..index).filter(|_| draw.one_in(3)).collect();
        let is_recommended = !draw.one_in(if is_kind { 4 } else { 2 });
        migrations.push(Migration {
            min: (!draw.one_in(4)).then_some(low),
            max: (!draw.one_in(4)).then_some(high),
            depends_on,
            needs: draw.one_in(3).then(|| draw.between(1, 2) as u64),
            recommended: is_recommended.then(|| draw.between(low, high)),
        });
    }
    let required = (0..count).filter(|_| draw.one_in(rare)).collect();
    let blocked = (0..draw.below(if is_kind { 2 } else { 4 })).map(|_| (draw.span(count), draw.span(count))).collect();
    let from = if is_kind { draw.between(0, 1) } else { draw.between(0, last) };
    let to = if is_kind { draw.between(last - 1, last) } else { draw.between(from, last) };
    let completed = draw.one_in(3).then(|| (0..number).filter(|_| draw.one_in(if is_kind { 5 } else { 2 })).collect());
    World { releases, migrations, required, blocked, from, to, completed }
}

/// The world as YAML files.
fn files(world: &World) -> Vec<SourceFile> {
    let mut path = "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n".to_owned();
    for (index, (provides, withdrawn)) in world.releases.iter().enumerate() {
        let provides = provides.map(|version| format!(", provides: {{db: {version}.0.0}}")).unwrap_or_default();
        let withdrawn = if *withdrawn { ", withdrawn: broken" } else { "" };
        writeln!(path, "  - {{app: 1.{index}.0{provides}{withdrawn}}}").expect("a string");
    }
    let sections = [
        ("recommended", recommended(world)),
        ("required_stops", world.required.iter().map(|stop| format!("  - {{app: 1.{stop}.0}}\n")).collect()),
        ("blocked", blocked(world)),
    ];
    for (key, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        write!(path, "{key}:\n{lines}").expect("a string");
    }
    let file = |path: String, text: String| SourceFile { path: Arc::from(path), bytes: text.into_bytes() };
    let migrations = world
        .migrations
        .iter()
        .enumerate()
        .map(|(index, migration)| file(format!("manifests/random/m{index}.yaml"), manifest(index, migration)));
    std::iter::once(file("upgrade-paths/random.yaml".to_owned(), path)).chain(migrations).collect()
}

fn recommended(world: &World) -> String {
    let numbered = world.migrations.iter().enumerate();
    let entries = numbered.filter_map(|(index, migration)| Some((index, migration.recommended?)));
    entries.map(|(index, app)| format!("  - {{migrations: [m{index}], app: 1.{app}.0}}\n")).collect()
}

fn blocked(world: &World) -> String {
    let range = |(low, high): (usize, usize)| format!("\">=1.{low}.0, <=1.{high}.0\"");
    let line = |(from, to): &_| format!("  - {{from: {}, to: {}, reason: known}}\n", range(*from), range(*to));
    world.blocked.iter().map(line).collect()
}

fn manifest(index: usize, migration: &Migration) -> String {
    let mut text = format!("format: orchestrate/v1\nkind: migration\nname: m{index}\noperations: []\n");
    let min = migration.min.map(|min| format!("min: 1.{min}.0"));
    let max = migration.max.map(|max| format!("max: 1.{max}.5"));
    let ends: Vec<String> = min.into_iter().chain(max).collect();
    writeln!(text, "window: {{{}}}", ends.join(", ")).expect("a string");
    let names: Vec<String> = migration.depends_on.iter().map(|before| format!("m{before}")).collect();
    writeln!(text, "depends_on: [{}]", names.join(", ")).expect("a string");
    if let Some(version) = migration.needs {
        writeln!(text, "services: {{db: \"={version}\"}}").expect("a string");
    }
    text
}

/// What brute force finds: the path, and its cost as (away, deploys).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    away: usize,
    deploys: usize,
    path: Vec<usize>,
}

impl World {
    fn may_run(&self, migration: &Migration, stop: usize) -> bool {
        let provided = self.releases[stop].0;
        migration.min.is_none_or(|min| min <= stop)
            && migration.max.is_none_or(|max| stop <= max)
            && migration.needs.is_none_or(|needed| provided.is_none_or(|provided| provided == needed))
    }

    /// Whether a release is above a migration's window.
    fn is_gated(&self, migration: &Migration, stop: usize) -> bool {
        migration.max.is_some_and(|max| max < stop)
    }

    fn done(&self) -> BTreeSet<usize> {
        self.completed.clone().unwrap_or_else(|| {
            let gone = (0..self.migrations.len()).filter(|index| self.is_gated(&self.migrations[*index], self.from));
            let mut done: BTreeSet<usize> = gone.collect();
            // Dependencies have lower numbers, so one pass from the top reaches all of them.
            for index in (0..self.migrations.len()).rev() {
                if done.contains(&index) {
                    done.extend(self.migrations[index].depends_on.clone());
                }
            }
            done
        })
    }

    fn forced(&self, done: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut forced = BTreeSet::new();
        for index in (0..self.migrations.len()).rev().filter(|index| !done.contains(index)) {
            let waits = |other: &usize| self.migrations[*other].depends_on.contains(&index);
            let is_gated = self.to > self.from && self.is_gated(&self.migrations[index], self.to);
            if is_gated || forced.iter().any(waits) {
                forced.insert(index);
            }
        }
        forced
    }

    fn may_move(&self, from: usize, to: usize) -> bool {
        let inside = |(low, high): (usize, usize), stop: usize| low <= stop && stop <= high;
        from < to
            && !self.releases[to].1
            && !self.required.iter().any(|stop| from < *stop && *stop < to)
            && !self.blocked.iter().any(|(a, b)| inside(*a, from) && inside(*b, to))
    }

    /// The best answer of all there are.
    fn brute_force(&self, preference: Preference) -> Option<Answer> {
        let done = self.done();
        let forced: Vec<usize> = self.forced(&done).into_iter().collect();
        let between = self.to.saturating_sub(self.from).saturating_sub(1);
        let mut answers = Vec::new();
        for bits in 0u32..1 << between {
            let inner = (0..between).filter(|bit| bits >> bit & 1 == 1).map(|bit| self.from + 1 + bit);
            let mut path: Vec<usize> = std::iter::once(self.from).chain(inner).collect();
            path.extend((self.to > self.from).then_some(self.to));
            if path.windows(2).all(|pair| self.may_move(pair[0], pair[1]))
                && let Some(away) = self.least_away(&path, &forced, &done, &mut Vec::new())
            {
                answers.push(Answer { away, deploys: path.len() - 1, path });
            }
        }
        answers.into_iter().min_by_key(|answer| {
            let cost = match preference {
                Preference::Recommended => (answer.away, answer.deploys),
                Preference::Fewest => (answer.deploys, answer.away),
            };
            let later_first: Vec<std::cmp::Reverse<usize>> =
                answer.path.iter().copied().map(std::cmp::Reverse).collect();
            (cost, later_first)
        })
    }

    /// The fewest migrations away from their recommended release, over all placements on a path.
    fn least_away(
        &self,
        path: &[usize],
        forced: &[usize],
        done: &BTreeSet<usize>,
        placed: &mut Vec<usize>,
    ) -> Option<usize> {
        let Some(index) = forced.get(placed.len()) else {
            return self.opens_every_gate(path, forced, done, placed).then_some(0);
        };
        let migration = &self.migrations[*index];
        let place_of = |before: usize| forced.iter().position(|other| *other == before).map(|at| placed[at]);
        let ready = |stop: usize| {
            let waits_for = migration.depends_on.iter().filter(|before| !done.contains(before));
            waits_for.copied().all(|before| place_of(before).is_some_and(|place| place <= stop))
        };
        let possible: Vec<usize> =
            path.iter().copied().filter(|stop| self.may_run(migration, *stop) && ready(*stop)).collect();
        let mut least = None;
        for stop in possible {
            let away = usize::from(migration.recommended.is_some_and(|recommended| recommended != stop));
            placed.push(stop);
            let rest = self.least_away(path, forced, done, placed);
            placed.pop();
            least = [least, rest.map(|rest| rest + away)].into_iter().flatten().min();
        }
        least
    }

    fn opens_every_gate(&self, path: &[usize], forced: &[usize], done: &BTreeSet<usize>, placed: &[usize]) -> bool {
        path.iter().skip(1).all(|stop| {
            let gated = (0..self.migrations.len()).filter(|index| self.is_gated(&self.migrations[*index], *stop));
            gated
                .filter(|index| !done.contains(index))
                .all(|index| forced.iter().position(|other| *other == index).is_some_and(|at| placed[at] < *stop))
        })
    }
}

fn catalog(files: Vec<SourceFile>) -> Catalog {
    load(files).0.unwrap_or_else(|broken| panic!("a random catalogue is consistent: {broken:?}"))
}

fn product(catalog: &Catalog) -> &Product {
    catalog.products.values().next().expect("there is one product")
}

fn version(stop: usize) -> Version {
    Version::new(1, stop as u64, 0)
}

fn ask(product: &Product, world: &World, preference: Preference, only_required: bool) -> Result<Plan, Box<NoPlan>> {
    let question = Question {
        from: Some(PartialVersion::Whole(version(world.from))),
        from_chart: None,
        to: PartialVersion::Whole(version(world.to)),
        completed: world.completed.as_ref().map(|set| set.iter().map(|index| format!("m{index}")).collect()),
        preference,
        only_required,
    };
    plan(product, &settle(product, &question).expect("the versions exist"))
}

fn number(name: &str) -> usize {
    name[1..].parse().expect("a migration's name is its number")
}

/// What a plan costs, after walking through it and checking every promise on the way.
fn walk(world: &World, plan: &Plan) -> Answer {
    let mut done = world.done();
    let forced = world.forced(&done);
    let mut at = world.from;
    let (mut away, mut path) = (0, vec![at]);
    for (index, step) in plan.steps.iter().enumerate() {
        assert_eq!(step.number, index + 1);
        let stop = usize::try_from(step.release.app.numbers()[1]).expect("a small number");
        if step.deploy {
            assert!(world.may_move(at, stop), "{at} to {stop} is no move");
            let gated = (0..world.migrations.len()).filter(|index| world.is_gated(&world.migrations[*index], stop));
            for index in gated {
                assert!(done.contains(&index), "{stop} opens before m{index} is complete");
            }
            at = stop;
            path.push(at);
        }
        assert_eq!(stop, at, "a step without a deploy is where the installation is");
        for name in &step.migrations {
            let index = number(name.as_str());
            let migration = &world.migrations[index];
            assert!(world.may_run(migration, at), "m{index} may not run at {at}");
            assert!(migration.depends_on.iter().all(|before| done.contains(before)), "m{index} runs too early");
            assert!(done.insert(index), "m{index} runs twice");
            let is_away = migration.recommended.is_some_and(|recommended| recommended != at);
            away += usize::from(is_away && forced.contains(&index));
        }
        assert!(!step.because.is_empty(), "step {} says why", step.number);
        assert!(step.deploy || !step.migrations.is_empty(), "step {} does nothing", step.number);
    }
    assert_eq!(at, world.to, "the plan ends at its destination");
    assert!(forced.is_subset(&done), "a forced migration is left out");
    Answer { away, deploys: path.len() - 1, path }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_brute_force(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let world = world(&entropy);
        let catalog = catalog(files(&world));
        for preference in [Preference::Recommended, Preference::Fewest] {
            let expected = world.brute_force(preference);
            for only_required in [false, true] {
                let found = ask(product(&catalog), &world, preference, only_required);
                let answer = found.as_ref().ok().map(|plan| walk(&world, plan));
                prop_assert_eq!(&answer, &expected, "{:?} {:?}", preference, world);
            }
        }
    }

    #[test]
    fn files_in_another_order_give_the_same_bytes(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let world = world(&entropy);
        let mut shuffled = files(&world);
        shuffled.reverse();
        let (one, other) = (catalog(files(&world)), catalog(shuffled));
        let ask = |catalog| format!("{:?}", ask(product(catalog), &world, Preference::Recommended, false));
        prop_assert_eq!(ask(&one), ask(&other));
    }

    #[test]
    fn planning_again_after_success_is_empty(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let mut world = world(&entropy);
        let catalog = catalog(files(&world));
        if let Ok(first) = ask(product(&catalog), &world, Preference::Recommended, false) {
            let run = first.steps.iter().flat_map(|step| &step.migrations).map(|name| number(name.as_str()));
            world.completed = Some(world.done().into_iter().chain(run).collect());
            world.from = world.to;
            let again = ask(product(&catalog), &world, Preference::Recommended, false).expect("there is nothing to do");
            prop_assert!(again.steps.is_empty(), "{:?}", again.steps);
        }
    }

    /// Each fact of a refusal is needed, together they are enough, and no fix is promised that does not work.
    #[test]
    fn a_refusal_tells_the_truth(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let world = world(&entropy);
        let catalog = catalog(files(&world));
        if let Err(refusal) = ask(product(&catalog), &world, Preference::Recommended, false) {
            prop_assert!(!refusal.reasons.is_empty());
            for reason in &refusal.reasons {
                let place = reason.place.as_ref().expect("every fact of a random catalogue stands in a file");
                prop_assert!(place.line > 0);
            }
            for fix in refusal.fixes.iter().filter_map(|fix| fix.split("--to ").nth(1)) {
                let to = fix.trim().split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a version");
                let detour = World { to, ..world.clone() };
                prop_assert!(detour.brute_force(Preference::Fewest).is_some(), "{} {:?}", fix, world);
            }
        }
    }

    /// The rule on gates finds exactly those releases from which brute force cannot reach some other one.
    #[test]
    fn unreachable_releases_are_those_without_a_plan(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let world = World { completed: None, ..world(&entropy) };
        let catalog = catalog(files(&world));
        let found: BTreeSet<Version> = unreachable(product(&catalog)).into_iter().flat_map(|gate| gate.from).collect();
        let last = world.releases.len() - 1;
        let stuck = |from: usize| {
            let to = (from + 1..=last).filter(|to| !world.releases[*to].1);
            to.into_iter().any(|to| World { from, to, ..world.clone() }.brute_force(Preference::Fewest).is_none())
        };
        let expected: BTreeSet<Version> = (0..=last).filter(|from| stuck(*from)).map(version).collect();
        prop_assert_eq!(found, expected, "{:?}", world);
    }
}
