//! Keys of every kind, locks, and how a table is cut: what Postgres and SQLite have of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrate::database::{Batch, Change, Database, Keyed, Moved, Trouble};
use orchestrate::model::{Engine, Key, Verification};
use proptest::prelude::*;
use sqlx::Connection as _;

use super::keyed::{TAG, batch, both, columns, copy, key, keyed, one, run, walk, walk_from};
use super::{LONG, World, fresh, open, postgres, sqlite, url_of};

#[tokio::test]
async fn postgres_walks_by_keys_of_every_type() {
    let World { database, .. } = postgres().await;
    let make = "CREATE TYPE mood AS ENUM ('sad', 'calm', 'gay'); CREATE DOMAIN small AS integer; \
                CREATE TABLE a (n integer PRIMARY KEY, u uuid NOT NULL UNIQUE, t timestamptz NOT NULL UNIQUE, d numeric(20, 3) NOT NULL UNIQUE, \
                f double precision NOT NULL UNIQUE, b bytea NOT NULL UNIQUE, c char(9) NOT NULL UNIQUE, s small NOT NULL UNIQUE, \
                i interval NOT NULL UNIQUE, m mood NOT NULL, v integer DEFAULT 0, UNIQUE (m, n)); \
                INSERT INTO a SELECT n, gen_random_uuid(), now() + n * interval '1 hour 0.000001 seconds', n * -1.001, n / 3.0, \
                decode(md5(n::text), 'hex'), chr(65 + n), -n, n * interval '25 hours', \
                (ARRAY['gay', 'sad', 'calm'])[1 + n % 3]::mood FROM generate_series(1, 40) AS n; \
                CREATE TABLE b (LIKE a INCLUDING ALL)";
    run(&database, make).await;
    for names in [&["u"][..], &["t"], &["d"], &["f"], &["b"], &["c"], &["s"], &["i"], &["m", "n"]] {
        let key = columns(names);
        let by = keyed("a", &key, Change::Set("v = v + 1"));
        database.keyed_facts(&by).await.unwrap_or_else(|error| panic!("{names:?}: {error}"));
        database.forget_marks("").await.expect("checkpoints are forgotten");
        assert_eq!(walk(&database, &by, 7).await.len(), 6, "{names:?}");
        let bounds = Change::Sql("UPDATE a SET v = v - 1 WHERE :low <= :high AND (u, 1) = (u, 1)");
        let first = Batch { tag: "bounds", ..batch(1, None, 7) };
        database
            .move_batch(&Keyed { change: bounds, ..by }, &first)
            .await
            .unwrap_or_else(|failure| panic!("{names:?}: {failure:?}"));
        run(&database, "UPDATE a SET v = v + 1; DELETE FROM b").await;
        database.forget_marks("").await.expect("checkpoints are forgotten");
        let copied = walk(&database, &Keyed { change: copy(Verification::Checksum), ..by }, 7).await;
        assert_eq!(copied.iter().map(|moved| moved.rows).sum::<u64>(), 40, "{names:?}");
    }
    assert_eq!(one(&database, "SELECT min(v) || ' ' || max(v) FROM a").await, "9 9");
}

#[tokio::test]
async fn postgres_bounds_are_whole_keys_of_types_with_a_length() {
    let World { database, .. } = postgres().await;
    let make = "CREATE TABLE a (u char(36) NOT NULL UNIQUE, b bit(8) NOT NULL UNIQUE, c char(4) NOT NULL UNIQUE, \
                d varchar(9) NOT NULL UNIQUE, e numeric(9, 3) NOT NULL UNIQUE, f timestamptz(3) NOT NULL UNIQUE, v integer DEFAULT 0); \
                INSERT INTO a SELECT gen_random_uuid()::text, (n * 5)::bit(8), 'k' || n, 'w' || n, n * 1.001, \
                now() + n * interval '1.001 seconds' FROM generate_series(1, 40) AS n";
    run(&database, make).await;
    let columns_of_key = ["u", "b", "c", "d", "e", "f"];
    for column in columns_of_key {
        let key = columns(&[column]);
        let sql = format!("UPDATE a SET v = v + 1 WHERE {column} >= :low AND {column} < :high");
        let by = keyed("a", &key, Change::Sql(&sql));
        for rows in [1, 7] {
            database.forget_marks("").await.expect("checkpoints are forgotten");
            let moved = walk(&database, &by, rows).await;
            assert_eq!(moved.iter().map(|moved| moved.rows).sum::<u64>(), 40, "{column}");
        }
        assert_eq!(one(&database, "SELECT min(v) || ' ' || max(v) FROM a").await, "2 2", "{column}");
        run(&database, "UPDATE a SET v = 0").await;
    }
}

