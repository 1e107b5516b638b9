//! The targets against real servers: one story for all engines, then what each of them has of its own.

mod clickhouse;
mod copies;
mod examine;
mod keyed;
mod keyed_kinds;
mod keyed_refusals;
mod postgres;
mod sqlite;
mod throttles;
mod updates;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrate::database::{Database, DatabaseError, Effect, Location, Statement, Trouble};
use orchestrate::model::{Engine, Secret};
use serde_json::json;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
static NO_SETTINGS: BTreeMap<String, String> = BTreeMap::new();

/// A target with a database of its own, for one test.
struct World {
    database: Database,
    _folder: Option<tempfile::TempDir>,
}

fn url_of(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: scripts/test starts the servers"))
}

fn location(url: &str) -> Location {
    Location { name: "main".to_owned(), url: Secret::new(url), database: None, cluster: None }
}

fn open(url: &str) -> Database {
    Database::open(&location(url)).expect("the URL is right")
}

/// A text that no other test has, and that is a name in every dialect.
fn unique(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}

/// A database of its own on a server.
async fn fresh(url: &str) -> (Location, Database) {
    let name = unique("test");
    let created = act(&open(url), &format!("CREATE DATABASE {name}")).await;
    created.expect("the user of the tests may create databases");
    let location = Location { database: Some(name), ..location(url) };
    let database = Database::open(&location).expect("the URL is right");
    (location, database)
}

async fn postgres() -> World {
    let (_, database) = fresh(&url_of("ORCHESTRATE_TEST_POSTGRES_URL")).await;
    World { database, _folder: None }
}

async fn clickhouse(variable: &str) -> World {
    let (_, database) = fresh(&url_of(variable)).await;
    World { database, _folder: None }
}

fn sqlite() -> World {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let database = open(&format!("sqlite://{}/target.db", folder.path().display()));
    World { database, _folder: Some(folder) }
}

async fn worlds() -> [World; 4] {
    [
        sqlite(),
        postgres().await,
        clickhouse("ORCHESTRATE_TEST_CLICKHOUSE_URL").await,
        clickhouse("ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL").await,
    ]
}

/// A statement in autocommit, without a mark.
fn statement<'a>(sql: &'a str, tag: &'a str) -> Statement<'a> {
    Statement { sql, tag, settings: &NO_SETTINGS, timeout: LONG, transaction: false, mark: false }
}

async fn act(database: &Database, sql: &str) -> Result<Effect, DatabaseError> {
    database.run(&statement(sql, &unique("orchestrate:test"))).await
}

async fn ask(database: &Database, sql: &str) -> Result<Option<String>, DatabaseError> {
    database.ask(sql, LONG).await
}

async fn count(database: &Database, table: &str) -> Option<String> {
    ask(database, &format!("SELECT count(*) FROM {table}")).await.expect("the table is there")
}

/// A table with a whole number and a text.
async fn create(database: &Database) {
    let engine = match database.engine() {
        Engine::ClickHouse => "CREATE TABLE a (id Int64, word String) ENGINE = MergeTree ORDER BY id",
        Engine::Postgres | Engine::Sqlite => "CREATE TABLE a (id bigint, word text)",
    };
    act(database, engine).await.expect("a table can be created");
}

/// A statement that takes a minute, with its settings.
fn slow(engine: Engine) -> (&'static str, BTreeMap<String, String>) {
    match engine {
        Engine::ClickHouse => {
            let settings = BTreeMap::from([("max_block_size".to_owned(), "1".to_owned())]);
            ("INSERT INTO a SELECT sleepEachRow(1), '' FROM system.numbers LIMIT 60", settings)
        }
        Engine::Postgres => ("INSERT INTO a SELECT 1, pg_sleep(60)::text", BTreeMap::new()),
        Engine::Sqlite => (
            "INSERT INTO a WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1e12) SELECT max(x), '' FROM n",
            BTreeMap::new(),
        ),
    }
}

async fn until_running(database: &Database, tag: &str) {
    let found = async {
        while !database.is_running(tag).await.expect("the server tells what runs") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, found).await.expect("the statement begins");
}

