//! Rows that others insert while a table is copied.

use super::super::trail::whole;
use super::{Move, NAME, Size, What, attempts};
use crate::faults::installation::On;

/// Makes the keys of both tables random texts.
async fn with_random_keys(moved: &Move) {
    let (key, random) = match moved.installation.on {
        On::Postgres => ("uuid", "gen_random_uuid()"),
        On::Sqlite | On::ClickHouse | On::OldClickHouse => ("TEXT", "lower(hex(randomblob(16)))"),
    };
    let table = |name: &str| {
        format!("CREATE TABLE {name} (key {key} NOT NULL PRIMARY KEY, id BIGINT NOT NULL, n BIGINT NOT NULL)")
    };
    let slow = match moved.installation.on {
        On::Postgres => super::POSTGRES_SLOW[2],
        On::Sqlite | On::ClickHouse | On::OldClickHouse => super::SQLITE_SLOW[3],
    };
    let fill = format!("INSERT INTO source SELECT {random}, id, n FROM numbered");
    let rename = "ALTER TABLE source RENAME TO numbered";
    let analyze = "ANALYZE source";
    let (source, destination) = (table("source"), table("destination"));
    moved.installation.sql(&[rename, "DROP TABLE destination", &source, &destination, &fill, slow, analyze]).await;
}

async fn reached(on: On, parallel: u32) {
    let told = format!("{on:?}");
    // On SQLite the one who inserts waits for its turn.
    let rows = if on == On::Sqlite { 80_000 } else { 20_000 };
    let moved = Move::new(What::ByKey, on, Size { rows, is_slow: true, parallel, partitions: 1 }).await;
    with_random_keys(&moved).await;
    let operation = moved.operation().replace("by: id", "by: key");
    moved.installation.migration(NAME, &format!("operations:\n{operation}"));
    let random = if on == On::Postgres { "gen_random_uuid()" } else { "lower(hex(randomblob(16)))" };
    let process = moved.begin("start", None);
    let mut pieces = 2;
    let mut journal = moved.until_pieces(pieces).await;
    let mut rounds = 0;
    // What comes after the last look at the end is nobody's business here.
    while !journal.iter().any(|entry| entry.event.name() == "completed") && super::pieces(&journal) < 30 {
        let insert = format!("INSERT INTO source SELECT {random}, id, 7 FROM numbered WHERE id <= 50");
        let patient = if on == On::Sqlite { "PRAGMA busy_timeout = 60000" } else { "SELECT 1" };
        moved.installation.sql(&[patient, &insert]).await;
        rounds += 1;
        pieces += 5;
        let is_further =
            |journal: &[_]| super::pieces(journal) >= pieces || super::super::frozen::has(journal, "completed");
        journal = moved.installation.until(NAME, "further", is_further).await;
    }
    let ended = process.end().await;
    let journal = whole(&moved.installation.journal(NAME).await);
    assert_eq!(ended.code, Some(0), "{told}: {ended:?}\n{journal}");
    assert!(rounds >= 1, "{told}: too late\n{journal}");
    let missing = "SELECT concat_ws(' ', count(*), min(id)) FROM source s WHERE NOT EXISTS (SELECT 1 FROM destination d WHERE d.key = s.key)";
    assert_eq!(moved.installation.ask(missing).await, ["0"], "{told}, after {rounds} rounds\n{journal}");
    assert_eq!(moved.rows_of("destination").await, moved.rows_of("source").await, "{told}\n{journal}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_inserted_behind_and_ahead_are_reached() {
    tokio::join!(reached(On::Postgres, 1), reached(On::Postgres, 3), reached(On::Sqlite, 1));
}

/// A partition appears, and one that was copied is written to.
async fn partitions(on: On, verify: &str) {
    let told = format!("{on:?}, verify {verify}");
    let moved = Move::new(What::ByPartition, on, Size { rows: 80, is_slow: true, parallel: 1, partitions: 8 }).await;
    let operation = moved.operation().replace("by: partition", &format!("by: partition, verify: {verify}"));
    moved.installation.migration(NAME, &format!("operations:\n{operation}"));
    let process = moved.begin("start", None);
    moved.until_pieces(2).await;
    moved
        .installation
        .sql(&["INSERT INTO source VALUES (1000, 100, 7)", "INSERT INTO source VALUES (1001, 0, 7)"])
        .await;
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(0), "{told}: {ended:?}\n{}", whole(&journal));
    let (rows, parts) = match verify {
        "none" => ("81 4240 7 7", 9),
        _ => ("82 5241 7 7", 10),
    };
    assert_eq!(moved.rows_of("destination").await, rows, "{told}\n{}", whole(&journal));
    assert_eq!(attempts(&journal).len(), parts, "{told}\n{}", whole(&journal));
    moved.assert_tidy(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_appear_or_change_during_a_copy_are_copied() {
    tokio::join!(
        partitions(On::ClickHouse, "count"),
        partitions(On::OldClickHouse, "count"),
        partitions(On::ClickHouse, "none"),
    );
}
