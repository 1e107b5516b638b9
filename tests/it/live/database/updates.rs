//! A table that is changed partition by partition: ALTER TABLE … UPDATE … IN PARTITION, begun once, waited for, ended.

use std::time::Duration;

use orchestrate::database::{Database, DatabaseError, PartitionUpdate, Trouble};
use tokio_util::sync::CancellationToken;

use super::{LONG, NO_SETTINGS, act, ask, clickhouse, postgres, unique};

const CURRENT: &str = "ORCHESTRATE_TEST_CLICKHOUSE_URL";
const OLD: &str = "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL";

/// Every row has the number 0 at first; the odd ones are in partition 1.
const TABLE: &str = "CREATE TABLE a (id UInt64, n UInt64) ENGINE = MergeTree PARTITION BY id % 2 ORDER BY id";
const FILL: &str = "INSERT INTO a SELECT number, 0 FROM system.numbers LIMIT 1000";
/// Partition, rows, and the sum of `n`.
const SUMS: &str = "SELECT arrayStringConcat(groupArray(toString((p, c, s))), ' ') FROM ( \
                    SELECT id % 2 AS p, count() AS c, sum(n) AS s FROM a GROUP BY p ORDER BY p)";

static ONE_MORE: PartitionUpdate<'static> =
    PartitionUpdate { table: "a", set: "n = n + 1", filter: None, settings: &NO_SETTINGS, timeout: LONG };