#[tokio::test]
async fn a_statement_acts_and_leaves_nothing_running() {
    for World { database, .. } in &worlds().await {
        create(database).await;
        let tag = unique("orchestrate:a:b");
        let insert = statement("INSERT INTO a VALUES (1, 'it''s'), (9007199254740993, 'b');", &tag);
        let effect = database.run(&insert).await.expect("rows can be inserted");
        assert_ne!(effect.rows_affected, Some(0), "{database:?}");
        assert_eq!(count(database, "a").await.as_deref(), Some("2"), "{database:?}");
        assert_eq!(database.is_running(&tag).await, Ok(false));
        assert_eq!(database.end(&tag).await, Ok(false));
        assert_eq!(database.progress(&tag).await, Ok(None));
        let version = database.version().await.expect("a server has a version");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
        let rows = database.rows("SELECT id, word, NULL AS no FROM a ORDER BY id", LONG, 2).await;
        let expected =
            json!([{"id": 1, "word": "it's", "no": null}, {"id": 9_007_199_254_740_993_i64, "word": "b", "no": null}]);
        assert_eq!(json!(rows.expect("two rows are allowed")), expected, "{database:?}");
    }
}

#[tokio::test]
async fn a_question_has_one_answer_or_none() {
    for World { database, .. } in &worlds().await {
        create(database).await;
        let told = async |sql| ask(database, sql).await.map_err(|error| error.to_string());
        assert_eq!(told("SELECT 1").await, Ok(Some("1".into())));
        assert_eq!(told("SELECT 'a\tb' -- the answer\n;").await, Ok(Some("a\tb".into())));
        assert_eq!(told("SELECT NULL").await, Ok(None));
        assert_eq!(told("SELECT id FROM a").await, Ok(None));
        assert_eq!(told("SELECT 1.5").await, Ok(Some("1.5".into())));
        assert_eq!(told("SELECT 1, 2").await, Err("main: the question has 2 columns, not one".into()));
        let two = "SELECT 1 UNION ALL SELECT 2";
        assert_eq!(told(two).await, Err("main: the question has more than one row".into()));
        let many = database.rows(two, LONG, 1).await.map_err(|error| error.to_string());
        assert_eq!(many, Err("main: there are more than 1 rows".into()));
        // The connection that was left in the middle is not used again.
        assert_eq!(told("SELECT 3").await, Ok(Some("3".into())));
    }
}

#[tokio::test]
async fn a_question_writes_nothing() {
    for World { database, .. } in &worlds().await {
        create(database).await;
        for sql in ["INSERT INTO a VALUES (1, 'x')", "DROP TABLE a", "CREATE TABLE b AS SELECT * FROM a"] {
            let error = ask(database, sql).await.expect_err("a question may not write");
            assert_eq!(error.trouble, Trouble::Refused, "{error}");
        }
        let both = "SELECT 1; INSERT INTO a VALUES (1, 'x')";
        let error = ask(database, both).await.expect_err("a question is one statement");
        assert_eq!(error.trouble, Trouble::Refused, "{error}");
        assert_eq!(count(database, "a").await.as_deref(), Some("0"));
        act(database, "INSERT INTO a VALUES (1, 'x')").await.expect("a statement may write after a question");
    }
}

#[tokio::test]
async fn a_running_statement_is_found_and_ended() {
    for World { database, .. } in &worlds().await {
        create(database).await;
        let tag = unique("orchestrate:a:slow:and:longer:than:sixty-three:bytes:for:the:name");
        let (sql, settings) = slow(database.engine());
        let task = tokio::spawn({
            let (database, tag, settings) = (database.clone(), tag.clone(), settings.clone());
            async move { database.run(&Statement { settings: &settings, ..statement(sql, &tag) }).await }
        });
        until_running(database, &tag).await;
        assert_eq!(database.is_running("another").await, Ok(false));
        assert_eq!(database.end(&tag).await, Ok(true), "{database:?}");
        assert_eq!(database.is_running(&tag).await, Ok(false));
        let error = task.await.expect("the task ends").expect_err("the statement was ended");
        assert_eq!(error.trouble, Trouble::Ended, "{error}");
        assert_eq!(database.end(&tag).await, Ok(false));
    }
}

#[tokio::test]
async fn a_dropped_statement_is_still_found_or_gone() {
    for World { database, .. } in &worlds().await {
        create(database).await;
        let tag = unique("orchestrate:dropped");
        let (sql, settings) = slow(database.engine());
        let dropped = Statement { settings: &settings, ..statement(sql, &tag) };
        tokio::select! {
            result = database.run(&dropped) => panic!("{result:?}"),
            () = until_running(database, &tag) => {}
        }
        let runs_here = database.engine() == Engine::Sqlite;
        assert_eq!(database.is_running(&tag).await, Ok(!runs_here), "{database:?}");
        assert_eq!(database.end(&tag).await, Ok(!runs_here));
        assert_eq!(database.is_running(&tag).await, Ok(false));
    }
}

