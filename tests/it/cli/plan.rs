//! `orchestrate plan`.

mod live;

use serde_json::json;

use crate::support::{Project, assert_whole, repository, run_in};

/// Runs the program on what is checked in.
fn checked_in(arguments: &[&str]) -> crate::support::Outcome {
    run_in(repository(), arguments)
}

#[test]
fn the_golden_plan() {
    let outcome = checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--format", "json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    let plan = outcome.json();
    assert_eq!(plan["format"], "orchestrate.plan/v1");
    assert_eq!(plan["from"], json!({"app": "1.30.0", "chart": null}));
    assert_eq!(plan["to"], json!({"app": "1.41.4", "chart": "29.0.11"}));
    assert_eq!(plan["assumed_complete"], json!([]));
    let steps = plan["steps"].as_array().expect("steps");
    let releases: Vec<_> = steps.iter().map(|step| step["release"].clone()).collect();
    assert_eq!(
        json!(releases),
        json!([
            {"app": "1.33.0", "chart": "16.1.0", "image_override": false},
            {"app": "1.36.1", "chart": "26.0.0", "image_override": true},
            {"app": "1.41.4", "chart": "29.0.11", "image_override": false},
        ])
    );
    let migrations: Vec<_> = steps.iter().map(|step| step["migrations"].clone()).collect();
    assert_eq!(
        json!(migrations),
        json!([
            ["0001_events_sample_by", "0002_events_sample_by", "0003_fill_person_distinct_id2"],
            ["0004_replicated_schema"],
            [
                "0005_person_replacing_by_version",
                "0006_persons_and_groups_on_events_backfill",
                "0007_persons_and_groups_on_events_backfill"
            ],
        ])
    );
    assert_eq!(
        plan["services"],
        json!([{"name": "kubernetes", "segments": [{"from_step": 1, "to_step": 3, "range": ">=1.23.0, <1.24.0"}]}])
    );
    assert_eq!(steps[0]["needs"], json!({"kubernetes": ">=1.20.0, <1.24.0"}));
    assert_eq!(steps[0]["provides"], json!({"clickhouse": "21.6.5"}));
    assert_eq!(steps[0]["notes"][0]["crossing"], json!({"chart": "6.0.0"}));
    assert_eq!(steps[0]["because"][0]["opens"], "1.34.0");
}

#[test]
fn the_golden_plan_as_text() {
    assert_whole!(checked_in(&["plan", "--from", "1.30", "--to", "1.41"]).whole());
}

