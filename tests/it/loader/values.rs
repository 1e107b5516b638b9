//! Values that are not what their key needs: versions, ranges, booleans, durations, expectations, parameters, settings.

use super::{of, of_migration, path, project};

#[test]
fn unquoted_versions_in_a_migration() {
    insta::assert_snapshot!(of_migration(
        "window: {min: 1.30, max: 1}\nservices:\n  clickhouse: 21.6\n  kubernetes: 1\noperations: []\n"
    ));
}

#[test]
fn unquoted_versions_in_an_upgrade_path() {
    insta::assert_snapshot!(of(&[(
        "upgrade-paths/demo.yaml",
        &path(
            "releases:\n  - {app: 1.30, chart: 16.1, provides: {clickhouse: 21.6}, needs: {kubernetes: 1.20}}\n  \
             - app: 2\n    chart: 1.0.0\nrequired_stops:\n  - app: 1.30\nblocked:\n  - {from: 1.3, to: 2, reason: x}\n\
             notes:\n  - {crossing: {chart: 11.0}, title: t, body: b}\nrecommended:\n  - {migrations: [], app: 1.30}\n"
        ),
    )]));
}

#[test]
fn booleans_that_only_some_readers_know() {
    insta::assert_snapshot!(of(&[
        (
            "manifests/demo/0001_a.yaml",
            &super::migration(
                "description: no\nparameters:\n  FLAG: {type: boolean, default: off}\n  WORD: {type: string, default: yes}\n  \
                 PICK: {type: enum, values: [on, \"off\"], default: on}\noperations:\n  - name: a\n    target: db\n    \
                 sql: SELECT 1\n    irreversible: yes\n    repeatable: yes\n    transaction: no\n"
            ),
        ),
        (
            "orchestrate.yaml",
            &project(
                "environments:\n  production:\n    vars: {debug: on}\n    settings: {auto_rollback: \"true\", auto_start: 1}\n"
            ),
        ),
        (
            "upgrade-paths/demo.yaml",
            &path("notes:\n  - {crossing: {app: 1.0.0}, title: t, body: b, acknowledge: yes}\n"),
        ),
    ]));
}

#[test]
fn empty_windows_and_versions_that_are_none() {
    insta::assert_snapshot!(of(&[
        ("manifests/demo/0001_a.yaml", &super::migration("window: {min: 1.34.0, max: 1.33.9}\noperations: []\n")),
        (
            "manifests/demo/0002_b.yaml",
            "format: orchestrate/v1\nkind: migration\nname: 0002_b\nwindow:\n  min: latest\n  max: \"1.33\"\noperations: []\n",
        ),
        (
            "upgrade-paths/demo.yaml",
            &path(
                "releases:\n  - {app: \">=1.30.0\", released: 28.02.2022}\n  - {app: 1.30.0.1}\n  - {app: 1.30.0, provides: {clickhouse: newest}}\n"
            ),
        ),
    ]));
}

#[test]
fn ranges() {
    insta::assert_snapshot!(of_migration(
        "services:\n  a: \">=1.28 <1.30\"\n  b: \">= 1.28 < 1.30\"\n  c: \">=1.0 || >=3.0\"\n  d: any version\n  \
         e: \">=2.0, <1.0\"\n  f: \">=1.0, newer\"\n  g: 1.20 - 1.24\n  h: \"\"\n  i: \">=1.20, <1.30\"\noperations: []\n"
    ));
}

#[test]
fn durations() {
    insta::assert_snapshot!(of_migration(
        "precheck:\n  - {target: db, sql: SELECT 1, timeout: 5}\n  - {target: db, sql: SELECT 1, timeout: 2 days}\n  \
         - {target: db, sql: SELECT 1, timeout: 1w}\n  - {target: db, sql: SELECT 1, timeout: soon}\n  \
         - {target: db, sql: SELECT 1, timeout: 0s}\n  - {target: db, sql: SELECT 1, timeout: [5s]}\n  \
         - {target: db, sql: SELECT 1, timeout: 90s}\noperations: []\n"
    ));
}

#[test]
fn expectations() {
    insta::assert_snapshot!(of_migration(
        "precheck:\n  - {target: db, sql: SELECT 1, expect: 1.50}\n  - {target: db, sql: SELECT 1, expect: yes}\n  \
         - {target: db, sql: SELECT 1, expect: done}\n  - {target: db, sql: SELECT 1, expect: \">=\"}\n  \
         - {target: db, sql: SELECT 1, expect: \"> much\"}\n  - {target: db, sql: SELECT 1, expect: [true]}\n  \
         - {target: db, sql: SELECT 1, expect: \">= {{ params.NONE }}\"}\n  - {target: db, sql: SELECT 1, expect: \"!= 0\"}\n\
         operations: []\n"
    ));
}

#[test]
fn parameters() {
    insta::assert_snapshot!(of_migration(
        "parameters:\n  A: {type: integer, default: many}\n  B: {type: integer, default: 5, min: 10}\n  \
         C: {type: integer, default: \"5\"}\n  D: {type: number, default: 1.5, max: 1.25}\n  \
         E: {type: string, default: 1.30}\n  F: {type: boolean, default: 1}\n  G: {type: date, default: 28.02.2022}\n  \
         H: {type: date, default: 2020-01-01, min: 2021-01-01}\n  I: {type: enum, values: [fast, slow], default: fats}\n  \
         J: {type: enum}\n  K: {type: enum, values: []}\n  L: {type: enum, value: [a]}\n  M: {type: text}\n  \
         N: {type: integer, min: 5, max: 1}\n  O: {type: integer, min: 1.5}\n  P: {type: boolean, min: 1}\n  \
         Q: {type: string, values: [a]}\n  R: {default: 1}\n  S: {type: string, default: [a]}\n  \
         T: {type: number, default: .inf}\n  U: {type: integer, default: null}\n  V: integer\noperations: []\n"
    ));
}

#[test]
fn a_parameter_that_is_wrong_is_declared_all_the_same() {
    insta::assert_snapshot!(of_migration(
        "parameters:\n  TEAM: {type: integer, default: many}\nprecheck:\n  - {target: db, sql: \"SELECT {{ params.TEAM }}\"}\n\
         operations: []\n"
    ));
}

#[test]
fn wrong_types_and_keys_without_a_value() {
    insta::assert_snapshot!(of_migration(
        "description: [a]\nwindow: min:1.30.0\nservices:\n  - clickhouse\ndepends_on: 0002_b\nprecheck: {target: db, sql: SELECT 1}\n\
         healthcheck:\npostcheck:\n  - SELECT 1\noperations:\n  name: a\n"
    ));
}

#[test]
fn settings_and_variables_of_environments() {
    insta::assert_snapshot!(of(&[(
        "orchestrate.yaml",
        &project(
            "environments:\n  production:\n    store: \"${STORE\"\n    targets:\n      a: {url: \"${1ST}\"}\n      \
             b: {url: \"${}\"}\n      c: {url: mysql://root:secret@host/db}\n      d: {url: localhost}\n      e: {database: x}\n      \
             f: {url: \"${URL:-postgres://localhost/x}\"}\n    vars: {a: 1, b: 1.30, c: \"${NOT OK}\"}\n    \
             services: {kubernetes: 1.22, postgres: new}\n    settings: {auto_rolback: true, max_concurrent: 0, default_timeout: 5}\n"
        ),
    )]));
}
