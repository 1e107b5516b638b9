//! `orchestrate lint`: one report over all files, its formats, and the exit codes. The traps themselves are in `loader`.

use crate::support::{Project, repository};

/// Several mistakes in several files, and a file name that every format has to escape.
fn broken() -> Project {
    Project::with(&[
        (
            "manifests/demo/0002_b.yaml",
            "format: orchestrate/v1\nkind: migration\nname: 0002_b\nwindow: {max: 1.30}\noperatons: []\ndepends_on: [0001_aa]\n",
        ),
        (
            "manifests/demo/0001_a.yaml",
            "format: orchestrate/v1\nkind: migration\nname: 0001_a\noperations:\n  - name: a\n    target: db\n    sql: |\n      \
             SELECT 100 % {{ params.X }}\n    irreversible: x\n  - {name: a, manual: {ask: ok}}\n",
        ),
        ("manifests/demo/50%, c:d.yaml", "kind: migration\nname: \"50%, c:d\"\noperations: []\n"),
        ("orchestrate.yaml", "format: orchestrate/v1\nkind: project\nproduct: demo\nenvironment: {}\n"),
        ("upgrade-paths/demo.yaml", "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n  - {app: 1.30.0\n"),
    ])
}

#[test]
fn everything_is_told_in_one_report_in_the_order_of_places() {
    insta::assert_snapshot!(broken().run(&["lint"]).whole());
}

#[test]
fn as_json() {
    insta::assert_snapshot!(broken().run(&["lint", "--format", "json"]).whole());
}

#[test]
fn as_sarif() {
    let outcome = broken().run(&["lint", "--format", "sarif"]);
    let mut sarif = outcome.json();
    let driver = &mut sarif["runs"][0]["tool"]["driver"];
    let rules: Vec<&str> =
        driver["rules"].as_array().expect("there are rules").iter().filter_map(|rule| rule["id"].as_str()).collect();
    for result in outcome.json()["runs"][0]["results"].as_array().expect("there are results") {
        assert!(rules.contains(&result["ruleId"].as_str().expect("a result has a rule")), "{result}");
    }
    driver["rules"] = serde_json::Value::Null; // long, and every new rule changes it
    driver["version"] = serde_json::Value::Null;
    insta::assert_snapshot!(format!("exit code: {}\n{sarif:#}\n{}", outcome.code, outcome.stderr));
}

#[test]
fn as_annotations_of_github() {
    insta::assert_snapshot!(broken().run(&["lint", "--format", "github"]).whole());
}

#[test]
fn a_file_name_with_a_line_break() {
    let project = Project::with(&[("manifests/demo/a\nb.yaml", "kind: migration\n")]);
    let github = project.run(&["lint", "--format", "github"]).whole();
    let json = project.run(&["lint", "--format", "json"]).json();
    let text = project.run(&["lint"]).whole();
    insta::assert_snapshot!(format!("{github}--- json\n{}\n--- text\n{text}", json["findings"][0]["file"]));
}

#[test]
fn a_clean_project_in_every_format() {
    let project = Project::with(&[("orchestrate.yaml", "format: orchestrate/v1\nkind: project\n")]);
    let formats = ["text", "json", "github"].map(|format| project.run(&["lint", "--format", format]).whole());
    insta::assert_snapshot!(formats.join("\n"));
    let sarif = project.run(&["lint", "--format", "sarif"]);
    assert_eq!((sarif.code, &sarif.json()["runs"][0]["results"]), (0, &serde_json::json!([])));
}

#[test]
fn exit_codes() {
    let empty = Project::new();
    let broken = broken();
    let codes = [
        ("clean", crate::support::run_in(repository(), &["lint"]).code),
        ("findings", broken.run(&["lint"]).code),
        ("findings, as json", broken.run(&["lint", "--format", "json"]).code),
        ("findings, as sarif", broken.run(&["lint", "--format", "sarif"]).code),
        ("findings, as github", broken.run(&["lint", "--format", "github"]).code),
        ("a plan of a broken project", broken.run(&["plan", "--from", "1.0.0", "--to", "2.0.0"]).code),
        ("no project", empty.run(&["lint"]).code),
        ("no directory", empty.run(&["lint", "--project", "missing"]).code),
        ("an unknown format", empty.run(&["lint", "--format", "xml"]).code),
        ("an unknown option", empty.run(&["lint", "--fixx"]).code),
    ];
    insta::assert_snapshot!(codes.map(|(case, code)| format!("{code} {case}")).join("\n"));
}

/// With `-v`, standard error says how much was read and how long each part took; standard output stays the same.
#[test]
fn verbose_counts_and_times() {
    let project = Project::with(&[("orchestrate.yaml", "format: orchestrate/v1\nkind: project\n")]);
    let outcome = project.run(&["lint", "-v", "--format", "json"]);
    assert_eq!(outcome.stdout, project.run(&["lint", "--format", "json"]).stdout);
    let without_times: Vec<&str> =
        outcome.stderr.lines().map(|line| line.trim().split(" elapsed_ms=").next().unwrap_or_default()).collect();
    assert_eq!(
        without_times,
        ["INFO loaded files=1 bytes=37 products=0 migrations=0", "INFO checked findings=0"],
        "{}",
        outcome.whole()
    );
}

#[test]
fn a_directory_that_is_missing_or_holds_nothing() {
    let project = Project::new();
    let missing = project.run(&["lint", "--project", "missing"]).whole();
    let nothing = project.run(&["lint"]).whole();
    insta::assert_snapshot!(format!("{missing}\n{nothing}"));
}

#[test]
fn a_broken_project_stops_other_commands_with_the_same_report() {
    insta::assert_snapshot!(broken().run(&["plan", "--from", "1.0.0", "--to", "2.0.0"]).whole());
}
