//! Tables that are walked through by a key, on Postgres and SQLite: each row once, whatever happens in between.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrate::database::{
    Batch, BatchFailure, Change, Checkpoint, Database, Keyed, Moved, Statement, Sweep, Trouble,
};
use orchestrate::model::{Engine, Key, Verification};

use super::{LONG, NO_SETTINGS, World, ask, open, postgres, sqlite, statement, unique, until_running};

pub const TAG: &str = "orchestrate:run:op:0";

pub async fn both() -> [World; 2] {
    [sqlite(), postgres().await]
}

pub fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub fn keyed<'a>(table: &'a str, key: &'a [String], change: Change<'a>) -> Keyed<'a> {
    Keyed { table, key, filter: None, change, settings: &NO_SETTINGS, timeout: LONG }
}

pub fn copy(verify: Verification) -> Change<'static> {
    Change::Copy { to: "b", columns: &[], verify }
}

pub fn batch(number: u64, after: Option<&Key>, rows: u64) -> Batch<'_> {
    Batch { tag: TAG, number, after, until: None, rows, sweep: Some(Sweep { after: None, is_all: false }) }
}

pub async fn run(database: &Database, sql: &str) {
    let tag = unique("orchestrate:test");
    let whole = Statement { transaction: true, ..statement(sql, &tag) };
    database.run(&whole).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Batch after batch from a key, numbered from one; the batches.
pub async fn walk_from(
    database: &Database,
    keyed: &Keyed<'_>,
    rows: u64,
    mut number: u64,
    mut after: Option<Key>,
) -> Result<Vec<Moved>, BatchFailure> {
    let mut done = Vec::new();
    while let Some(moved) = database.move_batch(keyed, &batch(number, after.as_ref(), rows)).await? {
        after = moved.high.clone().or(after);
        done.push(moved);
        number += 1;
        assert!(number < 10_000, "it has an end");
    }
    Ok(done)
}

pub async fn walk(database: &Database, keyed: &Keyed<'_>, rows: u64) -> Vec<Moved> {
    walk_from(database, keyed, rows, 1, None).await.unwrap_or_else(|failure| panic!("{failure:?}"))
}

pub fn key(values: &[&str]) -> Key {
    Key(columns(values))
}

/// The keys as an engine writes them.
fn text_key(database: &Database, values: &[&str]) -> Key {
    let written = |value: &&str| match database.engine() {
        Engine::Sqlite if value.parse::<i64>().is_err() => format!("'{}'", value.replace('\'', "''")),
        Engine::Sqlite | Engine::Postgres | Engine::ClickHouse => (*value).to_owned(),
    };
    Key(values.iter().map(written).collect())
}

pub async fn one(database: &Database, sql: &str) -> String {
    ask(database, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).unwrap_or_default()
}

fn highs(moved: &[Moved]) -> Vec<(Option<String>, u64)> {
    moved.iter().map(|moved| (moved.high.as_ref().map(ToString::to_string), moved.rows)).collect()
}

fn shown(pairs: &[(&str, u64)]) -> Vec<(Option<String>, u64)> {
    pairs.iter().map(|&(high, rows)| (Some(high.to_owned()), rows)).collect()
}

/// Ten rows with gaps, two of them negative.
const GAPS: &str = "CREATE TABLE a (id bigint PRIMARY KEY NOT NULL, v bigint NOT NULL DEFAULT 0, word text); \
    INSERT INTO a (id, word) VALUES (-900, 'a'), (-1, 'b'), (0, 'c'), (7, NULL), (8, 'it''s'), (1000, 'f'), (1001, 'g'), \
    (9007199254740993, 'h'), (9007199254740994, 'i'), (9223372036854775807, 'j')";

#[tokio::test]
async fn a_backfill_changes_each_row_once() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let id = columns(&["id"]);
        let keyed = keyed("a", &id, Change::Set("v = v + 1 -- once"));
        let facts = database.keyed_facts(&keyed).await.expect("the table can be walked through");
        assert_eq!((facts.rows, facts.is_estimate), (10, false));
        assert!(facts.bytes > 0 && facts.free_bytes.is_some() == (database.engine() == Engine::Sqlite));
        let moved = walk(database, &keyed, 4).await;
        let expected = shown(&[("7", 4), ("9007199254740993", 4), ("9223372036854775807", 2)]);
        assert_eq!(highs(&moved), expected);
        assert_eq!(one(database, "SELECT count(*) FROM a WHERE v = 1").await, "10");
        let checkpoint = Checkpoint { batch: 3, high: moved[2].high.clone(), rows: 2 };
        assert_eq!(database.checkpoint(TAG).await, Ok(Some(checkpoint)));
        database.forget_marks("orchestrate:run:").await.expect("marks are forgotten");
        assert_eq!(database.checkpoint(TAG).await, Ok(None));
    }
}

