//! Staging tables: where a partition is made and proved, before the table that it is for sees any of it.

use crate::model::Engine;
use crate::sql::token::{Kind, Token, final_tokens};

use super::super::error::DatabaseError;
use super::client::text;
use super::session::Session;
use super::table::{Table, TableName, literal, quoted};

/// The table is larger than what the server lets anyone drop at once.
const TOO_LARGE_TO_DROP: &str = "359";
/// In effect where the server has it as a setting of a statement; before, only its configuration has it.
const DROPS_ALL: &[&str] = &["max_table_size_to_drop", "max_partition_size_to_drop"];
const REPLACES_BY_NOTHING: &str = "allow_replace_partition_from_empty_source";
/// Settings that have a meaning for the engine of the destination only, or that would leave out equal blocks.
const NOT_STAGED: [&str; 1] = ["non_replicated_deduplication_window"];

/// What the server can do about staging tables.
pub(super) struct Abilities {
    /// A dropped table stays for minutes unless told otherwise.
    drops_later: bool,
    known: Vec<String>,
}

impl Abilities {
    pub async fn read(session: &Session<'_>, to: &TableName) -> Result<Abilities, DatabaseError> {
        let names: Vec<String> = DROPS_ALL.iter().chain([&REPLACES_BY_NOTHING]).map(|name| literal(name)).collect();
        let sql = format!(
            "SELECT name FROM system.settings WHERE name IN ({}) UNION ALL \
             SELECT concat('engine ', engine) AS name FROM system.databases WHERE name = {}",
            names.join(", "),
            to.database_sql()
        );
        let answer = session.ask(&sql).await?;
        let known: Vec<String> = answer.rows.iter().filter_map(|row| text(row, 0)).map(str::to_owned).collect();
        let drops_later = known.iter().any(|name| matches!(name.as_str(), "engine Atomic" | "engine Replicated"));
        Ok(Abilities { drops_later, known })
    }

    fn settings(&self, wanted: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        wanted.iter().copied().filter(|(name, _)| self.known.iter().any(|known| known == name)).collect()
    }

    /// Puts the partition of `staged` in the place of the one of `to`; where `staged` is empty, there is none any more.
    pub async fn replace(
        &self,
        session: &Session<'_>,
        to: &TableName,
        partition: &str,
        staged: &TableName,
    ) -> Result<(), DatabaseError> {
        let sql = format!("ALTER TABLE {} REPLACE PARTITION ID {} FROM {}", to.sql(), literal(partition), staged.sql());
        let settings = self.settings(&[(DROPS_ALL[1], "0"), (REPLACES_BY_NOTHING, "1")]);
        session.act_with(&sql, &settings).await
    }

    /// Drops a staging table and waits until it is gone from the disk.
    pub async fn drop_one(&self, session: &Session<'_>, staged: &TableName) -> Result<(), DatabaseError> {
        let now = if self.drops_later { " NO DELAY" } else { "" };
        let sql = format!("DROP TABLE IF EXISTS {}{now}", staged.sql());
        let settings = self.settings(&[(DROPS_ALL[0], "0"), (DROPS_ALL[1], "0")]);
        let result = session.act_with(&sql, &settings).await;
        if !result.as_ref().is_err_and(|error| error.code.as_deref() == Some(TOO_LARGE_TO_DROP)) {
            return result;
        }
        let parts = format!("SELECT name FROM system.parts WHERE active AND {}", staged.is("table"));
        for row in &session.ask(&parts).await?.rows {
            let part = literal(text(row, 0).unwrap_or_default());
            session.act_with(&format!("ALTER TABLE {} DROP PART {part}", staged.sql()), &settings).await?;
        }
        session.act_with(&sql, &settings).await
    }

    /// Drops every staging table of a prefix, beside `to`.
    pub async fn drop_all(&self, session: &Session<'_>, to: &TableName, prefix: &str) -> Result<(), DatabaseError> {
        let sql = format!(
            "SELECT name FROM system.tables WHERE database = {} AND startsWith(name, {}) ORDER BY name",
            to.database_sql(),
            literal(&format!("{prefix}_"))
        );
        for row in &session.ask(&sql).await?.rows {
            let name = text(row, 0).unwrap_or_default().to_owned();
            self.drop_one(session, &to.sibling(name)).await?;
        }
        Ok(())
    }
}

/// Creates a staging table with the columns, indices and keys of `to`, in which nothing is merged away.
pub(super) async fn create(session: &Session<'_>, to: &Table, staged: &TableName) -> Result<(), DatabaseError> {
    let engine = plain_engine(&to.engine_full);
    session.act(&format!("CREATE TABLE {} AS {} ENGINE = {engine}", staged.sql(), to.name.sql())).await
}

