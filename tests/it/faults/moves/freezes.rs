//! An owner that is frozen in the middle of a move, replaced, and thawed: nothing twice, and its staging table enters nowhere.

use futures_util::future::join_all;

use super::super::trail::whole;
use super::{Move, NAME, Size, What};
use crate::faults::frozen::has;
use crate::faults::installation::{On, Process};

const WAYS: [(What, On); 5] = [
    (What::Backfill, On::Postgres),
    (What::Backfill, On::Sqlite),
    (What::ByKey, On::Postgres),
    (What::ByKey, On::Sqlite),
    (What::ByPartition, On::ClickHouse),
];

/// Another goes on to the end while it is frozen; thawed it writes nothing.
async fn replaced(moved: &Move, frozen: Process, told: &str) {
    moved.run("resume", 0, told).await;
    moved.assert_moved(told).await;
    let before = whole(&moved.installation.journal(NAME).await);
    frozen.signal("CONT");
    let frozen = frozen.end().await;
    assert_eq!(frozen.code, Some(7), "{told}: {frozen:?}");
    assert_eq!(whole(&moved.installation.journal(NAME).await), before, "{told}: it wrote");
    moved.assert_moved(told).await;
}

async fn frozen_around_a_piece(what: What, on: On, fault: &str) {
    let told = format!("{what:?} on {on:?}, {fault}");
    let mut moved =
        Move::new(what, on, Size { rows: 5_000, is_slow: what != What::ByPartition, parallel: 1, partitions: 5 }).await;
    if on == On::Sqlite {
        // Whoever is frozen while it writes to a file keeps all others from it.
        moved.installation.store_url = crate::support::servers::fresh_postgres_database().await;
    }
    let frozen = moved.begin("start", Some(fault));
    frozen.until_frozen().await;
    replaced(&moved, frozen, &told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_frozen_around_a_batch_does_not_repeat_it() {
    let faults = ["before-effect:2:stop", "after-effect:2:stop", "before-record:4:stop"];
    let all = WAYS.into_iter().flat_map(|(what, on)| faults.map(|fault| frozen_around_a_piece(what, on, fault)));
    join_all(all).await;
}

/// Frozen before it has begun with a partition, it puts none in the place of the one that is used by then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_frozen_before_a_partition_replaces_none_that_is_in_use() {
    let size = Size { rows: 5_000, is_slow: false, parallel: 1, partitions: 5 };
    let moved = Move::new(What::ByPartition, On::ClickHouse, size).await;
    let frozen = moved.begin("start", Some("before-effect:2:stop"));
    frozen.until_frozen().await;
    moved.run("resume", 0, "another goes on").await;
    moved.installation.sql(&["INSERT INTO destination SELECT 9000 + number, number, 7 FROM numbers(5)"]).await;
    let before = moved.rows_of("destination").await;
    frozen.signal("CONT");
    let frozen = frozen.end().await;
    assert_eq!((frozen.code, moved.rows_of("destination").await), (Some(7), before), "{frozen:?}");
}

/// The statements of its pieces that the server is at.
fn at_work(on: On, run: &str) -> String {
    match on {
        On::Postgres | On::Sqlite => "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database()
            AND state <> 'idle' AND query LIKE '%/* orchestrate:%' AND pid <> pg_backend_pid()"
            .to_owned(),
        On::ClickHouse | On::OldClickHouse => {
            format!(
                "SELECT toString(count()) FROM system.processes WHERE query_id LIKE 'orchestrate:{run}:move:%' AND query LIKE 'INSERT%'"
            )
        }
    }
}

async fn frozen_inside_a_piece(what: What, on: On) {
    let told = format!("{what:?} on {on:?}");
    let rows = if what == What::ByPartition { 120 } else { 20_000 };
    let moved = Move::new(what, on, Size { rows, is_slow: true, parallel: 1, partitions: 4 }).await;
    let process = moved.begin("start", None);
    moved.until_pieces(1).await;
    let run = moved.installation.latest(NAME).await.expect("it has begun").run.id.to_string();
    let sql = at_work(on, &run);
    loop {
        moved.installation.until_answer(&sql, "1").await;
        process.signal("STOP");
        process.until_frozen().await;
        // What it was at may have ended in between.
        if moved.installation.ask(&sql).await == ["1"] {
            break;
        }
        process.signal("CONT");
    }
    replaced(&moved, process, &told).await;
    assert!(has(&moved.installation.journal(NAME).await, "taken"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_frozen_inside_a_batch_is_replaced_and_changes_nothing_when_it_wakes_up() {
    let ways = [(What::Backfill, On::Postgres), (What::ByKey, On::Postgres), (What::ByPartition, On::ClickHouse)];
    join_all(ways.map(|(what, on)| frozen_inside_a_piece(what, on))).await;
}