#[tokio::test]
async fn a_batch_is_done_once_by_its_number() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let id = columns(&["id"]);
        let keyed = keyed("a", &id, Change::Set("v = v + 1"));
        assert_eq!(database.checkpoint(TAG).await, Ok(None));
        let first = database.move_batch(&keyed, &batch(5, None, 3)).await.expect("a batch").expect("rows");
        for number in [4, 5] {
            let failure = database.move_batch(&keyed, &batch(number, None, 3)).await.expect_err("it was done");
            assert_eq!((failure.error.trouble, failure.is_late, failure.high), (Trouble::Lost, false, None));
        }
        assert_eq!(one(database, "SELECT sum(v) FROM a").await, "3");
        let checkpoint = Checkpoint { batch: 5, high: first.high.clone(), rows: 3 };
        assert_eq!(database.checkpoint(TAG).await, Ok(Some(checkpoint)), "after a lost answer it tells what was done");
        walk_from(database, &keyed, 3, 6, first.high).await.expect("it goes on behind it");
        assert_eq!(one(database, "SELECT sum(v) || ' ' || max(v) FROM a").await, "10 1");
    }
}

#[tokio::test]
async fn statements_get_the_first_and_the_last_key() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        run(database, "CREATE TABLE seen (low bigint, high bigint)").await;
        let id = columns(&["id"]);
        let sql = "UPDATE a SET v = v + 1, word = ':low' WHERE id > :low AND id <= :high; INSERT INTO seen VALUES (:low, :high)";
        let keyed = keyed("a", &id, Change::Sql(sql));
        database.keyed_facts(&keyed).await.expect("the table can be walked through");
        let moved = walk(database, &keyed, 3).await;
        assert_eq!(moved.iter().map(|moved| moved.rows).collect::<Vec<_>>(), [3, 3, 3, 1]);
        assert_eq!(one(database, "SELECT count(*) FROM a WHERE v = 1 AND word = ':low'").await, "10");
        let rows = database.rows("SELECT low, high FROM seen ORDER BY low", LONG, 9).await.expect("rows");
        let seen: Vec<String> = rows.iter().map(|row| format!("{} {}", row["low"], row["high"])).collect();
        assert_eq!(seen, ["-900 0", "7 1000", "1001 9007199254740994", "9223372036854775807 9223372036854775807"]);
    }
}

