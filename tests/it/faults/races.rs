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
