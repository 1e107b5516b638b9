//! SQL as tokens: enough to see what a statement does, whatever the dialect, and never a parse error.
//!
//! It knows comments, literals, quoted names and templates, so that a word in one of them is never taken for SQL.
//! It does not know grammar; `check` reads what its rules need.

use crate::model::{Engine, Template};

use super::extent::{comment, dollar, quoted, template};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in quotes.
    Quoted,
    /// A text.
    Literal,
    /// A number.
    Number,
    /// `{{ … }}`.
    Template,
    /// Any other character.
    Symbol,
}

/// A token with its text as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// As it is written, with its quotes.
    pub text: &'a str,
    /// Where it begins, in bytes.
    pub at: usize,
}

impl Token<'_> {
    /// Whether it is this keyword, in any case.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is one of these keywords.
    pub fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(word))
    }

    /// Whether it is this character.
    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// A literal's or a quoted name's text without its quotes.
    pub fn content(&self) -> String {
        let Some(quote) = self.text.chars().next().filter(|first| matches!(first, '\'' | '"' | '`')) else {
            return self.text.to_owned();
        };
        let inner = &self.text[1..];
        inner.strip_suffix(quote).unwrap_or(inner).replace(&format!("{quote}{quote}"), &quote.to_string())
    }
}

/// The tokens of a template that holds SQL of an engine.
pub fn read(template: &Template, engine: Option<Engine>) -> Vec<Token<'_>> {
    tokens(&template.text, engine)
}

/// The tokens of a template's text. The engine decides about backslashes in literals and comments within comments.
pub fn tokens(text: &str, engine: Option<Engine>) -> Vec<Token<'_>> {
    cut(text, Dialect { engine, has_templates: true })
}

/// The tokens of a text that is sent as it is: braces mean nothing here.
pub fn final_tokens(text: &str, engine: Engine) -> Vec<Token<'_>> {
    cut(text, Dialect { engine: Some(engine), has_templates: false })
}

/// What decides how a text is cut.
#[derive(Clone, Copy)]
struct Dialect {
    engine: Option<Engine>,
    has_templates: bool,
}

fn cut(text: &str, dialect: Dialect) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at_line_start = true;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = scan(rest, first, at_line_start, dialect);
        let (token, after) = rest.split_at(length);
        at_line_start = token.ends_with('\n') || (at_line_start && kind.is_none());
        tokens.extend(kind.map(|kind| Token { kind, text: token, at: text.len() - rest.len() }));
        rest = after;
    }
    tokens
}

/// The first token's kind, nothing for blanks and comments, and its length, which is never zero.
fn scan(rest: &str, first: char, at_line_start: bool, dialect: Dialect) -> (Option<Kind>, usize) {
    let Dialect { engine, has_templates } = dialect;
    let is_line_comment = rest.starts_with("--")
        || (at_line_start && engine == Some(Engine::ClickHouse) && (rest.starts_with("# ") || rest.starts_with("#!")));
    if is_line_comment {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, comment(rest, engine == Some(Engine::Postgres)));
    }
    if has_templates && rest.starts_with("{{") {
        return (Some(Kind::Template), template(rest, "}}").unwrap_or(rest.len()));
    }
    if has_templates && (rest.starts_with("{%") || rest.starts_with("{#")) {
        let close = if rest.starts_with("{%") { "%}" } else { "#}" };
        return (None, template(rest, close).unwrap_or(rest.len()));
    }
    let quoted = |rest, quote, has_escapes| quoted(rest, quote, has_escapes, has_templates);
    let has_escapes = engine == Some(Engine::ClickHouse);
    let is_escape_string = rest.starts_with("E'") || rest.starts_with("e'");
    match first {
        _ if first.is_whitespace() => (None, first.len_utf8()),
        '\'' => (Some(Kind::Literal), quoted(rest, '\'', has_escapes)),
        'E' | 'e' if is_escape_string && engine == Some(Engine::Postgres) => {
            (Some(Kind::Literal), 1 + quoted(&rest[1..], '\'', true))
        }
        '"' | '`' => (Some(Kind::Quoted), quoted(rest, first, has_escapes)),
        '$' => dollar(rest).map_or((Some(Kind::Symbol), 1), |length| (Some(Kind::Literal), length)),
        _ if first.is_alphabetic() || first == '_' => {
            let is_end = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
            (Some(Kind::Word), rest.find(is_end).unwrap_or(rest.len()))
        }
        _ if first.is_ascii_digit() => (Some(Kind::Number), number(rest)),
        _ => (Some(Kind::Symbol), first.len_utf8()),
    }
}

