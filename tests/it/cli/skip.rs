//! `orchestrate skip`: a run goes on without what failed, and the reason is kept.

use crate::support::{Shop, assert_whole};

#[test]
fn the_reason_is_kept() {
    let shop = Shop::new();
    shop.done(&["settings", "set", "auto_rollback", "false"]);
    assert_eq!(shop.run(&["start", "0003_orders", "--at", "1.1.0"]).code, 9);
    assert_eq!(shop.run(&["skip", "0003_orders", "fill"]).code, 2, "a reason is needed");
    assert_whole!("other", shop.run(&["skip", "0003_orders", "create", "--reason", "?"]).whole());
    assert_whole!("skipped", shop.run(&["skip", "0003_orders", "fill", "--reason", "there are no orders"]).whole());
    let journal = shop.done(&["journal", "0003_orders"]).stdout;
    assert_whole!("journal", journal);
}
