//! A process that dies at any event or effect of an upgrade, and events in any order.

use std::collections::{BTreeMap, BTreeSet};

use orchestrate::run::{Closed, Rest, Status, Upgrade, UpgradeEvent};
use proptest::prelude::*;

use super::{World, achieved, at, confirm, started};

/// Every moment at which a process can die, and what another one makes of it.
#[test]
fn a_process_that_dies_anywhere_changes_nothing_about_the_end() {
    let mut undisturbed = World::new();
    undisturbed.go(9, true).expect("it lives");
    let expected = achieved(&undisturbed.journal);
    let mut deaths = 0;
    for first in 0.. {
        let mut world = World { life: Some(first), ..World::new() };
        if world.go(9, true).is_ok() {
            break;
        }
        for second in 0..6 {
            let mut world = world.clone();
            world.take_up();
            world.life = Some(second);
            if world.go(9, true).is_err() {
                world.take_up();
                world.go(9, true).expect("it lives");
            }
            assert_eq!(achieved(&world.journal), expected, "{:#?}", world.journal);
            assert!(world.migrated.values().all(|count| *count == 1), "{:?}", world.migrated);
            assert!(world.deploys.values().all(|runs| runs.len() == 1), "{:?}", world.deploys);
            deaths += 1;
        }
    }
    assert!(deaths > 100, "{deaths}");
}

/// Each prefix of a journal is one that a crash leaves.
#[test]
fn every_prefix_of_a_journal_leads_to_the_same_end() {
    let mut undisturbed = World::new();
    undisturbed.go(9, true).expect("it lives");
    for length in 1..undisturbed.journal.len() {
        let mut world = World::of(&undisturbed.journal[..length]);
        world.take_up();
        world.go(9, true).expect("it lives");
        assert_eq!(achieved(&world.journal), achieved(&undisturbed.journal));
    }
}

/// One event of every kind for every step, as far as they can be told apart.
fn events() -> Vec<UpgradeEvent> {
    let run = || "run".to_owned();
    let mut events = vec![
        started(),
        UpgradeEvent::Taken { owner: "process 2".to_owned() },
        UpgradeEvent::Resumed { by: "bob".to_owned(), parameters: BTreeMap::new() },
        UpgradeEvent::Completed,
        UpgradeEvent::GivenUp { by: "bob".to_owned() },
        UpgradeEvent::Rested { because: Rest::Stopped { by: "bob".to_owned() } },
    ];
    for step in 0..=4 {
        events.extend([
            UpgradeEvent::Opened { step },
            UpgradeEvent::Deploying { step, after: None },
            UpgradeEvent::Deployed { step, run: None },
            UpgradeEvent::Deployed { step, run: Some(run()) },
            UpgradeEvent::Proved { step, version: "1.0.0".to_owned() },
            UpgradeEvent::StepDone { step },
            UpgradeEvent::Rested { because: Rest::Version { step, because: "another runs".to_owned() } },
        ]);
        for note in ["make-a-backup", "make-a-backup-2", "look-at-it-is-it-well", "nothing"] {
            events.push(confirm(step, note));
        }
        for migration in ["0001_a", "0002_b", "0003_c", "0004_d"] {
            for status in [Status::Completed, Status::RolledBack] {
                events.push(UpgradeEvent::Migrated { step, migration: migration.to_owned(), run: run(), status });
                events.push(UpgradeEvent::Reopened { step, migration: migration.to_owned(), status });
            }
        }
    }
    events
}

/// What must have happened before a step, or before the end, whatever the order in which events were tried.
fn assert_sound(upgrade: &Upgrade) {
    let mut before_done = true;
    for (step, state) in upgrade.plan.steps.iter().zip(&upgrade.steps) {
        let has_begun = !state.migrated.is_empty() || state.version.is_some() || state.done_at.is_some();
        assert!(before_done || !has_begun, "step {} began before its turn", step.number);
        let migrated: BTreeSet<&String> = state.migrated.keys().collect();
        let planned: BTreeSet<&String> = step.migrations.iter().take(migrated.len()).collect();
        assert_eq!(migrated, planned, "in the plan's order");
        if state.done_at.is_some() {
            assert_eq!(migrated.len(), step.migrations.len());
            assert!(step.notes.iter().all(|note| !note.acknowledge || state.acknowledged.contains_key(&note.name)));
        }
        before_done = state.done_at.is_some();
    }
    assert!(upgrade.status != Status::Completed || before_done);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn events_in_any_order_are_followed_or_refused(picks in prop::collection::vec(any::<prop::sample::Index>(), 1..400)) {
        let events = events();
        let mut upgrade = Upgrade::begin(started(), at(0)).expect("it begins");
        for (number, pick) in (1..).zip(&picks) {
            let before = upgrade.clone();
            let event = pick.get(&events).clone();
            // Giving up would end most of the walks at once.
            if matches!(event, UpgradeEvent::GivenUp { .. }) && number < 300 {
                continue;
            }
            match upgrade.apply(event, at(number)) {
                Ok(()) => assert_sound(&upgrade),
                Err(_) => prop_assert_eq!(&upgrade, &before),
            }
        }
    }
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let closed =
        Closed { migration: "0001_a".to_owned(), until: "1.0.9".to_owned(), status: Status::RolledBack, because: None };
    let rests = [
        Rest::Acknowledgement { step: 2, notes: vec!["make-a-backup".to_owned()] },
        Rest::Gate { step: 2, closed: vec![closed] },
        Rest::Deploy {
            step: 2,
            name: "deploy/1.1.0".to_owned(),
            run: "run".to_owned(),
            status: Status::NeedsAttention,
            is_manual: true,
            because: "it asks".to_owned(),
        },
        Rest::Migration {
            step: 2,
            migration: "0002_b".to_owned(),
            run: "run".to_owned(),
            status: Status::RolledBack,
            is_manual: false,
            because: "it failed".to_owned(),
        },
        Rest::Stale { step: 2, because: "another runs".to_owned() },
        Rest::Refused { step: 2, because: "no file has it".to_owned() },
        Rest::Until { step: 2 },
    ];
    let rests = rests.into_iter().map(|because| UpgradeEvent::Rested { because });
    let lines: Vec<String> = events()
        .into_iter()
        .chain(rests)
        .map(|event| {
            let line = serde_json::to_string(&event).expect("events are JSON");
            assert_eq!(serde_json::from_str::<UpgradeEvent>(&line).expect("it can be read"), event);
            line
        })
        .collect();
    assert!(lines.len() > 70);
}
