//! What earlier operations make of a table, as far as their texts tell.
//!
//! Before the start a table is judged as it is then: what an earlier operation makes or changes is another one when its turn
//! comes. Where a text does not tell, a table that it names counts as changed.

use crate::model::{Action, Engine, Operation, Template};
use crate::sql::split::split;
use crate::sql::token::{Kind, Token, final_tokens};

use super::site::{Site, Texts};

/// What becomes of a table before its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// It stays as it is.
    Nothing,
    /// It is created, unless it is there.
    Created,
    /// It becomes another one.
    Changed,
}

/// The operations before one.
#[derive(Clone, Copy)]
pub(super) struct Earlier<'a> {
    pub site: &'a Site,
    pub texts: &'a Texts,
    /// The operation.
    pub operation: &'a Operation,
    /// Those before it.
    pub before: &'a [Operation],
}

impl Earlier<'_> {
    /// What becomes of a table of the operation's target.
    pub fn touch(self, table: &str) -> Touch {
        let target = self.operation.target.as_deref().unwrap_or_default();
        let Some(engine) = self.site.engine(target) else { return Touch::Nothing };
        let Some(name) = last_name(&final_tokens(table, engine)) else { return Touch::Nothing };
        let context = self.site.context(self.texts, Some(target), None);
        let rendered = |sql: &Template| self.site.sql(sql, target, &context).unwrap_or_else(|_| sql.text.clone());
        let is_here = |other: &&Operation| other.target.is_none() || other.target == self.operation.target;
        let touches = self.before.iter().filter(is_here).map(|other| match &other.action {
            Action::Sql { sql } | Action::ForEach { sql, .. } => of_text(&rendered(sql), engine, &name),
            Action::Copy { to, .. } if last_name(&final_tokens(&rendered(to), engine)).as_ref() == Some(&name) => {
                Touch::Changed
            }
            // What people and programs do stands in no SQL.
            Action::Command { .. } | Action::Http { .. } | Action::Manual { .. }
                if other.texts().into_iter().any(|text| has_word(text, &name)) =>
            {
                Touch::Changed
            }
            Action::Copy { .. }
            | Action::Backfill { .. }
            | Action::Wait { .. }
            | Action::Verify { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. } => Touch::Nothing,
        });
        touches.max().unwrap_or(Touch::Nothing)
    }
}

fn of_text(text: &str, engine: Engine, name: &str) -> Touch {
    let statements = split(text, engine);
    let touches = statements.iter().map(|statement| of_statement(&statement.tokens, name));
    touches.max().unwrap_or(Touch::Nothing)
}

fn of_statement(tokens: &[Token<'_>], name: &str) -> Touch {
    let Some(first) = tokens.first() else { return Touch::Nothing };
    let is_named = tokens.iter().any(|token| is_name(token, name));
    // The body of a block, or what a function is given.
    let is_within = || tokens.iter().any(|token| token.kind == Kind::Literal && has_word(token.text, name));
    let if_object = |words: &[&str], touch: Touch| match object(tokens, words) {
        Some(found) if found == name => touch,
        Some(_) | None => Touch::Nothing,
    };
    if first.is_word("CREATE") {
        let is_of_table = tokens.iter().take(4).any(|token| token.is_word("INDEX"));
        if is_of_table { if_object(&["ON"], Touch::Changed) } else { if_object(&["TABLE", "VIEW"], Touch::Created) }
    } else if first.is_one_of(&["INSERT", "REPLACE"]) {
        if_object(&["INTO"], Touch::Changed)
    } else if first.is_word("UPDATE") {
        // Its rows stay where they are.
        Touch::Nothing
    } else if first.is_word("SELECT") {
        if is_within() { Touch::Changed } else { Touch::Nothing }
    } else if is_named || is_within() {
        Touch::Changed
    } else {
        Touch::Nothing
    }
}

/// The name after the first of these words, without its database.
fn object(tokens: &[Token<'_>], words: &[&str]) -> Option<String> {
    let at = tokens.iter().position(|token| token.is_one_of(words))?;
    let between = ["TABLE", "ONLY", "IF", "NOT", "EXISTS"];
    let rest: Vec<Token<'_>> = tokens[at + 1..].iter().copied().skip_while(|token| token.is_one_of(&between)).collect();
    let end = rest.chunks(2).position(|pair| !matches!(pair, [_, dot] if dot.is_symbol("."))).unwrap_or(0);
    last_name(rest.get(end * 2..=end * 2)?)
}

/// The last part of a name, as it is compared.
fn last_name(tokens: &[Token<'_>]) -> Option<String> {
    let last = tokens.last().filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted))?;
    Some(last.content().to_ascii_lowercase())
}

fn is_name(token: &Token<'_>, name: &str) -> bool {
    matches!(token.kind, Kind::Word | Kind::Quoted) && token.content().eq_ignore_ascii_case(name)
}

/// Whether a text has the name as a word, whatever the text is.
fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(text: &str) -> Touch {
        of_text(text, Engine::Postgres, "orders")
    }

    #[test]
    fn a_table_is_touched_where_it_is_made_or_changed() {
        for text in ["CREATE TABLE IF NOT EXISTS shop.\"orders\" (id int)", "create unlogged table Orders as select 1"]
        {
            assert_eq!(orders(text), Touch::Created, "{text}");
        }
        for text in [
            "ALTER TABLE orders ADD note text",
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a ON ONLY shop.orders (note)",
            "SELECT 1; TRUNCATE a, orders",
            "INSERT INTO shop.orders SELECT * FROM a",
            "DO $$ BEGIN EXECUTE 'ALTER TABLE orders ADD note text'; END $$",
            "SELECT partition_of('shop.orders')",
            "RENAME TABLE a TO orders",
        ] {
            assert_eq!(orders(text), Touch::Changed, "{text}");
        }
    }

    #[test]
    fn a_table_that_is_only_read_or_named_alike_is_not() {
        for text in [
            "CREATE TABLE orders_new (LIKE orders INCLUDING ALL)",
            "CREATE TABLE a AS SELECT * FROM orders",
            "CREATE INDEX orders_note ON orders_new (note)",
            "ALTER TABLE orders_new ADD note text",
            "INSERT INTO a SELECT * FROM orders",
            "SELECT count(*) FROM orders",
            "UPDATE orders SET note = ''",
            "-- orders\nDROP TABLE reorders",
        ] {
            assert_eq!(orders(text), Touch::Nothing, "{text}");
        }
    }
}
