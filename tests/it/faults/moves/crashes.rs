//! The crash matrix of large tables: cut off at every point on every engine, all is moved once, as without a crash.

use futures_util::StreamExt as _;

use super::super::trail::{essence, whole};
use super::{EVERY_WAY, Move, NAME, Size, What, caught_up};
use crate::faults::installation::On;

const POINTS: [&str; 4] = ["before-record", "after-record", "before-effect", "after-effect"];
const AT_ONCE: usize = 6;
/// A few batches, a few partitions.
const SMALL: Size = Size { rows: 1_500, is_slow: false, parallel: 1, partitions: 3 };

/// Cut off at this point, and gone on with; whether that point was reached at all.
async fn cell(moved: &Move, clean: &[String], fault: &str) -> bool {
    let told = format!("{:?} on {:?}, {fault}", moved.what, moved.installation.on);
    let ended = moved.begin("start", Some(fault)).end().await;
    let has_crashed = ended.code.is_none();
    if !has_crashed {
        assert_eq!(ended.code, Some(0), "{told}: {ended:?}");
    } else if moved.installation.latest(NAME).await.is_none_or(|row| row.summary.status == "rolled_back") {
        moved.run("start", 0, &told).await;
    } else {
        moved.run("resume", 0, &told).await;
    }
    moved.assert_moved(&told).await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(essence(&journal), clean, "{told}\n{}", whole(&journal));
    assert!(caught_up(&journal, &told) <= 1, "{told}\n{}", whole(&journal));
    moved.run("rollback", 0, &told).await;
    moved.assert_undone(&told).await;
    has_crashed
}

async fn crashes(what: What, on: On, point: &str) -> u32 {
    let moved = Move::new(what, on, SMALL).await;
    moved.run("start", 0, "clean").await;
    moved.assert_moved("clean").await;
    let clean = essence(&moved.installation.journal(NAME).await);
    moved.run("rollback", 0, "clean").await;
    for count in 1.. {
        if !cell(&moved, &clean, &format!("{point}:{count}")).await {
            return count - 1;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_point_of_a_move_changes_nothing() {
    let cells = EVERY_WAY.into_iter().flat_map(|(what, on)| POINTS.map(|point| (what, on, point)));
    let counts: Vec<u32> = futures_util::stream::iter(cells)
        .map(|(what, on, point)| crashes(what, on, point))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(counts.iter().all(|count| *count >= 3), "{counts:?}");
}
