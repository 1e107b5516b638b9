//! What the journal costs: 1,000 empty operations through the engine, against the same statements from a plain loop over
//! the same driver, in turn, on SQLite and on Postgres (`ORCHESTRATE_TEST_POSTGRES_URL`). Prints a table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orchestrate::database::{Database, Location, Statement};
use orchestrate::execute::control::{Desk, Start};
use orchestrate::execute::{Scrub, Signals, Silent, Site, SiteTarget};
use orchestrate::manifest::{SourceFile, load_migration};
use orchestrate::model::Secret;
use orchestrate::run::{Settings, Status};
use orchestrate::store::{LEASE, Owner, Store};
use orchestrate::template::TargetNames;

const OPERATIONS: usize = 1000;
const ROUNDS: usize = 5;

fn manifest(name: &str) -> String {
    let mut text = format!("format: orchestrate/v1\nkind: migration\nname: {name}\noperations:\n");
    for number in 0..OPERATIONS {
        text.push_str(&format!("  - {{name: operation-{number}, target: db, sql: SELECT 1, undo: SELECT 1}}\n"));
    }
    text
}

/// Where the store and the target of one round are.
struct Place {
    store: Secret,
    target: Secret,
}

async fn through_the_engine(place: &Place, round: usize) -> (Duration, i64) {
    let name = format!("round-{round}");
    let text = manifest(&name);
    let file = SourceFile { path: format!("manifests/bench/{name}.yaml").into(), bytes: text.clone().into_bytes() };
    let migration = load_migration(file).expect("the migration is well formed");
    let names = TargetNames { name: "db".into(), database: None, cluster: None };
    let target = SiteTarget { database: database(&place.target), names };
    let site = Site {
        environment: "bench".into(),
        targets: BTreeMap::from([("db".to_owned(), target)]),
        vars: BTreeMap::new(),
        services: BTreeMap::new(),
        version: None,
        scrub: Scrub::default(),
        caller: std::sync::OnceLock::new(),
    };
    let store = Arc::new(Store::open(&place.store).await.expect("the store opens"));
    let desk = Desk {
        site: Arc::new(site),
        store: Arc::clone(&store),
        product: "bench".into(),
        declared: Settings::default(),
        lease: LEASE,
        owner: Owner { id: format!("bench-{round}"), host: "here".into(), pid: 1 },
        person: "bench".into(),
        signals: Signals::default(),
    };
    let start = Start { migration: &migration, text: &text, parameters: BTreeMap::new(), app: None, assumed: &[] };
    let begin = Instant::now();
    let came = desk.start(&start, &mut Silent).await.expect("the run can be driven");
    let took = begin.elapsed();
    assert_eq!(came.state.status, Status::Completed);
    (took, commits(&place.store, came.run.as_str()).await)
}

/// The commits of a run's journal.
async fn commits(store: &Secret, run: &str) -> i64 {
    use sqlx::{Connection, Row};
    sqlx::any::install_default_drivers();
    let mut store = sqlx::AnyConnection::connect(store.expose()).await.expect("the store opens");
    let question = "SELECT count(DISTINCT batch) FROM orchestrate_event WHERE run = $1";
    let row = sqlx::query(question).bind(run).fetch_one(&mut store).await.expect("the store answers");
    row.get(0)
}

fn database(url: &Secret) -> Database {
    let location = Location { name: "db".into(), url: url.clone(), database: None, cluster: None };
    Database::open(&location).expect("the URL is one")
}

async fn plain_loop(place: &Place, round: usize) -> Duration {
    let database = database(&place.target);
    let settings = BTreeMap::new();
    let begin = Instant::now();
    for number in 0..OPERATIONS {
        let tag = format!("loop-{round}-{number}");
        let statement = Statement {
            sql: "SELECT 1",
            tag: &tag,
            settings: &settings,
            timeout: Duration::from_secs(60),
            transaction: true,
            mark: false,
        };
        database.run(&statement).await.expect("an empty statement runs");
    }
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn measure(name: &str, place: &Place) -> String {
    let (mut engine, mut plain, mut commits) = (Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        plain.push(plain_loop(place, round).await);
        let (took, written) = through_the_engine(place, round).await;
        engine.push(took);
        commits = written;
    }
    let (engine, plain) = (median(engine), median(plain));
    format!(
        "| {name} | {:.0} ms | {:.0} ms | {:.2} | {:.2} |",
        plain.as_secs_f64() * 1000.0,
        engine.as_secs_f64() * 1000.0,
        engine.as_secs_f64() / plain.as_secs_f64(),
        commits as f64 / OPERATIONS as f64,
    )
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let sqlite = |file: &str| Secret::new(format!("sqlite://{}/{file}", folder.path().display()));
    let mut rows = vec![measure("SQLite", &Place { store: sqlite("store.db"), target: sqlite("data.db") }).await];
    let url = std::env::var("ORCHESTRATE_TEST_POSTGRES_URL").expect("scripts/bench starts Postgres");
    let postgres = Secret::new(url);
    rows.push(measure("Postgres", &Place { store: postgres.clone(), target: postgres }).await);
    let table = format!(
        "| store and target | plain loop | through the engine | ratio | commits of the journal an operation |\n|---|---|---|---|---|\n{}\n",
        rows.join("\n")
    );
    std::io::Write::write_all(&mut std::io::stdout(), table.as_bytes()).expect("standard output can be written to");
}