/// The engine with its keys and settings as a plain MergeTree, without its TTL.
fn plain_engine(full: &str) -> String {
    let tokens = final_tokens(full, Engine::ClickHouse);
    let mut depths = depths(&tokens);
    depths.push(0);
    let is_top = |at: usize, word: &str| depths[at] == 0 && tokens[at].kind == Kind::Word && tokens[at].text == word;
    let end_of = |at: usize| tokens.get(at).map_or(full.len(), |token| token.at);
    // The name of the engine, then its arguments in parentheses.
    let mut keys = 1;
    if tokens.get(1).is_some_and(|token| token.is_symbol("(")) {
        keys = (2..tokens.len())
            .find(|&at| depths[at] == 0 && tokens[at].is_symbol(")"))
            .map_or(tokens.len(), |at| at + 1);
    }
    let settings = (keys..tokens.len()).rev().find(|&at| is_top(at, "SETTINGS")).unwrap_or(tokens.len());
    let follows_value = |at: usize| {
        matches!(tokens[at - 1].kind, Kind::Word | Kind::Quoted | Kind::Number)
            && !tokens[at - 1].is_one_of(&["BY", "KEY"])
    };
    let ttl = (keys..settings)
        .find(|&at| is_top(at, "TTL") && at > keys && (follows_value(at) || tokens[at - 1].is_symbol(")")));
    let keys_text = full.get(end_of(keys)..end_of(ttl.unwrap_or(settings))).unwrap_or_default().trim();
    let mut engine = format!("MergeTree {keys_text}");
    let kept = kept_settings(full, &tokens[settings.min(tokens.len())..]);
    if !kept.is_empty() {
        engine.push_str(&format!(" SETTINGS {}", kept.join(", ")));
    }
    engine
}

/// The `name = value` of the settings, without those that a staging table may not have.
fn kept_settings(full: &str, tokens: &[Token<'_>]) -> Vec<String> {
    let Some(first) = tokens.get(1) else { return Vec::new() };
    let depths = depths(tokens);
    let commas = (1..tokens.len()).filter(|&at| depths[at] == 0 && tokens[at].is_symbol(","));
    let mut starts = vec![first.at];
    starts.extend(commas.map(|at| tokens[at].at + 1));
    starts.push(full.len() + 1);
    let pairs = starts.windows(2).filter_map(|pair| full.get(pair[0]..pair[1] - 1));
    let is_kept = |pair: &&str| !NOT_STAGED.contains(&pair.split('=').next().unwrap_or_default().trim());
    pairs.map(str::trim).filter(is_kept).map(str::to_owned).collect()
}

/// How many parentheses are open after each token.
fn depths(tokens: &[Token<'_>]) -> Vec<i32> {
    let mut depth = 0;
    let step = |token: &Token<'_>| {
        depth += i32::from(token.is_symbol("(") || token.is_symbol("["));
        depth -= i32::from(token.is_symbol(")") || token.is_symbol("]"));
        depth
    };
    tokens.iter().map(step).collect()
}

/// The name of a staging table of one attempt.
pub(super) fn name(to: &TableName, prefix: &str, attempt: &str) -> TableName {
    to.sibling(format!("{prefix}_{attempt}"))
}

/// Where rows are inserted: the table and its columns.
pub(super) fn insert_into(staged: &TableName, columns: &[&str]) -> String {
    let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
    format!("INSERT INTO {} ({})", staged.sql(), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_becomes_a_plain_one_with_the_same_keys() {
        let cases = [
            (
                "MergeTree ORDER BY id SETTINGS index_granularity = 8192",
                "MergeTree ORDER BY id SETTINGS index_granularity = 8192",
            ),
            (
                "ReplicatedReplacingMergeTree('/a/(b', '{replica}', v) PARTITION BY (toYYYYMM(d), x % 2) PRIMARY KEY d ORDER BY (d, id) SAMPLE BY id",
                "MergeTree PARTITION BY (toYYYYMM(d), x % 2) PRIMARY KEY d ORDER BY (d, id) SAMPLE BY id",
            ),
            (
                "SummingMergeTree((a, b)) PARTITION BY d ORDER BY (d, `TTL`) TTL d + toIntervalDay(1) DELETE, e TO DISK 'x' \
                 SETTINGS storage_policy = 'a, SETTINGS b', non_replicated_deduplication_window = 100, index_granularity = 1",
                "MergeTree PARTITION BY d ORDER BY (d, `TTL`) SETTINGS storage_policy = 'a, SETTINGS b', index_granularity = 1",
            ),
            ("MergeTree ORDER BY tuple() TTL d", "MergeTree ORDER BY tuple()"),
            ("MergeTree ORDER BY TTL TTL d", "MergeTree ORDER BY TTL"),
        ];
        for (full, plain) in cases {
            assert_eq!(plain_engine(full), plain);
        }
    }
}
