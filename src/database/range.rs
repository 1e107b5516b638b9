//! SQL about ranges of keys: what Postgres and SQLite have in common.
//!
//! Names are quoted and keys are literals here; the author's own SQL stands on lines of its own, so that a comment at its
//! end hides nothing.

use crate::model::{Engine, Key};
use crate::sql::token::{Kind, Token, final_tokens};

use super::error::Failure;
use super::keyed::{Change, Keyed, refused};

/// What a row is called that a question gives.
const ROW: &str = "orchestrate_row";
/// What the destination is called where its key is compared with that of the source.
const OTHER: &str = "orchestrate_other";

/// The first and the last key of a batch.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub low: Key,
    pub high: Key,
    /// Its rows that need it; where several have the same key, at least.
    pub rows: u64,
}

/// A name in quotes.
pub(super) fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Names in quotes, in a list.
pub(super) fn names(texts: &[String]) -> String {
    list(texts, name)
}

/// Anything in a list.
pub(super) fn list(texts: &[String], shown: impl Fn(&str) -> String) -> String {
    texts.iter().map(|text| shown(text)).collect::<Vec<_>>().join(", ")
}

fn tuple(texts: &[String], shown: impl Fn(&str) -> String) -> String {
    let inner = list(texts, shown);
    if texts.len() == 1 { inner } else { format!("({inner})") }
}

/// A value of a key: SQLite's are literals already.
fn literal(engine: Engine, value: &str) -> String {
    match engine {
        Engine::Sqlite => value.to_owned(),
        Engine::Postgres | Engine::ClickHouse if value.contains('\\') => {
            format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
        }
        Engine::Postgres | Engine::ClickHouse => format!("'{}'", value.replace('\'', "''")),
    }
}

/// SQL about one table and its key.
#[derive(Clone, Copy)]
pub(super) struct Ranges<'a> {
    pub engine: Engine,
    pub keyed: &'a Keyed<'a>,
}

