//! What the moving of large tables will take, asked before the start: rows, disk, time.
//!
//! A table that an earlier operation makes or changes cannot be judged yet: it is when its turn comes. The other one of a copy is.

use std::time::Duration;

use crate::database::{Database, DatabaseError, Destination};
use crate::model::{Action, Engine, Migration, Operation, Scope, SliceBy};
use crate::run::{Failure, Forecast};

use super::earlier::{Earlier, Touch};
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

/// What one large table will take, and why there is no room for it.
struct Ahead {
    forecast: Forecast,
    full: Vec<String>,
}

/// Looks ahead at every large table.
pub(super) async fn outlook(site: &Site, texts: &Texts, migration: &Migration, timeout: Duration) -> Outlook {
    let mut outlook = Outlook::default();
    for (index, operation) in migration.operations.iter().enumerate() {
        let before = migration.operations.get(..index).unwrap_or_default();
        let name = &operation.name;
        let earlier = Earlier { site, texts, operation, before };
        match ahead(earlier, timeout).await {
            Ok(None) => {}
            Ok(Some(Ahead { forecast, full })) => {
                let failure = |message: String| Failure {
                    check: "disk".to_owned(),
                    message: format!("`{name}` {message}"),
                    is_unknown: false,
                    hint: Some("make room, or move the table to a larger disk".to_owned()),
                };
                outlook.failures.extend(full.into_iter().map(failure));
                outlook.forecasts.push((name.clone(), forecast));
            }
            Err(Unfit { message, is_unknown }) => {
                let hint = if is_unknown {
                    "see that the database answers, then start it again; `orchestrate doctor` asks every target"
                } else {
                    "nothing of it was begun: put that right in the database or in the manifest, then start it again"
                };
                outlook.failures.push(Failure {
                    check: "operations".to_owned(),
                    message: format!("`{name}`: {message}"),
                    is_unknown,
                    hint: Some(hint.to_owned()),
                });
            }
        }
    }
    outlook
}

/// Why a table cannot be moved.
struct Unfit {
    message: String,
    is_unknown: bool,
}

impl From<String> for Unfit {
    fn from(message: String) -> Unfit {
        Unfit { message, is_unknown: false }
    }
}

/// What moving a table will take; nothing where an operation moves none, or one that cannot be judged yet.
async fn ahead(earlier: Earlier<'_>, timeout: Duration) -> Result<Option<Ahead>, Unfit> {
    let Earlier { site, operation, .. } = earlier;
    if !matches!(operation.action, Action::Copy { .. } | Action::Backfill { .. }) {
        return Ok(None);
    }
    let database = &site.target(operation.target.as_deref().unwrap_or_default())?.database;
    fits(operation, database.engine())?;
    let hosts = hosts(database, operation).await.map_err(|error| unfit(site, &error))?;
    let mut sum: Option<Ahead> = None;
    for (host, database) in &hosts {
        let Some(forecast) = of_host(earlier, database, timeout).await? else { return Ok(None) };
        let full = full(operation, host.as_deref(), forecast.bytes, forecast.free_bytes);
        sum = Some(match sum {
            None => Ahead { forecast, full: full.into_iter().collect() },
            Some(sum) => {
                Ahead { forecast: add(sum.forecast, forecast), full: sum.full.into_iter().chain(full).collect() }
            }
        });
    }
    Ok(sum)
}

/// The servers that it runs on, by name where there may be several.
async fn hosts(database: &Database, operation: &Operation) -> Result<Vec<(Option<String>, Database)>, DatabaseError> {
    match operation.scope {
        Scope::EachShard => {
            Ok(database.shards().await?.into_iter().map(|host| (Some(host.name), host.database)).collect())
        }
        Scope::Server | Scope::Cluster => Ok(vec![(None, database.clone())]),
    }
}

/// Two hosts at once: as much as both take, on the disks of both, for as long as the slower one.
fn add(one: Forecast, other: Forecast) -> Forecast {
    let both = |one: Option<u64>, other: Option<u64>| one.zip(other);
    Forecast {
        rows: one.rows.saturating_add(other.rows),
        is_estimate: one.is_estimate || other.is_estimate,
        bytes: one.bytes.saturating_add(other.bytes),
        free_bytes: both(one.free_bytes, other.free_bytes).map(|(one, other)| one.saturating_add(other)),
        seconds: one.seconds.max(other.seconds),
        rows_per_s: both(one.rows_per_s, other.rows_per_s).map(|(one, other)| one.min(other)),
    }
}

/// Why there is no room for what an operation makes on a host; nothing where there is, or where nobody knows how much it is: of
/// some rows or some columns only that it is not more than all of them.
pub(super) fn full(operation: &Operation, host: Option<&str>, needed: u64, free: Option<u64>) -> Option<String> {
    let is_part = match &operation.action {
        Action::Copy { filter, columns, is_final, .. } => filter.is_some() || !columns.is_empty() || *is_final,
        Action::Backfill { by: SliceBy::Partition, filter, .. } => filter.is_some(),
        // What is changed in place takes room as well, but is not all there at once.
        Action::Backfill { by: SliceBy::Key(_), .. }
        | Action::Sql { .. }
        | Action::ForEach { .. }
        | Action::Wait { .. }
        | Action::Verify { .. }
        | Action::Command { .. }
        | Action::Http { .. }
        | Action::Manual { .. } => true,
    };
    if is_part { None } else { no_room(host, needed, free) }
}

