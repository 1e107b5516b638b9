//! Templates that cannot be parsed or name something undefined: the place is inside the YAML file, under the name itself.

use super::{migration, of, of_migration, path};

/// One operation with this text as its statement, written as YAML.
fn statement(yaml: &str) -> String {
    of_migration(&format!("operations:\n  - name: a\n    target: db\n    irreversible: x\n    sql: {yaml}\n"))
}

#[test]
fn in_plain_and_quoted_texts() {
    insta::assert_snapshot!(of_migration(
        "operations:\n  - {name: a, target: db, irreversible: x, sql: 'SELECT ''{{ params.ONE }}'' AS x'}\n  \
         - {name: b, target: db, irreversible: x, sql: \"SELECT \\\"a\\\" \\u00e9 {{ params.TWO }}\"}\n  \
         - name: c\n    target: db\n    irreversible: é {{ not a template }}\n    sql: SELECT é {{ params.THREE }} FROM x\n  \
         - name: d\n    target: db\n    irreversible: x\n    sql: \"SELECT 1,\n      {{ params.FOUR }},\\\n      {{ params.FIVE }}\"\n  \
         - name: e\n    target: db\n    irreversible: x\n    sql: SELECT 1\n      FROM {{ params.SIX }}\n"
    ));
}

#[test]
fn in_a_literal_block() {
    insta::assert_snapshot!(statement(
        "|\n      SELECT 1\n      FROM {{ params.TABLE }}\n\n        WHERE {{ vars.x }} = {{ item.y }}"
    ));
}

#[test]
fn in_a_folded_block() {
    insta::assert_snapshot!(statement(
        ">-\n      SELECT 1\n      FROM {{ params.TABLE }}\n\n      WHERE {{ vars.x }}\n      = {{ step.charts }}"
    ));
}

#[test]
fn in_a_block_with_a_comment_and_an_indent() {
    insta::assert_snapshot!(statement("|2- # {{ params.NOT }}\n        SELECT {{ params.TABLE }}"));
}

#[test]
fn the_second_occurrence_of_a_line() {
    insta::assert_snapshot!(statement(
        "|\n      SELECT {{ params.T }}, 1\n      SELECT {{ params.T }}\n      SELECT {{ params.T }}"
    ));
}

#[test]
fn in_every_part_of_an_operation() {
    insta::assert_snapshot!(of_migration(
        "parameters: {TEAM_ID: {type: integer}}\nprecheck:\n  - {target: db, sql: SELECT 1, message: \"{{ value }} of {{ TEAM_ID }}\"}\n\
         operations:\n  - name: a\n    target: db\n    for_each:\n      rows: SELECT {{ item.x }}\n      sql: |\n        SELECT {{ item.x }},\n        {{ params.TEAM }}\n    \
         undo: DROP {{ item.x }} {{ itm.y }}\n    done_when: SELECT {{ value }}\n  - name: b\n    command: [ls, \"{{ run.idd }}\"]\n    env: {A: \"{{ params.NO }}\"}\n    \
         cwd: \"{{ target.path }}\"\n    undo:\n      command: [ls, \"{{ stepp.app }}\"]\n"
    ));
}

#[test]
fn in_a_note_and_an_image_tag() {
    insta::assert_snapshot!(of(&[(
        "upgrade-paths/demo.yaml",
        &path(
            "image_tag: release-{{ step.ap }}\nnotes:\n  - crossing: {app: 1.0.0}\n    title: t\n    body: |\n      First.\n\n      - Then {{ params.X }}\n        and {{ step.app | uper }}.\n"
        ),
    )]));
}

#[test]
fn that_cannot_be_parsed() {
    insta::assert_snapshot!(of(&[(
        "manifests/demo/0001_a.yaml",
        &migration(
            "operations:\n  - name: a\n    target: db\n    irreversible: x\n    sql: |\n      SELECT 1\n      FROM {{ params.X\n      WHERE 1\n  \
                 - {name: b, target: db, irreversible: x, sql: \"{% if vars.x %}SELECT 1\"}\n  \
                 - {name: c, target: db, irreversible: x, sql: \"SELECT {{ }}\"}\n  \
                 - {name: d, target: db, irreversible: x, sql: \"SELECT {% frob %}\"}\n  \
                 - {name: e, target: db, irreversible: x, sql: \"SELECT {{ f(1) }} {{ vars.a | nope }} {{ vars.a is odder }}\"}\n  \
                 - {name: f, target: db, irreversible: x, sql: \"SELECT {{ vars.a b }}\"}\n  \
                 - {name: g, target: db, irreversible: x, sql: \"SELECT {# never closed\"}\n"
        ),
    ),]));
}
