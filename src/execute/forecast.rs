//! What the moving of large tables will take, asked before the start: rows, disk, time.
//!
//! A table that an earlier operation makes or changes cannot be judged yet: it is when its turn comes.

use std::time::Duration;

use crate::database::{Database, DatabaseError, Destination};
use crate::model::{Action, Engine, Migration, Operation, Scope, SliceBy};
use crate::run::{Failure, Forecast};

use super::keys::{self, KeyedTexts, batch_timeout};
use super::partitions::PartitionTexts;
use super::site::{Site, Texts};

/// Rows that are copied to see how long that takes.
const PILOT_ROWS: u64 = 200_000;

/// What is known of every large table before the start.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    /// By operation.
    pub forecasts: Vec<(String, Forecast)>,
    /// Why it cannot be done.
    pub failures: Vec<Failure>,
}

/// Looks ahead at every large table.
pub(super) async fn outlook(site: &Site, texts: &Texts, migration: &Migration, timeout: Duration) -> Outlook {
    let mut outlook = Outlook::default();
    for (index, operation) in migration.operations.iter().enumerate() {
        let earlier = migration.operations.get(..index).unwrap_or_default();
        match forecast(site, texts, operation, earlier, timeout).await {
            Ok(None) => {}
            Ok(Some((forecast, _))) => {
                outlook.failures.extend(disk(&operation.name, &forecast));
                outlook.forecasts.push((operation.name.clone(), forecast));
            }
            Err(unfit) if unfit.tables.iter().any(|table| is_changed(table, operation, earlier)) => {}
            Err(unfit) => outlook.failures.push(Failure {
                check: "operations".to_owned(),
                message: format!("`{}`: {}", operation.name, unfit.message),
                is_unknown: unfit.is_unknown,
                hint: None,
            }),
        }
    }
    outlook
}

/// Why a table cannot be moved.
struct Unfit {
    message: String,
    is_unknown: bool,
    tables: Vec<String>,
}

/// What moving a table will take, and what it rests on; nothing where an operation moves none.
async fn forecast(
    site: &Site,
    texts: &Texts,
    operation: &Operation,
    earlier: &[Operation],
    timeout: Duration,
) -> Result<Option<(Forecast, Engine)>, Unfit> {
    if !matches!(operation.action, Action::Copy { .. } | Action::Backfill { .. }) {
        return Ok(None);
    }
    let no = |message: String| Unfit { message, is_unknown: false, tables: Vec::new() };
    let database = &site.target(operation.target.as_deref().unwrap_or_default()).map_err(no)?.database;
    fits(operation, database.engine()).map_err(no)?;
    let hosts = hosts(database, operation).await.map_err(|error| unfit(site, &error, Vec::new()))?;
    let mut sum: Option<Forecast> = None;
    for host in &hosts {
        let forecast = of_host(site, texts, (operation, earlier), host, timeout).await?;
        sum = Some(match sum {
            None => forecast,
            Some(sum) => add(sum, forecast),
        });
    }
    Ok(sum.map(|forecast| (forecast, database.engine())))
}

/// The servers that it runs on.
pub(super) async fn hosts(database: &Database, operation: &Operation) -> Result<Vec<Database>, DatabaseError> {
    match operation.scope {
        Scope::EachShard => Ok(database.shards().await?.into_iter().map(|host| host.database).collect()),
        Scope::Server | Scope::Cluster => Ok(vec![database.clone()]),
    }
}

/// Two hosts at once: as much as both take, on the disk that has less room, for as long as the slower one.
fn add(one: Forecast, other: Forecast) -> Forecast {
    let less = |one: Option<u64>, other: Option<u64>| one.zip(other).map(|(one, other)| one.min(other));
    Forecast {
        rows: one.rows.saturating_add(other.rows),
        is_estimate: one.is_estimate || other.is_estimate,
        bytes: one.bytes.saturating_add(other.bytes),
        free_bytes: less(one.free_bytes, other.free_bytes),
        seconds: one.seconds.max(other.seconds),
        rows_per_s: less(one.rows_per_s, other.rows_per_s),
    }
}

/// Why an engine cannot do what is written.
pub(super) fn fits(operation: &Operation, engine: Engine) -> Result<(), String> {
    match (&operation.action, engine) {
        (
            Action::Copy { by: SliceBy::Partition, .. } | Action::Backfill { by: SliceBy::Partition, .. },
            Engine::Postgres | Engine::Sqlite,
        ) => Err(format!("{} has no partitions to go by; name the columns of a key instead", engine.as_str())),
        (
            Action::Copy { by: SliceBy::Key(_), .. } | Action::Backfill { by: SliceBy::Key(_), .. },
            Engine::ClickHouse,
        ) => Err("ClickHouse keeps no checkpoint with a batch of a key; say `partition` instead".to_owned()),
        (Action::Copy { by: SliceBy::Key(_), parallel, .. }, Engine::Sqlite) if *parallel > 1 => {
            Err("SQLite has one writer at a time; leave `parallel` out".to_owned())
        }
        (Action::Copy { .. } | Action::Backfill { .. }, Engine::Postgres | Engine::Sqlite | Engine::ClickHouse)
        | (
            Action::Sql { .. }
            | Action::ForEach { .. }
            | Action::Wait { .. }
            | Action::Verify { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. },
            Engine::Postgres | Engine::Sqlite | Engine::ClickHouse,
        ) => Ok(()),
    }
}

