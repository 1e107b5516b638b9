//! Free disk, against the largest table: a migration that rewrites one needs as much again.

use crate::database::Disk;

use super::super::forecast::bytes;
use super::Finding;

/// Below this share of a disk, servers themselves get into trouble.
const BAD_PERCENT: u128 = 3;

/// What is left of a disk, and for what.
pub(super) fn judge(about: &str, disk: &Disk, largest: Option<u64>) -> Finding {
    let Disk { name, free, total } = disk;
    let left = format!("{} of {} are free on {name}", bytes(*free), bytes(*total));
    let advice = "make room before a migration copies a large table";
    let is_full = u128::from(*free) * 100 < u128::from(*total) * BAD_PERCENT;
    match largest {
        _ if is_full => Finding::bad(about, left, "make room: servers stop writing when a disk is full"),
        // Half as much again: what is merged and sorted on the way needs room too.
        Some(size) if *free < size.saturating_add(size / 2) => {
            let message = format!("{left}, and its largest table has {}", bytes(size));
            Finding::doubtful(about, message, advice)
        }
        Some(_) | None => Finding::good(about, left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_measured_by_the_largest_table() {
        let told = |free: u64, largest| {
            let disk = Disk { name: "default".to_owned(), free: free << 30, total: 100 << 30 };
            let finding = judge("target main", &disk, largest);
            format!("{}: {}", finding.rating.as_str(), finding.message)
        };
        assert_eq!(told(50, Some(20 << 30)), "good: 50.0 GiB of 100 GiB are free on default");
        assert_eq!(
            told(50, Some(40 << 30)),
            "doubtful: 50.0 GiB of 100 GiB are free on default, and its largest table has 40.0 GiB"
        );
        assert_eq!(told(2, None), "bad: 2.0 GiB of 100 GiB are free on default");
    }
}
