//! Probes: read-only questions to a database, a command, a URL, a folder or a text, and what is expected as the answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use super::{Place, Template};

/// What a probe asks.
#[derive(Clone, Debug)]
pub enum Question {
    /// A statement that returns one row with one column.
    Sql {
        /// The target's name.
        target: String,
        /// The statement.
        sql: Template,
    },
    /// A program; its trimmed standard output is the answer.
    Command {
        /// Program and arguments.
        argv: Vec<Template>,
    },
    /// A URL; the body of a response with the expected status is the answer.
    Http {
        /// The method, `GET` where not given.
        method: String,
        /// The address.
        url: Template,
        /// Headers.
        headers: BTreeMap<String, Template>,
        /// The status that counts as an answer.
        expect_status: u16,
    },
    /// Whether a file is there: `true` or `false`.
    File {
        /// The whole path.
        path: Template,
    },
    /// What a text comes to: a question about variables and outputs.
    Value {
        /// The text.
        text: Template,
    },
}

/// A question with the answer that means yes. An error, no row or NULL is neither yes nor no: it is unknown.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What is asked.
    pub question: Question,
    /// What is made of what came back, `{{ value }}`; it is the answer as it is where this is absent.
    pub answer: Option<Template>,
    /// What means yes.
    pub expect: Expectation,
    /// What to tell when the answer is no; may use `{{ value }}`.
    pub message: Option<Template>,
    /// How long an answer may take.
    pub timeout: Option<Duration>,
    /// Where it is declared.
    pub place: Place,
}

/// How an answer compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// The answer that means yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// A true value: `true`, `t`, or a number other than zero.
    True,
    /// A false value.
    False,
    /// Any answer at all.
    Any,
    /// A comparison with an operand; numbers compare as numbers, else texts.
    Compare(Comparator, String),
}

impl Probe {
    /// Its texts, the operand of its expectation apart.
    pub fn templates(&self) -> Vec<&Template> {
        let mut texts: Vec<&Template> = self.answer.iter().chain(&self.message).collect();
        match &self.question {
            Question::Sql { sql: text, .. } | Question::File { path: text } | Question::Value { text } => {
                texts.push(text)
            }
            Question::Command { argv } => texts.extend(argv),
            Question::Http { url, headers, .. } => texts.extend(std::iter::once(url).chain(headers.values())),
        }
        texts
    }

    /// The target that it asks, where it asks one.
    pub fn target(&self) -> Option<&str> {
        match &self.question {
            Question::Sql { target, .. } => Some(target),
            Question::Command { .. } | Question::Http { .. } | Question::File { .. } | Question::Value { .. } => None,
        }
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "!=",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        })
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expectation::True => f.write_str("true"),
            Expectation::False => f.write_str("false"),
            Expectation::Any => f.write_str("any"),
            Expectation::Compare(comparator, operand) => write!(f, "{comparator} {operand}"),
        }
    }
}

/// A text that is no expectation.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExpectationError {
    /// It does not begin with an operator.
    #[error("`{0}` is not an expectation")]
    NoOperator(String),
    /// Nothing to compare with.
    #[error("`{0}` compares with nothing")]
    NoOperand(String),
    /// `<`, `<=`, `>`, `>=` with what is no number.
    #[error("`{0}` orders something that is not a number")]
    NotANumber(String),
}

impl Expectation {
    /// The text that it compares with.
    pub fn operand(&self) -> Option<&str> {
        match self {
            Expectation::Compare(_, operand) => Some(operand),
            Expectation::True | Expectation::False | Expectation::Any => None,
        }
    }

