//! What a question gave, in the same shape for every engine: texts with the kind of their column.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::error::{Failure, Trouble};

/// What the texts of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number of any size.
    Integer,
    /// A binary floating point number.
    Real,
    /// A decimal number, exact.
    Decimal,
    /// Anything else.
    Text,
}

/// A value: its kind and text, or NULL.
pub(super) type Cell = Option<(Kind, String)>;

/// Columns and rows, at most one row more than was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

impl Answer {
    /// The one value of the one row; nothing for NULL or no row.
    pub fn one(self) -> Result<Option<String>, Failure> {
        if self.columns.len() > 1 {
            return Err(refused(format!("the question has {} columns, not one", self.columns.len())));
        }
        if self.rows.len() > 1 {
            return Err(refused("the question has more than one row".to_owned()));
        }
        match self.rows.into_iter().next().map(|row| row.into_iter().next()) {
            None => Ok(None),
            Some(None) => Err(refused("the question has no column".to_owned())),
            Some(Some(cell)) => Ok(cell.map(|(_, text)| text)),
        }
    }

    /// Every row by the names of its columns.
    pub fn records(self, rows_max: usize) -> Result<Vec<BTreeMap<String, Value>>, Failure> {
        if self.rows.len() > rows_max {
            return Err(refused(format!("there are more than {rows_max} rows")));
        }
        let mut names: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refused(format!("two columns are named `{}`", pair[0])));
        }
        let record = |row: Vec<Cell>| self.columns.iter().cloned().zip(row.into_iter().map(value)).collect();
        Ok(self.rows.into_iter().map(record).collect())
    }
}

fn refused(message: String) -> Failure {
    Failure::new(Trouble::Refused, message)
}

fn value(cell: Cell) -> Value {
    let Some((kind, text)) = cell else { return Value::Null };
    let number = match kind {
        Kind::Boolean => return text.parse().map_or(Value::String(text), Value::Bool),
        Kind::Integer => integer(&text),
        Kind::Real => text.parse().ok().and_then(Number::from_f64),
        Kind::Decimal => integer(&text).or_else(|| decimal(&text)),
        Kind::Text => None,
    };
    number.map_or(Value::String(text), Value::Number)
}

fn integer(text: &str) -> Option<Number> {
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// A decimal as a number, if the number is exactly that.
fn decimal(text: &str) -> Option<Number> {
    let number: f64 = text.parse().ok()?;
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    (number.to_string() == short).then(|| Number::from_f64(number)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(columns: &[&str], rows: Vec<Vec<Cell>>) -> Answer {
        Answer { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows }
    }

    fn cell(kind: Kind, text: &str) -> Cell {
        Some((kind, text.to_owned()))
    }

    #[test]
    fn a_question_has_one_row_and_one_column() {
        let one = || cell(Kind::Integer, "1");
        assert_eq!(answer(&["a"], vec![vec![one()]]).one(), Ok(Some("1".to_owned())));
        assert_eq!(answer(&["a"], vec![vec![None]]).one(), Ok(None));
        assert_eq!(answer(&["a"], vec![]).one(), Ok(None));
        let message = |answer: Answer| answer.one().map_err(|failure| failure.message);
        assert_eq!(
            message(answer(&["a"], vec![vec![one()], vec![one()]])),
            Err("the question has more than one row".into())
        );
        assert_eq!(
            message(answer(&["a", "b"], vec![vec![one(), one()]])),
            Err("the question has 2 columns, not one".into())
        );
        assert_eq!(message(answer(&[], vec![vec![]])), Err("the question has no column".into()));
    }

    #[test]
    fn numbers_stay_numbers_where_nothing_is_lost() {
        let shown = |kind, text| value(cell(kind, text)).to_string();
        assert_eq!(shown(Kind::Integer, "18446744073709551615"), "18446744073709551615");
        assert_eq!(shown(Kind::Integer, "-9223372036854775808"), "-9223372036854775808");
        assert_eq!(
            shown(Kind::Integer, "340282366920938463463374607431768211455"),
            "\"340282366920938463463374607431768211455\""
        );
        assert_eq!(shown(Kind::Decimal, "1.50"), "1.5");
        assert_eq!(shown(Kind::Decimal, "12345678901234567.89"), "\"12345678901234567.89\"");
        assert_eq!(shown(Kind::Decimal, "100"), "100");
        assert_eq!(shown(Kind::Real, "nan"), "\"nan\"");
        assert_eq!(shown(Kind::Real, "1e300"), "1e+300");
        assert_eq!(shown(Kind::Boolean, "true"), "true");
        assert_eq!(shown(Kind::Text, "12"), "\"12\"");
    }

    #[test]
    fn rows_are_named_and_counted() {
        let rows = || vec![vec![cell(Kind::Text, "x"), None]; 2];
        let records = answer(&["a", "b"], rows()).records(2).expect("two rows are allowed");
        assert_eq!(serde_json::json!(records), serde_json::json!([{"a": "x", "b": null}, {"a": "x", "b": null}]));
        let message = |result: Result<Vec<_>, Failure>| result.map_err(|failure| failure.message);
        assert_eq!(message(answer(&["a", "b"], rows()).records(1)), Err("there are more than 1 rows".into()));
        assert_eq!(message(answer(&["a", "a"], rows()).records(2)), Err("two columns are named `a`".into()));
    }
}
