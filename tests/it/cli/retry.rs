//! `orchestrate retry`: what failed is tried again.

use crate::support::{Shop, assert_whole};

#[test]
fn it_goes_on_from_what_failed() {
    let shop = Shop::new();
    shop.done(&["settings", "set", "auto_rollback", "false"]);
    shop.sql("CREATE TABLE customer (id INTEGER)");
    assert_eq!(shop.run(&["start", "0001_customers", "--at", "1.1.0"]).code, 9);
    shop.sql("DROP TABLE customer");
    assert_whole!("completed", shop.run(&["retry", "0001_customers", "--reason", "the table is away"]).whole());
    assert_whole!("again", shop.run(&["retry", "0001_customers"]).whole());
}