    /// Reads `true`, `false`, `any`, `>= 1.5`, `= done`, `!= 0`.
    pub fn parse(text: &str) -> Result<Expectation, ExpectationError> {
        const OPERATORS: [(&str, Comparator); 7] = [
            (">=", Comparator::GreaterOrEqual),
            ("<=", Comparator::LessOrEqual),
            ("!=", Comparator::NotEqual),
            ("==", Comparator::Equal),
            ("=", Comparator::Equal),
            (">", Comparator::Greater),
            ("<", Comparator::Less),
        ];
        let text = text.trim();
        match text {
            "true" => return Ok(Expectation::True),
            "false" => return Ok(Expectation::False),
            "any" => return Ok(Expectation::Any),
            _ => {}
        }
        let (operator, comparator) = OPERATORS
            .into_iter()
            .find(|(operator, _)| text.starts_with(operator))
            .ok_or_else(|| ExpectationError::NoOperator(text.to_owned()))?;
        let operand = text[operator.len()..].trim();
        if operand.is_empty() {
            return Err(ExpectationError::NoOperand(text.to_owned()));
        }
        let ordered = !matches!(comparator, Comparator::Equal | Comparator::NotEqual);
        if ordered && !operand.contains("{{") && operand.parse::<f64>().is_err() {
            return Err(ExpectationError::NotANumber(text.to_owned()));
        }
        Ok(Expectation::Compare(comparator, operand.to_owned()))
    }

    /// Whether some answer meets this and not `other`, as far as two truths or two orders of numbers can tell.
    pub fn is_laxer_than(&self, other: &Expectation) -> bool {
        match (self.bound(), other.bound()) {
            (Some(one), Some(other)) if one.is_upper != other.is_upper => true,
            (Some(one), Some(other)) => {
                let reach = |bound: &Bound| if bound.is_upper { bound.number } else { -bound.number };
                reach(&one) > reach(&other) || (reach(&one) >= reach(&other) && one.is_closed && !other.is_closed)
            }
            (None, None) => {
                matches!(
                    (self, other),
                    (Expectation::True, Expectation::False) | (Expectation::False, Expectation::True)
                )
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// The end of the numbers that it allows, where it orders them.
    fn bound(&self) -> Option<Bound> {
        let Expectation::Compare(comparator, operand) = self else { return None };
        let (is_upper, is_closed) = match comparator {
            Comparator::Less => (true, false),
            Comparator::LessOrEqual => (true, true),
            Comparator::Greater => (false, false),
            Comparator::GreaterOrEqual => (false, true),
            Comparator::Equal | Comparator::NotEqual => return None,
        };
        Some(Bound { number: operand.parse().ok()?, is_upper, is_closed })
    }
}

/// Where the numbers end that an expectation allows.
struct Bound {
    number: f64,
    is_upper: bool,
    is_closed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_a_truth_or_a_comparison() {
        let compare = |comparator, operand: &str| Ok(Expectation::Compare(comparator, operand.into()));
        assert_eq!(Expectation::parse("true"), Ok(Expectation::True));
        assert_eq!(Expectation::parse(">= 1.5"), compare(Comparator::GreaterOrEqual, "1.5"));
        assert_eq!(Expectation::parse("= done"), compare(Comparator::Equal, "done"));
        assert_eq!(Expectation::parse("1.5"), Err(ExpectationError::NoOperator("1.5".into())));
        assert_eq!(Expectation::parse(">="), Err(ExpectationError::NoOperand(">=".into())));
        assert_eq!(Expectation::parse("> much"), Err(ExpectationError::NotANumber("> much".into())));
    }

    #[test]
    fn an_expectation_is_laxer_where_it_takes_more() {
        let is_laxer = |one: &str, other: &str| {
            let of = |text| Expectation::parse(text).expect("an expectation");
            of(one).is_laxer_than(&of(other))
        };
        for (one, other) in [("< 20", "< 10"), ("<= 10", "< 10"), ("> 1", ">= 2"), (">= 2", "> 2"), ("> 5", "< 10")] {
            assert!(is_laxer(one, other), "{one} takes more than {other}");
        }
        for (one, other) in [("< 10", "< 10"), ("< 5", "< 10"), ("< 10", "<= 10"), ("> 20", "> 10"), ("= 3", "< 2")] {
            assert!(!is_laxer(one, other), "{one} takes no more than {other}");
        }
        assert!(is_laxer("true", "false") && !is_laxer("false", "false") && !is_laxer("true", "= 1"));
    }
}