#[tokio::test]
async fn keys_of_several_columns_and_texts_in_odd_orders() {
    for World { database, .. } in &both().await {
        let (nocase, odd) = match database.engine() {
            Engine::Sqlite => ("COLLATE NOCASE", "text"),
            Engine::Postgres | Engine::ClickHouse => ("COLLATE \"und-x-icu\"", "varchar(40)"),
        };
        run(
            database,
            &format!(
                "CREATE TABLE a (team integer NOT NULL, name {odd} {nocase} NOT NULL, v integer DEFAULT 0, PRIMARY KEY (team, name))"
            ),
        )
        .await;
        let words = ["Zebra", "apple", "Banana", "ähre", "it''s \"x\"", "back\\slash", "", " ", "-- no", "z/*"];
        for (at, word) in words.iter().enumerate() {
            run(database, &format!("INSERT INTO a (team, name) VALUES ({}, '{word}'), (-3, '{word}')", at % 3)).await;
        }
        let team_and_name = columns(&["team", "name"]);
        for rows in [1, 3, 20, 50] {
            database.forget_marks("").await.expect("checkpoints are forgotten");
            let keyed = keyed("a", &team_and_name, Change::Set("v = v + 1"));
            database.keyed_facts(&keyed).await.expect("the table can be walked through");
            let moved = walk(database, &keyed, rows).await;
            assert_eq!(moved.iter().map(|moved| moved.rows).sum::<u64>(), 20);
            assert_eq!(one(database, "SELECT min(v) = max(v) FROM a").await.replace("true", "1"), "1");
        }
        let low = "INSERT INTO a SELECT team + 100, name, 0 FROM a WHERE (team, name) IN (:low, :high)";
        let until = text_key(database, &["-3", "Zebra"]);
        let first = Batch { tag: "other", until: Some(&until), ..batch(1, None, 2) };
        database.move_batch(&keyed("a", &team_and_name, Change::Sql(low)), &first).await.expect("a batch");
        assert_eq!(one(database, "SELECT count(*) FROM a WHERE team = 97").await, "2");
    }
}

#[tokio::test]
async fn rows_with_the_same_key_stay_together() {
    for World { database, .. } in &both().await {
        run(database, "CREATE TABLE a (day integer NOT NULL, v integer DEFAULT 0); CREATE INDEX a_day ON a (day)")
            .await;
        run(database, "INSERT INTO a (day) VALUES (1), (2), (2), (2), (2), (3), (3), (5)").await;
        let day = columns(&["day"]);
        let moved = walk(database, &keyed("a", &day, Change::Set("v = v + 1")), 2).await;
        assert_eq!(highs(&moved), shown(&[("2", 5), ("3", 2), ("5", 1)]));
        assert_eq!(one(database, "SELECT sum(v) || ' ' || max(v) FROM a").await, "8 1");
        let failure = database.keyed_facts(&keyed("a", &day, copy(Verification::None))).await;
        assert!(failure.is_err(), "a copy needs a unique key");
    }
}

#[tokio::test]
async fn a_condition_says_which_rows_need_it_also_behind_the_batches() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        run(database, "UPDATE a SET v = 5 WHERE id IN (-1, 7, 8)").await;
        let id = columns(&["id"]);
        let changes = ["v = 7", "UPDATE a SET v = 7 WHERE id BETWEEN :low AND :high AND v = 0"];
        for (change, filter) in changes
            .map(Change::Set)
            .into_iter()
            .take(1)
            .zip(["v = 0 -- not yet"])
            .chain([(Change::Sql(changes[1]), "v = 0")])
        {
            run(database, "UPDATE a SET v = 0 WHERE id NOT IN (-1, 7, 8)").await;
            database.forget_marks("").await.expect("checkpoints are forgotten");
            let keyed = Keyed { filter: Some(filter), timeout: LONG, ..keyed("a", &id, change) };
            assert_eq!(database.keyed_facts(&keyed).await.map(|facts| facts.rows), Ok(7));
            let first = database.move_batch(&keyed, &batch(1, None, 3)).await.expect("a batch").expect("rows");
            assert_eq!(first, Moved { high: Some(key(&["1000"])), rows: 3 });
            run(database, "INSERT INTO a (id) VALUES (-1000), (5), (6), (2000)").await;
            let rest = walk_from(database, &keyed, 3, 2, first.high).await.expect("the rest");
            let rows: u64 = rest.iter().map(|moved| moved.rows).sum();
            assert!(if matches!(change, Change::Set(_)) { rows == 8 } else { rows >= 8 }, "{rest:?}");
            assert!(rest.iter().any(|moved| moved.high.is_none()), "{rest:?}");
            assert_eq!(one(database, "SELECT count(*) FROM a WHERE v = 0").await, "0");
            assert_eq!(one(database, "SELECT count(*) FROM a WHERE v = 5").await, "3");
            run(database, "DELETE FROM a WHERE id IN (-1000, 5, 6, 2000)").await;
        }
    }
}

