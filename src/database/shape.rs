//! Whether tables can be walked through by a key, and what to do where they cannot; the same for Postgres and SQLite.

use crate::model::{Engine, Verification};
use crate::sql::split::{Single, split};
use crate::sql::token::{Kind, Token};

use super::error::Failure;
use super::keyed::{Change, Keyed, refused};
use super::range::{has_bounds, names};

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub is_nullable: bool,
    /// Its value is computed from others.
    pub is_generated: bool,
    pub has_default: bool,
}

/// What a table is like.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// What it is, where it is no table.
    pub other_kind: Option<String>,
    pub columns: Vec<Column>,
    /// Whether an index has the key's order.
    pub has_order: bool,
    /// Whether no two rows have the same key.
    pub is_unique: bool,
    /// Whether the key is the number that SQLite gives each row, and no column.
    pub is_by_rowid: bool,
}

impl Shape {
    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Refuses what cannot be walked through, or copied.
pub(super) fn check_source(keyed: &Keyed<'_>, shape: &Shape) -> Result<(), Failure> {
    let (table, key) = (keyed.table, names(keyed.key));
    is_table(table, shape)?;
    for name in keyed.key {
        let Some(column) = shape.column(name) else { return Err(no_column(table, name)) };
        if column.is_nullable {
            return Err(refused(format!(
                "`{name}` of `{table}` may be NULL, and such rows have no place in an order; make it NOT NULL, or walk by another key"
            )));
        }
    }
    if !shape.has_order {
        return Err(refused(format!(
            "no index of `{table}` has the order of its key ({key}): each batch would read the whole table; create one that begins \
             with these columns, over all rows"
        )));
    }
    let Change::Copy { columns, .. } = keyed.change else { return Ok(()) };
    no_rowid(table, shape)?;
    if !shape.is_unique {
        return Err(refused(format!(
            "two rows of `{table}` may have the same key ({key}), and a copy could not tell them apart; copy by a unique key"
        )));
    }
    match columns.iter().find(|name| shape.column(name).is_none()) {
        Some(name) => Err(no_column(table, name)),
        None => Ok(()),
    }
}

fn no_rowid(table: &str, shape: &Shape) -> Result<(), Failure> {
    if !shape.is_by_rowid {
        return Ok(());
    }
    Err(refused(format!(
        "`rowid` is no column of `{table}`: a row that is copied gets another one, and is not found again by it; copy by a column \
         that both tables have"
    )))
}

/// Refuses a destination that cannot take the rows.
pub(super) fn check_destination(keyed: &Keyed<'_>, from: &Shape, to: &Shape) -> Result<(), Failure> {
    let Change::Copy { to: table, columns, verify } = keyed.change else { return Ok(()) };
    let (source, key) = (keyed.table, names(keyed.key));
    is_table(table, to)?;
    no_rowid(table, to)?;
    if verify != Verification::None && !to.has_order {
        return Err(refused(format!(
            "no index of `{table}` has the order of its key ({key}), which proving each batch needs; create it before the copy, or say \
             `verify: none`"
        )));
    }
    let named: Vec<&str> = columns.iter().map(String::as_str).collect();
    let all = || from.columns.iter().map(|column| column.name.as_str()).filter(|name| !is_computed(to, name));
    let copied: Vec<&str> = if named.is_empty() { all().collect() } else { named };
    for name in &copied {
        let Some(column) = to.column(name) else {
            return Err(refused(format!(
                "`{table}` has no column `{name}`, which `{source}` has; add it, or name the `columns` to be copied"
            )));
        };
        if column.is_generated {
            return Err(refused(format!(
                "`{name}` of `{table}` is computed from other columns; leave it out of `columns`"
            )));
        }
    }
    if let Some(name) = keyed.key.iter().find(|name| !copied.contains(&name.as_str())) {
        return Err(refused(format!(
            "the key's column `{name}` is not copied, and rows are found again by it; add it to `columns`"
        )));
    }
    let is_empty = |column: &&Column| {
        !column.is_nullable && !column.has_default && !column.is_generated && !copied.contains(&column.name.as_str())
    };
    if let Some(column) = to.columns.iter().find(is_empty) {
        return Err(refused(format!(
            "`{}` of `{table}` is NOT NULL without a default, and nothing is copied into it; give it a default, or copy it",
            column.name
        )));
    }
    Ok(())
}

/// Refuses texts that would leave their transaction or their batch.
pub(super) fn check_change(keyed: &Keyed<'_>, engine: Engine) -> Result<(), Failure> {
    let is_one = |text: &str| split(text, engine).len() == 1 && !text.trim_end().ends_with(';');
    if keyed.filter.is_some_and(|filter| !is_one(filter)) {
        return Err(refused("the condition is more than one expression"));
    }
    match keyed.change {
        Change::Copy { .. } => Ok(()),
        Change::Set(set) => {
            if !is_one(set) {
                return Err(refused("`set` is more than the assignments of one UPDATE"));
            }
            let tokens = split(set, engine).pop().map(|only| only.tokens).unwrap_or_default();
            match assigned(&tokens).into_iter().find(|name| is_key(name, keyed.key, engine)) {
                Some(name) => Err(refused(format!(
                    "`set` changes {}, which is of the key: rows would move from batch to batch; walk by another key",
                    name.text
                ))),
                None => Ok(()),
            }
        }
        Change::Sql(sql) => {
            let statements = split(sql, engine);
            if statements.iter().any(Single::controls_transaction) {
                return Err(refused(
                    "a batch is one transaction, which its statements may not end; leave BEGIN and COMMIT out",
                ));
            }
            match has_bounds(sql, engine) {
                [true, true] => Ok(()),
                _ => Err(refused("the statement needs `:low` and `:high`, the first and the last key of a batch")),
            }
        }
    }
}

fn is_computed(shape: &Shape, name: &str) -> bool {
    shape.column(name).is_some_and(|column| column.is_generated)
}

fn is_table(table: &str, shape: &Shape) -> Result<(), Failure> {
    match &shape.other_kind {
        Some(kind) => Err(refused(format!("`{table}` is a {kind}; name the table whose rows are meant"))),
        None => Ok(()),
    }
}

fn no_column(table: &str, name: &str) -> Failure {
    refused(format!("`{table}` has no column `{name}`"))
}

/// Refuses a destination with rows, which nobody could tell from those of the copy.
pub(super) fn check_empty(table: &str, has_rows: bool) -> Result<(), Failure> {
    if !has_rows {
        return Ok(());
    }
    Err(refused(format!("`{table}` holds rows, which are none of this copy; empty it, or copy into another table")))
}

/// There is nothing of this name.
pub(super) fn no_table(table: &str) -> Failure {
    refused(format!("there is no table `{table}`"))
}

/// The columns that an UPDATE's assignments change.
fn assigned<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t Token<'a>> {
    let mut depth = 0_usize;
    let mut is_left = true;
    let mut columns = Vec::new();
    for token in tokens {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && token.is_symbol(",") {
            is_left = true;
        } else if depth == 0 && token.is_symbol("=") {
            is_left = false;
        } else if is_left && matches!(token.kind, Kind::Word | Kind::Quoted) {
            columns.push(token);
        }
    }
    columns
}

