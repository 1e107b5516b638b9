//! Where an upgrade rests: what it says, how it exits, and that the same command finishes once the cause is gone.

use serde_json::Value;

use super::walked;
use crate::support::bakery::ALL;
use crate::support::{Bakery, assert_whole};

#[test]
fn a_migration_that_fails_is_rolled_back_and_the_next_step_is_not_begun() {
    let bakery = Bakery::new();
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    assert_whole!("migration_failed", walked(&bakery.run(&ALL)));
    assert_eq!((bakery.version().as_str(), bakery.deployed()), ("1.1.0", vec!["1.1.0".to_owned()]));
    assert!(!bakery.effects().iter().any(|effect| effect.starts_with("label")), "it was taken back");
    bakery.exits(8, &ALL);
    bakery.sql("DELETE FROM trouble");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn a_migration_that_stands_where_it_failed_is_a_persons() {
    let bakery = Bakery::new();
    bakery.exits(0, &["settings", "set", "auto_rollback", "false"]);
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    assert_whole!("migration_errored", walked(&bakery.run(&ALL)));
    bakery.exits(9, &ALL);
    bakery.sql("DELETE FROM trouble");
    bakery.exits(9, &["apply", "--yes"]);
    bakery.exits(0, &["retry", "0003_labels"]);
    bakery.exits(0, &["apply", "--yes"]);
    bakery.assert_walked();
}

#[test]
fn a_person_does_what_only_a_person_can() {
    let bakery = Bakery::new();
    bakery.edit(
        "manifests/bakery/0003_labels.yaml",
        "operations:\n",
        "operations:\n  - {name: look, manual: {ask: Is there paper?}}\n",
    );
    assert_whole!("manual", walked(&bakery.run(&ALL)));
    bakery.exits(0, &["resolve", "0003_labels", "look", "done", "--reason", "a roll of it"]);
    bakery.exits(0, &["apply", "--yes"]);
    bakery.assert_walked();
}

#[test]
fn a_deploy_that_fails_is_tried_again_by_the_same_command() {
    let bakery = Bakery::new();
    bakery.sql("INSERT INTO broken VALUES ('the door')");
    assert_whole!("deploy_failed", walked(&bakery.run(&ALL)));
    assert_eq!((bakery.version().as_str(), bakery.deployed().len()), ("1.0.0", 0));
    bakery.sql("DELETE FROM broken");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn a_deploy_that_stands_where_it_failed_is_tried_again_too() {
    let bakery = Bakery::new();
    bakery.exits(0, &["settings", "set", "auto_rollback", "false"]);
    bakery.sql("INSERT INTO broken VALUES ('the door')");
    assert_whole!("deploy_errored", walked(&bakery.run(&ALL)));
    bakery.exits(9, &ALL);
    bakery.sql("DELETE FROM broken");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn a_release_that_does_not_run_is_deployed_and_no_more() {
    let bakery = Bakery::new();
    bakery.exits(0, &["settings", "set", "proof_timeout", "1s"]);
    bakery.sql("INSERT INTO cold VALUES ('the oven')");
    assert_whole!("version_not_proved", walked(&bakery.run(&ALL)));
    assert!(!bakery.effects().iter().any(|effect| effect.ends_with("price")), "nothing runs on what is not proved");
    bakery.sql("DELETE FROM cold");
    bakery.exits(0, &ALL);
    assert_eq!(bakery.deployed(), ["1.1.0", "1.1.0", "1.2.0"], "it is deployed anew");
}

#[test]
fn a_version_that_comes_late_is_waited_for() {
    let bakery = Bakery::new();
    bakery.sql("INSERT INTO cold VALUES ('the oven')");
    let walking = bakery.spawn(&ALL);
    bakery.until(|status| status["upgrade"]["steps"][1]["deployed_by"] != Value::Null);
    bakery.sql("DELETE FROM cold; UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    let outcome = walking.end();
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    bakery.assert_walked();
}

#[test]
fn a_gate_that_closed_meanwhile_is_told_before_anything_is_deployed() {
    let bakery = Bakery::new();
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    bakery.exits(0, &["rollback", "0001_loaves"]);
    assert_whole!("gate", walked(&bakery.run(&ALL)));
    assert_eq!((bakery.version().as_str(), bakery.deployed().len()), ("1.0.0", 0));
    bakery.exits(0, &["start", "0001_loaves"]);
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn a_migration_that_may_not_begin_is_told_with_its_checks() {
    let bakery = Bakery::new();
    let precheck = "precheck:\n  - {target: main, sql: SELECT count(*) FROM trouble, expect: '= 0', message: mice}\n";
    bakery.edit("manifests/bakery/0002_prices.yaml", "operations:\n", &format!("{precheck}operations:\n"));
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    assert_whole!("migration_blocked", walked(&bakery.run(&ALL)));
    bakery.sql("DELETE FROM trouble");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn whatever_can_be_found_wrong_before_is_told_at_once_and_nothing_is_done() {
    let bakery = Bakery::new();
    bakery.edit(
        "manifests/bakery/0003_labels.yaml",
        "COLOUR: {type: string, default: white}",
        "COLOUR: {type: string}",
    );
    bakery.edit("manifests/bakery/0002_prices.yaml", "'second price'", "{{ vars.second }}");
    bakery.edit("templates/platforms/oven.yaml", "({{ step.app }})", "({{ vars.oven }} || {{ step.app }})");
    assert_whole!("not_ready", bakery.run(&ALL).whole());
    assert_eq!((bakery.version().as_str(), bakery.effects().len()), ("1.0.0", 0));
    assert_eq!(bakery.status()["upgrade"], Value::Null);
}

#[test]
fn parameters_are_given_to_migrations_and_kept() {
    let bakery = Bakery::new();
    bakery.edit(
        "manifests/bakery/0003_labels.yaml",
        "COLOUR: {type: string, default: white}",
        "COLOUR: {type: string}",
    );
    let colour = "--set=0003_labels.COLOUR=white";
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", colour, "--until", "1"]);
    bakery.exits(0, &ALL);
    bakery.assert_walked();
    let unknown = |set: &str| bakery.run(&["apply", "--to", "1.2", "--anew", "--yes", set]).code;
    assert_eq!((unknown("--set=COLOUR=white"), unknown("--set=0003.COLOUR")), (2, 2));
}
