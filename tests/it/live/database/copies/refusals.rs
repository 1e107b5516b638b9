//! Copies that cannot be done, each with the reason and what to do instead.

use orchestrate::database::{Database, Destination, TableCopy, Trouble};
use orchestrate::model::Verification;

use super::super::{postgres, sqlite};
use super::{CURRENT, OLD, clickhouse, destination, done, one, plain, servers};

async fn refused(database: &Database, copy: &TableCopy<'_>, destination: Destination) -> String {
    let error = database.copy_facts(copy, destination).await.expect_err("it cannot be copied");
    assert_eq!(error.trouble, Trouble::Refused, "{error}");
    error.message
}

/// What is said of a copy of `a` into a table `b` that is made so.
async fn into(database: &Database, create: &str, copy: &TableCopy<'_>) -> String {
    done(database, create).await;
    let message = refused(database, copy, Destination::Empty).await;
    done(database, "DROP TABLE b").await;
    message
}

#[tokio::test]
async fn tables_that_are_not_there() {
    for database in servers().await {
        let said = async |copy: TableCopy<'static>| refused(&database, &copy, Destination::Empty).await;
        assert_eq!(said(TableCopy { from: "nowhere", ..plain() }).await, "there is no table `nowhere`");
        assert_eq!(said(plain()).await, "there is no table `b`");
        assert_eq!(said(TableCopy { to: "a", ..plain() }).await, "`a` cannot be copied into itself");
        assert_eq!(said(TableCopy { to: "numbers(10)", ..plain() }).await, "`numbers(10)` is no name of a table");
        let columns = ["id".to_owned(), "none".to_owned()];
        let named = TableCopy { columns: &columns, ..plain() };
        assert_eq!(refused(&database, &named, Destination::Later).await, "`a` has no column `none`");
    }
}

#[tokio::test]
async fn tables_without_parts_of_their_own() {
    for database in servers().await {
        for (create, message) in [
            (
                "CREATE TABLE b AS a ENGINE = Distributed(posthog, currentDatabase(), a)",
                "`b` is a Distributed table, which holds no rows; take its local tables, with `scope: each_shard`",
            ),
            (
                "CREATE TABLE b (id UInt64) ENGINE = Log",
                "`b` is a Log; by partition only tables of the MergeTree family can be filled",
            ),
            (
                "CREATE VIEW b AS SELECT id FROM a",
                "`b` is a View; by partition only tables of the MergeTree family can be filled",
            ),
        ] {
            assert_eq!(into(&database, create, &plain()).await, message);
        }
        done(&database, "CREATE TABLE c (id UInt64) ENGINE = Memory").await;
        let from = TableCopy { from: "c", ..plain() };
        let message = "`c` is a Memory; by partition only tables of the MergeTree family can be read";
        assert_eq!(refused(&database, &from, Destination::Later).await, message);
        let message = "`a` is a MergeTree, of which no merge takes rows away; leave out `final`";
        let last = TableCopy { is_final: true, ..plain() };
        assert_eq!(refused(&database, &last, Destination::Later).await, message);
    }
}

#[tokio::test]
async fn partitions_that_are_others() {
    for database in servers().await {
        let said = async |create: &str| into(&database, create, &plain()).await;
        assert_eq!(
            said("CREATE TABLE b AS a ENGINE = MergeTree PARTITION BY d ORDER BY id").await,
            "`a` is partitioned by toYYYYMM(d) and `b` is partitioned by d, so that the rows of one partition would land in others; \
             copy with statements of your own"
        );
        assert_eq!(
            said("CREATE TABLE b (d Date, id UInt64, word Nullable(String)) ENGINE = MergeTree ORDER BY id").await,
            "`a` is partitioned by toYYYYMM(d) and `b` has no partition key, so that the rows of one partition would land in others; \
             copy with statements of your own"
        );
        assert_eq!(
            said("CREATE TABLE b (d DateTime, id UInt64, word Nullable(String)) ENGINE = MergeTree PARTITION BY (toYYYYMM(d)) ORDER BY id").await,
            "`d` of the partition key is Date in `a` and DateTime in `b`, so that the rows of one partition would land in others; \
             copy with statements of your own"
        );
        done(&database, "CREATE TABLE b (d Date MATERIALIZED toDate('2020-01-01'), id UInt64, word Nullable(String)) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY id").await;
        let error = one(&database, &plain(), "202401").await.expect_err("the rows belong elsewhere");
        assert_eq!(
            error.to_string(),
            "main: 1000 rows of partition 202401 of `a` belong into partition 202001 of `b`; copy with statements of your own"
        );
    }
}

