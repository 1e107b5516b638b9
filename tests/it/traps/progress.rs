//! Progress with its variables swapped: over 100, and divided by nothing. It is told as unknown, and the run goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use orchestrate::database::{Database, Location};
use orchestrate::execute::control::{Desk, Start};
use orchestrate::execute::{Observer, Progress, Scrub, Signals, Site, SiteTarget};
use orchestrate::manifest::load;
use orchestrate::model::{Catalog, Migration, Secret};
use orchestrate::run::{Event, Settings, State, Status, Timestamp};
use orchestrate::store::{Owner, Store};
use orchestrate::template::TargetNames;

use super::Trap;
use crate::support::repository;
use crate::support::servers::{ClickHouse, clickhouse_url, fresh_postgres_database};

/// Notes what is told of progress, and adds a row to the new table each time.
struct Watcher {
    database: Database,
    told: Vec<String>,
}

impl Observer for Watcher {
    fn happened(&mut self, _: Timestamp, _: &Event, _: &State) {}

    fn progressed(&mut self, progress: &Progress) {
        assert_eq!(progress.percent, None, "{progress:?}");
        let why = progress.unknown.clone().expect("an unknown progress has a reason");
        if self.told.last() != Some(&why) {
            self.told.push(why);
            let database = self.database.clone();
            tokio::spawn(async move {
                run(&database, "INSERT INTO table_x_new VALUES (1, 1)", &uuid::Uuid::now_v7().to_string()).await;
            });
        }
    }

    fn waits(&mut self, _: &str) {}
}

async fn run(database: &Database, sql: &str, tag: &str) {
    let settings = BTreeMap::new();
    let timeout = Duration::from_secs(20);
    let statement =
        orchestrate::database::Statement { sql, tag, settings: &settings, timeout, transaction: false, mark: false };
    database.run(&statement).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

fn catalog() -> Catalog {
    let fixture = repository().join("tests/fixtures/traps/progress");
    let files = orchestrate::config::read_project(&fixture).expect("the fixture is a project");
    load(files).0.expect("the fixture loads")
}

/// Runs a migration of the fixture to its end; what was told of its progress.
async fn told(name: &str, target: &str, url: String, database: Option<String>, engine: &str) -> Vec<String> {
    let catalog = catalog();
    let migration: &Migration =
        catalog.migrations().find(|migration| migration.name.as_str() == name).expect("the fixture has it");
    let location =
        Location { name: target.to_owned(), url: Secret::new(url), database: database.clone(), cluster: None };
    let opened = Database::open(&location).expect("the URL is one");
    run(&opened, &format!("CREATE TABLE table_x (key INT, value INT){engine}"), "make").await;
    run(&opened, "INSERT INTO table_x VALUES (1, 1), (2, 2), (3, 3), (4, 4)", "fill").await;
    let names = TargetNames { name: target.to_owned(), database, cluster: None };
    let site = Site {
        environment: "local".to_owned(),
        targets: BTreeMap::from([(target.to_owned(), SiteTarget { database: opened.clone(), names })]),
        vars: BTreeMap::new(),
        services: BTreeMap::new(),
        version: None,
        scrub: Scrub::default(),
        caller: OnceLock::new(),
    };
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let store = Secret::new(format!("sqlite://{}/state.db", folder.path().display()));
    let desk = Desk {
        site: Arc::new(site),
        store: Arc::new(Store::open(&store).await.expect("the store opens")),
        product: "traps".to_owned(),
        declared: Settings::default(),
        lease: Duration::from_secs(15),
        owner: Owner { id: "ann's".to_owned(), host: "here".to_owned(), pid: 1 },
        person: "ann".to_owned(),
        signals: Signals::default(),
    };
    let path = repository().join("tests/fixtures/traps/progress").join(&*migration.place.file);
    let text = std::fs::read_to_string(path).expect("the manifest can be read");
    let start =
        Start { migration, text: &text, parameters: BTreeMap::new(), app: Some("1.0.0".to_owned()), assumed: &[] };
    let mut watcher = Watcher { database: opened, told: Vec::new() };
    let came = desk.start(&start, &mut watcher).await.expect("it runs");
    assert_eq!(came.state.status, Status::Completed);
    watcher.told
}

const OVER: &str = "it answers 400, which is no percentage from 0 to 100";

#[test]
fn on_sqlite() {
    let trap = Trap::new("progress", "SELECT 1");
    let url = format!("sqlite://{}", trap.project.path().join("data.db").display());
    let told = super::block_on(told("0001_sqlite", "sqlite", url, None, ""));
    assert_eq!(told, ["a question about progress has no answer", OVER]);
}

#[test]
fn as_two_counts() {
    let trap = Trap::new("progress", "SELECT 1");
    let url = format!("sqlite://{}", trap.project.path().join("data.db").display());
    let told = super::block_on(told("0004_swapped_counts", "sqlite", url, None, ""));
    assert_eq!(told, ["its total is 0", "it has done 4 of 1; are `done` and `total` swapped?"]);
}

#[test]
fn on_postgres() {
    let told = super::block_on(async {
        let url = fresh_postgres_database().await;
        told("0002_postgres", "postgres", url, None, "").await
    });
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("division by zero"), "{told:?}");
    assert_eq!(told[1], OVER);
}

#[test]
fn on_clickhouse() {
    let told = super::block_on(async {
        let clickhouse = ClickHouse::fresh(clickhouse_url()).await;
        let engine = " ENGINE = MergeTree ORDER BY key";
        told("0003_clickhouse", "clickhouse", clickhouse.url, Some(clickhouse.database), engine).await
    });
    assert_eq!(told, ["it answers inf, which is no percentage from 0 to 100", OVER]);
}
