//! What an operator may set for one run of a migration.

use std::fmt;

use jiff::civil::Date;
use serde_json::Value;

use super::Place;

/// The type of a parameter, with its bounds.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterKind {
    /// Any text.
    String,
    /// A whole number.
    Integer {
        /// The least one.
        min: Option<i64>,
        /// The greatest one.
        max: Option<i64>,
    },
    /// A number.
    Number {
        /// The least one.
        min: Option<f64>,
        /// The greatest one.
        max: Option<f64>,
    },
    /// True or false.
    Boolean,
    /// A day, `2020-01-31`.
    Date {
        /// The first one.
        min: Option<Date>,
        /// The last one.
        max: Option<Date>,
    },
    /// One of these.
    Enum {
        /// The values, at least one.
        values: Vec<String>,
    },
}

impl ParameterKind {
    /// Why a value is not one of this type, or nothing if it is.
    pub fn refusal(&self, value: &Value) -> Option<String> {
        fn outside<T: PartialOrd + fmt::Display>(value: &T, min: &Option<T>, max: &Option<T>) -> Option<String> {
            match (min, max) {
                (Some(min), _) if value < min => Some(format!("{value} is below the least value {min}")),
                (_, Some(max)) if value > max => Some(format!("{value} is above the greatest value {max}")),
                _ => None,
            }
        }
        let wrong = || Some(format!("{value} is not {self}"));
        match self {
            ParameterKind::String => value.as_str().map_or_else(wrong, |_| None),
            ParameterKind::Boolean => value.as_bool().map_or_else(wrong, |_| None),
            ParameterKind::Integer { min, max } => value.as_i64().map_or_else(wrong, |v| outside(&v, min, max)),
            ParameterKind::Number { min, max } => value.as_f64().map_or_else(wrong, |v| outside(&v, min, max)),
            ParameterKind::Date { min, max } => {
                value.as_str().and_then(|text| text.parse::<Date>().ok()).map_or_else(wrong, |v| outside(&v, min, max))
            }
            ParameterKind::Enum { values } => {
                let known = value.as_str().is_some_and(|text| values.iter().any(|known| known == text));
                if known { None } else { wrong() }
            }
        }
    }
}

impl fmt::Display for ParameterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterKind::String => f.write_str("a string"),
            ParameterKind::Integer { .. } => f.write_str("an integer"),
            ParameterKind::Number { .. } => f.write_str("a number"),
            ParameterKind::Boolean => f.write_str("a boolean"),
            ParameterKind::Date { .. } => f.write_str("a date"),
            ParameterKind::Enum { values } => write!(f, "one of {}", values.join(", ")),
        }
    }
}

/// A declared parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its type and bounds.
    pub kind: ParameterKind,
    /// What holds if nothing is set: absent = it must be set; null = it may stay unset.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
    /// Where it is declared.
    pub place: Place,
}