impl Ranges<'_> {
    fn literals(self, key: &Key) -> String {
        tuple(&key.0, |value| literal(self.engine, value))
    }

    fn key(self) -> String {
        tuple(self.keyed.key, name)
    }

    /// The columns of the key, in a list.
    pub fn columns(self) -> String {
        names(self.keyed.key)
    }

    /// After one key, up to another.
    fn ahead(self, after: Option<&Key>, until: Option<&Key>) -> String {
        let after = after.map(|after| format!("{} > {}", self.key(), self.literals(after)));
        let until = until.map(|until| format!("{} <= {}", self.key(), self.literals(until)));
        let both: Vec<String> = after.into_iter().chain(until).collect();
        if both.is_empty() { "TRUE".to_owned() } else { both.join(" AND ") }
    }

    /// Between two keys, both of them included.
    pub fn within(self, piece: &Piece) -> String {
        let (low, high) = (self.literals(&piece.low), self.literals(&piece.high));
        if self.keyed.key.len() == 1 {
            format!("{} BETWEEN {low} AND {high}", self.key())
        } else {
            format!("{key} >= {low} AND {key} <= {high}", key = self.key())
        }
    }

    /// A condition together with the author's.
    pub fn filtered(self, condition: &str) -> String {
        match self.keyed.filter {
            Some(filter) => format!("{condition} AND (\n{filter}\n)"),
            None => condition.to_owned(),
        }
    }

    /// The first key of a range and the one that ends so many rows, `shown` by an expression of the engine: rows of a
    /// side (0, 1) and the key.
    pub fn bounds(self, shown: &str, after: Option<&Key>, until: Option<&Key>, rows: u64) -> String {
        let rest = self.filtered(&self.ahead(after, until));
        self.first_and_last(shown, &rest, rows)
    }

    /// The same for all rows from a key on, whether they need it or not.
    pub fn bounds_from(self, shown: &str, low: &Key, until: Option<&Key>, rows: u64) -> String {
        let rest = format!("{} >= {} AND {}", self.key(), self.literals(low), self.ahead(None, until));
        self.first_and_last(shown, &rest, rows)
    }

    fn first_and_last(self, shown: &str, rest: &str, rows: u64) -> String {
        let (columns, table, last) = (self.columns(), self.keyed.table, rows.saturating_sub(1));
        let one = |side: u8, offset: u64| {
            format!(
                "SELECT {side} AS side, {shown} FROM (SELECT {columns} FROM {table} WHERE {rest} ORDER BY {columns} \
                 LIMIT 1 OFFSET {offset}) AS {ROW}"
            )
        };
        if last == 0 { one(0, 0) } else { format!("{} UNION ALL {}", one(0, 0), one(1, last)) }
    }

    /// The last key of a range, and how many rows it has up to there.
    pub fn tail(self, shown: &str, low: &Key, until: Option<&Key>) -> String {
        let rest = format!("{} >= {} AND {}", self.key(), self.literals(low), self.ahead(None, until));
        let rest = self.filtered(&rest);
        let (columns, table) = (self.columns(), self.keyed.table);
        let down = list(self.keyed.key, |column| format!("{} DESC", name(column)));
        format!(
            "SELECT (SELECT count(*) FROM {table} WHERE {rest}) AS n, {shown} FROM (SELECT {columns} FROM {table} \
             WHERE {rest} ORDER BY {down} LIMIT 1) AS {ROW}"
        )
    }

    /// Whether the first or the last row of a piece still needs what was done to it.
    pub fn still_needs(self, piece: &Piece) -> Option<String> {
        self.keyed.filter?;
        let (key, low, high) = (self.key(), self.literals(&piece.low), self.literals(&piece.high));
        let condition = self.filtered(&format!("({key} = {low} OR {key} = {high})"));
        Some(format!("SELECT count(*) FROM {} WHERE {condition}", self.keyed.table))
    }

    /// Rows of the range that the other table lacks, by the key.
    pub fn missing(self, columns: &str, to: &str, sweep: Option<&Key>, until: Option<&Key>, rows: u64) -> String {
        let table = self.keyed.table;
        let equal: Vec<String> = self
            .keyed
            .key
            .iter()
            .map(|column| {
                let column = name(column);
                format!("{OTHER}.{column} = {table}.{column}")
            })
            .collect();
        let rest = self.filtered(&self.ahead(sweep, until));
        format!(
            "SELECT {columns} FROM {table} WHERE {rest} AND NOT EXISTS (SELECT 1 FROM {to} AS {OTHER} WHERE {}) \
             ORDER BY {} LIMIT {rows}",
            equal.join(" AND "),
            self.columns()
        )
    }

    /// The statement of a backfill for a piece; nothing for a copy. `casts` are the types of the key's columns.
    pub fn backfill(self, piece: &Piece, casts: &[String]) -> Option<String> {
        match self.keyed.change {
            Change::Set(set) => {
                let condition = self.filtered(&self.within(piece));
                Some(format!("UPDATE {} SET {set}\nWHERE {condition}", self.keyed.table))
            }
            Change::Sql(sql) => {
                Some(with_bounds(sql, self.engine, &self.bound(&piece.low, casts), &self.bound(&piece.high, casts)))
            }
            Change::Copy { .. } => None,
        }
    }

    fn bound(self, key: &Key, casts: &[String]) -> String {
        let values: Vec<String> = key.0.iter().map(|value| literal(self.engine, value)).collect();
        let cast = |(at, value): (usize, &String)| match casts.get(at) {
            Some(cast) => format!("{value}::{cast}"),
            None => value.clone(),
        };
        tuple(&values.iter().enumerate().map(cast).collect::<Vec<_>>(), str::to_owned)
    }
}

/// Puts the bounds in. Both keys are in the batch: what is greater than `:low` begins with it, and what is less than `:high`
/// ends with it.
pub(super) fn with_bounds(sql: &str, engine: Engine, low: &str, high: &str) -> String {
    let tokens = final_tokens(sql, engine);
    let mut text = String::with_capacity(sql.len() + low.len() + high.len());
    let mut from = 0;
    let mut at = 0;
    while at < tokens.len() {
        let Some(bound) = placeholder(&tokens, at) else {
            at += 1;
            continue;
        };
        let end = tokens[at + 1].at + tokens[at + 1].text.len();
        let is_low = bound == "low";
        let (before, behind) = if is_low { (">", "<") } else { ("<", ">") };
        text.push_str(&sql[from..tokens[at].at]);
        if at > 0 && is_lone(&tokens, at - 1, before) {
            let after = tokens[at - 1].at + 1;
            text.insert(text.len() - (tokens[at].at - after), '=');
        }
        text.push_str(if is_low { low } else { high });
        from = end;
        if is_lone(&tokens, at + 2, behind) {
            let after = tokens[at + 2].at + 1;
            text.push_str(&sql[from..after]);
            text.push('=');
            from = after;
        }
        at += 2;
    }
    text.push_str(&sql[from..]);
    text
}

