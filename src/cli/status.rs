//! `orchestrate status`: where every migration stands, and what can be done now. The store alone is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, stdout};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::execute::control::document;
use crate::execute::upgrade::UPGRADE;
use crate::execute::{Progress, now, of_operations, written};
use crate::model::{Migration, Undo};
use crate::plan::in_order;
use crate::run::{Forecast, Hold, Script, State, Status};
use crate::store::{RunRow, Store};

use super::args::{Global, RunFormat, StatusArguments};
use super::commands::Commands;
use super::desk::{Loaded, block_on};
use super::failure::{Exit, Failure};
use super::kept::{self, States};
use super::output::{self, Output};
use super::{status_text, upgrade};

/// How often `--watch` looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What `status` answers, `orchestrate.status/v1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Document {
    pub format: &'static str,
    pub product: String,
    pub environment: String,
    /// The upgrade that is not over.
    pub upgrade: Option<upgrade::Entry>,
    pub migrations: Vec<Entry>,
}

/// Where one migration stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Entry {
    pub migration: String,
    /// Whether the files still have it.
    pub is_declared: bool,
    pub status: String,
    pub since: Option<String>,
    pub because: Option<String>,
    /// The latest run.
    pub run: Option<String>,
    pub runs: usize,
    pub errors: usize,
    pub app: Option<String>,
    pub parameters: BTreeMap<String, Value>,
    pub owner: Option<Holding>,
    pub progress: Option<Progress>,
    /// What holds it up, or did.
    pub throttle: Option<Held>,
    /// What people changed while it ran.
    pub tuned: BTreeMap<String, String>,
    /// What moving large tables was said to take, by their operations.
    pub forecasts: BTreeMap<String, Forecast>,
    pub point_of_no_return: Option<PointOfNoReturn>,
    pub question: Option<String>,
    /// What can be done now.
    pub next: Vec<String>,
    #[serde(skip)]
    pub word: Status,
}

/// Who has the right to write a run's journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Holding {
    pub host: String,
    pub pid: i64,
    /// Whether its lease lives.
    pub is_alive: bool,
}

/// What limits keep from going on, or did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Held {
    /// Since when; nothing where none holds it up now.
    pub since: Option<String>,
    /// The limits that are reached, with what they found.
    pub by: Vec<Hold>,
    /// The time that they have taken from the run so far, in seconds.
    pub lost_s: f64,
}

impl Held {
    /// What holds a run up; nothing where nothing ever did.
    fn of(state: &State) -> Option<Held> {
        let throttle = &state.throttle;
        let lost = throttle.lost(now());
        let hold = |(name, message): (&String, &String)| Hold { name: name.clone(), message: message.clone() };
        (throttle.since.is_some() || !lost.is_zero()).then(|| Held {
            since: throttle.since.map(written),
            by: throttle.holding.iter().map(hold).collect(),
            lost_s: lost.as_secs_f64(),
        })
    }
}

/// From where on there is no way back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PointOfNoReturn {
    pub operation: String,
    pub reason: String,
    pub is_passed: bool,
}

/// `status`.
pub(super) fn run(global: &Global, arguments: &StatusArguments, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = Loaded::read(global, output)?;
    let look = Look { loaded: &loaded, commands: loaded.commands(global), only: arguments.migration.as_deref() };
    block_on(async {
        let store = loaded.store(global).await?;
        let mut states = States::default();
        if arguments.watch {
            return look.watch(&store, &mut states, arguments.shown.format).await;
        }
        let found = look.document(&store, &mut states).await?;
        output.data(&match arguments.shown.format {
            RunFormat::Json => json(&found),
            RunFormat::Text => status_text::whole(&found, look.only.is_some()),
        });
        Ok(Exit::Done)
    })
}

fn json(document: &Document) -> String {
    serde_json::to_string(document).expect("a status has only texts for keys")
}

struct Look<'a> {
    loaded: &'a Loaded,
    commands: Commands,
    only: Option<&'a str>,
}

