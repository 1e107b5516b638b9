//! How often an undo runs: once, for each row that was begun, or on each host.

use orchestrate::manifest::{SourceFile, load_migration};
use orchestrate::model::Engine;
use orchestrate::run::{Script, TaskKind, Undoing};

/// Whether the undo of an operation runs for each of its parts, what kind it is, and whether it is harmless a second time.
fn undo(operation: &str) -> (bool, TaskKind, bool) {
    let text = format!(
        "format: orchestrate/v1\nkind: migration\nname: a\noperations:\n  - {{name: a, target: db, {operation}}}\n"
    );
    let file = SourceFile { path: "manifests/shop/a.yaml".into(), bytes: text.into_bytes() };
    let migration = load_migration(file).expect("the migration is well formed");
    let script = Script::of(&migration, |_| Some(Engine::ClickHouse));
    match &script.tasks[0].undo {
        Undoing::Task { task, of_parts } => (*of_parts, task.kind, task.evidence.repeatable),
        Undoing::Nothing | Undoing::Irreversible(_) => panic!("it has an undo"),
    }
}

#[test]
fn an_undo_runs_for_each_row_where_it_names_the_row() {
    let rows = |undo_: &str| {
        undo(&format!("for_each: {{rows: SELECT 1 AS t, sql: 'SELECT {{{{ item.t }}}}'}}, undo: {undo_}"))
    };
    assert_eq!(rows("'SELECT {{ item.t }}'"), (true, TaskKind::Single, true));
    assert_eq!(rows("SELECT 1"), (false, TaskKind::Single, true));
    assert_eq!(rows("{target: db, sql: SELECT 1}"), (false, TaskKind::Single, false));
    assert_eq!(rows("{target: db, sql: SELECT 1, done_when: 'SELECT {{ item.t }}'}"), (true, TaskKind::Single, false));
    assert_eq!(rows("{command: [undo, '{{ item.t }}'], repeatable: true}"), (true, TaskKind::Single, true));
    let own_rows = "{target: db, for_each: {rows: SELECT 2 AS t, sql: 'SELECT {{ item.t }}'}}";
    assert_eq!(rows(own_rows), (false, TaskKind::Parts, false));
}

#[test]
fn an_undo_runs_on_the_hosts_of_what_it_takes_back() {
    assert_eq!(undo("scope: each_shard, sql: SELECT 1, undo: SELECT 1"), (true, TaskKind::Parts, true));
    let once = "scope: each_shard, sql: SELECT 1, undo: {target: db, sql: SELECT 1, repeatable: true}";
    assert_eq!(undo(once), (false, TaskKind::Single, true));
}

#[test]
fn an_undo_that_adds_rows_is_not_harmless_a_second_time() {
    assert_eq!(undo("sql: SELECT 1, undo: DROP TABLE IF EXISTS a"), (false, TaskKind::Single, true));
    assert_eq!(undo("sql: SELECT 1, undo: ' insert INTO a SELECT 1'"), (false, TaskKind::Single, false));
}
