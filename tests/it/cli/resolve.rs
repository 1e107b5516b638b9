//! `orchestrate resolve`: a person says what became of an operation.

use crate::support::{Shop, assert_whole};

#[test]
fn what_a_person_does_is_acknowledged() {
    let shop = Shop::new();
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_eq!(shop.run(&["start", "0002_regions", "--at", "1.1.0"]).code, 10);
    let answer = |word: &str| shop.run(&["resolve", "0002_regions", "look", word, "--reason", "I looked"]).whole();
    assert_whole!("not_done", answer("not-done"));
    assert_whole!("done", answer("done"));
    assert_whole!("nothing_to_resolve", answer("done"));
}
