//! A limit is reached in the middle of a move: no batch begins until it is not reached any more.

use orchestrate::run::Event;

use super::super::trail::whole;
use super::{Move, NAME, Size, What};
use crate::faults::frozen::has;
use crate::faults::installation::On;

/// A batch may be under way, and the limit is asked about this often.
const LATEST_MS: i64 = 1_500;

async fn held(what: What, on: On, size: Size) {
    let told = format!("{what:?} on {on:?}");
    let moved = Move::new(what, on, size).await;
    let flag = moved.installation.project.path().join("hold");
    let throttle = format!("throttle:\n  - {{name: hold, file: {}, expect: false, every: 100ms}}\n", flag.display());
    moved.with(&throttle, "");
    let process = moved.in_the_middle().await;
    let from = orchestrate::execute::now().0;
    std::fs::write(&flag, "").expect("a file can be written");
    moved.installation.until(NAME, "throttled", |journal| has(journal, "throttled")).await;
    // Each of these takes longer than a batch.
    for _ in 0..3 {
        let status = moved.installation.run(&["status", NAME, "--format", "json"]).await;
        assert!(
            status.stdout.contains("\"status\":\"throttled\"") && status.stdout.contains("hold"),
            "{told}: {status:?}"
        );
    }
    std::fs::remove_file(&flag).expect("the file can be removed");
    let to = orchestrate::execute::now().0;
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(0), "{told}: {ended:?}\n{}", whole(&journal));
    let is_begun = |event: &Event| matches!(event, Event::Advanced { .. } | Event::Attempted { .. });
    let while_held = journal.iter().filter(|entry| entry.at_ms > from + LATEST_MS && entry.at_ms < to);
    assert_eq!(while_held.filter(|entry| is_begun(&entry.event)).count(), 0, "{told}\n{}", whole(&journal));
    let between = journal.iter().skip_while(|entry| entry.event.name() != "throttled");
    let between: Vec<_> = between.take_while(|entry| entry.event.name() != "unthrottled").cloned().collect();
    let at_hand = usize::try_from(size.parallel).expect("there are few");
    assert!(super::pieces(&between) <= at_hand && !has(&between, "attempted"), "{told}\n{}", whole(&journal));
    moved.assert_moved(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flag_holds_batches_back_until_it_is_gone() {
    let by_key = Size { rows: 20_000, is_slow: true, parallel: 1, partitions: 1 };
    tokio::join!(
        held(What::Backfill, On::Postgres, by_key),
        held(What::Backfill, On::Sqlite, by_key),
        held(What::ByKey, On::Postgres, Size { parallel: 3, ..by_key }),
        held(What::ByPartition, On::ClickHouse, Size { rows: 120, is_slow: true, parallel: 2, partitions: 10 }),
    );
}
