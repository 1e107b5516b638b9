//! Before the start: what a table is like, how large it is, and where it can be cut.

use sqlx::Row as _;
use sqlx::postgres::PgConnection;

use crate::model::{Engine, Key};

use super::super::error::{Failure, Trouble};
use super::super::keyed::{Change, Keyed, KeyedFacts, decoded};
use super::super::partitioned::Destination;
use super::super::range::{Ranges, name, names};
use super::super::shape::{Column, Shape, check_change, check_destination, check_empty, check_source, no_table};
use super::keyed::{read, shown, value};
use super::server::Postgres;
use super::session;
use super::trouble::{Phase, trouble};

const KIND: &str = "SELECT relkind::text FROM pg_class WHERE oid = to_regclass($1)";
const COLUMNS: &str = "SELECT attname::text, attnotnull, attgenerated <> '', atthasdef OR attidentity <> '' FROM pg_attribute \
                       WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
/// Whether a unique index that holds for every row at once has only columns of the key.
const IS_UNIQUE: &str = "SELECT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = to_regclass($1) AND i.indisunique \
    AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS ( \
    SELECT FROM generate_series(0, i.indnkeyatts - 1) AS n JOIN pg_attribute AS a ON a.attrelid = i.indrelid \
    AND a.attnum = i.indkey[n] WHERE a.attname::text <> ALL ($2)))";
/// Of the table itself and of its partitions.
const BYTES: &str = "SELECT coalesce(sum(pg_table_size(relid)), 0)::bigint FROM pg_partition_tree(to_regclass($1))";
const BYTES_PLAIN: &str = "SELECT pg_table_size(to_regclass($1))";
const IN_ORDER: &str = "BEGIN READ ONLY; SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; \
                        SET LOCAL enable_bitmapscan = off; SET LOCAL enable_incremental_sort = off; ";
/// Smaller tables are counted, larger ones estimated.
const COUNTED_BYTES: u64 = 64 << 20;
/// Blocks that a sample reads, about.
const SAMPLED_BYTES: u64 = 32 << 20;

impl Postgres {
    pub async fn keyed_facts(&self, keyed: &Keyed<'_>) -> Result<KeyedFacts, Failure> {
        check_change(keyed, Engine::Postgres)?;
        let mut session = self.session().await?;
        session::set(&mut session, keyed.settings, false).await?;
        let from = shape(&mut session, keyed.table, keyed.key).await?;
        check_source(keyed, &from)?;
        let bytes = bytes(&mut session, keyed.table).await?;
        let is_estimate = bytes > COUNTED_BYTES;
        let rows = rows(&mut session, keyed, is_estimate).await?;
        self.keep(session).await;
        Ok(KeyedFacts { rows, is_estimate, bytes, free_bytes: None })
    }

    pub async fn keyed_destination(&self, keyed: &Keyed<'_>, destination: Destination) -> Result<(), Failure> {
        let Change::Copy { to, .. } = keyed.change else { return Ok(()) };
        let mut session = self.session().await?;
        session::set(&mut session, keyed.settings, false).await?;
        let is_there: Option<String> = sqlx::query_scalar(KIND)
            .bind(to)
            .fetch_optional(&mut session)
            .await
            .map_err(|error| trouble(error, Phase::Before))?;
        if is_there.is_some() || destination != Destination::Later {
            let from = shape(&mut session, keyed.table, keyed.key).await?;
            let into = shape(&mut session, to, keyed.key).await?;
            check_destination(keyed, &from, &into)?;
            if destination != Destination::Ours {
                let rows = read(&mut session, &format!("SELECT EXISTS (SELECT FROM {to})")).await?;
                check_empty(to, rows.first().map(|row| value::<bool>(row, 0)).transpose()? == Some(true))?;
            }
        }
        self.keep(session).await;
        Ok(())
    }

    pub async fn key_splits(&self, keyed: &Keyed<'_>, lanes: u32) -> Result<Vec<Key>, Failure> {
        if lanes < 2 {
            return Ok(Vec::new());
        }
        let mut session = self.session().await?;
        session::set(&mut session, keyed.settings, false).await?;
        let sample = sample(bytes(&mut session, keyed.table).await?);
        let (columns, table, shown) = (names(keyed.key), keyed.table, shown(keyed.key));
        let condition = Ranges { engine: Engine::Postgres, keyed }.filtered("TRUE");
        let sql = format!(
            "WITH numbered AS (SELECT {columns}, row_number() OVER (ORDER BY {columns}) AS orchestrate_n, \
             count(*) OVER () AS orchestrate_all FROM {table}{sample} WHERE {condition}), \
             cut AS (SELECT DISTINCT {columns} FROM numbered JOIN generate_series(1, {lanes} - 1) AS orchestrate_lane \
             ON orchestrate_n = orchestrate_all * orchestrate_lane / {lanes}) \
             SELECT {shown} FROM cut ORDER BY {columns}"
        );
        let rows = match read(&mut session, &sql).await {
            Ok(rows) => rows,
            // A table that is not cut is copied as well, in one stretch.
            Err(failure) if matches!(failure.trouble, Trouble::Timeout | Trouble::Refused) => {
                tracing::warn!(table, reason = failure.message, "the table could not be cut into stretches");
                return Ok(Vec::new());
            }
            Err(failure) => return Err(failure),
        };
        self.keep(session).await;
        rows.iter().map(|row| decoded(&value::<String>(row, 0)?)).collect()
    }
}