fn no_room(host: Option<&str>, needed: u64, free: Option<u64>) -> Option<String> {
    let free = free.filter(|free| *free < needed)?;
    let disk = host.map_or_else(|| "the disk".to_owned(), |host| format!("the disk of {host}"));
    Some(format!("needs {} on {disk}, and {} are free", bytes(needed), bytes(free)))
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

/// What it takes on one host; nothing where it cannot be judged yet.
async fn of_host(earlier: Earlier<'_>, database: &Database, timeout: Duration) -> Result<Option<Forecast>, Unfit> {
    let Earlier { site, texts, operation, .. } = earlier;
    if let Some(moved) = PartitionTexts::of(site, texts, operation)? {
        let destination = destination(earlier, moved.to());
        let facts = match moved.facts(database, destination, timeout).await {
            Ok(facts) => facts,
            Err(error) => return later(earlier, moved.table(), &error),
        };
        let rows = facts.partitions.iter().map(|partition| partition.rows).sum();
        let pilot = moved.pilot(database, PILOT_ROWS, timeout).await;
        let rate = pilot.filter(|(rows, took)| *rows > 0 && !took.is_zero());
        let rate = rate.map(|(rows, took)| rows as f64 / took.as_secs_f64());
        return Ok(Some(Forecast {
            rows,
            is_estimate: moved.is_of_some(),
            bytes: facts.bytes,
            free_bytes: facts.free_bytes,
            seconds: seconds(rows, rate),
            rows_per_s: whole(rate),
        }));
    }
    let keyed = KeyedTexts::of(site, texts, operation)?.ok_or_else(|| "it moves no table".to_owned())?;
    let destination = destination(earlier, keyed.to());
    let table = keyed.table();
    let keyed = keyed.keyed(batch_timeout(operation, Duration::ZERO));
    let facts = match database.keyed_facts(&keyed).await {
        Ok(facts) => facts,
        Err(error) => return later(earlier, table, &error),
    };
    if let Err(error) = database.keyed_destination(&keyed, destination).await {
        return later(earlier, table, &error);
    }
    let rate = keys::pilot(database, &keyed).await;
    let is_copy = matches!(operation.action, Action::Copy { .. });
    Ok(Some(Forecast {
        rows: facts.rows,
        is_estimate: facts.is_estimate,
        bytes: facts.bytes,
        free_bytes: facts.free_bytes.filter(|_| is_copy),
        seconds: seconds(facts.rows, rate),
        rows_per_s: whole(rate),
    }))
}

/// What is to be expected of the table to fill.
fn destination(earlier: Earlier<'_>, to: Option<&str>) -> Destination {
    match to.map_or(Touch::Nothing, |to| earlier.touch(to)) {
        Touch::Nothing => Destination::Empty,
        Touch::Created => Destination::Later,
        Touch::Changed => Destination::Changing,
    }
}

/// What is wrong with a table counts only where it stays as it is.
fn later(earlier: Earlier<'_>, from: &str, error: &DatabaseError) -> Result<Option<Forecast>, Unfit> {
    match earlier.touch(from) {
        Touch::Nothing => Err(unfit(earlier.site, error)),
        Touch::Created | Touch::Changed => Ok(None),
    }
}

fn seconds(rows: u64, rate: Option<f64>) -> Option<u64> {
    // Counts of rows lie far below 2^53, and a negative duration there is none.
    rate.map(|rate| (rows as f64 / rate).ceil() as u64)
}

/// A rate without its fraction, and never none.
fn whole(rate: Option<f64>) -> Option<u64> {
    rate.map(|rate| rate.max(1.0) as u64)
}

fn unfit(site: &Site, error: &DatabaseError) -> Unfit {
    let is_unknown = error.trouble != crate::database::Trouble::Refused;
    Unfit { message: site.scrub.clean(&error.to_string()), is_unknown }
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
        let told = |bytes, free| no_room(None, bytes, free);
        assert_eq!(told(2048, Some(2047)).as_deref(), Some("needs 2.0 KiB on the disk, and 2.0 KiB are free"));
        let host = no_room(Some("shard-2"), 3 << 30, Some(0));
        assert_eq!(host.as_deref(), Some("needs 3.0 GiB on the disk of shard-2, and 0 B are free"));
        assert_eq!([told(2048, Some(2048)), told(2048, None)], [None, None]);
    }

    #[test]
    fn hosts_count_together_and_the_slowest_is_waited_for() {
        let forecast = |rows, free_bytes, seconds| Forecast {
            rows,
            is_estimate: false,
            bytes: rows * 10,
            free_bytes,
            seconds: Some(seconds),
            rows_per_s: Some(rows),
        };
        let sum = add(forecast(5, Some(60), 3), forecast(7, Some(90), 2));
        let wanted = Forecast { bytes: 120, rows_per_s: Some(5), ..forecast(12, Some(150), 3) };
        assert_eq!(sum, wanted);
        assert_eq!(add(forecast(5, None, 3), forecast(7, Some(90), 2)).free_bytes, None);
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!(
            [0, 1023, 1536, 200 << 20, u64::MAX].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "200 MiB", "16384 PiB"]
        );
    }
}