impl Look<'_> {
    async fn document(&self, store: &Store, states: &mut States) -> Result<Document, Failure> {
        let is_of_upgrade = self.only == Some(UPGRADE);
        // Of migrations all are read: they depend on one another.
        let of_other = self.only.filter(|name| name.contains('/'));
        let rows = kept::runs(self.loaded, store, of_other).await?;
        if let Some(name) = self.only.filter(|_| !is_of_upgrade) {
            kept::refuse_unknown(self.loaded, name, &rows)?;
        }
        let mut latest: BTreeMap<&str, (&RunRow, usize)> = BTreeMap::new();
        for row in &rows {
            latest.entry(row.run.name.as_str()).or_insert((row, 0)).1 += 1;
        }
        let is_complete = |name: &str| {
            let status = latest.get(name).and_then(|(row, _)| Status::parse(&row.summary.status));
            status.is_some_and(Status::is_complete)
        };
        let declared = in_order(self.loaded.product());
        let mut migrations = Vec::new();
        let is_meant = |name: &str| self.only.is_none_or(|only| only == name);
        for migration in declared.iter().filter(|migration| is_meant(migration.name.as_str())) {
            migrations.push(match latest.get(migration.name.as_str()) {
                Some((row, runs)) => {
                    let state = states.of(store, row, &self.commands).await?;
                    self.begun(row, *runs, state, true)
                }
                None => self.not_started(migration, is_complete),
            });
        }
        let names: BTreeSet<&str> = declared.iter().map(|migration| migration.name.as_str()).collect();
        for (name, (row, runs)) in latest.iter().filter(|(name, _)| !names.contains(*name) && is_meant(name)) {
            tracing::debug!(migration = name, "it is in the store and no longer in the files");
            let state = states.of(store, row, &self.commands).await?;
            migrations.push(self.begun(row, *runs, state, kept::is_procedure(self.loaded, name)));
        }
        if let Some(runbook) =
            self.only.and_then(|name| kept::runbook(self.loaded, name)).filter(|_| migrations.is_empty())
        {
            migrations.push(self.not_started(&runbook.procedure(&runbook.run_name()), is_complete));
        }
        Ok(Document {
            format: "orchestrate.status/v1",
            product: self.loaded.product.clone(),
            environment: self.loaded.environment.clone(),
            upgrade: self.upgrade(store).await?,
            migrations,
        })
    }

    /// The upgrade that is not over, or the latest where it was asked for by name.
    async fn upgrade(&self, store: &Store) -> Result<Option<upgrade::Entry>, Failure> {
        let is_meant = self.only == Some(UPGRADE);
        let latest = kept::upgrades(self.loaded, store).await?.into_iter().next();
        let Some(row) = latest.filter(|row| is_meant || (self.only.is_none() && !row.summary.is_finished)) else {
            return Ok(None);
        };
        let upgrade = kept::upgrade(store, &row, &self.commands).await?;
        let owner = holding(&row);
        let is_owned = owner.as_ref().is_some_and(|owner| owner.is_alive);
        let next = match is_owned {
            true => Vec::new(),
            false => upgrade::next(store, &self.loaded.environment, &upgrade, &self.commands).await?,
        };
        let title = &self.loaded.product().title;
        Ok(Some(upgrade::Entry { owner, ..upgrade::Entry::of(&upgrade, row.run.id.as_str(), title, next) }))
    }

    fn not_started(&self, migration: &Migration, is_complete: impl Fn(&str) -> bool) -> Entry {
        let open = migration.depends_on.iter().map(|name| name.as_str()).filter(|name| !is_complete(name));
        let open: Vec<&str> = open.collect();
        let because = (!open.is_empty()).then(|| format!("it depends on {}", open.join(", ")));
        let start = self.commands.begin(migration.name.as_str());
        Entry {
            migration: migration.name.as_str().to_owned(),
            is_declared: true,
            status: Status::NotStarted.key(),
            since: None,
            next: if because.is_none() { vec![start] } else { Vec::new() },
            because,
            run: None,
            runs: 0,
            errors: 0,
            app: None,
            parameters: BTreeMap::new(),
            owner: None,
            progress: None,
            throttle: None,
            tuned: BTreeMap::new(),
            forecasts: BTreeMap::new(),
            point_of_no_return: point_of_no_return(migration, None),
            question: None,
            word: Status::NotStarted,
        }
    }

    fn begun(&self, row: &RunRow, runs: usize, state: &State, is_declared: bool) -> Entry {
        let name = row.run.name.as_str();
        let owner = holding(row);
        let is_owned = owner.as_ref().is_some_and(|owner| owner.is_alive);
        let migration = document(state).ok();
        let told: Option<Progress> = serde_json::from_str(&row.note).ok();
        let mut told = told.filter(|_| is_owned && state.status.is_active());
        // The journal knows of a pause before the next heartbeat does, and what holds it up is told beside it.
        if let Some(told) = told.as_mut().filter(|_| state.is_paused || state.throttle.since.is_some()) {
            told.waits_for = None;
        }
        let by_journal = || Some(of_operations(&Script::of(migration.as_ref()?, |_| None), state, now()));
        let has_progress = !matches!(state.status, Status::Completed | Status::NotRequired | Status::RolledBack);
        Entry {
            migration: name.to_owned(),
            is_declared,
            status: state.status.key(),
            since: Some(written(state.since)),
            because: Some(state.because.clone()).filter(|because| !because.is_empty()),
            run: Some(row.run.id.to_string()),
            runs,
            errors: state.errors.len(),
            app: state.given.app.clone(),
            parameters: state.given.parameters.clone(),
            owner,
            progress: told.or_else(by_journal).filter(|_| has_progress),
            throttle: Held::of(state),
            tuned: state.tuning.changes(),
            forecasts: state.forecasts.clone(),
            point_of_no_return: migration.as_ref().and_then(|migration| point_of_no_return(migration, Some(state))),
            question: state.question.as_ref().map(|(_, question)| question.clone()),
            next: self.commands.next(name, state, is_owned),
            word: state.status,
        }
    }

    /// Shows it again whenever it changes, until nothing is active.
    async fn watch(&self, store: &Store, states: &mut States, format: RunFormat) -> Result<Exit, Failure> {
        let mut before: Option<Document> = None;
        let redraws = format == RunFormat::Text && stdout().is_terminal();
        loop {
            let found = self.document(store, states).await?;
            if before.as_ref() != Some(&found) {
                let text = match format {
                    RunFormat::Json => json(&found),
                    RunFormat::Text if redraws => {
                        format!("\x1b[H\x1b[2J{}", status_text::whole(&found, self.only.is_some()))
                    }
                    RunFormat::Text => status_text::changes(before.as_ref(), &found).join("\n"),
                };
                if !text.is_empty() && output::write(&mut anstream::stdout().lock(), &format!("{text}\n")).is_err() {
                    return Err(Failure::new(Exit::Unexpected, "standard output cannot be written to")
                        .hint("check where it is sent to"));
                }
            }
            let is_walked = found.upgrade.as_ref().is_some_and(|upgrade| upgrade.word.is_active());
            if !is_walked && !found.migrations.iter().any(|entry| entry.word.is_active()) {
                return Ok(Exit::Done);
            }
            before = Some(found);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Who has the right to write a run's journal.
fn holding(row: &RunRow) -> Option<Holding> {
    row.holder.as_ref().map(|holder| Holding {
        host: holder.owner.host.clone(),
        pid: holder.owner.pid,
        is_alive: holder.left_ms > 0,
    })
}

/// From where on there is no way back, and whether that was passed.
fn point_of_no_return(migration: &Migration, state: Option<&State>) -> Option<PointOfNoReturn> {
    migration.operations.iter().find_map(|operation| match &operation.undo {
        Undo::Irreversible(reason) => {
            let begun = state.and_then(|state| state.operations.get(&operation.name));
            Some(PointOfNoReturn {
                operation: operation.name.clone(),
                reason: reason.clone(),
                is_passed: begun.is_some_and(crate::run::OperationState::may_have_effect),
            })
        }
        Undo::Operation(_) | Undo::Nothing => None,
    })
}
