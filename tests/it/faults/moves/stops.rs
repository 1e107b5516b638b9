//! Stop, resume, rollback and pause in the middle of a move.

use futures_util::future::join_all;
use orchestrate::run::{Event, Request};

use super::super::trail::whole;
use super::{EVERY_WAY, Move, NAME, Size, What};
use crate::faults::frozen::has;
use crate::faults::installation::{Entry, On};

async fn large(what: What, on: On) -> (Move, String) {
    let size = match what {
        What::Backfill | What::ByKey => Size { rows: 20_000, is_slow: true, parallel: 1, partitions: 1 },
        What::ByPartition => Size { rows: 120, is_slow: true, parallel: 2, partitions: 8 },
    };
    (Move::new(what, on, size).await, format!("{what:?} on {on:?}"))
}

async fn stopped(what: What, on: On, by_signal: bool) {
    let (moved, told) = large(what, on).await;
    let process = moved.in_the_middle().await;
    if by_signal {
        process.signal("INT");
    } else {
        moved.run("stop", 0, &told).await;
    }
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(9), "{told}: {ended:?}\n{}", whole(&journal));
    assert!(has(&journal, "stopped"), "{told}\n{}", whole(&journal));
    moved.assert_tidy(&told).await;
    if by_signal {
        moved.run("rollback", 0, &told).await;
        moved.assert_undone(&told).await;
    } else {
        moved.run("resume", 0, &told).await;
        moved.assert_moved(&told).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_move_goes_on_where_it_was() {
    join_all(EVERY_WAY.map(|(what, on)| stopped(what, on, false))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_move_is_taken_back() {
    join_all(EVERY_WAY.map(|(what, on)| stopped(what, on, true))).await;
}

async fn stopped_and_taken_back(what: What, on: On) {
    let (moved, told) = large(what, on).await;
    let process = moved.in_the_middle().await;
    let stop = moved.installation.run(&["stop", NAME, "--rollback"]).await;
    assert_eq!(stop.code, Some(0), "{told}: {stop:?}");
    let ended = process.end().await;
    assert_eq!(ended.code, Some(8), "{told}: {ended:?}\n{}", whole(&moved.installation.journal(NAME).await));
    moved.assert_undone(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_with_rollback_takes_a_move_back() {
    join_all(EVERY_WAY.map(|(what, on)| stopped_and_taken_back(what, on))).await;
}

/// Where somebody asked for something.
fn asked(journal: &[Entry], wanted: &Request) -> Option<usize> {
    journal.iter().position(|entry| matches!(&entry.event, Event::Asked { request, .. } if request == wanted))
}

async fn paused(what: What, on: On) {
    let (moved, told) = large(what, on).await;
    let process = moved.in_the_middle().await;
    moved.run("pause", 0, &told).await;
    let is_paused = |journal: &[Entry]| asked(journal, &Request::Pause).is_some();
    moved.installation.until(NAME, "paused", is_paused).await;
    // Each of these takes longer than a batch.
    for _ in 0..3 {
        let status = moved.installation.run(&["status", NAME]).await;
        assert!(status.stdout.contains("paused"), "{told}: {status:?}");
    }
    moved.run("resume", 0, &told).await;
    let ended = process.end().await;
    let journal = moved.installation.journal(NAME).await;
    assert_eq!(ended.code, Some(0), "{told}: {ended:?}\n{}", whole(&journal));
    let (from, to) = (asked(&journal, &Request::Pause), asked(&journal, &Request::Resume));
    let between = &journal[from.expect("it was asked for")..to.expect("it was asked for")];
    let at_hand = usize::try_from(moved.size.parallel).expect("there are few");
    assert!(super::pieces(between) <= at_hand, "{told}\n{}", whole(&journal));
    assert!(!has(between, "attempted"), "{told}\n{}", whole(&journal));
    assert!(journal.iter().all(|entry| entry.generation == 1), "{told}\n{}", whole(&journal));
    moved.assert_moved(&told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_finishes_what_is_at_hand_and_begins_nothing() {
    join_all(EVERY_WAY.map(|(what, on)| paused(what, on))).await;
}
