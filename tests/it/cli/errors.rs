//! `orchestrate errors`: everything that ever went wrong.

use crate::support::{Shop, assert_whole};

#[test]
fn the_errors_of_every_run_stay() {
    let shop = Shop::new();
    assert_whole!("none", shop.run(&["errors", "0003_orders"]).whole());
    for _ in 0..2 {
        assert_eq!(shop.run(&["start", "0003_orders", "--at", "1.1.0"]).code, 8);
    }
    assert_whole!("two_runs", shop.run(&["errors", "0003_orders"]).whole());
    assert_whole!("json", shop.run(&["errors", "0003_orders", "--format", "json"]).whole());
    assert_whole!("unknown", shop.run(&["errors", "0003_order"]).whole());
}
