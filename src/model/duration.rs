//! Durations such as `20s`, `1h30m`, `48h`.

use std::time::Duration;

use jiff::SignedDuration;
use thiserror::Error;

/// A text that is no duration.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DurationError {
    /// A number without a unit, or words.
    #[error("`{0}` is not a duration")]
    Unreadable(String),
    /// Nothing or less can be waited for.
    #[error("the duration `{0}` is not above zero")]
    NotPositive(String),
}

/// Reads `90s`, `30m`, `1h30m`, `48h`. Days and weeks are refused: their length depends on the calendar.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let signed: SignedDuration = text.parse().map_err(|_| DurationError::Unreadable(text.to_owned()))?;
    if signed <= SignedDuration::ZERO {
        return Err(DurationError::NotPositive(text.to_owned()));
    }
    Duration::try_from(signed).map_err(|_| DurationError::Unreadable(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_a_length() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("48h"), Ok(Duration::from_secs(172_800)));
        assert_eq!(parse_duration("5"), Err(DurationError::Unreadable("5".into())));
        assert_eq!(parse_duration("2 weeks"), Err(DurationError::Unreadable("2 weeks".into())));
        assert_eq!(parse_duration("0s"), Err(DurationError::NotPositive("0s".into())));
    }
}
