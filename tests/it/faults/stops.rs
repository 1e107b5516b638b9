//! Long statements: stopped they end on the server, let go they go on there, and past their time they are ended.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::frozen::has;
use super::installation::{Entry, Installation, On, Process};
use super::trail::{assert_sound, whole};

const NAME: &str = "0001_long";

/// An operation before and one after a long one.
fn operations(long: &str) -> String {
    format!(
        "operations:
  - {{name: one, target: main, sql: INSERT INTO effects VALUES ('one'), repeatable: true, undo: INSERT INTO effects VALUES ('undo one')}}
{long}    undo: INSERT INTO effects VALUES ('undo long')
  - {{name: three, target: main, sql: INSERT INTO effects VALUES ('three'), repeatable: true, undo: INSERT INTO effects VALUES ('undo three')}}
"
    )
}

/// A statement of this many seconds that leaves one effect.
fn long(on: On, seconds: u32, more: &str) -> String {
    let sql = match on {
        On::Sqlite => format!(
            "INSERT INTO effects WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {seconds}000000) SELECT 'long' FROM c WHERE x = {seconds}000000"
        ),
        On::Postgres => format!("INSERT INTO effects SELECT 'long' FROM pg_sleep({seconds})"),
        On::ClickHouse | On::OldClickHouse => {
            format!(
                "INSERT INTO effects SELECT if(max(sleepEachRow(0.1)) = 0, 'long', 'short') FROM numbers({seconds}0)"
            )
        }
    };
    let settings = match on {
        On::Sqlite | On::Postgres => "",
        On::ClickHouse | On::OldClickHouse => "    settings: {max_block_size: 1, max_threads: 1}\n",
    };
    format!("  - name: long\n    target: main\n    sql: \"{sql}\"\n{settings}{more}")
}

const EVERYWHERE: [On; 4] = [On::Sqlite, On::Postgres, On::ClickHouse, On::OldClickHouse];

async fn installation(on: On, long: &str) -> Installation {
    let mut installation = Installation::on(on).await;
    installation.lease = "1s";
    installation.migration(NAME, &operations(long));
    installation.tables(1).await;
    installation
}

/// How many of our long statements run on the server; SQLite has none.
async fn at_the_server(installation: &Installation) -> String {
    let sql = match installation.on {
        On::Sqlite => return "none".to_owned(),
        On::Postgres => {
            "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND datname = current_database()
             AND query LIKE '/* orchestrate:%pg_sleep%'"
                .to_owned()
        }
        // One server is for all tests: the statement names no database, but its id names the run.
        On::ClickHouse | On::OldClickHouse => {
            let run = installation.latest(NAME).await.map(|row| row.run.id.to_string()).unwrap_or_default();
            format!("SELECT count() FROM system.processes WHERE query_id LIKE 'orchestrate:{run}:long:%'")
        }
    };
    installation.ask(&sql).await.concat()
}

