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
