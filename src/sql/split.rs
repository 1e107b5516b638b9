//! A text as single statements, as the command-line clients of the engines cut it.
//!
//! Follows psql's scanner: a semicolon within parentheses or within `BEGIN … END` of a routine or a trigger ends nothing.

use crate::model::Engine;

use super::token::{Kind, Token, final_tokens};

/// One statement of a text.
#[derive(Clone, Debug)]
pub struct Single<'a> {
    /// As it is written, without its semicolon, with comments before it.
    pub text: &'a str,
    /// Its tokens, at least one.
    pub tokens: Vec<Token<'a>>,
}

/// The statements of a text that is sent as it is, without empty ones.
pub fn split(text: &str, engine: Engine) -> Vec<Single<'_>> {
    let mut statements = Vec::new();
    let mut open = Open::default();
    let mut start = 0;
    for token in final_tokens(text, engine) {
        if token.is_symbol(";") && !open.holds(engine) {
            let tokens = std::mem::take(&mut open).tokens;
            statements.push(Single { text: text[start..token.at].trim(), tokens });
            start = token.at + 1;
        } else {
            open.take(token);
        }
    }
    statements.push(Single { text: text[start..].trim(), tokens: open.tokens });
    statements.retain(|statement| !statement.tokens.is_empty());
    statements
}

/// The statement that is being read.
#[derive(Default)]
struct Open<'a> {
    tokens: Vec<Token<'a>>,
    parentheses: usize,
    blocks: usize,
}

