//! One batch: a transaction with the fence, the work between two keys of the index, the proof, and the checkpoint.

use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::model::{Engine, Key, Verification};
use crate::sql::split::split;

use super::super::error::{Failure, Trouble};
use super::super::keyed::{Batch, Change, Keyed, Moved, SWEEP_TIMEOUT, Setback, decoded};
use super::super::range::{Piece, Ranges, endless, list, name, names, same};
use super::super::tag;
use super::batches;
use super::file::{Sqlite, execute, leaves_no_trace};
use super::running::unwatch;
use super::shape::columns_in_common;
use super::trouble::{is_full, trouble};

/// Keys that the destination lacks, for one batch of what came behind.
const MISSING: &str = "temp.orchestrate_missing";

/// What a connection is at, and how far it came.
struct Work<'a> {
    server: &'a Sqlite,
    connection: &'a mut SqliteConnection,
    keyed: &'a Keyed<'a>,
    batch: &'a Batch<'a>,
    /// The last key of what it tried.
    high: Option<Key>,
}

impl Sqlite {
    pub async fn move_batch(&self, keyed: &Keyed<'_>, batch: &Batch<'_>) -> Result<Option<Moved>, Setback> {
        self.in_transaction(keyed, batch, true).await.map(|done| done.map(|(moved, _)| moved))
    }

    pub async fn pilot(&self, keyed: &Keyed<'_>, batch: &Batch<'_>) -> Result<Option<(u64, Duration)>, Setback> {
        self.in_transaction(keyed, batch, false).await.map(|done| done.map(|(moved, taken)| (moved.rows, taken)))
    }

    /// Does a batch, and takes it back unless it is to stay.
    async fn in_transaction(
        &self,
        keyed: &Keyed<'_>,
        batch: &Batch<'_>,
        stays: bool,
    ) -> Result<Option<(Moved, Duration)>, Setback> {
        let running = || Failure::new(Trouble::Running, "a statement with this tag runs already");
        let entry = self.running.enter(batch.tag).ok_or_else(running)?;
        let leaves_trace = match keyed.change {
            Change::Sql(sql) => !split(sql, Engine::Sqlite).iter().all(leaves_no_trace),
            Change::Set(_) | Change::Copy { .. } => false,
        };
        let is_plain = keyed.settings.is_empty() && !leaves_trace;
        let mut connection = if is_plain { self.connection().await? } else { self.set_up(keyed.settings).await? };
        if stays {
            batches::prepare(&mut connection).await?;
        }
        entry.watch(&mut connection).await.map_err(|error| trouble(&error))?;
        let begun = Instant::now();
        execute(&mut connection, "BEGIN IMMEDIATE".to_owned()).await?;
        let mut work = Work { server: self, connection: &mut connection, keyed, batch, high: None };
        let done = work.whole(stays).await;
        let high = work.high.take();
        let taken = begun.elapsed();
        // It may have been taken back already.
        let is_in_order = match &done {
            Ok(Some(_)) if stays => true,
            Ok(_) | Err(_) => execute(&mut connection, "ROLLBACK".to_owned()).await.is_ok(),
        };
        if is_plain && is_in_order && unwatch(&mut connection).await.is_ok() {
            self.keep(connection);
        }
        match done {
            Ok(moved) => Ok(moved.map(|moved| (moved, taken))),
            // A full disk will pass, and is no reason to set rows aside.
            Err(failure) if is_full(&failure) => {
                let failure = Failure { trouble: Trouble::Transient, ..failure };
                Err(Setback { is_late: false, failure, high })
            }
            Err(failure) => {
                let is_late = matches!(failure.trouble, Trouble::Timeout | Trouble::Transient);
                Err(Setback { is_late, failure, high })
            }
        }
    }
}

async fn read(connection: &mut SqliteConnection, sql: &str) -> Result<Vec<SqliteRow>, Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(|error| trouble(&error))
}

fn value<'r, T>(row: &'r SqliteRow, at: usize) -> Result<T, Failure>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get_unchecked(at).map_err(|error| trouble(&error))
}

fn number(row: &SqliteRow, at: usize) -> Result<u64, Failure> {
    value::<i64>(row, at).map(i64::unsigned_abs)
}

/// A key's values as literals; `quote` ends a text where it holds a zero.
fn shown(key: &[String]) -> String {
    let literals = list(key, |column| {
        let column = name(column);
        format!(
            "CASE WHEN typeof({column}) = 'text' AND instr({column}, char(0)) > 0 \
             THEN 'CAST(X''' || hex({column}) || ''' AS TEXT)' ELSE quote({column}) END"
        )
    });
    format!("json_array({literals})")
}

