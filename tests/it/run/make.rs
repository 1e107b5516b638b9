//! Scripts, parts and failures in few words.

use std::collections::BTreeMap;

use orchestrate::model::Retry;
use orchestrate::run::{Direction, Evidence, Failure, Part, Task, TaskKind, Undoing, Unit};

use super::world::seconds;

pub const NOTHING: Evidence = Evidence { mark: false, lookup: false, done_when: false, repeatable: false };
pub const MARK: Evidence = Evidence { mark: true, ..NOTHING };
pub const LOOKUP: Evidence = Evidence { lookup: true, ..NOTHING };
pub const DONE_WHEN: Evidence = Evidence { done_when: true, ..NOTHING };
pub const REPEATABLE: Evidence = Evidence { repeatable: true, ..NOTHING };

/// An operation of one statement with an undo, both judged by the same evidence.
pub fn single(name: &str, evidence: Evidence) -> Task {
    with_undo(plain(name, TaskKind::Single, evidence), evidence)
}

/// An operation without an undo.
pub fn plain(name: &str, kind: TaskKind, evidence: Evidence) -> Task {
    Task {
        name: name.into(),
        kind,
        evidence,
        retry: None,
        undo: Undoing::Nothing,
        is_throttled: false,
        has_when: false,
        is_recovery: false,
    }
}

/// The same with an undo of one statement, for each part where it has parts.
pub fn with_undo(task: Task, evidence: Evidence) -> Task {
    let undo = plain(&format!("{}-undo", task.name), TaskKind::Single, evidence);
    let of_parts = task.kind == TaskKind::Parts;
    Task { undo: Undoing::Task { task: Box::new(undo), of_parts }, ..task }
}

/// The same with this many tries, a second apart.
pub fn tried(task: Task, attempts: u32) -> Task {
    Task { retry: Some(Retry { attempts, backoff: seconds(1) }), ..task }
}

pub fn wait(name: &str, every: u64, timeout: u64) -> Task {
    plain(name, TaskKind::Wait { every: seconds(every), timeout: Some(seconds(timeout)) }, REPEATABLE)
}

pub fn manual(name: &str) -> Task {
    plain(name, TaskKind::Manual, REPEATABLE)
}

pub fn unit(operation: &str, direction: Direction, part: u32) -> Unit {
    Unit { operation: operation.into(), direction, part }
}

pub fn doing(operation: &str) -> Unit {
    unit(operation, Direction::Do, 0)
}

pub fn undoing(operation: &str) -> Unit {
    unit(operation, Direction::Undo, 0)
}

/// A part for a host.
pub fn host(name: &str) -> Part {
    Part { host: Some(name.into()), ..Part::default() }
}

/// A part for a row.
pub fn row(id: u32) -> Part {
    Part { host: None, item: Some(BTreeMap::from([("id".to_owned(), id.into())])), slice: None }
}

/// A check that says no.
pub fn no(message: &str) -> Failure {
    Failure { check: "healthcheck".into(), message: message.into(), is_unknown: false, hint: None }
}

/// A check without an answer.
pub fn unknown(message: &str) -> Failure {
    Failure { is_unknown: true, ..no(message) }
}