#[tokio::test]
async fn a_change_that_leaves_its_condition_true_is_refused() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let id = columns(&["id"]);
        let keyed = Keyed { filter: Some("v = 0"), ..keyed("a", &id, Change::Set("word = 'x'")) };
        let failure = database.move_batch(&keyed, &batch(1, None, 3)).await.expect_err("there would be no end");
        assert_eq!(failure.error.trouble, Trouble::Refused);
        assert_eq!(
            failure.error.message,
            "rows from -900 to 0 still meet the condition after they were changed, so that there would be no end; let the \
             change take away what the condition asks for"
        );
        assert_eq!(one(database, "SELECT count(*) FROM a WHERE word = 'x'").await, "0");
        assert_eq!(database.checkpoint(TAG).await, Ok(None));
    }
}

#[tokio::test]
async fn a_copy_takes_each_row_once_also_those_that_come_meanwhile() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        run(database, "CREATE TABLE b (word text, id bigint PRIMARY KEY NOT NULL, v bigint NOT NULL, more text)").await;
        let id = columns(&["id"]);
        for verify in [Verification::None, Verification::Count, Verification::Checksum] {
            run(database, "DELETE FROM b; DELETE FROM a WHERE id IN (-1000, 1, 5000)").await;
            database.forget_marks("").await.expect("checkpoints are forgotten");
            let keyed = keyed("a", &id, copy(verify));
            database.keyed_facts(&keyed).await.expect("the table can be copied");
            let first = database.move_batch(&keyed, &batch(1, None, 6)).await.expect("a batch").expect("rows");
            assert_eq!(first, Moved { high: Some(key(&["1000"])), rows: 6 });
            run(database, "INSERT INTO a VALUES (-1000, 3, 'k'), (1, 4, NULL), (5000, 5, '')").await;
            // What was copied already may change, and is not copied again.
            run(database, "UPDATE a SET word = 'z' WHERE id = -1").await;
            let rest = walk_from(database, &keyed, 6, 2, first.high).await.expect("the rest");
            let expected = [shown(&[("9223372036854775807", 5)]), vec![(None, 2)]].concat();
            assert_eq!(highs(&rest), expected);
            let swept = Checkpoint { batch: 3, high: None, rows: 2 };
            assert_eq!(database.checkpoint(TAG).await, Ok(Some(swept)));
            let differ = "SELECT count(*) FROM a LEFT JOIN b ON b.id = a.id WHERE b.id IS NULL OR a.v <> b.v \
                          OR coalesce(a.word, '-') <> coalesce(b.word, '-')";
            assert_eq!(one(database, differ).await, "1");
            run(database, "UPDATE a SET word = 'b' WHERE id = -1").await;
        }
    }
}

#[tokio::test]
async fn a_copy_takes_the_rows_and_columns_that_are_asked_for() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let generated = "CREATE TABLE b (id bigint PRIMARY KEY NOT NULL, word text, v bigint DEFAULT 9, \
                         twice bigint GENERATED ALWAYS AS (id / 2) STORED)";
        run(database, generated).await;
        let (id, named) = (columns(&["id"]), columns(&["id", "word"]));
        let change = Change::Copy { to: "b", columns: &named, verify: Verification::Checksum };
        let keyed = Keyed { filter: Some("a.word IS NOT NULL"), ..keyed("a", &id, change) };
        database.keyed_facts(&keyed).await.expect("the table can be copied");
        let until = key(&["1001"]);
        let upto = Batch { until: Some(&until), ..batch(1, None, 100) };
        let moved = database.move_batch(&keyed, &upto).await.expect("a batch");
        assert_eq!(moved, Some(Moved { high: Some(until.clone()), rows: 6 }));
        let rest = Batch { number: 2, after: Some(&until), ..upto };
        assert_eq!(database.move_batch(&keyed, &rest).await, Ok(None), "rows beyond are not its own");
        assert_eq!(one(database, "SELECT count(*) || ' ' || sum(v) || ' ' || max(twice) FROM b").await, "6 54 500");
    }
}

