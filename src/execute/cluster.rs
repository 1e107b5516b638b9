//! `scope: cluster`: a statement of ClickHouse on every host, waited for until each has reported.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Engine;
use crate::sql::token::{Token, final_tokens};

/// The statement with ON CLUSTER where its form wants it.
///
/// After the name for CREATE, DROP, ALTER, TRUNCATE, ATTACH, DETACH and OPTIMIZE, at the end for RENAME and EXCHANGE.
/// <https://clickhouse.com/docs/sql-reference/distributed-ddl>
pub(super) fn on_cluster(sql: &str, cluster: &str) -> Result<String, String> {
    let sql = sql.trim_end().trim_end_matches(';');
    let tokens = final_tokens(sql, Engine::ClickHouse);
    let has = |words: &[&str]| tokens.windows(words.len()).any(|window| matches(window, words));
    if has(&["ON", "CLUSTER"]) {
        return Ok(sql.to_owned());
    }
    let first = tokens.first().ok_or("there is no statement")?;
    let clause = format!(" ON CLUSTER `{}`", cluster.replace('\\', r"\\").replace('`', r"\`"));
    if first.is_one_of(&["RENAME", "EXCHANGE"]) {
        return Ok(format!("{sql}{clause}"));
    }
    let at = end_of_name(&tokens).ok_or_else(|| {
        format!(
            "`scope: cluster` does not know where ON CLUSTER goes in a statement of {}; write it yourself",
            first.text
        )
    })?;
    Ok(format!("{}{clause}{}", &sql[..at], &sql[at..]))
}

fn matches(tokens: &[Token<'_>], words: &[&str]) -> bool {
    tokens.iter().zip(words).all(|(token, word)| token.is_word(word))
}

/// The byte after the name of what a statement is about.
fn end_of_name(tokens: &[Token<'_>]) -> Option<usize> {
    const VERBS: [&str; 7] = ["CREATE", "DROP", "ALTER", "TRUNCATE", "ATTACH", "DETACH", "OPTIMIZE"];
    const KINDS: [&str; 8] = ["TABLE", "DATABASE", "VIEW", "DICTIONARY", "FUNCTION", "USER", "ROLE", "COLLECTION"];
    const BEFORE: [&str; 10] =
        ["OR", "REPLACE", "TEMPORARY", "MATERIALIZED", "LIVE", "NAMED", "IF", "NOT", "EXISTS", "EMPTY"];
    let mut rest = tokens;
    let (first, after) = rest.split_first()?;
    if !first.is_one_of(&VERBS) {
        return None;
    }
    rest = after;
    let mut seen_kind = false;
    while let Some((token, after)) = rest.split_first() {
        let is_kind = !seen_kind && token.is_one_of(&KINDS);
        if !(is_kind || token.is_one_of(&BEFORE)) {
            break;
        }
        seen_kind |= is_kind;
        rest = after;
    }
    let mut name = rest.first()?;
    let mut after = &rest[1..];
    while let [dot, part, others @ ..] = after {
        if !dot.is_symbol(".") {
            break;
        }
        (name, after) = (part, others);
    }
    (seen_kind || first.is_word("TRUNCATE")).then_some(name.at + name.text.len())
}

/// Has the server wait for every host as long as the operation may take, and fail if one fails.
pub(super) fn wait_for_hosts(settings: &mut BTreeMap<String, String>, timeout: Duration) {
    settings.entry("distributed_ddl_task_timeout".to_owned()).or_insert_with(|| timeout.as_secs().to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_stands_where_each_form_wants_it() {
        let on = |sql: &str| on_cluster(sql, "main").unwrap_or_else(|error| error);
        assert_eq!(
            on("CREATE TABLE IF NOT EXISTS a.b (x Int8);"),
            "CREATE TABLE IF NOT EXISTS a.b ON CLUSTER `main` (x Int8)"
        );
        assert_eq!(
            on("CREATE OR REPLACE VIEW `a`.`b` AS SELECT 1"),
            "CREATE OR REPLACE VIEW `a`.`b` ON CLUSTER `main` AS SELECT 1"
        );
        assert_eq!(
            on("CREATE MATERIALIZED VIEW m TO t AS SELECT 1"),
            "CREATE MATERIALIZED VIEW m ON CLUSTER `main` TO t AS SELECT 1"
        );
        assert_eq!(on("DROP TABLE IF EXISTS a"), "DROP TABLE IF EXISTS a ON CLUSTER `main`");
        assert_eq!(on("ALTER TABLE a ADD COLUMN b Int8"), "ALTER TABLE a ON CLUSTER `main` ADD COLUMN b Int8");
        assert_eq!(on("TRUNCATE a"), "TRUNCATE a ON CLUSTER `main`");
        assert_eq!(on("RENAME TABLE a TO b, c TO d"), "RENAME TABLE a TO b, c TO d ON CLUSTER `main`");
        assert_eq!(on("DROP TABLE a ON CLUSTER other"), "DROP TABLE a ON CLUSTER other");
        assert!(on("INSERT INTO a SELECT 1").contains("write it yourself"));
    }
}
