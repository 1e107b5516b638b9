//! What a probe's answer means: yes, no, or unknown.

use crate::model::{Comparator, Expectation};

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One value, as a text.
    Value(String),
    /// No row, or NULL.
    Nothing,
    /// The question could not be asked, or its answer could not be read.
    Error(String),
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As expected.
    Yes,
    /// Not as expected: the value.
    No(String),
    /// Neither: why.
    Unknown(String),
}

/// Compares an answer with what is expected. The operand of a comparison is already rendered.
pub fn compare(expect: &Expectation, answer: &Answer) -> Verdict {
    let value = match answer {
        Answer::Value(value) => value.trim(),
        Answer::Nothing => return Verdict::Unknown("there was no answer: no row, or NULL".to_owned()),
        Answer::Error(error) => return Verdict::Unknown(error.clone()),
    };
    let met = match expect {
        Expectation::True => truth(value),
        Expectation::False => truth(value).map(|truth| !truth),
        Expectation::Any => Some(true),
        Expectation::Compare(comparator, operand) => ordered(*comparator, value, operand),
    };
    match met {
        Some(true) => Verdict::Yes,
        Some(false) => Verdict::No(value.to_owned()),
        None => Verdict::Unknown(format!("`{value}` cannot be compared with what is expected")),
    }
}

/// A truth: a word, or a number other than zero.
fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" => Some(true),
        "false" | "f" | "no" => Some(false),
        number => number.parse::<f64>().ok().filter(|number| !number.is_nan()).map(|number| number != 0.0),
    }
}

/// Numbers compare as numbers, and exactly where both are whole; else texts are equal or not.
fn ordered(comparator: Comparator, value: &str, operand: &str) -> Option<bool> {
    let order = match (value.parse::<i128>(), operand.parse::<i128>()) {
        (Ok(value), Ok(operand)) => Some(value.cmp(&operand)),
        _ => match (value.parse::<f64>(), operand.parse::<f64>()) {
            (Ok(value), Ok(operand)) => Some(value.partial_cmp(&operand)?),
            _ => None,
        },
    };
    match (comparator, order) {
        (Comparator::Equal, Some(order)) => Some(order.is_eq()),
        (Comparator::Equal, None) => Some(value == operand),
        (Comparator::NotEqual, Some(order)) => Some(order.is_ne()),
        (Comparator::NotEqual, None) => Some(value != operand),
        (Comparator::Less, order) => order.map(std::cmp::Ordering::is_lt),
        (Comparator::LessOrEqual, order) => order.map(std::cmp::Ordering::is_le),
        (Comparator::Greater, order) => order.map(std::cmp::Ordering::is_gt),
        (Comparator::GreaterOrEqual, order) => order.map(std::cmp::Ordering::is_ge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(expect: &str, value: &str) -> Verdict {
        let expect = Expectation::parse(expect).expect("an expectation");
        compare(&expect, &Answer::Value(value.to_owned()))
    }

    #[test]
    fn an_answer_is_yes_no_or_unknown() {
        let no = |value: &str| Verdict::No(value.to_owned());
        assert_eq!(verdict("true", "1"), Verdict::Yes);
        assert_eq!(verdict("true", "t"), Verdict::Yes);
        assert_eq!(verdict("true", "0"), no("0"));
        assert_eq!(verdict("false", "0.0"), Verdict::Yes);
        assert_eq!(verdict(">= 1.5", "1.49"), no("1.49"));
        assert_eq!(verdict("= 1", "1.0"), Verdict::Yes);
        assert_eq!(verdict("= 9007199254740993", "9007199254740992"), no("9007199254740992"));
        assert_eq!(verdict("= done", "done"), Verdict::Yes);
        assert_eq!(verdict("!= done", "open"), Verdict::Yes);
        assert!(matches!(verdict("true", "maybe"), Verdict::Unknown(_)));
        assert!(matches!(verdict("> 1", "nan"), Verdict::Unknown(_)));
        assert!(matches!(verdict("> 1", "many"), Verdict::Unknown(_)));
        assert!(matches!(compare(&Expectation::False, &Answer::Nothing), Verdict::Unknown(_)));
        assert!(matches!(compare(&Expectation::False, &Answer::Error("gone".into())), Verdict::Unknown(_)));
    }
}
