//! `${NAME}` and `${NAME:-default}` in the texts of an environment.

use thiserror::Error;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPart<'a> {
    /// It stands as it is.
    Plain(&'a str),
    /// A variable of the process's environment stands for it.
    Variable {
        /// Its name.
        name: &'a str,
        /// What stands there when it is not set, or empty.
        default: Option<&'a str>,
    },
}

/// A text whose placeholders cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlaceholderError {
    /// `${` without `}`.
    #[error("`${{` is never closed")]
    NeverClosed,
    /// What stands between the braces is no name; it is told as it is written.
    #[error("`${{{0}}}` names no variable")]
    NoName(String),
}

/// The parts of a text, in order; none of them is empty.
pub fn text_parts(text: &str) -> Result<Vec<TextPart<'_>>, PlaceholderError> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((plain, begun)) = rest.split_once("${") {
        let (inner, after) = begun.split_once('}').ok_or(PlaceholderError::NeverClosed)?;
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
        let is_name = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(PlaceholderError::NoName(inner.to_owned()));
        }
        parts.extend((!plain.is_empty()).then_some(TextPart::Plain(plain)));
        parts.push(TextPart::Variable { name, default });
        rest = after;
    }
    parts.extend((!rest.is_empty()).then_some(TextPart::Plain(rest)));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use TextPart::{Plain, Variable};

    #[test]
    fn placeholders_are_told_from_the_text_around_them() {
        let with = |name, default| Variable { name, default };
        assert_eq!(text_parts("a$b{c}"), Ok(vec![Plain("a$b{c}")]));
        assert_eq!(text_parts("${A}${B_1:-x:-y}/z"), Ok(vec![with("A", None), with("B_1", Some("x:-y")), Plain("/z")]));
        assert_eq!(text_parts("${A:-}"), Ok(vec![with("A", Some(""))]));
        assert_eq!(text_parts("a ${A"), Err(PlaceholderError::NeverClosed));
        assert_eq!(text_parts("${1A}"), Err(PlaceholderError::NoName("1A".to_owned())));
        assert_eq!(text_parts("${}"), Err(PlaceholderError::NoName(String::new())));
    }
}
