//! What a decision must know of a procedure: no SQL, only which operations there are and how each can be judged.

use std::time::Duration;

use crate::model::{Action, Engine, Migration, Operation, Retry, Scope, SliceBy, Undo};

use super::{Direction, Limit, Unit};

/// A procedure without its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The operations, in order.
    pub tasks: Vec<Task>,
    /// Whether there are health checks.
    pub has_healthcheck: bool,
    /// Whether there are checks after the work.
    pub has_postcheck: bool,
    /// What may hold the moving of large tables up.
    pub limits: Vec<Limit>,
}

/// An operation without its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TaskKind,
    /// What can tell whether it was done.
    pub evidence: Evidence,
    /// How often it is tried, where the file says so.
    pub retry: Option<Retry>,
    /// How it is taken back.
    pub undo: Undoing,
    /// Whether limits hold it up.
    pub is_throttled: bool,
    /// Whether it is asked before it begins if it is needed.
    pub has_when: bool,
    /// Whether it is done again each time that the run is taken up.
    pub is_recovery: bool,
}

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// It has one part.
    Single,
    /// Its parts are rows or hosts, found out when it begins.
    Parts,
    /// Its parts are the partitions of a table, and it is looked for more of them at the end.
    Partitions {
        /// How many are moved at once.
        parallel: u32,
    },
    /// Its parts are stretches of keys, each moved batch by batch.
    Keys {
        /// How many are moved at once.
        parallel: u32,
    },
    /// It asks until the answer is yes.
    Wait {
        /// How often.
        every: Duration,
        /// How long at most; the settings' default where it does not say.
        timeout: Option<Duration>,
    },
    /// It asks a person.
    Manual,
}

/// What can tell whether an operation in doubt was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Its target keeps a mark in the same transaction.
    pub mark: bool,
    /// Its statement can be looked up among the running ones.
    pub lookup: bool,
    /// It has a `done_when`.
    pub done_when: bool,
    /// Doing it again is harmless.
    pub repeatable: bool,
}

/// How an operation is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undoing {
    /// There is nothing to take back.
    Nothing,
    /// Not at all, and why.
    Irreversible(String),
    /// By this.
    Task {
        /// What takes it back.
        task: Box<Task>,
        /// Whether it is done for each part that was started, the last first, instead of once.
        of_parts: bool,
    },
}

impl Task {
    /// How many of its parts are at work at once on one host.
    pub(super) fn width(&self, tuned: Option<u32>) -> usize {
        let parallel = match self.kind {
            TaskKind::Partitions { parallel } | TaskKind::Keys { parallel } => tuned.unwrap_or(parallel),
            TaskKind::Single | TaskKind::Parts | TaskKind::Wait { .. } | TaskKind::Manual => 1,
        };
        usize::try_from(parallel).unwrap_or(usize::MAX).max(1)
    }
}

impl Script {
    /// What a migration comes down to, on targets of these engines.
    pub fn of(migration: &Migration, engine: impl Fn(&str) -> Option<Engine>) -> Script {
        let tasks = migration.operations.iter().map(|operation| task(operation, &engine)).collect();
        Script {
            tasks,
            has_healthcheck: !migration.healthcheck.is_empty(),
            has_postcheck: !migration.postcheck.is_empty(),
            limits: Vec::new(),
        }
    }

    /// The operation of a name.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// What a unit attempts: the operation, or what takes it back.
    pub fn task_of(&self, unit: &Unit) -> Option<&Task> {
        let task = self.task(&unit.operation)?;
        match (unit.direction, &task.undo) {
            (Direction::Do, _) => Some(task),
            (Direction::Undo, Undoing::Task { task, .. }) => Some(task),
            (Direction::Undo, Undoing::Nothing | Undoing::Irreversible(_)) => None,
        }
    }
}

fn task(operation: &Operation, engine: &impl Fn(&str) -> Option<Engine>) -> Task {
    let undo = match &operation.undo {
        Undo::Nothing => Undoing::Nothing,
        Undo::Irreversible(reason) => Undoing::Irreversible(reason.clone()),
        Undo::Operation(undo) => {
            let has_rows = |operation: &Operation| matches!(operation.action, Action::ForEach { .. });
            let both_on_hosts = operation.scope == Scope::EachShard && undo.scope == Scope::EachShard;
            let of_parts = match (has_rows(operation), has_rows(undo)) {
                (_, true) => false,
                (true, false) => undo.of_item,
                (false, false) => both_on_hosts,
            };
            Undoing::Task { task: Box::new(task(undo, engine)), of_parts }
        }
    };
    Task {
        name: operation.name.clone(),
        kind: kind(operation),
        evidence: evidence(operation, engine),
        retry: operation.retry,
        has_when: operation.when.is_some(),
        is_recovery: operation.is_recovery,
        undo,
        is_throttled: matches!(
            operation.action,
            Action::Copy { .. } | Action::Backfill { .. } | Action::ForEach { .. }
        ),
    }
}

/// How often a `wait` asks that does not say so.
const WAIT_EVERY: Duration = Duration::from_secs(5);

fn kind(operation: &Operation) -> TaskKind {
    match &operation.action {
        Action::Wait { every, .. } => TaskKind::Wait { every: every.unwrap_or(WAIT_EVERY), timeout: operation.timeout },
        Action::Manual { .. } => TaskKind::Manual,
        Action::ForEach { .. } => TaskKind::Parts,
        Action::Copy { by: SliceBy::Partition, parallel, .. } => TaskKind::Partitions { parallel: *parallel },
        Action::Copy { by: SliceBy::Key(_), parallel, .. } => TaskKind::Keys { parallel: *parallel },
        Action::Backfill { by: SliceBy::Partition, .. } => TaskKind::Partitions { parallel: 1 },
        Action::Backfill { by: SliceBy::Key(_), .. } => TaskKind::Keys { parallel: 1 },
        Action::Sql { .. } | Action::Verify { .. } if operation.scope == Scope::EachShard => TaskKind::Parts,
        Action::Sql { .. } | Action::Verify { .. } | Action::Command { .. } | Action::Http { .. } => TaskKind::Single,
    }
}

fn evidence(operation: &Operation, engine: &impl Fn(&str) -> Option<Engine>) -> Evidence {
    let is_moving = matches!(operation.action, Action::Copy { .. } | Action::Backfill { .. });
    let is_statement = is_moving || matches!(operation.action, Action::Sql { .. } | Action::ForEach { .. });
    let is_command = matches!(operation.action, Action::Command { .. });
    let engine = operation.target.as_deref().and_then(engine).filter(|_| is_statement);
    let (mark, lookup) = match engine {
        Some(Engine::ClickHouse) => (false, true),
        Some(Engine::Postgres) => (is_moving || operation.transaction, true),
        Some(Engine::Sqlite) => (is_moving || operation.transaction, false),
        // A program is found again by what its environment carries.
        None => (false, is_command),
    };
    Evidence {
        mark,
        lookup,
        done_when: operation.done_when.is_some(),
        // A partition enters its table whole, however often.
        repeatable: operation.repeatable || operation.is_recovery || is_moving || operation.action.is_observation(),
    }
}
