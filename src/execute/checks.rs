//! The checks before the work: all are asked, and all that fail are told at once, the cheap ones first.

use crate::model::{Action, Engine, Migration, Operation, Probe, Question, Scope};
use crate::run::{Checked, Failure, Verdict};
use crate::store::{Store, StoreError};
use crate::template::outputs_used;

use super::control::latest_begun;
use super::needs;
use super::site::{Site, Texts};

/// What the checks of a migration are about, besides its own probes.
#[derive(Debug)]
pub struct Precondition<'a> {
    /// The installation.
    pub site: &'a Site,
    /// Where other runs are kept.
    pub store: &'a Store,
    /// The product.
    pub product: &'a str,
    /// The migration.
    pub migration: &'a Migration,
    /// The app version that somebody said runs; else it is asked for.
    pub app: Option<&'a str>,
    /// Migrations that count as complete although no run of them is known.
    pub assumed: &'a [String],
    /// What its texts may use.
    pub texts: &'a Texts,
}

fn no(check: &str, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { check: check.to_owned(), message: message.into(), is_unknown: false, hint: Some(hint.into()) }
}

fn unknown(check: &str, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { is_unknown: true, ..no(check, message, hint) }
}

/// Asks every check. `required` is asked only where nothing was ever done.
pub async fn preflight(of: &Precondition<'_>, with_required: bool) -> Result<Checked, StoreError> {
    let mut failures = Vec::new();
    failures.extend(window(of).await);
    failures.extend(dependencies(of).await?);
    let cheap = failures.len();
    failures.extend(targets(of).await);
    failures.extend(services(of).await);
    let required = of.migration.required.as_ref().filter(|_| with_required);
    if let Some(probe) = required {
        match self::required(of.site, probe, of.texts).await {
            Verdict::Yes => {}
            Verdict::No(evidence) if failures.is_empty() => return Ok(Checked::NotRequired(evidence)),
            Verdict::No(_) => return Ok(Checked::Failures(failures)),
            Verdict::Unknown(why) => {
                let message = format!("whether it is required cannot be told {why}");
                let hint = "unknown never means not required; make the question answerable";
                failures.push(unknown("required", message, hint));
            }
        }
    }
    // What cannot be run here matters only where it is to run.
    failures.splice(cheap..cheap, operations(of).into_iter().chain(needs(of)));
    failures.extend(of.site.failures("precheck", &of.migration.precheck, of.texts).await);
    failures.extend(of.site.failures("healthcheck", &of.migration.healthcheck, of.texts).await);
    failures.extend(throttles(of).await);
    Ok(Checked::Failures(failures))
}

/// Whether a migration is required: no with its evidence, unknown with the place of the question and the reason.
pub(super) async fn required(site: &Site, probe: &Probe, texts: &Texts) -> Verdict {
    let place = &probe.place;
    match site.ask(probe, texts).await {
        Verdict::Yes => Verdict::Yes,
        Verdict::No(value) => Verdict::No(site.scrub.clean(&format!("`required` answered {value} ({place})"))),
        Verdict::Unknown(why) => Verdict::Unknown(site.scrub.clean(&format!("({place}): {why}"))),
    }
}

/// Every throttle has an answer, whichever: one without would hold the work up for ever.
async fn throttles(of: &Precondition<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for throttle in &of.migration.throttle {
        let context = of.site.context(of.texts, throttle.probe.target(), None);
        let why = match of.site.answer(&throttle.probe, &context).await {
            crate::run::Answer::Value(_) => continue,
            crate::run::Answer::Nothing => "it has no answer".to_owned(),
            crate::run::Answer::Error(error) => error,
        };
        let message = format!("the throttle `{}` cannot be told: {why}", throttle.name);
        failures.push(unknown("throttle", message, "make its question answerable: it would hold the work up for ever"));
    }
    failures
}

/// The app version that runs lies in the window.
async fn window(of: &Precondition<'_>) -> Option<Failure> {
    let window = &of.migration.window;
    if window.min.is_none() && window.max.is_none() {
        return None;
    }
    let version = match of.site.running(of.app, of.texts).await {
        Ok(version) => version,
        Err(why) => {
            let message = format!("the app version that runs is not known: {why}");
            return Some(unknown("window", message, "say which version runs with --at VERSION"));
        }
    };
    if window.contains(&version) {
        return None;
    }
    let message = format!("the app runs {version}, and it may run on {window} ({})", of.migration.window_place());
    let hint = if window.ends_below(&version) {
        "go back to a version in its window; `orchestrate plan` shows the way that would have stopped there"
    } else {
        "upgrade the app to a version in its window first; `orchestrate plan` shows the way"
    };
    Some(no("window", message, hint))
}

