//! What leads from one file to another, and what must not be told twice.

use super::{migration, of, path, project};

/// A migration of any name.
fn named(name: &str, rest: &str) -> String {
    format!("format: orchestrate/v1\nkind: migration\nname: {name}\n{rest}")
}

#[test]
fn references_to_nothing() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("depends_on: [0002_bb, nothing-like-it]\noperations: []\n")),
        ("manifests/demo/0002_b.yaml", &named("0002_b", "operations: []\n")),
        (
            "upgrade-paths/demo.yaml",
            &path(
                "releases:\n  - {app: 1.30.0}\nrecommended:\n  - {migrations: [0001_a, 0002_c], app: 1.30.0}\n\
                 required_stops:\n  - {app: 1.31.0, reason: x}\n"
            ),
        ),
        (
            "orchestrate.yaml",
            &project(
                "product: demoo\nenvironments:\n  production:\n    targets:\n      clickhouse: {url: http://localhost}\n    platform: hlem\n  \
                 staging:\n    platform: nomad\n"
            ),
        ),
    ]));
}

#[test]
fn targets_that_an_environment_does_not_declare() {
    insta::assert_snapshot!(of(&[
        (
            "manifests/demo/0001_a.yaml",
            &migration(
                "precheck:\n  - {target: postgres, sql: SELECT 1}\noperations:\n  - name: a\n    target: clickhous\n    sql: SELECT 1\n    \
                 undo: {target: sqlite, sql: SELECT 1}\n"
            ),
        ),
        (
            "orchestrate.yaml",
            &project(
                "environments:\n  production:\n    platform: helm\n    targets:\n      clickhouse: {url: http://localhost}\n  staging: {}\n"
            ),
        ),
    ]));
}

#[test]
fn a_target_with_a_wrong_url_is_declared_all_the_same() {
    insta::assert_snapshot!(of(&[
        (
            "manifests/demo/0001_a.yaml",
            &migration("operations:\n  - {name: a, target: db, sql: SELECT 1, irreversible: x}\n"),
        ),
        ("orchestrate.yaml", &project("environments:\n  production:\n    targets:\n      db: {url: \"${DB\"}\n")),
    ]));
}

#[test]
fn dependencies_in_a_circle() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0000_zero.yaml", &named("0000_zero", "operations: []\n")),
        ("manifests/demo/0001_a.yaml", &migration("depends_on: [0000_zero, 0003_c]\noperations: []\n")),
        ("manifests/demo/0002_b.yaml", &named("0002_b", "depends_on:\n  - 0000_zero\n  - 0001_a\noperations: []\n")),
        ("manifests/demo/0003_c.yaml", &named("0003_c", "depends_on: [0002_b]\noperations: []\n")),
        ("manifests/demo/0004_d.yaml", &named("0004_d", "depends_on: [0000_zero, 0004_d]\noperations: []\n")),
    ]));
}

#[test]
fn the_same_thing_twice() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("operations: []\n")),
        ("manifests/demo/0001_a.yml", &migration("operations: []\n")),
        (
            "upgrade-paths/demo.yaml",
            &path(
                "releases:\n  - {app: 1.30.0, chart: 1.0.0}\n  - {app: 1.30.0, chart: 2.0.0}\n  - {app: 1.30.0, chart: 1.0.0}\n\
                 recommended:\n  - {migrations: [0001_a], app: 1.30.0}\n  - {migrations: [0001_a], app: 1.30.0}\n"
            ),
        ),
        ("upgrade-paths/demo.yml", &path("title: Again\n")),
        (
            "upgrade-paths/demo.one.releases.yaml",
            "format: orchestrate/v1\nkind: releases\nreleases:\n  - {app: 1.31.0}\n",
        ),
        (
            "upgrade-paths/demo.two.releases.yaml",
            "format: orchestrate/v1\nkind: releases\nreleases:\n  - {app: 1.31.0}\n  - {app: 1.30.0, chart: 2.0.0}\n",
        ),
        (
            "templates/platforms/own.yaml",
            "format: orchestrate/v1\nkind: platform\ndeploy: []\nversion: {command: [v]}\n"
        ),
        (
            "templates/platforms/own.yml",
            "format: orchestrate/v1\nkind: platform\ndeploy: []\nversion: {command: [v]}\n"
        ),
    ]));
}

#[test]
fn recommended_outside_of_the_window() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("window:\n  min: 1.30.0\n  max: 1.33.9\noperations: []\n")),
        (
            "upgrade-paths/demo.yaml",
            &path("releases:\n  - {app: 1.34.0}\nrecommended:\n  - migrations: [0001_a]\n    app: 1.34.0\n"),
        ),
    ]));
}

#[test]
fn a_broken_file_is_no_reference_to_nothing_but_other_holes_are_still_told() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &migration("depends_on: [0002_b, 0003_c, 0004_none]\noperations: []\n")),
        ("manifests/demo/0002_b.yaml", "this: is: not yaml\n"),
        ("manifests/demo/0003_c.yaml", &named("0003_cc", "operations: []\n")),
        (
            "upgrade-paths/demo.yaml",
            &path(
                "releases:\n  - {app: 1.30}\nrecommended:\n  - {migrations: [0002_b], app: 1.31.0}\nrequired_stops:\n  - {app: 1.30.0}\n"
            ),
        ),
        ("orchestrate.yaml", &project("environments:\n  production: {platform: own}\n")),
        ("templates/platforms/own.yaml", "format: orchestrate/v1\nkind: platform\n"),
    ]));
}

#[test]
fn releases_that_belong_to_no_path() {
    insta::assert_snapshot!(of(&[
        ("upgrade-paths/demo.yaml", &path("title: Demo\n")),
        ("upgrade-paths/other.yaml", &path("product: another\n")),
        ("upgrade-paths/more.yaml", "format: orchestrate/v1\nkind: releases\nreleases: []\n"),
        ("upgrade-paths/most.yaml", "format: orchestrate/v1\nkind: releases\nproduct: none\nreleases: []\n"),
    ]));
}
