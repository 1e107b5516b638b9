//! What a table of ClickHouse is: its name as a manifest writes it, its engine, its columns.

use crate::model::Engine;
use crate::sql::token::{Kind, final_tokens};

use super::super::error::DatabaseError;
use super::client::text;
use super::session::Session;

/// A table's name in parts, without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableName {
    pub database: Option<String>,
    pub table: String,
}

/// A table as the server describes it.
#[derive(Debug)]
pub(super) struct Table {
    pub name: TableName,
    pub engine: String,
    /// The engine with its keys and settings, as a CREATE TABLE writes it.
    pub engine_full: String,
    pub partition_key: String,
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub name: String,
    pub kind: String,
    /// Empty, `DEFAULT`, `MATERIALIZED`, `ALIAS` or `EPHEMERAL`.
    pub default_kind: String,
    pub is_in_partition_key: bool,
}

impl TableName {
    /// Reads `table`, `database.table`, each with or without quotes.
    pub fn read(written: &str) -> Option<TableName> {
        let tokens = final_tokens(written, Engine::ClickHouse);
        let name = |at: usize| {
            let token = tokens.get(at).filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))?;
            Some(token.content()).filter(|name| !name.is_empty())
        };
        match tokens.len() {
            1 => Some(TableName { database: None, table: name(0)? }),
            3 if tokens[1].is_symbol(".") => Some(TableName { database: Some(name(0)?), table: name(2)? }),
            _ => None,
        }
    }

    /// Another table of the same database.
    pub fn sibling(&self, table: String) -> TableName {
        TableName { database: self.database.clone(), table }
    }

    /// As a statement names it.
    pub fn sql(&self) -> String {
        let database = self.database.iter().map(|name| format!("{}.", quoted(name)));
        database.chain([quoted(&self.table)]).collect()
    }

    /// The condition that a row of a system table is about it.
    pub fn is(&self, column: &str) -> String {
        format!("database = {} AND {column} = {}", self.database_sql(), literal(&self.table))
    }

    /// Its database as an expression.
    pub fn database_sql(&self) -> String {
        self.database.as_deref().map_or_else(|| "currentDatabase()".to_owned(), literal)
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.database {
            Some(database) => write!(f, "`{database}.{}`", self.table),
            None => write!(f, "`{}`", self.table),
        }
    }
}

impl Table {
    /// Nothing where there is no such table.
    pub async fn read(session: &Session<'_>, name: TableName) -> Result<Option<Table>, DatabaseError> {
        let sql = format!("SELECT engine, engine_full, partition_key FROM system.tables WHERE {}", name.is("name"));
        let answer = session.ask(&sql).await?;
        let Some(row) = answer.rows.first() else { return Ok(None) };
        let cell = |at| text(row, at).unwrap_or_default().to_owned();
        let (engine, engine_full, partition_key) = (cell(0), cell(1), cell(2));
        let sql = format!(
            "SELECT name, type, default_kind, is_in_partition_key FROM system.columns WHERE {}",
            name.is("table")
        );
        let column = |row: &Vec<_>| Column {
            name: text(row, 0).unwrap_or_default().to_owned(),
            kind: text(row, 1).unwrap_or_default().to_owned(),
            default_kind: text(row, 2).unwrap_or_default().to_owned(),
            is_in_partition_key: text(row, 3) == Some("1"),
        };
        let columns = session.ask(&sql).await?.rows.iter().map(column).collect();
        Ok(Some(Table { name, engine, engine_full, partition_key, columns }))
    }

    /// Whether its rows are in parts on this server.
    pub fn has_parts(&self) -> bool {
        self.engine.ends_with("MergeTree")
    }

    /// Whether merges make one row of several, so that it can be read with FINAL.
    pub fn merges_rows(&self) -> bool {
        !matches!(self.engine.as_str(), "MergeTree" | "ReplicatedMergeTree" | "SharedMergeTree")
    }

    /// Whether it was created with the syntax of before 2018, in which the keys are arguments of the engine.
    pub fn is_old_style(&self) -> bool {
        !final_tokens(&self.engine_full, Engine::ClickHouse).iter().any(|token| token.is_word("ORDER"))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The condition on the rows of a partition. It is about the name of the part, by which every version leaves parts out;
    /// by `_partition_id` versions of 2018 read the whole table.
    pub fn is_in(&self, partition: &str) -> String {
        let end = if self.is_old_style() { "" } else { "_" };
        format!("startsWith(_part, {})", literal(&format!("{partition}{end}")))
    }

    /// The partition key without what does not tell one from another.
    pub fn plain_partition_key(&self) -> &str {
        let key = self.partition_key.trim();
        if key == "tuple()" { "" } else { without_parentheses(key) }
    }
}

impl Column {
    /// Whether an INSERT may name it.
    pub fn is_insertable(&self) -> bool {
        !matches!(self.default_kind.as_str(), "MATERIALIZED" | "ALIAS" | "EPHEMERAL")
    }
}

/// Without the one pair of parentheses that is around all of it.
fn without_parentheses(key: &str) -> &str {
    let Some(inner) = key.strip_prefix('(').and_then(|key| key.strip_suffix(')')) else { return key };
    let mut depth = 0_i32;
    let stays_inside = inner.chars().all(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth >= 0
    });
    if stays_inside { inner.trim() } else { key }
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// Names in quotes, as a list.
pub(super) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_a_statement_would() {
        let read = |text| TableName::read(text).map(|name| name.sql());
        assert_eq!(read("events").as_deref(), Some("`events`"));
        assert_eq!(read(" db . `a``b` ").as_deref(), Some("`db`.`a\\`b`"));
        assert_eq!(read("\"a b\"").as_deref(), Some("`a b`"));
        assert_eq!(
            [read(""), read("a b"), read("a.b.c"), read("a."), read("numbers(10)"), read("1")],
            [const { None }; 6]
        );
    }

    #[test]
    fn a_partition_key_is_the_same_with_and_without_parentheses() {
        assert_eq!(without_parentheses("(toYYYYMM(d), id % 2)"), "toYYYYMM(d), id % 2");
        assert_eq!(without_parentheses("(a), (b)"), "(a), (b)");
        assert_eq!(without_parentheses("toYYYYMM(d)"), "toYYYYMM(d)");
    }
}
