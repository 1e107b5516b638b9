//! The target is gone for a while in the middle of a move: it goes on by itself.

use super::super::line::Line;
use super::super::trail::whole;
use super::{Move, NAME, Size, What};
use crate::faults::frozen::has;
use crate::faults::installation::On;

async fn goes_on(what: What, on: On, size: Size) {
    let told = format!("{what:?} on {on:?}");
    let moved = Move::new(what, on, size).await;
    let line = Line::to(&moved.installation.target_url).await;
    let through = line.through(&moved.installation.target_url);
    let process = moved.installation.begin(&["start", NAME], &[("TARGET_URL", &through)]);
    moved.until_pieces(2).await;
    line.go_down();
    moved.installation.until(NAME, "lost", |journal| has(journal, "failed")).await;
    let done = super::pieces(&moved.installation.journal(NAME).await);
    line.come_back();
    moved.until_pieces(done + 1).await;
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(0), "{told}: {ended:?}\n{}", whole(&journal));
    assert!(journal.iter().all(|entry| entry.generation == 1), "{told}: it was taken over\n{}", whole(&journal));
    moved.assert_moved(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_goes_on_when_its_target_comes_back() {
    let by_key = Size { rows: 24_000, is_slow: true, parallel: 1, partitions: 1 };
    let by_partition = Size { rows: 120, is_slow: true, parallel: 2, partitions: 6 };
    tokio::join!(
        goes_on(What::Backfill, On::Postgres, by_key),
        goes_on(What::ByKey, On::Postgres, Size { parallel: 3, ..by_key }),
        goes_on(What::ByPartition, On::ClickHouse, by_partition),
        goes_on(What::ByPartition, On::OldClickHouse, by_partition),
    );
}
