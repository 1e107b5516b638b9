//! Another session holds a row in the middle of a backfill: its range is set aside, and a person says how to go on.

use orchestrate::run::Event;
use sqlx::{Connection, PgConnection};

use super::super::trail::whole;
use super::{Move, NAME, Size, What};
use crate::faults::frozen::has;
use crate::faults::installation::{Entry, On, Process};

const SIZE: Size = Size { rows: 3_000, is_slow: false, parallel: 1, partitions: 1 };
const LOCKED: u32 = 1_500;

/// A move whose batches wait for locks for a short time only.
async fn hasty() -> Move {
    let moved = Move::new(What::Backfill, On::Postgres, SIZE).await;
    moved.with("", "    settings: {lock_timeout: 100ms}\n");
    moved
}

/// A session that holds one row until it is closed.
async fn holding(moved: &Move) -> PgConnection {
    let mut session = PgConnection::connect(&moved.installation.target_url).await.expect("Postgres answers");
    sqlx::raw_sql("BEGIN").execute(&mut session).await.expect("a transaction can begin");
    let locked =
        sqlx::query("UPDATE source SET n = n WHERE id = $1").bind(i64::from(LOCKED)).execute(&mut session).await;
    locked.expect("the row is free");
    session
}

/// A session that holds what it has locked until it is closed.
async fn locking(moved: &Move, sql: &'static str) -> PgConnection {
    let mut session = PgConnection::connect(&moved.installation.target_url).await.expect("Postgres answers");
    sqlx::raw_sql("BEGIN").execute(&mut session).await.expect("a transaction can begin");
    sqlx::raw_sql(sql).execute(&mut session).await.expect("it waits for its lock");
    session
}

/// Rows of the attempts that failed.
fn failed(journal: &[Entry]) -> Vec<u64> {
    let rows = |entry: &Entry| {
        let Event::BatchFailed { rows, is_late: true, .. } = &entry.event else { return None };
        Some(*rows)
    };
    journal.iter().filter_map(rows).collect()
}

async fn set_aside() -> (Move, PgConnection) {
    let moved = hasty().await;
    let session = holding(&moved).await;
    let ended = moved.run("start", 9, "a row is locked").await;
    let journal = moved.installation.journal(NAME).await;
    // An attempt with half the rows may end before the one that is locked.
    let failed = failed(&journal);
    let [.., first, second, third] = failed[..] else { panic!("{failed:?}\n{}", whole(&journal)) };
    assert!(second <= first / 2 && third <= second / 2, "{failed:?}\n{}", whole(&journal));
    let parked: Vec<_> = journal.iter().filter(|entry| entry.event.name() == "batch_parked").collect();
    assert_eq!(parked.len(), 1, "{}", whole(&journal));
    let left = moved.installation.ask("SELECT count(*)::text FROM source WHERE n = 7").await.concat();
    let left: u64 = left.parse().expect("a count is a number");
    assert!((1..=third).contains(&left), "{left} rows are left after attempts of {failed:?}");
    let status = moved.installation.run(&["status", NAME]).await.stdout;
    assert!(status.contains("needs attention"), "{status}\n{ended:?}");
    (moved, session)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_is_locked_is_set_aside_and_tried_again() {
    let (moved, session) = set_aside().await;
    session.close().await.expect("the session can be closed");
    moved.run("retry", 0, "the lock is gone").await;
    moved.assert_moved("retried").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_is_locked_is_gone_without() {
    let (moved, session) = set_aside().await;
    let left = moved.rows_of("source").await;
    let ended = moved.installation.run(&["skip", NAME, "move", "--reason", "it is done by hand"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(moved.rows_of("source").await, left);
    moved.assert_tidy("skipped").await;
    session.close().await.expect("the session can be closed");
}

/// A slow move that is in its middle, by an operation of its own.
async fn in_the_middle(backfill: &str) -> (Move, Process) {
    let size = Size { rows: 6_000, is_slow: true, ..SIZE };
    let moved = Move::new(What::Backfill, On::Postgres, size).await;
    let operation = format!(
        "  - name: move\n    target: main\n    backfill: {{{backfill}}}\n    irreversible: It is kept\n    settings: {{lock_timeout: 50ms}}\n    \
         retry: {{attempts: 100, backoff: 50ms}}\n"
    );
    moved.installation.migration(NAME, &format!("operations:\n{operation}"));
    let process = moved.in_the_middle().await;
    (moved, process)
}

/// Waits until more attempts have failed than a range gets before it is set aside, gives the lock back, and waits for the end.
async fn ends_after(moved: &Move, process: Process, session: PgConnection) {
    let failures = |journal: &[Entry]| journal.iter().filter(|entry| entry.event.name() == "failed").count();
    moved.installation.until(NAME, "locked", |journal| failures(journal) > 4 || has(journal, "batch_failed")).await;
    session.close().await.expect("the session can be closed");
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(0), "{ended:?}\n{}", whole(&journal));
    assert!(!has(&journal, "batch_parked"), "{}", whole(&journal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_locked_is_waited_for() {
    let (moved, process) = in_the_middle("table: source, key: id, set: n = n + 1, batch: 100").await;
    let session = locking(&moved, "LOCK TABLE source IN ACCESS EXCLUSIVE MODE").await;
    ends_after(&moved, process, session).await;
    moved.assert_moved("the lock is gone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_came_behind_and_is_locked_is_waited_for() {
    let (moved, process) = in_the_middle("table: source, key: id, set: n = n + 1, where: n = 7, batch: 100").await;
    moved.installation.sql(&["INSERT INTO source VALUES (0, 7)"]).await;
    let session = locking(&moved, "SELECT * FROM source WHERE id = 0 FOR UPDATE").await;
    ends_after(&moved, process, session).await;
    assert_eq!(moved.rows_of("source").await, "6001 18003000 8 8");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_came_behind_and_is_refused_is_asked_about() {
    let (moved, process) = in_the_middle("table: source, key: id, set: n = n + 1, where: n = 7, batch: 100").await;
    let broken = "ALTER TABLE source ADD CONSTRAINT broken CHECK (id > 0 OR n = 7)";
    moved.installation.sql(&[broken, "INSERT INTO source VALUES (0, 7)"]).await;
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(9), "{ended:?}\n{}", whole(&journal));
    assert_eq!(moved.rows_of("source").await, "6001 18003000 7 8");
    moved.installation.sql(&["ALTER TABLE source DROP CONSTRAINT broken"]).await;
    moved.run("retry", 0, "nothing is in the way").await;
    assert_eq!(moved.rows_of("source").await, "6001 18003000 8 8");
}
