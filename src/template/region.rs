//! Where in a statement SQL stands, and where texts, quoted names and comments: values belong into SQL only.
//!
//! It is careful rather than exact: what might be a comment or a text is taken for one.

use crate::model::Engine;
use crate::sql::extent::{self, comment, dollar};

/// What the beginning of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    /// SQL; the length is one character.
    Code,
    /// A text or a name in quotes.
    Quotes,
    /// A comment.
    Comment,
    /// `$tag$ … $tag$`.
    Dollar,
}

/// The region that `rest` begins with, and its length in bytes, which is never zero; `before` is what stands before it.
pub(super) fn region(rest: &str, before: Option<char>, engine: Engine) -> (Region, usize) {
    let is_postgres = engine == Engine::Postgres;
    let is_clickhouse = engine == Engine::ClickHouse;
    let line_comment = rest.starts_with("--") || (is_clickhouse && (rest.starts_with("# ") || rest.starts_with("#!")));
    if line_comment {
        return (Region::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Region::Comment, comment(rest, is_postgres));
    }
    let quoted = |rest, quote, has_escapes| extent::quoted(rest, quote, has_escapes, false);
    let begins_word = !before.is_some_and(is_word);
    match rest.chars().next() {
        Some('\'') => (Region::Quotes, quoted(rest, '\'', is_clickhouse)),
        Some('"') => (Region::Quotes, quoted(rest, '"', is_clickhouse)),
        Some('`') if !is_postgres => (Region::Quotes, quoted(rest, '`', is_clickhouse)),
        Some('[') if engine == Engine::Sqlite => (Region::Quotes, rest.find(']').map_or(rest.len(), |end| end + 1)),
        Some('E' | 'e') if is_postgres && begins_word && rest[1..].starts_with('\'') => {
            (Region::Quotes, 1 + quoted(&rest[1..], '\'', true))
        }
        Some('$') if engine != Engine::Sqlite && begins_word => {
            dollar(rest).map_or((Region::Code, 1), |length| (Region::Dollar, length))
        }
        Some(first) => (Region::Code, first.len_utf8()),
        None => (Region::Code, 0),
    }
}

/// Whether a character belongs to a name or a number.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
