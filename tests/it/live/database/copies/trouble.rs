//! What is cut off, killed, left behind or begun twice.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrate::database::{Database, Leave, TableCopy, Trouble};
use orchestrate::model::Verification;
use tokio_util::sync::CancellationToken;

use super::super::{unique, until_running};
use super::{CURRENT, clickhouse, destination, done, one, plain, servers, sums, told, with};

const PLAIN: &str = "MergeTree PARTITION BY toYYYYMM(d) ORDER BY (d, id)";

/// Slows every row down, so that a copy can be met in the middle: a block of 1,000 rows may sleep for three seconds in all.
const SLOW: &str = "sleepEachRow(0.0029) = 0";

async fn staged(database: &Database) -> String {
    let sql = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'staged%'";
    told(database, sql).await
}

async fn until_staged(database: &Database, wanted: &str) {
    let seen = async {
        while staged(database).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::super::LONG, seen).await.expect("the table appears");
}

#[tokio::test]
async fn a_killed_partition_leaves_nothing_and_is_done_again() {
    for database in servers().await {
        destination(&database, PLAIN).await;
        let copy = TableCopy { filter: Some(SLOW), verify: Verification::None, ..plain() };
        let (tag, cancel) = (unique("orchestrate:killed"), CancellationToken::new());
        let work = database.copy_partition(&copy, "202401", &tag, "staged_1", "first", Leave::unless(&cancel));
        let killed = async {
            until_staged(&database, "1").await;
            until_running(&database, &tag).await;
            while database.end(&tag).await != Ok(true) {}
        };
        let (result, ()) = tokio::join!(work, killed);
        let error = result.expect_err("it was ended");
        assert_eq!(error.trouble, Trouble::Ended, "{error}");
        assert_eq!(told(&database, "SELECT count() FROM b").await, "0");
        assert_eq!(staged(&database).await, "0");
        assert_eq!(one(&database, &plain(), "202401").await, Ok(1000));
        assert_eq!(one(&database, &plain(), "202402").await, Ok(1000));
        assert_eq!(sums(&database, "b").await, sums(&database, "a").await);
    }
}

#[tokio::test]
async fn a_partition_that_takes_too_long_is_ended_on_the_server() {
    for database in servers().await {
        destination(&database, PLAIN).await;
        let copy = TableCopy {
            filter: Some(SLOW),
            verify: Verification::None,
            timeout: Duration::from_millis(1500),
            ..plain()
        };
        let error = one(&database, &copy, "202401").await.expect_err("there is no time for it");
        assert_eq!(error.trouble, Trouble::Timeout, "{error}");
        assert_eq!(
            (told(&database, "SELECT count() FROM b").await.as_str(), staged(&database).await.as_str()),
            ("0", "0")
        );
    }
}

#[tokio::test]
async fn a_copy_that_is_told_to_stop_enters_nothing() {
    for database in servers().await {
        destination(&database, PLAIN).await;
        let (tag, cancel) = (unique("orchestrate:stopped"), CancellationToken::new());
        cancel.cancel();
        let stopped =
            database.copy_partition(&plain(), "202401", &tag, "staged_1", "first", Leave::unless(&cancel)).await;
        let error = stopped.expect_err("it was stopped");
        assert_eq!(error.trouble, Trouble::Ended);
        assert_eq!(error.to_string(), "main: partition 202401 of `a` was stopped; nothing of it entered");
        let never = CancellationToken::new();
        let replaced = Leave { cancel: &never, confirm: &|| Box::pin(std::future::ready(false)) };
        let error = database.copy_partition(&plain(), "202401", &tag, "staged_1", "second", replaced).await;
        assert_eq!(error.map_err(|error| error.trouble), Err(Trouble::Ended), "another owner has it");
        assert_eq!(
            (told(&database, "SELECT count() FROM b").await.as_str(), staged(&database).await.as_str()),
            ("0", "0")
        );
    }
}

