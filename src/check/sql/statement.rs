//! What a statement does to tables, as far as it can be seen without a database.
//!
//! Reads the few forms of DDL and of copying that the rules ask about, in all dialects at once; whatever else it meets has
//! no effect here. That is why a rule may be silent where it cannot see, but is not wrong where it speaks.

use super::alter;
use super::names::{Name, name};
use super::reader::Reader;
use crate::sql::token::{Kind, Token, depths, statements};

/// One effect of a statement on an object.
#[derive(Clone, Debug)]
pub(in crate::check) enum Effect {
    /// A table, view or dictionary is created, possibly filled from other tables.
    Create { object: Name, from: Vec<Name> },
    /// It is dropped.
    Drop(Name),
    /// All its rows go.
    Empty(Name),
    /// It gets another name.
    Rename { from: Name, to: Name },
    /// Two tables exchange their names.
    Exchange(Name, Name),
    /// A column, index, projection or constraint is added.
    AddPart(Name),
    /// One is dropped.
    DropPart(Name),
    /// Rows of other tables are inserted.
    Insert { into: Name, from: Vec<Name> },
    /// Parts of a table are linked into another.
    Link { into: Name, from: Name },
}

/// The first table that a statement names, for messages.
pub(in crate::check) fn subject(tokens: &[Token<'_>]) -> Option<Name> {
    let before = ["TABLE", "VIEW", "DICTIONARY", "INTO", "FROM", "UPDATE"];
    let at = tokens.iter().position(|token| token.is_one_of(&before))?;
    let mut reader = Reader(&tokens[at + 1..]);
    reader.condition();
    reader.name()
}

/// Table functions that make rows rather than read them.
const GENERATORS: [&str; 7] =
    ["numbers", "numbers_mt", "zeros", "generate_series", "generaterandom", "unnest", "values"];

/// What the statements do, in their order.
pub(in crate::check) fn effects(tokens: &[Token<'_>]) -> Vec<Effect> {
    statements(tokens).into_iter().flat_map(|statement| of_statement(statement).unwrap_or_default()).collect()
}

const OBJECTS: [&str; 4] = ["TABLE", "VIEW", "DICTIONARY", "DATABASE"];

fn of_statement(statement: &[Token<'_>]) -> Option<Vec<Effect>> {
    let mut reader = Reader(after_with(statement));
    if reader.eat(&["CREATE"]) {
        create(reader)
    } else if reader.eat(&["DROP"]) {
        drop_objects(reader)
    } else if reader.eat(&["TRUNCATE"]) {
        reader.eat(&["TABLE"]);
        reader.condition();
        Some(reader.names().into_iter().map(Effect::Empty).collect())
    } else if reader.eat(&["DELETE"]) {
        reader.eat(&["FROM"]);
        reader.condition();
        let table = reader.name()?;
        Some(if is_everything(reader.0) { vec![Effect::Empty(table)] } else { Vec::new() })
    } else if reader.eat(&["ALTER"]) {
        reader.eat(&["TABLE"]).then_some(())?;
        reader.condition();
        alter::effects(reader)
    } else if reader.eat(&["RENAME"]) {
        rename(reader)
    } else if reader.eat(&["EXCHANGE"]) {
        reader.eat(&["TABLES", "DICTIONARIES"]);
        let (one, other) = (reader.name()?, reader.eat(&["AND"]).then(|| reader.name())??);
        Some(vec![Effect::Exchange(one, other)])
    } else if reader.eat(&["INSERT"]) {
        insert(reader)
    } else {
        None
    }
}

/// A statement without its `WITH …`.
fn after_with<'t, 'a>(statement: &'t [Token<'a>]) -> &'t [Token<'a>] {
    if !statement.first().is_some_and(|first| first.is_word("WITH")) {
        return statement;
    }
    let verb = statement
        .iter()
        .zip(depths(statement))
        .position(|(token, depth)| depth == 0 && token.is_one_of(&["INSERT", "DELETE", "UPDATE", "SELECT"]));
    verb.map_or(statement, |verb| &statement[verb..])
}

fn create(mut reader: Reader<'_, '_>) -> Option<Vec<Effect>> {
    if reader.eat(&["OR"]) {
        reader.eat(&["REPLACE"]);
    }
    while reader.eat(&["TEMP", "TEMPORARY", "UNLOGGED", "MATERIALIZED", "UNIQUE", "FOREIGN", "VIRTUAL"]) {}
    if reader.eat(&["INDEX"]) {
        reader.eat(&["CONCURRENTLY"]);
        reader.condition();
        return Some(vec![Effect::AddPart(reader.name()?)]);
    }
    let is_table = reader.0.first()?.is_word("TABLE");
    if !reader.eat(&OBJECTS) {
        return None;
    }
    reader.condition();
    let object = reader.name()?;
    let from = if is_table { filled_from(reader.0) } else { Vec::new() };
    Some(vec![Effect::Create { object, from }])
}

/// The tables that `AS SELECT …` fills a new one from.
fn filled_from(rest: &[Token<'_>]) -> Vec<Name> {
    let stays_empty = (0..rest.len()).any(|at| {
        matches!(&rest[at..], [with, no, data, ..] if with.is_word("WITH") && no.is_word("NO") && data.is_word("DATA"))
            || matches!(&rest[at..], [empty, r#as, ..] if empty.is_word("EMPTY") && r#as.is_word("AS"))
    });
    let query = rest.iter().zip(depths(rest)).enumerate().find_map(|(at, (token, depth))| {
        let after = rest.get(at + 1..)?;
        let first = after.iter().find(|token| !token.is_symbol("("))?;
        (depth == 0 && token.is_word("AS") && first.is_one_of(&["SELECT", "WITH", "TABLE"])).then_some(after)
    });
    match query {
        Some(query) if !stays_empty => sources(query),
        _ => Vec::new(),
    }
}

/// The tables that a query reads, those of table functions as `postgresql(…)`.
pub(in crate::check) fn sources(query: &[Token<'_>]) -> Vec<Name> {
    let mut sources = Vec::new();
    for (at, token) in query.iter().enumerate() {
        if !token.is_one_of(&["FROM", "JOIN"]) {
            continue;
        }
        let Some((mut source, after)) = name(&query[at + 1..]) else { continue };
        if after.first().is_some_and(|next| next.is_symbol("(")) {
            if GENERATORS.iter().any(|generator| source.is_text(generator)) {
                continue;
            }
            source.text.push_str("(…)");
        }
        sources.push(source);
    }
    sources
}

fn drop_objects(mut reader: Reader<'_, '_>) -> Option<Vec<Effect>> {
    reader.eat(&["TEMPORARY", "MATERIALIZED", "FOREIGN"]);
    if reader.eat(&["INDEX"]) {
        reader.eat(&["CONCURRENTLY"]);
        reader.condition();
        return Some(reader.names().into_iter().map(Effect::DropPart).collect());
    }
    if !reader.eat(&OBJECTS) {
        return None;
    }
    reader.condition();
    Some(reader.names().into_iter().map(Effect::Drop).collect())
}

/// Whether what follows a DELETE's table keeps no row.
pub(in crate::check) fn is_everything(rest: &[Token<'_>]) -> bool {
    match rest {
        [] => true,
        [r#where, truth] => {
            r#where.is_word("WHERE") && (truth.is_word("TRUE") || (truth.kind == Kind::Number && truth.text == "1"))
        }
        [r#where, left, equals, right] => {
            r#where.is_word("WHERE") && equals.is_symbol("=") && left.kind == Kind::Number && left.text == right.text
        }
        _ => false,
    }
}

fn rename(mut reader: Reader<'_, '_>) -> Option<Vec<Effect>> {
    if !reader.eat(&OBJECTS) {
        return None;
    }
    reader.condition();
    let mut effects = Vec::new();
    while let Some(from) = reader.name() {
        if !reader.eat(&["TO"]) {
            break;
        }
        effects.push(Effect::Rename { from, to: reader.name()? });
        reader.symbol(",");
    }
    Some(effects)
}

fn insert(mut reader: Reader<'_, '_>) -> Option<Vec<Effect>> {
    let into = reader.0.iter().position(|token| token.is_word("INTO"))?;
    reader.0 = &reader.0[into + 1..];
    reader.eat(&["TABLE"]);
    let into = reader.name()?;
    let query = reader.0.iter().position(|token| token.is_word("SELECT"))?;
    Some(vec![Effect::Insert { into, from: sources(&reader.0[query..]) }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::token::tokens;

    /// Each effect as a line.
    fn lines(sql: &str) -> Vec<String> {
        let list = |names: Vec<Name>| names.into_iter().map(|name| name.text).collect::<Vec<_>>().join(", ");
        let line = |effect| match effect {
            Effect::Create { object, from } => format!("create {} from [{}]", object.text, list(from)),
            Effect::Drop(name) => format!("drop {}", name.text),
            Effect::Empty(name) => format!("empty {}", name.text),
            Effect::Rename { from, to } => format!("rename {} to {}", from.text, to.text),
            Effect::Exchange(one, other) => format!("exchange {} and {}", one.text, other.text),
            Effect::AddPart(name) => format!("add {}", name.text),
            Effect::DropPart(name) => format!("remove {}", name.text),
            Effect::Insert { into, from } => format!("insert {} from [{}]", into.text, list(from)),
            Effect::Link { into, from } => format!("link {} from {}", into.text, from.text),
        };
        effects(&tokens(sql, None)).into_iter().map(line).collect()
    }

    #[test]
    fn tables_come_and_go() {
        assert_eq!(lines("CREATE TABLE IF NOT EXISTS a AS b ENGINE = X ORDER BY (c)"), ["create a from []"]);
        assert_eq!(
            lines("CREATE TABLE a ENGINE = X AS SELECT * FROM db.b JOIN c USING d"),
            ["create a from [db.b, c]"]
        );
        assert_eq!(lines("CREATE TABLE a (x Int8, PROJECTION p (SELECT max(x))) ENGINE = X"), ["create a from []"]);
        assert_eq!(lines("CREATE TABLE a AS TABLE b WITH NO DATA"), ["create a from []"]);
        assert_eq!(lines("CREATE MATERIALIZED VIEW a TO b AS SELECT * FROM c"), ["create a from []"]);
        assert_eq!(lines("DROP TABLE IF EXISTS a, s.b; TRUNCATE c"), ["drop a", "drop s.b", "empty c"]);
        assert_eq!(
            lines("RENAME TABLE a TO b, c TO {{ x | ident }}"),
            ["rename a to b", "rename c to {{ x | ident }}"]
        );
        assert_eq!(lines("EXCHANGE TABLES a AND b"), ["exchange a and b"]);
        assert_eq!(lines("SELECT 'DROP TABLE a'; DETACH TABLE b"), [""; 0]);
    }

    #[test]
    fn parts_of_tables_come_and_go() {
        assert_eq!(
            lines("ALTER TABLE a ON CLUSTER c ADD COLUMN IF NOT EXISTS b Nullable(x, y), DROP INDEX i"),
            ["add b", "remove i"]
        );
        assert_eq!(lines("ALTER TABLE ONLY a ALTER COLUMN b DROP NOT NULL, DROP c CASCADE"), ["remove c"]);
        assert_eq!(lines("ALTER TABLE a DROP PARTITION 202001"), [""; 0]);
        assert_eq!(lines("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)"), ["add i"]);
    }

    #[test]
    fn rows_come_and_go() {
        assert_eq!(
            lines("DELETE FROM a; DELETE FROM b WHERE x = 1; DELETE FROM c WHERE 1 = 1"),
            ["empty a", "empty c"]
        );
        assert_eq!(lines("ALTER TABLE a DELETE WHERE 1; ALTER TABLE b DELETE WHERE is_deleted = 1"), ["empty a"]);
        assert_eq!(lines("INSERT INTO a (x) SELECT y FROM b WHERE z IN (SELECT 1 FROM c)"), ["insert a from [b, c]"]);
        assert_eq!(
            lines("WITH x AS (SELECT 1) INSERT INTO a SELECT * FROM postgresql(p)"),
            ["insert a from [postgresql(…)]"]
        );
        assert_eq!(
            lines("INSERT INTO a SELECT number FROM numbers(10); INSERT INTO b VALUES (1)"),
            ["insert a from []"]
        );
        assert_eq!(lines("ALTER TABLE a REPLACE PARTITION ID 'x' FROM b"), ["link a from b"]);
        assert_eq!(lines("ALTER TABLE a MOVE PARTITION ID 'x' TO TABLE b"), ["link b from a"]);
        assert_eq!(lines("ALTER TABLE a RENAME TO b"), ["rename a to b"]);
    }
}
