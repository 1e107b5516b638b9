//! The planner against brute force: random small catalogues, every path and every placement tried.

mod refusal;
mod world;

use std::collections::BTreeSet;

use orchestrate::manifest::{SourceFile, load};
use orchestrate::model::{Catalog, MigrationName, PartialVersion, Product, Version};
use orchestrate::plan::{Known, NoPlan, Plan, Preference, Question, gate, plan, settle, unreachable};
use proptest::prelude::*;

use world::{Answer, World, files, world};

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
        observed: None,
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

    /// The gate is closed by exactly those migrations that brute force finds, and along any plan it is open before each deploy.
    #[test]
    fn the_gate_is_open_along_a_plan_and_closed_off_it(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let world = World { completed: None, ..world(&entropy) };
        let catalog = catalog(files(&world));
        let product = product(&catalog);
        let mut done = world.done();
        let closed_by = |to: usize, running: usize, done: &BTreeSet<usize>| {
            let complete = done.iter().map(|index| MigrationName::new(format!("m{index}"))).collect();
            let known = Known { running: Some(version(running)), complete, unfinished: BTreeSet::new() };
            let incomplete = gate(product, &version(to), &known).incomplete;
            incomplete.iter().map(|migration| number(migration.name.as_str())).collect::<BTreeSet<usize>>()
        };
        for to in 0..world.releases.len() {
            let gated = (0..world.migrations.len()).filter(|index| world.is_gated(&world.migrations[*index], to));
            let expected = gated.filter(|index| !done.contains(index)).collect();
            prop_assert_eq!(closed_by(to, world.from, &BTreeSet::new()), expected, "{} {:?}", to, world);
        }
        let Ok(plan) = ask(product, &world, Preference::Recommended, false) else { return Ok(()) };
        let mut at = world.from;
        for step in &plan.steps {
            let to = usize::try_from(step.release.app.numbers()[1]).expect("a small number");
            prop_assert_eq!(closed_by(to, at, &done), BTreeSet::new(), "step {} {:?}", step.number, world);
            done.extend(step.migrations.iter().map(|name| number(name.as_str())));
            at = to;
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
