//! Hides secrets in what servers and programs say: they may quote a statement, a URL or a variable.

use std::fmt;

/// Shorter secrets are not looked for: they would be found in every other word.
const LENGTH_MIN: usize = 4;

/// The secrets of an installation, to be hidden in texts.
#[derive(Clone, Default)]
pub struct Scrub(Vec<String>);

impl Scrub {
    /// Hides each of these texts, also where it is escaped as in a literal, a name or a URL.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Scrub {
        let mut hidden: Vec<String> = secrets.into_iter().filter(|secret| secret.len() >= LENGTH_MIN).collect();
        hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        hidden.dedup();
        Scrub(hidden)
    }

    /// A text without the secrets.
    pub fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| without(&text, secret))
    }
}

fn without(text: &str, secret: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (told, length) = match found(rest.as_bytes(), secret.as_bytes()) {
            Some(length) => ("[hidden]", length),
            None => (&rest[..first.len_utf8()], first.len_utf8()),
        };
        cleaned.push_str(told);
        rest = &rest[length..];
    }
    cleaned
}

/// How many bytes of a text are a secret, if it begins with it: each byte as it is, doubled, behind a backslash, or as `%27`.
fn found(text: &[u8], secret: &[u8]) -> Option<usize> {
    let mut ends = vec![0];
    for byte in secret {
        let next = ends
            .iter()
            .flat_map(|at| lengths(&text[*at..], *byte).into_iter().flatten().map(move |length| at + length));
        let mut next: Vec<usize> = next.collect();
        next.sort_unstable();
        next.dedup();
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.pop()
}

/// How many bytes a text may spend on one byte of a secret.
fn lengths(text: &[u8], byte: u8) -> [Option<usize>; 3] {
    let is_escaped = |escape: &u8| *escape == b'\\' || (*escape == byte && byte.is_ascii_punctuation());
    let plain = text.first().is_some_and(|first| *first == byte || (*first == b'+' && byte == b' '));
    let escaped = text.first().is_some_and(is_escaped) && text.get(1) == Some(&byte);
    let encoded = text.first() == Some(&b'%')
        && text
            .get(1..3)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .is_some_and(|digits| u8::from_str_radix(digits, 16) == Ok(byte));
    [plain.then_some(1), escaped.then_some(2), encoded.then_some(3)]
}

impl fmt::Debug for Scrub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrub({} texts)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        let scrub = Scrub::new(["p'ss/w\\rd".to_owned(), "abc".to_owned()]);
        for written in
            ["p'ss/w\\rd", "p''ss/w\\rd", "p\\'ss/w\\\\rd", "p'ss/w\\\\rd", "p%27ss%2Fw%5crd", "p%27ss/w\\rd"]
        {
            let said = format!("é near '{written}' with abc");
            assert_eq!(scrub.clean(&said), "é near '[hidden]' with abc");
        }
        assert_eq!(scrub.clean("p'ss/w"), "p'ss/w");
        assert_eq!(format!("{scrub:?}"), "Scrub(1 texts)");
    }

    #[test]
    fn a_secret_of_backslashes_and_one_within_another_are_hidden() {
        let scrub = Scrub::new([r"\\\\".to_owned(), "word".to_owned(), "password".to_owned()]);
        assert_eq!(scrub.clean(r"a \\\\ b \\\\\\\\ c password word"), "a [hidden] b [hidden] c [hidden] [hidden]");
    }
}
