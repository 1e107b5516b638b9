//! Where the tasks of a problem can run, under choices that the search has made.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Problem, Task};
use super::stretch::{Stretch, is_allowed, last_allowed, next_allowed};

/// Choices that are fixed on the way to an exact answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Choices {
    /// Tasks that must run within a part of their stretch.
    pub parts: BTreeMap<usize, Stretch>,
    /// Tasks that do without their recommended stop.
    pub given_up: BTreeSet<usize>,
}

/// What is left of a problem under some choices.
pub(super) struct Bounds {
    /// For each task, the first and the last stop at which it can run.
    pub stretches: Vec<Stretch>,
    /// For each task, the recommended stop that it can still have.
    pub kept: Vec<Option<usize>>,
}

impl Bounds {
    /// Narrows each stretch by what comes before and after it; nothing if one becomes empty.
    pub fn of(problem: &Problem<'_>, choices: &Choices) -> Option<Bounds> {
        let tasks = &problem.tasks;
        let part = |index: usize| choices.parts.get(&index).copied().unwrap_or((0, problem.goal()));
        let mut low = Vec::with_capacity(tasks.len());
        for (index, task) in tasks.iter().enumerate() {
            let after = task.dependencies.iter().map(|before| low[*before]).max().unwrap_or(0);
            low.push(next_allowed(&task.runs, after.max(part(index).0))?);
        }
        let mut high: Vec<usize> = (0..tasks.len()).map(|index| part(index).1).collect();
        for (index, task) in tasks.iter().enumerate().rev() {
            high[index] = last_allowed(&task.runs, high[index])?;
            for before in &task.dependencies {
                high[*before] = high[*before].min(high[index]);
            }
        }
        let stretches: Vec<Stretch> = low.into_iter().zip(high).collect();
        if stretches.iter().any(|(low, high)| low > high) {
            return None;
        }
        let keeps = |(index, task): (usize, &Task)| {
            let stop = task.recommended.filter(|_| !choices.given_up.contains(&index))?;
            let (low, high) = stretches[index];
            (low <= stop && stop <= high && is_allowed(&task.runs, stop)).then_some(stop)
        };
        let kept = tasks.iter().enumerate().map(keeps).collect();
        Some(Bounds { stretches, kept })
    }
}
