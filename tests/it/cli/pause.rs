//! `orchestrate pause`: nothing new begins until somebody resumes it.

use crate::support::{Shop, assert_whole};

const DOOR: &str = "0004_door";

#[test]
fn a_run_of_another_process_is_paused_and_resumed() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    assert_whole!("told", shop.run(&["pause", DOOR, "--reason", "peak hours"]).whole());
    assert_whole!("again", shop.run(&["pause", DOOR]).whole());
    shop.open_door();
    assert_whole!("resume", shop.run(&["resume", DOOR]).whole());
    assert_whole!("owner", owner.end().whole());
}

#[test]
fn a_run_that_nobody_owns_is_paused_without_waiting_for_an_owner() {
    let shop = Shop::new();
    shop.done(&["start", DOOR, "--detach"]);
    assert_whole!("ownerless", shop.run(&["pause", DOOR]).whole());
    assert_eq!(shop.entry(DOOR)["status"], "paused");
    assert_eq!(shop.entry(DOOR)["owner"], serde_json::Value::Null);
}
