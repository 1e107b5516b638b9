//! `orchestrate stop`: what runs is ended, in whichever process it is.

use crate::support::{Shop, assert_whole};

const DOOR: &str = "0004_door";

#[test]
fn a_run_of_another_process_is_stopped() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    assert_whole!("told", shop.run(&["stop", DOOR, "--reason", "lunch"]).whole());
    shop.until_is(DOOR, "stopped");
    assert_whole!("owner", owner.end().whole());
    assert_whole!("again", shop.run(&["stop", DOOR]).whole());
    shop.open_door();
    assert_whole!("resumed", shop.run(&["resume", DOOR]).whole());
}

#[test]
fn a_row_of_short_parts_keeps_nobody_waiting() {
    let parts = "\
operations:
  - name: fill
    target: main
    for_each:
      rows: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i FROM n
      sql: SELECT {{ item.i }}
    undo: SELECT 1
";
    let shop = Shop::with(&[("0007_parts", parts)]);
    let owner = shop.spawn(&["start", "0007_parts"]);
    shop.until("0007_parts", |entry| entry["progress"]["parts"][0].as_u64() > Some(0));
    shop.done(&["stop", "0007_parts"]);
    assert_eq!(owner.end().code, 9);
    let done = shop.entry("0007_parts")["progress"]["parts"][0].as_u64();
    assert!(done < Some(9_000), "{done:?}");
}

#[test]
fn with_rollback_everything_is_taken_back() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    shop.done(&["stop", DOOR, "--rollback"]);
    assert_whole!("owner_rolled_back", owner.end().whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'door'"), 0);
}

#[test]
fn ctrl_c_stops_a_run_and_sigterm_lets_go_of_it() {
    let shop = Shop::new();
    for (signal, name) in [("INT", "interrupted"), ("TERM", "terminated")] {
        let owner = shop.spawn(&["start", DOOR]);
        shop.until_at(DOOR, "wait");
        owner.signal(signal);
        assert_whole!(name, owner.end().whole());
        shop.done(&["stop", DOOR]);
        shop.done(&["rollback", DOOR]);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let shop = Shop::new();
    assert_whole!("never_started", shop.run(&["stop", DOOR]).whole());
    assert_whole!("unknown", shop.run(&["stop", "0004_dor"]).whole());
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_whole!("completed", shop.run(&["stop", "0001_customers"]).whole());
}
