//! `orchestrate tune`: what can be changed while a run moves a table, and what is refused.

use crate::support::{Shop, assert_whole};

const NAMES: &str = "0006_names";
const FILL: &str = "throttle:
  - {name: hold, file: /run/shop/hold, expect: false}
  - {name: orders, target: main, sql: SELECT count(*) FROM orders, expect: \"< 10\", resume: \"< 2\"}
operations:
  - name: fill
    target: main
    backfill: {table: customer, key: id, set: name = upper(name)}
    irreversible: the former names are not kept
";

/// A run that a worker is to take up.
fn waiting() -> Shop {
    let shop = Shop::with(&[(NAMES, FILL)]);
    shop.done(&["start", NAMES, "--detach"]);
    shop
}

#[test]
fn what_is_changed_is_kept_in_the_journal() {
    let shop = waiting();
    let changes =
        ["tune", NAMES, "parallel=4", "batch_target=500ms", "throttle.orders=< 20", "--reason", "it is night"];
    assert_whole!("changed", shop.run(&changes).whole());
    assert_whole!("so_already", shop.run(&["tune", NAMES, "parallel=4"]).whole());
    assert_whole!("as_json", shop.run(&["tune", NAMES, "throttle.hold.resume=false", "--format", "json"]).whole());
    assert_whole!("kept", shop.done(&["journal", NAMES]).stdout);
}

#[test]
fn a_run_that_is_held_back_goes_on_once_its_throttle_is_changed() {
    let shop = Shop::new();
    let hold = shop.project.path().join("hold");
    let text = format!(
        "format: orchestrate/v1\nkind: migration\nname: {NAMES}\nthrottle:\n  \
         - {{name: hold, file: \"{}\", expect: false, every: 100ms}}\noperations:\n  - name: fill\n    target: main\n    \
         backfill: {{table: line, key: id, set: amount = 2}}\n    irreversible: the former amounts are not kept\n",
        hold.display()
    );
    shop.project.write(&format!("manifests/shop/{NAMES}.yaml"), text);
    shop.sql("CREATE TABLE line (id INTEGER PRIMARY KEY, amount INT); INSERT INTO line VALUES (1, 1), (2, 1), (7, 1)");
    std::fs::write(hold, "").expect("the file can be made");
    let owner = shop.spawn(&["start", NAMES]);
    shop.until_is(NAMES, "throttled");
    assert_eq!(shop.number("SELECT sum(amount) FROM line"), 3);
    shop.done(&["tune", NAMES, "throttle.hold=true", "--reason", "it is night"]);
    assert_eq!(owner.end().code, 0);
    assert_eq!(shop.number("SELECT sum(amount) FROM line"), 6);
    shop.until_is(NAMES, "completed");
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_changed() {
    let shop = waiting();
    let refused = |changes: &[&str]| shop.run(&[&["tune", NAMES], changes].concat()).whole();
    assert_whole!("misspelt", refused(&["paralel=4"]));
    assert_whole!("unknown", refused(&["colour=4"]));
    assert_whole!("value", refused(&["parallel=4", "batch_target=5"]));
    assert_whole!("template", refused(&["throttle.orders=< {{ params.X }}"]));
    assert_whole!("no_value", refused(&["parallel"]));
    assert_whole!("nothing", refused(&[]));
    assert_whole!("twice", refused(&["parallel=4", "parallel=5"]));
    assert_whole!("throttle", refused(&["throttle.order=< 20"]));
    assert_whole!("other_throttle", refused(&["throttle.replica-lag=< 20"]));
    assert_whole!("unchanged", shop.done(&["journal", NAMES]).stdout);
}

#[test]
fn where_nothing_is_moved_there_is_nothing_to_tune() {
    let shop = Shop::new();
    assert_whole!("never_started", shop.run(&["tune", "0004_door", "parallel=2"]).whole());
    shop.done(&["start", "0004_door", "--detach"]);
    assert_whole!("without_batches", shop.run(&["tune", "0004_door", "parallel=2"]).whole());
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_whole!("completed", shop.run(&["tune", "0001_customers", "parallel=2"]).whole());
}