async fn of_host(
    site: &Site,
    texts: &Texts,
    (operation, earlier): (&Operation, &[Operation]),
    database: &Database,
    timeout: Duration,
) -> Result<Forecast, Unfit> {
    let no = |message: String| Unfit { message, is_unknown: false, tables: Vec::new() };
    if let Some(moved) = PartitionTexts::of(site, texts, operation).map_err(no)? {
        let comes_later = moved.tables().any(|table| is_changed(table, operation, earlier));
        let destination = if comes_later { Destination::Later } else { Destination::Empty };
        let facts = moved.facts(database, destination, timeout).await;
        let facts = facts.map_err(|error| unfit(site, &error, moved.tables().map(str::to_owned).collect()))?;
        let rows = facts.partitions.iter().map(|partition| partition.rows).sum();
        let pilot = moved.pilot(database, PILOT_ROWS, timeout).await;
        let rate = pilot.filter(|(rows, took)| *rows > 0 && !took.is_zero());
        let rate = rate.map(|(rows, took)| rows as f64 / took.as_secs_f64());
        let (bytes, free_bytes) = (facts.bytes, facts.free_bytes);
        return Ok(Forecast {
            rows,
            is_estimate: false,
            bytes,
            free_bytes,
            seconds: seconds(rows, rate),
            rows_per_s: whole(rate),
        });
    }
    let keyed = KeyedTexts::of(site, texts, operation).map_err(no)?;
    let keyed = keyed.ok_or_else(|| no("it moves no table".to_owned()))?;
    let tables: Vec<String> = keyed.tables().map(str::to_owned).collect();
    let keyed = keyed.keyed(batch_timeout(operation, Duration::ZERO));
    let facts = database.keyed_facts(&keyed).await.map_err(|error| unfit(site, &error, tables))?;
    let rate = keys::pilot(database, &keyed).await;
    let is_copy = matches!(operation.action, Action::Copy { .. });
    Ok(Forecast {
        rows: facts.rows,
        is_estimate: facts.is_estimate,
        bytes: facts.bytes,
        // What is changed in place takes room as well, but is not all there at once.
        free_bytes: facts.free_bytes.filter(|_| is_copy),
        seconds: seconds(facts.rows, rate),
        rows_per_s: whole(rate),
    })
}

fn seconds(rows: u64, rate: Option<f64>) -> Option<u64> {
    // Counts of rows lie far below 2^53, and a negative duration there is none.
    rate.map(|rate| (rows as f64 / rate).ceil() as u64)
}

/// A rate without its fraction, and never none.
fn whole(rate: Option<f64>) -> Option<u64> {
    rate.map(|rate| rate.max(1.0) as u64)
}

fn unfit(site: &Site, error: &DatabaseError, tables: Vec<String>) -> Unfit {
    let is_unknown = error.trouble != crate::database::Trouble::Refused;
    Unfit { message: site.scrub.clean(&error.to_string()), is_unknown, tables }
}

/// Whether an earlier operation on the same database names a table.
fn is_changed(table: &str, operation: &Operation, earlier: &[Operation]) -> bool {
    let is_part = |c: char| c == '.' || c == '"' || c == '`';
    let Some(name) = table.split(is_part).rfind(|part| !part.trim().is_empty()) else { return false };
    let names = |other: &Operation| other.texts().iter().any(|text| text.contains(name.trim()));
    earlier.iter().any(|other| other.target == operation.target && names(other))
}

/// The disk is too small for what an operation of this name makes.
fn disk(name: &str, forecast: &Forecast) -> Option<Failure> {
    let free = forecast.free_bytes.filter(|free| *free < forecast.bytes)?;
    Some(Failure {
        check: "disk".to_owned(),
        message: format!("`{name}` needs {} on the disk, and {} are free", bytes(forecast.bytes), bytes(free)),
        is_unknown: false,
        hint: Some("make room, or move the table to a larger disk".to_owned()),
    })
}

/// Bytes as people read them: `1.2 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = 0;
    // What is lost beyond 2^53 is not told.
    let mut value = count as f64;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    let digits = usize::from(unit > 0 && value < 100.0);
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_is_free_is_refused() {
        let forecast = |bytes, free_bytes| Forecast {
            rows: 1,
            is_estimate: false,
            bytes,
            free_bytes,
            seconds: None,
            rows_per_s: None,
        };
        let told = |bytes, free| disk("copy", &forecast(bytes, free)).map(|failure| failure.message);
        assert_eq!(told(2048, Some(2047)).as_deref(), Some("`copy` needs 2.0 KiB on the disk, and 2.0 KiB are free"));
        assert_eq!(told(3 << 30, Some(0)).as_deref(), Some("`copy` needs 3.0 GiB on the disk, and 0 B are free"));
        assert_eq!([told(2048, Some(2048)), told(2048, None)], [None, None]);
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!(
            [0, 1023, 1536, 200 << 20, u64::MAX].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "200 MiB", "16384 PiB"]
        );
    }
}
