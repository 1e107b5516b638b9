//! Services over the steps of a plan: which versions serve each, and where the version must change at the latest.

use std::collections::BTreeSet;

use version_ranges::Ranges;

use crate::model::{ServiceVersion, format_ranges};

use super::line::Stop;
use super::{Segment, ServiceLine, Step};

/// A line for every service that some step expects.
pub(super) fn lines(start: &Stop<'_>, steps: &[Step]) -> Vec<ServiceLine> {
    let names: BTreeSet<&String> = steps.iter().flat_map(|step| step.needs.keys()).collect();
    let line = |name: &String| {
        let needed = |step: &Step| step.needs.get(name).cloned().unwrap_or_else(Ranges::full);
        let steps: Vec<(usize, Ranges<ServiceVersion>)> =
            steps.iter().map(|step| (step.number, needed(step))).collect();
        let own = start.needs(name);
        ServiceLine { name: name.clone(), advice: advice(&own, &steps), start: own, segments: segments(&steps), steps }
    };
    names.into_iter().map(line).collect()
}

/// The fewest stretches: each goes on as long as some version serves all of its steps. Going on as long as possible is
/// best, since a later change never leaves less choice for what follows.
fn segments(steps: &[(usize, Ranges<ServiceVersion>)]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for (number, range) in steps {
        match segments.last_mut() {
            Some(last) if !last.range.is_disjoint(range) => {
                last.to_step = *number;
                last.range = last.range.intersection(range);
            }
            _ => segments.push(Segment { from_step: *number, to_step: *number, range: range.clone() }),
        }
    }
    segments
}

/// Until which step a version that the installation's own release works with may be kept.
fn advice(own: &Ranges<ServiceVersion>, steps: &[(usize, Ranges<ServiceVersion>)]) -> Option<String> {
    if *own == Ranges::full() {
        return None;
    }
    let mut kept = own.clone();
    for (index, (number, range)) in steps.iter().enumerate() {
        let narrower = kept.intersection(range);
        if narrower != Ranges::empty() {
            kept = narrower;
            continue;
        }
        let before = index.checked_sub(1).map_or(own, |before| &steps[before].1);
        let change = before.intersection(range);
        let change = if change == Ranges::empty() { range } else { &change };
        let keep = match index {
            0 => String::new(),
            1 => format!("{} may be kept for step {}; ", format_ranges(&kept), steps[0].0),
            _ => format!("{} may be kept for steps {} to {}; ", format_ranges(&kept), steps[0].0, steps[index - 1].0),
        };
        return Some(format!("{keep}before step {number} it must be {}", format_ranges(change)));
    }
    None
}
