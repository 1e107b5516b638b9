//! What cannot be moved by a key is refused before the start, with the reason and what to do; the source and the destination apart.

use std::io::{Seek as _, SeekFrom, Write as _};

use orchestrate::database::{Change, Database, Destination, Keyed, Trouble};
use orchestrate::model::Verification;

use super::keyed::{both, columns, copy, keyed, run};
use super::{World, open, sqlite};

/// The rows that would be moved, or what is in the way.
async fn judged(database: &Database, keyed: &Keyed<'_>, destination: Destination) -> Result<u64, String> {
    let judged = async {
        let facts = database.keyed_facts(keyed).await?;
        database.keyed_destination(keyed, destination).await.map(|()| facts.rows)
    };
    judged.await.map_err(|error| {
        assert_eq!(error.trouble, Trouble::Refused, "{error}");
        error.message
    })
}

async fn refusal(database: &Database, table: &str, key: &[&str], change: Change<'_>) -> String {
    judged(database, &keyed(table, &columns(key), change), Destination::Empty).await.expect_err("it is refused")
}

#[tokio::test]
async fn what_cannot_be_walked_through_is_refused_with_what_to_do() {
    for World { database, .. } in &both().await {
        run(
            database,
            "CREATE TABLE a (id integer NOT NULL, other integer, part integer NOT NULL, low integer NOT NULL, v integer); \
             CREATE UNIQUE INDEX a_id ON a (id); CREATE INDEX a_other ON a (other); CREATE INDEX a_part ON a (part) WHERE part > 1; \
             CREATE INDEX a_expression ON a ((part + 1)); CREATE VIEW w AS SELECT * FROM a; \
             CREATE TABLE b (id integer NOT NULL, other integer, must integer NOT NULL)",
        )
        .await;
        let set = Change::Set("v = 1");
        let mut told = Vec::new();
        for (table, key) in [
            ("nothing", &["id"][..]),
            ("w", &["id"]),
            ("a", &["nothing"]),
            ("a", &["other"]),
            ("a", &["part"]),
            ("a", &["low", "part"]),
        ] {
            told.push(refusal(database, table, key, set).await);
        }
        told.push(refusal(database, "a", &["id"], Change::Set("id = id + 1")).await);
        for verify in [Verification::Count, Verification::None] {
            told.push(refusal(database, "a", &["id"], copy(verify)).await);
        }
        for named in [&["other"][..], &["id", "v"], &["id", "nothing"], &["id"]] {
            let named = columns(named);
            let change = Change::Copy { to: "b", columns: &named, verify: Verification::None };
            told.push(refusal(database, "a", &["id"], change).await);
        }
        let no_index = "has the order of its key";
        assert_eq!(
            told,
            [
                "there is no table `nothing`".to_owned(),
                "`w` is a view; name the table whose rows are meant".to_owned(),
                "`a` has no column `nothing`".to_owned(),
                "`other` of `a` may be NULL, and such rows have no place in an order; make it NOT NULL, or walk by another key"
                    .to_owned(),
                format!(
                    "no index of `a` {no_index} (\"part\"): each batch would read the whole table; create one that begins with these \
                     columns, over all rows"
                ),
                format!(
                    "no index of `a` {no_index} (\"low\", \"part\"): each batch would read the whole table; create one that begins with \
                     these columns, over all rows"
                ),
                "`set` changes id, which is of the key: rows would move from batch to batch; walk by another key".to_owned(),
                format!(
                    "no index of `b` {no_index} (\"id\"), which proving each batch needs; create it before the copy, or say `verify: none`"
                ),
                "`b` has no column `part`, which `a` has; add it, or name the `columns` to be copied".to_owned(),
                "the key's column `id` is not copied, and rows are found again by it; add it to `columns`".to_owned(),
                "`b` has no column `v`, which `a` has; add it, or name the `columns` to be copied".to_owned(),
                "`a` has no column `nothing`".to_owned(),
                "`must` of `b` is NOT NULL without a default, and nothing is copied into it; give it a default, or copy it".to_owned(),
            ],
            "{:?}",
            database.engine()
        );
    }
}

