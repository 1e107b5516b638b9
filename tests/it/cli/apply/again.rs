//! What an upgrade that is taken up again finds changed, and what may take its place.

use super::walked;
use crate::support::bakery::ALL;
use crate::support::{Bakery, assert_whole};

const NOTES: [&str; 3] = ["--yes", "--acknowledge=make-a-backup", "--acknowledge=taste-the-bread"];

fn with<'a>(first: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(NOTES).collect()
}

#[test]
fn a_migration_that_was_rolled_back_meanwhile_runs_again() {
    let bakery = Bakery::new();
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    bakery.exits(8, &ALL);
    bakery.exits(0, &["rollback", "0002_prices"]);
    bakery.sql("DELETE FROM trouble");
    assert_whole!("reopened", walked(&bakery.run(&ALL)));
    bakery.assert_walked();
}

#[test]
fn a_migration_that_runs_again_has_its_parameters() {
    let bakery = Bakery::new();
    bakery.edit("upgrade-paths/bakery.yaml", "{app: 1.2.0}, when: after", "{app: 1.1.0}, when: after");
    let colour = "--set=0003_labels.COLOUR=red";
    bakery.exits(10, &["apply", "--to", "1.2", "--yes", "--acknowledge=make-a-backup", colour]);
    bakery.exits(0, &["rollback", "0003_labels"]);
    bakery.exits(0, &ALL);
    assert_eq!(bakery.effects()[1], "label in red");
}

#[test]
fn the_plan_of_another_installation_goes_on_with_nothing() {
    let bakery = Bakery::new();
    bakery.exits(0, &["plan", "--to", "1.2", "--out", "plan.json"]);
    bakery.exits(0, &["apply", "plan.json", "--yes", "--until", "1"]);
    let path = bakery.project.path().join("plan.json");
    let text = std::fs::read_to_string(path).expect("the plan was written");
    let mut plan: serde_json::Value = serde_json::from_str(&text).expect("a plan is JSON");
    plan["environment"]["name"] = "staging".into();
    plan["environment"]["identity"] = "0123456789abcdef0123".into();
    bakery.project.write("staging.json", plan.to_string());
    assert_whole!("foreign", bakery.run(&with(&["apply", "staging.json"])).whole());
    assert_eq!(bakery.deployed().len(), 0);
    bakery.exits(0, &with(&["apply", "plan.json"]));
}

#[test]
fn an_upgrade_is_given_up_where_nothing_is_left_to_do() {
    let bakery = Bakery::new();
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    bakery.sql("UPDATE installation SET value = '1.2.0' WHERE name = 'version'");
    bakery.exits(0, &["apply", "--to", "1.2", "--anew", "--dry-run"]);
    assert_eq!(bakery.status()["upgrade"]["steps_done"], 1);
    assert_whole!("given_up", bakery.run(&["apply", "--to", "1.2", "--yes", "--anew", "--summary", "done.md"]).whole());
    assert_eq!(bakery.status()["upgrade"], serde_json::Value::Null);
    let summary = std::fs::read_to_string(bakery.project.path().join("done.md")).expect("it was written");
    assert_eq!(summary, "# Bakery in local: 1.2.0 → 1.2.0\n\nNothing is to be done.\n");
}

#[test]
fn no_upgrade_is_given_up_in_the_middle_of_a_deploy() {
    let bakery = Bakery::new();
    bakery.exits(0, &["settings", "set", "auto_rollback", "false"]);
    bakery.sql("INSERT INTO broken VALUES ('the door')");
    bakery.exits(9, &ALL);
    bakery.sql("DELETE FROM broken");
    let anew = with(&["apply", "--to", "1.2", "--anew"]);
    assert_whole!("deploy_under_way", bakery.run(&anew).whole());
    bakery.exits(0, &["rollback", "deploy/1.1.0"]);
    bakery.exits(0, &anew);
    bakery.assert_walked();
}

#[test]
fn giving_up_needs_a_destination() {
    let bakery = Bakery::new();
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    assert_whole!("anew_alone", bakery.run(&["apply", "--anew", "--yes"]).whole());
}

#[test]
fn a_run_that_was_begun_keeps_its_parameters() {
    let bakery = Bakery::new();
    bakery.exits(0, &["settings", "set", "auto_rollback", "false"]);
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    bakery.exits(9, &ALL);
    assert_whole!("other_parameter", bakery.run(&["apply", "--yes", "--set=0003_labels.COLOUR=red"]).whole());
    bakery.exits(9, &["apply", "--yes", "--set=0003_labels.COLOUR=white"]);
    bakery.sql("DELETE FROM trouble");
    bakery.exits(0, &["retry", "0003_labels"]);
    bakery.exits(0, &["apply", "--yes"]);
    bakery.assert_walked();
}

#[test]
fn a_summary_that_cannot_be_written_changes_nothing_about_the_end() {
    let bakery = Bakery::new();
    let outcome = bakery.exits(0, &with(&["apply", "--to", "1.2", "--summary", "no/such/folder.md"]));
    let warning = "warning: the summary cannot be written to no/such/folder.md: No such file or directory (os error 2)";
    assert_eq!(outcome.stderr.lines().last(), Some(warning));
    bakery.assert_walked();
}

#[test]
fn the_question_for_the_version_is_part_of_what_a_plan_depends_on() {
    let bakery = Bakery::new();
    let with_version = "    platform: oven\n    version: {target: main, sql: SELECT min(value) FROM installation}\n";
    bakery.edit("orchestrate.yaml", "    platform: oven\n", with_version);
    bakery.exits(0, &["plan", "--to", "1.2", "--out", "plan.json"]);
    bakery.edit("orchestrate.yaml", "min(value)", "max(value)");
    assert_whole!("other_question", bakery.run(&with(&["apply", "plan.json"])).whole());
    bakery.edit("orchestrate.yaml", "max(value)", "min(value)");
    bakery.exits(0, &with(&["apply", "plan.json"]));
    bakery.sql("UPDATE installation SET value = 'nobody knows' WHERE name = 'version'");
    assert_whole!("untold", bakery.run(&with(&["apply", "--to", "1.2"])).whole());
}
