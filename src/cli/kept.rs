//! Reads runs from the store, for the verbs that show them and those that act on them.

use std::collections::BTreeMap;

use crate::execute::control::{ControlError, KIND};
use crate::execute::upgrade::UPGRADE;
use crate::execute::{Folded, read};
use crate::model::{MigrationName, Runbook, did_you_mean};
use crate::run::{State, Upgrade};
use crate::store::{RunFilter, RunId, RunRow, Store};

use super::commands::Commands;
use super::desk::{Loaded, unstored};
use super::failure::{Exit, Failure};
use super::refusal::refused;

/// The runs of a product in an environment, the latest first: of migrations, or of anything with a journal of operations that is
/// named, such as `runbook/release`.
pub(super) async fn runs(loaded: &Loaded, store: &Store, name: Option<&str>) -> Result<Vec<RunRow>, Failure> {
    let filter = RunFilter {
        environment: Some(loaded.environment.clone()),
        product: Some(loaded.product.clone()),
        name: name.map(str::to_owned),
        unfinished_only: false,
        limit: u32::MAX,
    };
    let mut rows = store.runs(&filter).await.map_err(|error| unstored(&error))?;
    let is_meant = |row: &RunRow| match name {
        Some(_) => row.run.kind != UPGRADE,
        None => row.run.kind == KIND,
    };
    rows.retain(is_meant);
    Ok(rows)
}

/// The state that a run's journal amounts to.
pub(super) async fn state(store: &Store, row: &RunRow, commands: &Commands) -> Result<State, Failure> {
    let name = row.run.name.as_str();
    let told = |error: ControlError| refused(name, &error, commands);
    let state = read(store, &row.run.id).await.map_err(|error| told(ControlError::Drive(error)))?;
    state.ok_or_else(|| told(ControlError::NeverStarted { name: name.to_owned() }))
}

/// The latest run of a migration.
pub(super) async fn latest(
    loaded: &Loaded,
    store: &Store,
    name: &str,
    commands: &Commands,
) -> Result<Option<(RunRow, State)>, Failure> {
    let Some(row) = runs(loaded, store, Some(name)).await?.into_iter().next() else { return Ok(None) };
    let state = state(store, &row, commands).await?;
    Ok(Some((row, state)))
}

/// The upgrades of a product in an environment, the latest first.
pub(super) async fn upgrades(loaded: &Loaded, store: &Store) -> Result<Vec<RunRow>, Failure> {
    let filter = RunFilter {
        environment: Some(loaded.environment.clone()),
        product: Some(loaded.product.clone()),
        name: Some(UPGRADE.to_owned()),
        unfinished_only: false,
        limit: u32::MAX,
    };
    store.runs(&filter).await.map_err(|error| unstored(&error))
}

/// The upgrade that a run's journal amounts to.
pub(super) async fn upgrade(store: &Store, row: &RunRow, commands: &Commands) -> Result<Upgrade, Failure> {
    let told = |error: ControlError| refused(UPGRADE, &error, commands);
    let upgrade = read(store, &row.run.id).await.map_err(|error| told(ControlError::Drive(error)))?;
    upgrade.ok_or_else(|| told(ControlError::NeverStarted { name: UPGRADE.to_owned() }))
}

/// Journals that were read before, for those who look again and again.
#[derive(Default)]
pub(super) struct States(BTreeMap<RunId, Folded>);

impl States {
    /// The state of a run; only what was added to its journal is read.
    pub async fn of(&mut self, store: &Store, row: &RunRow, commands: &Commands) -> Result<&State, Failure> {
        let name = row.run.name.as_str();
        let told = |error: ControlError| refused(name, &error, commands);
        let folded = self.0.entry(row.run.id.clone()).or_default();
        if folded.sequence() < row.sequence {
            folded.read_on(store, &row.run.id).await.map_err(|error| told(ControlError::Drive(error)))?;
        }
        folded.state().ok_or_else(|| told(ControlError::NeverStarted { name: name.to_owned() }))
    }
}

/// The runbook whose runs have this name.
pub(super) fn runbook<'a>(loaded: &'a Loaded, name: &str) -> Option<&'a Runbook> {
    loaded.catalog.runbooks.get(name.strip_prefix("runbook/")?)
}

/// Whether runs of this name are a deploy's, or a runbook's that the files have.
pub(super) fn is_procedure(loaded: &Loaded, name: &str) -> bool {
    name.starts_with("deploy/") || runbook(loaded, name).is_some()
}

/// Refuses what neither the files nor the store know.
pub(super) fn refuse_unknown(loaded: &Loaded, name: &str, kept: &[RunRow]) -> Result<(), Failure> {
    let runbooks: Vec<String> = loaded.catalog.runbooks.values().map(Runbook::run_name).collect();
    let declared = loaded.product().migrations.keys().map(MigrationName::as_str);
    let declared = declared.chain(runbooks.iter().map(String::as_str));
    let known: Vec<&str> = declared.chain(kept.iter().map(|row| row.run.name.as_str())).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let all = || "`orchestrate status` lists all of them".to_owned();
    let what = if name.starts_with("runbook/") { "run of" } else { "migration" };
    let failure = Failure::new(Exit::Usage, format!("there is no {what} `{name}`"));
    Err(failure.hint(did_you_mean(name, known.iter().copied(), all)))
}
