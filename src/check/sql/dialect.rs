//! What tells SQL dialects apart: words that one engine knows and another refuses.
//!
//! Only what is refused stands here. ClickHouse reads BYTEA and `::`, SQLite any name of a type, all of them `now()`.

use crate::model::Engine;
use crate::model::Engine::{ClickHouse, Postgres, Sqlite};

use crate::sql::token::{Kind, Token, depths, shown, statements};

/// Words with the engines that know them.
struct Mark {
    /// Words and characters; `A|B` is either, `~` any name or text, `$` a text in dollars. Words in capitals may be
    /// written in any case, others only so.
    pattern: &'static str,
    /// Where in a statement they mean what they say.
    place: Where,
    /// The engines that know them.
    homes: &'static [Engine],
}

/// Where words are taken for SQL rather than for somebody's column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// At the beginning of a statement.
    Start,
    /// In a statement that begins with one of these.
    Within(&'static [&'static str]),
    /// After the columns of a CREATE, before its SELECT.
    TableOption,
    /// After FROM, JOIN, INTO.
    Source,
    /// As the type of a column or of a cast.
    Type,
    /// Anywhere, but not as a part of a qualified name.
    Anywhere,
}

const DDL: Where = Where::Within(&[
    "CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "EXCHANGE", "OPTIMIZE", "ATTACH", "DETACH", "SYSTEM", "KILL",
]);
const ALTER: Where = Where::Within(&["ALTER"]);
const CHANGE: Where = Where::Within(&["INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "REPLACE"]);

macro_rules! marks {
    ($($place:expr, $homes:expr => $($pattern:literal)+;)*) => {
        &[$($(Mark { pattern: $pattern, place: $place, homes: $homes }),+),*]
    };
}

const MARKS: &[Mark] = marks! {
    Where::Start, &[ClickHouse] =>
        "OPTIMIZE TABLE" "DETACH TABLE|VIEW|DICTIONARY" "ATTACH TABLE|VIEW|DICTIONARY" "RENAME TABLE|DICTIONARY"
        "EXCHANGE TABLES|DICTIONARIES" "KILL MUTATION|QUERY" "CREATE DICTIONARY" "DROP DICTIONARY"
        "SYSTEM STOP|START|FLUSH|RELOAD|SYNC|DROP|RESTART|RESTORE|WAIT";
    Where::TableOption, &[ClickHouse] => "ENGINE =";
    DDL, &[ClickHouse] => "ON CLUSTER ~";
    ALTER, &[ClickHouse] =>
        "MATERIALIZE COLUMN|INDEX|PROJECTION|TTL|STATISTICS" "ADD|DROP|CLEAR PROJECTION" "CLEAR COLUMN|INDEX" "MODIFY COLUMN|TTL|ORDER|SETTING"
        "ATTACH|DETACH|REPLACE|MOVE|FREEZE|DROP PARTITION ID";
    Where::Anywhere, &[ClickHouse] => "PREWHERE"
        "LowCardinality (" "Nullable (" "DateTime64 (" "FixedString (" "AggregateFunction (" "SimpleAggregateFunction ("
        "UInt8" "UInt16" "UInt32" "UInt64" "UInt128" "UInt256";
    Where::Source, &[ClickHouse] =>
        "system . tables|columns|parts|parts_columns|detached_parts|mutations|merges|moves|replicas|replication_queue|clusters|macros|disks|storage_policies|processes|query_log|part_log|databases|dictionaries|zookeeper|settings|functions|numbers|one|metrics|events|asynchronous_metrics|distribution_queue|distributed_ddl_queue|data_skipping_indices|projections|errors|text_log|views|build_options";
    Where::Anywhere, &[ClickHouse] => "toDate (" "toDateTime (" "toDateTime64 (" "toYYYYMM (" "toYYYYMMDD ("
        "toStartOfMonth (" "toStartOfYear (" "toStartOfDay (" "toString (" "toUUID (" "toInt32 (" "toInt64 (" "toUInt8 (" "toUInt32 ("
        "toUInt64 (" "toFloat64 (" "cityHash64 (" "sipHash64 (" "arrayJoin (" "arrayMap (" "groupArray (" "countIf (" "sumIf (" "avgIf ("
        "minIf (" "maxIf (" "anyIf (" "uniqExact (" "argMax (" "argMin (" "intDiv (" "multiIf (" "clusterAllReplicas (" "dictGet ("
        "dictGetOrDefault (" "dictHas (" "JSONExtractString (" "JSONExtractRaw (" "replaceOne (" "replaceAll (" "tupleElement (";
    Where::Anywhere, &[ClickHouse, Sqlite] => "COUNT ( )";
    Where::Type, &[Postgres, Sqlite] => "JSONB" "TIMESTAMPTZ";
    Where::Type, &[Postgres] => "SERIAL" "BIGSERIAL" "SMALLSERIAL";
    DDL, &[Postgres] => "INDEX|VIEW|TABLE CONCURRENTLY";
    Where::Start, &[Postgres] => "CREATE|ALTER|DROP EXTENSION" "DO $" "DO LANGUAGE";
    Where::Start, &[Postgres, Sqlite] => "VACUUM";
    Where::Source, &[Postgres] => "pg_*";
    Where::Anywhere, &[Postgres] => "pg_* (" "to_regclass (";
    Where::Anywhere, &[ClickHouse, Postgres] => ": :";
    CHANGE, &[Postgres, Sqlite] => "ON CONFLICT" "RETURNING *" "RETURNING ~";
    Where::Start, &[Sqlite] => "PRAGMA" "INSERT OR REPLACE|IGNORE|ABORT|FAIL|ROLLBACK";
    Where::TableOption, &[Sqlite] => "WITHOUT ROWID";
    DDL, &[Sqlite] => "KEY AUTOINCREMENT" "KEY ASC|DESC AUTOINCREMENT";
    Where::Source, &[Sqlite] => "sqlite_master|sqlite_schema|sqlite_sequence|sqlite_temp_master";
};

/// Words of other engines in a text, each once as it is written, with the engines that know it.
pub(in crate::check) fn foreign(tokens: &[Token<'_>], engine: Engine) -> Vec<(String, &'static [Engine])> {
    let mut found: Vec<(String, &'static [Engine])> = Vec::new();
    let marks: Vec<&Mark> = MARKS.iter().filter(|mark| !mark.homes.contains(&engine)).collect();
    for statement in statements(tokens) {
        let depths = depths(statement);
        for at in 0..statement.len() {
            for mark in &marks {
                let Some(length) = length(mark.pattern, &statement[at..]) else { continue };
                let shown = shown(&statement[at..at + length]);
                if is_in_place(mark.place, statement, at, length, depths[at])
                    && found.iter().all(|(known, _)| *known != shown)
                {
                    found.push((shown, mark.homes));
                }
            }
        }
    }
    found
}

/// How many tokens a pattern matches at the beginning.
fn length(pattern: &str, tokens: &[Token<'_>]) -> Option<usize> {
    let mut count = 0;
    for (element, token) in pattern.split(' ').map(Some).zip(tokens.iter().map(Some).chain(std::iter::repeat(None))) {
        let matches = |element: &str, token: &Token<'_>| match element {
            "~" => !matches!(token.kind, Kind::Symbol | Kind::Number),
            "$" => token.kind == Kind::Literal && token.text.starts_with('$'),
            "pg_*" => token.kind == Kind::Word && token.text.starts_with("pg_"),
            _ if token.kind == Kind::Symbol => token.text == element,
            _ => element.split('|').any(|word| is(token, word)),
        };
        element.zip(token).filter(|(element, token)| matches(element, token))?;
        count += 1;
    }
    Some(count)
}

fn is(token: &Token<'_>, word: &str) -> bool {
    let is_exact = word.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_exact { token.kind == Kind::Word && token.text == word } else { token.is_word(word) }
}

fn is_in_place(place: Where, statement: &[Token<'_>], at: usize, length: usize, depth: usize) -> bool {
    let before = |steps: usize| at.checked_sub(steps).map(|index| &statement[index]);
    let follows = |steps: usize, symbol: &str| before(steps).is_some_and(|token| token.is_symbol(symbol));
    match place {
        Where::Start => at == 0,
        Where::Within(verbs) => statement[0].is_one_of(verbs) && !follows(1, "."),
        Where::TableOption => {
            let ends = |token: &Token<'_>| token.is_one_of(&["SELECT", "WHERE"]);
            let is_name = statement.get(at + length).is_none_or(|next| next.kind != Kind::Literal);
            depth == 0 && is_name && statement[0].is_one_of(&["CREATE", "ATTACH"]) && !statement[..at].iter().any(ends)
        }
        Where::Source => before(1).is_some_and(|token| token.is_one_of(&["FROM", "JOIN", "INTO"])),
        Where::Type => {
            let is_cast = follows(1, ":") && follows(2, ":");
            let is_named = before(1).is_some_and(|name| matches!(name.kind, Kind::Word | Kind::Quoted));
            let is_declared = statement[0].is_word("CREATE") && depth > 0 && (follows(2, "(") || follows(2, ","));
            let is_added = statement[0].is_word("ALTER")
                && before(2).is_some_and(|token| token.is_one_of(&["ADD", "COLUMN", "EXISTS"]));
            is_cast || (is_named && (is_declared || is_added))
        }
        Where::Anywhere => !follows(1, "."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::token::tokens;

    fn on(engine: Engine, sql: &str) -> Vec<String> {
        foreign(&tokens(sql, Some(engine)), engine).into_iter().map(|(shown, _)| shown).collect()
    }

    #[test]
    fn clickhouse_is_told() {
        for (sql, expected) in [
            ("CREATE TABLE a (b text) ENGINE = ReplacingMergeTree('v') ORDER BY b", vec!["ENGINE ="]),
            ("CREATE TABLE a ON CLUSTER 'c' (b Nullable(String))", vec!["ON CLUSTER 'c'", "Nullable("]),
            ("optimize table a FINAL; SYSTEM STOP MERGES", vec!["optimize table", "SYSTEM STOP"]),
            ("SELECT countIf(x) FROM system.tables", vec!["countIf(", "system.tables"]),
            ("SELECT count() FROM a PREWHERE b", vec!["count()", "PREWHERE"]),
            (
                "ALTER TABLE a MATERIALIZE INDEX i, ADD PROJECTION p (SELECT 1)",
                vec!["MATERIALIZE INDEX", "ADD PROJECTION"],
            ),
            ("RENAME TABLE a TO b", vec!["RENAME TABLE"]),
        ] {
            assert_eq!(on(Postgres, sql), expected, "{sql}");
        }
        assert_eq!(on(Sqlite, "SELECT count() FROM a"), [""; 0]);
    }

    #[test]
    fn postgres_is_told() {
        for (sql, expected) in [
            ("CREATE TABLE a (id BIGSERIAL PRIMARY KEY, b jsonb)", vec!["BIGSERIAL", "jsonb"]),
            ("ALTER TABLE a ADD COLUMN IF NOT EXISTS b TIMESTAMPTZ", vec!["TIMESTAMPTZ"]),
            ("CREATE INDEX CONCURRENTLY i ON a (b)", vec!["INDEX CONCURRENTLY"]),
            (
                "SELECT pg_size_pretty(1) FROM pg_class JOIN pg_catalog.pg_type ON true",
                vec!["pg_size_pretty(", "pg_class", "pg_catalog"],
            ),
            ("DO $$ BEGIN END $$", vec!["DO $$ BEGIN END $$"]),
            ("INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING RETURNING id", vec!["ON CONFLICT", "RETURNING id"]),
            ("VACUUM a; CREATE EXTENSION x", vec!["VACUUM", "CREATE EXTENSION"]),
        ] {
            assert_eq!(on(ClickHouse, sql), expected, "{sql}");
        }
        assert_eq!(on(Sqlite, "VACUUM; INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING RETURNING id"), [""; 0]);
        assert_eq!(on(Sqlite, "SELECT a::text, 1"), ["::"]);
    }

    #[test]
    fn sqlite_is_told() {
        for (sql, expected) in [
            ("PRAGMA foreign_keys = ON", vec!["PRAGMA"]),
            (
                "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT) WITHOUT ROWID",
                vec!["KEY AUTOINCREMENT", "WITHOUT ROWID"],
            ),
            ("INSERT OR IGNORE INTO a VALUES (1)", vec!["INSERT OR IGNORE"]),
            ("SELECT 1 FROM sqlite_master", vec!["sqlite_master"]),
        ] {
            assert_eq!(on(Postgres, sql), expected, "{sql}");
        }
    }

    #[test]
    fn names_and_texts_are_nobodys_dialect() {
        for sql in [
            "SELECT engine, count(*) FROM cars WHERE engine = 'diesel' AND cars.engine = other GROUP BY engine",
            "CREATE TABLE cars AS SELECT 1 AS a WHERE engine = b",
            "CREATE TABLE cars (engine text CHECK (engine = upper(engine)))",
            "SELECT 'ENGINE = Log ON CLUSTER c', \"PREWHERE\", prewhere.x, x.prewhere -- toDate(x)",
            "SELECT a FROM b JOIN c ON cluster = b.cluster",
            "UPDATE system SET tables = 1",
            "SELECT todate(x), to_date(x)",
        ] {
            let found = on(Postgres, sql);
            assert!(found.is_empty() || found == ["prewhere"], "{sql}: {found:?}");
        }
        for sql in [
            "SELECT serial, jsonb FROM devices ORDER BY serial",
            "CREATE TABLE a (serial String, returning UInt8) ENGINE = Log",
            "SELECT returning FROM a WHERE vacuum = 'DO $$'",
            "CREATE TABLE a (b BYTEA, c String DEFAULT 'PRAGMA') ENGINE = Log",
            "SELECT x::String, page_size(1) FROM a.pg",
        ] {
            assert_eq!(on(ClickHouse, sql), [""; 0], "{sql}");
        }
    }
}