/// What it depends on is complete.
async fn dependencies(of: &Precondition<'_>) -> Result<Vec<Failure>, StoreError> {
    let mut failures = Vec::new();
    for name in &of.migration.depends_on {
        let row = latest_begun(of.store, &of.site.environment, of.product, name.as_str()).await?;
        let status = row.map(|row| row.summary.status);
        if status.is_none() && of.assumed.iter().any(|assumed| assumed == name.as_str()) {
            continue;
        }
        let status = status.as_deref().and_then(crate::run::Status::parse);
        if !status.is_some_and(crate::run::Status::is_complete) {
            let told = status.map_or("not started".to_owned(), |status| status.to_string());
            let message = format!("it depends on {name}, which is {told}");
            failures.push(no("depends_on", message, format!("orchestrate start {name}")));
        }
    }
    Ok(failures)
}

/// Every operation, with what takes it back.
pub(super) fn all_operations(migration: &Migration) -> impl Iterator<Item = &Operation> {
    migration.operations.iter().flat_map(|operation| std::iter::once(operation).chain(operation.undo.operation()))
}

/// This program can do what is written, and its texts have what they use.
fn operations(of: &Precondition<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for operation in all_operations(of.migration) {
        let Some(name) = operation.target.as_deref() else { continue };
        let Some(engine) = of.site.engine(name) else { continue };
        if operation.scope != Scope::Server && engine != Engine::ClickHouse {
            let message = format!("`{}` has a scope, and `{name}` is {}", operation.name, engine.as_str());
            failures.push(no("operations", message, "only ClickHouse has shards; remove `scope`"));
        }
        let context = of.site.context(of.texts, Some(name), None);
        let rendered = match &operation.action {
            Action::Sql { sql } | Action::ForEach { rows: sql, .. } => of.site.sql(sql, name, &context),
            Action::Wait { probe, .. } => match &probe.question {
                Question::Sql { target, sql } => of.site.sql(sql, target, &context),
                Question::Command { .. } | Question::Http { .. } | Question::File { .. } | Question::Value { .. } => {
                    continue;
                }
            },
            Action::Verify { .. }
            | Action::Copy { .. }
            | Action::Backfill { .. }
            | Action::Command { .. }
            | Action::Http { .. }
            | Action::Manual { .. } => continue,
        };
        // What takes back one of several parts uses a row that is known only then, and others use what is printed by then.
        let is_known_later = operation.texts().into_iter().any(|text| !outputs_used(text).is_empty());
        if let Err(error) = rendered
            && !error.contains("item")
            && !is_known_later
        {
            failures.push(no("operations", error, "give the environment what the text uses"));
        }
    }
    failures
}

/// The programs and the variables that it needs are there.
fn needs(of: &Precondition<'_>) -> Vec<Failure> {
    let tool = |missing: needs::Missing| {
        let message = format!("there is no program `{}` here ({})", missing.name, missing.place);
        no("tools", message, "install it, or put its folder into PATH")
    };
    let var = |missing: needs::Missing| {
        let name = missing.name;
        let message = format!("the variable `{name}` is not set ({})", missing.place);
        no("vars", message, format!("set environments.{}.vars.{name} in orchestrate.yaml", of.site.environment))
    };
    let tools = needs::tools(of.migration, of.site, of.texts).into_iter().map(tool);
    needs::vars(of.migration, of.site).into_iter().map(var).chain(tools).collect()
}

/// Every target is there and answers.
async fn targets(of: &Precondition<'_>) -> Vec<Failure> {
    let mut names: Vec<&str> = all_operations(of.migration).flat_map(Operation::targets).collect();
    names.extend(of.migration.probes().filter_map(|(_, probe)| probe.target()));
    names.sort_unstable();
    names.dedup();
    let mut failures = Vec::new();
    for name in names {
        let hint = format!("check environments.{}.targets.{name} in orchestrate.yaml", of.site.environment);
        match of.site.target(name) {
            Err(message) => failures.push(no("target", message, hint)),
            Ok(target) => {
                if let Err(error) = target.database.version().await {
                    failures.push(unknown("target", of.site.scrub.clean(&error.to_string()), hint));
                }
            }
        }
    }
    failures
}

/// The services have versions that it can run on.
async fn services(of: &Precondition<'_>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (name, range) in &of.migration.services {
        let hint = format!("declare the version at environments.{}.services.{name}", of.site.environment);
        match of.site.service(name, of.texts).await {
            Ok(version) if range.contains(&version) => {}
            Ok(version) => {
                let message = format!("it needs {name} {range}, and {version} runs");
                failures.push(no("services", message, format!("bring {name} to {range} first")));
            }
            Err(why) => {
                failures.push(unknown("services", format!("the version of {name} is not known: {why}"), hint));
            }
        }
    }
    failures
}
