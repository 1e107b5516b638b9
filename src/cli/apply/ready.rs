//! Whatever can be found wrong before anything is touched: notes that do not exist, parameters without a value, texts that
//! cannot be made.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::execute::upgrade::{Rehearsed, rehearse, step_names};
use crate::execute::{Texts, tools, vars};
use crate::model::{Migration, did_you_mean};
use crate::plan::{NoteDocument, StepDocument, note_names};
use crate::run::{Parameters, StepState};
use crate::template::RunNames;

use super::super::act::refuse_other_parameters;
use super::super::failure::{Exit, Failure};
use super::super::guard;
use super::super::kept;
use super::super::parameters::parameters_of;
use super::Apply;
use super::job::Job;

/// What the upgrade is given, and what it would send.
pub(super) struct Ready {
    /// The names of the notes that are confirmed.
    pub acknowledged: Vec<String>,
    /// The values that were typed, by migration.
    pub given: Parameters,
    /// The values of all parameters, by migration.
    pub values: BTreeMap<String, BTreeMap<String, Value>>,
    /// What each step that is not done would send.
    pub steps: Vec<StepRehearsed>,
}

/// What a step would send.
pub(super) struct StepRehearsed {
    pub number: usize,
    /// Each procedure with its operations: the deploy, then migrations.
    pub procedures: Vec<(String, Vec<Rehearsed>)>,
}

impl Ready {
    /// Finds everything out that can be; all that is wrong is told at once.
    pub async fn of(apply: &Apply<'_>, job: &Job) -> Result<Ready, Failure> {
        until(apply, job)?;
        let acknowledged = acknowledged(apply, job)?;
        let given = given(apply, job)?;
        refuse_begun(apply, job, &given).await?;
        let mut wrong = Vec::new();
        let (mut values, mut steps) = (BTreeMap::new(), Vec::new());
        for (step, state) in left(job) {
            let migrations = left_of_step(step, state);
            let declared: Vec<&Migration> = migrations.filter_map(|name| declared(apply, name, &mut wrong)).collect();
            for migration in &declared {
                let name = migration.name.as_str().to_owned();
                match values_of(migration, job, &given) {
                    Ok(found) => drop(values.insert(name, found)),
                    Err(failure) => wrong.push(format!("{name}: {}", failure.told())),
                }
                wrong.extend(guard::refuse_lossy_undo(apply.loaded, migration).err().map(|failure| failure.told()));
            }
            // What is complete may have been taken back by the time that it is looked at.
            for name in step.migrations.iter().filter(|name| !values.contains_key(*name)).cloned().collect::<Vec<_>>() {
                let migration = apply.loaded.product().migrations.get(name.as_str());
                if let Some(Ok(found)) = migration.map(|migration| values_of(migration, job, &given)) {
                    values.insert(name, found);
                }
            }
            steps.push(step_rehearsed(apply, job, step, state, &declared, &values, &mut wrong));
        }
        if wrong.is_empty() {
            return Ok(Ready { acknowledged, given, values, steps });
        }
        let count = wrong.len();
        let what = if count == 1 { "something is".to_owned() } else { format!("{count} things are") };
        Err(Failure::new(Exit::Closed, format!("{what} in the way, and nothing was done\n  {}", wrong.join("\n  "))))
    }
}

fn until(apply: &Apply<'_>, job: &Job) -> Result<(), Failure> {
    let steps = job.plan().steps.len();
    let Some(until) = apply.arguments.until.filter(|until| !(1..=steps).contains(until)) else { return Ok(()) };
    Err(Failure::new(Exit::Usage, format!("there is no step {until}")).hint(format!("the plan has steps 1 to {steps}")))
}

/// The steps that are not done.
fn left(job: &Job) -> impl Iterator<Item = (&StepDocument, Option<&StepState>)> {
    let state = |step: &StepDocument| job.upgrade().and_then(|upgrade| upgrade.step(step.number));
    let with_state = job.plan().steps.iter().map(move |step| (step, state(step)));
    with_state.filter(|(_, state)| state.is_none_or(|state| state.done_at.is_none()))
}

/// The migrations of a step that are not complete.
fn left_of_step<'a>(step: &'a StepDocument, state: Option<&'a StepState>) -> impl Iterator<Item = &'a String> {
    step.migrations.iter().filter(move |name| state.is_none_or(|state| !state.migrated.contains_key(*name)))
}

fn declared<'a>(apply: &Apply<'a>, name: &str, wrong: &mut Vec<String>) -> Option<&'a Migration> {
    let migrations = &apply.loaded.product().migrations;
    let found = migrations.values().find(|migration| migration.name.as_str() == name);
    if found.is_none() {
        wrong.push(format!("{name} is in the plan, and no file of the project declares it any more"));
    }
    found
}

/// The notes that are meant, each by its name or its title. One that only another plan of the product would have, because it
/// lies behind by now, is confirmed for nothing: the same command can be given again.
fn acknowledged(apply: &Apply<'_>, job: &Job) -> Result<Vec<String>, Failure> {
    let notes: Vec<&NoteDocument> = job.plan().steps.iter().flat_map(|step| &step.notes).collect();
    let product = &apply.loaded.product().notes;
    let of_product = note_names(product);
    let mut names = Vec::new();
    for meant in &apply.arguments.acknowledge {
        let is_meant = |note: &&&NoteDocument| note.name == *meant || note.title == *meant;
        names.extend(notes.iter().filter(is_meant).map(|note| note.name.clone()));
        let titles = product.iter().map(|note| &note.title);
        if notes.iter().any(|note| is_meant(&note)) || of_product.iter().chain(titles).any(|known| known == meant) {
            continue;
        }
        let known = notes.iter().filter(|note| note.acknowledge).map(|note| note.name.as_str());
        let all = || match known.clone().collect::<Vec<_>>().join(", ") {
            known if known.is_empty() => "the plan has no note to be confirmed".to_owned(),
            known => format!("notes to be confirmed: {known}"),
        };
        let failure = Failure::new(Exit::Usage, format!("there is no note `{meant}`"));
        return Err(failure.hint(did_you_mean(meant, known.clone(), all)));
    }
    Ok(names)
}

