//! `orchestrate worker`: runs that nobody owns are worked off.

use crate::support::{Shop, assert_whole};

const DOOR: &str = "0004_door";

#[test]
fn it_takes_up_what_was_handed_over_and_what_was_left() {
    let shop = Shop::new();
    assert_whole!("detached", shop.run(&["start", DOOR, "--detach"]).whole());
    let killed = shop.spawn(&["worker"]);
    shop.until_at(DOOR, "wait");
    killed.signal("KILL");
    drop(killed);
    shop.open_door();
    let worker = shop.spawn(&["worker"]);
    shop.until_is(DOOR, "completed");
    worker.signal("TERM");
    assert_whole!("worker", worker.end().whole());
}

#[test]
fn with_auto_start_it_begins_what_may_run_in_its_order_and_nothing_else() {
    let sql =
        "operations:\n  - {name: make, target: main, sql: CREATE TABLE NAME (a INTEGER), undo: DROP TABLE NAME}\n";
    let second = format!("depends_on: [0008_open]\n{}", sql.replace("NAME", "second"));
    let shop = Shop::with(&[("0007_second", &second), ("0008_open", &sql.replace("NAME", "first"))]);
    shop.done(&["settings", "set", "auto_start", "true"]);
    let worker = shop.spawn(&["worker"]);
    // One at a time: the first one that may run waits for its door.
    shop.until_at(DOOR, "wait");
    assert_eq!(shop.entry("0008_open")["status"], "not_started");
    shop.open_door();
    shop.until_is("0007_second", "completed");
    worker.signal("TERM");
    assert_eq!(worker.end().code, 0);
    assert_eq!(shop.entry("0008_open")["status"], "completed");
    // Nobody knows which version runs: what has a window waits for a person.
    assert_eq!(shop.entry("0001_customers")["status"], "not_started");
}
