//! The servers are what the other tests take them for.

use crate::support::servers::{
    ClickHouse, ask_postgres, clickhouse_url, fresh_postgres_database, old_clickhouse_url, postgres,
    with_wrong_password,
};
use sqlx::Connection;

#[tokio::test]
async fn postgres_gives_each_test_its_database_and_wants_the_password() {
    let (one, other) = (fresh_postgres_database().await, fresh_postgres_database().await);
    assert_ne!(one, other);
    postgres(&one, "CREATE TABLE only_here (a int); INSERT INTO only_here VALUES (7)").await;
    assert_eq!(ask_postgres(&one, "SELECT a::text FROM only_here").await, "7");
    assert_eq!(ask_postgres(&other, "SELECT (to_regclass('only_here') IS NULL)::text").await, "true");
    let refused = sqlx::PgConnection::connect(&with_wrong_password(&one)).await.expect_err("the password is wrong");
    assert_eq!(refused.as_database_error().and_then(|error| error.code()).as_deref(), Some("28P01"));
}

#[tokio::test]
async fn both_clickhouse_have_two_shards_macros_and_a_password() {
    for url in [clickhouse_url(), old_clickhouse_url()] {
        let first = ClickHouse::fresh(url.clone()).await;
        let second = first.on_second_shard().await;
        for (shard, number) in [(&first, "01"), (&second, "02")] {
            assert_eq!(shard.run("SELECT substitution FROM system.macros WHERE macro = 'shard'").await, number);
            let hosts = shard
                .run("SELECT host_name FROM system.clusters WHERE cluster = 'two_shards' ORDER BY shard_num")
                .await;
            assert_eq!(hosts, "127.0.0.1\n127.0.0.2");
            assert_eq!(shard.run("SELECT count() FROM system.clusters WHERE cluster = 'posthog'").await, "1");
        }
        let stranger = ClickHouse { url: with_wrong_password(&url), ..first };
        let refused = stranger.try_run("SELECT 1", &[]).await.expect_err("the password is wrong");
        assert!(refused.starts_with("Code: 516.") || refused.starts_with("Code: 193,"), "{refused}");
    }
}

#[tokio::test]
async fn both_clickhouse_keep_replicated_tables_in_zookeeper() {
    for url in [clickhouse_url(), old_clickhouse_url()] {
        let clickhouse = ClickHouse::fresh(url).await;
        let path = format!("/tables/{}_{{shard}}/t", clickhouse.database);
        clickhouse
            .run(&format!("CREATE TABLE t (a Int32) ENGINE = ReplicatedMergeTree('{path}', '{{replica}}') ORDER BY a"))
            .await;
        clickhouse.run("INSERT INTO t SELECT number FROM numbers(1000)").await;
        assert_eq!(clickhouse.run("SELECT count(), sum(a) FROM t").await, "1000\t499500");
        assert_eq!(clickhouse.run("SELECT count() > 0 FROM system.zookeeper WHERE path = '/'").await, "1");
    }
}

#[tokio::test]
async fn the_old_clickhouse_runs_a_statement_on_its_cluster() {
    let first = ClickHouse::fresh(old_clickhouse_url()).await;
    let second = first.on_second_shard().await;
    let database = &first.database;
    let reports = first.run(&format!("CREATE TABLE {database}.t ON CLUSTER two_nodes (a Int32) ENGINE = Log")).await;
    assert_eq!(reports.lines().count(), 2);
    assert_eq!(second.run("EXISTS TABLE t").await, "1");
}

#[tokio::test]
async fn both_clickhouse_show_a_running_statement_by_its_id_and_end_it() {
    for url in [clickhouse_url(), old_clickhouse_url()] {
        let clickhouse = ClickHouse::fresh(url).await;
        let id = clickhouse.database.as_str();
        let named = [("query_id", id)];
        let long = clickhouse.try_run("SELECT count() FROM system.numbers", &named);
        let end = async {
            while clickhouse.run(&format!("SELECT count() FROM system.processes WHERE query_id = '{id}'")).await != "1"
            {
                tokio::task::yield_now().await;
            }
            let again = clickhouse.try_run("SELECT 1", &named).await.expect_err("the id is taken");
            clickhouse.run(&format!("KILL QUERY WHERE query_id = '{id}' SYNC")).await;
            again
        };
        let (ended, again) = tokio::join!(long, end);
        let ended = ended.expect_err("it has no end of its own");
        assert!(ended.starts_with("Code: 394"), "{ended}");
        assert!(again.starts_with("Code: 216"), "{again}");
    }
}