async fn done(database: &Database, sql: &str) {
    act(database, sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

async fn told(database: &Database, sql: &str) -> String {
    ask(database, sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}")).unwrap_or_default()
}

/// The current engine with a filled table `a`.
async fn filled(create: &str) -> Database {
    let database = clickhouse(CURRENT).await.database;
    done(&database, create).await;
    done(&database, FILL).await;
    database
}

async fn update(database: &Database, update: &PartitionUpdate<'_>, id: &str, tag: &str) -> Result<(), DatabaseError> {
    database.update_partition(update, id, tag, &CancellationToken::new()).await
}

/// The updates of a tag that the server lists: all, and those that are not done.
async fn listed(database: &Database, tag: &str) -> String {
    let sql = format!(
        "SELECT concat(toString(count()), ', open ', toString(countIf(NOT is_done))) FROM system.mutations \
         WHERE database = currentDatabase() AND position(command, '{tag};') > 0"
    );
    told(database, &sql).await
}

async fn until_listed(database: &Database, tag: &str) {
    let seen = async {
        while listed(database, tag).await != "1, open 1" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, seen).await.expect("the update begins");
}

/// From here on, updates are listed and not worked on.
async fn held(database: &Database) {
    done(database, "SYSTEM STOP MERGES a").await;
}

async fn let_go(database: &Database) {
    done(database, "SYSTEM START MERGES a").await;
}

#[tokio::test]
async fn each_partition_is_changed_once_and_by_itself() {
    let replicated = "CREATE TABLE a (id UInt64, n UInt64) \
                      ENGINE = ReplicatedMergeTree('/tables/$name_{shard}/a', '{replica}') PARTITION BY id % 2 ORDER BY id";
    for create in [TABLE, &replicated.replace("$name", &unique("updates"))] {
        let database = filled(create).await;
        let facts = database.update_facts(&ONE_MORE).await.expect("it can be changed");
        let found: Vec<_> = facts.partitions.iter().map(|found| (found.id.as_str(), found.rows)).collect();
        assert_eq!(found, [("0", 500), ("1", 500)]);
        assert_eq!(facts.partitions.iter().map(|found| found.bytes).max(), Some(facts.bytes));
        let tag = unique("orchestrate:one");
        assert_eq!(update(&database, &ONE_MORE, "1", &tag).await, Ok(()));
        assert_eq!(told(&database, SUMS).await, "(0,500,0) (1,500,500)");
        assert_eq!(update(&database, &ONE_MORE, "1", &tag).await, Ok(()));
        assert_eq!(told(&database, SUMS).await, "(0,500,0) (1,500,500)");
        let some = PartitionUpdate { filter: Some("id < 10 OR n = 7 -- few"), ..ONE_MORE };
        assert_eq!(update(&database, &some, "0", &unique("orchestrate:some")).await, Ok(()));
        assert_eq!(told(&database, SUMS).await, "(0,500,5) (1,500,500)");
        assert_eq!(update(&database, &ONE_MORE, "17", &unique("orchestrate:none")).await, Ok(()));
        assert_eq!(told(&database, SUMS).await, "(0,500,5) (1,500,500)");
        done(&database, "DROP TABLE a").await;
    }
}

#[tokio::test]
async fn what_an_owner_has_begun_before_it_was_killed_is_taken_over() {
    let database = filled(TABLE).await;
    held(&database).await;
    let tag = unique("orchestrate:killed");
    tokio::select! {
        result = update(&database, &ONE_MORE, "1", &tag) => panic!("nothing is worked on: {result:?}"),
        () = until_listed(&database, &tag) => {}
    }
    let next = async {
        let_go(&database).await;
        update(&database, &ONE_MORE, "1", &tag).await
    };
    assert_eq!(next.await, Ok(()));
    assert_eq!(
        (told(&database, SUMS).await.as_str(), listed(&database, &tag).await.as_str()),
        ("(0,500,0) (1,500,500)", "1, open 0")
    );
}

#[tokio::test]
async fn what_is_stopped_is_ended_on_the_server_and_nothing_else_is() {
    let database = filled(TABLE).await;
    held(&database).await;
    let (other, tag) = (unique("orchestrate:stopped"), unique("orchestrate:stopped"));
    let (longer, cancel) = (format!("{tag}2"), CancellationToken::new());
    let stopped = database.update_partition(&ONE_MORE, "1", &tag, &cancel);
    let others = async {
        until_listed(&database, &tag).await;
        for other in [&other, &longer] {
            tokio::select! {
                result = update(&database, &ONE_MORE, "0", other) => panic!("nothing is worked on: {result:?}"),
                () = until_listed(&database, other) => {}
            }
        }
        cancel.cancel();
    };
    let (stopped, ()) = tokio::join!(stopped, others);
    assert_eq!(stopped.map_err(|error| error.trouble), Err(Trouble::Ended));
    assert_eq!(listed(&database, &tag).await, "0, open 0");
    assert_eq!(database.end_update("a", &longer).await, Ok(()));
    assert_eq!(listed(&database, &longer).await, "0, open 0");
    assert_eq!(database.end_update("a", &longer).await, Ok(()));
    let_go(&database).await;
    assert_eq!(update(&database, &ONE_MORE, "0", &other).await, Ok(()));
    assert_eq!(told(&database, SUMS).await, "(0,500,500) (1,500,0)");
    assert_eq!(update(&database, &ONE_MORE, "1", &tag).await, Ok(()));
    assert_eq!(told(&database, SUMS).await, "(0,500,500) (1,500,500)");
}

#[tokio::test]
async fn what_takes_too_long_is_ended_on_the_server() {
    let database = filled(TABLE).await;
    held(&database).await;
    let tag = unique("orchestrate:late");
    let late = PartitionUpdate { timeout: Duration::from_secs(1), ..ONE_MORE };
    let error = update(&database, &late, "1", &tag).await.expect_err("there is no time for it");
    assert_eq!(error.trouble, Trouble::Timeout);
    assert_eq!(error.to_string(), "main: the update of `a` was not done within 1s, and was ended");
    assert_eq!(listed(&database, &tag).await, "0, open 0");
    let_go(&database).await;
    assert_eq!(told(&database, SUMS).await, "(0,500,0) (1,500,0)");
}

#[tokio::test]
async fn what_fails_again_and_again_is_ended_and_says_why_and_what_others_end_is_missed() {
    let (failing, missing) = (filled(TABLE).await, filled(TABLE).await);
    held(&missing).await;
    let (tag, other) = (unique("orchestrate:failing"), unique("orchestrate:missing"));
    let wrong = PartitionUpdate { set: "n = n + throwIf(id = 501, 'no such row')", ..ONE_MORE };
    let killed = async {
        until_listed(&missing, &other).await;
        done(&missing, "KILL MUTATION WHERE database = currentDatabase()").await;
    };
    let answers = async { tokio::join!(update(&failing, &wrong, "1", &tag), update(&missing, &ONE_MORE, "1", &other)) };
    let ((failed, missed), ()) = tokio::join!(answers, killed);
    let failed = failed.expect_err("a row throws");
    assert_eq!(failed.trouble, Trouble::Partial);
    assert!(failed.message.contains("no such row"), "{failed}");
    assert_eq!(
        (listed(&failing, &tag).await.as_str(), told(&failing, SUMS).await.as_str()),
        ("0, open 0", "(0,500,0) (1,500,0)")
    );
    let missed = missed.expect_err("it was ended");
    assert_eq!(missed.trouble, Trouble::Partial);
    assert_eq!(missed.to_string(), "main: the server does not list the update any more: it was ended there");
    assert_eq!(update(&failing, &ONE_MORE, "1", &tag).await, Ok(()));
    assert_eq!(told(&failing, SUMS).await, "(0,500,0) (1,500,500)");
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_before_anything_is_done() {
    let database = filled(TABLE).await;
    done(&database, "CREATE TABLE d AS a ENGINE = Distributed(posthog, currentDatabase(), a)").await;
    let old = clickhouse(OLD).await.database;
    done(&old, TABLE).await;
    let elsewhere = postgres().await.database;
    let too_old = "main: this ClickHouse cannot change a partition by itself (ALTER TABLE … UPDATE … IN PARTITION), \
                   as those of 2021 and later can";
    let distributed =
        "main: `d` is a Distributed table, which holds no rows; take its local tables, with `scope: each_shard`";
    for (database, table, message) in [
        (&database, "nowhere", "main: there is no table `nowhere`"),
        (&database, "d", distributed),
        (&old, "a", too_old),
        (&elsewhere, "a", "main: only ClickHouse has partitions to go by"),
    ] {
        let error = database.update_facts(&PartitionUpdate { table, ..ONE_MORE }).await.expect_err("it is refused");
        assert_eq!((error.trouble, error.to_string().as_str()), (Trouble::Refused, message));
    }
    let wrong = database.update_facts(&PartitionUpdate { set: "n = = 1", ..ONE_MORE }).await.expect_err("it is no SQL");
    assert_eq!((wrong.trouble, wrong.code.as_deref()), (Trouble::Refused, Some("62")));
}
