//! Kills at random moments: the real program, SIGKILL, and whoever goes on until the migration is complete.

use std::time::Duration;

use super::installation::{Installation, On};
use super::trail::{assert_sound, essence, whole};

const NAME: &str = "0001_long";

/// Twelve operations, one of them over fifty rows.
fn operations(on: On) -> String {
    let is_clickhouse = on == On::ClickHouse;
    let asked = |effect: &str| match is_clickhouse {
        true => format!("done_when: \"SELECT count() > 0 FROM effects WHERE name = {effect}\", "),
        false => String::new(),
    };
    let single = |number: u32| {
        let effect = format!("'effect {number}'");
        let asked = asked(&effect);
        format!(
            "  - {{name: effect-{number}, target: main, sql: \"INSERT INTO effects VALUES ({effect})\", {asked}irreversible: It is kept}}\n"
        )
    };
    let rows = format!(
        "  - name: rows\n    target: main\n    for_each: {{rows: SELECT name FROM items ORDER BY name, sql: \"INSERT INTO effects VALUES ({{{{ item.name }}}})\"}}\n    {}irreversible: It is kept\n",
        asked("{{ item.name }}").replace(", ", "\n    ")
    );
    let singles = |numbers: std::ops::RangeInclusive<u32>| numbers.map(single).collect::<String>();
    format!(
        "operations:\n{}{rows}  - {{name: wait, target: main, wait: {{sql: SELECT count(*) > 5 FROM effects, every: 50ms}}}}\n{}",
        singles(1..=5),
        singles(6..=10)
    )
}

/// A generator with a seed, for moments that can be had again.
pub struct Moments(u64);

impl Moments {
    pub fn new(seed: u64) -> Moments {
        Moments(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A duration below so many milliseconds.
    pub fn next(&mut self, below: u64) -> Duration {
        Duration::from_micros(self.number() % (below * 1000))
    }

    /// A count below another.
    pub fn below(&mut self, count: u64) -> usize {
        usize::try_from(self.number() % count).expect("counts are small")
    }

    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

async fn fresh(on: On, rows: u32) -> Installation {
    let mut installation = Installation::on(on).await;
    installation.lease = "100ms";
    installation.migration(NAME, &operations(on));
    installation.tables(rows).await;
    installation
}

/// Runs it with kills until it is complete; how many there were.
async fn killed_until_complete(on: On, rows: u32, seed: u64, below_ms: u64, clean: &[String]) -> u32 {
    let installation = fresh(on, rows).await;
    let told = format!("{on:?}, seed {seed}");
    let mut moments = Moments::new(seed);
    let mut kills = 0;
    loop {
        let verb = if installation.latest(NAME).await.is_some() { "resume" } else { "start" };
        let process = installation.begin(&[verb, NAME], &[]);
        tokio::time::sleep(moments.next(below_ms)).await;
        process.signal("KILL");
        let ended = process.end().await;
        match ended.code {
            None => kills += 1,
            Some(0) => break,
            Some(_) => panic!("{told}: {ended:?}\n{}", whole(&installation.journal(NAME).await)),
        }
        if installation.latest(NAME).await.is_some_and(|row| row.summary.is_finished) {
            break;
        }
    }
    let journal = installation.journal(NAME).await;
    assert_sound(&journal, &told);
    assert_eq!(essence(&journal), clean, "{told}\n{}", whole(&journal));
    let effects = installation.effects().await;
    assert!(effects.values().all(|count| *count == 1), "{told}: {effects:?}\n{}", whole(&journal));
    assert_eq!(effects.len(), 10 + rows as usize, "{told}: {effects:?}");
    kills
}

/// Kills on one engine until there were enough.
async fn kills(on: On, rows: u32, below_ms: u64, enough: u32) {
    let installation = fresh(on, rows).await;
    let ended = installation.run(&["start", NAME]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let clean = essence(&installation.journal(NAME).await);
    let (mut kills, mut seed) = (0, 0);
    while kills < enough {
        seed += 1;
        kills += killed_until_complete(on, rows, seed, below_ms, &clean).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_kills_on_sqlite_change_nothing() {
    kills(On::Sqlite, 50, 120, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_on_postgres_change_nothing() {
    kills(On::Postgres, 50, 300, 40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_on_clickhouse_change_nothing() {
    kills(On::ClickHouse, 20, 300, 40).await;
}
