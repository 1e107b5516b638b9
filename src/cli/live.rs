//! A plan for one installation: looks at it, and finds out later whether a plan still holds there.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::Need;
use crate::execute::control::Desk;
use crate::execute::live::{Live, LiveError, Look, look};
use crate::model::{PartialVersion, Probe, Question as Asked, Version, without_credentials};
use crate::plan::{Installation, NoPlan, Observed, Plan, PlanDocument, Question, goal, plan, settle};

use super::args::Global;
use super::desk::{Loaded, unstored};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::plan::refused;

/// Whether an installation is to be read: where one is named, and where nobody says what is installed.
pub(super) fn is_meant(global: &Global, question: &Question) -> bool {
    global.environment.is_some() || (question.from.is_none() && question.from_chart.is_none())
}

/// The project with the environment that is meant.
pub(super) fn loaded(global: &Global, output: &mut Output) -> Result<Loaded, Failure> {
    let other_way = global.environment.is_none().then_some("or say which version is installed, with --from VERSION");
    Loaded::read_or(global, output, other_way)
}

/// What a look at the installation needs.
pub(super) async fn desk(loaded: &Loaded, global: &Global) -> Result<Desk, Failure> {
    let targets = loaded.targets_of_a_look();
    let desk = loaded.desk_with(global, Need::Targets(&targets)).await;
    desk.map_err(|failure| failure.hint(WITHOUT))
}

/// Who asks: what can be typed instead differs.
#[derive(Clone, Copy)]
pub(super) enum Asks {
    Plan,
    Apply,
}

const WITHOUT: &str = "--from VERSION without --environment plans without asking anything";

/// A question, answered where the installation can answer it.
pub(super) async fn seen(
    loaded: &Loaded,
    desk: &Desk,
    mut question: Question,
    asks: Asks,
) -> Result<Question, Failure> {
    let product = loaded.product();
    let to = goal(product, &question.to).map_err(|error| refused(product.name.as_str(), error))?;
    let version = question.from.as_ref().map(PartialVersion::lowest);
    let asks_progress = question.completed.is_none();
    let what = Look { product, version, to: &to, asks_progress };
    let live = tokio::select! {
        live = look(desk, &what) => live.map_err(|error| unseen(&error, asks, &question))?,
        () = desk.signals.stop.cancelled() => return Err(interrupted()),
        () = desk.signals.let_go.cancelled() => return Err(interrupted()),
    };
    if question.from.is_none() {
        question.from = Some(PartialVersion::Whole(live.version.clone()));
        question.from_chart = question.from_chart.or_else(|| live.chart.clone());
    }
    question.observed = Some(observed(loaded, live));
    Ok(question)
}

fn observed(loaded: &Loaded, live: Live) -> Observed {
    Observed {
        installation: Installation { name: loaded.environment.clone(), identity: live.identity },
        declared: declared(loaded),
        completed: live.completed,
        begun: live.begun,
        not_required: live.not_required,
        unknown: live.unknown,
        services: live.services,
    }
}

/// SHA-256 over how the environment is declared, with its platform: what stands in the files, without what `${NAME}` means
/// and without the credentials of URLs.
fn declared(loaded: &Loaded) -> [u8; 32] {
    let environment = loaded.declared();
    let platform = environment.platform.as_deref();
    let file = platform.and_then(|name| loaded.catalog.platforms.get(name)).map(|platform| &platform.place.file);
    let targets = environment
        .targets
        .iter()
        .map(|(name, target)| json!([name, without_credentials(&target.url), target.database, target.cluster]));
    let mut declared = json!({
        "platform": platform,
        "procedure": file.and_then(|file| loaded.sources.get(file)),
        "targets": targets.collect::<Vec<_>>(),
        "vars": environment.vars,
    });
    if let Some(version) = &environment.version {
        declared["version"] = asked(version);
    }
    Sha256::digest(declared.to_string().as_bytes()).into()
}

/// What a probe asks and expects, wherever it stands.
fn asked(probe: &Probe) -> Value {
    let question = match &probe.question {
        Asked::Sql { target, sql } => json!({ "sql": sql.text, "target": target }),
        Asked::Command { argv } => json!({ "command": argv.iter().map(|word| &word.text).collect::<Vec<_>>() }),
        Asked::Http { method, url, headers, expect_status } => {
            let headers: BTreeMap<&String, &String> = headers.iter().map(|(name, text)| (name, &text.text)).collect();
            json!({ "method": method, "url": without_credentials(&url.text), "headers": headers, "status": expect_status })
        }
        Asked::File { path } => json!({ "file": path.text }),
        Asked::Value { text } => json!({ "value": text.text }),
    };
    let answer = probe.answer.as_ref().map(|answer| &answer.text);
    json!({ "question": question, "answer": answer, "expect": probe.expect.to_string() })
}

fn unseen(error: &LiveError, asks: Asks, question: &Question) -> Failure {
    match (error, asks) {
        (LiveError::Store(error), Asks::Plan) => unstored(error).hint(WITHOUT),
        (LiveError::Store(error), Asks::Apply) => unstored(error),
        (LiveError::NoPlatform(environment), Asks::Apply) => Failure::from_error(Exit::Usage, error).hint(format!(
            "say in a plan which version runs, and apply that: orchestrate plan --from VERSION --to {} \
             --environment {environment} --out plan.json",
            question.to
        )),
        (LiveError::Unknown { .. }, Asks::Apply) => Failure::from_error(Exit::Unexpected, error)
            .hint("`orchestrate doctor` asks it too; no release is deployed while nobody can tell which one runs"),
        (LiveError::NoPlatform(environment), Asks::Plan) => Failure::from_error(Exit::Usage, error).hint(format!(
            "name its `platform`, or say which version runs: --from VERSION --environment {environment}"
        )),
        (LiveError::Unknown { environment, .. }, Asks::Plan) => Failure::from_error(Exit::Unexpected, error)
            .hint(format!("say which version runs: --from VERSION --environment {environment}")),
    }
}

fn interrupted() -> Failure {
    Failure::new(Exit::Unexpected, "interrupted").hint("nothing was changed")
}

/// The same plan made anew for the installation as it is now. Where nothing tells which version runs, the plan said it, or an
/// upgrade has brought it further since.
pub(super) async fn again(
    loaded: &Loaded,
    desk: &Desk,
    old: &PlanDocument,
    reached: Option<Version>,
) -> Result<Result<Plan, Box<NoPlan>>, Failure> {
    let product = loaded.product();
    let question = old.question().ok_or_else(|| {
        Failure::new(Exit::Usage, "the plan names a version or a preference that is none").hint("make the plan anew")
    })?;
    let question = match desk.site.version {
        Some(_) => question,
        None => {
            let said = Version::parse(&old.from.app).ok();
            Question { from: said.max(reached).map(PartialVersion::Whole), ..question }
        }
    };
    let mut question = seen(loaded, desk, question, Asks::Apply).await?;
    if question.from_chart.is_none() {
        question.from_chart = old.chart();
    }
    let request = settle(product, &question).map_err(|error| refused(product.name.as_str(), error))?;
    Ok(plan(product, &request))
}
