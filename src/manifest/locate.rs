//! Where a stretch of a scalar's value stands in the file.
//!
//! Folding, indentation and line ends change only blanks and line breaks, so the n-th character of the value that is
//! neither is the n-th such character of the source. Escapes are read as what they stand for.

use super::node::{Span, Style, narrow};

/// The place of `range` of the value `value`, whose scalar stands at `whole` in `file`.
pub(super) fn locate(file: &str, whole: Span, style: Style, value: &str, range: std::ops::Range<usize>) -> Span {
    let (first, last) = (whole.start as usize, whole.end as usize);
    let Some(source) = file.get(first..last.clamp(first, file.len().max(first))) else { return whole };
    let solid = |text: &str| text.chars().filter(|c| !is_blank(*c)).count();
    let (Some(before), Some(inside)) = (value.get(..range.start), value.get(range)) else { return whole };
    let (skipped, length) = (solid(before), solid(inside));
    let mut places = Solid::new(source, style).skip(skipped.saturating_sub(usize::from(length == 0)));
    let Some((start, mut end)) = places.next() else { return whole };
    if length > 1 {
        end = places.nth(length - 2).map_or(end, |(_, end)| end);
    }
    let start = if length == 0 { end } else { start };
    let above = &source[..start];
    let column = match above.rfind('\n') {
        Some(newline) => above[newline + 1..].chars().count() + 1,
        None => above.chars().count() + whole.column as usize,
    };
    Span {
        line: whole.line + narrow(above.matches('\n').count()),
        column: narrow(column),
        start: whole.start + narrow(start),
        end: whole.start + narrow(end),
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The characters of a scalar's source that are content and not blank, each with its bytes.
struct Solid<'a> {
    source: &'a str,
    at: usize,
    quote: Option<char>,
}

impl<'a> Solid<'a> {
    fn new(source: &'a str, style: Style) -> Solid<'a> {
        let first = source.chars().next();
        let (at, quote) = match (style, first) {
            (Style::Quoted, Some(quote @ ('"' | '\''))) => (1, Some(quote)),
            // The header of a block: `|`, `>-`, `|2 # comment`.
            (Style::Block, Some('|' | '>')) => (source.find('\n').unwrap_or(source.len()), None),
            _ => (0, None),
        };
        Solid { source, at, quote }
    }

    /// How many bytes an escape takes, and whether it stands for something solid.
    fn escape(rest: &str) -> (usize, bool) {
        let Some(kind) = rest.chars().nth(1) else { return (rest.len(), false) };
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let length = (1 + kind.len_utf8() + digits).min(rest.len());
        let code = rest.get(2..length).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        let is_solid = match kind {
            'x' | 'u' | 'U' => code.is_none_or(|c| !is_blank(c)),
            other => !is_blank(other) && !matches!(other, 't' | 'n' | 'r'),
        };
        (length, is_solid)
    }
}

impl Iterator for Solid<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        loop {
            let rest = self.source.get(self.at..)?;
            let start = self.at;
            let c = rest.chars().next()?;
            let (length, is_solid) = match (self.quote, c) {
                (Some('"'), '\\') => Solid::escape(rest),
                (Some('\''), '\'') if rest.starts_with("''") => (2, true),
                (Some(quote), c) if c == quote => return None,
                _ => (c.len_utf8(), !is_blank(c)),
            };
            self.at += length;
            if is_solid {
                return Some((start, self.at));
            }
        }
    }
}