fn number(rest: &str) -> usize {
    let mut previous = ' ';
    for (at, c) in rest.char_indices() {
        let is_sign = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E') && !rest.starts_with("0x");
        if !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || is_sign) {
            return at;
        }
        previous = c;
    }
    rest.len()
}

/// The statements between semicolons, without empty ones.
pub fn statements<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    tokens.split(|token| token.is_symbol(";")).filter(|statement| !statement.is_empty()).collect()
}

/// Tokens as a text for a message, with blanks where people would write them.
pub fn shown(tokens: &[Token<'_>]) -> String {
    let is_one_of = |token: &Token<'_>, symbols: &[&str]| symbols.iter().any(|symbol| token.is_symbol(symbol));
    let mut text = String::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_tight = is_one_of(token, &["(", ")", ",", ".", ":"]);
        let follows_tight = at.checked_sub(1).is_none_or(|before| is_one_of(&tokens[before], &["(", ".", ":"]));
        if !is_tight && !follows_tight {
            text.push(' ');
        }
        text.push_str(token.text);
    }
    text
}

/// How many parentheses are open before each token.
pub fn depths(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let step = |token: &Token<'_>| {
        let before = depth;
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
        }
        before
    };
    tokens.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(sql: &str, engine: Engine) -> Vec<&str> {
        tokens(sql, Some(engine)).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_control_blocks_are_no_tokens() {
        let sql = "-- DROP\nSELECT /* ; /* */ 1 {% if a %}{# ; #} + 2{% endif %}";
        assert_eq!(texts(sql, Engine::ClickHouse), ["SELECT", "1", "+", "2"]);
        assert_eq!(texts("/* a /* b */ c */ d", Engine::Postgres), ["d"]);
        assert_eq!(texts("# a\n# b\nc", Engine::ClickHouse), ["c"]);
        assert_eq!(texts("a # b", Engine::Postgres), ["a", "#", "b"]);
    }

    #[test]
    fn literals_names_and_templates_are_one_token_each() {
        assert_eq!(texts(r"'it\'s; ' ;", Engine::ClickHouse), [r"'it\'s; '", ";"]);
        assert_eq!(texts(r"'\' ;", Engine::Postgres), [r"'\'", ";"]);
        assert_eq!(texts(r"E'\';' ;", Engine::Postgres), [r"E'\';'", ";"]);
        assert_eq!(texts(r#"'it''s' "a;""b" `c;`"#, Engine::Sqlite), ["'it''s'", r#""a;""b""#, "`c;`"]);
        assert_eq!(texts("DO $x$ a; $$ b $x$;", Engine::Postgres), ["DO", "$x$ a; $$ b $x$", ";"]);
        assert_eq!(texts("{{ '}}' ~ item.a }};", Engine::ClickHouse), ["{{ '}}' ~ item.a }}", ";"]);
        assert_eq!(texts("'{{ 'a' }}'.x", Engine::ClickHouse), ["'{{ 'a' }}'", ".", "x"]);
        assert_eq!(texts("1.5e-3-x $1", Engine::ClickHouse), ["1.5e-3", "-", "x", "$", "1"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_nothing_is_invented(
            text in r#"([a-z0-9 ]|['"`$/*#{}%;.()\\-]|--|/\*|\*/|\$\$|\{\{|\}\}|\n|é|日)*"#,
            engine in prop::sample::select(vec![None, Some(Engine::ClickHouse), Some(Engine::Postgres), Some(Engine::Sqlite)]),
        ) {
            let tokens = tokens(&text, engine);
            let mut rest = text.as_str();
            for token in &tokens {
                let at = rest.find(token.text);
                prop_assert!(at.is_some(), "{:?} is not in order in {text:?}", token);
                rest = &rest[at.expect("just found") + token.text.len()..];
                prop_assert!(!token.text.is_empty());
                token.content();
            }
            statements(&tokens);
            final_tokens(&text, engine.unwrap_or(Engine::Postgres));
        }

        #[test]
        fn any_characters_at_all(text in any::<String>()) {
            let tokens = tokens(&text, Some(Engine::ClickHouse));
            prop_assert!(tokens.iter().all(|token| text[token.at..].starts_with(token.text)));
        }
    }
}