#[tokio::test]
async fn a_destination_is_judged_by_what_is_expected_of_it() {
    use Destination::{Changing, Empty, Later, Ours};
    for World { database, .. } in &both().await {
        run(
            database,
            "CREATE TABLE a (id bigint PRIMARY KEY NOT NULL, word text); INSERT INTO a VALUES (1, 'a'), (2, 'b')",
        )
        .await;
        let id = columns(&["id"]);
        let by = keyed("a", &id, copy(Verification::Count));
        let each = async || {
            let mut told = Vec::new();
            for destination in [Empty, Later, Ours, Changing] {
                told.push(judged(database, &by, destination).await);
            }
            told
        };
        let none = || Err("there is no table `b`".to_owned());
        assert_eq!(each().await, [none(), Ok(2), none(), Ok(2)]);
        run(database, "CREATE TABLE b (id bigint PRIMARY KEY NOT NULL, word text)").await;
        assert_eq!(each().await, [Ok(2), Ok(2), Ok(2), Ok(2)]);
        run(database, "INSERT INTO b VALUES (2, 'b')").await;
        let full =
            || Err("`b` holds rows, which are none of this copy; empty it, or copy into another table".to_owned());
        assert_eq!(each().await, [full(), full(), Ok(2), Ok(2)]);
        // Of the source nothing is forgiven.
        let word = columns(&["word"]);
        let by_word = Keyed { key: &word, ..by };
        let nullable = "`word` of `a` may be NULL, and such rows have no place in an order; make it NOT NULL, or walk by another key";
        assert_eq!(judged(database, &by_word, Changing).await, Err(nullable.to_owned()));
    }
}

#[tokio::test]
async fn sqlite_copies_by_no_number_that_it_gives_itself() {
    let World { database, _folder } = sqlite();
    let make = "CREATE TABLE a (word TEXT); INSERT INTO a VALUES ('a'), ('b'); CREATE TABLE b (word TEXT); \
                CREATE TABLE c (rowid INTEGER PRIMARY KEY, word TEXT); CREATE TABLE d (rowid INTEGER PRIMARY KEY, word TEXT); \
                CREATE TABLE e (rowid INTEGER NOT NULL, word TEXT); CREATE INDEX e_rowid ON e (rowid); INSERT INTO c VALUES (7, 'a'), (9, 'b')";
    run(&database, make).await;
    let rowid = columns(&["rowid"]);
    let said = async |from: &str, to: &str| {
        let change = Change::Copy { to, columns: &[], verify: Verification::Count };
        judged(&database, &keyed(from, &rowid, change), Destination::Empty).await
    };
    let no = |table: &str| {
        Err(format!(
            "`rowid` is no column of `{table}`: a row that is copied gets another one, and is not found again by it; copy by a \
             column that both tables have"
        ))
    };
    assert_eq!([said("a", "b").await, said("a", "c").await, said("c", "b").await], [no("a"), no("a"), no("b")]);
    assert_eq!(said("c", "d").await, Ok(2));
    let twice =
        "two rows of `e` may have the same key (\"rowid\"), and a copy could not tell them apart; copy by a unique key";
    assert_eq!(said("e", "d").await, Err(twice.to_owned()));
}

/// A file that says that it has 2 GiB, of which most was never written.
#[tokio::test]
async fn sqlite_estimates_a_large_file_by_what_it_has_room_for() {
    let World { database, _folder } = sqlite();
    let make = "CREATE TABLE spread (id INTEGER PRIMARY KEY, word TEXT); INSERT INTO spread VALUES (1, 'x'), (4611686018427387904, 'y'); \
                CREATE TABLE dense (id INTEGER PRIMARY KEY, word TEXT); \
                INSERT INTO dense WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000) SELECT x, printf('%0996d', x) FROM n; \
                CREATE TABLE without (k TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID; CREATE TABLE none (id INTEGER PRIMARY KEY)";
    run(&database, make).await;
    drop(database);
    let path = _folder.as_ref().expect("it is a file").path().join("target.db");
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file is there");
    file.set_len(2 << 30).expect("it can grow");
    file.seek(SeekFrom::Start(28)).expect("it has a header");
    file.write_all(&(2_u32 << 18).to_be_bytes()).expect("it can be written");
    let database = open(&format!("sqlite://{}", path.display()));
    let mut told = Vec::new();
    for (table, key) in [("spread", "id"), ("dense", "id"), ("without", "k"), ("none", "id")] {
        let key = columns(&[key]);
        let facts =
            database.keyed_facts(&keyed(table, &key, Change::Set("word = 1"))).await.expect("it can be walked through");
        assert!(facts.is_estimate, "{table}");
        told.push((table, facts.rows, facts.bytes));
    }
    let [spread, dense, without, none] = told[..] else { panic!("{told:?}") };
    assert!(spread.1 < 1 << 31 && spread.2 <= 2 << 30, "{spread:?}");
    assert_eq!((dense.1, dense.2 / 100_000), (3000, 30));
    assert_eq!([without, none], [("without", 0, 0), ("none", 0, 0)]);
}
