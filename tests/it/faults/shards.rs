//! Shards of ClickHouse: each host's outcome by itself, and one failure is a failure.

use orchestrate::run::{Direction, Event};

use super::frozen::has;
use super::installation::{Entry, Installation, On};
use super::line::Line;
use super::trail::{assert_sound, whole};
use crate::support::servers::ClickHouse;

const NAME: &str = "0001_shards";

const SHARDS: &str = "\
operations:
  - name: rows
    target: main
    scope: each_shard
    for_each: {rows: SELECT name FROM items ORDER BY name, sql: \"INSERT INTO kept SELECT {{ item.name }}\"}
    repeatable: true
    undo: INSERT INTO effects SELECT concat('undo ', {{ item.name }})
  - name: never
    target: main
    scope: each_shard
    sql: INSERT INTO effects VALUES ('never')
    repeatable: true
    undo: INSERT INTO effects VALUES ('undo never')
";

/// An installation of two shards, each with its own tables.
async fn two_shards(on: On) -> (Installation, [ClickHouse; 2]) {
    let mut installation = Installation::on(on).await;
    installation.lease = "2s";
    let first = installation.clickhouse().clone();
    let second = first.on_second_shard().await;
    installation.tables(2).await;
    for statement in [
        "CREATE TABLE effects (name String) ENGINE = MergeTree ORDER BY name",
        "CREATE TABLE items (name String) ENGINE = MergeTree ORDER BY name",
        "INSERT INTO items VALUES ('row 001'), ('row 002')",
    ] {
        second.run(statement).await;
    }
    (installation, [first, second])
}

/// What happened to each host's parts: `name host part event`.
fn outcomes(journal: &[Entry]) -> Vec<String> {
    let mut hosts = std::collections::BTreeMap::new();
    let mut lines = Vec::new();
    for entry in journal {
        if let Event::Prepared { operation, direction, parts, .. } = &entry.event {
            hosts.insert((operation.clone(), *direction), parts.clone());
        }
        let Some(unit) = entry.event.unit() else { continue };
        let parts = hosts.get(&(unit.operation.clone(), unit.direction)).expect("they were prepared");
        let part = &parts[usize::try_from(unit.part).expect("a small number")];
        let item = part.item.as_ref().and_then(|item| item.get("name")).and_then(|name| name.as_str());
        let way = if unit.direction == Direction::Undo { "undo " } else { "" };
        let (host, item) = (part.host.as_deref().unwrap_or("-"), item.unwrap_or("-"));
        lines.push(format!("{way}{} {host} {item} {}", unit.operation, entry.event.name()));
    }
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failing_shard_fails_the_operation_and_only_what_began_is_taken_back() {
    for on in [On::OldClickHouse, On::ClickHouse] {
        let (installation, [first, second]) = two_shards(on).await;
        installation.migration(NAME, SHARDS);
        // The second shard has no such table.
        first.run("CREATE TABLE kept (name String) ENGINE = MergeTree ORDER BY name").await;
        let ended = installation.run(&["start", NAME]).await;
        assert_eq!(ended.code, Some(8), "{on:?}: {ended:?}");
        let journal = installation.journal(NAME).await;
        assert_sound(&journal, "one shard fails");
        let outcomes = outcomes(&journal);
        let second_only: Vec<&String> = outcomes.iter().filter(|line| line.contains("127.0.0.2")).collect();
        assert_eq!(second_only, ["rows 127.0.0.2 row 001 attempted", "rows 127.0.0.2 row 001 failed"], "{on:?}");
        assert!(outcomes.contains(&"rows 127.0.0.1 row 001 done".to_owned()), "{on:?}: {outcomes:?}");
        assert_eq!(second.run("SELECT name FROM effects").await, "", "{on:?}: what was refused is not taken back");
        let undone = first.run("SELECT name FROM effects ORDER BY name DESC").await;
        let attempted: Vec<String> = first
            .run("SELECT name FROM kept ORDER BY name DESC")
            .await
            .lines()
            .map(|name| format!("undo {name}"))
            .collect();
        assert_eq!(undone.lines().collect::<Vec<_>>(), attempted, "{on:?}\n{}", whole(&journal));
        let is_because =
            |entry: &Entry| matches!(&entry.event, Event::RollingBack { because } if because.contains("127.0.0.2"));
        assert!(journal.iter().any(is_because), "{on:?}: {journal:?}");
    }
}

const RETRIED: &str = "\
operations:
  - {name: wait, target: main, wait: {sql: SELECT count() > 0 FROM effects, every: 50ms}}
  - name: each
    target: main
    scope: each_shard
    sql: INSERT INTO effects VALUES ('each')
    retry: {attempts: 20, backoff: 50ms}
    undo: INSERT INTO effects VALUES ('undo each')
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_is_away_for_a_moment_is_asked_again() {
    for on in [On::OldClickHouse, On::ClickHouse] {
        let (installation, [first, second]) = two_shards(on).await;
        installation.migration(NAME, RETRIED);
        let lines = Line::to_two_shards(&installation.target_url).await;
        let through = lines[0].through(&installation.target_url);
        let process = installation.begin(&["start", NAME], &[("TARGET_URL", &through)]);
        installation.until(NAME, "waiting", |journal| has(journal, "attempted")).await;
        lines[1].go_down();
        first.run("INSERT INTO effects VALUES ('go')").await;
        installation.until(NAME, "failed", |journal| has(journal, "failed")).await;
        lines[1].come_back();
        let ended = process.end().await;
        assert_eq!(ended.code, Some(0), "{on:?}: {ended:?}");
        assert_sound(&installation.journal(NAME).await, "away for a moment");
        assert_eq!(first.run("SELECT name FROM effects ORDER BY name").await, "each\ngo");
        assert_eq!(second.run("SELECT name FROM effects").await, "each");
    }
}

const CLUSTER: &str = "\
operations:
  - name: table
    target: main
    scope: cluster
    sql: CREATE TABLE {{ vars.word | ident }}.t (a Int32) ENGINE = Log
    done_when: SELECT count() = 2 FROM cluster('two_nodes', system.tables) WHERE database = {{ vars.word }} AND name = 't'
    undo: DROP TABLE {{ vars.word | ident }}.t
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_on_the_cluster_reaches_every_host_and_back() {
    let (mut installation, [first, second]) = two_shards(On::OldClickHouse).await;
    installation.variables.insert("CLUSTER".to_owned(), "two_nodes".to_owned());
    installation.variables.insert("WORD".to_owned(), first.database.clone());
    installation.migration(NAME, CLUSTER);
    let ended = installation.run(&["start", NAME]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for host in [&first, &second] {
        assert_eq!(host.run("EXISTS TABLE t").await, "1");
    }
    let ended = installation.run(&["rollback", NAME]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for host in [&first, &second] {
        assert_eq!(host.run("EXISTS TABLE t").await, "0");
    }
    // One host that cannot fails the whole.
    second.run("CREATE TABLE t (a Int32) ENGINE = Log").await;
    let ended = installation.run(&["start", NAME]).await;
    assert_eq!(ended.code, Some(8), "{ended:?}");
}