/// Which bounds a text names.
pub(super) fn has_bounds(sql: &str, engine: Engine) -> [bool; 2] {
    let tokens = final_tokens(sql, engine);
    ["low", "high"].map(|bound| (0..tokens.len()).any(|at| placeholder(&tokens, at) == Some(bound)))
}

fn placeholder(tokens: &[Token<'_>], at: usize) -> Option<&'static str> {
    let (colon, word) = (tokens.get(at)?, tokens.get(at + 1)?);
    let is_cast = at > 0 && tokens[at - 1].is_symbol(":") && tokens[at - 1].at + 1 == colon.at;
    if !colon.is_symbol(":") || is_cast || word.kind != Kind::Word || word.at != colon.at + 1 {
        return None;
    }
    ["low", "high"].into_iter().find(|bound| word.text == *bound)
}

/// Whether a character is an operator by itself and no part of a longer one.
fn is_lone(tokens: &[Token<'_>], at: usize, symbol: &str) -> bool {
    let Some(token) = tokens.get(at).filter(|token| token.is_symbol(symbol)) else { return false };
    let joins = |other: &Token<'_>| other.kind == Kind::Symbol && "=<>@|&~!#^%?".contains(other.text);
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let is_after = |before: &&Token<'_>| {
        before.at + 1 == token.at && before.kind == Kind::Symbol && "=<>@|&~!#^%?-+*/".contains(before.text)
    };
    let follows = tokens.get(at + 1).filter(|after| after.at == token.at + 1);
    before.filter(is_after).is_none() && follows.is_none_or(|after| !joins(after))
}

/// A change that would find its own rows again, for ever.
pub(super) fn endless(piece: &Piece) -> Failure {
    refused(format!(
        "rows from {} to {} still meet the condition after they were changed, so that there would be no end; let the change take \
         away what the condition asks for",
        piece.low, piece.high
    ))
}

/// Refuses a batch whose sides differ.
pub(super) fn same(from: &str, to: &str, wanted: u64, found: u64, is_same: bool) -> Result<(), Failure> {
    if wanted != found {
        return Err(refused(format!("the rows of a batch differ: {wanted} in `{from}`, {found} in `{to}`")));
    }
    if !is_same {
        return Err(refused(format!("the contents of a batch differ between `{from}` and `{to}`, in {wanted} rows")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(sql: &str) -> String {
        with_bounds(sql, Engine::Postgres, "'1'::int8", "'9'::int8")
    }

    #[test]
    fn bounds_stand_only_where_sql_stands() {
        assert_eq!(put("id BETWEEN :low AND :high"), "id BETWEEN '1'::int8 AND '9'::int8");
        assert_eq!(
            put("':low' -- :low\n /* :high */ \":low\" a::low :lower"),
            "':low' -- :low\n /* :high */ \":low\" a::low :lower"
        );
        assert_eq!(put("f(:low,:high)"), "f('1'::int8,'9'::int8)");
        assert_eq!(has_bounds("SELECT :low, ':high'", Engine::Sqlite), [true, false]);
    }

    #[test]
    fn both_ends_are_in_the_batch() {
        assert_eq!(put("id > :low AND id <= :high"), "id >= '1'::int8 AND id <= '9'::int8");
        assert_eq!(put("id >:low"), "id >='1'::int8");
        assert_eq!(put("id > /* a */ :low"), "id > /* a */ '1'::int8".replace("> /", ">= /"));
        assert_eq!(
            put("id >= :low AND :low <= id AND :low < id"),
            "id >= '1'::int8 AND '1'::int8 <= id AND '1'::int8 <= id"
        );
        assert_eq!(put("id >= :low AND id < :high"), "id >= '1'::int8 AND id <= '9'::int8");
        assert_eq!(put("id<:high AND :high > id"), "id<='9'::int8 AND '9'::int8 >= id");
        assert_eq!(
            put("id > :high OR id < :low OR id <> :high OR :high >> id OR a -> :low"),
            "id > '9'::int8 OR id < '1'::int8 OR id <> '9'::int8 OR '9'::int8 >> id OR a -> '1'::int8"
        );
        assert_eq!(
            put(":low <> id AND id <> :low AND a ->> :low"),
            "'1'::int8 <> id AND id <> '1'::int8 AND a ->> '1'::int8"
        );
    }

    #[test]
    fn literals_cannot_be_left() {
        assert_eq!(literal(Engine::Postgres, "it's"), "'it''s'");
        assert_eq!(literal(Engine::Postgres, "a\\'b"), "E'a\\\\''b'");
        assert_eq!(name("a\"b"), "\"a\"\"b\"");
    }
}
