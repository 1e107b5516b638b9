//! `orchestrate apply`: a plan is walked to its end, or it rests and says why.

mod again;
mod gates;
mod kills;
mod manual;
mod notes;
mod plans;
mod rests;
mod signals;
mod versions;

use crate::support::bakery::ALL;
use crate::support::{Bakery, Outcome, assert_whole};

/// What is said from the beginning of the walk on, without what each migration and each deploy does.
fn walked(outcome: &Outcome) -> String {
    let is_told =
        |line: &&str| line.contains("upgrade to ") || line.starts_with("step ") || line.contains("the upgrade rests");
    let begun = outcome
        .stderr
        .lines()
        .skip_while(|line| !line.contains("the upgrade to ") && !line.contains("upgrade to 1.2.0 started"));
    let mut rests = false;
    let told: String = begun
        .filter(|line| {
            rests |= line.contains("the upgrade rests");
            rests || is_told(line)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    format!("exit code: {}\n--- stdout\n{}--- stderr\n{told}", outcome.code, outcome.stdout)
}

#[test]
fn a_whole_plan_is_walked_and_a_second_time_there_is_nothing_to_do() {
    let bakery = Bakery::new();
    assert_whole!("walked", bakery.run(&ALL).whole());
    bakery.assert_walked();
    assert_whole!("nothing_to_do", bakery.run(&ALL).whole());
    assert_whole!("nothing_open", bakery.run(&["apply"]).whole());
    assert_eq!(bakery.exits(0, &["apply", "--to", "1.2", "--format", "json"]).json()["status"], "completed");
    bakery.assert_walked();
}

#[test]
fn without_a_terminal_and_a_word_nothing_is_done() {
    let bakery = Bakery::new();
    assert_whole!("no_terminal", bakery.run(&["apply", "--to", "1.2"]).whole());
    assert_eq!((bakery.version().as_str(), bakery.effects().len()), ("1.0.0", 0));
    assert_eq!(bakery.status()["upgrade"], serde_json::Value::Null);
}

#[test]
fn a_dry_run_tells_everything_and_does_nothing() {
    let bakery = Bakery::new();
    let content = || std::fs::read(bakery.project.path().join("bakery.db")).expect("the database is there");
    let before = content();
    assert_whole!("dry_run", bakery.run(&["apply", "--to", "1.2", "--dry-run"]).whole());
    let json = bakery.exits(0, &["apply", "--to", "1.2", "--dry-run", "--format", "json"]).json();
    assert_eq!(
        (json["format"].as_str(), json["steps"].as_array().map(Vec::len)),
        (Some("orchestrate.dry-run/v1"), Some(3))
    );
    assert!(before == content(), "the database is as it was");
    assert_eq!(bakery.status()["upgrade"], serde_json::Value::Null);

    // What is done is not told any more.
    bakery.exits(0, &["apply", "--to", "1.2", "--yes", "--until", "1"]);
    let left = bakery.exits(0, &["apply", "--dry-run", "--format", "json"]).json();
    let numbers: Vec<_> = left["steps"].as_array().expect("steps").iter().map(|step| step["number"].as_u64()).collect();
    assert_eq!(numbers, [Some(2), Some(3)]);
}

#[test]
fn every_line_as_json_and_the_end_as_json() {
    let bakery = Bakery::new();
    let mut arguments = ALL.to_vec();
    arguments.extend(["--format", "json", "--log-format", "json"]);
    let outcome = bakery.exits(0, &arguments);
    let end = outcome.json();
    assert_eq!((end["format"].as_str(), end["status"].as_str()), (Some("orchestrate.upgrade/v1"), Some("completed")));
    assert_eq!(end["steps"][1]["migrations"][0]["status"], "completed");
    assert_eq!(end["steps"][1]["notes"][0]["by"], "ann");
    let mut formats = std::collections::BTreeSet::new();
    for line in outcome.stderr.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        formats.insert(object["format"].as_str().expect("each has a format").to_owned());
    }
    let expected = ["orchestrate.event/v1", "orchestrate.message/v1", "orchestrate.upgrade-event/v1"];
    assert_eq!(formats.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_summary_is_written_where_it_is_wanted() {
    let bakery = Bakery::new();
    let github = bakery.project.path().join("github.md");
    std::fs::write(&github, "what was there\n").expect("a file can be written");
    let mut command = bakery.command(&["apply", "--to", "1.2", "--yes", "--summary", "summary.md"]);
    let outcome =
        Outcome::of(command.env("GITHUB_STEP_SUMMARY", &github).output().expect("the program can be started"));
    assert_eq!(outcome.code, 10, "{}", outcome.whole());
    let read = |name: &str| std::fs::read_to_string(bakery.project.path().join(name)).expect("it was written");
    assert_whole!("summary", read("summary.md"));
    assert_eq!(read("github.md"), format!("what was there\n{}", read("summary.md")));
}

#[test]
fn a_secret_is_told_nowhere() {
    const CANARY: &str = "canary-that-nobody-hears";
    let bakery = Bakery::new();
    bakery.edit("orchestrate.yaml", "greeting: hello", "greeting: '${CANARY}'");
    bakery.edit("templates/platforms/oven.yaml", "VALUES ({{ step.app }})", "VALUES ({{ step.app ~ vars.greeting }})");
    let label = "{target: main, sql: \"SELECT {{ vars.greeting }} || (SELECT count(*) FROM trouble)\", expect: '= 0'}";
    let verify = "{sql: SELECT count(*) FROM trouble, expect: '= 0', message: there is trouble}";
    bakery.edit("manifests/bakery/0003_labels.yaml", verify, &label.replace("target: main, ", ""));
    let mut all = ALL.to_vec();
    all.extend(["--summary", "summary.md", "-v"]);
    let with_json = [&all[..], &["--format", "json", "--log-format", "json"]].concat();
    let later: [&[&str]; 7] = [
        &["apply", "--dry-run"],
        &["apply", "--to", "1.2", "--yes", "--anew"],
        &["status", "upgrade"],
        &["journal", "upgrade", "--format", "json"],
        &["journal", "deploy/1.1.0", "--format", "json"],
        &["errors", "0003_labels"],
        &["errors", "upgrade"],
    ];
    for arguments in [&["apply", "--to", "1.2", "--dry-run"][..], &all, &with_json].iter().chain(&later) {
        let mut command = bakery.command(arguments);
        let outcome = Outcome::of(command.env("CANARY", CANARY).output().expect("the program can be started"));
        assert!(!outcome.whole().contains(CANARY), "{arguments:?}: {}", outcome.whole());
    }
    assert!(bakery.deployed()[0].contains(CANARY), "it was used");
    let files = [".orchestrate/state.db", ".orchestrate/state.db-wal", "summary.md"];
    for file in files.map(|file| bakery.project.path().join(file)) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{}", file.display());
    }
}

#[test]
fn its_status_its_journal_and_its_errors() {
    let bakery = Bakery::new();
    bakery.sql("INSERT INTO trouble VALUES ('mice')");
    bakery.exits(8, &ALL);
    assert_whole!("status", bakery.run(&["status"]).whole());
    assert_whole!("status_upgrade", bakery.run(&["status", "upgrade"]).whole());
    assert_whole!("status_deploy", bakery.run(&["status", "deploy/1.1.0"]).whole());
    assert_whole!("journal", bakery.run(&["journal", "upgrade"]).whole());
    assert_whole!("journal_deploy", bakery.run(&["journal", "deploy/1.1.0"]).whole());
    assert_whole!("errors", bakery.run(&["errors", "upgrade"]).whole());
    assert_eq!(
        bakery.exits(0, &["errors", "upgrade", "--format", "json"]).json()["errors"][0]["run"].as_str().map(str::len),
        Some(36)
    );
    let status = bakery.status();
    assert_eq!(
        (status["upgrade"]["rest"]["kind"].as_str(), status["upgrade"]["steps_done"].as_u64()),
        (Some("migration"), Some(1))
    );
    let events = bakery.exits(0, &["journal", "upgrade", "--format", "json"]).stdout;
    let first: serde_json::Value = serde_json::from_str(events.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (first["format"].as_str(), first["event"].as_str()),
        (Some("orchestrate.upgrade-event/v1"), Some("started"))
    );
    bakery.sql("DELETE FROM trouble");
    bakery.exits(0, &["apply", "--yes"]);
    assert_whole!("status_after", bakery.run(&["status"]).whole());
}
