//! What each rule says, as people see it: on the smallest project that breaks it, and on two that PostHog really had.

use std::path::PathBuf;

use crate::support::{Project, repository, run_in};

/// What `lint` says of a project with one migration.
fn lint(migration: &str) -> String {
    let path = "format: orchestrate/v1\nkind: upgrade-path\ntitle: Shop\nreleases:\n  - {app: 1.0.0, chart: 3.0.0}\n";
    lint_with_path(migration, path)
}

fn lint_with_path(migration: &str, path: &str) -> String {
    let migration = format!("format: orchestrate/v1\nkind: migration\nname: 0001_orders\n{migration}");
    let files = [("manifests/shop/0001_orders.yaml", migration.as_str()), ("upgrade-paths/shop.yaml", path)];
    Project::with(&files).run(&["lint"]).whole()
}

fn fixture(name: &str) -> PathBuf {
    repository().join("tests/fixtures").join(name)
}

#[test]
fn recommended_chart() {
    let path = "format: orchestrate/v1
kind: upgrade-path
title: Shop
releases:
  - {app: 1.0.0, chart: 3.0.0}
  - {app: 1.1.0, chart: 3.1.0}
recommended:
  - {migrations: [0001_orders], app: 1.0.0, chart: 3.1.0}
";
    insta::assert_snapshot!(lint_with_path("operations: []\n", path));
}

#[test]
fn absolute_threshold() {
    insta::assert_snapshot!(lint(
        "healthcheck:
  - {target: clickhouse, sql: SELECT min(free_space) FROM system.disks, expect: \">= 1000000000\"}
operations:
  - name: create-new-orders
    target: clickhouse
    sql: CREATE TABLE IF NOT EXISTS orders_new AS orders
    repeatable: true
    undo: DROP TABLE IF EXISTS orders_new
"
    ));
}

#[test]
fn not_repeatable() {
    insta::assert_snapshot!(lint(
        "operations:
  - name: pause-ingestion
    target: clickhouse
    sql: DETACH TABLE orders_mv PERMANENTLY
    undo: ATTACH TABLE IF NOT EXISTS orders_mv
  - name: create-new-orders
    target: clickhouse
    sql: CREATE TABLE IF NOT EXISTS orders_new AS orders
    undo: DROP TABLE IF EXISTS orders_new
"
    ));
}

#[test]
fn foreign_dialect() {
    insta::assert_snapshot!(lint(
        "required: {target: clickhouse, sql: SELECT count(*) > 0 FROM pg_class}
operations:
  - name: create-new-orders
    target: postgres
    sql: |
      CREATE TABLE orders_new (id UInt64, note Nullable(String))
      ENGINE = MergeTree ORDER BY id
    undo: DROP TABLE orders_new
"
    ));
}

#[test]
fn several_statements() {
    insta::assert_snapshot!(lint(
        "operations:
  - name: drop-leftovers
    target: clickhouse
    sql: DROP TABLE IF EXISTS orders_old; DROP TABLE IF EXISTS orders_older;
    repeatable: true
    irreversible: nobody needs them
"
    ));
}

#[test]
fn progress_division() {
    insta::assert_snapshot!(lint(
        "progress:
  target: clickhouse
  sql: SELECT 100 * (SELECT count() FROM orders_new) / (SELECT count() FROM orders)
operations: []
"
    ));
}

#[test]
fn required_flips() {
    insta::assert_snapshot!(lint(
        "required:
  target: clickhouse
  sql: SELECT count() = 0 FROM system.tables WHERE name = 'orders_new'
operations:
  - name: create-new-orders
    target: clickhouse
    sql: CREATE TABLE IF NOT EXISTS orders_new AS orders
    repeatable: true
    undo: DROP TABLE IF EXISTS orders_new
  - name: copy-orders
    target: clickhouse
    copy: {from: orders, to: orders_new, by: partition}
    undo: TRUNCATE TABLE IF EXISTS orders_new
"
    ));
}

#[test]
fn copy_unverified() {
    insta::assert_snapshot!(lint(
        "operations:
  - name: copy-orders
    target: postgres
    sql: INSERT INTO orders_new SELECT * FROM orders
    irreversible: the rows stay
  - name: copy-lines
    target: postgres
    copy: {from: lines, to: lines_new, by: id, verify: none}
    irreversible: the rows stay
"
    ));
}

#[test]
fn undo_drops_only_copy() {
    insta::assert_snapshot!(lint(
        "operations:
  - name: create-new-orders
    target: postgres
    sql: CREATE TABLE orders_new (LIKE orders)
    undo: DROP TABLE orders_new
  - name: copy-orders
    target: postgres
    copy: {from: orders, to: orders_new, by: id}
    undo: TRUNCATE orders
  - name: drop-orders
    target: postgres
    sql: DROP TABLE orders
    undo: CREATE TABLE orders (LIKE orders_new)
"
    ));
}

/// The example of PostHog's handbook, rewritten with all its slips.
#[test]
fn the_sample_of_the_handbook() {
    insta::assert_snapshot!(run_in(&fixture("handbook-sample"), &["lint"]).whole());
}

/// The gate that shut PostHog's users out of 1.40: https://github.com/PostHog/posthog/pull/12292 opened it.
#[test]
fn the_gate_of_posthog_1_40() {
    insta::assert_snapshot!("gate_lint", run_in(&fixture("posthog-1.40-gate"), &["lint"]).whole());
    let plan = run_in(&fixture("posthog-1.40-gate"), &["plan", "--from", "1.37.1", "--to", "1.40"]);
    assert_eq!(plan.code, 4);
    insta::assert_snapshot!("gate_plan", plan.whole());
}

#[test]
fn every_rule_explains_itself() {
    let list = run_in(repository(), &["lint", "--explain"]);
    assert_eq!(list.code, 0, "{}", list.whole());
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.is_sorted() && names.len() > 40, "{names:?}");
    for name in names {
        let explained = run_in(repository(), &["lint", "--explain", name]);
        let lines = explained.stdout.lines().filter(|line| !line.is_empty()).count();
        assert!(explained.code == 0 && lines >= 2, "{}", explained.whole());
    }
}