#[tokio::test]
async fn columns_that_do_not_fit() {
    for database in servers().await {
        let create = "CREATE TABLE b (d Date, id UInt64 MATERIALIZED 1, twice UInt64) ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY d";
        assert_eq!(
            into(&database, create, &plain()).await,
            "`b` has no column `word`, which `a` has; name the `columns` to copy"
        );
        let columns = ["id".to_owned()];
        assert_eq!(
            into(&database, create, &TableCopy { columns: &columns, ..plain() }).await,
            "`id` of `b` is MATERIALIZED and computed there; leave it out of `columns`"
        );
        let columns = ["word".to_owned(), "d".to_owned()];
        assert_eq!(
            into(&database, create, &TableCopy { columns: &columns, ..plain() }).await,
            "`b` has no column `word`"
        );
        done(&database, "DROP TABLE a").await;
        done(
            &database,
            "CREATE TABLE a (id UInt64, s AggregateFunction(uniq, UInt64)) ENGINE = AggregatingMergeTree ORDER BY id",
        )
        .await;
        let create = "CREATE TABLE b AS a ENGINE = AggregatingMergeTree ORDER BY id";
        assert_eq!(
            into(&database, create, &plain()).await,
            "`s` is AggregateFunction(uniq, UInt64), which has no checksum; use `verify: count`"
        );
        done(&database, create).await;
        let counted = TableCopy { verify: Verification::Count, ..plain() };
        database.copy_facts(&counted, Destination::Empty).await.expect("its rows can be counted");
    }
}

#[tokio::test]
async fn a_destination_that_holds_rows() {
    for database in servers().await {
        destination(&database, "MergeTree PARTITION BY toYYYYMM(d) ORDER BY id").await;
        done(&database, "INSERT INTO b (d, id) VALUES ('2024-01-01', 1)").await;
        let message = "`b` holds 1 row, which a copy by partition would replace; empty it, or copy into another table";
        for destination in [Destination::Empty, Destination::Later] {
            assert_eq!(refused(&database, &plain(), destination).await, message);
        }
        database.copy_facts(&plain(), Destination::Ours).await.expect("the rows are its own");
    }
}

#[tokio::test]
async fn the_syntax_of_before_2018_is_read_and_not_filled() {
    let database = clickhouse(OLD).await.database;
    done(&database, "CREATE TABLE a (d Date, id UInt64) ENGINE = MergeTree(d, (id, d), 8192)").await;
    done(&database, "INSERT INTO a SELECT toDate('2024-01-15') + number % 31, number FROM system.numbers LIMIT 310")
        .await;
    assert_eq!(
        into(&database, "CREATE TABLE b AS a ENGINE = MergeTree(d, (d, id), 8192)", &plain()).await,
        "`b` was created with the syntax of before 2018 (MergeTree(d, (d, id), 8192)); create it with PARTITION BY and ORDER BY"
    );
    destination(&database, "MergeTree PARTITION BY toYYYYMM(d) ORDER BY (d, id)").await;
    assert_eq!(super::all(&database, &plain()).await, [170, 140]);
}

#[tokio::test]
async fn engines_without_partitions() {
    for world in [sqlite(), postgres().await] {
        let message = "only ClickHouse has partitions to go by";
        assert_eq!(refused(&world.database, &plain(), Destination::Later).await, message);
    }
    let database = clickhouse(CURRENT).await.database;
    let error = database.partitions("no table").await.expect_err("it is no name");
    assert_eq!(error.to_string(), "main: `no table` is no name of a table");
}
