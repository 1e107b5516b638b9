//! One number for the rows of a table, whatever their order, in which NULL is not the default.

use super::table::{Column, quoted};

/// Types that every version hashes as they are. Of the others the text is hashed.
const PLAIN: [&str; 8] = ["String", "FixedString", "UInt", "Int", "Float", "Date", "DateTime", "Enum"];

/// A column that is copied, on both sides.
pub(super) struct Pair<'a> {
    pub from: &'a Column,
    pub to: &'a Column,
}

/// The checksum as an expression over the table to read, where types may be others.
pub(super) fn of_source(columns: &[Pair<'_>]) -> String {
    let value = |pair: &Pair<'_>| {
        let name = quoted(&pair.from.name);
        let is_same = pair.from.kind == pair.to.kind;
        let value = if is_same { name } else { format!("CAST({name} AS {})", pair.to.kind) };
        hashed(&value, &pair.to.kind)
    };
    sum(columns.iter().map(value))
}

/// The checksum as an expression over the table that was filled.
pub(super) fn of_copy(columns: &[Pair<'_>]) -> String {
    sum(columns.iter().map(|pair| hashed(&quoted(&pair.to.name), &pair.to.kind)))
}

/// The first column that has no checksum: the state of an aggregation may be written in more than one way.
pub(super) fn without<'a>(columns: &[Pair<'a>]) -> Option<&'a Column> {
    let is_state = |kind: &str| kind.replace("SimpleAggregateFunction(", "").contains("AggregateFunction(");
    columns.iter().map(|pair| pair.to).find(|column| is_state(&column.kind))
}

fn sum(values: impl Iterator<Item = String>) -> String {
    format!("sum(cityHash64({}))", values.collect::<Vec<_>>().join(", "))
}

fn hashed(value: &str, kind: &str) -> String {
    let inner = unwrapped(unwrapped(kind, "LowCardinality("), "Nullable(");
    let letters = inner.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = letters.split('(').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    let is_wide = ["128", "256"].iter().any(|bits| inner.ends_with(bits));
    let value = if PLAIN.contains(&name) && !is_wide { value.to_owned() } else { format!("toString({value})") };
    if kind.contains("Nullable(") && inner.len() < kind.len() || inner == "Dynamic" || inner.starts_with("Variant(") {
        format!("ifNull(cityHash64({value}), 0), isNull({value})")
    } else {
        value
    }
}

fn unwrapped<'a>(kind: &'a str, wrapper: &str) -> &'a str {
    kind.strip_prefix(wrapper).and_then(|inner| inner.strip_suffix(')')).unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_the_default_differ_and_what_has_no_hash_is_a_text() {
        assert_eq!(hashed("a", "UInt64"), "a");
        assert_eq!(hashed("a", "Enum8('x' = 1)"), "a");
        assert_eq!(hashed("a", "DateTime('UTC')"), "a");
        assert_eq!(hashed("a", "DateTime64(3)"), "a");
        assert_eq!(hashed("a", "Int256"), "toString(a)");
        assert_eq!(hashed("a", "Decimal(9, 2)"), "toString(a)");
        assert_eq!(hashed("a", "Array(Nullable(String))"), "toString(a)");
        assert_eq!(hashed("a", "Nullable(String)"), "ifNull(cityHash64(a), 0), isNull(a)");
        assert_eq!(hashed("a", "Nullable(UUID)"), "ifNull(cityHash64(toString(a)), 0), isNull(toString(a))");
        assert_eq!(hashed("a", "LowCardinality(Nullable(String))"), "ifNull(cityHash64(a), 0), isNull(a)");
        assert_eq!(hashed("a", "LowCardinality(String)"), "a");
    }
}
