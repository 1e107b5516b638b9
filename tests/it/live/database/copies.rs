//! A copy by partition, on a server of 2018 and on the current engine.

mod refusals;
mod trouble;

use std::collections::BTreeMap;

use orchestrate::database::{Database, DatabaseError, Destination, Leave, Location, Partition, TableCopy};
use orchestrate::model::Verification;
use tokio_util::sync::CancellationToken;

use super::{LONG, NO_SETTINGS, act, ask, clickhouse, fresh, location, unique, url_of};

const CURRENT: &str = "ORCHESTRATE_TEST_CLICKHOUSE_URL";
const OLD: &str = "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL";

/// Two months in January and February 2024, 1,000 rows each.
const FILL: &str = "INSERT INTO a (d, id, word) SELECT toDate('2024-01-01') + number % 2 * 31, number, \
                    if(number % 3 = 0, NULL, if(number % 3 = 1, '', 'x')) FROM system.numbers LIMIT 2000";

fn plain<'a>() -> TableCopy<'a> {
    TableCopy {
        from: "a",
        to: "b",
        columns: &[],
        filter: None,
        is_final: false,
        verify: Verification::Checksum,
        settings: &NO_SETTINGS,
        timeout: LONG,
    }
}

async fn done(database: &Database, sql: &str) {
    act(database, sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

async fn told(database: &Database, sql: &str) -> String {
    ask(database, sql).await.unwrap_or_else(|error| panic!("{error}\n{sql}")).unwrap_or_default()
}

/// Both servers, with a filled table `a` on each.
async fn servers() -> Vec<Database> {
    let mut servers = Vec::new();
    for variable in [CURRENT, OLD] {
        let database = clickhouse(variable).await.database;
        done(
            &database,
            "CREATE TABLE a (d Date, id UInt64, word Nullable(String), twice UInt64 MATERIALIZED id * 2, half UInt64 ALIAS id / 2) \
             ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY id",
        )
        .await;
        done(&database, FILL).await;
        servers.push(database);
    }
    servers
}

/// A table `b` of the same columns.
async fn destination(database: &Database, engine: &str) {
    done(database, &format!("CREATE TABLE b AS a ENGINE = {engine}")).await;
}

async fn one(database: &Database, copy: &TableCopy<'_>, id: &str) -> Result<u64, DatabaseError> {
    let attempt = unique("t");
    database
        .copy_partition(
            copy,
            id,
            &unique("orchestrate:copy"),
            "staged_1",
            &attempt,
            Leave::unless(&CancellationToken::new()),
        )
        .await
}

/// Every partition, one after another; the rows of each.
async fn all(database: &Database, copy: &TableCopy<'_>) -> Vec<u64> {
    let facts = database.copy_facts(copy, Destination::Empty).await.expect("it can be copied");
    let mut rows = Vec::new();
    for partition in facts.partitions {
        rows.push(one(database, copy, &partition.id).await.expect("a partition is copied"));
    }
    assert_eq!(
        told(database, "SELECT count() FROM system.tables WHERE name LIKE 'staged%' AND database = currentDatabase()")
            .await,
        "0"
    );
    rows
}

async fn sums(database: &Database, table: &str) -> String {
    let sql = format!(
        "SELECT toString((count(), sum(id), sum(twice), countIf(word IS NULL), countIf(word = ''))) FROM {table}"
    );
    told(database, &sql).await
}

#[tokio::test]
async fn every_partition_arrives_and_a_second_time_changes_nothing() {
    for database in servers().await {
        destination(&database, "MergeTree PARTITION BY toYYYYMM(d) ORDER BY (d, id) SETTINGS index_granularity = 1024")
            .await;
        assert_eq!(all(&database, &plain()).await, [1000, 1000]);
        assert_eq!(sums(&database, "b").await, sums(&database, "a").await);
        assert_eq!(one(&database, &plain(), "202401").await, Ok(1000));
        assert_eq!(sums(&database, "b").await, sums(&database, "a").await);
        let partitions = database.partitions("b").await.expect("it is there");
        let shown: Vec<_> = partitions.iter().map(|found| (found.id.as_str(), found.rows)).collect();
        assert_eq!(shown, [("202401", 1000), ("202402", 1000)]);
    }
}

#[tokio::test]
async fn facts_tell_partitions_bytes_and_the_last_block() {
    for database in servers().await {
        let named = format!("`{}`.\"a\"", told(&database, "SELECT currentDatabase()").await);
        let copy = TableCopy { from: &named, to: "later", ..plain() };
        let facts = database.copy_facts(&copy, Destination::Later).await.expect("it can be copied");
        assert_eq!(facts.partitions.iter().map(|found| found.bytes).sum::<u64>(), facts.bytes);
        assert!(facts.bytes > 0);
        let has_disks =
            told(&database, "SELECT count() FROM system.tables WHERE database = 'system' AND name = 'disks'").await;
        assert_eq!(facts.free_bytes.is_some(), has_disks == "1");
        let block = |found: Vec<Partition>| found.first().map(|partition| partition.block);
        let before = block(facts.partitions);
        done(&database, "OPTIMIZE TABLE a FINAL").await;
        assert_eq!(block(database.partitions("a").await.expect("it is there")), before);
        done(&database, FILL).await;
        assert!(block(database.partitions("a").await.expect("it is there")) > before);
    }
}

#[tokio::test]
async fn a_table_without_partition_key_is_one_partition() {
    for database in servers().await {
        done(&database, "CREATE TABLE c (id UInt64, word String) ENGINE = MergeTree ORDER BY id").await;
        done(&database, "INSERT INTO c SELECT number, toString(number) FROM system.numbers LIMIT 500").await;
        done(&database, "CREATE TABLE b (id UInt64, word String) ENGINE = MergeTree ORDER BY (word, id)").await;
        assert_eq!(all(&database, &TableCopy { from: "c", ..plain() }).await, [500]);
        assert_eq!(
            told(&database, "SELECT sum(cityHash64(id, word)) FROM b").await,
            told(&database, "SELECT sum(cityHash64(id, word)) FROM c").await
        );
    }
}

#[tokio::test]
async fn the_engine_of_the_destination_merges_only_what_has_been_counted() {
    let engines = ["ReplacingMergeTree", "SummingMergeTree", "AggregatingMergeTree", "CollapsingMergeTree(sign)"];
    for database in servers().await {
        done(&database, "CREATE TABLE c (id UInt64, sign Int8, more UInt64) ENGINE = MergeTree ORDER BY id").await;
        done(
            &database,
            "INSERT INTO c SELECT number % 10, if(number % 2 = 0, 1, -1), 1 FROM system.numbers LIMIT 1000",
        )
        .await;
        for engine in engines {
            done(
                &database,
                &format!("CREATE TABLE b (id UInt64, sign Int8, more UInt64) ENGINE = {engine} ORDER BY (id)"),
            )
            .await;
            assert_eq!(all(&database, &TableCopy { from: "c", ..plain() }).await, [1000], "{engine}");
            done(&database, "DROP TABLE b").await;
        }
    }
}

#[tokio::test]
async fn a_replicated_table_is_filled() {
    for database in servers().await {
        let path = format!("/tables/{}_{{shard}}/b", told(&database, "SELECT currentDatabase()").await);
        let engine =
            format!("ReplicatedReplacingMergeTree('{path}', '{{replica}}') PARTITION BY toYYYYMM(d) ORDER BY (d, id)");
        destination(&database, &engine).await;
        assert_eq!(all(&database, &plain()).await, [1000, 1000]);
        assert_eq!(one(&database, &plain(), "202402").await, Ok(1000));
        assert_eq!(sums(&database, "b").await, sums(&database, "a").await);
        let none = TableCopy { filter: Some("id > 100000"), ..plain() };
        assert_eq!(one(&database, &none, "202402").await, Ok(0));
        assert_eq!(told(&database, "SELECT count() FROM b").await, "1000");
        done(&database, "DROP TABLE b").await;
    }
}

#[tokio::test]
async fn a_filter_leaves_rows_out_and_may_leave_none() {
    for database in servers().await {
        destination(&database, "MergeTree PARTITION BY toYYYYMM(d) ORDER BY id").await;
        assert_eq!(all(&database, &plain()).await, [1000, 1000]);
        let copy = TableCopy { filter: Some("id < 100 OR word = 'none' -- few"), ..plain() };
        assert_eq!(one(&database, &copy, "202401").await, Ok(50));
        assert_eq!(
            one(&database, &TableCopy { filter: Some("id < 0"), verify: Verification::Count, ..copy }, "202402").await,
            Ok(0)
        );
        assert_eq!(told(&database, "SELECT toString((count(), max(id))) FROM b").await, "(50,98)");
        assert_eq!(one(&database, &copy, "202403").await, Ok(0));
    }
}

#[tokio::test]
async fn with_final_each_partition_gives_the_last_row_of_each_key() {
    let sums = "SELECT toString((count(), sum(id), sum(version))) FROM b";
    for database in servers().await {
        for engine in ["ReplacingMergeTree(version)", "MergeTree"] {
            let table = if engine == "MergeTree" { "b" } else { "c" };
            let columns = "d Date, id UInt64, version UInt64";
            let keys = "PARTITION BY toYYYYMM(d) ORDER BY id";
            done(&database, &format!("CREATE TABLE {table} ({columns}) ENGINE = {engine} {keys}")).await;
        }
        // Each version is a part of its own in each of the two months, and every key is in both of them.
        for version in [2, 3, 1] {
            let rows = "FROM system.numbers LIMIT 200";
            done(
                &database,
                &format!(
                    "INSERT INTO c SELECT toDate('2024-01-01') + number % 2 * 31, intDiv(number, 2), {version} {rows}"
                ),
            )
            .await;
        }
        for verify in [Verification::Checksum, Verification::Count, Verification::None] {
            let copy = TableCopy { from: "c", verify, is_final: true, ..plain() };
            assert_eq!(
                [one(&database, &copy, "202401").await, one(&database, &copy, "202402").await],
                [Ok(100), Ok(100)]
            );
            assert_eq!(told(&database, sums).await, "(200,9900,600)");
        }
        let copy = TableCopy { from: "c", is_final: true, filter: Some("version < 3"), ..plain() };
        assert_eq!(one(&database, &copy, "202401").await, Ok(0));
        let pilot = database.pilot_copy(&TableCopy { filter: None, ..copy }, 50, "staged_0").await;
        assert!(matches!(pilot, Ok(Some((50, _)))), "{pilot:?}");
    }
}

#[tokio::test]
async fn named_columns_are_copied_and_others_computed_or_left_at_their_default() {
    for database in servers().await {
        done(
            &database,
            "CREATE TABLE b (d Date, id Int64, twice UInt64, thrice Int64 MATERIALIZED id * 3, half UInt64, word Nullable(String), more UInt8 DEFAULT 7) \
             ENGINE = MergeTree PARTITION BY toYYYYMM(d) ORDER BY id",
        )
        .await;
        assert_eq!(all(&database, &plain()).await, [1000, 1000]);
        let sums =
            "SELECT toString((sum(id), sum(twice), sum(thrice), sum(half), sum(more), countIf(isNull(word)))) FROM b";
        assert_eq!(told(&database, sums).await, "(1999000,3998000,5997000,999000,14000,667)");
        let columns = ["d".to_owned(), "id".to_owned()];
        let copy = TableCopy { columns: &columns, ..plain() };
        assert_eq!(one(&database, &copy, "202401").await, Ok(1000));
        assert_eq!(
            told(&database, "SELECT toString((sum(twice), countIf(isNull(word)))) FROM b WHERE toYYYYMM(d) = 202401")
                .await,
            "(0,1000)"
        );
    }
}

#[tokio::test]
async fn a_checksum_is_taken_of_every_type() {
    let columns = "id UInt64, a Array(Nullable(String)), d Decimal(9, 2), n Nullable(Decimal(9, 2)), u UUID, e Enum8('x' = 1), f Float64, \
                   t Tuple(UInt8, String), s FixedString(3), w DateTime, m Nullable(Enum8('x' = 1)), i Int8";
    for database in servers().await {
        for table in ["c", "b"] {
            done(&database, &format!("CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY id")).await;
        }
        done(
            &database,
            "INSERT INTO c SELECT number, [toString(number), NULL], toDecimal32(number, 2) / 4, NULL, generate, 'x', 0 / 0, \
             (1, 'b'), 'abc', now(), if(number % 2 = 0, NULL, CAST('x' AS Enum8('x' = 1))), -5 \
             FROM (SELECT number, toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS generate FROM system.numbers LIMIT 100)",
        )
        .await;
        assert_eq!(all(&database, &TableCopy { from: "c", ..plain() }).await, [100]);
    }
}

#[tokio::test]
async fn indices_projections_ttl_and_constraints_of_the_destination_are_no_hindrance() {
    let database = clickhouse(CURRENT).await.database;
    done(&database, "CREATE TABLE a (d Date, id UInt64, word LowCardinality(Nullable(String)), m Map(String, Nullable(UInt8)), j JSON) ENGINE = MergeTree PARTITION BY (toYYYYMM(d), id % 2) ORDER BY id").await;
    done(&database, "INSERT INTO a SELECT toDate('2099-01-01') + number % 3, number, NULL, map('a', NULL), '{\"a\": 1}' FROM numbers(1000)").await;
    done(
        &database,
        "CREATE TABLE b (d Date, id UInt64 CODEC(ZSTD), word LowCardinality(Nullable(String)) TTL d + INTERVAL 1 YEAR, m Map(String, Nullable(UInt8)), j JSON, \
         INDEX i word TYPE bloom_filter, PROJECTION p (SELECT id ORDER BY id), CONSTRAINT c CHECK id < 100000) \
         ENGINE = ReplacingMergeTree PARTITION BY (toYYYYMM(d), id % 2) PRIMARY KEY d ORDER BY (d, id) TTL d + INTERVAL 1 YEAR \
         SETTINGS deduplicate_merge_projection_mode = 'rebuild', non_replicated_deduplication_window = 100 COMMENT 'SETTINGS x = 1'",
    )
    .await;
    assert_eq!(all(&database, &plain()).await, [500, 500]);
    assert_eq!(told(&database, "SELECT sum(id) FROM b").await, "499500");
}

#[tokio::test]
async fn a_pilot_copies_some_rows_and_leaves_nothing() {
    for database in servers().await {
        let copy = plain();
        assert_eq!(database.pilot_copy(&copy, 100, "staged_0").await, Ok(None));
        destination(&database, "MergeTree PARTITION BY toYYYYMM(d) ORDER BY id").await;
        let pilot = database.pilot_copy(&copy, 100, "staged_0").await.expect("there is a table to fill");
        assert!(pilot.is_some_and(|(rows, took)| rows == 100 && !took.is_zero()), "{pilot:?}");
        let none = TableCopy { filter: Some("id > 100000"), ..copy };
        assert_eq!(database.pilot_copy(&none, 100, "staged_0").await, Ok(None));
        assert_eq!(told(&database, "SELECT count() FROM system.tables WHERE database = currentDatabase()").await, "2");
        assert_eq!(told(&database, "SELECT count() FROM b").await, "0");
    }
}

#[tokio::test]
async fn each_shard_copies_its_own_rows() {
    let (first, database) = fresh(&url_of(CURRENT)).await;
    let name = first.database.expect("a fresh database has a name");
    let clustered = Location { cluster: Some("two_shards".into()), ..location(&url_of(CURRENT)) };
    let cluster = Database::open(&clustered).expect("the URL is right");
    let second = cluster.on_host("127.0.0.2").await.expect("it is in the cluster");
    done(&second, &format!("CREATE DATABASE {name}")).await;
    let (from, to) = (format!("{name}.a"), format!("{name}.b"));
    let copy = TableCopy { from: &from, to: &to, ..plain() };
    for (host, rows) in [(&database, 10), (&second, 20)] {
        for table in [&from, &to] {
            done(host, &format!("CREATE TABLE {table} (id UInt64) ENGINE = MergeTree ORDER BY id")).await;
        }
        done(host, &format!("INSERT INTO {from} SELECT number FROM system.numbers LIMIT {rows}")).await;
    }
    for shard in cluster.shards().await.expect("the server knows its cluster") {
        let rows = if shard.name == "127.0.0.1" { 10 } else { 20 };
        assert_eq!(one(&shard.database, &copy, "all").await, Ok(rows));
    }
    assert_eq!(told(&second, &format!("SELECT count() FROM {to}")).await, "20");
}

/// With settings of the manifest.
fn with(settings: &BTreeMap<String, String>) -> TableCopy<'_> {
    TableCopy { settings, ..plain() }
}
