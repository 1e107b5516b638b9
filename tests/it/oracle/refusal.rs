//! Refusals against brute force: their facts rule the plan out alone, none can be left out, and no smaller set does it.

use std::collections::BTreeSet;

use orchestrate::plan::{Preference, Reason};
use proptest::prelude::*;

use super::world::{Migration, World, files, world};
use super::{ask, catalog, product};

/// One statement of a random product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    Min(usize),
    Max(usize),
    Dependency(usize, usize),
    Service(usize),
    Blocked(usize),
    Required(usize),
    Withdrawn(usize),
}

fn facts(world: &World) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (index, migration) in world.migrations.iter().enumerate() {
        facts.extend(migration.min.map(|_| Fact::Min(index)));
        facts.extend(migration.max.map(|_| Fact::Max(index)));
        facts.extend(migration.depends_on.iter().map(|before| Fact::Dependency(index, *before)));
        facts.extend(migration.needs.map(|_| Fact::Service(index)));
    }
    facts.extend((0..world.blocked.len()).map(Fact::Blocked));
    facts.extend(world.required.iter().map(|stop| Fact::Required(*stop)));
    facts.extend((0..world.releases.len()).filter(|release| world.releases[*release].1).map(Fact::Withdrawn));
    facts
}

/// Whether there is no plan where only these facts hold; what is complete stays as it is.
fn is_ruled_out(world: &World, facts: &BTreeSet<Fact>) -> bool {
    let holds = |fact| facts.contains(&fact);
    let migration = |(index, migration): (usize, &Migration)| Migration {
        min: migration.min.filter(|_| holds(Fact::Min(index))),
        max: migration.max.filter(|_| holds(Fact::Max(index))),
        depends_on: migration
            .depends_on
            .iter()
            .copied()
            .filter(|before| holds(Fact::Dependency(index, *before)))
            .collect(),
        needs: migration.needs.filter(|_| holds(Fact::Service(index))),
        recommended: None,
    };
    let release =
        |(index, release): (usize, &(Option<u64>, bool))| (release.0, release.1 && holds(Fact::Withdrawn(index)));
    let blocked = world.blocked.iter().enumerate().filter(|(index, _)| holds(Fact::Blocked(*index)));
    let bare = World {
        releases: world.releases.iter().enumerate().map(release).collect(),
        migrations: world.migrations.iter().enumerate().map(migration).collect(),
        required: world.required.iter().copied().filter(|stop| holds(Fact::Required(*stop))).collect(),
        blocked: blocked.map(|(_, blocked)| *blocked).collect(),
        completed: Some(world.done()),
        ..world.clone()
    };
    bare.brute_force(Preference::Fewest).is_none()
}

/// The fact that a reason tells, by its words and its line.
fn told(world: &World, reason: &Reason) -> Fact {
    let words: Vec<&str> = reason.text.split([' ', ';', ',']).collect();
    let index = |name: &str| name.trim_start_matches('m').parse::<usize>().expect("a migration's number");
    let minor = |version: &str| version.split('.').nth(1).and_then(|minor| minor.parse().ok()).expect("a version");
    match words.as_slice() {
        ["moves", ..] => {
            let place = reason.place.as_ref().expect("a block stands in a file");
            let path = files(world).into_iter().find(|file| file.path == place.file).expect("the file is there");
            let text = String::from_utf8(path.bytes).expect("the file is text");
            let section = text.lines().position(|line| line == "blocked:").expect("there is such a section");
            Fact::Blocked(place.line as usize - section - 2)
        }
        [version, "is", "a", "required", ..] => Fact::Required(minor(version)),
        [version, "was", "withdrawn:", ..] => Fact::Withdrawn(minor(version)),
        [name, "can", "run", "from", ..] => Fact::Min(index(name)),
        [name, "can", "run", "only", "when", before, ..] => Fact::Dependency(index(name), index(before)),
        [name, "can", "run", "up", ..] | [name, "is", "not", "complete", ..] => Fact::Max(index(name)),
        [name, "needs", ..] => Fact::Service(index(name)),
        _ => panic!("an unknown reason: {}", reason.text),
    }
}

/// Whether any set of `size` facts rules the plan out.
fn some_smaller(world: &World, all: &[Fact], size: usize, chosen: &mut BTreeSet<Fact>) -> bool {
    if size == 0 {
        return is_ruled_out(world, chosen);
    }
    (0..all.len()).any(|first| {
        chosen.insert(all[first].clone());
        let found = some_smaller(world, &all[first + 1..], size - 1, chosen);
        chosen.remove(&all[first]);
        found
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_refusal_is_a_smallest_set_of_facts(entropy in prop::collection::vec(any::<u32>(), 90)) {
        let world = world(&entropy);
        let catalog = catalog(files(&world));
        if let Err(refusal) = ask(product(&catalog), &world, Preference::Recommended, false) {
            let core: BTreeSet<Fact> = refusal.reasons.iter().map(|reason| told(&world, reason)).collect();
            prop_assert_eq!(core.len(), refusal.reasons.len(), "a fact is told twice: {:?}", refusal.reasons);
            prop_assert!(is_ruled_out(&world, &core), "{:?} is not enough: {:?}", core, world);
            for fact in &core {
                let rest: BTreeSet<Fact> = core.iter().filter(|other| *other != fact).cloned().collect();
                prop_assert!(!is_ruled_out(&world, &rest), "{:?} is not needed: {:?}", fact, world);
            }
            if (1..=3).contains(&core.len()) {
                let smaller = some_smaller(&world, &facts(&world), core.len() - 1, &mut BTreeSet::new());
                prop_assert!(!smaller, "{:?} is not the smallest: {:?}", core, world);
            }
        }
    }
}
