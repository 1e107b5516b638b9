//! What the outside does to an upgrade: Ctrl-C, SIGTERM, another process that is faster.

use std::process::Stdio;

use crate::support::bakery::ALL;
use crate::support::shop::Spawned;
use crate::support::{Bakery, assert_whole};

#[test]
fn ctrl_c_stops_it_and_sigterm_lets_go_of_it() {
    let bakery = Bakery::new();
    bakery.sql("DELETE FROM door");
    for (signal, name) in [("INT", "interrupted"), ("TERM", "terminated")] {
        let walking = bakery.spawn(&ALL);
        bakery.until_at_the_door();
        bakery.until(|status| status["migrations"][1]["owner"]["is_alive"] == true);
        walking.signal(signal);
        let outcome = walking.end();
        assert_eq!(outcome.code, 9, "{}", outcome.whole());
        assert_whole!(name, outcome.stdout);
    }
    bakery.sql("INSERT INTO door VALUES (1)");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn one_that_another_process_walks_is_refused() {
    let bakery = Bakery::new();
    bakery.sql("DELETE FROM door");
    let walking = bakery.spawn(&ALL);
    bakery.until_at_the_door();
    assert_whole!("owned", bakery.run(&["apply", "--yes", "--quiet"]).whole());
    assert_whole!("status_running", bakery.run(&["status", "upgrade"]).whole());
    bakery.sql("INSERT INTO door VALUES (1)");
    let outcome = walking.end();
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    bakery.assert_walked();
}

/// It was taken for dead, and wakes up.
#[test]
fn one_that_was_frozen_finds_out_that_another_goes_on() {
    let bakery = Bakery::new();
    bakery.sql("DELETE FROM door");
    let frozen = bakery.spawn(&ALL);
    bakery.until_at_the_door();
    frozen.signal("STOP");
    let other = bakery.spawn(&ALL);
    bakery.until(|status| {
        status["upgrade"]["because"].as_str().is_some_and(|because| because.contains("goes on with it"))
    });
    frozen.signal("CONT");
    let outcome = frozen.end();
    assert_eq!(outcome.code, 7, "{}", outcome.whole());
    bakery.sql("INSERT INTO door VALUES (1)");
    let outcome = other.end();
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    bakery.assert_walked();
}

#[test]
fn a_migration_that_another_process_runs_is_waited_for() {
    let bakery = Bakery::new();
    bakery.sql("DELETE FROM door; UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(0, &["start", "0001_loaves", "--at", "1.0.0"]);
    let other = bakery.spawn(&["start", "0002_prices"]);
    bakery.until_at_the_door();
    let walking = bakery.spawn(&["apply", "--to", "1.2", "--yes", "--acknowledge", "taste-the-bread"]);
    bakery.until(|status| status["upgrade"]["steps"][0]["version"] == "1.1.0");
    bakery.sql("INSERT INTO door VALUES (1)");
    for process in [other, walking] {
        let outcome = process.end();
        assert_eq!(outcome.code, 0, "{}", outcome.whole());
    }
    assert_eq!(bakery.version(), "1.2.0");
    assert_eq!(bakery.effects().iter().filter(|effect| effect.ends_with("price")).count(), 2);
}

#[test]
fn a_migration_that_a_person_stops_stops_the_upgrade() {
    let bakery = Bakery::new();
    bakery.sql("DELETE FROM door");
    let walking = bakery.spawn(&ALL);
    bakery.until_at_the_door();
    bakery.exits(0, &["stop", "0002_prices"]);
    let outcome = walking.end();
    assert_eq!(outcome.code, 9, "{}", outcome.whole());
    assert_whole!("stopped_by_hand", outcome.stdout);
    bakery.sql("INSERT INTO door VALUES (1)");
    bakery.exits(0, &ALL);
    bakery.assert_walked();
}

#[test]
fn ctrl_c_ends_the_wait_for_another_process() {
    let bakery = Bakery::new();
    bakery.sql("DELETE FROM door; UPDATE installation SET value = '1.1.0' WHERE name = 'version'");
    bakery.exits(0, &["start", "0001_loaves", "--at", "1.0.0"]);
    let other = bakery.spawn(&["start", "0002_prices"]);
    bakery.until_at_the_door();
    let (walking, told) = walking(&bakery, &["apply", "--to", "1.2", "--yes", "--acknowledge", "taste-the-bread"]);
    told.until("waiting: 0002_prices is in the hands of");
    walking.signal("INT");
    let outcome = walking.end();
    assert_eq!(outcome.code, 9, "{}", outcome.whole());
    assert_eq!(bakery.status()["upgrade"]["rest"]["kind"], "stopped");
    bakery.sql("INSERT INTO door VALUES (1)");
    assert_eq!(other.end().code, 0);
    bakery.exits(0, &["apply", "--yes", "--acknowledge", "taste-the-bread"]);
}

#[test]
fn it_waits_while_others_take_all_the_room() {
    let bakery = Bakery::new();
    let rest = "operations: [{name: door, target: main, wait: {sql: SELECT count(*) > 0 FROM door, every: 50ms}}]\n";
    bakery.project.write(
        "manifests/bakery/0004_side.yaml",
        format!("format: orchestrate/v1\nkind: migration\nname: 0004_side\n{rest}"),
    );
    bakery.sql("DELETE FROM door");
    let other = bakery.spawn(&["start", "0004_side"]);
    let at_the_door =
        |entry: &serde_json::Value| entry["migration"] == "0004_side" && entry["progress"]["operation"] == "door";
    bakery.until(|status| status["migrations"].as_array().is_some_and(|all| all.iter().any(at_the_door)));
    let arguments = ["apply", "--to", "1.2", "--yes", "--until", "1"];
    let (stopped, told) = walking(&bakery, &arguments);
    told.until("waiting: 0001_loaves waits its turn: 1 of at most 1 may run at once: 0004_side");
    stopped.signal("INT");
    assert_eq!(stopped.end().code, 9);
    let (walking, told) = walking(&bakery, &arguments);
    told.until("waiting: 0001_loaves waits its turn: 1 of at most 1 may run at once: 0004_side");
    bakery.sql("INSERT INTO door VALUES (1)");
    assert_eq!((other.end().code, walking.end().code), (0, 0));
    assert_eq!(bakery.effects().len(), 20);
}

/// What a process says, as it says it.
struct Told(std::path::PathBuf);

impl Told {
    /// Waits until it has said something.
    fn until(&self, what: &str) {
        let begun = std::time::Instant::now();
        loop {
            let told = std::fs::read_to_string(&self.0).expect("it can be read");
            if told.contains(what) {
                return;
            }
            assert!(begun.elapsed().as_secs() < 60, "it never came: {told}");
            std::thread::yield_now();
        }
    }
}

/// Starts the program, and listens to what it says.
fn walking(bakery: &Bakery, arguments: &[&str]) -> (Spawned, Told) {
    let path = bakery.project.path().join("told.txt");
    let file = std::fs::File::create(&path).expect("a file can be made");
    let mut command = bakery.command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
    (Spawned::of(command.spawn().expect("the program can be started")), Told(path))
}
