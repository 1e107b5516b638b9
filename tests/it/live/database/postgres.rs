//! What Postgres has of its own: deadlocks, indexes without a transaction, sessions that keep nothing.

use std::collections::BTreeMap;

use orchestrate::database::{Statement, Trouble};
use serde_json::json;

use super::{LONG, World, act, ask, create, fresh, open, postgres, statement, unique, url_of};

/// Takes one lock, waits until the other one is taken, and wants that too.
fn deadlock(first: u32, second: u32) -> String {
    format!(
        "DO $$ BEGIN PERFORM pg_advisory_xact_lock({first}); \
         WHILE NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = {second} \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) \
         LOOP PERFORM pg_sleep(0.01); END LOOP; PERFORM pg_advisory_xact_lock({second}); END $$"
    )
}

#[tokio::test]
async fn a_deadlock_is_worth_another_try() {
    let World { database, .. } = postgres().await;
    let (one, other) = (deadlock(1, 2), deadlock(2, 1));
    let tags = (unique("orchestrate:one"), unique("orchestrate:other"));
    let whole = |sql, tag| Statement { transaction: true, ..statement(sql, tag) };
    let (one, other) = (whole(&one, &tags.0), whole(&other, &tags.1));
    let results = tokio::join!(database.run(&one), database.run(&other));
    let errors: Vec<_> = [results.0, results.1].into_iter().filter_map(Result::err).collect();
    let told: Vec<_> = errors.iter().map(|error| (error.trouble, error.code.as_deref())).collect();
    assert_eq!(told, [(Trouble::Transient, Some("40P01"))]);
}

#[tokio::test]
async fn an_index_is_built_without_a_transaction() {
    let World { database, .. } = postgres().await;
    create(&database).await;
    let tag = unique("orchestrate:index");
    let sql = "CREATE INDEX CONCURRENTLY a_id ON a (id); -- one; by one\nCREATE INDEX CONCURRENTLY a_word ON a (word)";
    let whole = Statement { transaction: true, mark: true, ..statement(sql, &tag) };
    let error = database.run(&whole).await.expect_err("not in a transaction");
    assert_eq!(error.code.as_deref(), Some("25001"));
    let apart = Statement { mark: true, ..statement(sql, &tag) };
    database.run(&apart).await.expect("one by one");
    assert_eq!(database.has_mark(&tag).await, Ok(true));
}

#[tokio::test]
async fn a_late_refusal_of_several_is_not_tried_again() {
    let World { database, .. } = postgres().await;
    create(&database).await;
    let tag = unique("orchestrate:partly");
    let sql = "INSERT INTO a VALUES (1, ''); DO $$ BEGIN RAISE SQLSTATE '40001'; END $$";
    let error = database.run(&statement(sql, &tag)).await.expect_err("the second one fails");
    assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Partial, Some("40001")));
    let whole = Statement { transaction: true, ..statement(sql, &tag) };
    let error = database.run(&whole).await.expect_err("the second one fails");
    assert_eq!(error.trouble, Trouble::Transient);
}

#[tokio::test]
async fn a_session_keeps_nothing_of_the_one_before() {
    let World { database, .. } = postgres().await;
    let tag = unique("orchestrate:path");
    let settings = BTreeMap::from([("work_mem".to_owned(), "123kB".to_owned())]);
    let sql = "CREATE SCHEMA other; CREATE TABLE pg_temp.kept AS SELECT current_setting('work_mem') AS v; \
               SET search_path TO other; CREATE TABLE result AS SELECT v FROM pg_temp.kept";
    for (transaction, mark) in [(false, true), (true, true)] {
        let tag = format!("{tag}:{transaction}");
        database
            .run(&Statement { settings: &settings, transaction, mark, ..statement(sql, &tag) })
            .await
            .expect("the path leads to the other schema");
        assert_eq!(database.has_mark(&tag).await, Ok(true));
        assert_eq!(ask(&database, "SELECT v FROM other.result").await, Ok(Some("123kB".into())));
        assert_eq!(ask(&database, "SHOW search_path").await, Ok(Some("\"$user\", public".into())));
        assert_eq!(ask(&database, "SELECT to_regclass('pg_temp.kept')").await, Ok(None));
        act(&database, "DROP SCHEMA other CASCADE").await.expect("the schema is there");
    }
}

#[tokio::test]
async fn the_table_of_marks_is_created_once_by_many() {
    let (location, _) = fresh(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).await;
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let database = orchestrate::database::Database::open(&location).expect("the URL is right");
            tokio::spawn(async move {
                let tag = format!("orchestrate:race:{number}");
                let marked = Statement { transaction: true, mark: true, ..statement("SELECT 1", &tag) };
                database.run(&marked).await.map(|_| ())
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("the task ends"), Ok(()));
    }
}

#[tokio::test]
async fn every_type_is_told_as_the_server_writes_it() {
    let World { database, .. } = postgres().await;
    act(&database, "CREATE TYPE mood AS ENUM ('sad')").await.expect("a type can be created");
    let sql = "SELECT true AS b, 1.50::numeric AS n, 12345678901234567.89::numeric AS large, 1.5::float8 AS f, 7::oid AS o, \
               '{\"a\": 1}'::jsonb AS j, ARRAY[1, 2] AS l, 'sad'::mood AS m, '2024-01-02 03:04:05+00'::timestamptz AS t, \
               interval '1 day' AS i, '\\x00ff'::bytea AS x";
    let rows = database.rows(sql, LONG, 1).await.expect("one row");
    assert_eq!(
        json!(rows),
        json!([{
            "b": true, "n": 1.5, "large": "12345678901234567.89", "f": 1.5, "o": 7, "j": "{\"a\": 1}", "l": "{1,2}", "m": "sad",
            "t": "2024-01-02 03:04:05+00", "i": "1 day", "x": "\\x00ff",
        }])
    );
    assert_eq!(ask(&database, "SELECT false").await, Ok(Some("false".into())));
}

#[tokio::test]
async fn a_statement_that_needs_a_client_is_refused() {
    let World { database, .. } = postgres().await;
    create(&database).await;
    let error = act(&database, "COPY a FROM STDIN").await.expect_err("there is no client");
    assert_eq!(error.trouble, Trouble::Refused);
}

#[tokio::test]
async fn an_unknown_parameter_of_the_url_harms_nothing() {
    let mut url = url::Url::parse(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).expect("it is a URL");
    url.query_pairs_mut().append_pair("pgbouncer", "true").append_pair("connect_timeout", "3");
    assert_eq!(ask(&open(url.as_str()), "SELECT 1").await, Ok(Some("1".into())));
    url.query_pairs_mut().append_pair("sslmode", "word-of-nobody");
    let error =
        orchestrate::database::Database::open(&super::location(url.as_str())).expect_err("there is no such mode");
    assert_eq!(error.to_string(), "main: a parameter of the URL has a value that cannot be read");
}