#[tokio::test]
async fn postgres_keeps_its_checkpoint_where_settings_lead_elsewhere() {
    let World { database, .. } = postgres().await;
    let make = "CREATE SCHEMA shop; CREATE TABLE shop.a (id integer PRIMARY KEY, v integer DEFAULT 0); \
                CREATE TABLE shop.b (LIKE shop.a INCLUDING ALL); INSERT INTO shop.a SELECT generate_series(1, 9)";
    run(&database, make).await;
    let (id, settings) = (columns(&["id"]), BTreeMap::from([("search_path".to_owned(), "shop".to_owned())]));
    for change in [Change::Set("v = v + 1"), copy(Verification::Checksum)] {
        let by = Keyed { settings: &settings, ..keyed("a", &id, change) };
        database.keyed_facts(&by).await.expect("it is there");
        assert!(database.pilot(&by, None, 4).await.expect("a pilot").is_some());
        database.forget_marks("").await.expect("checkpoints are forgotten");
        assert_eq!(walk(&database, &by, 4).await.len(), 3);
        assert_eq!(database.checkpoint(TAG).await.map(|kept| kept.map(|kept| kept.batch)), Ok(Some(3)));
    }
    assert_eq!(one(&database, "SELECT count(*) FROM shop.b WHERE v = 1").await, "9");
}

#[tokio::test]
async fn postgres_goes_uncut_where_cutting_takes_too_long() {
    let World { database, .. } = postgres().await;
    run(&database, "CREATE TABLE a (id integer PRIMARY KEY, v integer); INSERT INTO a SELECT generate_series(1, 99)")
        .await;
    let (id, settings) = (columns(&["id"]), BTreeMap::from([("statement_timeout".to_owned(), "500ms".to_owned())]));
    let filter = Some("pg_sleep(0.05)::text IS NOT NULL");
    let by = Keyed { settings: &settings, filter, ..keyed("a", &id, Change::Set("v = 1")) };
    assert_eq!(database.key_splits(&by, 4).await, Ok(vec![]));
}

/// Few rows need it, and to look at the others takes longer than a batch may.
#[tokio::test]
async fn to_find_the_rows_of_a_batch_may_take_longer_than_to_change_them() {
    for World { database, _folder } in &both().await {
        run(database, "CREATE TABLE a (id bigint PRIMARY KEY NOT NULL, v integer DEFAULT 0)").await;
        run(database, "INSERT INTO a (id) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9)").await;
        let slow = match database.engine() {
            Engine::Sqlite => {
                "(WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e6 + a.id) SELECT max(x) FROM n) IS NULL"
            }
            Engine::Postgres | Engine::ClickHouse => "pg_sleep(0.3)::text IS NULL",
        };
        let filter = format!("v = 0 AND (id > 8 OR {slow})");
        let id = columns(&["id"]);
        let by =
            Keyed { filter: Some(&filter), timeout: Duration::from_secs(1), ..keyed("a", &id, Change::Set("v = 1")) };
        let first = Batch { sweep: None, ..batch(1, None, 5) };
        let moved = database.move_batch(&by, &first).await.expect("it is found");
        assert_eq!(moved, Some(Moved { high: Some(key(&["9"])), rows: 1 }));
        run(database, "UPDATE a SET v = 0").await;
        let failure = database.pilot(&by, None, 5).await.expect_err("a pilot has no more time than a batch");
        assert!(failure.is_late && failure.high.is_none(), "{failure:?}");
    }
}

#[tokio::test]
async fn postgres_does_nothing_where_a_lock_is_held() {
    let (location, database) = fresh(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).await;
    run(
        &database,
        "CREATE TABLE a (id integer PRIMARY KEY, v integer DEFAULT 0); INSERT INTO a SELECT generate_series(1, 9)",
    )
    .await;
    let mut url = url::Url::parse(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).expect("it is a URL");
    url.set_path(location.database.as_deref().expect("it has a database"));
    let mut other = sqlx::PgConnection::connect(url.as_str()).await.expect("the server is there");
    sqlx::raw_sql("BEGIN; UPDATE a SET v = 5 WHERE id = 4").execute(&mut other).await.expect("a row can be locked");
    let (id, settings) = (columns(&["id"]), BTreeMap::from([("lock_timeout".to_owned(), "50ms".to_owned())]));
    let by = Keyed { settings: &settings, ..keyed("a", &id, Change::Set("v = v + 1")) };
    let failure = database.move_batch(&by, &batch(1, None, 6)).await.expect_err("a row is locked");
    assert_eq!((failure.error.trouble, failure.is_late, failure.high), (Trouble::Transient, true, Some(key(&["6"]))));
    let first = database.move_batch(&by, &batch(1, None, 3)).await.expect("fewer rows work").expect("rows");
    assert_eq!(one(&database, "SELECT count(*) FROM a WHERE v = 1").await, "3");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("the lock can be given back");
    walk_from(&database, &by, 6, 2, first.high).await.expect("the rest");
    // Who holds the batch itself is no reason for a smaller one.
    sqlx::raw_sql("BEGIN; UPDATE orchestrate_batches SET rows = 0")
        .execute(&mut other)
        .await
        .expect("it can be locked");
    let failure = database.move_batch(&by, &batch(9, None, 6)).await.expect_err("the checkpoint is locked");
    assert_eq!((failure.error.trouble, failure.is_late, failure.high), (Trouble::Transient, false, None));
    assert_eq!(one(&database, "SELECT sum(v) FROM a").await, "9");
}

