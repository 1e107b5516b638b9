//! How far a run is: what its manifest asks for, else its operations.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::database::{Database, StatementProgress};
use crate::model::{Engine, Migration};
use crate::run::{Direction, PartProgress, Percent, Script, State, TaskKind, Timestamp, Unit, percent};

use super::moved::{InFlight, Moved, moved};
use super::pace::Pace;
use super::site::{Site, Texts};

/// A question about progress that takes longer is not worth its answer.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(10);

/// Statements that are asked about at most.
const ASKED_MAX: usize = 8;

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
    /// How far the moving of the large table at hand is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// What it waits for, where it does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// How fast it is, once that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// How far a run is by its operations alone: what the journal tells without asking any database.
pub fn of_operations(script: &Script, state: &State, now: Timestamp) -> Progress {
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
    let moved = moved(script, state, now);
    let share = match &moved {
        Some(moved) => moved.share().unwrap_or_default(),
        None => parts.map_or(0.0, |(done, all)| ratio(done, all)),
    };
    Progress {
        percent: Some(of_all(done, share, of)),
        operation: at.map(|(_, task)| task.name.clone()),
        number: at.map_or(done, |(index, _)| index + 1),
        of,
        parts,
        moved,
        waits_for: at.filter(|(_, task)| matches!(task.kind, TaskKind::Wait { .. })).map(|(_, task)| {
            let name = &task.name;
            format!("the answer of `{name}` to become true")
        }),
        ..Progress::default()
    }
}

/// The percent of a run of so many operations, by those that are done and the share of the one at hand.
fn of_all(done: usize, share: f64, of: usize) -> f64 {
    if of == 0 { 100.0 } else { (100.0 * (ratio(done, of) + share / count(of))).min(100.0) }
}

/// What a run waits for that begins nothing now; `until` is when it looks again by itself.
pub(super) fn waits_for(state: &State, until: Option<Timestamp>, now: Timestamp) -> Option<String> {
    if state.is_paused {
        return Some(format!("somebody to resume it ({})", state.because));
    }
    if let Some(why) = &state.health_unknown {
        return Some(format!("health to be known: {why}"));
    }
    if state.throttle.since.is_some() {
        let names: Vec<&str> = state.throttle.holding.keys().map(String::as_str).collect();
        return Some(format!("{} to let go", names.join(", ")));
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
    /// Units at hand that their servers know more about: which, where, and their tags.
    running: Vec<(Unit, Place, String)>,
    /// Operations that are done.
    done: usize,
    /// How far the moving of a table was when it was last told.
    before: Option<Moved>,
}

/// Where a unit runs.
struct Place {
    target: Database,
    host: Option<String>,
}

impl Question {
    /// What is to be asked now; `flying` are the units at hand.
    pub fn new<'a>(
        site: &Site,
        migration: &Migration,
        script: &Script,
        state: &State,
        flying: impl Iterator<Item = &'a Unit>,
        run: &str,
        before: Option<Moved>,
    ) -> Question {
        let declared = (state.direction == Direction::Do).then(|| migration.progress.clone()).flatten();
        let running = |unit: &Unit| Some((unit.clone(), place_of(site, migration, state, unit)?, unit.tag(run)));
        let running = flying.filter_map(running).take(ASKED_MAX).collect();
        let base = of_operations(script, state, super::now());
        let done = base.number - usize::from(base.operation.is_some());
        Question { base, declared, running, done, before }
    }

    /// Asks.
    pub async fn answer(self, site: &Site, texts: &Texts) -> Progress {
        let mut progress = self.base;
        let mut in_flight = Vec::new();
        for (unit, place, tag) in &self.running {
            let Some(found) = place.progress(tag).await else { continue };
            progress.rows = progress.rows.or(Some((found.read_rows, found.total_rows)));
            in_flight.push(InFlight { part: unit.part, rows: found.read_rows, elapsed: found.elapsed });
        }
        if let Some(moved) = &mut progress.moved {
            progress.rows = None;
            moved.add(&in_flight);
            if let Some(before) = &self.before {
                moved.keep(before);
            }
            progress.percent = Some(of_all(self.done, moved.share().unwrap_or_default(), progress.of));
        }
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
        progress
    }
}

impl Place {
    /// How far a statement is; nothing where its server does not tell in time.
    async fn progress(&self, tag: &str) -> Option<StatementProgress> {
        let asked = async {
            let database = match &self.host {
                Some(host) => self.target.on_host(host).await.ok()?,
                None => self.target.clone(),
            };
            database.progress(tag).await.ok().flatten()
        };
        tokio::time::timeout(PROGRESS_TIMEOUT, asked).await.ok().flatten()
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
fn place_of(site: &Site, migration: &Migration, state: &State, unit: &Unit) -> Option<Place> {
    let operation = super::operation::operation(migration, &unit.operation, unit.direction)?;
    let target = site.targets.get(operation.target.as_deref()?)?;
    let host = state.part(unit).and_then(|part| part.part.host.clone());
    (target.database.engine() == Engine::ClickHouse).then(|| Place { target: target.database.clone(), host })
}
