//! Names of tables and other objects in SQL, and when two of them mean the same.

use crate::sql::token::{Kind, Token};

/// An object's name, possibly qualified. Names are the same if their last parts are, in any case.
#[derive(Clone, Debug)]
pub(in crate::check) struct Name {
    /// As people would write it.
    pub text: String,
    key: String,
}

impl Name {
    /// Whether both mean the same object, as far as can be seen.
    pub fn is(&self, other: &Name) -> bool {
        self.key == other.key
    }

    /// Whether a text in SQL names it, such as `'posthog.events'`.
    pub fn is_text(&self, text: &str) -> bool {
        text.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(&self.key))
    }

    /// Whether it is another one for each row, so that nothing can be said of it.
    pub fn varies(&self) -> bool {
        self.key.contains("item.") || self.key.contains("item[")
    }
}

/// The name that the tokens begin with, and what follows it.
pub(in crate::check) fn name<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(Name, &'t [Token<'a>])> {
    let (first, mut rest) = tokens.split_first()?;
    let (mut text, mut key) = part(first)?;
    while let [dot, next, after @ ..] = rest
        && dot.is_symbol(".")
        && let Some((next_text, next_key)) = part(next)
    {
        text = format!("{text}.{next_text}");
        (key, rest) = (next_key, after);
    }
    Some((Name { text, key }, rest))
}

/// One part of a name as people write it, and as it is compared.
fn part(token: &Token<'_>) -> Option<(String, String)> {
    match token.kind {
        Kind::Word | Kind::Quoted => {
            let content = token.content();
            let key = content.to_ascii_lowercase();
            Some((content, key))
        }
        Kind::Template => {
            let inner: String = token.text.chars().filter(|c| !c.is_whitespace()).collect();
            let inner = inner.trim_matches(['{', '}', '-']);
            let inner = inner.strip_suffix("|ident").unwrap_or(inner);
            Some((token.text.to_owned(), inner.trim_matches(['\'', '"']).to_ascii_lowercase()))
        }
        Kind::Literal | Kind::Number | Kind::Symbol => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::token::tokens;

    #[test]
    fn names_are_compared_by_their_last_part() {
        let read = |sql: &'static str| name(&tokens(sql, None)).map(|(name, rest)| (name, rest.len())).expect("a name");
        let (plain, rest) = read("posthog.\"Events\" AS e");
        assert_eq!((plain.text.as_str(), rest), ("posthog.Events", 2));
        assert!(plain.is(&read("events").0));
        assert!(plain.is_text("public.events"));
        assert!(read("{{ vars.db | ident }}.{{ 'events' | ident }}").0.is(&plain));
        assert!(read("{{ item.table|ident }}").0.varies());
        assert!(read("{{ ('a' ~ run.id) | ident }}").0.is(&read("{{('a'~run.id)|ident}}").0));
    }
}