async fn until_at_the_server(installation: &Installation, count: &str) {
    let since = Instant::now();
    loop {
        let found = at_the_server(installation).await;
        if found == count || found == "none" {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{:?}: {found} at the server", installation.on);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The effects of a rollback after the long statement was ended: where its transaction left no mark, it left nothing.
fn taken_back(on: On) -> &'static [&'static str] {
    match on {
        On::Sqlite | On::Postgres => &["one 1", "undo one 1"],
        On::ClickHouse | On::OldClickHouse => &["one 1", "undo long 1", "undo one 1"],
    }
}

fn is_at_long(journal: &[Entry]) -> bool {
    journal.iter().any(|entry| entry.event.unit().is_some_and(|unit| unit.operation == "long"))
}

/// A process in the middle of the long statement.
async fn in_the_middle(installation: &Installation) -> Process {
    let process = installation.begin(&["start", NAME], &[]);
    installation.until(NAME, "at the long statement", is_at_long).await;
    until_at_the_server(installation, "1").await;
    process
}

async fn effects(installation: &Installation) -> Vec<String> {
    installation.effects().await.into_iter().map(|(name, count)| format!("{name} {count}")).collect()
}

async fn stopped(on: On, by_signal: bool) {
    let evidence = "    done_when: SELECT count(*) > 0 FROM effects WHERE name = 'long'\n";
    let installation = installation(on, &long(on, 600, evidence)).await;
    let process = in_the_middle(&installation).await;
    let since = Instant::now();
    if by_signal {
        process.signal("INT");
    } else {
        let stop = installation.run(&["stop", NAME, "--reason", "enough"]).await;
        assert_eq!(stop.code, Some(0), "{on:?}: {stop:?}");
    }
    let ended = process.end().await;
    assert_eq!(ended.code, Some(9), "{on:?} {by_signal}: {ended:?}");
    assert!(since.elapsed() < Duration::from_secs(20), "{on:?}: {:?}", since.elapsed());
    until_at_the_server(&installation, "0").await;
    let journal = installation.journal(NAME).await;
    assert_sound(&journal, "stopped");
    assert!(has(&journal, "stopped"), "{on:?}: {}", whole(&journal));
    assert_eq!(effects(&installation).await, ["one 1"], "{on:?}");
    let ended = installation.run(&["rollback", NAME]).await;
    assert_eq!(ended.code, Some(0), "{on:?}: {ended:?}");
    assert_eq!(effects(&installation).await, taken_back(on), "{on:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_ends_a_long_statement_on_its_server() {
    let both = |on| [stopped(on, false), stopped(on, true)];
    join_all(EVERYWHERE.into_iter().flat_map(both)).await;
}

async fn stopped_and_taken_back(on: On) {
    let installation = installation(on, &long(on, 600, "")).await;
    let process = in_the_middle(&installation).await;
    let stop = installation.run(&["stop", NAME, "--rollback"]).await;
    assert_eq!(stop.code, Some(0), "{on:?}: {stop:?}");
    let ended = process.end().await;
    assert_eq!(ended.code, Some(8), "{on:?}: {ended:?}");
    until_at_the_server(&installation, "0").await;
    assert_eq!(effects(&installation).await, taken_back(on), "{on:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_with_rollback_ends_it_and_takes_everything_back() {
    join_all(EVERYWHERE.map(stopped_and_taken_back)).await;
}

async fn let_go(on: On, signal: &str) {
    let told = format!("{on:?} {signal}");
    let transaction = if on == On::Postgres { "    transaction: false\n" } else { "" };
    let evidence = "    done_when: SELECT count(*) > 0 FROM effects WHERE name = 'long'\n";
    let installation = installation(on, &long(on, 8, &format!("{transaction}{evidence}"))).await;
    let process = in_the_middle(&installation).await;
    process.signal(signal);
    let ended = process.end().await;
    assert_eq!(ended.code, if signal == "TERM" { Some(9) } else { None }, "{told}: {ended:?}");
    assert_eq!(at_the_server(&installation).await, "1", "{told}");
    let ended = installation.run(&["resume", NAME]).await;
    assert_eq!(ended.code, Some(0), "{told}: {ended:?}");
    let journal = installation.journal(NAME).await;
    assert_sound(&journal, &told);
    assert!(has(&journal, "still_running"), "{told}: {}", whole(&journal));
    let attempts = journal.iter().filter(|entry| {
        entry.event.name() == "attempted" && entry.event.unit().is_some_and(|unit| unit.operation == "long")
    });
    assert_eq!(attempts.count(), 1, "{told}: {}", whole(&journal));
    assert_eq!(effects(&installation).await, ["long 1", "one 1", "three 1"], "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_was_let_go_is_waited_for_and_not_started_again() {
    let both = |on| [let_go(on, "TERM"), let_go(on, "KILL")];
    join_all([On::Postgres, On::ClickHouse, On::OldClickHouse].into_iter().flat_map(both)).await;
}

async fn past_its_time(on: On) {
    let installation = installation(on, &long(on, 600, "    timeout: 2s\n")).await;
    let process = in_the_middle(&installation).await;
    let ended = process.end().await;
    assert_eq!(ended.code, Some(8), "{on:?}: {ended:?}");
    until_at_the_server(&installation, "0").await;
    assert_eq!(effects(&installation).await, taken_back(on), "{on:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_past_its_time_is_ended_on_its_server() {
    join_all(EVERYWHERE.map(past_its_time)).await;
}
