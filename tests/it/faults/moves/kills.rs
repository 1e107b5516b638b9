//! Kills at random moments while a large table is moved: every row once, and no more lost than what was at hand.

use std::time::Duration;

use super::super::kills::Moments;
use super::super::trail::whole;
use super::{Move, NAME, Size, What, attempts, caught_up};
use crate::faults::installation::{On, Process};

/// Kills that a way is given.
const KILLS: u32 = 10;

/// Lets a process work until the journal has grown by some events, and a while longer.
async fn killed(moved: &Move, process: Process, moments: &mut Moments) -> Option<i32> {
    let journal = moved.installation.journal(NAME).await.len();
    let wanted = journal + moments.below(12);
    while process.is_at_work() && moved.installation.journal(NAME).await.len() < wanted {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(moments.next(20)).await;
    process.signal("KILL");
    let ended = process.end().await;
    assert!(matches!(ended.code, None | Some(0)), "{:?} on {:?}: {ended:?}", moved.what, moved.installation.on);
    ended.code
}

/// Kills it until it is complete; how many kills there were.
async fn killed_until_complete(what: What, on: On, size: Size, seed: u64) -> u32 {
    let mut moved = Move::new(what, on, size).await;
    moved.installation.lease = "100ms";
    let told = format!("{what:?} on {on:?}, seed {seed}");
    let mut moments = Moments::new(seed);
    let mut kills = 0;
    loop {
        let latest = moved.installation.latest(NAME).await;
        if latest.as_ref().is_some_and(|row| row.summary.is_finished) {
            break;
        }
        let process = moved.begin(if latest.is_some() { "resume" } else { "start" }, None);
        if kills < KILLS {
            kills += u32::from(killed(&moved, process, &mut moments).await.is_none());
        } else {
            let ended = process.end().await;
            assert_eq!(ended.code, Some(0), "{told}: {ended:?}\n{}", whole(&moved.installation.journal(NAME).await));
        }
    }
    moved.assert_moved(&told).await;
    let journal = moved.installation.journal(NAME).await;
    let lost_at_most = kills * size.parallel;
    assert!(caught_up(&journal, &told) <= lost_at_most, "{told}\n{}", whole(&journal));
    let attempts = attempts(&journal);
    let parts = u32::try_from(attempts.len()).expect("there are few");
    let again = attempts.values().sum::<u32>() - parts;
    assert!(again <= lost_at_most, "{told}: {again} times begun again\n{}", whole(&journal));
    kills
}

async fn kills(what: What, on: On, size: Size) {
    let (mut kills, mut seed) = (0, 0);
    while kills < KILLS {
        seed += 1;
        kills += killed_until_complete(what, on, size, seed).await;
    }
}

const BY_KEY: Size = Size { rows: 12_000, is_slow: true, parallel: 1, partitions: 1 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_a_backfill_lose_and_repeat_nothing() {
    tokio::join!(kills(What::Backfill, On::Postgres, BY_KEY), kills(What::Backfill, On::Sqlite, BY_KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_a_copy_by_key_lose_and_repeat_nothing() {
    let on_postgres = Size { parallel: 3, rows: 24_000, ..BY_KEY };
    tokio::join!(kills(What::ByKey, On::Postgres, on_postgres), kills(What::ByKey, On::Sqlite, BY_KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_of_a_copy_by_partition_lose_and_repeat_nothing() {
    kills(What::ByPartition, On::ClickHouse, Size { rows: 120, is_slow: true, parallel: 2, partitions: 12 }).await;
}
