//! What a plan takes as complete without a run of it: how long that holds, and who else goes by it.

use super::walked;
use crate::support::bakery::ALL;
use crate::support::{Bakery, assert_whole};

const TASTED: [&str; 5] = ["apply", "--to", "1.2", "--yes", "--acknowledge=taste-the-bread"];

/// One that needs no loaves while there is no trouble.
fn without_loaves() -> Bakery {
    let bakery = Bakery::new();
    let required = "required: {target: main, sql: SELECT count(*) > 0 FROM trouble}\noperations:\n";
    bakery.edit("manifests/bakery/0001_loaves.yaml", "operations:\n", required);
    bakery
}

fn nobody_knows(bakery: &Bakery) {
    bakery.sql("UPDATE installation SET value = 'nobody knows' WHERE name = 'version'");
}

#[test]
fn what_was_not_required_is_asked_again_before_its_window_ends() {
    let bakery = without_loaves();
    bakery.exits(10, &["apply", "--to", "1.2", "--yes"]);
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    assert_whole!("required_by_now", walked(&bakery.run(&ALL)));
    assert_eq!(bakery.deployed().len(), 0);
    bakery.sql("ALTER TABLE trouble RENAME TO more_trouble");
    bakery.exits(5, &ALL);
    bakery.sql("ALTER TABLE more_trouble RENAME TO trouble");
    let anew = ["apply", "--to", "1.2", "--yes", "--anew", "--until", "1"];
    bakery.exits(0, &anew);
    assert_eq!(bakery.effects().len(), 20, "it is planned by now");
    bakery.sql("DELETE FROM trouble");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn what_is_still_not_required_keeps_no_gate_closed() {
    let bakery = without_loaves();
    bakery.exits(0, &ALL);
    assert_eq!((bakery.deployed().len(), bakery.effects().len()), (2, 3));
}

/// The version cannot be told while what runs is replaced; the gate goes by what the upgrade has found out.
#[test]
fn the_gate_knows_what_an_upgrade_takes_as_complete() {
    let bakery = Bakery::new();
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    nobody_knows(&bakery);
    bakery.exits(0, &["gate", "--to", "1.2"]);
    // What was begun since counts by its own run.
    bakery.exits(0, &["start", "0001_loaves", "--at", "1.0.0"]);
    bakery.exits(0, &["gate", "--to", "1.2"]);
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(0, &TASTED);
    nobody_knows(&bakery);
    bakery.exits(0, &["gate", "--to", "1.2"]);
}

#[test]
fn the_gate_goes_by_what_was_taken_back() {
    let bakery = Bakery::new();
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(10, &["apply", "--to", "1.2", "--yes"]);
    bakery.exits(0, &["gate", "--to", "1.1", "--at", "1.0.0"]);
    bakery.exits(0, &["rollback", "0003_labels"]);
    bakery.exits(0, &["rollback", "0002_prices"]);
    bakery.exits(0, &["start", "0001_loaves", "--at", "1.0.0"]);
    bakery.exits(0, &["rollback", "0001_loaves"]);
    bakery.exits(5, &["gate", "--to", "1.1", "--at", "1.0.0"]);
    // A later run that did nothing hides nothing.
    bakery.exits(5, &["start", "0001_loaves", "--at", "1.1.0"]);
    bakery.exits(5, &["gate", "--to", "1.1", "--at", "1.0.0"]);
    bakery.exits(5, &["start", "0002_prices", "--at", "1.1.0"]);
}

/// What was not required counts no further than the upgrade has gone: until then it may be required again.
#[test]
fn the_gate_knows_what_was_not_required_as_far_as_the_upgrade_went() {
    let bakery = without_loaves();
    bakery.exits(10, &["apply", "--to", "1.2", "--yes"]);
    bakery.exits(5, &["gate", "--to", "1.1", "--at", "1.0.0"]);
    bakery.exits(10, &["apply", "--yes", "--acknowledge=make-a-backup"]);
    nobody_knows(&bakery);
    bakery.exits(0, &["gate", "--to", "1.2"]);
}

#[test]
fn a_run_that_was_blocked_was_never_begun() {
    let bakery = Bakery::new();
    bakery.sql("UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(5, &["start", "0001_loaves"]);
    bakery.exits(0, &TASTED);
    assert_eq!(bakery.version(), "1.2.0");
}

#[test]
fn what_somebody_said_to_be_complete_is_so_on_the_whole_way() {
    let bakery = Bakery::new();
    bakery.exits(0, &["plan", "--to", "1.2", "--completed", "0001_loaves", "--out", "plan.json"]);
    bakery.exits(0, &["apply", "plan.json", "--yes", "--acknowledge=make-a-backup", "--acknowledge=taste-the-bread"]);
    assert_eq!((bakery.deployed().len(), bakery.effects().len()), (2, 3));
}