#[tokio::test]
async fn what_takes_too_long_is_ended_on_the_server() {
    for World { database, .. } in &worlds().await {
        create(database).await;
        let tag = unique("orchestrate:late");
        let (sql, settings) = slow(database.engine());
        let late = Statement { settings: &settings, timeout: Duration::from_millis(1500), ..statement(sql, &tag) };
        let error = database.run(&late).await.expect_err("there is no time for it");
        assert_eq!(error.trouble, Trouble::Timeout, "{error}");
        assert_eq!(database.is_running(&tag).await, Ok(false));
        let question = match database.engine() {
            Engine::ClickHouse => "SELECT sum(number) FROM system.numbers",
            Engine::Postgres => "SELECT pg_sleep(60)",
            Engine::Sqlite => "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
        };
        let asked = database.ask(question, Duration::from_millis(1100)).await;
        let error = asked.expect_err("there is no time for it");
        assert_eq!(error.trouble, Trouble::Timeout, "{database:?}: {error}");
    }
}

#[tokio::test]
async fn a_mark_comes_and_goes_with_the_work() {
    for World { database, .. } in [sqlite(), postgres().await] {
        create(&database).await;
        for transaction in [true, false] {
            let run = unique("orchestrate:run");
            let (done, failed) = (format!("{run}:done"), format!("{run}:failed"));
            assert_eq!(database.has_mark(&done).await, Ok(false));
            let two = "INSERT INTO a VALUES (1, ';'); INSERT INTO a VALUES (2, '')";
            let marked = Statement { mark: true, transaction, ..statement(two, &done) };
            database.run(&marked).await.expect("rows can be inserted");
            let before = count(&database, "a").await;
            let half = "INSERT INTO a VALUES (3, ''); INSERT INTO nowhere VALUES (1)";
            let wrong = Statement { mark: true, transaction, ..statement(half, &failed) };
            let error = database.run(&wrong).await.expect_err("there is no such table");
            assert_eq!(error.trouble, if transaction { Trouble::Refused } else { Trouble::Partial });
            assert_eq!(count(&database, "a").await == before, transaction);
            let marks = (database.has_mark(&done).await, database.has_mark(&failed).await);
            assert_eq!(marks, (Ok(true), Ok(false)));
            let again = database.run(&marked).await.expect_err("it was done");
            assert_eq!(again.trouble, Trouble::Lost, "{again}");
            database.forget_marks(&run).await.expect("marks can be forgotten");
            assert_eq!(database.has_mark(&done).await, Ok(false));
        }
    }
}

#[tokio::test]
async fn a_transaction_is_not_left_and_not_left_open() {
    for World { database, .. } in [sqlite(), postgres().await] {
        create(&database).await;
        let tag = unique("orchestrate:open");
        let leaves = Statement { transaction: true, ..statement("INSERT INTO a VALUES (1, ''); COMMIT", &tag) };
        assert_eq!(database.run(&leaves).await.map_err(|error| error.trouble), Err(Trouble::Refused));
        let open = Statement { mark: true, ..statement("BEGIN; INSERT INTO a VALUES (1, '')", &tag) };
        assert_eq!(database.run(&open).await.map_err(|error| error.trouble), Err(Trouble::Refused));
        assert_eq!(count(&database, "a").await.as_deref(), Some("0"));
        assert_eq!(database.has_mark(&tag).await, Ok(false));
    }
}

#[tokio::test]
async fn no_error_tells_a_secret() {
    let urls =
        ["ORCHESTRATE_TEST_POSTGRES_URL", "ORCHESTRATE_TEST_CLICKHOUSE_URL", "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL"];
    for variable in urls {
        let mut url = url::Url::parse(&url_of(variable)).expect("it is a URL");
        url.set_username("mallory").expect("it has a host");
        url.set_password(Some("wrong-word")).expect("it has a host");
        let refused = open(url.as_str());
        url.set_port(Some(1)).expect("it has a host");
        let absent = open(url.as_str());
        for (database, trouble) in [(refused, Trouble::Refused), (absent, Trouble::Transient)] {
            let error = ask(&database, "SELECT 1").await.expect_err("nobody answers this");
            assert_eq!(error.trouble, trouble, "{error}");
            let told = format!("{error} {error:?} {database:?}");
            assert!(!told.contains("mallory") && !told.contains("wrong-word"), "{told}");
            let error = act(&database, "SELECT 1").await.expect_err("nobody answers this");
            assert_eq!(error.trouble, trouble, "{error}");
        }
    }
}