#[tokio::test]
async fn postgres_comes_again_where_its_server_takes_no_changes_for_now() {
    let World { database, .. } = postgres().await;
    run(&database, "CREATE TABLE a (id integer PRIMARY KEY, v integer); INSERT INTO a SELECT generate_series(1, 9)")
        .await;
    let (id, settings) = (columns(&["id"]), BTreeMap::from([("transaction_read_only".to_owned(), "on".to_owned())]));
    let by = Keyed { settings: &settings, ..keyed("a", &id, Change::Set("v = 1")) };
    let failure = database.move_batch(&by, &batch(1, None, 6)).await.expect_err("it only reads");
    assert_eq!(
        (failure.error.trouble, failure.is_late, failure.error.code.as_deref()),
        (Trouble::Transient, false, Some("25006"))
    );
}

#[tokio::test]
async fn postgres_is_cut_at_real_keys() {
    let World { database, .. } = postgres().await;
    let make = "CREATE TABLE a (team integer, id integer, v integer DEFAULT 0, word text, PRIMARY KEY (team, id)); \
                INSERT INTO a SELECT n % 3, n * 7, 0, 'x' FROM generate_series(1, 9000) AS n";
    run(&database, make).await;
    let names = columns(&["team", "id"]);
    let by = keyed("a", &names, Change::Set("v = v + 1"));
    let splits = database.key_splits(&by, 4).await.expect("it can be cut");
    assert_eq!(
        splits,
        [key(&["0", "47250"]), key(&["1", "31486"]), key(&["2", "15743"])].map(|key| nearest(&splits, key))
    );
    assert_eq!(database.key_splits(&by, 1).await, Ok(vec![]));
    let ends: Vec<Option<&Key>> = [None].into_iter().chain(splits.iter().map(Some)).chain([None]).collect();
    let mut rows = Vec::new();
    for (lane, pair) in ends.windows(2).enumerate() {
        let tag = format!("lane:{lane}");
        let all = Batch { tag: &tag, until: pair[1], ..batch(1, pair[0], 100_000) };
        rows.push(database.move_batch(&by, &all).await.expect("a lane").map_or(0, |moved| moved.rows));
    }
    assert_eq!(rows.iter().sum::<u64>(), 9000);
    assert!(rows.iter().all(|&rows| rows.abs_diff(2250) < 3), "{rows:?}");
    assert_eq!(one(&database, "SELECT min(v) || ' ' || max(v) FROM a").await, "1 1");
    run(&database, "CREATE TABLE c (id integer PRIMARY KEY)").await;
    assert_eq!(database.key_splits(&keyed("c", &columns(&["id"]), Change::Set("v = 1")), 8).await, Ok(vec![]));
}

/// The one of the splits that stands for a key: a row more or less makes no difference.
fn nearest(splits: &[Key], wanted: Key) -> Key {
    let number = |key: &Key| key.0.iter().fold(0, |sum, text| sum * 100_000 + text.parse::<i64>().unwrap_or(0));
    let near = splits.iter().find(|split| number(split).abs_diff(number(&wanted)) < 50);
    near.cloned().unwrap_or(wanted)
}

