//! `orchestrate status`: where every migration stands, from the store alone.

use crate::support::{Shop, assert_whole};

const DOOR: &str = "0004_door";

#[test]
fn every_migration_stands_there_with_what_can_be_done() {
    let shop = Shop::new();
    assert_whole!("new", shop.run(&["status"]).whole());
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    shop.run(&["start", "0002_regions", "--at", "1.1.0"]);
    shop.run(&["start", "0003_orders", "--at", "1.1.0"]);
    assert_whole!("all", shop.run(&["status"]).whole());
    assert_whole!("one", shop.run(&["status", "0002_regions"]).whole());
    assert_whole!("json", shop.run(&["status", "0002_regions", "--format", "json"]).whole());
    assert_whole!("unknown", shop.run(&["status", "0002_region"]).whole());
}

#[test]
fn the_store_is_all_that_it_needs() {
    let shop = Shop::new();
    let project = "format: orchestrate/v1\nkind: project\nenvironments: {a: {targets: {main: {url: \"${AWAY}\"}}}}\n";
    shop.project.write("orchestrate.yaml", project);
    shop.done(&["status"]);
}

#[test]
fn a_run_of_another_process_shows_its_owner_and_its_progress() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR, "--set", "COLOUR=red"]);
    shop.until(DOOR, |entry| entry["progress"]["waits_for"].is_string());
    assert_whole!("running", shop.run(&["status", DOOR]).whole());
    owner.signal("KILL");
    drop(owner);
    shop.until(DOOR, |entry| entry["owner"]["is_alive"] == false);
    assert_whole!("silent", shop.run(&["status", DOOR]).whole());
}

#[test]
fn one_that_is_no_longer_in_the_files_stays_visible() {
    let shop = Shop::new();
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    for name in ["0001_customers", "0002_regions"] {
        let path = shop.project.path().join(format!("manifests/shop/{name}.yaml"));
        std::fs::remove_file(path).expect("the file is there");
    }
    assert_whole!("undeclared", shop.run(&["status"]).whole());
    shop.done(&["rollback", "0001_customers"]);
}

#[test]
fn it_watches_until_nothing_runs() {
    let shop = Shop::new();
    let owner = shop.spawn(&["start", DOOR]);
    shop.until_at(DOOR, "wait");
    let watch = shop.spawn(&["status", "--watch"]);
    shop.done(&["pause", DOOR]);
    shop.open_door();
    shop.done(&["resume", DOOR]);
    owner.end();
    let watched = watch.end();
    assert_eq!(watched.code, 0);
    let last = watched.stdout.lines().last().map(str::to_owned);
    assert_eq!(last.as_deref(), Some("0004_door completed: its work is done and was checked"), "{}", watched.whole());
}

#[test]
fn commands_name_the_environment_where_there_are_several() {
    let shop = Shop::new();
    let environment = "{targets: {main: {url: \"sqlite://shop.db\"}}}";
    let project =
        format!("format: orchestrate/v1\nkind: project\nenvironments:\n  a: {environment}\n  b: {environment}\n");
    shop.project.write("orchestrate.yaml", project);
    let outcome = shop.run(&["start", "0003_orders", "--at", "1.1.0", "--environment", "b", "-q"]);
    assert_whole!("environment", outcome.whole());
    assert_whole!("other_environment", shop.run(&["status", "0003_orders", "--environment", "a"]).whole());
}
