//! The loader's promise: every problem of every file in one report, each at its place, with what to write instead.
//!
//! Each trap is a snapshot of the whole report as a person sees it, followed by the places as JSON tells them.

mod documents;
mod keys;
mod mutations;
mod operations;
mod references;
mod templates;
mod values;
mod yaml;

use std::fmt::Write as _;

use crate::support::Project;

/// A migration `0001_a` with these lines after its name.
fn migration(rest: &str) -> String {
    format!("format: orchestrate/v1\nkind: migration\nname: 0001_a\n{rest}")
}

/// An upgrade path with these lines after its kind.
fn path(rest: &str) -> String {
    format!("format: orchestrate/v1\nkind: upgrade-path\n{rest}")
}

/// A project file with these lines after its kind.
fn project(rest: &str) -> String {
    format!("format: orchestrate/v1\nkind: project\n{rest}")
}

/// The report of one migration file.
fn of_migration(rest: &str) -> String {
    of(&[("manifests/demo/0001_a.yaml", &migration(rest))])
}

/// The report of a project with these files: as text, then place and rule of each finding as JSON.
fn of(files: &[(&str, &str)]) -> String {
    of_project(&Project::with(files))
}

fn of_project(project: &Project) -> String {
    let text = project.run(&["lint"]);
    let json = project.run(&["lint", "--format", "json"]);
    assert_eq!(text.code, json.code, "the exit code depends on the format");
    let mut report = text.whole();
    report.push_str("--- places\n");
    for finding in json.json()["findings"].as_array().expect("findings are a list") {
        let place = |of: &serde_json::Value| {
            let file = of["file"].as_str().expect("a finding has a file");
            format!("{file}:{}:{}", of["line"], of["column"])
        };
        let rule = finding["rule"].as_str().expect("a finding has a rule");
        writeln!(report, "{} {rule}", place(finding)).expect("a string can be written to");
        for related in finding["related"].as_array().expect("related places are a list") {
            writeln!(report, "  {}", place(related)).expect("a string can be written to");
        }
    }
    report
}
