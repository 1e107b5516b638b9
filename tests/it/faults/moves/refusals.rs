//! What is refused before the start, in its words.

use super::{Move, NAME, Size, What};
use crate::faults::installation::On;
use crate::support::assert_whole;

const SIZE: Size = Size { rows: 24, is_slow: false, parallel: 1, partitions: 2 };

/// What the program says about a move whose operation and tables were changed.
async fn refused(on: On, statements: &[&str], action: &str) -> String {
    refused_after(on, statements, "", action).await
}

/// The same where something comes first.
async fn refused_after(on: On, statements: &[&str], first: &str, action: &str) -> String {
    let what = if on == On::ClickHouse { What::ByPartition } else { What::ByKey };
    let moved = Move::new(what, on, SIZE).await;
    if what == What::ByPartition {
        moved.installation.sql(&[DESTINATION]).await;
    }
    moved.installation.sql(statements).await;
    let operation = format!("  - {{name: move, target: main, {action}, irreversible: It is kept}}\n");
    moved.installation.migration(NAME, &format!("operations:\n{first}{operation}"));
    let ended = moved.installation.run(&["start", NAME]).await;
    let action = if first.is_empty() { action.to_owned() } else { format!("{}, {action}", first.trim()) };
    let mut said = format!("--- {action}\nexit code: {:?}\n{}{}", ended.code, ended.stdout, ended.stderr);
    if let Some(clickhouse) = (on == On::ClickHouse).then(|| moved.installation.clickhouse()) {
        said = said.replace(&clickhouse.database, "[database]");
    }
    said
}

const DESTINATION: &str =
    "CREATE TABLE destination (id UInt64, day UInt8, n UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY id";
const BY_ID: &str = "copy: {from: source, to: destination, by: id}";
const BY_PARTITION: &str = "copy: {from: source, to: destination, by: partition}";
const BACKFILL: &str = "backfill: {table: source, key: id, set: n = n + 1}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_by_key_is_refused() {
    let no_key = ["ALTER TABLE source DROP CONSTRAINT source_pkey"];
    let nullable = [
        "ALTER TABLE source DROP CONSTRAINT source_pkey; ALTER TABLE source ALTER id DROP NOT NULL",
        "CREATE UNIQUE INDEX source_id ON source (id)",
    ];
    let sqlite = ["DROP TABLE source", "CREATE TABLE source (id INTEGER, n INTEGER)"];
    let both = [
        refused(On::Postgres, &no_key, BY_ID).await,
        refused(On::Postgres, &no_key, BACKFILL).await,
        refused(On::Postgres, &nullable, BY_ID).await,
        refused(On::Postgres, &[], &BY_ID.replace("by: id", "by: name")).await,
        refused(On::Postgres, &["DROP TABLE source"], BY_ID).await,
        refused(On::Postgres, &[], BY_PARTITION).await,
        refused(On::Sqlite, &sqlite, BY_ID).await,
        refused(On::Sqlite, &[], &BY_ID.replace("by: id", "by: id, parallel: 2")).await,
        refused(On::Sqlite, &[], BY_PARTITION).await,
    ];
    assert_whole!("by_key", both.join("\n"));
}

/// What an earlier operation makes is judged later; all else is judged before the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_made_on_the_way_is_judged_later() {
    let first = |sql: &str| format!("  - {{name: make, target: main, sql: '{sql}', irreversible: It is kept}}\n");
    let like = first("CREATE TABLE IF NOT EXISTS source_new (LIKE source INCLUDING ALL)");
    let index = first("CREATE UNIQUE INDEX source_n ON source (id, n)");
    let copied = first("CREATE TABLE IF NOT EXISTS source_new (id INTEGER PRIMARY KEY, n INTEGER)");
    let into_new = |by: &str| format!("copy: {{from: source, to: source_new, by: {by}}}");
    let filled = ["INSERT INTO destination VALUES (1, 1)"];
    let left = ["CREATE TABLE source_new (LIKE source INCLUDING ALL)", "INSERT INTO source_new VALUES (1, 1)"];
    let all = [
        refused_after(On::Postgres, &[], &like, &into_new("'n'")).await,
        refused_after(On::Postgres, &[], &like, &into_new("id")).await,
        refused_after(On::Postgres, &[], &index, &BY_ID.replace("by: id", "by: [id, 'n'], verify: none")).await,
        refused_after(On::Postgres, &left, &like, &into_new("id")).await,
        refused_after(On::Sqlite, &[], &copied, &into_new("'n'")).await,
        refused(On::Postgres, &filled, BY_ID).await,
        refused(On::Sqlite, &filled, BY_ID).await,
    ];
    assert_whole!("made_on_the_way", all.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_by_partition_is_refused() {
    let filled = ["INSERT INTO destination VALUES (1, 0, 1)"];
    let distributed = ["CREATE TABLE spread AS source ENGINE = Distributed(two_shards, currentDatabase(), source, id)"];
    let other_keys = [
        "DROP TABLE destination",
        "CREATE TABLE destination (id UInt64, day UInt8, n UInt64) ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id",
    ];
    let all = [
        refused(On::ClickHouse, &filled, BY_PARTITION).await,
        refused(On::ClickHouse, &distributed, &BY_PARTITION.replace("source", "spread")).await,
        refused(On::ClickHouse, &distributed, &BY_PARTITION.replace("destination", "spread")).await,
        refused(On::ClickHouse, &["DROP TABLE destination"], BY_PARTITION).await,
        refused(On::ClickHouse, &other_keys, BY_PARTITION).await,
        refused(On::ClickHouse, &[], BY_ID).await,
        refused(On::ClickHouse, &[], BACKFILL).await,
    ];
    assert_whole!("by_partition", all.join("\n"));
}
