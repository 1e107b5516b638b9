//! Before the start: what a table is like, and how large it is.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use crate::model::Engine;
use crate::sql::token::{Kind, final_tokens};

use super::super::error::Failure;
use super::super::keyed::{Change, Keyed, KeyedFacts, refused};
use super::super::partitioned::Destination;
use super::super::range::{Ranges, list, name, names};
use super::super::shape::{Column, Shape, check_change, check_destination, check_empty, check_source, no_table};
use super::file::Sqlite;
use super::trouble::trouble;

const KIND: &str =
    "SELECT type, wr FROM pragma_table_list WHERE schema = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE";
/// 2 and 3 in `hidden` are computed columns.
const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?2, ?1) WHERE hidden <> 1";
/// A key of an index that is not the table's own order.
const HAS_KEY_INDEX: &str = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?2, ?1) WHERE origin = 'pk')";
/// Whether a unique index over all rows has only columns of the key.
const IS_UNIQUE: &str = "SELECT EXISTS (SELECT 1 FROM pragma_index_list(?2, ?1) AS i WHERE i.\"unique\" AND NOT i.partial \
    AND NOT EXISTS (SELECT 1 FROM pragma_index_info(i.name, ?1) AS c \
    WHERE c.name IS NULL OR c.name NOT IN (SELECT value FROM json_each(?3))))";
const FILE_BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
const BYTES: &str = "SELECT sum(pgsize) FROM dbstat(?1, 1) WHERE name = \
    (SELECT name FROM pragma_table_list WHERE schema = ?1 COLLATE NOCASE AND name = ?2 COLLATE NOCASE)";
const ROWID: &str = "rowid";
/// In larger files tables are estimated: to count would read all of them.
const READ_BYTES: u64 = 1 << 30;
/// Rows whose length is looked at, from either end of the key.
const SAMPLED_ROWS: u64 = 500;
/// What a row takes besides its values, about.
const ROW_BYTES: u64 = 4;

/// Where a table stands.
struct Place {
    schema: String,
    name: String,
}

impl Sqlite {
    pub async fn keyed_facts(&self, keyed: &Keyed<'_>) -> Result<KeyedFacts, Failure> {
        check_change(keyed, Engine::Sqlite)?;
        let mut connection = self.connection().await?;
        let at = place(keyed.table)?;
        let from = shape(&mut connection, &at, keyed.table, keyed.key).await?;
        check_source(keyed, &from)?;
        let file_bytes = scalar(&mut connection, FILE_BYTES).await?;
        let is_estimate = file_bytes > READ_BYTES;
        let (rows, bytes) = if is_estimate {
            estimate(&mut connection, keyed, &from, file_bytes).await?
        } else {
            let condition = Ranges { engine: Engine::Sqlite, keyed }.filtered("TRUE");
            let count = format!("SELECT count(*) FROM {} WHERE {condition}", keyed.table);
            (scalar(&mut connection, &count).await?, bytes(&mut connection, &at).await?)
        };
        self.keep(connection);
        Ok(KeyedFacts { rows, is_estimate, bytes, free_bytes: free_bytes(self.path()) })
    }

    pub async fn keyed_destination(&self, keyed: &Keyed<'_>, destination: Destination) -> Result<(), Failure> {
        let Change::Copy { to, .. } = keyed.change else { return Ok(()) };
        let mut connection = self.connection().await?;
        let at = place(to)?;
        let found = sqlx::query(KIND).bind(&at.schema).bind(&at.name).fetch_optional(&mut connection).await;
        let is_there = found.map_err(|error| trouble(&error))?.is_some();
        if is_there || destination != Destination::Later {
            let from = shape(&mut connection, &place(keyed.table)?, keyed.table, keyed.key).await?;
            let into = shape(&mut connection, &at, to, keyed.key).await?;
            check_destination(keyed, &from, &into)?;
            if destination != Destination::Ours {
                let has_rows = scalar(&mut connection, &format!("SELECT EXISTS (SELECT 1 FROM {to})")).await?;
                check_empty(to, has_rows > 0)?;
            }
        }
        self.keep(connection);
        Ok(())
    }
}