/// As much of a table as is read to find out where to cut it: of a large one a few blocks, of a small one all.
fn sample(bytes: u64) -> String {
    // What is lost beyond 2^53 does not matter.
    let percent = SAMPLED_BYTES as f64 * 100.0 / bytes.max(1) as f64;
    if percent < 50.0 { format!(" TABLESAMPLE SYSTEM ({percent:.9})") } else { String::new() }
}

async fn shape(session: &mut PgConnection, table: &str, key: &[String]) -> Result<Shape, Failure> {
    let before = |error| trouble(error, Phase::Before);
    let kind: Option<String> =
        sqlx::query_scalar(KIND).bind(table).fetch_optional(&mut *session).await.map_err(before)?;
    let other_kind = match kind.as_deref() {
        None => return Err(no_table(table)),
        Some("r" | "p") => None,
        Some("v" | "m") => Some("view".to_owned()),
        Some("f") => Some("foreign table".to_owned()),
        Some(_) => Some("thing without rows of its own".to_owned()),
    };
    let mut columns = Vec::new();
    for row in sqlx::query(COLUMNS).bind(table).fetch_all(&mut *session).await.map_err(before)? {
        let is = |at: usize| row.try_get::<bool, _>(at).map_err(before);
        let (is_nullable, is_generated, has_default) = (!is(1)?, is(2)?, is(3)?);
        columns.push(Column { name: row.try_get(0).map_err(before)?, is_nullable, is_generated, has_default });
    }
    let unique = sqlx::query_scalar(IS_UNIQUE).bind(table).bind(key).fetch_one(&mut *session).await;
    let is_unique = unique.map_err(before)?;
    let has_key = key.iter().all(|name| columns.iter().any(|column| column.name == *name));
    let has_order = other_kind.is_none() && has_key && has_order(session, table, key).await?;
    Ok(Shape { other_kind, columns, has_order, is_unique, is_by_rowid: false })
}

/// Whether the planner, which knows collations, directions and broken indexes, needs to sort.
async fn has_order(session: &mut PgConnection, table: &str, key: &[String]) -> Result<bool, Failure> {
    let columns = names(key);
    let sql =
        format!("{IN_ORDER}EXPLAIN (FORMAT JSON) SELECT {columns} FROM {table} ORDER BY {columns} LIMIT 1; ROLLBACK");
    let rows = read(session, &sql).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let plan: serde_json::Value = serde_json::from_str(&value::<String>(row, 0)?).unwrap_or_default();
    Ok(!plan.is_null() && !sorts(&plan))
}

fn sorts(plan: &serde_json::Value) -> bool {
    let is_sort = |(field, value): (&String, &serde_json::Value)| {
        (field == "Node Type" && value.as_str().is_some_and(|node| node.ends_with("Sort"))) || sorts(value)
    };
    match plan {
        serde_json::Value::Object(fields) => fields.iter().any(is_sort),
        serde_json::Value::Array(items) => items.iter().any(sorts),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => false,
    }
}

async fn bytes(session: &mut PgConnection, table: &str) -> Result<u64, Failure> {
    let mut bytes = 0;
    for sql in [BYTES, BYTES_PLAIN] {
        let found: Option<i64> = sqlx::query_scalar(sql)
            .bind(table)
            .fetch_one(&mut *session)
            .await
            .map_err(|error| trouble(error, Phase::Before))?;
        bytes = bytes.max(found.unwrap_or(0).unsigned_abs());
    }
    Ok(bytes)
}

/// Rows that need it: counted, or as the planner estimates them.
async fn rows(session: &mut PgConnection, keyed: &Keyed<'_>, is_estimate: bool) -> Result<u64, Failure> {
    let condition = Ranges { engine: Engine::Postgres, keyed }.filtered("TRUE");
    let first = keyed.key.first().map(|column| name(column)).unwrap_or_default();
    let table = keyed.table;
    let sql = if is_estimate {
        format!("EXPLAIN (FORMAT JSON) SELECT {first} FROM {table} WHERE {condition}")
    } else {
        format!("SELECT count(*) FROM {table} WHERE {condition}")
    };
    let rows = read(session, &sql).await?;
    let Some(row) = rows.first() else { return Ok(0) };
    if !is_estimate {
        return value::<i64>(row, 0).map(i64::unsigned_abs);
    }
    let plan: serde_json::Value = serde_json::from_str(&value::<String>(row, 0)?).unwrap_or_default();
    Ok(plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_u64).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_one_size_however_large_the_table_is() {
        let told = [1 << 20, 1 << 30, 1 << 40, 1 << 50].map(sample);
        let of = |percent: &str| format!(" TABLESAMPLE SYSTEM ({percent})");
        assert_eq!(told, [String::new(), of("3.125000000"), of("0.003051758"), of("0.000002980")]);
    }
}