impl<'a> Open<'a> {
    fn take(&mut self, token: Token<'a>) {
        if token.is_symbol("(") {
            self.parentheses += 1;
        } else if token.is_symbol(")") {
            self.parentheses = self.parentheses.saturating_sub(1);
        } else if self.is_routine() {
            if token.is_word("BEGIN") || (self.blocks > 0 && token.is_word("CASE")) {
                self.blocks += 1;
            } else if token.is_word("END") {
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
        self.tokens.push(token);
    }

    fn is_routine(&self) -> bool {
        self.tokens.first().is_some_and(|first| first.is_word("CREATE"))
            && self.tokens.iter().take(4).any(|token| token.is_one_of(&["FUNCTION", "PROCEDURE", "TRIGGER"]))
    }

    /// Whether a semicolon here belongs to the statement: also where the rows of a ClickHouse INSERT follow it.
    fn holds(&self, engine: Engine) -> bool {
        let has_rows = engine == Engine::ClickHouse
            && self.tokens.first().is_some_and(|first| first.is_word("INSERT"))
            && self.tokens.windows(2).any(|pair| pair[0].is_word("FORMAT") && pair[1].kind == Kind::Word);
        self.parentheses > 0 || self.blocks > 0 || has_rows
    }
}

impl Single<'_> {
    /// Whether it begins or ends a transaction, so that it cannot stand inside of one.
    pub fn controls_transaction(&self) -> bool {
        let Some(first) = self.tokens.first() else { return false };
        let second = self.tokens.get(1);
        let goes_back_to_savepoint =
            first.is_word("ROLLBACK") && self.tokens.iter().skip(1).take(2).any(|token| token.is_word("TO"));
        let prepares = first.is_word("PREPARE") && second.is_some_and(|second| second.is_word("TRANSACTION"));
        let starts = first.is_word("START") && second.is_some_and(|second| second.is_word("TRANSACTION"));
        let controls = first.is_one_of(&["BEGIN", "COMMIT", "END", "ABORT", "ROLLBACK"]);
        (controls && !goes_back_to_savepoint) || prepares || starts
    }

    /// Whether it chooses its own output format, as ClickHouse's `SELECT … FORMAT name` does.
    pub fn chooses_format(&self) -> bool {
        let tokens = &self.tokens;
        tokens.iter().enumerate().any(|(at, token)| {
            let is_name =
                |name: &Token<'_>| name.kind == Kind::Word && !name.is_one_of(&["ASC", "DESC", "FROM", "END"]);
            at > 0
                && token.is_word("FORMAT")
                && !tokens[at - 1].is_symbol(".")
                && tokens.get(at + 1).is_some_and(is_name)
                && tokens.get(at + 2).is_none_or(|after| after.is_word("SETTINGS"))
        })
    }

    /// Whether it inserts rows, of which some may stay when it fails.
    pub fn inserts(&self) -> bool {
        self.tokens.first().is_some_and(|first| first.is_one_of(&["INSERT", "WITH"]))
            && self.tokens.iter().any(|token| token.is_word("INSERT"))
    }

    /// Whether it asks the client for rows or sends them to it, which no server of ours has.
    pub fn copies_from_client(&self) -> bool {
        self.tokens.first().is_some_and(|first| first.is_word("COPY"))
            && self.tokens.iter().any(|token| token.is_one_of(&["STDIN", "STDOUT"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(sql: &str, engine: Engine) -> Vec<&str> {
        split(sql, engine).into_iter().map(|statement| statement.text).collect()
    }

    fn only(sql: &str) -> Single<'_> {
        split(sql, Engine::ClickHouse).pop().expect("there is a statement")
    }

    #[test]
    fn a_semicolon_in_a_text_a_name_or_a_comment_ends_nothing() {
        assert_eq!(
            texts("SELECT ';' ; -- a; b\n SELECT $x$ ; $x$ /* ; */;;\n", Engine::Postgres),
            ["SELECT ';'", "-- a; b\n SELECT $x$ ; $x$ /* ; */"]
        );
        assert_eq!(texts("SELECT '{{' ; SELECT '}}'", Engine::Postgres), ["SELECT '{{'", "SELECT '}}'"]);
        assert_eq!(texts("SELECT '{%' ; SELECT '%}'", Engine::Sqlite), ["SELECT '{%'", "SELECT '%}'"]);
        assert_eq!(texts(r"SELECT '\' ; SELECT 1", Engine::Postgres), [r"SELECT '\'", "SELECT 1"]);
        assert_eq!(texts(r"SELECT '\'; ' ; SELECT 1", Engine::ClickHouse), [r"SELECT '\'; '", "SELECT 1"]);
        assert_eq!(texts(" -- nothing\n;", Engine::Postgres), [""; 0]);
    }

    #[test]
    fn routines_triggers_and_rules_are_one_statement() {
        let routine =
            "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END";
        assert_eq!(texts(&format!("{routine}; SELECT 1"), Engine::Postgres), [routine, "SELECT 1"]);
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; DELETE FROM c; END";
        assert_eq!(texts(&format!("{trigger}; SELECT 1;"), Engine::Sqlite), [trigger, "SELECT 1"]);
        let rule = "CREATE RULE r AS ON INSERT TO a DO (DELETE FROM b; DELETE FROM c)";
        assert_eq!(texts(&format!("{rule}; BEGIN; END"), Engine::Postgres), [rule, "BEGIN", "END"]);
    }

    #[test]
    fn rows_of_an_insert_are_no_statements() {
        assert_eq!(texts("INSERT INTO a FORMAT CSV\n1;2\n3;4", Engine::ClickHouse).len(), 1);
        assert_eq!(texts("INSERT INTO a VALUES (1); DROP TABLE b", Engine::ClickHouse).len(), 2);
    }

    #[test]
    fn a_transaction_is_not_ended_from_within() {
        let controls = |sql| only(sql).controls_transaction();
        assert!(
            ["BEGIN", "commit work", "END", "ROLLBACK", "START TRANSACTION", "PREPARE TRANSACTION 'a'", "ABORT"]
                .into_iter()
                .all(controls)
        );
        assert!(
            ![
                "ROLLBACK TO SAVEPOINT a",
                "ROLLBACK WORK TO a",
                "SAVEPOINT a",
                "SELECT 'COMMIT'",
                "PREPARE a AS SELECT 1"
            ]
            .into_iter()
            .any(controls)
        );
    }

    #[test]
    fn a_format_is_known_from_a_name() {
        let chooses = |sql| only(sql).chooses_format();
        assert!(
            ["SELECT 1 FORMAT CSV", "SELECT 1 format Null SETTINGS a = 1", "SHOW TABLES FORMAT JSON;"]
                .into_iter()
                .all(chooses)
        );
        assert!(
            ![
                "SELECT format FROM a",
                "SELECT 1 AS format",
                "SELECT format('{}', 1)",
                "SELECT 1 ORDER BY format DESC",
                "SELECT a.format x"
            ]
            .into_iter()
            .any(chooses)
        );
    }

    #[test]
    fn what_inserts_and_what_needs_a_client() {
        assert!(
            only("WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a").inserts()
                && only("insert into a values (1)").inserts()
        );
        assert!(!only("CREATE TABLE a AS b").inserts());
        assert!(only("COPY a FROM STDIN").copies_from_client() && !only("COPY a FROM '/x'").copies_from_client());
    }

    proptest! {
        #[test]
        fn any_text_is_cut_without_a_loss(
            text in r#"([a-z ]|['"`$/*#{}%;.()\\-]|BEGIN |CREATE TRIGGER |END |\$\$|é)*"#,
            engine in prop::sample::select(vec![Engine::ClickHouse, Engine::Postgres, Engine::Sqlite]),
        ) {
            let statements = split(&text, engine);
            let cut: usize = statements.iter().map(|statement| statement.tokens.len()).sum();
            let all = final_tokens(&text, engine);
            let ends = all.iter().filter(|token| token.is_symbol(";")).count();
            prop_assert!(cut <= all.len() && cut + ends >= all.len());
        }
    }
}
