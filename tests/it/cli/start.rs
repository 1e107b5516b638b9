//! `orchestrate start`: a migration is run to its end, or nothing is begun.

use crate::support::{Shop, assert_whole};

const DOOR: &str = "0004_door";

#[test]
fn a_migration_runs_to_its_end_and_a_second_start_has_nothing_to_do() {
    let shop = Shop::new();
    let first = shop.run(&["start", "0001_customers", "--at", "1.1.0", "--set", "COUNT=5"]);
    assert_whole!("completed", first.whole());
    assert_eq!(shop.number("SELECT count(*) FROM customer"), 5);
    assert_whole!("again", shop.run(&["start", "0001_customers", "--at", "1.1.0"]).whole());
    assert_eq!(shop.done(&["status", "0001_customers", "--format", "json"]).json()["migrations"][0]["runs"], 1);
}

#[test]
fn the_end_as_json_and_every_line_as_json() {
    let shop = Shop::new();
    let arguments = ["start", "0001_customers", "--at", "1.1.0", "--format", "json", "--log-format", "json"];
    assert_whole!("json", shop.run(&arguments).whole());
    let refused = shop.run(&["start", "0009_nothing", "--log-format", "json"]);
    assert_whole!("json_failure", refused.whole());
}

#[test]
fn every_check_that_fails_is_told_at_once_and_nothing_is_done() {
    let checks = "\
window: {min: 1.2.0}
depends_on: [0001_customers]
services: {redis: '>=7.0.0'}
precheck:
  - {target: main, sql: SELECT 1, expect: '>= 2', message: 'there is {{ value }}, and 2 are needed'}
  - {target: main, sql: SELECT nothing FROM nowhere}
healthcheck:
  - {target: main, sql: SELECT false, message: the shop is closed}
operations:
  - {name: create, target: main, sql: CREATE TABLE never (id INTEGER), undo: DROP TABLE never}
  - {name: away, target: elsewhere, sql: DELETE FROM x, undo: SELECT 1}
";
    let shop = Shop::with(&[("0007_checks", checks)]);
    let blocked = shop.run(&["start", "0007_checks", "--at", "1.1.0"]);
    assert_whole!("blocked", blocked.whole());
    assert_eq!(blocked.code, 5);
    assert_whole!("blocked_quiet", shop.run(&["start", "0007_checks", "--at", "1.1.0", "--quiet"]).whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'never'"), 0);
}

#[test]
fn a_migration_that_fails_is_rolled_back() {
    let shop = Shop::new();
    assert_whole!("rolled_back", shop.run(&["start", "0003_orders", "--at", "1.1.0"]).whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'orders'"), 0);
}

#[test]
fn without_auto_rollback_it_stands_where_it_failed() {
    let shop = Shop::new();
    shop.done(&["settings", "set", "auto_rollback", "false"]);
    assert_whole!("errored", shop.run(&["start", "0003_orders", "--at", "1.1.0"]).whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'orders'"), 1);
    assert_whole!("unfinished", shop.run(&["start", "0003_orders", "--at", "1.1.0"]).whole());
}

#[test]
fn what_is_not_required_is_complete() {
    let optional = "\
required: {target: main, sql: SELECT false}
operations:
  - {name: create, target: main, sql: CREATE TABLE never (id INTEGER), undo: DROP TABLE never}
";
    let shop = Shop::with(&[("0007_optional", optional), ("0008_empty", "operations: []\n")]);
    assert_whole!("not_required", shop.run(&["start", "0007_optional"]).whole());
    assert_whole!("empty", shop.run(&["start", "0008_empty"]).whole());
}

#[test]
fn parameters_are_checked_before_anything_is_done() {
    let needed = "parameters: {TEAM: {type: enum, values: [red, blue]}}\noperations: []\n";
    let shop = Shop::with(&[("0007_needed", needed)]);
    let refused = |set: &str| shop.run(&["start", "0001_customers", "--at", "1.1.0", "--set", set]).whole();
    assert_whole!("parameter_wrong_type", refused("COUNT=many"));
    assert_whole!("parameter_out_of_bounds", refused("COUNT=0"));
    assert_whole!("parameter_unknown", refused("CONT=5"));
    assert_whole!("parameter_no_value", refused("COUNT"));
    assert_whole!("parameter_missing", shop.run(&["start", "0007_needed"]).whole());
    assert_eq!(shop.entry("0001_customers")["runs"], 0);
    shop.done(&["start", "0007_needed", "--set", "TEAM=red"]);
    assert_eq!(shop.entry("0007_needed")["parameters"]["TEAM"], "red");
}

#[test]
fn a_copy_is_refused_by_name() {
    let copy = "\
operations:
  - name: copy-customers
    target: main
    copy: {from: customer, to: customer_new, by: id}
    irreversible: rows cannot be told apart
";
    let shop = Shop::with(&[("0007_copy", copy)]);
    let outcome = shop.run(&["start", "0007_copy"]);
    assert_whole!("copy", outcome.whole());
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let shop = Shop::new();
    assert_whole!("unknown_migration", shop.run(&["start", "0001_custmers"]).whole());
    assert_whole!("unknown_environment", shop.run(&["start", "0001_customers", "--environment", "prod"]).whole());
    shop.project.write("orchestrate.yaml", "format: orchestrate/v1\nkind: project\nproduct: shop\n");
    assert_whole!("no_environment", shop.run(&["start", "0001_customers"]).whole());
    let url = "{url: \"${SHOP_URL}\"}";
    let project =
        format!("format: orchestrate/v1\nkind: project\nenvironments:\n  a: {{targets: {{main: {url}}}}}\n  b: {{}}\n");
    shop.project.write("orchestrate.yaml", project);
    assert_whole!("several_environments", shop.run(&["start", "0001_customers"]).whole());
    assert_whole!("no_variable", shop.run(&["start", "0001_customers", "--environment", "a"]).whole());
}

#[test]
fn one_that_another_process_owns_is_refused() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    let refused = shop.run(&["start", DOOR, "--quiet"]);
    assert_whole!("owned", refused.whole());
    let busy = shop.run(&["start", "0001_customers"]);
    assert_whole!("busy", busy.whole());
    shop.open_door();
    let outcome = owner.end();
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
}

#[test]
fn one_whose_process_was_killed_is_gone_on_with() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    owner.signal("KILL");
    drop(owner);
    shop.open_door();
    let other = shop.run(&["start", DOOR, "--set", "COLOUR=blue"]);
    assert_whole!("other_parameters", other.whole());
    let outcome = shop.run(&["start", DOOR]);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    assert_eq!(shop.entry(DOOR)["runs"], 1);
}

#[test]
fn a_person_is_asked_and_the_answer_is_one_command() {
    let shop = Shop::new();
    shop.done(&["start", "0001_customers", "--at", "1.1.0", "--set", "COUNT=40"]);
    assert_whole!("manual", shop.run(&["start", "0002_regions", "--at", "1.1.0"]).whole());
}
