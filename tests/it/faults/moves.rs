//! Large tables that are moved by the real program on real servers, with crashes, stops and other people in between.

mod crashes;
mod freezes;
mod inserts;
mod kills;
mod limits;
mod locks;
mod outages;
mod refusals;
mod stops;
mod tables;

use std::collections::BTreeMap;

use orchestrate::run::{Event, Unit};

use super::installation::{Ended, Entry, Installation, On, Process};
use super::trail::{assert_sound, whole};
use tables::{CLICKHOUSE_TABLES, CREATE, POSTGRES_SLOW, POSTGRES_TABLES, SQLITE_SLOW, SQLITE_TABLES};

pub const NAME: &str = "0001_move";
/// What every row has before a backfill, which adds one.
const BEFORE: u32 = 7;

/// How a table is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Backfill,
    ByKey,
    ByPartition,
}

/// Every way on every engine that has it.
pub const EVERY_WAY: [(What, On); 6] = [
    (What::Backfill, On::Postgres),
    (What::Backfill, On::Sqlite),
    (What::ByKey, On::Postgres),
    (What::ByKey, On::Sqlite),
    (What::ByPartition, On::ClickHouse),
    (What::ByPartition, On::OldClickHouse),
];

/// How much is moved, and how.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub rows: u32,
    /// Whether rows take a while: about a tenth of a millisecond each, in ClickHouse ten milliseconds.
    pub is_slow: bool,
    pub parallel: u32,
    /// In ClickHouse.
    pub partitions: u32,
}

/// An installation with a table that is moved.
pub struct Move {
    /// The migration.
    pub name: String,
    pub installation: Installation,
    pub what: What,
    pub size: Size,
}

impl Move {
    /// A new one.
    pub async fn new(what: What, on: On, size: Size) -> Move {
        let mut installation = Installation::on(on).await;
        installation.lease = "500ms";
        let path = installation.project.path().join("orchestrate.yaml");
        let text = std::fs::read_to_string(path).expect("the project has a file");
        let hasty = text.replace("healthcheck_interval: 1h", "healthcheck_interval: 1h, batch_target: 20ms");
        installation.project.write("orchestrate.yaml", hasty);
        let moved = Move { name: NAME.to_owned(), installation, what, size };
        moved.installation.sql(&moved.tables()).await;
        moved.with("", "");
        moved
    }

    /// Writes the migration, with more keys of its own and of its operation.
    pub fn with(&self, before: &str, more: &str) {
        self.installation.migration(&self.name, &format!("{before}operations:\n{}{more}", self.operation()));
    }

    /// Begins anew with another migration of the same operations, and nothing moved.
    pub async fn begin_anew(&mut self, name: String) {
        let forget = match self.what {
            What::Backfill => "UPDATE source SET n = 7",
            What::ByKey => "DELETE FROM destination",
            What::ByPartition => "DROP TABLE IF EXISTS destination",
        };
        self.installation.sql(&[forget]).await;
        self.name = name;
        self.with("", "");
    }

    /// The operation, as YAML.
    pub fn operation(&self) -> String {
        let parallel = match self.size.parallel {
            1 => String::new(),
            parallel => format!(", parallel: {parallel}"),
        };
        let slow = if self.size.is_slow { ", where: sleepEachRow(0.01) = 0" } else { "" };
        let (action, undo) = match self.what {
            What::Backfill => (
                "backfill: {table: source, key: id, set: n = n + 1, batch: 100}".to_owned(),
                format!("UPDATE source SET n = {BEFORE}"),
            ),
            What::ByKey => (
                format!("copy: {{from: source, to: destination, by: id{parallel}}}"),
                "DELETE FROM destination WHERE n > 0".to_owned(),
            ),
            What::ByPartition => (
                format!("copy: {{from: source, to: destination, by: partition{parallel}{slow}}}"),
                "TRUNCATE TABLE destination".to_owned(),
            ),
        };
        let create = if self.what == What::ByPartition { CREATE } else { "" };
        format!(
            "{create}  - name: move
    target: main
    {action}
    undo: {{target: main, sql: {undo}, repeatable: true}}
    retry: {{attempts: 20, backoff: 100ms}}
"
        )
    }

