//! Whether a table can be copied by partition, what it takes, and what is to be done where it cannot.

use std::time::Duration;

use crate::model::Verification;

use super::super::error::DatabaseError;
use super::super::partitioned::{CopyFacts, Destination, Partition, PartitionUpdate, TableCopy};
use super::super::target::Database;
use super::checksum::{self, Pair};
use super::client::text;
use super::mutation;
use super::session::Session;
use super::table::{Table, TableName, literal};

/// How long looking may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The two tables of a copy and the columns that are copied.
pub(super) struct Tables {
    pub from: Table,
    pub to: Table,
}

/// Judges a copy; a copy that cannot be done is refused.
pub(in crate::database) async fn judge(
    database: &Database,
    copy: &TableCopy<'_>,
    destination: Destination,
) -> Result<CopyFacts, DatabaseError> {
    let refuse = |message: String| database.refuse(message);
    let tag = own_tag();
    let session = Session::new(database, &tag, copy.settings, TIMEOUT);
    let (from, to) = (name(database, copy.from)?, name(database, copy.to)?);
    if from == to {
        return Err(refuse(format!("{from} cannot be copied into itself")));
    }
    let from = read(&session, from.clone()).await?.ok_or_else(|| refuse(format!("there is no table {from}")))?;
    kind(&from, "read").map_err(refuse)?;
    if copy.is_final && !from.merges_rows() {
        let Table { name, engine, .. } = &from;
        return Err(refuse(format!("{name} is a {engine}, of which no merge takes rows away; leave out `final`")));
    }
    let found = partitions(&session, &from.name).await?;
    let to_name = to.clone();
    match (read(&session, to).await?, destination) {
        (None, Destination::Later) | (_, Destination::Changing) => source_alone(copy, &from).map_err(refuse)?,
        (None, Destination::Empty | Destination::Ours) => {
            return Err(refuse(format!("there is no table {to_name}")));
        }
        (Some(to), Destination::Later | Destination::Empty | Destination::Ours) => {
            let tables = Tables { from, to };
            fit(&tables).map_err(refuse)?;
            let columns = tables.columns(copy).map_err(refuse)?;
            provable(copy, &columns).map_err(refuse)?;
            let rows: u64 = partitions(&session, &tables.to.name).await?.iter().map(|partition| partition.rows).sum();
            if destination != Destination::Ours && rows > 0 {
                return Err(refuse(holds_rows(&to_name, rows)));
            }
        }
    }
    let bytes = found.iter().map(|partition| partition.bytes).sum();
    let free_bytes = free_bytes(&session, &to_name).await?;
    Ok(CopyFacts { partitions: found, bytes, free_bytes })
}

/// Judges a table whose partitions are to be changed: what is in it, or why it cannot be.
pub(in crate::database) async fn judge_changed(
    database: &Database,
    update: &PartitionUpdate<'_>,
) -> Result<CopyFacts, DatabaseError> {
    let tag = own_tag();
    let session = Session::new(database, &tag, update.settings, TIMEOUT);
    let table = name(database, update.table)?;
    let table = read(&session, table.clone()).await?;
    let table = table.ok_or_else(|| database.refuse(format!("there is no table `{}`", update.table)))?;
    kind(&table, "changed").map_err(|message| database.refuse(message))?;
    mutation::parses(&session, update).await?;
    let found = partitions(&session, &table.name).await?;
    // Each partition is written anew before the old one goes.
    let bytes = found.iter().map(|partition| partition.bytes).max().unwrap_or_default();
    let free_bytes = free_bytes(&session, &table.name).await?;
    Ok(CopyFacts { partitions: found, bytes, free_bytes })
}

/// A tag for questions that nobody needs to find again.
pub(super) fn own_tag() -> String {
    format!("orchestrate:ask:{}", uuid::Uuid::now_v7())
}

/// The partitions of a table, as a statement names it.
pub(in crate::database) async fn list(database: &Database, table: &str) -> Result<Vec<Partition>, DatabaseError> {
    let (tag, settings) = (own_tag(), std::collections::BTreeMap::new());
    partitions(&Session::new(database, &tag, &settings, TIMEOUT), &name(database, table)?).await
}

pub(super) fn name(database: &Database, written: &str) -> Result<TableName, DatabaseError> {
    TableName::read(written).ok_or_else(|| database.refuse(format!("`{written}` is no name of a table")))
}

async fn read(session: &Session<'_>, name: TableName) -> Result<Option<Table>, DatabaseError> {
    Table::read(session, name).await
}

/// The partitions that hold rows, by id.
pub(super) async fn partitions(session: &Session<'_>, table: &TableName) -> Result<Vec<Partition>, DatabaseError> {
    let sql = format!(
        "SELECT partition_id, sum(rows) AS all_rows, sum(bytes_on_disk), max(max_block_number) FROM system.parts \
         WHERE active AND {} GROUP BY partition_id HAVING all_rows > 0 ORDER BY partition_id",
        table.is("table")
    );
    let answer = session.ask(&sql).await?;
    let partition = |row: &Vec<_>| {
        let number = |at| text(row, at).and_then(|text| text.parse().ok());
        Some(Partition {
            id: text(row, 0)?.to_owned(),
            rows: number(1)?,
            bytes: number(2)?,
            block: text(row, 3)?.parse().ok()?,
        })
    };
    let found: Option<Vec<Partition>> = answer.rows.iter().map(partition).collect();
    found.ok_or_else(|| session.database.refuse("its system.parts cannot be read"))
}

