//! Walks of an upgrade: from its first stage to its end, with rests between.

use std::collections::BTreeMap;

use orchestrate::run::{Deployment, Rest, Stage, Status, UpgradeEvent};

use super::{World, achieved, at, confirm, shop};

/// What happened, an event a line, without the plan.
fn told(world: &World) -> String {
    let line = |(_, event): &(_, UpgradeEvent)| serde_json::to_string(event).expect("events are JSON");
    world.journal.iter().skip(1).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_stage_of_every_step_in_its_order() {
    let mut world = World::new();
    assert_eq!(world.go(9, true), Ok(Stage::Over));
    assert_eq!(world.upgrade().status, Status::Completed);
    insta::assert_snapshot!("whole", told(&world));
}

#[test]
fn notes_have_names_of_their_own() {
    let names: Vec<String> = shop().steps.iter().flat_map(|step| &step.notes).map(|note| note.name.clone()).collect();
    assert_eq!(names, ["make-a-backup", "the-shop-closes", "make-a-backup-2", "look-at-it-is-it-well"]);
}

#[test]
fn it_rests_before_a_note_that_nobody_confirmed() {
    let mut world = World::new();
    let notes = vec!["make-a-backup".to_owned()];
    assert_eq!(world.go(9, false), Ok(Stage::Acknowledge { step: 2, notes }));
    assert_eq!(world.version, "1.0.0", "nothing is deployed before");
    assert_eq!(world.upgrade().status, Status::NeedsAttention);
    // Nobody confirms anything while it rests, what is no note of the step, or what needs no word.
    world.refused(confirm(2, "make-a-backup"));
    world.take_up();
    for (step, note) in [(2, "make-a-backup-2"), (2, "the-shop-closes"), (7, "make-a-backup"), (0, "make-a-backup")] {
        world.refused(confirm(step, note));
    }
    world.note(confirm(2, "make-a-backup")).expect("it lives");
    world.refused(confirm(2, "make-a-backup"));
    // A note of a later step can be confirmed ahead.
    world.note(confirm(3, "make-a-backup-2")).expect("it lives");
    let after = vec!["look-at-it-is-it-well".to_owned()];
    assert_eq!(world.go(9, false), Ok(Stage::Acknowledge { step: 3, notes: after }));
    assert_eq!(world.version, "1.2.0");
    let by = &world.upgrade().steps[1].acknowledged["make-a-backup"].by;
    assert_eq!(by, "ann");
}

#[test]
fn it_goes_as_far_as_it_was_asked_to() {
    let mut world = World::new();
    for step in 1..=3 {
        assert_ne!(world.go(step, true), Err(super::Died));
        let upgrade = world.upgrade();
        assert_eq!(upgrade.steps_done(), step);
        if step < 3 {
            assert_eq!((upgrade.status, upgrade.rest.clone()), (Status::Stopped, Some(Rest::Until { step })));
            world.take_up();
        }
    }
    let mut undisturbed = World::new();
    undisturbed.go(9, true).expect("it lives");
    assert_eq!(achieved(&world.journal), achieved(&undisturbed.journal));
}

#[test]
fn a_deploy_that_changed_nothing_is_done_again_when_somebody_asks_for_it() {
    let mut world = World { lies: 1, ..World::new() };
    assert_eq!(world.go(9, true), Ok(Stage::Prove { step: 2 }));
    let upgrade = world.upgrade();
    assert_eq!((upgrade.status, &upgrade.steps[1].deployment), (Status::NeedsAttention, &Deployment::Open));
    assert!(!world.migrated.contains_key("0002_b"), "nothing runs on an unproved release");
    world.take_up();
    assert_eq!(world.go(9, true), Ok(Stage::Over));
    assert_eq!(world.deploys["1.1.0"].len(), 2);

    // Where a person brought the release up meanwhile, nothing is deployed.
    let mut world = World { lies: 1, ..World::new() };
    world.go(9, true).expect("it lives");
    world.version = "1.1.0".to_owned();
    world.take_up();
    assert_eq!(world.go(9, true), Ok(Stage::Over));
    assert_eq!(world.deploys["1.1.0"].len(), 1);
}

#[test]
fn what_may_have_changed_while_nobody_looked_is_asked_again() {
    let mut world = World::new();
    world.go(1, true).expect("it lives");
    world.take_up();
    while world.upgrade().steps[1].version.is_none() {
        world.life = Some(1);
        assert!(world.go(9, true).is_err());
    }
    world.take_up();
    assert_eq!(world.upgrade().stage(), Stage::Prove { step: 2 });
    world.version = "1.0.0".to_owned();
    assert_eq!(world.go(9, true), Ok(Stage::Prove { step: 2 }), "somebody took the release back");
}

#[test]
fn a_migration_that_was_taken_back_is_run_again_and_those_after_it_are_looked_at() {
    let mut world = World::new();
    world.go(1, true).expect("it lives");
    world.take_up();
    while world.upgrade().steps[1].migrated.len() < 2 {
        world.life = Some(1);
        assert!(world.go(9, true).is_err());
    }
    world.take_up();
    let reopened =
        |migration: &str, status: Status| UpgradeEvent::Reopened { step: 2, migration: migration.to_owned(), status };
    let first = world.upgrade().plan.steps[1].migrations[0].clone();
    world.refused(reopened(&first, Status::Completed));
    world.refused(reopened("0001_a", Status::RolledBack));
    world.note(reopened(&first, Status::RolledBack)).expect("it lives");
    assert_eq!(world.upgrade().steps[1].migrated.len(), 0);
    assert_eq!(world.go(9, true), Ok(Stage::Over));
    let again = achieved(&world.journal).into_iter().filter(|told| *told == format!("2: {first}")).count();
    assert_eq!(again, 2);
}

#[test]
fn what_was_given_up_is_over() {
    let mut world = World::new();
    world.go(1, true).expect("it lives");
    world.note(UpgradeEvent::GivenUp { by: "bob".to_owned() }).expect("it lives");
    let upgrade = world.upgrade();
    assert!(upgrade.is_over() && upgrade.is_given_up() && upgrade.stage() == Stage::Over);
    world.refused(UpgradeEvent::Resumed { by: "ann".to_owned(), parameters: BTreeMap::new() });
    world.refused(UpgradeEvent::GivenUp { by: "ann".to_owned() });
}

#[test]
fn parameters_that_are_given_later_go_over_those_from_before() {
    let given = |value: u32| {
        let values = BTreeMap::from([("COUNT".to_owned(), value.to_string())]);
        BTreeMap::from([("0002_b".to_owned(), values)])
    };
    let mut world = World::new();
    world.go(1, true).expect("it lives");
    for count in [1, 2] {
        if count > 1 {
            let because = Rest::Stopped { by: "ann".to_owned() };
            world.note(UpgradeEvent::Rested { because }).expect("it lives");
        }
        world.note(UpgradeEvent::Resumed { by: "ann".to_owned(), parameters: given(count) }).expect("it lives");
    }
    assert_eq!(world.upgrade().parameters, given(2));
}

#[test]
fn an_upgrade_begins_with_its_plan() {
    let first = UpgradeEvent::Completed;
    assert!(orchestrate::run::Upgrade::begin(first, at(0)).is_err());
    World::new().refused(super::started());
}