/// Rows and bytes of a table, where to count them would read a large file: the bytes of a row are those of its first and its last
/// ones, and there are no more rows than the file has room for, nor than their numbers.
async fn estimate(
    connection: &mut SqliteConnection,
    keyed: &Keyed<'_>,
    shape: &Shape,
    file_bytes: u64,
) -> Result<(u64, u64), Failure> {
    let (table, key) = (keyed.table, names(keyed.key));
    let length = |column: &Column| format!("coalesce(length(CAST({} AS BLOB)), 0)", name(&column.name));
    let row: Vec<String> = shape.columns.iter().map(length).collect();
    let some = |order: &str| {
        let row = row.join(" + 1 + ");
        format!("SELECT * FROM (SELECT {ROW_BYTES} + {row} AS n FROM {table} ORDER BY {order} LIMIT {SAMPLED_ROWS})")
    };
    let down = list(keyed.key, |column| format!("{} DESC", name(column)));
    let sample = format!("SELECT coalesce(CAST(avg(n) AS INTEGER), 0) FROM ({} UNION ALL {})", some(&key), some(&down));
    let row_bytes = scalar(connection, &sample).await?;
    if row_bytes == 0 {
        return Ok((0, 0));
    }
    let span = format!("SELECT (SELECT max(rowid) FROM {table}) - (SELECT min(rowid) FROM {table}) + 1");
    // A table without rowids has no such numbers.
    let span = scalar(connection, &span).await.unwrap_or(u64::MAX);
    let rows = span.min(file_bytes / row_bytes);
    Ok((rows, file_bytes.min(rows.saturating_mul(row_bytes))))
}

/// The columns of a copy: those named, or all that both tables have and that are not computed.
pub(super) async fn columns_in_common(
    connection: &mut SqliteConnection,
    from: &str,
    to: &str,
    named: &[String],
) -> Result<Vec<String>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let (to_columns, _) = columns(connection, &place(to)?, false).await?;
    let is_wanted = |column: &Column| {
        to_columns.iter().any(|other| other.name.eq_ignore_ascii_case(&column.name) && !other.is_generated)
    };
    let (mut common, _) = columns(connection, &place(from)?, false).await?;
    common.retain(is_wanted);
    if common.is_empty() {
        return Err(refused(format!("`{from}` and `{to}` have no columns in common")));
    }
    Ok(common.into_iter().map(|column| column.name).collect())
}

/// A name as SQL writes it, with or without its schema.
fn place(table: &str) -> Result<Place, Failure> {
    let tokens = final_tokens(table, Engine::Sqlite);
    let is_name = |kind: Kind| matches!(kind, Kind::Word | Kind::Quoted);
    match tokens.as_slice() {
        [name] if is_name(name.kind) => Ok(Place { schema: "main".to_owned(), name: name.content() }),
        [schema, dot, name] if is_name(schema.kind) && dot.is_symbol(".") && is_name(name.kind) => {
            Ok(Place { schema: schema.content(), name: name.content() })
        }
        _ => Err(refused(format!("`{table}` is no name of a table"))),
    }
}

/// The columns, and the one that is another name of the rowid.
async fn columns(
    connection: &mut SqliteConnection,
    at: &Place,
    has_alias: bool,
) -> Result<(Vec<Column>, Option<String>), Failure> {
    let read = |error| trouble(&error);
    let rows = sqlx::query(COLUMNS).bind(&at.schema).bind(&at.name).fetch_all(connection).await.map_err(read)?;
    let (mut columns, mut alias) = (Vec::new(), None);
    for row in &rows {
        let number = |at: usize| row.try_get_unchecked::<i64, _>(at).map_err(read);
        let name: String = row.try_get_unchecked(0).map_err(read)?;
        let kind: String = row.try_get_unchecked(1).map_err(read)?;
        let is_alias = has_alias && number(4)? == 1 && kind.eq_ignore_ascii_case("INTEGER");
        alias = alias.or_else(|| is_alias.then(|| name.clone()));
        columns.push(Column {
            name,
            is_nullable: number(2)? == 0 && !is_alias,
            is_generated: number(5)? > 1,
            has_default: number(3)? != 0 || is_alias,
        });
    }
    Ok((columns, alias))
}

