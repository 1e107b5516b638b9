//! What YAML itself allows and the format does not, and what is no YAML.

use super::{migration, of, of_migration, of_project};
use crate::support::Project;

const FILE: &str = "manifests/demo/0001_a.yaml";

#[test]
fn duplicate_keys_name_both_places() {
    insta::assert_snapshot!(of_migration(
        "window: {min: 1.0.0, min: 1.1.0}\noperations: []\nprecheck:\n  - target: db\n    sql: SELECT 1\n    target: other\n\
         description: a\noperations: []\ndescription: b\ndescription: c\n"
    ));
}

#[test]
fn files_that_hold_nothing() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_empty.yaml", ""),
        ("manifests/demo/0002_comments.yaml", "# nothing\n# at all\n"),
        ("manifests/demo/0003_null.yaml", "---\n"),
        ("manifests/demo/0004_text.yaml", "just a text\n"),
        ("manifests/demo/0005_list.yaml", "- format: orchestrate/v1\n"),
        ("manifests/demo/0006_empty_mapping.yaml", "{}\n"),
    ]));
}

#[test]
fn files_that_are_no_yaml() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("description: it says: no\noperations: []\n")),
        ("manifests/demo/0002_b.yaml", &migration("description: \"never closed\noperations: []\n")),
        ("manifests/demo/0003_c.yaml", &migration("depends_on: [a, b\noperations: []\n")),
        ("manifests/demo/0004_d.yaml", &migration("window:\n\tmin: 1.0.0\noperations: []\n")),
        ("manifests/demo/0005_e.yaml", &migration("window:\n    min: 1.0.0\n  max: 2.0.0\noperations: []\n")),
        ("manifests/demo/0006_f.yaml", &migration("description: @home\noperations: []\n")),
        ("manifests/demo/0007_g.yaml", &migration("description: *home\noperations: []\n")),
        ("manifests/demo/0008_h.yaml", &migration("description: %home\noperations: []\n")),
        ("manifests/demo/0009_i.yaml", &migration("description: \"a\\qb\"\noperations: []\n")),
        ("manifests/demo/0010_j.yaml", &migration("operations: []\ndescription\n")),
        ("manifests/demo/0011_k.yaml", &migration("operations: [}\n")),
        (
            "manifests/demo/0012_l.yaml",
            &migration("operations:\n  - {name: a, manual: {ask: Is {{ params.X }} done?}}\n")
        ),
        ("manifests/demo/0013_m.yaml", &migration("operations:\n- name: a\n  sql: SELECT 1 # one\n   FROM x\n")),
    ]));
}

#[test]
fn files_that_are_not_utf8() {
    let project = Project::new();
    project.write("manifests/demo/0001_latin.yaml", b"format: orchestrate/v1\nkind: migration\ndescription: caf\xe9\n");
    project.write("manifests/demo/0002_utf16.yaml", b"\xff\xfef\0o\0r\0");
    project.write("manifests/demo/0003_nul.yaml", b"format: \0\n");
    insta::assert_snapshot!(of_project(&project));
}

#[test]
fn control_characters_reach_no_terminal() {
    let report =
        of_migration("description: a\nname2: b\n\"\\e[31mred\": x\nwindow: {min: \"\\e[2J\"}\noperations: []\n");
    assert!(!report.contains('\u{1b}'), "{report:?}");
    insta::assert_snapshot!(report);
}

#[test]
fn features_that_the_format_does_not_use() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("description: !secret x\noperations: []\n")),
        ("manifests/demo/0002_b.yaml", &migration("description: !!str 5\noperations: []\n")),
        ("manifests/demo/0003_c.yaml", &migration("window: &w {min: 1.0.0}\nother:\n  <<: *w\noperations: []\n")),
        ("manifests/demo/0004_d.yaml", &migration("services: {[a, b]: \">=1.0.0\"}\noperations: []\n")),
        ("manifests/demo/0005_e.yaml", &migration("? {a: b}\n: c\noperations: []\n")),
        ("manifests/demo/0006_f.yaml", &migration("description: {{ params.x }}\noperations: []\n")),
        ("manifests/demo/0007_g.yaml", &migration("operations: []\n---\nformat: orchestrate/v1\n")),
        (
            "manifests/demo/0008_h.yaml",
            "format: orchestrate/v1\nkind: migration\nname: 0008_h\non: x\n1.30: y\nnull: z\noperations: []\n"
        ),
        ("manifests/demo/0009_i.yaml", &migration("description: &d [*d]\noperations: []\n")),
    ]));
}