impl Work<'_> {
    fn ranges(&self) -> Ranges<'_> {
        Ranges { engine: Engine::Sqlite, keyed: self.keyed }
    }

    async fn whole(&mut self, stays: bool) -> Result<Option<Moved>, Failure> {
        if stays {
            batches::take(self.connection, self.batch).await?;
        }
        let (server, tag) = (self.server, self.batch.tag);
        let mut moved = None;
        if self.batch.goes_forward() {
            moved = self.forward(if stays { SWEEP_TIMEOUT } else { self.keyed.timeout }).await?;
        }
        if let (None, Some(sweep)) = (&moved, self.batch.sweep) {
            moved = bounded(server, tag, SWEEP_TIMEOUT, self.sweep(sweep.after)).await?;
        }
        if let Some(moved) = moved.as_ref().filter(|_| stays) {
            batches::leave(self.connection, self.batch, moved).await?;
            execute(self.connection, "COMMIT".to_owned()).await?;
        }
        Ok(moved)
    }

    /// The next rows after the key. To find them may take longer than to change them.
    async fn forward(&mut self, looking: Duration) -> Result<Option<Moved>, Failure> {
        let (server, tag, timeout) = (self.server, self.batch.tag, self.keyed.timeout);
        let (after, until) = (self.batch.after, self.batch.until);
        let bounds = self.ranges().bounds(&shown(self.keyed.key), after, until, self.batch.rows);
        let Some(piece) = bounded(server, tag, looking, self.piece(&bounds)).await? else { return Ok(None) };
        self.high = Some(piece.high.clone());
        let rows = bounded(server, tag, timeout, self.act(&piece)).await?;
        Ok(Some(Moved { high: Some(piece.high), rows }))
    }

    /// Rows that came behind the batches.
    async fn sweep(&mut self, after: Option<&Key>) -> Result<Option<Moved>, Failure> {
        if let Change::Copy { to, columns, verify } = self.keyed.change {
            return self.fill(after, to, columns, verify).await;
        }
        if self.keyed.filter.is_none() {
            return Ok(None);
        }
        let shown = shown(self.keyed.key);
        let bounds = self.ranges().bounds(&shown, after, self.batch.until, self.batch.rows);
        let Some(mut piece) = self.piece(&bounds).await? else { return Ok(None) };
        if matches!(self.keyed.change, Change::Sql(_)) {
            // The author's statement may take all rows between the bounds.
            let bounds = self.ranges().bounds_from(&shown, &piece.low, Some(&piece.high), self.batch.rows);
            if let [_, Some(high)] = self.ends(&bounds).await? {
                piece = Piece { high, rows: self.batch.rows, ..piece };
            }
        }
        let rows = self.act(&piece).await?;
        Ok(Some(Moved { high: None, rows }))
    }

    /// The first key of a range and the one that ends so many rows.
    async fn ends(&mut self, bounds: &str) -> Result<[Option<Key>; 2], Failure> {
        let mut ends = [None, None];
        for row in &read(self.connection, bounds).await? {
            let side = usize::from(value::<i64>(row, 0)? == 1);
            ends[side] = Some(decoded(value(row, 1)?)?);
        }
        if self.batch.rows <= 1 {
            ends[1] = ends[0].clone();
        }
        Ok(ends)
    }

    async fn piece(&mut self, bounds: &str) -> Result<Option<Piece>, Failure> {
        let [first, last] = self.ends(bounds).await?;
        let Some(low) = first else { return Ok(None) };
        if let Some(high) = last {
            return Ok(Some(Piece { low, high, rows: self.batch.rows }));
        }
        let tail = self.ranges().tail(&shown(self.keyed.key), &low, self.batch.until);
        let rows = read(self.connection, &tail).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(Piece { low, high: decoded(value(row, 1)?)?, rows: number(row, 0)? }))
    }

    /// Does a piece and proves it; its rows.
    async fn act(&mut self, piece: &Piece) -> Result<u64, Failure> {
        if let Change::Copy { to, columns, verify } = self.keyed.change {
            return self.copy(piece, to, columns, verify).await;
        }
        let statement = self.ranges().backfill(piece, &[]).unwrap_or_default();
        let affected = execute(self.connection, tag::comment(self.batch.tag) + &statement).await?;
        if let Some(still) = self.ranges().still_needs(piece) {
            let rows = read(self.connection, &still).await?;
            if rows.first().map(|row| number(row, 0)).transpose()?.is_some_and(|count| count > 0) {
                return Err(endless(piece));
            }
        }
        match self.keyed.change {
            Change::Set(_) => Ok(affected),
            Change::Sql(_) | Change::Copy { .. } => Ok(piece.rows),
        }
    }

    async fn copy(
        &mut self,
        piece: &Piece,
        to: &str,
        columns: &[String],
        verify: Verification,
    ) -> Result<u64, Failure> {
        let columns = columns_in_common(self.connection, self.keyed.table, to, columns).await?;
        let names = names(&columns);
        let (ranges, table) = (self.ranges(), self.keyed.table);
        let (range, source) = (ranges.within(piece), ranges.filtered(&ranges.within(piece)));
        let insert = format!("INSERT INTO {to} ({names}) SELECT {names} FROM {table} WHERE {source}");
        let copied = execute(self.connection, tag::comment(self.batch.tag) + &insert).await?;
        self.compare(to, &columns, piece.rows, [&source, &range], verify).await?;
        Ok(copied)
    }

    /// Copies rows that the other table lacks.
    async fn fill(
        &mut self,
        after: Option<&Key>,
        to: &str,
        columns: &[String],
        verify: Verification,
    ) -> Result<Option<Moved>, Failure> {
        let columns = columns_in_common(self.connection, self.keyed.table, to, columns).await?;
        let (key, names) = (self.ranges().columns(), names(&columns));
        let missing = self.ranges().missing(&key, to, after, self.batch.until, self.batch.rows);
        execute(self.connection, format!("CREATE TABLE {MISSING} AS {missing}")).await?;
        let tuple = if self.keyed.key.len() == 1 { key.clone() } else { format!("({key})") };
        let are_missing = format!("{tuple} IN (SELECT {key} FROM {MISSING})");
        let counted = read(self.connection, &format!("SELECT count(*) FROM {MISSING}")).await?;
        let missed = counted.first().map(|row| number(row, 0)).transpose()?.unwrap_or(0);
        if missed > 0 {
            let table = self.keyed.table;
            let fill = format!("INSERT INTO {to} ({names}) SELECT {names} FROM {table} WHERE {are_missing}");
            execute(self.connection, tag::comment(self.batch.tag) + &fill).await?;
            // Without the rows there would be no end.
            let verify = if verify == Verification::None { Verification::Count } else { verify };
            self.compare(to, &columns, missed, [&are_missing, &are_missing], verify).await?;
        }
        execute(self.connection, format!("DROP TABLE {MISSING}")).await?;
        Ok((missed > 0).then_some(Moved { high: None, rows: missed }))
    }

    /// Refuses a batch whose sides differ. The key is unique: the rows of the source were counted by finding the bounds.
    async fn compare(
        &mut self,
        to: &str,
        columns: &[String],
        wanted: u64,
        [source, range]: [&str; 2],
        verify: Verification,
    ) -> Result<(), Failure> {
        let from = self.keyed.table;
        let contents = list(columns, |column| format!("{} COLLATE BINARY", name(column)));
        let (left, right) = (
            format!("SELECT {contents} FROM {from} WHERE {source}"),
            format!("SELECT {contents} FROM {to} WHERE {range}"),
        );
        let counts = format!("SELECT count(*) FROM {to} WHERE {range}");
        let sql = match verify {
            Verification::None => return Ok(()),
            Verification::Count => format!("SELECT ({counts}), 0"),
            Verification::Checksum => {
                format!("SELECT ({counts}), EXISTS ({left} EXCEPT {right}) OR EXISTS ({right} EXCEPT {left})")
            }
        };
        for row in &read(self.connection, &sql).await? {
            same(from, to, wanted, number(row, 0)?, number(row, 1)? == 0)?;
        }
        Ok(())
    }
}

/// Ends the work when its time is over, and waits until it is gone.
async fn bounded<T>(
    server: &Sqlite,
    tag: &str,
    timeout: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut work = Box::pin(work);
    if let Ok(result) = tokio::time::timeout(timeout, &mut work).await {
        return result;
    }
    server.running.end(tag);
    work.await.map_err(|failure| match failure.trouble {
        Trouble::Ended => {
            Failure { trouble: Trouble::Timeout, message: format!("not done within {timeout:?}, and ended"), ..failure }
        }
        Trouble::Transient
        | Trouble::Refused
        | Trouble::Partial
        | Trouble::Lost
        | Trouble::Timeout
        | Trouble::Running => failure,
    })
}
