//! One batch: a transaction with the fence, the work between two keys of the index, the proof, and the checkpoint.

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use crate::model::{Engine, Key, Verification};

use super::super::error::{Failure, Trouble};
use super::super::keyed::{Batch, Change, Keyed, Moved, SWEEP_TIMEOUT, Setback, decoded, refused};
use super::super::range::{Piece, Ranges, endless, list, name, same};
use super::super::tag;
use super::server::Postgres;
use super::trouble::{Phase, trouble};
use super::{batches, session};

/// How long a batch waits for a lock, and for a client that has fallen silent and keeps others from its rows, unless its
/// settings say.
const WAITS: &str = "SET LOCAL lock_timeout = '10s'; SET LOCAL idle_in_transaction_session_timeout = '10s'";
/// A plan that reads more of the index than it must is worse than none: these leave only the order of the index.
const BY_INDEX: &str = "SAVEPOINT orchestrate_look; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                        SET LOCAL enable_sort = off; ";
const LOOKED: &str = "; ROLLBACK TO SAVEPOINT orchestrate_look; RELEASE SAVEPOINT orchestrate_look";
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// A server that was taken over by another one, and a full disk: nothing was done, and somebody is at it.
const NOT_FOR_NOW: [&str; 2] = ["25006", "53100"];
/// A setting of the author's that bounds what a batch asks as well.
const STATEMENT_TIMEOUT: &str = "statement_timeout";
/// The columns that both tables have and that are not computed, with their types in the destination.
const COLUMNS: &str = "SELECT f.attname::text, format_type(t.atttypid, t.atttypmod) FROM pg_attribute f \
    JOIN pg_attribute t ON t.attrelid = to_regclass($2) AND t.attname = f.attname AND t.attnum > 0 AND NOT t.attisdropped \
    AND t.attgenerated = '' WHERE f.attrelid = to_regclass($1) AND f.attnum > 0 AND NOT f.attisdropped \
    AND (cardinality($3) = 0 OR f.attname::text = ANY ($3)) ORDER BY f.attnum";

/// What a session is at, and how far it came.
struct Work<'a> {
    session: &'a mut PgConnection,
    keyed: &'a Keyed<'a>,
    batch: &'a Batch<'a>,
    /// The last key of what it tried.
    high: &'a mut Option<Key>,
}

/// The columns of a copy as SQL: their names, and a number from the contents of a row.
struct Columns {
    names: String,
    content: String,
}

impl Postgres {
    pub async fn move_batch(&self, keyed: &Keyed<'_>, batch: &Batch<'_>) -> Result<Option<Moved>, Setback> {
        let mut session = self.named(&tag::application_name(batch.tag), keyed.timeout).await?;
        if !self.has_batches() {
            batches::prepare(&mut session).await?;
            self.know_batches(true);
        }
        let result = tokio::select! {
            result = whole(&mut session, keyed, batch) => result,
            failure = self.watch(batch.tag) => Err(failure.into()),
        };
        self.know_batches(result.is_ok());
        self.give_back(session, &result).await;
        result.map_err(passing)
    }

    /// Keeps a session whose batch ended in order, or was refused by the server itself.
    async fn give_back<T>(&self, mut session: PgConnection, result: &Result<T, Setback>) {
        let is_in_order = match result {
            Ok(_) => true,
            Err(setback) if setback.failure.code.is_none() => false,
            Err(_) => send(&mut session, "ROLLBACK").await.is_ok(),
        };
        if is_in_order {
            self.keep(session).await;
        }
    }

    pub async fn pilot(&self, keyed: &Keyed<'_>, batch: &Batch<'_>) -> Result<Option<(u64, Duration)>, Setback> {
        let mut session = self.named(&tag::application_name(batch.tag), keyed.timeout).await?;
        let mut high = None;
        let begun = Instant::now();
        let tried = async {
            begin(&mut session, keyed, keyed.timeout).await?;
            session::set(&mut session, keyed.settings, true).await?;
            Work { session: &mut session, keyed, batch, high: &mut high }.forward().await
        };
        let tried = tried.await.map_err(|failure| setback(failure, high));
        let taken = begun.elapsed();
        if tried.is_ok() {
            send(&mut session, "ROLLBACK").await?;
        }
        self.give_back(session, &tried).await;
        Ok(tried?.map(|moved| (moved.rows, taken)))
    }
}

