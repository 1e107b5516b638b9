//! Another session holds a row in the middle of a backfill: its range is set aside, and a person says how to go on.

use orchestrate::run::Event;
use sqlx::{Connection, PgConnection};

use super::super::trail::whole;
use super::{Move, NAME, Size, What};
use crate::faults::installation::{Entry, On};

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
