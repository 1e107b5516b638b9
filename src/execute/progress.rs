//! How far a run is: what its manifest asks for, else its operations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::database::Database;
use crate::model::{Engine, Migration};
use crate::run::{Direction, PartProgress, Percent, Script, State, TaskKind, Timestamp, Unit, percent};

use super::pace::Pace;
use super::site::{Site, Texts};

/// A question about progress that takes longer is not worth its answer.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(10);

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// From 0 to 100, where it can be told.
    pub percent: Option<f64>,
    /// Why it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// What is done in all: `done` of `total` of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<(f64, f64)>,
    /// The operation at hand.
    pub operation: Option<String>,
    /// Its number, from 1.
    pub number: usize,
    /// How many operations there are.
    pub of: usize,
    /// How many of its parts are done, and how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<(usize, usize)>,
    /// Rows that the statement at hand has read, and how many it will, as its server estimates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<(u64, Option<u64>)>,
    /// What it waits for, where it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// How fast it is, once that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// How far a run is by its operations alone: what the journal tells without asking any database.
pub fn of_operations(script: &Script, state: &State) -> Progress {
    let direction = state.direction;
    let of = script.tasks.len();
    let is_over = |name: &str| state.phase(name, direction).is_some_and(crate::run::Phase::is_over);
    let done = script.tasks.iter().filter(|task| is_over(&task.name)).count();
    let at = script.tasks.iter().enumerate().find(|(_, task)| {
        state.phase(&task.name, direction).is_some_and(|phase| phase.started_at.is_some() && !phase.is_over())
    });
    let parts = at.and_then(|(_, task)| {
        let parts = state.phase(&task.name, direction)?.parts();
        (parts.len() > 1).then(|| (parts.iter().filter(|part| part.is_done()).count(), parts.len()))
    });
    let share = parts.map_or(0.0, |(done, all)| ratio(done, all));
    let percent = if of == 0 { 100.0 } else { 100.0 * (ratio(done, of) + share / count(of)) };
    Progress {
        percent: Some(percent.min(100.0)),
        operation: at.map(|(_, task)| task.name.clone()),
        number: at.map_or(done, |(index, _)| index + 1),
        of,
        parts,
        waits_for: at.filter(|(_, task)| matches!(task.kind, TaskKind::Wait { .. })).map(|(_, task)| {
            let name = &task.name;
            format!("the answer of `{name}` to become true")
        }),
        ..Progress::default()
    }
}

/// What a run waits for that begins nothing now; `until` is when it looks again by itself.
pub(super) fn waits_for(state: &State, until: Option<Timestamp>, now: Timestamp) -> Option<String> {
    if state.is_paused {
        return Some(format!("somebody to resume it ({})", state.because));
    }
    if let Some(why) = &state.health_unknown {
        return Some(format!("health to be known: {why}"));
    }
    let own = || state.parts().filter(|(unit, _)| unit.direction == state.direction);
    let find = |is_meant: fn(&PartProgress) -> bool| own().find(|(_, part)| is_meant(&part.progress));
    if let Some((unit, _)) = find(|progress| matches!(progress, PartProgress::Adopted)) {
        return Some(format!("{unit}, which runs on at its server"));
    }
    if let Some((unit, _)) = find(|progress| matches!(progress, PartProgress::InDoubt | PartProgress::CutOff)) {
        return Some(format!("word of what became of {unit}"));
    }
    let is_busy = find(|progress| matches!(progress, PartProgress::Running(_))).is_some();
    let (unit, part) = find(|progress| matches!(progress, PartProgress::Failed { .. })).filter(|_| !is_busy)?;
    let seconds = until.map_or(0, |until| until.since(now).as_secs() + 1);
    Some(format!("the next try of {unit} in {seconds}s, after {} that did not work", part.failures))
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

/// How far the operations are, and what the databases are still to be asked.
pub(super) struct Question {
    base: Progress,
    declared: Option<crate::model::Progress>,
    running: Option<(Database, String)>,
}

impl Question {
    /// What is to be asked now; `flying` is a unit at hand with its tag.
    pub fn new(
        site: &Site,
        migration: &Migration,
        script: &Script,
        state: &State,
        flying: Option<(&Unit, String)>,
    ) -> Question {
        let declared = (state.direction == Direction::Do).then(|| migration.progress.clone()).flatten();
        let running = flying.and_then(|(unit, tag)| Some((database_of(site, migration, unit)?, tag)));
        Question { base: of_operations(script, state), declared, running }
    }

    /// Asks.
    pub async fn answer(self, site: &Site, texts: &Texts) -> Progress {
        let mut progress = self.base;
        if let Some(declared) = &self.declared {
            match declared_progress(site, texts, declared).await {
                Ok((Percent::Known(percent), counts)) => {
                    (progress.percent, progress.counts) = (Some(percent), counts);
                }
                Ok((Percent::Unknown(why), _)) | Err(why) => {
                    (progress.percent, progress.unknown) = (None, Some(site.scrub.clean(&why)));
                }
            }
        }
        if let Some((database, tag)) = self.running {
            let running = database.progress(&tag).await.ok().flatten();
            progress.rows = running.map(|running| (running.read_rows, running.total_rows));
        }
        progress
    }
}

async fn declared_progress(
    site: &Site,
    texts: &Texts,
    declared: &crate::model::Progress,
) -> Result<(Percent, Option<(f64, f64)>), String> {
    let number = async |target: &str, sql| {
        let sql = site.sql(sql, target, &site.context(texts, Some(target), None))?;
        let answer =
            site.target(target)?.database.ask(&sql, PROGRESS_TIMEOUT).await.map_err(|error| error.to_string())?;
        let answer = answer.ok_or("a question about progress has no answer")?;
        answer.trim().parse::<f64>().map_err(|_| format!("`{}` is no number", answer.trim()))
    };
    match declared {
        crate::model::Progress::Counts { target, done, total } => {
            let (done, total) = (number(target, done).await?, number(target, total).await?);
            Ok((percent(done, total), Some((done, total))))
        }
        crate::model::Progress::Percent { target, sql } => match number(target, sql).await? {
            percent if (0.0..=100.0).contains(&percent) => Ok((Percent::Known(percent), None)),
            other => Ok((Percent::Unknown(format!("it answers {other}, which is no percentage from 0 to 100")), None)),
        },
    }
}

/// The server that tells of a running statement, where it can.
fn database_of(site: &Site, migration: &Migration, unit: &Unit) -> Option<Database> {
    let operation = super::operation::operation(migration, &unit.operation, unit.direction)?;
    let target = site.targets.get(operation.target.as_deref()?)?;
    (target.database.engine() == Engine::ClickHouse).then(|| target.database.clone())
}
