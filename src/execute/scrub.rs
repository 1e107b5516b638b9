//! Hides secrets in what servers and programs say: they may quote a statement, a URL or a variable.

use std::fmt;

/// Shorter secrets are not looked for: they would be found in every other word.
const LENGTH_MIN: usize = 4;

/// The secrets of an installation, to be hidden in texts.
#[derive(Clone, Default)]
pub struct Scrub(Vec<Secret>);

#[derive(Clone)]
struct Secret {
    variable: String,
    value: String,
}

impl Secret {
    /// What stands in its place in a text that is kept.
    fn mark(&self) -> String {
        format!("[hidden {}]", self.variable)
    }
}

impl Scrub {
    /// Hides the values of these variables, also where they are escaped as in a literal, a name or a URL.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Scrub {
        let secrets = variables.into_iter().filter(|(_, value)| value.len() >= LENGTH_MIN);
        let mut hidden: Vec<Secret> = secrets.map(|(variable, value)| Secret { variable, value }).collect();
        hidden.sort_by(|one, other| other.value.len().cmp(&one.value.len()).then_with(|| one.value.cmp(&other.value)));
        hidden.dedup_by(|one, other| one.value == other.value);
        Scrub(hidden)
    }

    /// A text without the secrets.
    pub fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| without(&text, &secret.value))
    }

    /// A text without the secrets, which [`Scrub::restore`] puts back where they stood as they are.
    pub fn keep(&self, text: &str) -> String {
        let kept = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&secret.value, &secret.mark()));
        self.clean(&kept)
    }

    /// A text that was kept, with the secrets as they are now.
    pub fn restore(&self, text: &str) -> String {
        self.0.iter().rev().fold(text.to_owned(), |text, secret| text.replace(&secret.mark(), &secret.value))
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

    fn scrub<const COUNT: usize>(values: [&str; COUNT]) -> Scrub {
        let named = (0..).zip(values).map(|(number, value)| (format!("NAME_{number}"), value.to_owned()));
        Scrub::new(named)
    }

    #[test]
    fn what_is_kept_comes_back_and_shows_no_secret() {
        let scrub = scrub(["posthog-web", "posthog", "p'ss/w\\rd"]);
        let said = r#"{"family": "posthog-web:41", "cluster": "posthog", "user": "p'ss/w\rd"}"#;
        let kept = scrub.keep(said);
        assert_eq!(
            kept,
            r#"{"family": "[hidden NAME_0]:41", "cluster": "[hidden NAME_1]", "user": "[hidden NAME_2]"}"#
        );
        assert_eq!(scrub.restore(&kept), said);
        assert_eq!(scrub.keep("p%27ss%2Fw%5crd"), "[hidden]");
        assert_eq!(Scrub::default().restore(&kept), kept);
    }

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        let scrub = scrub(["p'ss/w\\rd", "abc"]);
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
        let scrub = scrub([r"\\\\", "word", "password"]);
        assert_eq!(scrub.clean(r"a \\\\ b \\\\\\\\ c password word"), "a [hidden] b [hidden] c [hidden] [hidden]");
    }
}
