//! Statements as a database reads them: whatever a value holds, it comes back as it was and nothing more happens.

use std::collections::BTreeMap;

use orchestrate::model::Engine;
use orchestrate::template::render_sql;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _};

use crate::support::{documents, repository};

/// Texts made of what matters to a reader of SQL, and of anything else.
fn texts() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "'",
        "''",
        "\\",
        "\\'",
        "\"",
        "`",
        "--",
        "/*",
        "*/",
        "$$",
        "$a$",
        "\n",
        "\r",
        "E'",
        "{{",
        "}}",
        "%",
        "?",
        ":low",
        "$1",
        ";",
        "#",
        "\u{2019}",
        "é",
        "\u{202e}",
        "DROP TABLE t",
        "x",
        "\u{fffd}",
    ])
    .prop_map(str::to_owned);
    let any = any::<char>().prop_filter("neither is a text of every database", |c| !matches!(c, '\0' | '\u{fdd0}'));
    prop::collection::vec(prop_oneof![4 => hostile, 1 => any.prop_map(|c| c.to_string())], 0..12)
        .prop_map(|parts| parts.concat())
}

fn rendered(engine: Engine, source: &str, value: &str) -> String {
    render_sql(source, engine, &json!({"params": {"x": value}})).expect("the value is there, where SQL stands")
}

/// What ClickHouse makes of a literal: its chapter on string literals.
fn read_by_clickhouse(literal: &str) -> Option<String> {
    let mut characters = literal.strip_prefix('\'')?.strip_suffix('\'')?.chars();
    let mut text = String::new();
    while let Some(c) = characters.next() {
        match c {
            '\'' => return None,
            '\\' => text.push(characters.next().filter(|c| matches!(c, '\\' | '\''))?),
            _ => text.push(c),
        }
    }
    Some(text)
}

/// What Postgres makes of a literal: its chapter on string constants.
fn read_by_postgres(literal: &str) -> Option<String> {
    let (body, has_escapes) = match literal.strip_prefix(" E'") {
        Some(body) => (body, true),
        None => (literal.strip_prefix('\'')?, false),
    };
    let mut characters = body.strip_suffix('\'')?.chars();
    let mut text = String::new();
    while let Some(c) = characters.next() {
        match c {
            '\'' => text.push(characters.next().filter(|c| *c == '\'')?),
            '\\' if !has_escapes => return None,
            '\\' => text.push(characters.next().filter(|c| *c == '\\')?),
            _ => text.push(c),
        }
    }
    Some(text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn clickhouse_and_postgres_read_back_what_was_written(text in texts()) {
        prop_assert_eq!(read_by_clickhouse(&rendered(Engine::ClickHouse, "{{ params.x }}", &text)), Some(text.clone()));
        prop_assert_eq!(read_by_postgres(&rendered(Engine::Postgres, "{{ params.x }}", &text)), Some(text));
    }
}

#[test]
fn sqlite_reads_back_what_was_written() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().in_memory(true).disable_statement_logging();
        let mut connection = options.connect().await.expect("a database in memory can be opened");
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..500 {
            let text = texts().new_tree(&mut runner).expect("a text can be made").current();
            let sql =
                rendered(Engine::Sqlite, "SELECT {{ params.x }} AS {{ ('n' ~ params.x) | ident }}, 7 -{{ -7 }}", &text);
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("it is one statement");
            assert_eq!(row.get::<String, _>(0), text);
            assert_eq!(row.column(0).name(), format!("n{text}"));
            assert_eq!(row.get::<i64, _>(1), 14);
        }
        connection.close().await.expect("it is closed");
    });
}

/// The statements of a document: its texts under these keys, with templates in them.
fn statements(value: &serde_json::Value, found: &mut Vec<String>) {
    const KEYS: [&str; 7] = ["sql", "rows", "undo", "done_when", "done", "total", "where"];
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                found.extend(value.as_str().filter(|_| KEYS.contains(&key.as_str())).map(str::to_owned));
                statements(value, found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| statements(item, found)),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}

#[test]
fn every_statement_that_is_shipped_can_be_rendered() {
    let (mut count, mut failed) = (0, Vec::new());
    for (path, document) in documents(repository()) {
        let mut found = Vec::new();
        statements(&document, &mut found);
        let parameters = document["parameters"].as_object().into_iter().flatten();
        let params: serde_json::Map<_, _> =
            parameters.map(|(name, of)| (name.clone(), of["default"].clone())).collect();
        let columns = found.iter().flat_map(|sql| sql.split("item.").skip(1));
        let column = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let item: BTreeMap<String, &str> = columns.map(|rest| (column(rest), "x")).collect();
        let context = json!({
            "params": params, "vars": {}, "item": item, "run": {"id": "r", "started": "s"},
            "target": {"name": "clickhouse", "database": "posthog", "cluster": "posthog"},
        });
        for sql in found.iter().filter(|sql| sql.contains("{{")) {
            count += 1;
            failed.extend(render_sql(sql, Engine::ClickHouse, &context).err().map(|error| format!("{path}: {error}")));
        }
    }
    assert_eq!(failed, [""; 0]);
    assert!(count > 40, "{count} statements");
}