#[tokio::test]
async fn postgres_estimates_and_samples_what_is_large() {
    let World { database, .. } = postgres().await;
    let make = "CREATE TABLE a (id bigint PRIMARY KEY, v integer DEFAULT 0, word text); \
                INSERT INTO a SELECT n * 3, 0, repeat('x', 1000) FROM generate_series(1, 80000) AS n; ANALYZE a";
    run(&database, make).await;
    let id = columns(&["id"]);
    let by = keyed("a", &id, Change::Set("v = v + 1"));
    let facts = database.keyed_facts(&by).await.expect("it can be walked through");
    assert!(facts.is_estimate && facts.rows.abs_diff(80_000) < 800 && facts.bytes > 80_000_000, "{facts:?}");
    let splits = database.key_splits(&by, 4).await.expect("it can be cut");
    let numbers: Vec<i64> = splits.iter().map(|key| key.0[0].parse().expect("a number")).collect();
    assert!(numbers.len() == 3 && numbers.is_sorted(), "{numbers:?}");
    for (at, number) in (1..).zip(numbers) {
        assert!(number % 3 == 0 && number.abs_diff(at * 60_000) < 20_000, "{number}");
    }
}

#[tokio::test]
async fn postgres_refuses_an_index_in_another_order() {
    let World { database, .. } = postgres().await;
    let make = "CREATE TABLE a (id text NOT NULL, n integer NOT NULL, v integer); CREATE INDEX a_id ON a (id COLLATE \"und-x-icu\"); \
                CREATE INDEX a_pattern ON a (id text_pattern_ops); CREATE INDEX a_hash ON a USING hash (id); \
                CREATE INDEX a_mixed ON a (n, id DESC); CREATE TABLE parts (id integer PRIMARY KEY, v integer) PARTITION BY RANGE (id); \
                CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); \
                CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20); \
                INSERT INTO parts SELECT n, 0 FROM generate_series(1, 15) AS n";
    run(&database, make).await;
    for names in [&["id"][..], &["n", "id"]] {
        let key = columns(names);
        assert!(database.keyed_facts(&keyed("a", &key, Change::Set("v = 1"))).await.is_err(), "{names:?}");
    }
    run(&database, "CREATE INDEX a_down ON a (n DESC, id DESC)").await;
    let key = columns(&["n", "id"]);
    database.keyed_facts(&keyed("a", &key, Change::Set("v = 1"))).await.expect("backwards is an order too");
    let id = columns(&["id"]);
    let by = keyed("public.parts", &id, Change::Set("v = v + 1"));
    assert_eq!(database.keyed_facts(&by).await.map(|facts| facts.rows), Ok(15));
    assert_eq!(walk(&database, &by, 4).await.len(), 4);
    assert_eq!(one(&database, "SELECT min(v) || ' ' || max(v) FROM parts").await, "1 1");
}

#[tokio::test]
async fn sqlite_walks_by_keys_of_every_kind() {
    let World { database, _folder } = sqlite();
    let make = "CREATE TABLE a (k ANY PRIMARY KEY, v INTEGER DEFAULT 0) STRICT, WITHOUT ROWID; \
                INSERT INTO a (k) VALUES (-5), (2), (2.5), (1e300), (0.1), ('2'), ('a''b'), ('ü'), (CAST(x'610062' AS TEXT)), \
                (CAST(x'61' AS TEXT)), (x'00ff'), (x''), (9223372036854775807), (''); \
                CREATE TABLE b (k ANY PRIMARY KEY, v INTEGER DEFAULT 0) STRICT, WITHOUT ROWID; \
                CREATE TABLE plain (word TEXT, v INTEGER DEFAULT 0); INSERT INTO plain (word) VALUES ('a'), ('b'), ('c')";
    run(&database, make).await;
    let k = columns(&["k"]);
    for rows in [1, 2, 5, 14, 15] {
        database.forget_marks("").await.expect("checkpoints are forgotten");
        walk(&database, &keyed("main.\"a\"", &k, Change::Set("v = v + 1")), rows).await;
        database.forget_marks("").await.expect("checkpoints are forgotten");
        run(&database, "DELETE FROM b").await;
        let copied = walk(&database, &keyed("a", &k, copy(Verification::Checksum)), rows).await;
        assert_eq!(copied.iter().map(|moved| moved.rows).sum::<u64>(), 14);
    }
    database.keyed_facts(&keyed("a", &k, copy(Verification::Checksum))).await.expect("it can be copied");
    assert_eq!(one(&database, "SELECT min(v) || ' ' || max(v) FROM a").await, "5 5");
    assert_eq!(one(&database, "SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b)").await, "0");
    let rowid = columns(&["rowid"]);
    let by = keyed("plain", &rowid, Change::Set("v = v + 1"));
    database.keyed_facts(&by).await.expect("the rowid is a key");
    database.forget_marks("").await.expect("checkpoints are forgotten");
    assert_eq!(walk(&database, &by, 2).await.len(), 2);
}

