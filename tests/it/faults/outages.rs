//! The store's database or the target's is gone for a while in the middle of a run.

use std::time::Duration;

use super::frozen::has;
use super::installation::{Installation, On};
use super::line::Line;
use super::trail::{assert_sound, whole};

const NAME: &str = "0001_outage";

const LONG: &str = "\
operations:
  - {name: one, target: main, sql: INSERT INTO effects VALUES ('one'), irreversible: It is kept}
  - name: long
    target: main
    sql: SELECT pg_sleep(1); INSERT INTO effects VALUES ('long')
    retry: {attempts: 5, backoff: 100ms}
    irreversible: It is kept
  - {name: wait, target: main, wait: {sql: SELECT count(*) > 2 FROM effects, every: 50ms}}
  - {name: four, target: main, sql: INSERT INTO effects VALUES ('four'), irreversible: It is kept}
";

const SLEEPS: &str =
    "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND datname = current_database()
    AND query LIKE '/* orchestrate:%pg_sleep%'";

async fn installation() -> Installation {
    let mut installation = Installation::on(On::Postgres).await;
    installation.lease = "600ms";
    installation.migration(NAME, LONG);
    installation.tables(1).await;
    installation
}

async fn assert_all_once(installation: &Installation, told: &str) {
    let journal = installation.journal(NAME).await;
    assert_sound(&journal, told);
    assert!(journal.iter().all(|entry| entry.generation == 1), "{told}: it was taken over\n{}", whole(&journal));
    let effects: Vec<(String, u32)> = installation.effects().await.into_iter().collect();
    let expected = ["four", "go", "long", "one"].map(|name| (name.to_owned(), 1));
    assert_eq!(effects, expected, "{told}\n{}", whole(&journal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_when_its_store_comes_back() {
    let installation = installation().await;
    let line = Line::to(&installation.store_url).await;
    let through = line.through(&installation.store_url);
    let process = installation.begin(&["start", NAME], &[("STORE_URL", &through)]);
    installation.until_answer(SLEEPS, "1").await;
    line.go_down();
    // The outcome of the statement cannot be recorded, for twice as long as the lease.
    installation.until_answer("SELECT count(*)::text FROM effects", "2").await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let journal = installation.journal(NAME).await;
    assert!(!journal.iter().any(|entry| entry.event.unit().is_some_and(|unit| unit.operation == "wait")));
    line.come_back();
    installation.sql(&["INSERT INTO effects VALUES ('go')"]).await;
    let ended = process.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_all_once(&installation, "the store was gone").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_goes_on_when_its_target_comes_back() {
    let installation = installation().await;
    let line = Line::to(&installation.target_url).await;
    let through = line.through(&installation.target_url);
    let process = installation.begin(&["start", NAME], &[("TARGET_URL", &through)]);
    installation.until_answer(SLEEPS, "1").await;
    line.go_down();
    installation.until(NAME, "lost", |journal| has(journal, "failed")).await;
    line.come_back();
    installation.until_answer("SELECT count(*)::text FROM effects", "2").await;
    let waits = |journal: &[super::installation::Entry]| {
        journal.iter().any(|entry| entry.event.unit().is_some_and(|unit| unit.operation == "wait"))
    };
    installation.until(NAME, "waiting", waits).await;
    line.go_down();
    // It asks in vain for a while: the length of the outage is what is tested, and nothing tells its middle.
    tokio::time::sleep(Duration::from_millis(500)).await;
    line.come_back();
    installation.sql(&["INSERT INTO effects VALUES ('go')"]).await;
    let ended = process.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_all_once(&installation, "the target was gone").await;
}
