//! What the parts of one operation do next. Hosts go side by side; on one host parts go one after another, or so many at
//! once as their operation says.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Direction, Fault, FaultKind, PartProgress, PartState, Phase, Task, TaskKind, Timestamp, Unit, Watch};

/// Tries of an operation that says nothing itself, where it surely was not done.
const ATTEMPTS: u32 = 3;
/// The same for a piece of a large table: what has taken hours is not given up for minutes without a connection.
const PATIENT_ATTEMPTS: u32 = 10;
/// The first pause between tries of an operation that says nothing itself.
const BACKOFF: Duration = Duration::from_secs(5);
/// The longest pause between tries.
const BACKOFF_MAX: Duration = Duration::from_secs(600);

/// What one host does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// It attempts a part.
    Attempt(Unit),
    /// It tries again then.
    Later(Timestamp),
    /// It is at a part.
    Running(Unit),
    /// Nobody knows yet what became of a part.
    Doubtful,
    /// A part failed too often: with what it said.
    Exhausted(Unit, String),
    /// Its parts are done.
    Over,
}

/// The next step of each host, or of as many parts of it as are at work at once. Parts that wait for a person are none.
pub(super) fn lanes(
    task: &Task,
    width: usize,
    phase: &Phase,
    name: &str,
    direction: Direction,
    now: Timestamp,
) -> Vec<Lane> {
    let mut hosts: BTreeMap<Option<&str>, Vec<(u32, &PartState)>> = BTreeMap::new();
    for (index, part) in (0..).zip(phase.parts()) {
        hosts.entry(part.part.host.as_deref()).or_default().push((index, part));
    }
    let unit = |part: u32| Unit { operation: name.to_owned(), direction, part };
    let of_host = |parts: Vec<(u32, &PartState)>| {
        let open = parts.into_iter().filter(|(_, part)| !part.is_done() && !part.is_set_aside());
        let mut lanes: Vec<Lane> = open.take(width).map(|(index, part)| next(task, unit(index), part, now)).collect();
        if lanes.is_empty() {
            lanes.push(Lane::Over);
        }
        lanes
    };
    hosts.into_values().flat_map(of_host).collect()
}

fn next(task: &Task, unit: Unit, part: &PartState, now: Timestamp) -> Lane {
    match &part.progress {
        PartProgress::Waiting if part.failures >= tries(task, FaultKind::Lost) => {
            Lane::Exhausted(unit, "it was lost or ended again and again, and is not done".to_owned())
        }
        PartProgress::Waiting | PartProgress::Done(_) => Lane::Attempt(unit),
        PartProgress::Failed { fault, at } => failed(task, unit, part, fault, *at, now),
        PartProgress::Running(_) => Lane::Running(unit),
        PartProgress::InDoubt | PartProgress::Adopted | PartProgress::CutOff => Lane::Doubtful,
    }
}

fn failed(task: &Task, unit: Unit, part: &PartState, fault: &Fault, at: Timestamp, now: Timestamp) -> Lane {
    if part.failures >= tries(task, fault.kind) {
        return Lane::Exhausted(unit, fault.message.clone());
    }
    let due = at.after(pause(task, part.failures));
    if due <= now { Lane::Attempt(unit) } else { Lane::Later(due) }
}

/// How often something is tried: what the file says, else again only what surely was not done.
pub(super) fn tries(task: &Task, kind: FaultKind) -> u32 {
    let is_piece = matches!(task.kind, TaskKind::Partitions { .. } | TaskKind::Keys { .. });
    match (task.retry, kind) {
        (Some(retry), _) => retry.attempts,
        (None, FaultKind::Transient | FaultKind::Lost) if is_piece => PATIENT_ATTEMPTS,
        (None, FaultKind::Transient | FaultKind::Lost) => ATTEMPTS,
        // What is cut off leaves nothing that counts.
        (None, FaultKind::Partial | FaultKind::Ended) if is_piece => ATTEMPTS,
        (None, FaultKind::Refused | FaultKind::Partial | FaultKind::Ended) => 1,
    }
}

/// The pause after so many failures: it doubles each time.
pub(super) fn pause(task: &Task, failures: u32) -> Duration {
    let first = task.retry.map_or(BACKOFF, |retry| retry.backoff);
    first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20))).min(BACKOFF_MAX.max(first))
}

/// Whether a unit was asked about less than this long ago.
pub(super) fn asked_lately(watch: &Watch, unit: &Unit, every: Duration, now: Timestamp) -> Option<Timestamp> {
    watch.polled.get(unit).map(|at| at.after(every)).filter(|due| *due > now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Retry;
    use crate::run::{Evidence, TaskKind, Undoing};

    #[test]
    fn the_pause_doubles_up_to_a_bound() {
        let task = |retry| Task {
            name: "a".into(),
            kind: TaskKind::Single,
            evidence: Evidence::default(),
            retry,
            undo: Undoing::Nothing,
            is_throttled: false,
            has_when: false,
            is_recovery: false,
        };
        let pauses = |task: &Task| [1, 2, 3, 30].map(|failures| pause(task, failures).as_secs());
        assert_eq!(pauses(&task(None)), [5, 10, 20, 600]);
        let hourly = Retry { attempts: 9, backoff: Duration::from_secs(3600) };
        assert_eq!(pauses(&task(Some(hourly))), [3600, 3600, 3600, 3600]);
    }
}
