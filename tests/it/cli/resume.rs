//! `orchestrate resume`: a run goes on where it stands.

use crate::support::{Shop, assert_whole};

#[test]
fn a_complete_one_has_nothing_to_go_on_with() {
    let shop = Shop::new();
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_whole!("completed", shop.run(&["resume", "0001_customers"]).whole());
}

#[test]
fn its_checks_are_asked_again() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", "0005_guarded"]);
    shop.until_at("0005_guarded", "wait");
    shop.done(&["stop", "0005_guarded"]);
    owner.end();
    shop.sql("CREATE TABLE guard_closed (id INTEGER)");
    assert_whole!("blocked", shop.run(&["resume", "0005_guarded"]).whole());
    shop.sql("DROP TABLE guard_closed; INSERT INTO door VALUES (1)");
    let outcome = shop.run(&["resume", "0005_guarded"]);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
}
