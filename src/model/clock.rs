//! How far another clock is from ours, as far as one question tells.

/// What a clock said, and ours before and after the question; in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// Ours before.
    pub before_ms: i64,
    /// The other one.
    pub there_ms: i64,
    /// Ours after.
    pub after_ms: i64,
}

impl ClockReading {
    /// How far the other clock is ahead for certain, below zero where it is behind; 0 where it may be right.
    pub fn ahead_ms(&self) -> i64 {
        (self.there_ms - self.after_ms).max(0) + (self.there_ms - self.before_ms).min(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_time_of_the_question_does_not_explain_counts() {
        let ahead = |there_ms| ClockReading { before_ms: 1_000, there_ms, after_ms: 1_400 }.ahead_ms();
        assert_eq!([ahead(1_000), ahead(1_200), ahead(1_400)], [0, 0, 0]);
        assert_eq!([ahead(1_401), ahead(9_400), ahead(999), ahead(0)], [1, 8_000, -1, -1_000]);
    }
}