    fn tables(&self) -> Vec<&'static str> {
        let (table, fill, slow) = match self.installation.on {
            On::Postgres => (
                POSTGRES_TABLES,
                "INSERT INTO source SELECT g, 7 FROM generate_series(1, {rows}) g; ANALYZE source",
                POSTGRES_SLOW,
            ),
            On::Sqlite => (
                SQLITE_TABLES,
                "INSERT INTO source WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {rows}) SELECT x, 7 FROM c",
                SQLITE_SLOW,
            ),
            On::ClickHouse | On::OldClickHouse => (
                CLICKHOUSE_TABLES,
                "INSERT INTO source SELECT number + 1, number % {partitions}, 7 FROM numbers({rows})",
                &[] as &[&str],
            ),
        };
        let fill = fill.replace("{rows}", &self.size.rows.to_string());
        let fill = fill.replace("{partitions}", &self.size.partitions.to_string());
        let filled: &'static str = Box::leak(fill.into_boxed_str());
        let slow = slow.iter().filter(|_| self.size.is_slow);
        table.iter().chain([&filled]).chain(slow).copied().collect()
    }

    /// Begins with this verb.
    pub fn begin(&self, verb: &str, fault: Option<&str>) -> Process {
        let variables: Vec<(&str, &str)> = fault.map(|fault| ("ORCHESTRATE_FAULT", fault)).into_iter().collect();
        self.installation.begin(&[verb, &self.name], &variables)
    }

    /// Runs to the end, which must be this one.
    pub async fn run(&self, verb: &str, code: i32, told: &str) -> Ended {
        let ended = self.installation.run(&[verb, &self.name]).await;
        let journal = self.installation.journal(&self.name).await;
        assert_eq!(ended.code, Some(code), "{told}, {verb}: {ended:?}\n{}", whole(&journal));
        ended
    }

    /// Every row of a table: how many, the sum of their numbers, the least and the largest of what they hold.
    pub async fn rows_of(&self, table: &str) -> String {
        let sql = match self.installation.on {
            On::Postgres | On::Sqlite => {
                format!("SELECT concat_ws(' ', count(*), sum(id), min(n), max(n)) FROM {table}")
            }
            On::ClickHouse | On::OldClickHouse => format!(
                "SELECT concat(toString(count()), ' ', toString(sum(id)), ' ', toString(min(n)), ' ', toString(max(n))) FROM {table}"
            ),
        };
        self.installation.ask(&sql).await.concat()
    }

    /// Asserts that all is moved, once, and nothing is left lying about.
    pub async fn assert_moved(&self, told: &str) {
        let (table, value) = match self.what {
            What::Backfill => ("source", BEFORE + 1),
            What::ByKey | What::ByPartition => ("destination", BEFORE),
        };
        let rows = u64::from(self.size.rows);
        let journal = self.installation.journal(&self.name).await;
        let wanted = format!("{rows} {} {value} {value}", rows * (rows + 1) / 2);
        assert_eq!(self.rows_of(table).await, wanted, "{told}\n{}", whole(&journal));
        self.assert_tidy(told).await;
    }

    /// Asserts that nothing is moved.
    pub async fn assert_undone(&self, told: &str) {
        let told = format!("{told}\n{}", whole(&self.installation.journal(&self.name).await));
        let (rows, sum) = (u64::from(self.size.rows), u64::from(self.size.rows) * u64::from(self.size.rows + 1) / 2);
        assert_eq!(self.rows_of("source").await, format!("{rows} {sum} {BEFORE} {BEFORE}"), "{told}");
        match self.what {
            What::Backfill => {}
            What::ByKey => assert_eq!(self.rows_of("destination").await, "0", "{told}"),
            What::ByPartition => assert_eq!(self.tables_like("destination").await, Vec::<String>::new(), "{told}"),
        }
        self.assert_tidy(&told).await;
    }

    /// Asserts that the journal is sound, and no staging table is left.
    pub async fn assert_tidy(&self, told: &str) {
        let journal = self.installation.journal(&self.name).await;
        assert_sound(&journal, told);
        caught_up(&journal, told);
        if self.what == What::ByPartition {
            assert_eq!(self.tables_like("orchestrate%").await, Vec::<String>::new(), "{told}\n{}", whole(&journal));
        }
    }

    /// The tables there are in ClickHouse with such a name.
    async fn tables_like(&self, name: &str) -> Vec<String> {
        let database = &self.installation.clickhouse().database;
        let sql = format!("SELECT name FROM system.tables WHERE database = '{database}' AND name LIKE '{name}'");
        self.installation.ask(&sql).await
    }

    /// Waits until so many pieces of it are done.
    pub async fn until_pieces(&self, count: usize) -> Vec<Entry> {
        let what = format!("at {count} pieces");
        self.installation.until(&self.name, &what, |journal| pieces(journal) >= count).await
    }

    /// A process that has done some pieces and is at others.
    pub async fn in_the_middle(&self) -> Process {
        let process = self.begin("start", None);
        self.until_pieces(3).await;
        process
    }
}

/// Batches and partitions that are done.
pub fn pieces(journal: &[Entry]) -> usize {
    let is_batch = |event: &Event| matches!(event, Event::Advanced { rows, .. } if *rows > 0);
    let is_done = |event: &Event| matches!(event, Event::Done { unit, .. } if unit.operation == "move");
    journal.iter().filter(|entry| is_batch(&entry.event) || is_done(&entry.event)).count()
}

/// How often each piece or lane was attempted.
pub fn attempts(journal: &[Entry]) -> BTreeMap<Unit, u32> {
    let mut attempts = BTreeMap::new();
    for entry in journal {
        if let Event::Attempted { unit } = &entry.event
            && unit.operation == "move"
        {
            *attempts.entry(unit.clone()).or_default() += 1;
        }
    }
    attempts
}

/// How many batches stood in the target and not in the journal. The batches of a unit follow one another, each once.
pub fn caught_up(journal: &[Entry], told: &str) -> u32 {
    let (mut last, mut count) = (BTreeMap::<&Unit, u64>::new(), 0);
    for entry in journal {
        let (Event::Advanced { unit, batch, .. } | Event::BatchParked { unit, batch, .. }) = &entry.event else {
            continue;
        };
        count += u32::from(matches!(entry.event, Event::Advanced { ms: 0, .. }));
        let before = last.insert(unit, *batch).unwrap_or(0);
        assert_eq!(*batch, before + 1, "{told}: {unit}\n{}", whole(journal));
    }
    count
}
