//! Operations and probes: kinds, undo, commands, names.

use super::{of, of_migration};

#[test]
fn no_kind_two_kinds_and_a_misspelt_one() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - name: none\n    target: db\n  - name: two\n    target: db\n    sql: SELECT 1\n    command: [ls]\n    \
         irreversible: x\n  - {name: misspelt, target: db, sqll: SELECT 1}\n  - name: empty\n    target: db\n    sql:\n    irreversible: x\n"
    ));
}

#[test]
fn ways_back() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - {name: neither, target: db, sql: SELECT 1}\n  - name: both\n    target: db\n    sql: SELECT 1\n    \
         undo: SELECT 2\n    irreversible: because\n  - {name: misspelt, target: db, sql: SELECT 1, undoo: SELECT 2}\n  \
         - {name: text, command: [ls], undo: SELECT 2}\n  - name: nested\n    command: [ls]\n    undo:\n      sql: SELECT 1\n      \
         undo: SELECT 2\n  - {name: watch, target: db, wait: {sql: SELECT 1}}\n"
    ));
}

#[test]
fn commands_are_lists() {
    insta::assert_snapshot!(of(&[
        (
            "templates/runbooks/restart.yaml",
            "format: orchestrate/v1\nkind: runbook\noperations:\n  - {name: a, command: helm upgrade demo}\n  \
             - name: b\n    command: |\n      set -e\n      helm ls | grep demo\n  - {name: c, command: []}\n  \
             - {name: d, command: [sleep, 5, 1.30]}\n  - {name: e, manual: {ask: ok?}, env: {A: b}}\n",
        ),
        (
            "templates/platforms/own.yaml",
            "format: orchestrate/v1\nkind: platform\ndeploy: []\nversion: {command: \"helm ls\"}\n",
        ),
    ]));
}

#[test]
fn names_and_repeated_names() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - {name: Create Table, target: db, sql: SELECT 1, irreversible: x}\n  \
         - {name: same, target: db, sql: SELECT 1, irreversible: x}\n  - {name: same, target: db, sql: SELECT 1, irreversible: x}\n  \
         - {target: db, sql: SELECT 1}\n"
    ));
}

#[test]
fn what_each_kind_needs() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - {name: a, sql: SELECT 1, irreversible: x}\n  - {name: b, target: db, for_each: {rows: SELECT 1}, irreversible: x}\n  \
         - {name: c, target: db, copy: {from: a, to: b, by: [], verify: sum, parallel: 0}, irreversible: x}\n  \
         - {name: d, target: db, backfill: {table: a, key: []}, irreversible: x}\n  \
         - {name: e, target: db, backfill: {table: a, key: id, set: x = 1, sql: UPDATE a}, irreversible: x}\n  \
         - {name: f, target: db, wait: SELECT 1}\n  - {name: g, target: db, verify: {expect: true}}\n  \
         - {name: h, http: {methd: GET, url: x, expect_status: 99}, irreversible: x}\n  - {name: i, manual: {}}\n  \
         - {name: j, http: {method: FETCH, url: x, expect_status: \"200\"}, irreversible: x}\n  \
         - {name: k, manual: {ask: ok}, done_when: SELECT 1, retry: {attempts: 0, backof: 5s}, scope: shard}\n"
    ));
}

#[test]
fn probes_and_progress() {
    insta::assert_snapshot!(of_migration(
        "required: {}\nprecheck:\n  - {target: db}\n  - {sql: SELECT 1}\n  - {target: db, sql: SELECT 1, command: [ls]}\n  \
         - {target: db, sqll: SELECT 1}\n  - {http: {}}\nprogress: {target: db, done: SELECT 1}\noperations: []\n"
    ));
}

#[test]
fn a_broken_action_does_not_hide_the_rest_of_its_operation() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - name: a\n    target: db\n    sql: \"{{ params.NONE }}\"\n    undo: \"{{ params.NEITHER }}\"\n    timeout: 5\n    colour: red\n  \
         - name: b\n    command: ls\n    timeout: 5\n    colour: red\n"
    ));
}

#[test]
fn copies_and_backfills() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - {name: a, target: db, copy: {from: x, to: \" x\", by: id, final: true}, irreversible: x}\n  \
         - {name: b, target: db, copy: {from: x, to: z, by: [x.id, id, id], columns: [\"n.a\", \"{{ params.X }}\"], parallel: 257}, irreversible: x}\n  \
         - {name: c, target: db, copy: {from: x, to: z, by: partition, final: true, columns: id, where: \"where a = 1\"}, irreversible: x}\n  \
         - {name: d, target: db, backfill: {table: x, key: lower(email), where: \"\", set: \"SET a = 1;\"}, irreversible: x}\n  \
         - {name: e, target: db, backfill: {table: x, key: id, where: a IS NULL; , set: a = 1}, irreversible: x}\n  \
         - {name: f, target: db, backfill: {table: x, key: id, sql: UPDATE x SET a = 1 WHERE id > :low}, irreversible: x}\n  \
         - name: g\n    target: db\n    irreversible: x\n    backfill:\n      table: x\n      key: id\n      \
         sql: UPDATE x SET a = ':low', b = b::high -- :high\n  \
         - name: h\n    target: db\n    irreversible: x\n    backfill:\n      table: x\n      key: [a, b]\n      where: \"{{ item.a }}\"\n      \
         sql: UPDATE x SET a = 1 WHERE (a, b) BETWEEN :low AND :high\n"
    ));
}

#[test]
fn throttles() {
    insta::assert_snapshot!(of_migration(
        "throttle:\n  - {target: db, sql: SELECT 1}\n  - {name: Lag, target: db, sql: SELECT 1}\n  - {name: same, file: /run/hold, expect: false}\n  \
         - {name: same, file: /run/hold, expect: false}\n  - {name: nothing}\n  - {name: two, file: /a, command: [ls]}\n  \
         - {name: short, file: /a, every: 99ms}\n  - {name: near, file: hold}\n  - {name: template, target: db, sql: SELECT 1, expect: \"< {{ params.X }}\"}\n  \
         - {name: later, target: db, sql: SELECT 1, expect: \"< 5\", resume: \"< {% if true %}3{% endif %}\"}\n  \
         - {name: flaps, target: db, sql: SELECT 1, expect: \"< 5\", resume: \"<= 5\"}\n  - {name: turned, file: /a, expect: false, resume: true}\n  \
         - {name: misspelt, file: /a, resum: false, evry: 1s}\n  - {name: bare, target: db, sql: SELECT 1, expect: 5, every: 5}\noperations: []\n"
    ));
}

#[test]
fn a_throttle_is_no_mapping() {
    insta::assert_snapshot!(of_migration("throttle: {name: lag, file: /a}\noperations: []\n"));
}