#[tokio::test]
async fn a_trigger_that_drops_rows_is_found() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        run(database, "CREATE TABLE b (id bigint PRIMARY KEY NOT NULL, v bigint, word text)").await;
        let trigger = |what: &str| match database.engine() {
            Engine::Sqlite => format!("CREATE TRIGGER t AFTER INSERT ON b WHEN new.id = 7 BEGIN {what}; END"),
            Engine::Postgres | Engine::ClickHouse => format!(
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.id = 7 THEN {what}; END IF; RETURN NULL; END $$; \
                 CREATE TRIGGER t AFTER INSERT ON b FOR EACH ROW EXECUTE FUNCTION f()"
            ),
        };
        let id = columns(&["id"]);
        run(database, &trigger("DELETE FROM b WHERE id = 7")).await;
        let keyed = keyed("a", &id, copy(Verification::Count));
        let failure = database.move_batch(&keyed, &batch(1, None, 5)).await.expect_err("a row is missing");
        assert_eq!(failure.error.message, "the rows of a batch differ: 5 in `a`, 4 in `b`");
        assert_eq!((failure.high, failure.is_late), (Some(key(&["8"])), false));
        assert_eq!(one(database, "SELECT count(*) FROM b").await, "0");
        let away = if database.engine() == Engine::Sqlite { "DROP TRIGGER t" } else { "DROP FUNCTION f CASCADE" };
        run(database, away).await;
        run(database, &trigger("UPDATE b SET word = 'other' WHERE id = 7")).await;
        database.move_batch(&keyed, &Batch { tag: "count", ..batch(1, None, 5) }).await.expect("the number is right");
        run(database, "DELETE FROM b").await;
        let keyed = Keyed { change: copy(Verification::Checksum), ..keyed };
        let failure = database.move_batch(&keyed, &batch(1, None, 5)).await.expect_err("a row differs");
        assert_eq!(failure.error.message, "the contents of a batch differ between `a` and `b`, in 5 rows");
    }
}

#[tokio::test]
async fn a_pilot_tells_and_leaves_nothing() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        run(database, "CREATE TABLE b (id bigint PRIMARY KEY NOT NULL, v bigint, word text)").await;
        let id = columns(&["id"]);
        for change in [Change::Set("v = 1"), copy(Verification::Checksum)] {
            let keyed = keyed("a", &id, change);
            let (rows, taken) = database.pilot(&keyed, None, 4).await.expect("a pilot").expect("rows");
            assert!(rows == 4 && taken > Duration::ZERO);
            let end = key(&["9223372036854775807"]);
            assert_eq!(database.pilot(&keyed, Some(&end), 4).await, Ok(None));
        }
        assert_eq!(one(database, "SELECT (SELECT sum(v) FROM a) + (SELECT count(*) FROM b)").await, "0");
        assert_eq!(database.checkpoint(TAG).await, Ok(None));
    }
}

/// A change that takes a minute.
fn slow(database: &Database) -> &'static str {
    match database.engine() {
        Engine::Sqlite => {
            "v = (WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e9) SELECT max(x) FROM n)"
        }
        Engine::Postgres | Engine::ClickHouse => "v = length(pg_sleep(60)::text)",
    }
}

#[tokio::test]
async fn a_batch_that_takes_too_long_is_taken_back_and_told() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let id = columns(&["id"]);
        let keyed = Keyed { timeout: Duration::from_secs(2), ..keyed("a", &id, Change::Set(slow(database))) };
        let tag = unique("orchestrate:late");
        let first = Batch { tag: &tag, ..batch(1, None, 2) };
        let failure = database.move_batch(&keyed, &first).await.expect_err("it is too slow");
        assert_eq!((failure.error.trouble, failure.is_late), (Trouble::Timeout, true), "{failure:?}");
        assert_eq!(failure.high, Some(key(&["-1"])));
        assert_eq!(database.is_running(&tag).await, Ok(false));
        assert_eq!(database.checkpoint(&tag).await, Ok(None));
        let failure = database.pilot(&keyed, None, 2).await.expect_err("it is too slow");
        assert!(failure.is_late);
        let quick = Keyed { change: Change::Set("v = 1"), timeout: LONG, ..keyed };
        assert_eq!(walk(database, &quick, 100).await.len(), 1);
    }
}

