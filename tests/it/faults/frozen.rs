//! An owner that is frozen past its lease, replaced, and thawed: it writes nothing, and does nothing twice.

use super::installation::{Entry, Installation, On};
use super::trail::{assert_sound, whole};
use orchestrate::run::Event;

const NAME: &str = "0001_frozen";

const MARKED: [On; 2] = [On::Sqlite, On::Postgres];

/// Whether an event of a name is in a journal.
pub fn has(journal: &[Entry], name: &str) -> bool {
    journal.iter().any(|entry| entry.event.name() == name)
}

/// Where in its work the first owner is frozen: right before what it sends, and right after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_frozen_around_an_effect_does_not_repeat_it() {
    for on in MARKED {
        for fault in ["before-effect:2:stop", "after-effect:2:stop", "before-record:2:stop", "after-record:1:stop"] {
            let told = format!("{on:?} {fault}");
            let mut installation = Installation::on(on).await;
            installation.lease = "500ms";
            installation.migration(NAME, THREE);
            installation.tables(1).await;
            let frozen = installation.begin(&["start", NAME], &[("ORCHESTRATE_FAULT", fault)]);
            frozen.until_frozen().await;
            let second = installation.run(&["resume", NAME]).await;
            assert_eq!(second.code, Some(0), "{told}: {second:?}");
            let before = whole(&installation.journal(NAME).await);
            frozen.signal("CONT");
            let frozen = frozen.end().await;
            assert_eq!(frozen.code, Some(7), "{told}: {frozen:?}");
            let journal = installation.journal(NAME).await;
            assert_eq!(whole(&journal), before, "{told}: it wrote");
            assert_sound(&journal, &told);
            let effects = installation.effects().await;
            assert!(effects.len() == 3 && effects.values().all(|count| *count == 1), "{told}: {effects:?}\n{before}");
        }
    }
}

const THREE: &str = "\
operations:
  - {name: one, target: main, sql: INSERT INTO effects VALUES ('one'), undo: DELETE FROM effects WHERE name = 'one'}
  - {name: two, target: main, sql: INSERT INTO effects VALUES ('two'), undo: DELETE FROM effects WHERE name = 'two'}
  - {name: three, target: main, sql: INSERT INTO effects VALUES ('three'), undo: DELETE FROM effects WHERE name = 'three'}
";

const LONG: &str = "\
operations:
  - {name: one, target: main, sql: INSERT INTO effects VALUES ('one'), undo: DELETE FROM effects WHERE name = 'one'}
  - name: long
    target: main
    sql: SELECT pg_sleep(4); INSERT INTO effects VALUES ('long')
    undo: DELETE FROM effects WHERE name = 'long'
  - {name: three, target: main, sql: INSERT INTO effects VALUES ('three'), undo: DELETE FROM effects WHERE name = 'three'}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_frozen_inside_a_long_statement_is_replaced_and_the_statement_is_waited_for() {
    let mut installation = Installation::on(On::Postgres).await;
    installation.lease = "500ms";
    installation.migration(NAME, LONG);
    installation.tables(1).await;
    let frozen = installation.begin(&["start", NAME], &[]);
    installation.until_answer(SLEEPS, "1").await;
    frozen.signal("STOP");
    let second = installation.begin(&["resume", NAME], &[]);
    installation.until(NAME, "adopted", |journal| has(journal, "still_running")).await;
    installation.until_answer(SLEEPS, "0").await;
    frozen.signal("CONT");
    let (frozen, second) = tokio::join!(frozen.end(), second.end());
    assert_eq!((frozen.code, second.code), (Some(7), Some(0)), "{frozen:?} {second:?}");
    let journal = installation.journal(NAME).await;
    assert_sound(&journal, "frozen inside");
    let by_the_first = journal.iter().filter(|entry| entry.generation == 1);
    assert!(
        by_the_first.clone().all(|entry| !matches!(&entry.event, Event::Done { unit, .. } if unit.operation == "long"))
    );
    let effects = installation.effects().await;
    assert!(effects.len() == 3 && effects.values().all(|count| *count == 1), "{effects:?}\n{}", whole(&journal));
}

const SLEEPS: &str =
    "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE '/* orchestrate:%pg_sleep%'
    AND datname = current_database()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_owner_is_replaced_within_its_lease_and_two_seconds() {
    for on in MARKED {
        let mut installation = Installation::on(on).await;
        installation.lease = "3s";
        installation.migration(NAME, WAITING);
        installation.tables(1).await;
        let first = installation.begin(&["start", NAME], &[]);
        installation.until(NAME, "waiting", |journal| has(journal, "attempted")).await;
        let worker = installation.begin(&["worker"], &[]);
        // Long enough for its lease to have been renewed.
        installation.until(NAME, "alive", |journal| journal.iter().any(|entry| now_ms() - entry.at_ms > 4_000)).await;
        first.signal("KILL");
        let killed = now_ms();
        assert_eq!(first.end().await.code, None);
        let journal = installation.until(NAME, "taken", |journal| has(journal, "taken")).await;
        let taken = journal.iter().find(|entry| entry.event.name() == "taken").expect("it was just found");
        let took = taken.at_ms - killed;
        assert!((0..=5_000).contains(&took), "{on:?}: it took {took} ms");
        installation.sql(&["INSERT INTO effects VALUES ('go')"]).await;
        installation.until(NAME, "completed", |journal| has(journal, "completed")).await;
        worker.signal("TERM");
        let worker = worker.end().await;
        assert_eq!(worker.code, Some(0), "{worker:?}");
    }
}

fn now_ms() -> i64 {
    orchestrate::execute::now().0
}

const WAITING: &str = "\
operations:
  - {name: wait, target: main, wait: {sql: SELECT count(*) > 0 FROM effects, every: 100ms, timeout: 1h}}
";
