//! What targets say of themselves: on SQLite, Postgres, and both ClickHouse.

use orchestrate::database::{Database, Examination};
use url::Url;

use super::{open, worlds};
use crate::support::servers::{clickhouse_url, fresh_postgres_database, old_clickhouse_url, postgres};

async fn examine(database: &Database) -> Examination {
    database.examine().await.expect("the target answers")
}

fn lacks(examination: &Examination) -> Vec<String> {
    let told = |is_certain| if is_certain { "bad" } else { "doubtful" };
    examination.lacks.iter().map(|lack| format!("{}: {}", told(lack.is_certain), lack.message)).collect()
}

#[tokio::test]
async fn a_user_of_its_own_server_may_do_everything_and_its_clock_is_ours() {
    for world in &worlds().await {
        super::create(&world.database).await;
        let examination = examine(&world.database).await;
        assert_eq!(lacks(&examination), Vec::<String>::new(), "{:?}", world.database);
        assert!(examination.version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())));
        let ahead = examination.clock.map_or(0, |clock| clock.ahead_ms());
        assert!(ahead.abs() < 1_000, "{ahead} {:?}", world.database);
    }
    let disks = examine(&open(&clickhouse_url())).await.disks;
    assert!(disks.iter().all(|disk| disk.free <= disk.total) && disks.len() == 1, "{disks:?}");
}

#[tokio::test]
async fn what_a_role_of_postgres_may_not_do_is_found() {
    let url = fresh_postgres_database().await;
    let role = url::Url::parse(&url).expect("it is one").path().trim_matches('/').replace("orchestrate_", "role_");
    postgres(
        &url,
        &format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'word'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
             CREATE TABLE one (id int); CREATE TABLE two (id int)"
        ),
    )
    .await;
    let mut own = Url::parse(&url).expect("it is one");
    own.set_username(&role).and_then(|()| own.set_password(Some("word"))).expect("the URL has a host");
    let expected = [
        "bad: the role may create nothing in the schema public, not even the table of marks",
        "doubtful: tables of other roles can be neither altered nor dropped: one and 1 more",
    ];
    assert_eq!(lacks(&examine(&open(own.as_str())).await), expected);
    postgres(
        &url,
        &format!("ALTER ROLE {role} SET default_transaction_read_only = on; GRANT CREATE ON SCHEMA public TO {role}"),
    )
    .await;
    postgres(&url, "DROP TABLE one; DROP TABLE two").await;
    assert_eq!(lacks(&examine(&open(own.as_str())).await), ["bad: its sessions are read-only"]);
    postgres(&url, &format!("REVOKE CREATE ON SCHEMA public FROM {role}; DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_profile_of_clickhouse_that_may_only_read_is_found() {
    for url in [clickhouse_url(), old_clickhouse_url()] {
        let found = lacks(&examine(&open(&format!("{url}?readonly=2"))).await);
        assert_eq!(found, ["bad: its user may only read (readonly = 2)"], "{url}");
        let found = lacks(&examine(&open(&format!("{url}?allow_ddl=0"))).await);
        assert_eq!(found, ["bad: its user may not change tables (allow_ddl = 0)"], "{url}");
    }
}

#[tokio::test]
async fn a_file_of_sqlite_is_not_made_to_look_at_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("new.db");
    let found = lacks(&examine(&open(&format!("sqlite://{}", path.display()))).await);
    assert_eq!(found, [format!("doubtful: there is no file {} yet", path.display())]);
    assert!(!path.exists());
    let nowhere = folder.path().join("nowhere/new.db");
    let found = lacks(&examine(&open(&format!("sqlite://{}", nowhere.display()))).await);
    let folder = nowhere.parent().expect("it has a folder").display();
    assert_eq!(found[0], format!("bad: nothing can be written into the folder {folder}"));
}
