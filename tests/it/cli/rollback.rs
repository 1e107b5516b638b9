//! `orchestrate rollback`: everything is taken back, from the last operation to the first.

use crate::support::{Shop, assert_whole};

#[test]
fn a_complete_migration_is_taken_back() {
    let shop = Shop::new();
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_whole!("completed", shop.run(&["rollback", "0001_customers", "--reason", "wrong shop"]).whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'customer'"), 0);
    assert_whole!("again", shop.run(&["rollback", "0001_customers"]).whole());
}

#[test]
fn not_while_another_depends_on_it_and_not_past_the_point_of_no_return() {
    let shop = Shop::new();
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_eq!(shop.run(&["start", "0002_regions", "--at", "1.1.0"]).code, 10);
    assert_whole!("depended_on", shop.run(&["rollback", "0001_customers"]).whole());
    shop.done(&["resolve", "0002_regions", "look", "done", "--reason", "I looked"]);
    assert_whole!("no_way_back", shop.run(&["rollback", "0002_regions"]).whole());
    assert_whole!("no_way_back_status", shop.run(&["status", "0002_regions"]).whole());
}