#[tokio::test]
async fn a_batch_is_ended_by_its_tag() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let tag = unique("orchestrate:ended");
        let task = tokio::spawn({
            let (database, tag) = (database.clone(), tag.clone());
            async move {
                let id = columns(&["id"]);
                let first = Batch { tag: &tag, ..batch(1, None, 2) };
                database.move_batch(&keyed("a", &id, Change::Set(slow(&database))), &first).await
            }
        });
        until_running(database, &tag).await;
        assert_eq!(database.end(&tag).await, Ok(true));
        let failure = task.await.expect("the task ends").expect_err("it was ended");
        assert_eq!((failure.error.trouble, failure.is_late), (Trouble::Ended, false));
        assert_eq!(one(database, "SELECT sum(v) FROM a").await, "0");
    }
}

#[tokio::test]
async fn settings_hold_for_the_batch() {
    for World { database, .. } in &both().await {
        run(database, GAPS).await;
        let (name, value) = match database.engine() {
            Engine::Sqlite => ("recursive_triggers", "1"),
            Engine::Postgres | Engine::ClickHouse => ("work_mem", "123kB"),
        };
        let told = match database.engine() {
            Engine::Sqlite => "word = (SELECT recursive_triggers FROM pragma_recursive_triggers)",
            Engine::Postgres | Engine::ClickHouse => "word = current_setting('work_mem')",
        };
        let (id, settings) = (columns(&["id"]), BTreeMap::from([(name.to_owned(), value.to_owned())]));
        let keyed = Keyed { settings: &settings, ..keyed("a", &id, Change::Set(told)) };
        walk(database, &keyed, 6).await;
        assert_eq!(one(database, &format!("SELECT count(*) FROM a WHERE word = '{value}'")).await, "10");
    }
}

#[tokio::test]
async fn clickhouse_goes_by_partition() {
    let database = open("http://127.0.0.1:1");
    let id = columns(&["id"]);
    let keyed = keyed("a", &id, Change::Set("v = 1"));
    let failure = database.move_batch(&keyed, &batch(1, None, 1)).await.expect_err("there are no transactions");
    assert_eq!(failure.error.message, "ClickHouse copies by partition; by a key goes for Postgres and SQLite");
}

#[tokio::test]
async fn a_full_disk_is_no_reason_to_set_rows_aside() {
    let World { database, .. } = &sqlite();
    run(database, "CREATE TABLE a (id INTEGER PRIMARY KEY, word TEXT)").await;
    run(database, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO a SELECT i, '' FROM n").await;
    let id = columns(&["id"]);
    let roomy = keyed("a", &id, Change::Set("word = hex(zeroblob(2000))"));
    let first = database.move_batch(&roomy, &batch(1, None, 1)).await.expect("there is room").expect("there are rows");
    // The file may not grow.
    let settings = BTreeMap::from([("max_page_count".to_owned(), "1".to_owned())]);
    let after = first.high.as_ref();
    let full = database.move_batch(&Keyed { settings: &settings, ..roomy }, &batch(2, after, 100)).await;
    let failure = full.expect_err("there is no room");
    assert_eq!((failure.error.trouble, failure.is_late), (Trouble::Transient, false), "{failure:?}");
    assert!(failure.error.message.contains("full"), "{failure:?}");
    assert_eq!(one(database, "SELECT count(*) FROM a WHERE word <> ''").await, "1");
    let rest = walk_from(database, &roomy, 50, 2, first.high).await.expect("there is room again");
    assert_eq!(rest.iter().map(|moved| moved.rows).sum::<u64>(), 99);
}