async fn shape(connection: &mut SqliteConnection, at: &Place, table: &str, key: &[String]) -> Result<Shape, Failure> {
    let read = |error| trouble(&error);
    let found = sqlx::query(KIND).bind(&at.schema).bind(&at.name).fetch_optional(&mut *connection).await;
    let Some(row) = found.map_err(read)? else { return Err(no_table(table)) };
    let kind: String = row.try_get(0).map_err(read)?;
    let is_without_rowid = row.try_get_unchecked::<i64, _>(1).map_err(read)? != 0;
    let other_kind = (kind != "table").then(|| if kind == "view" { kind } else { format!("{kind} table") });
    let has_key_index: bool = sqlx::query_scalar(HAS_KEY_INDEX)
        .bind(&at.schema)
        .bind(&at.name)
        .fetch_one(&mut *connection)
        .await
        .map_err(read)?;
    let has_alias = !is_without_rowid && !has_key_index;
    let (mut columns, alias) = columns(connection, at, has_alias).await?;
    let is_named = columns.iter().any(|column| column.name.eq_ignore_ascii_case(ROWID));
    let is_rowid = !is_without_rowid && !is_named && matches!(key, [only] if only == ROWID);
    if is_rowid {
        columns.push(Column { name: ROWID.to_owned(), is_nullable: false, is_generated: false, has_default: true });
    }
    let wanted = serde_json::Value::from(key.to_vec()).to_string();
    let unique = sqlx::query_scalar(IS_UNIQUE).bind(&at.schema).bind(&at.name).bind(wanted).fetch_one(&mut *connection);
    let is_unique: bool = unique.await.map_err(read)?;
    let is_unique = is_unique || is_rowid || alias.is_some_and(|alias| key.contains(&alias));
    let has_key = key.iter().all(|name| columns.iter().any(|column| column.name == *name));
    let has_order = other_kind.is_none() && has_key && has_order(connection, table, key).await?;
    Ok(Shape { other_kind, columns, has_order, is_unique, is_by_rowid: is_rowid })
}

/// Whether the planner, which knows collations and directions, needs to sort.
async fn has_order(connection: &mut SqliteConnection, table: &str, key: &[String]) -> Result<bool, Failure> {
    let columns = names(key);
    let sql = format!("EXPLAIN QUERY PLAN SELECT {columns} FROM {table} ORDER BY {columns} LIMIT 1");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await.map_err(|error| trouble(&error))?;
    for row in &rows {
        let detail: String = row.try_get_unchecked(3).map_err(|error| trouble(&error))?;
        if detail.starts_with("USE TEMP B-TREE") {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn bytes(connection: &mut SqliteConnection, at: &Place) -> Result<u64, Failure> {
    let sum = sqlx::query_scalar(BYTES).bind(&at.schema).bind(&at.name).fetch_one(connection);
    let bytes: Option<i64> = sum.await.map_err(|error| trouble(&error))?;
    Ok(bytes.unwrap_or(0).unsigned_abs())
}

async fn scalar(connection: &mut SqliteConnection, sql: &str) -> Result<u64, Failure> {
    let found = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await.map_err(|error| trouble(&error))?;
    let number: i64 = found.try_get_unchecked(0).map_err(|error| trouble(&error))?;
    Ok(number.unsigned_abs())
}

/// What is free where the file stands.
fn free_bytes(file: &Path) -> Option<u64> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = statvfs(folder).ok()?;
    Some(disk.blocks_available().saturating_mul(disk.fragment_size()))
}