#[tokio::test]
async fn what_an_attempt_left_is_dropped_and_what_is_anothers_is_not() {
    for database in servers().await {
        destination(&database, PLAIN).await;
        for name in ["staged_1_x", "staged_10_x", "staged_1x"] {
            done(&database, &format!("CREATE TABLE {name} AS b ENGINE = {PLAIN}")).await;
        }
        done(
            &database,
            "INSERT INTO staged_1_x (d, id) SELECT toDate('2024-01-05'), number FROM system.numbers LIMIT 10",
        )
        .await;
        assert_eq!(one(&database, &plain(), "202401").await, Ok(1000));
        assert_eq!(staged(&database).await, "2");
        assert_eq!(database.drop_staging("b", "staged_10").await, Ok(()));
        assert_eq!(staged(&database).await, "1");
        assert_eq!(database.drop_staging("b", "staged_10").await, Ok(()));
    }
}

/// The older attempt is filling its staging table when the newer begins.
#[tokio::test]
async fn an_attempt_that_wakes_up_after_another_changes_nothing() {
    for database in servers().await {
        destination(&database, PLAIN).await;
        let old = TableCopy { filter: Some(SLOW), verify: Verification::None, ..plain() };
        let (tag, cancel) = (unique("orchestrate:frozen"), CancellationToken::new());
        let frozen = database.copy_partition(&old, "202401", &tag, "staged_1", "first", Leave::unless(&cancel));
        let newer = async {
            until_staged(&database, "1").await;
            one(&database, &plain(), "202401").await
        };
        let (frozen, newer) = tokio::join!(frozen, newer);
        assert_eq!(newer, Ok(1000));
        frozen.expect_err("its staging table is gone");
        assert_eq!(
            (told(&database, "SELECT count() FROM b").await.as_str(), staged(&database).await.as_str()),
            ("1000", "0")
        );
    }
}

#[tokio::test]
async fn the_same_tag_runs_once_at_a_time() {
    for database in servers().await {
        destination(&database, PLAIN).await;
        let copy = TableCopy { filter: Some(SLOW), verify: Verification::None, ..plain() };
        let (tag, cancel) = (unique("orchestrate:twice"), CancellationToken::new());
        let first = database.copy_partition(&copy, "202401", &tag, "staged_1", "first", Leave::unless(&cancel));
        let second = async {
            until_staged(&database, "1").await;
            until_running(&database, &tag).await;
            database.copy_partition(&plain(), "202401", &tag, "staged_1", "second", Leave::unless(&cancel)).await
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(second.map_err(|error| error.trouble), Err(Trouble::Running));
        assert_eq!(first, Ok(1000));
    }
}

#[tokio::test]
async fn a_partition_is_copied_while_rows_are_added_and_merged_away() {
    for database in servers().await {
        done(&database, "CREATE TABLE c (id UInt64) ENGINE = ReplacingMergeTree ORDER BY id").await;
        done(&database, "CREATE TABLE b (id UInt64) ENGINE = MergeTree ORDER BY id").await;
        let fill = "INSERT INTO c SELECT number % 50000 FROM system.numbers LIMIT 100000";
        done(&database, fill).await;
        let copy = TableCopy { from: "c", verify: Verification::Count, ..plain() };
        let writes = async {
            for _ in 0..5 {
                done(&database, fill).await;
                done(&database, "OPTIMIZE TABLE c FINAL").await;
            }
        };
        let copies = async {
            for _ in 0..5 {
                match one(&database, &copy, "all").await {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.trouble, Trouble::Transient, "{error}"),
                }
            }
        };
        tokio::join!(writes, copies);
        let expected = told(&database, "SELECT count() FROM c").await;
        assert_eq!(one(&database, &copy, "all").await.map(|rows| rows.to_string()), Ok(expected));
        assert_eq!(told(&database, "SELECT uniqExact(id) FROM b").await, "50000");
    }
}

/// The part may be dropped; the table as a whole may not.
#[tokio::test]
async fn a_staging_table_that_is_too_large_to_drop_is_dropped_part_by_part() {
    let database = clickhouse(CURRENT).await.database;
    done(&database, "CREATE TABLE a (d Date, id UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY id").await;
    done(&database, "INSERT INTO a SELECT '2024-01-01', number FROM numbers(100)").await;
    destination(&database, PLAIN).await;
    let settings = BTreeMap::from([("max_table_size_to_drop".to_owned(), "1".to_owned())]);
    assert_eq!(one(&database, &with(&settings), "202401").await, Ok(100));
    assert_eq!(staged(&database).await, "0");
    assert_eq!(told(&database, "SELECT count() FROM b").await, "100");
}