fn is_key(token: &Token<'_>, key: &[String], engine: Engine) -> bool {
    key.iter().any(|column| match (engine, token.kind) {
        (Engine::Postgres, Kind::Quoted) => token.content() == *column,
        (Engine::Postgres, _) => token.text.to_lowercase() == *column,
        (Engine::Sqlite | Engine::ClickHouse, _) => token.content().eq_ignore_ascii_case(column),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn message(change: Change<'_>) -> Option<String> {
        let (key, settings) = (["id".to_owned()], BTreeMap::new());
        let timeout = Duration::from_secs(1);
        let keyed = Keyed { table: "a", key: &key, filter: None, change, settings: &settings, timeout };
        check_change(&keyed, Engine::Postgres).err().map(|failure| failure.message)
    }

    #[test]
    fn a_key_is_not_changed() {
        let changes = |set| message(Change::Set(set)).is_some();
        assert!(changes("id = id + 1") && changes("a = 1, ID = 2") && changes("(a, \"id\") = (1, 2)"));
        assert!(!changes("a = id, b = (SELECT max(id) FROM c WHERE id = 1), \"ID\" = 2, c = (id = 2)"));
    }

    #[test]
    fn texts_stay_in_their_transaction() {
        assert_eq!(
            message(Change::Set("a = 1; DROP TABLE b")).as_deref(),
            Some("`set` is more than the assignments of one UPDATE")
        );
        assert!(message(Change::Sql("UPDATE a SET b = 1 WHERE id BETWEEN :low AND :high; COMMIT")).is_some());
        assert!(message(Change::Sql("UPDATE a SET b = 1 WHERE id > :low")).is_some());
        assert_eq!(message(Change::Sql("DELETE FROM a WHERE id BETWEEN :low AND :high; SELECT 1")), None);
    }
}
