//! `orchestrate gate`: whether a version may start.

use std::time::Instant;

use crate::support::{Outcome, Shop, assert_whole};

const DOOR: &str = "0004_door";

/// The shop with a platform that tells the version that the table `installation` holds.
fn shop(version: &'static str) -> Shop {
    let shop = Shop::with(&[("0006_ended", "window: {max: 1.0.9}\noperations: []\n")]);
    shop.project.write(
        "orchestrate.yaml",
        "format: orchestrate/v1\nkind: project\nenvironments:\n  production:\n    platform: shop\n    targets:\n      \
         main: {url: \"sqlite://shop.db\"}\n",
    );
    shop.project.write(
        "templates/platforms/shop.yaml",
        "format: orchestrate/v1\nkind: platform\nname: shop\ndeploy: []\n\
         version: {target: main, sql: SELECT version FROM installation, expect: \"= {{ step.app }}\"}\n",
    );
    shop.sql("CREATE TABLE installation (version TEXT)");
    shop.sql(version);
    shop
}

fn gate(shop: &Shop, to: &str) -> Outcome {
    shop.run(&["gate", "--to", to])
}

#[test]
fn closed_until_what_ends_below_it_is_complete() {
    let shop = shop("INSERT INTO installation VALUES ('1.1.0')");
    assert_whole!("closed", gate(&shop, "1.2").whole());
    assert_whole!("closed_json", shop.run(&["gate", "--to", "1.2", "--format", "json"]).whole());
    assert!(!shop.project.path().join(".orchestrate").exists(), "looking makes no store");
    shop.done(&["start", "0001_customers"]);
    assert_whole!("acknowledgement_missing", {
        shop.run(&["start", "0002_regions"]);
        gate(&shop, "1.2.0").whole()
    });
    shop.done(&["resolve", "0002_regions", "look", "done", "--reason", "they are right"]);
    shop.done(&["start", "0006_ended", "--at", "1.0.0"]);
    assert_whole!("open", gate(&shop, "1.2.0").whole());
    assert_whole!("open_json", shop.run(&["gate", "--to", "1.2.0", "--format", "json"]).whole());
}

#[test]
fn what_the_running_version_needed_counts_as_complete() {
    let shop = shop("INSERT INTO installation VALUES ('1.1.0')");
    assert_whole!("assumed", gate(&shop, "1.1.5").whole());
    // A run that was blocked has done nothing, and tells nothing; one that was taken back does.
    assert_eq!(shop.run(&["start", "0006_ended", "--at", "1.1.0"]).code, 5);
    assert_eq!(gate(&shop, "1.1.5").code, 0);
    shop.done(&["start", "0006_ended", "--at", "1.0.0"]);
    shop.done(&["rollback", "0006_ended"]);
    assert_whole!("taken_back", gate(&shop, "1.1.5").whole());
    // A later run that did nothing hides nothing.
    assert_eq!(shop.run(&["start", "0006_ended", "--at", "1.1.0"]).code, 5);
    assert_eq!(gate(&shop, "1.1.5").code, 5);
    assert_whole!("runs", gate(&shop, "1.1.0").whole());
}

#[test]
fn a_running_migration_keeps_no_pod_of_the_running_version_down() {
    let shop = shop("INSERT INTO installation VALUES ('1.1.0')");
    let windowed = "window: {min: 1.1.0, max: 1.1.9}\noperations:\n  \
                    - {name: create, target: main, sql: CREATE TABLE door (is_open INTEGER), undo: DROP TABLE door}\n  \
                    - {name: wait, target: main, wait: {sql: SELECT count(*) > 0 FROM door, every: 50ms}}\n";
    shop.project.write(
        "manifests/shop/0007_long.yaml",
        format!("format: orchestrate/v1\nkind: migration\nname: 0007_long\n{windowed}"),
    );
    let running = shop.spawn(&["start", "0007_long"]);
    shop.until_at("0007_long", "wait");
    assert_eq!(gate(&shop, "1.1.0").code, 0);
    assert_whole!("running", gate(&shop, "1.2.0").whole());
    running.signal("KILL");
    drop(running);
    shop.until("0007_long", |entry| entry["owner"]["is_alive"] == false);
    assert_whole!("left", gate(&shop, "1.2.0").whole());
    shop.open_door();
    shop.done(&["resume", "0007_long"]);
    shop.done(&["start", "0001_customers"]);
    assert_whole!("one_left", gate(&shop, "1.2.0").whole());
}

#[test]
fn where_nobody_knows_what_runs_it_stays_closed() {
    let shop = Shop::new();
    assert_whole!("unknown", gate(&shop, "1.2").whole());
    assert_whole!("said", shop.run(&["gate", "--to", "1.2", "--at", "1.0.0"]).whole());
    assert_eq!(shop.run(&["gate", "--to", "1.2", "--at", "1.2.0"]).code, 0);
    assert_whole!("no_window", gate(&shop, "1.1").whole());
    assert_whole!("own_build", gate(&shop, "1.1.7-own.1").whole());
    assert_whole!("own_build_closed", gate(&shop, "1.9.0").whole());
    assert_whole!("no_release", gate(&shop, "2.0").whole());
}

#[test]
fn every_status_of_a_run_leads_on() {
    let failing = "window: {max: 1.1.9}\noperations:\n  \
                   - {name: fail, target: main, sql: SELECT missing, irreversible: it is a test}\n";
    let checked = "window: {max: 1.1.9}\nprecheck:\n  - {target: main, sql: SELECT false, message: not today}\n\
                   operations: []\n";
    let shop = Shop::with(&[("0007_failing", failing), ("0008_checked", checked)]);
    shop.done(&["settings", "set", "auto_rollback", "false"]);
    assert_eq!(shop.run(&["start", "0007_failing", "--at", "1.1.0"]).code, 9);
    assert_eq!(shop.run(&["start", "0008_checked", "--at", "1.1.0"]).code, 5);
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    shop.done(&["rollback", "0001_customers"]);
    assert_whole!("statuses", gate(&shop, "1.2.0").whole());
}

#[test]
fn a_store_that_does_not_answer_opens_nothing() {
    let shop = Shop::new();
    shop.project.write(
        "orchestrate.yaml",
        "format: orchestrate/v1\nkind: project\nenvironments:\n  production:\n    \
         store: \"postgres://nobody:sesame-word@127.0.0.1:1/none\"\n    \
         targets:\n      main: {url: \"sqlite://shop.db\"}\n",
    );
    let begun = Instant::now();
    let outcome = gate(&shop, "1.2");
    assert!(begun.elapsed().as_secs() < 30);
    assert_whole!("no_store", outcome.whole());
}

#[test]
fn what_runs_but_is_behind_no_gate_does_not_matter() {
    let shop = Shop::new();
    let running = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    assert_eq!(gate(&shop, "1.1.0").code, 0);
    running.signal("KILL");
}
