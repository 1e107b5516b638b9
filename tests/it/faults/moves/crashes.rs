//! The crash matrix of large tables: cut off at every point on every engine, all is moved once, as without a crash.

use futures_util::StreamExt as _;

use super::super::trail::{essence, whole};
use super::{EVERY_WAY, Move, Size, What, caught_up};
use crate::faults::installation::On;

const POINTS: [&str; 4] = ["before-record", "after-record", "before-effect", "after-effect"];
/// They mostly wait for leases to end.
const AT_ONCE: usize = 12;

/// Cut off at this point, and gone on with; whether that point was reached at all.
async fn cell(moved: &Move, clean: &[String], fault: &str) -> bool {
    let told = format!("{:?} on {:?}, {fault}", moved.what, moved.installation.on);
    let ended = moved.begin("start", Some(fault)).end().await;
    let has_crashed = ended.code.is_none();
    if has_crashed {
        let has_begun = moved.installation.latest(&moved.name).await.is_some();
        moved.run(if has_begun { "resume" } else { "start" }, 0, &told).await;
    } else {
        assert_eq!(ended.code, Some(0), "{told}: {ended:?}");
    }
    moved.assert_moved(&told).await;
    let journal = moved.installation.journal(&moved.name).await;
    assert_eq!(essence(&journal), clean, "{told}\n{}", whole(&journal));
    assert!(caught_up(&journal, &told) <= 1, "{told}\n{}", whole(&journal));
    has_crashed
}

async fn crashes(what: What, on: On, point: &str) -> u32 {
    let (rows, is_slow) = match what {
        What::Backfill => (350, false),
        What::ByKey => (2_500, true),
        What::ByPartition => (30, false),
    };
    let mut moved = Move::new(what, on, Size { rows, is_slow, parallel: 1, partitions: 3 }).await;
    moved.installation.lease = "300ms";
    moved.run("start", 0, "clean").await;
    moved.assert_moved("clean").await;
    let clean = essence(&moved.installation.journal(&moved.name).await);
    for count in 1.. {
        moved.begin_anew(format!("0001_{count}")).await;
        if !cell(&moved, &clean, &format!("{point}:{count}")).await {
            return count - 1;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_point_of_a_move_changes_nothing() {
    let ways = EVERY_WAY.into_iter().filter(|(_, on)| *on != On::OldClickHouse);
    let cells = ways.flat_map(|(what, on)| POINTS.map(|point| (what, on, point)));
    let counts: Vec<u32> = futures_util::stream::iter(cells)
        .map(|(what, on, point)| crashes(what, on, point))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(counts.iter().all(|count| *count >= 3), "{counts:?}");
}
