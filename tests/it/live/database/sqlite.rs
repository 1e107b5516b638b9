//! What SQLite has of its own: locks of a file, pragmas, values whose types differ from row to row.

use std::collections::BTreeMap;

use orchestrate::database::{Statement, Trouble};
use serde_json::json;
use sqlx::Connection as _;

use super::{LONG, World, ask, create, open, slow, sqlite, statement, unique, until_running};

#[tokio::test]
async fn a_locked_file_is_worth_another_try() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let url = format!("sqlite://{}/target.db", folder.path().display());
    let database = open(&url);
    create(&database).await;
    let mut other = sqlx::SqliteConnection::connect(&url).await.expect("the file can be opened");
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("the file can be locked");
    let settings = BTreeMap::from([("busy_timeout".to_owned(), "1".to_owned())]);
    let tag = unique("orchestrate:busy");
    let insert =
        Statement { settings: &settings, transaction: true, ..statement("INSERT INTO a VALUES (1, '')", &tag) };
    let error = database.run(&insert).await.expect_err("the file is locked");
    assert_eq!((error.trouble, error.code.as_deref()), (Trouble::Transient, Some("5")));
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("the lock can be given back");
    database.run(&insert).await.expect("the file is free");
}

#[tokio::test]
async fn settings_are_plain_words() {
    let World { database, _folder } = sqlite();
    let tag = unique("orchestrate:pragma");
    for (name, value) in [("a; DROP TABLE b", "1"), ("user_version", "1; DROP TABLE b"), ("user_version", "")] {
        let settings = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let error = database.run(&Statement { settings: &settings, ..statement("SELECT 1", &tag) }).await;
        assert_eq!(error.map_err(|error| error.trouble), Err(Trouble::Refused));
    }
    let settings = BTreeMap::from([("user_version".to_owned(), "7".to_owned())]);
    database.run(&Statement { settings: &settings, ..statement("SELECT 1", &tag) }).await.expect("a pragma is set");
    assert_eq!(ask(&database, "PRAGMA user_version").await, Ok(Some("7".into())));
}

#[tokio::test]
async fn a_tag_runs_once_at_a_time() {
    let World { database, _folder } = sqlite();
    create(&database).await;
    let tag = unique("orchestrate:twice");
    let (sql, _) = slow(database.engine());
    let task = tokio::spawn({
        let (database, tag) = (database.clone(), tag.clone());
        async move { database.run(&statement(sql, &tag)).await }
    });
    until_running(&database, &tag).await;
    let again = database.run(&statement("SELECT 1", &tag)).await.expect_err("it runs already");
    assert_eq!(again.trouble, Trouble::Running);
    assert_eq!(database.end(&tag).await, Ok(true));
    assert_eq!(task.await.expect("the task ends").map_err(|error| error.trouble), Err(Trouble::Ended));
}

#[tokio::test]
async fn each_value_has_its_own_type() {
    let World { database, _folder } = sqlite();
    let sql = "SELECT 1 AS v, x'00ff' AS b UNION ALL SELECT 2.0, 'é' UNION ALL SELECT 'x', NULL";
    let rows = database.rows(sql, LONG, 9).await.expect("it is a table");
    assert_eq!(json!(rows), json!([{"v": 1, "b": "00FF"}, {"v": 2.0, "b": "é"}, {"v": "x", "b": null}]));
}

#[tokio::test]
async fn a_trigger_with_semicolons_is_created_whole() {
    let World { database, _folder } = sqlite();
    create(&database).await;
    let tag = unique("orchestrate:trigger");
    let sql = "CREATE TRIGGER t AFTER DELETE ON a BEGIN INSERT INTO a VALUES (1, ';'); INSERT INTO a VALUES (2, ''); END; \
               INSERT INTO a VALUES (0, ''); DELETE FROM a WHERE id = 0";
    for transaction in [true, false] {
        database.run(&Statement { transaction, ..statement(sql, &tag) }).await.expect("the trigger is whole");
        super::act(&database, "DROP TRIGGER t").await.expect("the trigger is there");
    }
    assert_eq!(super::count(&database, "a").await.as_deref(), Some("4"));
}
