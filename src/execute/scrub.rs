//! Hides secrets in what servers and programs say: they may quote a statement, a URL or a variable.

use std::fmt;

/// Shorter secrets are not looked for: they would be found in every other word.
const LENGTH_MIN: usize = 4;

/// The secrets of an installation, to be hidden in texts.
#[derive(Clone, Default)]
pub struct Scrub(Vec<String>);

impl Scrub {
    /// Hides each of these texts, and what it looks like in a URL or in a quoted literal.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Scrub {
        let mut hidden: Vec<String> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= LENGTH_MIN) {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            hidden.extend([
                secret.replace('\'', "''"),
                secret.replace('\\', r"\\").replace('\'', r"\'"),
                encoded,
                secret,
            ]);
        }
        hidden.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        hidden.dedup();
        Scrub(hidden)
    }

    /// A text without the secrets.
    pub fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), "[hidden]") } else { text }
        })
    }
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
        let scrub = Scrub::new(["p'ss/word".to_owned(), "abc".to_owned()]);
        let said = "near 'p''ss/word' at http://u:p%27ss%2Fword@h with abc";
        assert_eq!(scrub.clean(said), "near '[hidden]' at http://u:[hidden]@h with abc");
        assert_eq!(format!("{scrub:?}"), "Scrub(4 texts)");
    }
}