#[tokio::test]
async fn sqlite_waits_for_its_lock_and_is_late_where_a_reader_stays() {
    let World { database, _folder } = sqlite();
    run(
        &database,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, v INTEGER DEFAULT 0); INSERT INTO a (id) VALUES (1), (2), (3)",
    )
    .await;
    let folder = _folder.as_ref().expect("it is a file").path().join("target.db");
    let mut other =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", folder.display())).await.expect("the file is there");
    let (id, settings) = (columns(&["id"]), BTreeMap::from([("busy_timeout".to_owned(), "20".to_owned())]));
    let by = Keyed { settings: &settings, ..keyed("a", &id, Change::Set("v = v + 1")) };
    walk(&database, &by, 5).await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("the file can be locked");
    let failure = database.move_batch(&by, &batch(2, None, 2)).await.expect_err("the file is locked");
    assert_eq!((failure.error.trouble, failure.is_late, failure.high), (Trouble::Transient, false, None));
    sqlx::raw_sql("ROLLBACK; BEGIN; SELECT * FROM a").execute(&mut other).await.expect("the file can be read");
    let failure = database.move_batch(&by, &batch(2, None, 2)).await.expect_err("a reader is in the way of the commit");
    assert_eq!((failure.error.trouble, failure.is_late, failure.high), (Trouble::Transient, true, Some(key(&["2"]))));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("it can end");
    assert_eq!(database.checkpoint(TAG).await.map(|kept| kept.map(|kept| kept.batch)), Ok(Some(1)));
    database.move_batch(&by, &batch(2, None, 2)).await.expect("nobody is in the way");
}

#[tokio::test]
async fn sqlite_refuses_an_index_of_another_collation() {
    let World { database, _folder } = sqlite();
    run(&database, "CREATE TABLE a (id TEXT NOT NULL, v INTEGER); CREATE UNIQUE INDEX a_id ON a (id COLLATE NOCASE)")
        .await;
    let id = columns(&["id"]);
    let by = keyed("a", &id, Change::Set("v = 1"));
    assert!(database.keyed_facts(&by).await.is_err());
    run(&database, "CREATE INDEX a_own ON a (id)").await;
    database.keyed_facts(&by).await.expect("its own collation");
}

/// Rows of two key columns with many of the same, in batches of any size: as one statement would leave them.
async fn as_one_statement(database: &Database, rows: &BTreeMap<(i8, String), i64>, size: u64) {
    run(
        database,
        "DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b; DROP TABLE IF EXISTS c; \
         CREATE TABLE a (x INTEGER NOT NULL, y TEXT COLLATE NOCASE NOT NULL, v INTEGER, PRIMARY KEY (y, x)); \
         CREATE TABLE b (x INTEGER NOT NULL, y TEXT COLLATE NOCASE NOT NULL, v INTEGER, PRIMARY KEY (y, x)); CREATE TABLE c AS SELECT * FROM a",
    )
    .await;
    for ((x, y), v) in rows {
        run(database, &format!("INSERT OR IGNORE INTO a VALUES ({x}, '{y}', {v})")).await;
    }
    run(database, "INSERT INTO c SELECT * FROM a; UPDATE c SET v = v * 2 + x WHERE v > 0").await;
    let key = columns(&["y", "x"]);
    let change = Change::Set("v = -(v * 2 + x) - 1000");
    let by = Keyed { filter: Some("v > 0"), ..keyed("a", &key, change) };
    database.forget_marks("").await.expect("checkpoints are forgotten");
    walk(database, &by, size).await;
    run(database, "UPDATE a SET v = -(v + 1000) WHERE v < -500").await;
    let differ = "SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM c)";
    assert_eq!(one(database, differ).await, "0");
    database.forget_marks("").await.expect("checkpoints are forgotten");
    walk(database, &keyed("a", &key, copy(Verification::Checksum)), size).await;
    let same = "SELECT (SELECT count(*) FROM a) = (SELECT count(*) FROM b) AND NOT EXISTS (SELECT * FROM a EXCEPT SELECT * FROM b)";
    assert_eq!(one(database, same).await, "1");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_table_in_batches_of_any_size(
        rows in prop::collection::btree_map((-4_i8..4, "[aAbBéz\\\\ ]{0,3}"), -20_i64..40, 0..25),
        size in 1_u64..12,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        runtime.block_on(async {
            let World { database, _folder } = sqlite();
            as_one_statement(&database, &rows, size).await;
        });
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_told() {
    let database = open("sqlite:///no/such/folder/target.db?mode=rw");
    let id = columns(&["id"]);
    let by = Keyed { timeout: LONG, ..keyed("a", &id, Change::Set("v = 1")) };
    let failure = database.move_batch(&by, &batch(1, None, 1)).await.expect_err("there is no file");
    assert!(!failure.is_late);
}
