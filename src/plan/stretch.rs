//! Stretches of stops, by their numbers, and what is asked of sorted lists of them.

/// A stretch of stops, both ends inclusive.
pub(super) type Stretch = (usize, usize);

/// The stretches of the first `count` stops in which a condition holds.
pub(super) fn stretches(count: usize, holds: impl Fn(usize) -> bool) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for stop in (0..count).filter(|stop| holds(*stop)) {
        match stretches.last_mut() {
            Some((_, last)) if *last + 1 == stop => *last = stop,
            _ => stretches.push((stop, stop)),
        }
    }
    stretches
}

/// What two sorted lists of stretches share.
pub(super) fn intersect(left: &[Stretch], right: &[Stretch]) -> Vec<Stretch> {
    let mut shared = Vec::new();
    for (low, high) in left {
        let first = right.partition_point(|(_, end)| end < low);
        let inside = right[first..].iter().take_while(|(begin, _)| begin <= high);
        shared.extend(inside.map(|(begin, end)| (*begin.max(low), *end.min(high))));
    }
    shared
}

/// The first stop from `from` on that is inside one of the sorted stretches.
pub(super) fn next_allowed(runs: &[Stretch], from: usize) -> Option<usize> {
    let run = runs.partition_point(|(_, end)| *end < from);
    runs.get(run).map(|(begin, _)| (*begin).max(from))
}

/// The last stop up to `to` that is inside one of the sorted stretches.
pub(super) fn last_allowed(runs: &[Stretch], to: usize) -> Option<usize> {
    let run = runs.partition_point(|(begin, _)| *begin <= to).checked_sub(1)?;
    runs.get(run).map(|(_, end)| (*end).min(to))
}

/// Whether a stop is inside one of the sorted stretches.
pub(super) fn is_allowed(runs: &[Stretch], stop: usize) -> bool {
    next_allowed(runs, stop) == Some(stop)
}