#[test]
fn the_golden_plan_as_markdown() {
    assert_whole!(checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--format", "markdown"]).whole());
}

#[test]
fn the_golden_plan_as_json() {
    assert_whole!(checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--format", "json"]).whole());
}

#[test]
fn the_golden_plan_as_pictures() {
    assert_whole!("mermaid", checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--format", "mermaid"]).whole());
    assert_whole!("dot", checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--format", "dot"]).whole());
}

#[test]
fn required_stops_of_another_product() {
    assert_whole!(checked_in(&["plan", "--product", "sentry", "--from", "22.8.0", "--to", "24.2"]).whole());
}

#[test]
fn the_start_is_a_stop_and_nothing_is_deployed_there() {
    let outcome = checked_in(&["plan", "--from", "1.36.1", "--from-chart", "23.3.0", "--to", "1.37.0"]);
    assert_whole!(outcome.whole());
}

#[test]
fn the_newest_release_of_all() {
    let outcome = checked_in(&["plan", "--from", "1.30", "--to", "1", "--format", "json"]);
    let plan = outcome.json();
    let apps: Vec<_> = plan["steps"].as_array().expect("steps").iter().map(|step| &step["release"]["app"]).collect();
    assert_eq!(json!(apps), json!(["1.33.0", "1.36.1", "1.41.4", "1.43.0"]));
    assert_eq!(plan["steps"][3]["migrations"][0], "0008_speed_up_kafka_timestamp_filters");
}

#[test]
fn only_required_leaves_out_what_nothing_forces() {
    let outcome = checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--only-required", "--format", "json"]);
    assert_eq!(outcome.json()["steps"][2]["migrations"], json!([]));
}

#[test]
fn nothing_to_do() {
    let all = "0001_events_sample_by,0002_events_sample_by,0003_fill_person_distinct_id2,0004_replicated_schema,\
               0005_person_replacing_by_version,0006_persons_and_groups_on_events_backfill,\
               0007_persons_and_groups_on_events_backfill";
    assert_whole!(checked_in(&["plan", "--from", "1.41.4", "--to", "1.41.4", "--completed", all]).whole());
}

#[test]
fn unknown_versions_are_placed_or_refused_with_the_nearest() {
    assert_whole!("unknown_to", checked_in(&["plan", "--from", "1.30", "--to", "1.44"]).whole());
    let placed = checked_in(&["plan", "--from", "1.35.7", "--to", "1.36", "--only-required"]);
    assert_whole!("unknown_from", placed.whole());
    assert_whole!("no_version", checked_in(&["plan", "--from", "latest", "--to", "1.44"]).whole());
}

#[test]
fn going_down_is_refused() {
    assert_whole!(checked_in(&["plan", "--from", "1.41", "--to", "1.30", "--format", "json"]).whole());
}

#[test]
fn what_was_not_completed_in_time_is_a_refusal() {
    let outcome = checked_in(&["plan", "--from", "1.35", "--to", "1.37.0", "--completed", "0001_events_sample_by"]);
    assert_whole!(outcome.whole());
    let hinted = outcome.stderr.split("--completed ").nth(1).expect("a hint").trim();
    let again = checked_in(&["plan", "--from", "1.35", "--to", "1.37.0", "--completed", hinted]);
    assert_eq!(again.code, 0, "the hint works: {}", again.whole());
}

#[test]
fn wrong_usage_says_what_to_type() {
    let typo = ["plan", "--from", "1.35", "--to", "1.41", "--completed", "0002_events_sampleby"];
    assert_whole!("unknown_migration", checked_in(&typo).whole());
    assert_whole!("unknown_product", checked_in(&["plan", "--product", "sentri", "--from", "1", "--to", "2"]).whole());
    assert_whole!("no_project", Project::new().run(&["plan", "--from", "1", "--to", "2"]).whole());
    assert_whole!("no_arguments", checked_in(&["plan"]).whole());
}

#[test]
fn the_plan_is_written_to_a_file() {
    let folder = Project::new();
    let path = folder.path().join("plan.json");
    let path = path.to_str().expect("a path of the test is text");
    let outcome = checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--format", "json", "--out", path]);
    let written = std::fs::read_to_string(path).expect("the plan was written");
    assert_eq!(written, outcome.stdout);
    let nowhere = checked_in(&["plan", "--from", "1.30", "--to", "1.41", "--out", "/nowhere/plan.json"]);
    assert_eq!((nowhere.code, nowhere.stdout.as_str()), (1, ""), "{}", nowhere.whole());
}

/// The same bytes each time, also with colour asked for where no terminal is.
#[test]
fn the_same_input_gives_the_same_bytes() {
    let arguments = ["plan", "--from", "1.30", "--to", "1.41"];
    assert_eq!(checked_in(&arguments).whole(), checked_in(&arguments).whole());
    let coloured = checked_in(&["--color", "always", "plan", "--from", "1.30", "--to", "1.41"]);
    assert!(coloured.stdout.contains("\u{1b}["));
    assert!(!checked_in(&arguments).stdout.contains("\u{1b}["));
}

/// Two migrations of which the second can no longer run when the first may: nobody gets past them.
const STUCK: [(&str, &str); 3] = [
    (
        "upgrade-paths/shop.yaml",
        "format: orchestrate/v1\nkind: upgrade-path\ntitle: Shop\nreleases:\n  - {app: 1.0.0}\n  - {app: 2.0.0}\n  - {app: 3.0.0}\n",
    ),
    (
        "manifests/shop/0001_first.yaml",
        "format: orchestrate/v1\nkind: migration\nname: 0001_first\nwindow: {min: 3.0.0}\noperations: []\n",
    ),
    (
        "manifests/shop/0002_second.yaml",
        "format: orchestrate/v1\nkind: migration\nname: 0002_second\nwindow: {max: 2.9.0}\ndepends_on: [0001_first]\noperations: []\n",
    ),
];

#[test]
fn no_plan_names_the_facts_and_the_ways_out() {
    let project = Project::with(&STUCK);
    assert_whole!("no_plan_text", project.run(&["plan", "--from", "1", "--to", "3"]).whole());
    assert_whole!("no_plan_json", project.run(&["plan", "--from", "1", "--to", "3", "--format", "json"]).whole());
}

/// Each edit that a refusal proposes is made, and opens the way.
#[test]
fn the_proposed_edits_work() {
    let edits = [
        ("manifests/shop/0002_second.yaml", "max: 2.9.0", "max: 3.0.0"),
        ("manifests/shop/0001_first.yaml", "min: 3.0.0", "min: 2.0.0"),
        ("manifests/shop/0002_second.yaml", "[0001_first]", "[]"),
    ];
    for (file, before, after) in edits {
        let changed = STUCK.map(|(path, text)| {
            let text = if path == file { text.replace(before, after) } else { text.to_owned() };
            (path, text)
        });
        let files: Vec<(&str, &str)> = changed.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let outcome = Project::with(&files).run(&["plan", "--from", "1", "--to", "3"]);
        assert_eq!(outcome.code, 0, "{file}: {before} → {after}: {}", outcome.whole());
    }
}
