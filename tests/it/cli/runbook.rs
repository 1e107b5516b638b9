//! `orchestrate runbook`: procedures for people and machines.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Outcome, Shop, assert_whole, at_terminal};

/// Two machine steps with a person between them; the first is taken back by itself.
const HANDOVER: &str = "\
description: Hand the shop over
parameters:
  TO: {type: string, description: who gets it}
  KEYS: {type: integer, default: 2}
operations:
  - {name: count, target: main, sql: \"CREATE TABLE handover AS SELECT {{ params.TO }} AS who, {{ params.KEYS }} AS keys\", undo: DROP TABLE handover}
  - name: shake-hands
    manual: {ask: \"shake hands with {{ params.TO }}\"}
  - {name: close, target: main, sql: UPDATE handover SET keys = 0, irreversible: the keys are gone}
";

fn shop() -> Shop {
    let shop = Shop::new();
    shop.project.write(
        "templates/runbooks/handover.yaml",
        format!("format: orchestrate/v1\nkind: runbook\nname: handover\n{HANDOVER}"),
    );
    shop
}

#[test]
fn it_runs_up_to_a_person_and_goes_on_with_their_word() {
    let shop = shop();
    assert_whole!("waits", shop.run(&["runbook", "run", "handover", "--set", "TO=bob"]).whole());
    // The same command goes on, and waits still.
    assert_whole!("waits_still", shop.run(&["runbook", "run", "handover"]).whole());
    assert_whole!("status", shop.run(&["status", "runbook/handover"]).whole());
    let resolve = ["resolve", "runbook/handover", "shake-hands", "done", "--reason", "bob has the keys"];
    assert_whole!("goes_on", shop.run(&resolve).whole());
    assert_eq!(shop.number("SELECT keys FROM handover WHERE who = 'bob'"), 0);
    assert_whole!("journal", shop.run(&["journal", "runbook/handover"]).whole());
    assert_whole!("errors", shop.run(&["errors", "runbook/handover"]).whole());
}

#[test]
fn what_a_person_says_is_not_done_waits_on() {
    let shop = shop();
    assert_eq!(shop.run(&["runbook", "run", "handover", "--set", "TO=bob", "--set", "KEYS=1"]).code, 10);
    let resolve = ["resolve", "runbook/handover", "shake-hands", "not-done", "--reason", "bob is ill"];
    assert_whole!("not_done", shop.run(&resolve).whole());
    assert_eq!(shop.number("SELECT keys FROM handover"), 1);
    assert_whole!("taken_back", shop.run(&["rollback", "runbook/handover", "--reason", "not today"]).whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'handover'"), 0);
    // What is over begins anew, with parameters of its own.
    assert_eq!(shop.run(&["runbook", "run", "handover", "--set", "TO=eve"]).code, 10);
    assert_eq!(shop.number("SELECT keys FROM handover WHERE who = 'eve'"), 2);
}

#[test]
fn a_run_keeps_what_it_was_begun_with() {
    let shop = shop();
    assert_whole!("parameter_missing", shop.run(&["runbook", "run", "handover"]).whole());
    assert_eq!(shop.run(&["runbook", "run", "handover", "--set", "TO=bob"]).code, 10);
    assert_whole!("other_parameters", shop.run(&["runbook", "run", "handover", "--set", "TO=eve"]).whole());
    shop.project.write(
        "templates/runbooks/handover.yaml",
        "format: orchestrate/v1\nkind: runbook\nname: handover\noperations: []\n",
    );
    shop.done(&["resolve", "runbook/handover", "shake-hands", "done", "--reason", "bob has the keys"]);
    assert_eq!(shop.number("SELECT keys FROM handover"), 0);
}

/// It is no migration: it may run beside one, counts for no limit, and a worker leaves it alone.
#[test]
fn it_stands_beside_migrations() {
    let shop = shop();
    assert_eq!(shop.run(&["runbook", "run", "handover", "--set", "TO=bob"]).code, 10);
    shop.done(&["start", "0001_customers", "--at", "1.1.0"]);
    assert_eq!(shop.done(&["status", "--format", "json"]).json()["migrations"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_step_that_fails_stands_until_somebody_decides() {
    let shop = Shop::new();
    let failing = "operations:\n  - {name: make, target: main, sql: CREATE TABLE made (a INTEGER), undo: DROP TABLE made}\n  \
                   - {name: fail, target: main, sql: INSERT INTO ready VALUES (1), undo: SELECT 1}\n";
    shop.project.write(
        "templates/runbooks/failing.yaml",
        format!("format: orchestrate/v1\nkind: runbook\nname: failing\n{failing}"),
    );
    assert_whole!("fails", shop.run(&["runbook", "run", "failing"]).whole());
    assert_eq!(shop.number("SELECT count(*) FROM sqlite_schema WHERE name = 'made'"), 1);
    assert_whole!("fails_still", shop.run(&["runbook", "run", "failing"]).whole());
    shop.sql("CREATE TABLE ready (a INTEGER)");
    assert_whole!("retried", shop.run(&["retry", "runbook/failing"]).whole());
}

#[test]
fn they_are_listed_and_shown() {
    let shop = shop();
    let list = shop.done(&["runbook", "list"]).stdout;
    assert!(
        list.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == "handover Hand the shop over"),
        "{list}"
    );
    assert_whole!("show", shop.run(&["runbook", "show", "handover"]).whole());
    assert_whole!("show_json", shop.run(&["runbook", "show", "handover", "--format", "json"]).whole());
    assert_whole!("unknown", shop.run(&["runbook", "show", "handovr"]).whole());
    assert_whole!("not_started", shop.run(&["status", "runbook/handover"]).whole());
    assert_whole!("never_started", shop.run(&["stop", "runbook/handover"]).whole());
}

/// At a terminal the person is asked, and says what tells it.
#[test]
fn a_person_at_the_terminal_is_asked() {
    let shop = shop();
    let mut command = at_terminal(shop.project.path(), &["runbook", "run", "handover", "--set", "TO=bob"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 can be started");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"maybe\ndone\ndone he holds them up\n").expect("it listens");
    let outcome = Outcome::of(child.wait_with_output().expect("it ends"));
    drop(stdin);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    assert!(outcome.stdout.contains("shake hands with bob"), "{}", outcome.whole());
    let journal = shop.done(&["journal", "runbook/handover"]).stdout;
    assert!(journal.contains("ann asks to go on after shake-hands, which was done (he holds them up)"), "{journal}");
}

#[test]
fn an_output_is_used_with_its_secrets_and_kept_without() {
    let shop = shop();
    let project = std::fs::read_to_string(shop.project.path().join("orchestrate.yaml")).expect("it is there");
    shop.project.write("orchestrate.yaml", format!("{project}    vars: {{key: \"${{SHOP_KEY}}\"}}\n"));
    let operations = "\
operations:
  - {name: look, command: [echo, \"door {{ vars.key }}!\"], irreversible: nothing is changed}
  - {name: use, command: [test, '{{ outputs[\"look\"] }}', =, \"door {{ vars.key }}!\"], irreversible: nothing is changed}
";
    let head = "format: orchestrate/v1\nkind: runbook\nname: keys\n";
    shop.project.write("templates/runbooks/keys.yaml", format!("{head}{operations}"));
    let with_key = |arguments: &[&str]| {
        let mut command = crate::support::command(shop.project.path(), arguments);
        Outcome::of(command.env("SHOP_KEY", "golden-key").output().expect("the program can be started"))
    };
    let outcome = with_key(&["runbook", "run", "keys"]);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    let journal = with_key(&["journal", "runbook/keys", "--format", "json"]).whole();
    assert!(journal.contains("door [hidden SHOP_KEY]!") && !journal.contains("golden"), "{journal}");
}