#[test]
fn an_anchor_is_repeated_and_its_problem_told_once() {
    insta::assert_snapshot!(of_migration(
        "precheck:\n  - &probe {target: db, sql: SELECT 1, expct: true}\n  - *probe\npostcheck:\n  - *probe\noperations: []\n"
    ));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_change_no_place() {
    let text = migration(
        "window: {min: 1.30}\noperations:\n  - name: a\n    target: db\n    irreversible: x\n    sql: |\n      SELECT 1\n      FROM {{ params.T }}\n",
    );
    let project = Project::new();
    project.write(FILE, format!("\u{feff}{}", text.replace('\n', "\r\n")));
    let windows = of_project(&project);
    assert_eq!(windows, of(&[(FILE, &text)]));
    insta::assert_snapshot!(windows);
}

#[test]
fn a_byte_order_mark_inside_and_lone_returns() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("description: a\rb\noperations: []\n")),
        ("manifests/demo/0002_b.yaml", &migration("\u{feff}description: a\noperations: []\n")),
    ]));
}

/// The report of a file that was made to exhaust the reader. How long it takes is no test's matter; the reports show that
/// the limits, and not the end of the file, stopped the reading.
fn hostile(text: &str) -> String {
    of_project(&Project::with(&[(FILE, text)]))
}

#[test]
fn twenty_thousand_levels_of_brackets() {
    insta::assert_snapshot!(hostile(&format!("a: {}", "[".repeat(20_000))));
}

#[test]
fn twenty_thousand_levels_of_closed_braces() {
    insta::assert_snapshot!(hostile(&format!("a: {}{}", "{a: ".repeat(20_000), "}".repeat(20_000))));
}

#[test]
fn twenty_thousand_levels_of_blocks() {
    insta::assert_snapshot!(hostile(&format!("{}a", "- ".repeat(20_000))));
}

#[test]
fn a_thousand_levels_of_indented_blocks() {
    let text: String = (0..1000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    insta::assert_snapshot!(hostile(&text));
}

#[test]
fn a_billion_laughs() {
    let mut text = "a0: &a0 ha\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    insta::assert_snapshot!(hostile(&text));
}

#[test]
fn a_large_anchor_two_thousand_times() {
    let text = format!("large: &large \"{}\"\nlist:\n{}", "x".repeat(50_000), "  - *large\n".repeat(2000));
    insta::assert_snapshot!(hostile(&text));
}

#[test]
fn anchors_around_anchors() {
    let mut text = format!("a: {}", (0..60).map(|level| format!("&a{level} [")).collect::<String>());
    text.push_str(&format!("\"{}\"{}", "x".repeat(1_000_000), "]".repeat(60)));
    let report = hostile(&text);
    assert!(report.contains("yaml-limits"), "{report}");
}

#[test]
fn five_thousand_mistakes_on_one_line_are_all_told() {
    let text = migration(&format!("depends_on: [{}]\noperations: []\n", vec!["1"; 5000].join(", ")));
    let project = Project::with(&[(FILE, &text)]);
    let json = project.run(&["lint", "--format", "json"]).json();
    assert_eq!(json["findings"].as_array().map(Vec::len), Some(5000));
    let report = project.run(&["lint"]);
    assert!(report.stdout.len() < 5_000_000, "{} bytes", report.stdout.len());
}

#[test]
fn names_of_a_million_letters() {
    let long = "x".repeat(1_000_000);
    let key = hostile(&migration(&format!("? {long}\n: 1\noperations: []\n")));
    let name = hostile(&migration(&format!("depends_on: [{long}]\nservices: {{a: \"{long}\"}}\noperations: []\n")));
    assert!(key.contains("unknown-key") && key.len() < 1000, "{} bytes", key.len());
    insta::assert_snapshot!(format!("{key}\n{name}"));
}

#[test]
fn a_file_over_sixteen_mebibytes() {
    insta::assert_snapshot!(hostile(&"#".repeat((16 << 20) + 1)));
}
