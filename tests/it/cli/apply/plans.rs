//! Which plan is walked: that of a file, one that is made now, or that of an upgrade that is not over.

use super::walked;
use crate::support::bakery::ALL;
use crate::support::{Bakery, assert_whole};

const NOTES: [&str; 3] = ["--yes", "--acknowledge=make-a-backup", "--acknowledge=taste-the-bread"];

fn with<'a>(first: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(NOTES).collect()
}

#[test]
fn the_plan_of_a_file_is_walked_and_gone_on_with() {
    for offline in [false, true] {
        let bakery = Bakery::new();
        let mut arguments = vec!["plan", "--to", "1.2", "--out", "plan.json"];
        arguments.extend(offline.then_some(["--from", "1.0"]).into_iter().flatten());
        bakery.exits(0, &arguments);
        bakery.exits(0, &["apply", "plan.json", "--yes", "--until", "1"]);
        bakery.exits(0, &with(&["apply", "plan.json"]));
        bakery.assert_walked();
        let again = bakery.exits(0, &with(&["apply", "plan.json"]));
        assert_eq!(again.stdout, "nothing to do: Bakery is at 1.2.0\n");
    }
}

#[test]
fn a_plan_whose_world_moved_is_refused_with_what_moved() {
    let bakery = Bakery::new();
    bakery.exits(0, &["plan", "--to", "1.2", "--out", "plan.json"]);
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.edit("manifests/bakery/0003_labels.yaml", "'label in '", "'price tag in '");
    assert_whole!("stale", bakery.run(&with(&["apply", "plan.json"])).whole());
    assert_eq!(bakery.effects().len(), 0);
}

#[test]
fn what_is_no_plan_is_refused() {
    let bakery = Bakery::new();
    bakery.project.write("letter.json", "{\"dear\": \"ann\"}");
    assert_whole!("no_plan_in_file", bakery.run(&with(&["apply", "letter.json"])).whole());
    assert_eq!(bakery.run(&with(&["apply", "nothing.json"])).code, 2);
    assert_whole!("no_release", bakery.run(&with(&["apply", "--to", "1.7"])).whole());
    assert_whole!("no_way", bakery.run(&with(&["apply", "--to", "1.0", "--until", "9"])).whole());
    bakery.sql("UPDATE installation SET value = '1.2.0' WHERE name = 'version'");
    assert_whole!("downgrade", bakery.run(&with(&["apply", "--to", "1.1"])).whole());
}

#[test]
fn it_goes_as_far_as_it_is_asked_to() {
    let bakery = Bakery::new();
    assert_whole!("until", walked(&bakery.run(&["apply", "--to", "1.2", "--yes", "--until", "1"])));
    assert_eq!(bakery.version(), "1.0.0");
    bakery.exits(0, &["apply", "--yes", "--until", "2", "--acknowledge", "make-a-backup"]);
    assert_eq!((bakery.version().as_str(), bakery.status()["upgrade"]["steps_done"].as_u64()), ("1.1.0", Some(2)));
    assert_whole!("no_such_step", bakery.run(&["apply", "--yes", "--until", "4"]).whole());
    assert_whole!("gone_on", bakery.run(&ALL).whole());
    bakery.assert_walked();
}

#[test]
fn another_way_than_that_of_an_open_upgrade_needs_a_word() {
    let bakery = Bakery::new();
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    assert_whole!("other_goal", bakery.run(&["apply", "--to", "1.1", "--yes"]).whole());
    bakery.exits(0, &["apply", "--to", "1.1", "--yes", "--anew", "--acknowledge", "make-a-backup"]);
    assert_eq!((bakery.version().as_str(), bakery.deployed()), ("1.1.0", vec!["1.1.0".to_owned()]));
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--acknowledge", "taste-the-bread"]);
    bakery.assert_walked();
}

#[test]
fn a_manifest_that_is_mended_in_the_middle_does_not_stop_it() {
    let bakery = Bakery::new();
    bakery.edit("manifests/bakery/0003_labels.yaml", "SELECT count(*) FROM trouble", "SELECT 1");
    bakery.exits(8, &ALL);
    bakery.edit("manifests/bakery/0003_labels.yaml", "SELECT 1", "SELECT 0");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn without_a_platform_nothing_can_be_walked() {
    let bakery = Bakery::new();
    bakery.edit("orchestrate.yaml", "    platform: oven\n", "");
    assert_whole!("no_platform", bakery.run(&ALL).whole());
}

#[test]
fn what_is_taken_as_complete_is_no_dependency_that_is_missing() {
    let bakery = Bakery::new();
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(
        0,
        &with(&["apply", "--to", "1.2"][..]).into_iter().filter(|word| !word.contains("backup")).collect::<Vec<_>>(),
    );
    assert_eq!(bakery.version(), "1.2.0");
    assert!(bakery.effects().iter().any(|effect| effect == "second price"));
}
