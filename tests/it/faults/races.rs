//! Several processes want the same run, or more runs than may work at once.

use futures_util::future::join_all;

use super::frozen::has;
use super::installation::{Installation, On};
use super::trail::{assert_sound, whole};

const FIRST: &str = "0001_first";
const SECOND: &str = "0002_second";

const WAITING: &str = "\
operations:
  - {name: one, target: main, sql: INSERT INTO effects VALUES ('one'), irreversible: It is kept}
  - {name: wait, target: main, wait: {sql: SELECT count(*) > 1 FROM effects, every: 50ms}}
  - {name: three, target: main, sql: INSERT INTO effects VALUES ('three'), irreversible: It is kept}
";

async fn installation(on: On) -> Installation {
    let mut installation = Installation::on(on).await;
    // Nobody is to fall silent here, however busy the machine is.
    installation.lease = "30s";
    installation.migration(FIRST, WAITING);
    installation.migration(SECOND, WAITING);
    installation.tables(1).await;
    installation
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_who_start_a_migration_one_works() {
    for on in [On::Sqlite, On::Postgres] {
        let installation = installation(on).await;
        let mut processes: Vec<_> =
            (0..8).map(|_| Box::pin(installation.begin(&["start", FIRST], &[]).end())).collect();
        let mut refused = Vec::new();
        while refused.len() < 7 {
            let (ended, _, others) = futures_util::future::select_all(processes).await;
            refused.push(ended.code);
            processes = others;
            assert_eq!(refused.last(), Some(&Some(7)), "{on:?}: {ended:?}");
        }
        installation.sql(&["INSERT INTO effects VALUES ('go')"]).await;
        let last = join_all(processes).await.remove(0);
        assert_eq!(last.code, Some(0), "{on:?}: {last:?}");
        let journal = installation.journal(FIRST).await;
        assert_sound(&journal, "eight at once");
        assert!(journal.iter().all(|entry| entry.generation == 1), "{}", whole(&journal));
        assert!(installation.effects().await.values().all(|count| *count == 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_more_than_may_work_at_once_is_refused_with_the_reason() {
    for on in [On::Sqlite, On::Postgres] {
        let installation = installation(on).await;
        let first = installation.begin(&["start", FIRST], &[]);
        installation.until(FIRST, "begun", |journal| has(journal, "attempted")).await;
        let second = installation.run(&["start", SECOND]).await;
        assert_eq!(second.code, Some(5), "{second:?}");
        let reason = "error: 0002_second cannot start now; nothing was done\n  \
                      max_concurrent: 1 of at most 1 may run at once: 0001_first\n    \
                      hint: wait for it, or raise it: orchestrate settings set max_concurrent N\n";
        assert!(second.stderr.ends_with(reason), "{second:?}");
        installation.sql(&["INSERT INTO effects VALUES ('go')"]).await;
        let first = first.end().await;
        assert_eq!(first.code, Some(0), "{first:?}");
        let second = installation.run(&["start", SECOND]).await;
        assert_eq!(second.code, Some(0), "{second:?}");
    }
}

const SIX: [&str; 6] = ["0011_a", "0012_b", "0013_c", "0014_d", "0015_e", "0016_f"];

/// Six migrations that are handed over, each of which says that it began and waits until all may go on; three may work at
/// once, for three workers.
async fn handed_over(on: On, lease: &'static str) -> (Installation, Vec<super::installation::Process>) {
    let mut installation = Installation::on(on).await;
    installation.lease = lease;
    installation.tables(1).await;
    installation.table("doors").await;
    for name in SIX {
        let operations = format!(
            "operations:\n  - {{name: begin, target: main, sql: INSERT INTO effects VALUES ('{name} begins'), irreversible: It is kept}}\n  \
             - {{name: wait, target: main, wait: {{sql: SELECT count(*) > 0 FROM doors, every: 50ms}}}}\n  \
             - {{name: end, target: main, sql: INSERT INTO effects VALUES ('{name} ends'), irreversible: It is kept}}\n"
        );
        installation.migration(name, &operations);
    }
    for arguments in SIX.map(|name| vec!["start", name, "--detach"]) {
        let ended = installation.run(&arguments).await;
        assert_eq!(ended.code, Some(0), "{on:?}: {ended:?}");
    }
    let ended = installation.run(&["settings", "set", "max_concurrent", "3"]).await;
    assert_eq!(ended.code, Some(0), "{on:?}: {ended:?}");
    let workers = (0..3).map(|_| installation.begin(&["worker"], &[])).collect();
    (installation, workers)
}

/// The process that holds each of the six, where one does.
async fn holders(installation: &Installation) -> Vec<Option<u32>> {
    let mut holders = Vec::new();
    for name in SIX {
        let row = installation.latest(name).await.expect("it was handed over");
        let holder = row.holder.filter(|holder| holder.left_ms > 0);
        holders.push(holder.and_then(|holder| u32::try_from(holder.owner.pid).ok()));
    }
    holders
}

/// Waits until each of these processes holds one migration that has begun, and nobody holds another.
async fn until_each_has_one(installation: &Installation, on: On, processes: &[u32]) -> Vec<Option<u32>> {
    let mut expected = processes.to_vec();
    expected.sort_unstable();
    let begun = std::time::Instant::now();
    loop {
        let held = holders(installation).await;
        let mut owners: Vec<u32> = held.iter().flatten().copied().collect();
        owners.sort_unstable();
        if owners == expected && installation.effects().await.len() >= processes.len() {
            return held;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{on:?}: {held:?} and not {expected:?}");
    }
}

async fn until_all_are_complete(installation: &Installation) {
    for name in SIX {
        installation.until(name, "completed", |journal| has(journal, "completed")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_workers_share_six_migrations_and_each_has_one_owner() {
    for on in [On::Sqlite, On::Postgres] {
        let (installation, workers) = handed_over(on, "30s").await;
        let processes: Vec<u32> = workers.iter().map(super::installation::Process::id).collect();
        until_each_has_one(&installation, on, &processes).await;
        assert_eq!(installation.effects().await.len(), 3, "{on:?}: no more than three at once");
        installation.sql(&["INSERT INTO doors VALUES ('open')"]).await;
        until_all_are_complete(&installation).await;
        for name in SIX {
            let journal = installation.journal(name).await;
            assert_sound(&journal, name);
            // The first generation handed it over, the second worked.
            assert_eq!(journal.last().map(|entry| entry.generation), Some(2), "{on:?}: {}", whole(&journal));
        }
        let effects = installation.effects().await;
        assert!(effects.len() == 12 && effects.values().all(|count| *count == 1), "{on:?}: {effects:?}");
        for worker in workers {
            worker.signal("TERM");
            assert_eq!(worker.end().await.code, Some(0), "{on:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_held_goes_to_another() {
    for on in [On::Sqlite, On::Postgres] {
        let (installation, mut workers) = handed_over(on, "3s").await;
        let processes: Vec<u32> = workers.iter().map(super::installation::Process::id).collect();
        let before = until_each_has_one(&installation, on, &processes).await;
        let killed = workers.remove(0);
        let orphan = before.iter().position(|held| *held == Some(killed.id())).expect("each had one");
        killed.signal("KILL");
        killed.end().await;
        workers.push(installation.begin(&["worker"], &[]));
        let processes: Vec<u32> = workers.iter().map(super::installation::Process::id).collect();
        // What was begun goes on before anything else begins.
        let after = until_each_has_one(&installation, on, &processes).await;
        assert_eq!(after[orphan], workers.last().map(super::installation::Process::id), "{on:?}: {after:?}");
        installation.sql(&["INSERT INTO doors VALUES ('open')"]).await;
        until_all_are_complete(&installation).await;
        for name in SIX {
            assert_sound(&installation.journal(name).await, name);
        }
        let effects = installation.effects().await;
        assert!(effects.len() == 12 && effects.values().all(|count| *count == 1), "{on:?}: {effects:?}");
        for worker in workers {
            worker.signal("TERM");
            assert_eq!(worker.end().await.code, Some(0), "{on:?}");
        }
    }
}
