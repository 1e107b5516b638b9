//! How far comments, quoted texts and templates reach, in bytes; what is never closed reaches to the end.

/// The length of `/* … */`.
pub(crate) fn comment(rest: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = rest.as_bytes().get(at..at + 2) {
        match pair {
            b"/*" if nests || depth == 0 => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of `{{ … }}`, whose texts may hold what closes it; nothing where it is never closed.
pub(super) fn template(rest: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in rest.char_indices().skip(2) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if rest[at..].starts_with(close) => return Some(at + close.len()),
            None if close != "#}" && matches!(c, '\'' | '"') => quote = Some(c),
            None => {}
        }
    }
    None
}

/// The length of a text or a name in quotes; a quote that is doubled, and with `has_escapes` what follows a backslash,
/// does not end it.
pub(crate) fn quoted(rest: &str, quote: char, has_escapes: bool, has_templates: bool) -> usize {
    let mut at = quote.len_utf8();
    while let Some(c) = rest[at..].chars().next() {
        let inner = &rest[at..];
        let after = at + c.len_utf8();
        if has_templates && inner.starts_with("{{") {
            at += template(inner, "}}").unwrap_or(2);
        } else if c == '\\' && has_escapes {
            at = after + rest[after..].chars().next().map_or(0, char::len_utf8);
        } else if c == quote && rest[after..].starts_with(quote) {
            at = after + quote.len_utf8();
        } else if c == quote {
            return after;
        } else {
            at = after;
        }
    }
    rest.len()
}

/// The length of `$$ … $$` or `$tag$ … $tag$`.
pub(crate) fn dollar(rest: &str) -> Option<usize> {
    let tag = rest[1..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map(|end| end + 1)?;
    let open = rest.get(..=tag).filter(|open| open.ends_with('$'))?;
    let body = &rest[open.len()..];
    Some(open.len() + body.find(open).map_or(body.len(), |end| end + open.len()))
}
