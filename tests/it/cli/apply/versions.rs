//! Which version runs decides whether a step may be deployed, and the gate is asked whenever a deploy begins.

use serde_json::Value;

use super::walked;
use crate::support::bakery::ALL;
use crate::support::{Bakery, assert_whole};

/// One whose first step is done.
fn begun() -> Bakery {
    let bakery = Bakery::new();
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    bakery
}

#[test]
fn nothing_is_deployed_over_a_version_that_the_step_does_not_begin_at() {
    let bakery = begun();
    for version in [
        "UPDATE installation SET value = '0.9.0' WHERE name = 'version'",
        "UPDATE installation SET value = '1.2.0' WHERE name = 'version'",
    ] {
        bakery.sql(version);
        bakery.exits(6, &ALL);
        assert_eq!(bakery.deployed().len(), 0);
    }
    assert_whole!("stale_on_the_way", walked(&bakery.run(&ALL)));
    assert_eq!(bakery.status()["upgrade"]["rest"]["kind"], "stale");
    bakery.sql("UPDATE installation SET value = '1.0.0' WHERE name = 'version'");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

/// A deploy that stands where it failed is gone on with only where nobody deployed another release meanwhile.
#[test]
fn a_deploy_is_not_gone_on_with_over_another_version() {
    let bakery = begun();
    bakery.exits(0, &["settings", "set", "auto_rollback", "false"]);
    bakery.sql("INSERT INTO broken VALUES ('the door')");
    bakery.exits(9, &ALL);
    bakery.sql("DELETE FROM broken; UPDATE installation SET value = '1.2.0' WHERE name = 'version'");
    bakery.exits(6, &ALL);
    assert_eq!(bakery.version(), "1.2.0");
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn nothing_is_deployed_while_nobody_can_tell_which_version_runs() {
    let bakery = begun();
    bakery.exits(0, &["settings", "set", "proof_timeout", "1s"]);
    bakery.sql("UPDATE installation SET value = 'nobody knows' WHERE name = 'version'");
    assert_whole!("version_unknown", walked(&bakery.run(&ALL)));
    assert_eq!(bakery.deployed().len(), 0);
    bakery.sql("UPDATE installation SET value = '1.0.0' WHERE name = 'version'");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

/// What the first attempt left behind tells no version; the second one mends it.
#[test]
fn a_release_that_came_up_broken_is_deployed_again() {
    let bakery = begun();
    bakery.exits(0, &["settings", "set", "proof_timeout", "1s"]);
    bakery.sql("INSERT INTO cold VALUES ('the oven'); UPDATE installation SET value = '1.0.0' WHERE name = 'version'");
    bakery.exits(9, &ALL);
    bakery.sql("DELETE FROM cold; UPDATE installation SET value = 'half of it' WHERE name = 'version'");
    bakery.exits(0, &ALL);
    assert_eq!(bakery.deployed(), ["1.1.0", "1.1.0", "1.2.0"]);
}

#[test]
fn the_gate_is_asked_again_after_a_deploy_that_was_rolled_back() {
    let bakery = begun();
    bakery.sql("INSERT INTO broken VALUES ('the door')");
    bakery.exits(8, &ALL);
    bakery.sql("DELETE FROM broken");
    bakery.exits(0, &["rollback", "0001_loaves"]);
    assert_whole!("gate_after_rollback", walked(&bakery.run(&ALL)));
    assert_eq!((bakery.version().as_str(), bakery.deployed().len()), ("1.0.0", 0));
    bakery.exits(0, &["start", "0001_loaves"]);
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

/// The last event of the upgrade.
fn last(bakery: &Bakery) -> Value {
    let journal = bakery.exits(0, &["journal", "upgrade", "--format", "json"]).stdout;
    serde_json::from_str(journal.lines().last().expect("an event")).expect("a line is JSON")
}

#[test]
fn the_gate_is_asked_again_after_a_death_before_the_deploy_began() {
    for record in 1..20 {
        let bakery = begun();
        let mut command = bakery.command(&ALL);
        command.env("ORCHESTRATE_FAULT", format!("after-record:{record}")).env("ORCHESTRATE_LEASE", "100ms");
        command.output().expect("the program can be started");
        if last(&bakery)["event"] != "deploying" {
            continue;
        }
        bakery.exits(0, &["rollback", "0001_loaves"]);
        bakery.exits(5, &ALL);
        assert_eq!((bakery.version().as_str(), bakery.deployed().len()), ("1.0.0", 0));
        bakery.exits(0, &["start", "0001_loaves"]);
        bakery.exits(0, &ALL);
        return bakery.assert_walked();
    }
    panic!("no record is that of a deploy that is about to begin");
}

#[test]
fn a_version_in_other_words_is_the_same_version() {
    let bakery = Bakery::new();
    let other = "SET value = 'v' || {{ step.app }} || '+oven.7'";
    bakery.edit("templates/platforms/oven.yaml", "SET value = {{ step.app }}", other);
    bakery.exits(0, &ALL);
    assert_eq!((bakery.version().as_str(), bakery.deployed()), ("v1.2.0+oven.7", vec!["1.1.0".into(), "1.2.0".into()]));
    // What runs already is not deployed.
    let bakery = begun();
    bakery.sql("UPDATE installation SET value = 'v1.1.0+oven.7' WHERE name = 'version'");
    bakery.exits(0, &ALL);
    assert_eq!(bakery.deployed(), ["1.2.0"]);
}
