//! What ClickHouse has of its own: one statement at a time, settings, progress, clusters, users who may not write.

use std::collections::BTreeMap;

use orchestrate::database::{Database, Location, Statement, Trouble};
use orchestrate::model::Engine;
use serde_json::json;

use super::{
    LONG, World, act, ask, clickhouse, create, fresh, location, open, slow, statement, unique, until_running, url_of,
};

const CURRENT: &str = "ORCHESTRATE_TEST_CLICKHOUSE_URL";
const OLD: &str = "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL";

#[tokio::test]
async fn several_statements_and_a_format_of_ones_own_are_refused() {
    for variable in [CURRENT, OLD] {
        let World { database, .. } = clickhouse(variable).await;
        let error = act(&database, "SELECT 1; SELECT 2").await.expect_err("one at a time");
        assert_eq!(error.to_string(), "main: ClickHouse takes one statement at a time, and these are 2");
        let error = ask(&database, "SELECT 1 FORMAT CSV").await.expect_err("the format is ours");
        assert_eq!(error.to_string(), "main: the format of an answer is not chosen here; leave FORMAT out");
        act(&database, "SELECT '?', 1 FORMAT CSV").await.expect("a statement may have one");
    }
}

#[tokio::test]
async fn numbers_of_64_bits_are_numbers() {
    for variable in [CURRENT, OLD] {
        let World { database, .. } = clickhouse(variable).await;
        let sql = "SELECT toUInt64(18446744073709551615) AS u, toInt64(-9007199254740993) AS i, toNullable(toUInt8(3)) AS n, \
                   toDecimal64('1.50', 2) AS d, toFloat64(0.5) AS f, [1, 2] AS l, 'a\\\\b\\t''c' AS s, toDate('2024-01-02') AS day";
        let rows = database.rows(sql, LONG, 1).await.expect("one row");
        let expected = json!([{
            "u": u64::MAX, "i": -9_007_199_254_740_993_i64, "n": 3, "d": 1.5, "f": 0.5, "l": "[1,2]", "s": "a\\b\t'c", "day": "2024-01-02",
        }]);
        assert_eq!(json!(rows), expected, "{variable}");
    }
}

#[tokio::test]
async fn settings_reach_the_server() {
    for variable in [CURRENT, OLD] {
        let url = url_of(variable);
        let separator = if url.contains('?') { '&' } else { '?' };
        let database = open(&format!("{url}{separator}max_threads=3"));
        let setting = "SELECT value FROM system.settings WHERE name = 'max_threads'";
        assert_eq!(ask(&database, setting).await, Ok(Some("3".into())), "{variable}");
        let World { database, .. } = clickhouse(variable).await;
        create(&database).await;
        let settings = BTreeMap::from([("max_columns_to_read".to_owned(), "1".to_owned())]);
        let tag = unique("orchestrate:settings");
        let sql = "SELECT id, word FROM a";
        let error = database.run(&Statement { settings: &settings, ..statement(sql, &tag) }).await;
        let error = error.expect_err("the setting forbids it");
        assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Refused, Some("161")), "{error}");
        let wrong = BTreeMap::from([("no_such_setting".to_owned(), "1".to_owned())]);
        let error = database.run(&Statement { settings: &wrong, ..statement(sql, &tag) }).await;
        assert_eq!(error.map_err(|error| error.trouble), Err(Trouble::Refused));
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_an_insert_is_found() {
    for variable in [CURRENT, OLD] {
        let World { database, .. } = clickhouse(variable).await;
        create(&database).await;
        let sql = "INSERT INTO a SELECT number, toString(throwIf(number = 500000)) FROM system.numbers LIMIT 1000000";
        let old = "INSERT INTO a SELECT intDiv(1, 500000 - toInt64(number)), '' FROM system.numbers LIMIT 1000000";
        let error = act(&database, if variable == OLD { old } else { sql }).await.expect_err("one row is refused");
        assert_eq!(error.trouble, Trouble::Partial, "{error}");
    }
}

#[tokio::test]
async fn a_tag_runs_once_at_a_time_and_tells_its_progress() {
    for variable in [CURRENT, OLD] {
        let World { database, .. } = clickhouse(variable).await;
        create(&database).await;
        let tag = unique("orchestrate:it's:twice");
        let (sql, settings) = slow(Engine::ClickHouse);
        let task = tokio::spawn({
            let (database, tag) = (database.clone(), tag.clone());
            async move { database.run(&Statement { settings: &settings, ..statement(sql, &tag) }).await }
        });
        until_running(&database, &tag).await;
        let again = database.run(&statement("SELECT 1", &tag)).await.expect_err("it runs already");
        assert_eq!((again.trouble, again.code.as_deref()), (Trouble::Running, Some("216")), "{again}");
        let progress = database.progress(&tag).await.expect("the server tells it");
        assert!(progress.is_some(), "{variable}");
        assert_eq!(database.end(&tag).await, Ok(true));
        assert_eq!(task.await.expect("the task ends").map_err(|error| error.trouble), Err(Trouble::Ended));
    }
}

#[tokio::test]
async fn a_cluster_is_asked_shard_by_shard() {
    let (alone, database) = fresh(&url_of(OLD)).await;
    let names = |hosts: Vec<orchestrate::database::Host>| hosts.into_iter().map(|host| host.name).collect::<Vec<_>>();
    assert_eq!(database.shards().await.map(names).map(|names| names.len()), Ok(1));
    let clustered = Location { cluster: Some("two_shards".into()), ..location(&url_of(OLD)) };
    let database = Database::open(&clustered).expect("the URL is right");
    let shards = database.shards().await.expect("the server knows its cluster");
    for shard in &shards {
        assert_eq!(ask(&shard.database, "SELECT 1").await, Ok(Some("1".into())), "{}", shard.name);
        let error = ask(&shard.database, "SELECT nothing").await.expect_err("there is no such column");
        assert_eq!(error.target, format!("main ({})", shard.name));
    }
    assert_eq!(names(shards), ["127.0.0.1", "127.0.0.2"]);
    assert_eq!(database.replicas().await.map(names), Ok(vec!["127.0.0.1".into(), "127.0.0.2".into()]));
    let unknown = Location { cluster: Some("nowhere".into()), ..alone };
    let error =
        Database::open(&unknown).expect("the URL is right").shards().await.expect_err("there is no such cluster");
    assert_eq!(error.to_string(), "main: the server knows no cluster `nowhere`");
}
