//! Services over the steps of a plan: which versions serve each, and where the version must change at the latest.

use std::collections::BTreeSet;

use version_ranges::Ranges;

use crate::model::{ServiceVersion, format_ranges};

use super::line::Stop;
use super::observed::Observed;
use super::{Change, Segment, ServiceLine, Step};

/// What each step works with, by number.
type Needed = Vec<(usize, Ranges<ServiceVersion>)>;

/// A line for every service that some step expects, with warnings about what the installation has.
pub(super) fn lines(
    start: &Stop<'_>,
    steps: &[Step],
    observed: Option<&Observed>,
    warnings: &mut Vec<String>,
) -> Vec<ServiceLine> {
    let names: BTreeSet<&String> = steps.iter().flat_map(|step| step.needs.keys()).collect();
    let mut lines = Vec::new();
    for name in names {
        let needed = |step: &Step| (step.number, step.needs.get(name).cloned().unwrap_or_else(Ranges::full));
        let needs: Needed = steps.iter().map(needed).collect();
        let own = start.needs(name);
        let (mut now, mut changes, mut advice) = (None, Vec::new(), advice(&own, &needs));
        match observed.and_then(|observed| observed.services.get(name)) {
            Some(Ok(version)) => {
                changes = self::changes(version, name, steps, &needs);
                let known = known(version, &changes);
                warnings.extend((!changes.is_empty()).then(|| format!("{name} {known}")));
                advice = Some(known);
                now = Some(version.clone());
            }
            Some(Err(why)) => warnings.push(format!("the version of {name} cannot be told: {why}")),
            None => {}
        }
        let segments = segments(&needs);
        lines.push(ServiceLine { name: name.clone(), start: own, segments, now, changes, advice, steps: needs });
    }
    lines
}

/// Before which steps the version that runs must change. Each change serves as many steps as it can, and also the release
/// that runs while it is made, where one version serves both. A release that brings the service along changes it by itself.
fn changes(now: &ServiceVersion, name: &str, steps: &[Step], needs: &Needed) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let mut kept = Ranges::singleton(now.clone());
    let mut is_brought = true;
    for (index, (number, range)) in needs.iter().enumerate() {
        let narrower = kept.intersection(range);
        match changes.last_mut() {
            _ if narrower == Ranges::empty() => {
                let both = index.checked_sub(1).map(|before| needs[before].1.intersection(range));
                kept = both.filter(|both| *both != Ranges::empty()).unwrap_or_else(|| range.clone());
                changes.push(Change { before_step: *number, range: kept.clone() });
                is_brought = false;
            }
            Some(change) if !is_brought => {
                kept = narrower;
                change.range = kept.clone();
            }
            Some(_) | None => kept = narrower,
        }
        if let Some(brought) = steps[index].provides.get(name) {
            kept = Ranges::singleton(brought.clone());
            is_brought = true;
        }
    }
    changes
}

/// What runs, and when that must change.
fn known(now: &ServiceVersion, changes: &[Change]) -> String {
    let change =
        |change: &Change| format!("before step {} it must be {}", change.before_step, format_ranges(&change.range));
    let changes: Vec<String> = changes.iter().map(change).collect();
    match changes.is_empty() {
        true => format!("{now} runs, and may stay"),
        false => format!("{now} runs; {}", changes.join("; ")),
    }
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