async fn whole(session: &mut PgConnection, keyed: &Keyed<'_>, batch: &Batch<'_>) -> Result<Option<Moved>, Setback> {
    begin(session, keyed, SWEEP_TIMEOUT).await?;
    let checkpoints = batches::take(session, batch).await?;
    session::set(session, keyed.settings, true).await?;
    let mut high = None;
    let mut work = Work { session: &mut *session, keyed, batch, high: &mut high };
    let moved = async {
        let mut moved = if batch.goes_forward() { work.forward().await? } else { None };
        if let (None, Some(sweep)) = (&moved, batch.sweep) {
            moved = work.sweep(sweep.after).await?;
        }
        Ok(moved)
    };
    let moved = moved.await.map_err(|failure| setback(failure, high))?;
    let Some(moved) = moved else {
        send(session, "ROLLBACK").await?;
        return Ok(None);
    };
    batches::leave(session, &checkpoints, batch, &moved).await?;
    let committed = sqlx::raw_sql("COMMIT").execute(session).await;
    committed.map_err(|error| trouble(error, Phase::Commit))?;
    Ok(Some(moved))
}

fn setback(failure: Failure, high: Option<Key>) -> Setback {
    let is_late = failure.trouble == Trouble::Timeout || failure.code.as_deref() == Some(LOCK_NOT_AVAILABLE);
    Setback { failure, high, is_late }
}

/// What will pass by itself is tried again later, and no reason to set rows aside.
fn passing(mut setback: Setback) -> Setback {
    if setback.failure.code.as_deref().is_some_and(|code| NOT_FOR_NOW.contains(&code)) {
        setback.failure.trouble = Trouble::Transient;
    }
    setback
}

/// What is compared with the other table needs one view of both. To find the rows may take longer than to change them: where few
/// need it, much of the index is read.
async fn begin(session: &mut PgConnection, keyed: &Keyed<'_>, looking: Duration) -> Result<(), Failure> {
    let begin = match keyed.change {
        Change::Copy { .. } => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        Change::Set(_) | Change::Sql(_) => "BEGIN ISOLATION LEVEL READ COMMITTED",
    };
    send(session, &format!("{begin}; {WAITS}; {}", within(looking))).await.map(|_| ())
}

/// Bounds the statements that follow in the transaction.
fn within(timeout: Duration) -> String {
    format!("SET LOCAL {STATEMENT_TIMEOUT} = {}", session::milliseconds(timeout))
}

async fn send(session: &mut PgConnection, sql: &str) -> Result<u64, Failure> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(session).await;
    done.map(|done| done.rows_affected()).map_err(|error| trouble(error, Phase::Within))
}

pub(super) async fn read(session: &mut PgConnection, sql: &str) -> Result<Vec<PgRow>, Failure> {
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(session).await;
    rows.map_err(|error| trouble(error, Phase::Within))
}

pub(super) fn value<T>(row: &PgRow, at: usize) -> Result<T, Failure>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get_unchecked(at).map_err(|error| trouble(error, Phase::Within))
}

fn number(row: &PgRow, at: usize) -> Result<u64, Failure> {
    value::<i64>(row, at).map(i64::unsigned_abs)
}

/// A key's values as texts, and their types: without a length, which `character` and `bit` would take for one.
pub(super) fn shown(key: &[String]) -> String {
    let texts = list(key, |column| format!("{}::text", name(column)));
    let types = list(key, |column| format!("format_type(pg_typeof({})::oid, -1)", name(column)));
    format!("json_build_array({texts})::text, json_build_array({types})::text")
}