/// The values that were typed; each must be of a migration of the plan.
fn given(apply: &Apply<'_>, job: &Job) -> Result<Parameters, Failure> {
    let known: Vec<&str> = job.plan().steps.iter().flat_map(|step| &step.migrations).map(String::as_str).collect();
    let mut given = Parameters::new();
    for set in &apply.arguments.set {
        if !known.contains(&set.migration.as_str()) {
            if apply.loaded.product().migrations.contains_key(set.migration.as_str()) {
                continue;
            }
            let all = || format!("its migrations: {}", known.join(", "));
            let message = format!("--set: the plan has no migration `{}`", set.migration);
            return Err(Failure::new(Exit::Usage, message).hint(did_you_mean(
                &set.migration,
                known.iter().copied(),
                all,
            )));
        }
        given.entry(set.migration.clone()).or_default().insert(set.name.clone(), set.value.clone());
    }
    Ok(given)
}

/// A run that was begun keeps its parameters; other ones are refused.
async fn refuse_begun(apply: &Apply<'_>, job: &Job, given: &Parameters) -> Result<(), Failure> {
    for (name, set) in given {
        let latest = kept::latest(apply.loaded, &apply.desk.store, name, apply.commands).await?;
        let Some((_, state)) = latest.filter(|(_, state)| !state.is_over()) else { continue };
        let Some(migration) = apply.loaded.product().migrations.get(name.as_str()) else { continue };
        let set: Vec<(String, String)> = set.clone().into_iter().collect();
        refuse_other_parameters(name, &state, &values_of(migration, job, given)?, &set, apply.commands)?;
    }
    Ok(())
}

/// The values of a migration's parameters: what was typed now, else before, else the defaults.
fn values_of(migration: &Migration, job: &Job, given: &Parameters) -> Result<BTreeMap<String, Value>, Failure> {
    let name = migration.name.as_str();
    let before = job.upgrade().and_then(|upgrade| upgrade.parameters.get(name)).cloned().unwrap_or_default();
    let now = given.get(name).cloned().unwrap_or_default();
    let set: Vec<(String, String)> = before.into_iter().chain(now).collect();
    parameters_of(migration, &set, &format!("{name}."))
}

/// The programs and variables that a procedure needs and that are not there.
fn lacking(apply: &Apply<'_>, procedure: &Migration, texts: &Texts) -> Vec<String> {
    let site = &apply.desk.site;
    let unset = vars(procedure, site).into_iter().map(|missing| {
        let key = format!("environments.{}.vars.{}", site.environment, missing.name);
        format!("the variable `{}` is not set ({}): set {key}", missing.name, missing.place)
    });
    let absent = tools(procedure, site, texts).into_iter().map(|missing| {
        format!(
            "there is no program `{}` here ({}): install it, or put its folder into PATH",
            missing.name, missing.place
        )
    });
    unset.chain(absent).collect()
}

/// What a step would send, with everything that its texts lack.
fn step_rehearsed(
    apply: &Apply<'_>,
    job: &Job,
    step: &StepDocument,
    state: Option<&StepState>,
    migrations: &[&Migration],
    values: &BTreeMap<String, BTreeMap<String, Value>>,
    wrong: &mut Vec<String>,
) -> StepRehearsed {
    let run = Some(RunNames { id: "RUN".to_owned(), started: "TIME".to_owned() });
    let mut procedures = Vec::new();
    let mut rehearsed = |name: &str, procedure: &Migration, texts: &Texts| {
        let mut sent = Vec::new();
        let lacking = lacking(apply, procedure, texts);
        if !lacking.is_empty() {
            wrong.extend(lacking.into_iter().filter(|told| !wrong.contains(told)).collect::<Vec<_>>());
            return;
        }
        for found in rehearse(&apply.desk.site, procedure, texts) {
            match found {
                Ok(found) => sent.push(found),
                // Both deploys of a platform lack the same.
                Err(error) if wrong.iter().any(|told| told.ends_with(&error)) => {}
                Err(error) => wrong.push(format!("{name}: {error}")),
            }
        }
        procedures.push((name.to_owned(), sent));
    };
    let is_deployed = state.is_some_and(|state| state.is_deployed());
    if let Some(names) = step_names(job.plan(), step.number).filter(|_| step.deploy && !is_deployed) {
        let name = names.deploy_name();
        let texts = Texts { step: Some(names), run: run.clone(), ..Texts::default() };
        rehearsed(&name, &apply.platform.procedure(&name), &texts);
    }
    for migration in migrations {
        let name = migration.name.as_str();
        // What has no values was told.
        let Some(parameters) = values.get(name).cloned() else { continue };
        rehearsed(name, migration, &Texts { parameters, run: run.clone(), ..Texts::default() });
    }
    StepRehearsed { number: step.number, procedures }
}
