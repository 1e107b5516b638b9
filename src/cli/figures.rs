//! Numbers, times and durations as people read them.

use std::time::Duration;

use crate::execute::{Left, Pace, Progress};
use crate::run::{Forecast, Timestamp};

/// A moment to the second, RFC 3339 in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.0.div_euclid(1000));
    at.map_or_else(|_| "a time that no calendar has".to_owned(), |at| at.to_string())
}

/// A number of things: `1 part`, `12,000 parts`.
pub(super) fn counted(count: usize, word: &str) -> String {
    format!("{} {word}{}", grouped(&count.to_string()), if count == 1 { "" } else { "s" })
}

/// A number of rows.
pub(super) fn rows(count: u64) -> String {
    format!("{} row{}", grouped(&count.to_string()), if count == 1 { "" } else { "s" })
}

/// What the moving of a large table will take, in a line.
pub(super) fn forecast(operation: &str, forecast: &Forecast) -> String {
    let about = if forecast.is_estimate { "about " } else { "" };
    let free = forecast.free_bytes.map(|free| format!(" ({} free)", bytes(free))).unwrap_or_default();
    let time = forecast.seconds.map(|seconds| format!(", about {}", duration(Duration::from_secs(seconds))));
    let (rows, size) = (rows(forecast.rows), bytes(forecast.bytes));
    format!("{operation} moves {about}{rows}, {size}{free}{}", time.unwrap_or_default())
}

/// Bytes as people read them: `1.2 GiB`.
pub(super) fn bytes(count: u64) -> String {
    crate::execute::bytes(count)
}

/// Digits with a comma between the thousands.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count or a rate that is not below zero: small ones with a fraction, large ones with commas.
pub(super) fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        return grouped(&format!("{value:.0}"));
    }
    let text = if value >= 10.0 { format!("{value:.1}") } else { format!("{value:.2}") };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A duration in its two greatest units: `42s`, `3m 20s`, `2h 5m`, `3d 4h`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let pair = |great: u64, small: u64, names: [&str; 2]| match small {
        0 => format!("{great}{}", names[0]),
        _ => format!("{great}{} {small}{}", names[0], names[1]),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => pair(seconds / 60, seconds % 60, ["m", "s"]),
        3600..86_400 => pair(seconds / 3600, seconds / 60 % 60, ["h", "m"]),
        _ => pair(seconds / 86_400, seconds / 3600 % 24, ["d", "h"]),
    }
}

fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// How far a run is, in a line: the operation at hand, its share, its rate, how long it may take, what it waits for.
pub(super) fn progress(progress: &Progress) -> String {
    let mut parts = Vec::new();
    match (progress.percent, &progress.unknown) {
        (Some(percent), _) => parts.push(format!("{percent:.1}%")),
        (None, Some(why)) => parts.push(format!("its progress is not known: {why}")),
        (None, None) => {}
    }
    let pace = progress.pace.as_ref();
    parts.extend(pace.map(|pace| pace.left.as_ref().map_or_else(|| "standing still".to_owned(), left)));
    if let Some((done, total)) = progress.counts {
        parts.push(format!("{} of {}", number(done), number(total)));
    }
    if let Some((done, all)) = progress.parts {
        parts.push(format!("{} of {} done", grouped(&done.to_string()), counted(all, "part")));
    }
    match progress.rows {
        Some((read, Some(total))) => parts.push(format!("its statement read {read} of about {total} rows")),
        Some((read, None)) => parts.push(format!("its statement read {read} rows")),
        None => {}
    }
    parts.extend(pace.filter(|pace| pace.left.is_some()).map(rate));
    parts.extend(progress.waits_for.as_ref().map(|what| format!("waiting for {what}")));
    format!("{}{}", operation(progress), parts.join(", "))
}

/// Where among the operations a run is.
fn operation(progress: &Progress) -> String {
    match &progress.operation {
        Some(name) => format!("{} of {} {name}: ", progress.number, progress.of),
        None => format!("{} done: ", counted(progress.number, "operation")),
    }
}

fn rate(pace: &Pace) -> String {
    match pace.counts_per_s {
        Some(counts) => format!("{}/s", number(counts)),
        None => format!("{}%/min", number(pace.percent_per_s * 60.0)),
    }
}

/// How long it may still take, with the band where there is one.
fn left(left: &Left) -> String {
    let band = match left.most_s {
        Some(most) if seconds(most) == seconds(left.least_s) => String::new(),
        Some(most) => format!(" ({} to {})", seconds(left.least_s), seconds(most)),
        None => format!(" (at least {})", seconds(left.least_s)),
    };
    format!("about {} left{band}", seconds(left.likely_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let durations = [0, 59, 60, 200, 3600, 7500, 86_400, 273_600].map(|s| duration(Duration::from_secs(s)));
        assert_eq!(durations, ["0s", "59s", "1m", "3m 20s", "1h", "2h 5m", "1d", "3d 4h"]);
        assert_eq!(
            [0.0, 0.25, 3.999, 12.34, 99.99, 1234.5, 1e6].map(number),
            ["0", "0.25", "4", "12.3", "100", "1,234", "1,000,000"]
        );
        assert_eq!(counted(12_345, "row"), "12,345 rows");
        assert_eq!(moment(Timestamp(1_700_000_000_999)), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn progress_in_a_line() {
        let left = Left { likely_s: 100.0, least_s: 60.0, most_s: Some(7200.0) };
        let full = Progress {
            percent: Some(43.21),
            counts: Some((12_345.0, 30_000.0)),
            operation: Some("copy".to_owned()),
            number: 3,
            of: 7,
            pace: Some(Pace { percent_per_s: 1.0, counts_per_s: Some(1200.0), left: Some(left) }),
            ..Progress::default()
        };
        assert_eq!(progress(&full), "3 of 7 copy: 43.2%, about 1m 40s left (1m to 2h), 12,345 of 30,000, 1,200/s");
        let odd = Progress {
            unknown: Some("its total is 0".to_owned()),
            number: 2,
            of: 2,
            waits_for: Some("somebody".to_owned()),
            pace: Some(Pace { percent_per_s: 0.0, counts_per_s: None, left: None }),
            ..Progress::default()
        };
        assert_eq!(
            progress(&odd),
            "2 operations done: its progress is not known: its total is 0, standing still, waiting for somebody"
        );
    }
}
