//! `orchestrate journal`: everything that happened in a run.

use crate::support::{Shop, assert_whole};

#[test]
fn every_event_has_its_line() {
    let shop = Shop::new();
    shop.run(&["start", "0003_orders", "--at", "1.1.0"]);
    assert_whole!("rolled_back", shop.run(&["journal", "0003_orders"]).whole());
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    shop.run(&["start", "0002_regions", "--at", "1.1.0"]);
    assert_whole!("parts", shop.run(&["journal", "0002_regions"]).whole());
    assert_whole!("json", shop.run(&["journal", "0002_regions", "--format", "json"]).whole());
    assert_whole!("never_started", shop.run(&["journal", "0004_door"]).whole());
    assert_whole!("unknown", shop.run(&["journal", "0193a5b2"]).whole());
}

#[test]
fn an_earlier_run_is_found_by_its_id() {
    let shop = Shop::new();
    shop.run(&["start", "0003_orders", "--at", "1.1.0"]);
    let id = shop.entry("0003_orders")["run"].as_str().expect("it has run").to_owned();
    shop.run(&["start", "0003_orders", "--at", "1.1.0"]);
    assert_whole!("latest", shop.run(&["journal", "0003_orders"]).stderr);
    let earlier = shop.run(&["journal", &id]);
    assert_eq!((earlier.code, earlier.stderr.as_str()), (0, ""));
}
