//! Numbers, times and durations as people read them.

use std::time::Duration;

use crate::execute::{By, Left, Moved, MovedPiece, Pace, Progress};
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

/// The same of a number of seconds.
pub(super) fn seconds(seconds: f64) -> String {
    duration(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// How far a run is, in a line: the operation at hand, its share, its rate, how long it may take, what it waits for.
pub(super) fn progress(progress: &Progress) -> String {
    let mut parts = Vec::new();
    let share = progress.moved.as_ref().filter(|_| progress.counts.is_none()).and_then(Moved::share);
    let of_run = progress.percent.filter(|_| progress.moved.is_none() || progress.counts.is_some());
    match (share.map(|share| share * 100.0).or(of_run), &progress.unknown) {
        (Some(percent), _) => parts.push(format!("{percent:.1}%")),
        (None, Some(why)) => parts.push(format!("its progress is not known: {why}")),
        (None, None) => {}
    }
    let pace = progress.pace.as_ref();
    parts.extend(pace.map(|pace| pace.left.as_ref().map_or_else(|| "standing still".to_owned(), left)));
    if let Some((done, total)) = progress.counts {
        parts.push(format!("{} of {}", number(done), number(total)));
    }
    match (&progress.moved, progress.parts) {
        (Some(found), _) => parts.extend(moved(found)),
        (None, Some((done, all))) => {
            parts.push(format!("{} of {} done", grouped(&done.to_string()), counted(all, "part")));
        }
        (None, None) => {}
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

/// How far the moving of a table is.
fn moved(moved: &Moved) -> Vec<String> {
    let mut parts: Vec<String> = moved.left.as_ref().map(left).into_iter().collect();
    parts.push(rows_of(moved.rows, moved.total));
    parts.extend(moved.rate_now.map(|rate| format!("{}/s now", per_second(rate))));
    parts.extend(moved.rate.map(|rate| format!("{}/s on average", per_second(rate))));
    match (moved.by, moved.at_work) {
        (_, 0) | (By::Keys, 1) => {}
        (By::Partition, count) => parts.push(format!("{} at work", counted(count, "partition"))),
        (By::Keys, count) => parts.push(format!("{count} stretches at work")),
    }
    parts.extend((moved.throttled_s >= 1.0).then(|| format!("throttled {}", seconds(moved.throttled_s))));
    parts
}

/// What was said before about the moving of a table, and what it has come to.
pub(super) fn compared(forecast: &Forecast, moved: &Moved) -> String {
    let about = if forecast.is_estimate { "about " } else { "" };
    let said = match forecast.seconds {
        Some(said) => format!(" in about {}", duration(Duration::from_secs(said))),
        None => String::new(),
    };
    format!("{about}{}{said}; {} so far", rows(forecast.rows), seconds(moved.elapsed_s))
}

/// How far a partition or a stretch of keys is.
pub(super) fn piece(by: By, piece: &MovedPiece, rate: Option<f64>) -> String {
    let name = match by {
        By::Partition => format!("partition {}", piece.name),
        By::Keys if piece.name.starts_with("the beginning") => format!("from {}", piece.name),
        By::Keys => format!("after {}", piece.name),
    };
    let rows = match piece.rows {
        Some(done) => rows_of(done, Some(piece.total)),
        None => rows(piece.total),
    };
    let rate = rate.map(|rate| format!(", {}/s", per_second(rate)));
    format!("{name}: {rows}{}", rate.unwrap_or_default())
}

fn rows_of(done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) if done <= total => format!("{} of {}", grouped(&done.to_string()), rows(total)),
        Some(total) if total > 0 => format!("{} of about {}", grouped(&done.to_string()), rows(total)),
        Some(_) | None => rows(done),
    }
}

/// A rate in the three digits that mean something.
fn per_second(rate: f64) -> String {
    let mut unit = 1.0;
    while rate / unit >= 1000.0 {
        unit *= 10.0;
    }
    number((rate / unit).round() * unit)
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
        None if seconds(left.likely_s) == seconds(left.least_s) => String::new(),
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

    fn of_moved() -> Moved {
        Moved {
            by: By::Partition,
            rows: 8_640_000,
            total: Some(20_000_000),
            rate_now: Some(410_123.4),
            rate: Some(395_499.0),
            left: Some(Left { likely_s: 720.0, least_s: 600.0, most_s: Some(900.0) }),
            elapsed_s: 22.0,
            throttled_s: 130.4,
            at_work: 3,
            pieces: Vec::new(),
        }
    }

    fn line(moved: Moved) -> String {
        let (operation, number, of) = (Some("copy-events".to_owned()), 2, 7);
        progress(&Progress { percent: Some(20.5), moved: Some(moved), operation, number, of, ..Progress::default() })
    }

    #[test]
    fn a_table_that_is_moved_in_a_line() {
        assert_eq!(
            line(of_moved()),
            "2 of 7 copy-events: 43.2%, about 12m left (10m to 15m), 8,640,000 of 20,000,000 rows, 410,000/s now, \
             395,000/s on average, 3 partitions at work, throttled 2m 10s"
        );
        let begun = Moved { rows: 0, rate_now: None, rate: None, left: None, throttled_s: 0.0, ..of_moved() };
        assert_eq!(line(begun), "2 of 7 copy-events: 0.0%, 0 of 20,000,000 rows, 3 partitions at work");
        let by_keys = Moved { by: By::Keys, at_work: 1, rows: 7, total: None, left: None, ..of_moved() };
        assert_eq!(line(by_keys), "2 of 7 copy-events: 7 rows, 410,000/s now, 395,000/s on average, throttled 2m 10s");
    }

    #[test]
    fn the_pieces_at_hand() {
        let of = |name: &str, rows| MovedPiece { number: 1, of: 4, name: name.to_owned(), rows, total: 1_000_000 };
        let told = [
            piece(By::Partition, &of("202403 on ch-1", Some(410_000)), Some(130_456.0)),
            piece(By::Partition, &of("202404", None), None),
            piece(By::Keys, &of("the beginning", Some(0)), None),
            piece(By::Keys, &of("2000000", Some(1_000_001)), Some(3.4)),
        ];
        assert_eq!(
            told,
            [
                "partition 202403 on ch-1: 410,000 of 1,000,000 rows, 130,000/s",
                "partition 202404: 1,000,000 rows",
                "from the beginning: 0 of 1,000,000 rows",
                "after 2000000: 1,000,001 of about 1,000,000 rows, 3/s",
            ]
        );
    }
}
