//! Clocks: leases and journals mix the times of machines.

use crate::model::ClockReading;

use super::Finding;

/// From here on times in journals mislead.
const DOUBTFUL_MS: i64 = 2_000;
/// From here on waits and leases mislead too.
const BAD_MS: i64 = 30_000;

/// What a clock's difference from ours means.
pub(super) fn judge(about: &str, clock: &ClockReading) -> Finding {
    let ahead = clock.ahead_ms();
    let seconds = ahead.unsigned_abs() as f64 / 1_000.0;
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let message = format!("its clock is {seconds:.1} s {way} this machine's");
    let advice = "let both machines take their time from a time server (NTP)";
    match ahead.abs() {
        BAD_MS.. => Finding::bad(about, message, advice),
        DOUBTFUL_MS.. => Finding::doubtful(about, message, advice),
        _ => Finding::good(about, "its clock agrees with this machine's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_doubtful_and_half_a_minute_is_bad() {
        let told = |there_ms| {
            let finding = judge("store", &ClockReading { before_ms: 0, there_ms, after_ms: 0 });
            format!("{}: {}", finding.rating.as_str(), finding.message)
        };
        assert_eq!(told(1_999), "good: its clock agrees with this machine's");
        assert_eq!(told(-2_000), "doubtful: its clock is 2.0 s behind this machine's");
        assert_eq!(told(30_000), "bad: its clock is 30.0 s ahead of this machine's");
    }
}
