//! Deploys a release of a project by its platform in a process of its own, which can be killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use orchestrate::config::{self, Installation, Need};
use orchestrate::database::{Database, Location};
use orchestrate::execute::control::{Deploy, Desk, person};
use orchestrate::execute::{Scrub, Signals, Silent, Site, SiteTarget, Texts};
use orchestrate::model::{Platform, Secret, StepNames};
use orchestrate::run::{Event, Settings, Verdict};
use orchestrate::store::{Owner, RunFilter, Store};
use orchestrate::template::TargetNames;

use crate::support::Project;

/// The project to deploy, for the process that deploys.
const PROJECT: &str = "ORCHESTRATE_TEST_PROJECT";
/// The step to deploy, as JSON.
const STEP: &str = "ORCHESTRATE_TEST_STEP";
/// Where the process that deploys says what came of it.
const OUTCOME: &str = "outcome.txt";

/// A step to this release.
pub fn step(app: &str, chart: Option<&str>, from_app: &str) -> StepNames {
    StepNames {
        number: 1,
        app: app.into(),
        chart: chart.map(str::to_owned),
        image_override: false,
        image_tag: None,
        from_app: from_app.into(),
        from_chart: None,
    }
}

/// What works on an environment of a project, the only one.
pub async fn desk(project: &Path) -> (Desk, Platform, String) {
    let files = config::with_built_in(config::read_project(project).expect("the project can be read"));
    let (catalog, sources) = orchestrate::manifest::load(files);
    let catalog = catalog.unwrap_or_else(|broken| panic!("{broken:?}"));
    let (name, environment) = config::pick(&catalog.project, None).expect("there is one environment");
    let filled = config::fill(project, name, environment, Need::Everything, &config::variable);
    let filled: Installation = filled.unwrap_or_else(|errors| panic!("{errors:?}"));
    let platform = catalog.platforms[filled.platform.as_deref().expect("it has a platform")].clone();
    let text = sources[&platform.place.file].to_string();
    let target = |(name, target): (&String, &config::FilledTarget)| {
        let FilledTargetParts { url, database } = FilledTargetParts::of(target);
        let location = Location { name: name.clone(), url, database: database.clone(), cluster: None };
        let names = TargetNames { name: name.clone(), database, cluster: None };
        (name.clone(), SiteTarget { database: Database::open(&location).expect("the URL is one"), names })
    };
    let site = Site {
        environment: name.to_owned(),
        targets: filled.targets.iter().map(target).collect(),
        vars: filled.vars.clone(),
        services: BTreeMap::new(),
        version: environment.version.clone().or(platform.version.clone()),
        scrub: Scrub::default(),
        caller: OnceLock::new(),
    };
    let desk = Desk {
        site: Arc::new(site),
        store: Arc::new(Store::open(&filled.store).await.expect("the store opens")),
        product: "shelf".into(),
        declared: Settings::default(),
        lease: Duration::from_millis(300),
        owner: Owner { id: uuid::Uuid::now_v7().to_string(), host: "here".into(), pid: 1 },
        person: person(),
        signals: Signals::default(),
    };
    (desk, platform, text)
}

/// What a target is opened with.
struct FilledTargetParts {
    url: Secret,
    database: Option<String>,
}

impl FilledTargetParts {
    fn of(target: &config::FilledTarget) -> FilledTargetParts {
        FilledTargetParts { url: target.url.clone(), database: target.database.clone() }
    }
}

/// The process that deploys: nothing in a run of all tests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deploys_where_it_is_told_to() {
    let Some(project) = config::variable(PROJECT).map(PathBuf::from) else { return };
    let step: StepNames = serde_json::from_str(&config::variable(STEP).expect("a step is given")).expect("it is one");
    let (desk, platform, text) = desk(&project).await;
    let deploy = Deploy { platform: &platform, text: &text, step: step.clone() };
    let told = match desk.deploy(&deploy, &mut Silent).await {
        Ok(came) => format!("{}: {}", came.state.status, came.state.because),
        Err(error) => format!("error: {error}"),
    };
    let texts = Texts { step: Some(step), ..Texts::default() };
    let verdict = match &desk.site.version {
        Some(version) => desk.site.ask(version, &texts).await,
        None => Verdict::Unknown("nothing tells it".into()),
    };
    let proof = match verdict {
        Verdict::Yes => "it runs".to_owned(),
        Verdict::No(value) => format!("{value} runs"),
        Verdict::Unknown(why) => format!("nobody knows what runs: {why}"),
    };
    std::fs::write(project.join(OUTCOME), format!("{told}; {proof}")).expect("the outcome can be written");
}

/// A process that deploys, not yet started.
pub fn deploying(project: &Project, step: &StepNames, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the tests have a program"));
    command
        .args(["--exact", "platforms::driver::deploys_where_it_is_told_to", "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("ORCHESTRATE_USER", "ann")
        .env(PROJECT, project.path())
        .env("PROJECT", project.path())
        .env(STEP, serde_json::to_string(step).expect("a step has only texts"))
        .envs(variables.iter().copied());
    command
}

/// Deploys to the end, and tells what came of it; nothing where the process was cut off.
pub fn deployed(project: &Project, step: &StepNames, variables: &[(&str, &str)]) -> Option<String> {
    let outcome = project.path().join(OUTCOME);
    if outcome.exists() {
        std::fs::remove_file(&outcome).expect("the last outcome can be removed");
    }
    let Output { status, stdout, stderr } =
        deploying(project, step, variables).output().expect("the tests' program can be started");
    let told = std::fs::read_to_string(&outcome).ok();
    let streams = || format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(told.is_some() || status.code().is_none(), "{status}: {}", streams());
    told
}

/// Every event of every run of a name, as their names, the earliest run first.
pub async fn events(project: &Project, name: &str) -> Vec<Vec<Event>> {
    let (desk, _, _) = desk(project.path()).await;
    let filter = RunFilter { name: Some(name.to_owned()), ..RunFilter::default() };
    let mut runs = desk.store.runs(&filter).await.expect("the store answers");
    runs.reverse();
    let mut all = Vec::new();
    for row in runs {
        let events = desk.store.events(&row.run.id, 0, 1000).await.expect("the store answers");
        let read = |body: &str| serde_json::from_str(body).expect("events can be read");
        all.push(events.iter().map(|event| read(&event.body)).collect());
    }
    all
}
