//! A place for one store: a file in a folder of its own, or a schema of its own.

use std::time::Duration;

use orchestrate::model::Secret;
use orchestrate::store::{Batch, NewRun, Owner, RunId, Store, Summary};
use sqlx::{AnyConnection, Connection};

pub const LONG: Duration = Duration::from_secs(600);
pub const SHORT: Duration = Duration::from_millis(50);

/// Where a store is kept for the time of one test.
pub struct Place {
    url: String,
    driver_url: String,
    kept_in: Kept,
}

enum Kept {
    Folder(tempfile::TempDir),
    Schema { server: String, name: String },
}

impl Place {
    pub fn sqlite() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = format!("sqlite://{}/a new folder/50% store.db", folder.path().display());
        let driver_url = url.replace('%', "%25");
        Place { url, driver_url, kept_in: Kept::Folder(folder) }
    }

    pub async fn postgres() -> Place {
        let server = server();
        let name = format!("store_{}", uuid::Uuid::now_v7().simple());
        raw(&server, &format!("CREATE SCHEMA {name}")).await;
        let mut url = url::Url::parse(&server).expect("the URL of the server can be read");
        url.query_pairs_mut().append_pair("options", &format!("-csearch_path={name}"));
        Place { url: url.to_string(), driver_url: url.to_string(), kept_in: Kept::Schema { server, name } }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn open(&self) -> Store {
        Store::open(&Secret::new(&self.url)).await.expect("the store opens")
    }

    /// Does what no program of ours would do.
    pub async fn raw(&self, sql: &str) {
        raw(&self.driver_url, sql).await;
    }

    pub async fn end(self) {
        match self.kept_in {
            Kept::Folder(folder) => folder.close().expect("the folder can be removed"),
            Kept::Schema { server, name } => raw(&server, &format!("DROP SCHEMA {name} CASCADE")).await,
        }
    }
}

pub fn server() -> String {
    std::env::var("ORCHESTRATE_TEST_POSTGRES_URL")
        .expect("scripts/test starts Postgres and sets ORCHESTRATE_TEST_POSTGRES_URL")
}

async fn raw(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the database answers");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
    connection.close().await.expect("the connection closes");
}

/// An owner by its number.
pub fn owner(number: i64) -> Owner {
    Owner { id: format!("owner-{number}"), host: "here".to_owned(), pid: number }
}

/// A run of a name in the environment `main`.
pub fn new_run(name: &str) -> NewRun {
    NewRun {
        id: RunId::new(uuid::Uuid::now_v7().to_string()),
        environment: "main".to_owned(),
        product: "demo".to_owned(),
        kind: "migration".to_owned(),
        name: name.to_owned(),
    }
}

pub fn summary(status: &str) -> Summary {
    Summary {
        status: status.to_owned(),
        is_finished: status == "completed",
        since_ms: 7,
        detail: r#"{"what": "it"}"#.to_owned(),
    }
}

/// A batch of these events, after which the run is running.
pub fn batch(events: &[&str]) -> Batch {
    ending(events, "running")
}

/// A batch of these events, after which the run has a status.
pub fn ending(events: &[&str], status: &str) -> Batch {
    Batch::new(1_000, events.iter().map(|event| (*event).to_owned()).collect(), summary(status))
}

/// The journal, an event a line: its place, its writer's generation, its body.
pub async fn journal(store: &Store, run: &RunId) -> Vec<String> {
    let events = store.events(run, 0, 10_000).await.expect("the journal can be read");
    events.iter().map(|event| format!("{} {} {}", event.sequence, event.generation, event.body)).collect()
}
