//! Answers of ClickHouse as tab-separated text: exact for every type, and the same in all versions.

use super::super::answer::{Answer, Cell, Kind};
use super::super::error::{Failure, Trouble};

/// Reads `TabSeparatedWithNamesAndTypes`, at most one row more than wanted.
pub(super) fn read(body: &[u8], rows_max: usize) -> Result<Answer, Failure> {
    if body.is_empty() {
        return Ok(Answer::default());
    }
    // Every row ends in a line break: what does not was cut off.
    let cut = || Failure::new(Trouble::Lost, "the answer is cut off");
    let body = body.strip_suffix(b"\n").ok_or_else(cut)?;
    let text = String::from_utf8_lossy(body);
    let mut lines = text.split('\n');
    let columns: Vec<String> = lines.next().ok_or_else(cut)?.split('\t').map(unescaped).collect();
    let kinds: Vec<Kind> = lines.next().ok_or_else(cut)?.split('\t').map(kind).collect();
    let mut rows = Vec::new();
    for line in lines.take(rows_max.saturating_add(1)) {
        let row: Vec<Cell> = line.split('\t').zip(&kinds).map(|(field, &kind)| cell(field, kind)).collect();
        if row.len() != columns.len() {
            return Err(Failure::new(Trouble::Refused, "the answer is no table"));
        }
        rows.push(row);
    }
    Ok(Answer { columns, rows })
}

fn cell(field: &str, kind: Kind) -> Cell {
    (field != r"\N").then(|| (kind, unescaped(field)))
}

fn kind(name: &str) -> Kind {
    let name = unescaped(name);
    let mut name = name.as_str();
    for wrapper in ["LowCardinality(", "Nullable("] {
        name = name.strip_prefix(wrapper).and_then(|inner| inner.strip_suffix(')')).unwrap_or(name);
    }
    if name == "Bool" {
        Kind::Boolean
    } else if name.starts_with("Int") && !name.starts_with("Interval") || name.starts_with("UInt") {
        Kind::Integer
    } else if name.starts_with("Float") || name == "BFloat16" {
        Kind::Real
    } else if name.starts_with("Decimal") {
        Kind::Decimal
    } else {
        Kind::Text
    }
}

fn unescaped(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    let mut rest = field.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some('r') => plain.push('\r'),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('0') => plain.push('\0'),
            Some(other) => plain.push(other),
            None => plain.push('\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_text_with_its_kind() {
        let body = concat!(
            "a\tb\\tc\td\te\tf\n",
            "Nullable(UInt64)\tString\tLowCardinality(Nullable(Float64))\tDecimal(9, 2)\tIntervalDay\n",
            "18446744073709551615\tx\\\\y\\n\t\\N\t1.50\t3\n",
        );
        let answer = read(body.as_bytes(), 10).expect("it is a table");
        assert_eq!(answer.columns, ["a", "b\tc", "d", "e", "f"]);
        let cell = |kind, text: &str| Some((kind, text.to_owned()));
        assert_eq!(
            answer.rows,
            [[
                cell(Kind::Integer, "18446744073709551615"),
                cell(Kind::Text, "x\\y\n"),
                None,
                cell(Kind::Decimal, "1.50"),
                cell(Kind::Text, "3"),
            ]]
        );
    }

    #[test]
    fn an_answer_that_is_cut_off_is_none() {
        assert_eq!(read(b"", 1), Ok(Answer::default()));
        let trouble = |body: &[u8]| read(body, 1).err().map(|failure| failure.trouble);
        assert_eq!(trouble(b"a\nUInt8\n1"), Some(Trouble::Lost));
        assert_eq!(trouble(b"a\n"), Some(Trouble::Lost));
        assert_eq!(trouble(b"a\tb\nUInt8\tUInt8\n1\n"), Some(Trouble::Refused));
    }

    #[test]
    fn one_row_more_than_wanted_is_read_and_no_more() {
        let answer = read(b"a\nUInt8\n1\n2\n3\n4\n", 2).expect("it is a table");
        assert_eq!(answer.rows.len(), 3);
        assert_eq!(read(b"a\nString\n\n", 2).expect("an empty text is a row").rows.len(), 1);
    }
}