async fn free_bytes(session: &Session<'_>, to: &TableName) -> Result<Option<u64>, DatabaseError> {
    let known = "SELECT count() FROM system.tables WHERE database = 'system' AND name IN ('disks', 'storage_policies')";
    if session.ask(known).await?.rows.first().and_then(|row| text(row, 0)) != Some("2") {
        return Ok(None);
    }
    let policy = format!("SELECT storage_policy FROM system.tables WHERE {}", to.is("name"));
    let policy = session.ask(&policy).await?;
    let policy = policy.rows.first().and_then(|row| text(row, 0)).filter(|policy| !policy.is_empty());
    let sql = format!(
        "SELECT sum(free_space) FROM system.disks WHERE name IN \
         (SELECT arrayJoin(disks) FROM system.storage_policies WHERE policy_name = {})",
        literal(policy.unwrap_or("default"))
    );
    let answer = session.ask(&sql).await?;
    Ok(answer.rows.first().and_then(|row| text(row, 0)).and_then(|bytes| bytes.parse().ok()).filter(|&bytes| bytes > 0))
}

/// Whether a table is of the kind that has partitions here.
fn kind(table: &Table, verb: &str) -> Result<(), String> {
    let Table { name, engine, .. } = table;
    if table.has_parts() {
        return Ok(());
    }
    Err(if engine == "Distributed" {
        format!("{name} is a Distributed table, which holds no rows; take its local tables, with `scope: each_shard`")
    } else {
        format!("{name} is a {engine}; by partition only tables of the MergeTree family can be {verb}")
    })
}

fn source_alone(copy: &TableCopy<'_>, from: &Table) -> Result<(), String> {
    lacking(copy.columns.iter().filter(|name| from.column(name).is_none()), &from.name)
}

fn lacking<'a>(names: impl Iterator<Item = &'a String>, table: &TableName) -> Result<(), String> {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { Ok(()) } else { Err(format!("{table} has no column {}", names.join(", "))) }
}

fn fit(Tables { from, to }: &Tables) -> Result<(), String> {
    kind(to, "filled")?;
    if to.is_old_style() {
        return Err(format!(
            "{} was created with the syntax of before 2018 ({}); create it with PARTITION BY and ORDER BY",
            to.name, to.engine_full
        ));
    }
    if from.plain_partition_key() != to.plain_partition_key() {
        let told = |table: &Table| match table.plain_partition_key() {
            "" => format!("{} has no partition key", table.name),
            key => format!("{} is partitioned by {key}", table.name),
        };
        return Err(format!(
            "{} and {}, so that the rows of one partition would land in others; copy with statements of your own",
            told(from),
            told(to)
        ));
    }
    for column in from.columns.iter().filter(|column| column.is_in_partition_key) {
        if let Some(other) = to.column(&column.name).filter(|other| other.kind != column.kind) {
            return Err(format!(
                "`{}` of the partition key is {} in {} and {} in {}, so that the rows of one partition would land in others; \
                 copy with statements of your own",
                column.name, column.kind, from.name, other.kind, to.name
            ));
        }
    }
    Ok(())
}

fn provable(copy: &TableCopy<'_>, columns: &[Pair<'_>]) -> Result<(), String> {
    match (copy.verify, checksum::without(columns)) {
        (Verification::Checksum, Some(column)) => {
            Err(format!("`{}` is {}, which has no checksum; use `verify: count`", column.name, column.kind))
        }
        (Verification::Checksum | Verification::Count | Verification::None, _) => Ok(()),
    }
}

fn holds_rows(to: &TableName, rows: u64) -> String {
    let s = if rows == 1 { "" } else { "s" };
    format!("{to} holds {rows} row{s}, which a copy by partition would replace; empty it, or copy into another table")
}

impl Tables {
    /// The columns that are copied: those that are named, or all that `to` takes and `from` has.
    pub fn columns(&self, copy: &TableCopy<'_>) -> Result<Vec<Pair<'_>>, String> {
        let Tables { from, to } = self;
        if copy.columns.is_empty() {
            let missing = from.columns.iter().filter(|column| column.is_insertable());
            let missing: Vec<String> = missing
                .filter(|column| to.column(&column.name).is_none())
                .map(|column| format!("`{}`", column.name))
                .collect();
            if !missing.is_empty() {
                return Err(format!(
                    "{} has no column {}, which {} has; name the `columns` to copy",
                    to.name,
                    missing.join(", "),
                    from.name
                ));
            }
        } else {
            lacking(copy.columns.iter().filter(|name| from.column(name).is_none()), &from.name)?;
            lacking(copy.columns.iter().filter(|name| to.column(name).is_none()), &to.name)?;
            let computed =
                copy.columns.iter().filter_map(|name| to.column(name)).find(|column| !column.is_insertable());
            if let Some(column) = computed {
                return Err(format!(
                    "`{}` of {} is {} and computed there; leave it out of `columns`",
                    column.name, to.name, column.default_kind
                ));
            }
        }
        let is_wanted = |name: &str| copy.columns.is_empty() || copy.columns.iter().any(|wanted| wanted == name);
        let pairs: Vec<Pair<'_>> = to
            .columns
            .iter()
            .filter(|column| column.is_insertable() && is_wanted(&column.name))
            .filter_map(|column| Some(Pair { from: from.column(&column.name)?, to: column }))
            .filter(|pair| pair.from.default_kind != "EPHEMERAL")
            .collect();
        if pairs.is_empty() {
            return Err(format!("{} and {} have no column in common", from.name, to.name));
        }
        Ok(pairs)
    }
}