impl Work<'_> {
    fn ranges(&self) -> Ranges<'_> {
        Ranges { engine: Engine::Postgres, keyed: self.keyed }
    }

    /// The next rows after the key.
    async fn forward(&mut self) -> Result<Option<Moved>, Failure> {
        let (after, until) = (self.batch.after, self.batch.until);
        let bounds = self.ranges().bounds(&shown(self.keyed.key), after, until, self.batch.rows);
        let Some((piece, casts)) = self.piece(&bounds, true).await? else { return Ok(None) };
        *self.high = Some(piece.high.clone());
        if !self.keyed.settings.contains_key(STATEMENT_TIMEOUT) {
            send(self.session, &within(self.keyed.timeout)).await?;
        }
        let rows = self.act(&piece, &casts).await?;
        Ok(Some(Moved { high: Some(piece.high), rows }))
    }

    /// Rows that came behind the batches. It may look for long, and locks nothing until it has found some.
    async fn sweep(&mut self, after: Option<&Key>) -> Result<Option<Moved>, Failure> {
        let until = self.batch.until;
        send(self.session, &within(SWEEP_TIMEOUT)).await?;
        if let Change::Copy { to, columns, verify } = self.keyed.change {
            return self.fill(after, to, columns, verify).await;
        }
        if self.keyed.filter.is_none() {
            return Ok(None);
        }
        let shown = shown(self.keyed.key);
        let bounds = self.ranges().bounds(&shown, after, until, self.batch.rows);
        let Some((mut piece, casts)) = self.piece(&bounds, false).await? else { return Ok(None) };
        if matches!(self.keyed.change, Change::Sql(_)) {
            // The author's statement may take all rows between the bounds.
            let bounds = self.ranges().bounds_from(&shown, &piece.low, Some(&piece.high), self.batch.rows);
            if let [_, Some((high, _))] = self.ends(&bounds, true).await? {
                piece = Piece { high, rows: self.batch.rows, ..piece };
            }
        }
        let rows = self.act(&piece, &casts).await?;
        Ok(Some(Moved { high: None, rows }))
    }

    /// The first key of a range and the one that ends so many rows, with the types of the key.
    async fn ends(&mut self, bounds: &str, by_index: bool) -> Result<[Option<(Key, Vec<String>)>; 2], Failure> {
        let mut ends = [None, None];
        for row in &self.look(bounds, by_index).await? {
            let side = usize::from(value::<i32>(row, 0)? == 1);
            ends[side] = Some((decoded(&value::<String>(row, 1)?)?, decoded(&value::<String>(row, 2)?)?.0));
        }
        if self.batch.rows <= 1 {
            ends[1] = ends[0].clone();
        }
        Ok(ends)
    }

    /// The real bounds of a piece, and the types of the key.
    async fn piece(&mut self, bounds: &str, by_index: bool) -> Result<Option<(Piece, Vec<String>)>, Failure> {
        let [first, last] = self.ends(bounds, by_index).await?;
        let Some((low, casts)) = first else { return Ok(None) };
        if let Some((high, _)) = last {
            return Ok(Some((Piece { low, high, rows: self.batch.rows }, casts)));
        }
        let shown = shown(self.keyed.key);
        let tail = self.ranges().tail(&shown, &low, self.batch.until);
        let rows = self.look(&tail, by_index).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let high = decoded(&value::<String>(row, 1)?)?;
        Ok(Some((Piece { low, high, rows: number(row, 0)? }, casts)))
    }

    async fn look(&mut self, sql: &str, by_index: bool) -> Result<Vec<PgRow>, Failure> {
        if by_index {
            read(self.session, &format!("{BY_INDEX}{sql}{LOOKED}")).await
        } else {
            read(self.session, sql).await
        }
    }

    /// Does a piece and proves it; its rows.
    async fn act(&mut self, piece: &Piece, casts: &[String]) -> Result<u64, Failure> {
        if let Change::Copy { to, columns, verify } = self.keyed.change {
            return self.copy(piece, to, columns, verify).await;
        }
        let statement = self.ranges().backfill(piece, casts).unwrap_or_default();
        let affected = send(self.session, &(tag::comment(self.batch.tag) + &statement)).await?;
        if let Some(still) = self.ranges().still_needs(piece) {
            let rows = self.look(&still, true).await?;
            if rows.first().map(|row| number(row, 0)).transpose()?.is_some_and(|count| count > 0) {
                return Err(endless(piece));
            }
        }
        match self.keyed.change {
            Change::Set(_) => Ok(affected),
            Change::Sql(_) | Change::Copy { .. } => Ok(piece.rows),
        }
    }

    async fn columns(&mut self, to: &str, columns: &[String]) -> Result<Columns, Failure> {
        let found =
            sqlx::query(COLUMNS).bind(self.keyed.table).bind(to).bind(columns).fetch_all(&mut *self.session).await;
        let found = found.map_err(|error| trouble(error, Phase::Before))?;
        if found.is_empty() {
            return Err(refused(format!("`{}` and `{to}` have no columns in common", self.keyed.table)));
        }
        let (mut names, mut casts) = (Vec::new(), Vec::new());
        for row in &found {
            let column = name(&value::<String>(row, 0)?);
            casts.push(format!("{column}::{}", value::<String>(row, 1)?));
            names.push(column);
        }
        let content = format!("hashtextextended(ROW({})::text, 0)", casts.join(", "));
        Ok(Columns { names: names.join(", "), content })
    }

    async fn copy(
        &mut self,
        piece: &Piece,
        to: &str,
        columns: &[String],
        verify: Verification,
    ) -> Result<u64, Failure> {
        let Columns { names, content } = self.columns(to, columns).await?;
        let (ranges, table) = (self.ranges(), self.keyed.table);
        let (range, source) = (ranges.within(piece), ranges.filtered(&ranges.within(piece)));
        let insert = format!(
            "{}INSERT INTO {to} ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {table} WHERE {source}",
            tag::comment(self.batch.tag)
        );
        let copied = send(self.session, &insert).await?;
        let compare = match verify {
            Verification::None => return Ok(copied),
            // The key is unique and the view of the source is the same: its rows were counted by finding the bounds.
            Verification::Count => format!("SELECT {}::bigint, count(*), true FROM {to} WHERE {range}", piece.rows),
            Verification::Checksum => format!(
                "SELECT a.n, b.n, a.content IS NOT DISTINCT FROM b.content FROM \
                 (SELECT count(*) AS n, sum({content}) AS content FROM {table} WHERE {source}) AS a, \
                 (SELECT count(*) AS n, sum({content}) AS content FROM {to} WHERE {range}) AS b"
            ),
        };
        let rows = self.look(&compare, true).await?;
        for row in &rows {
            same(table, to, number(row, 0)?, number(row, 1)?, value(row, 2)?)?;
        }
        Ok(copied)
    }

    /// Copies rows that the other table lacks; what came back from the insertion is compared.
    async fn fill(
        &mut self,
        after: Option<&Key>,
        to: &str,
        columns: &[String],
        verify: Verification,
    ) -> Result<Option<Moved>, Failure> {
        let Columns { names, content } = self.columns(to, columns).await?;
        let missing = self.ranges().missing(&names, to, after, self.batch.until, self.batch.rows);
        let content = if verify == Verification::Checksum { content.as_str() } else { "1" };
        let fill = format!(
            "{}WITH orchestrate_missing AS MATERIALIZED ({missing}), orchestrate_put AS (INSERT INTO {to} ({names}) \
             OVERRIDING SYSTEM VALUE SELECT {names} FROM orchestrate_missing RETURNING {content} AS content) \
             SELECT a.n, b.n, a.content IS NOT DISTINCT FROM b.content FROM \
             (SELECT count(*) AS n, sum({content}) AS content FROM orchestrate_missing) AS a, \
             (SELECT count(*) AS n, sum(content) AS content FROM orchestrate_put) AS b",
            tag::comment(self.batch.tag)
        );
        let rows = read(self.session, &fill).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let missed = number(row, 0)?;
        same(self.keyed.table, to, missed, number(row, 1)?, value(row, 2)?)?;
        Ok((missed > 0).then_some(Moved { high: None, rows: missed }))
    }
}
