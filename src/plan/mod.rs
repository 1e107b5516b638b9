//! A product and a request → a [`Plan`], or why there is none ([`NoPlan`]).
//!
//! [`settle`] makes a [`Request`] of what people type, `problem` numbers the stops and the forced migrations, `route`
//! finds the best path, `steps` writes it down with reasons, notes and services, `refusal` explains why there is none.
//! Everything is decided here; whoever carries out a plan has no choice left.
#![deny(clippy::disallowed_methods)]

mod context;
mod document;
mod fact;
mod line;
mod notes;
mod problem;
mod reach;
mod reasons;
mod refusal;
mod request;
mod route;
mod services;
mod steps;
mod wording;

use std::collections::BTreeMap;

use version_ranges::Ranges;

use crate::model::{Crossing, MigrationName, NoteTime, Place, Product, ServiceVersion, Version};

pub use document::{NO_PLAN_FORMAT, NoPlanDocument, PLAN_FORMAT, PlanDocument};
pub use reach::{Unreachable, unreachable};
pub use request::{Preference, Question, Request, RequestError, settle};

use problem::{Problem, World};

/// An app on a chart, where the chart is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The app's version.
    pub app: Version,
    /// The chart's version.
    pub chart: Option<Version>,
}

/// What to do, in order. Nothing is left to decide.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The product's name.
    pub product: String,
    /// The product's name for people.
    pub title: String,
    /// SHA-256 over everything that the plan depends on.
    pub digest: String,
    /// Where the installation is.
    pub from: Release,
    /// Where it goes.
    pub to: Release,
    /// Migrations that are taken as complete although nobody said so.
    pub assumed_complete: Vec<MigrationName>,
    /// The steps.
    pub steps: Vec<Step>,
    /// What must be true of services, in time.
    pub services: Vec<ServiceLine>,
    /// What was assumed, and what to look at.
    pub warnings: Vec<String>,
}

/// Deploy one release, then run its migrations.
#[derive(Clone, Debug)]
pub struct Step {
    /// From 1.
    pub number: usize,
    /// Whether anything is deployed; not where the installation already is.
    pub deploy: bool,
    /// The release.
    pub release: Release,
    /// The image's tag, where the chart would deploy another app version.
    pub image_tag: Option<String>,
    /// The app version that the chart would deploy by itself, where it is overridden.
    pub chart_ships: Option<Version>,
    /// The migrations to run there, in order.
    pub migrations: Vec<MigrationName>,
    /// Why the path stops here.
    pub because: Vec<Because>,
    /// What a person must do or know, in order.
    pub notes: Vec<DueNote>,
    /// What it expects of services.
    pub needs: BTreeMap<String, Ranges<ServiceVersion>>,
    /// The services that it brings along.
    pub provides: BTreeMap<String, ServiceVersion>,
}

/// One reason for a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The migration that forces it, if one does.
    pub migration: Option<MigrationName>,
    /// The last version on which that can run.
    pub until: Option<Version>,
    /// The first release that opens when it is complete.
    pub opens: Option<Version>,
    /// The same in words.
    pub text: String,
}

/// A note that a move crosses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNote {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Before or after the deploy.
    pub when: NoteTime,
    /// Whether a person must confirm it.
    pub acknowledge: bool,
    /// The version that is crossed.
    pub crossing: Crossing,
}

/// A service over the steps of a plan.
#[derive(Clone, Debug)]
pub struct ServiceLine {
    /// The service.
    pub name: String,
    /// What the installation's own release works with.
    pub start: Ranges<ServiceVersion>,
    /// What each step works with, by number.
    pub steps: Vec<(usize, Ranges<ServiceVersion>)>,
    /// The longest stretches of steps that one version can serve: between two of them the version must change.
    pub segments: Vec<Segment>,
    /// How long whoever is within the range of the own release may keep a version, in words.
    pub advice: Option<String>,
}

/// Steps that one version of a service can serve.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The first step.
    pub from_step: usize,
    /// The last step.
    pub to_step: usize,
    /// The versions that serve all of them.
    pub range: Ranges<ServiceVersion>,
}

/// Why there is no plan, and what would open the way.
#[derive(Clone, Debug)]
pub struct NoPlan {
    /// Where the installation is.
    pub from: Release,
    /// Where it should go.
    pub to: Release,
    /// A smallest set of facts that rule it out together, as a chain.
    pub reasons: Vec<Reason>,
    /// What would open the way; each was tried.
    pub fixes: Vec<String>,
    /// What was assumed.
    pub warnings: Vec<String>,
}

/// One fact that rules a plan out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// In words.
    pub text: String,
    /// Where it stands.
    pub place: Option<Place>,
}

/// The best plan for a request.
pub fn plan(product: &Product, request: &Request) -> Result<Plan, Box<NoPlan>> {
    let world = World::of(product);
    let start = world.line.start(product, &request.from, request.from_chart.as_ref());
    if request.to < request.from {
        return Err(Box::new(refusal::downgrade(&world, &start, request)));
    }
    let done = match &request.completed {
        Some(names) => world.numbers(names),
        None => world.assumed_complete(&request.from),
    };
    let problem = Problem::new(&world, &start, &request.to, &done, &fact::Relaxed::default());
    match route::best(&problem, request.preference) {
        Some(route) => {
            let mut plan = steps::plan(&world, &problem, &route, &done, request);
            plan.warnings.extend(missing(&world, &done, request));
            Ok(plan)
        }
        None => Err(Box::new(refusal::refuse(&world, &start, &done, request))),
    }
}

/// What is not complete although the installation's release could not have started without; nothing is entered, so that
/// no gate tells.
fn missing(world: &World<'_>, done: &std::collections::BTreeSet<usize>, request: &Request) -> Option<String> {
    let assumed = world.assumed_complete(&request.from);
    let names: Vec<&str> =
        assumed.difference(done).map(|number| world.order.migrations[*number].name.as_str()).collect();
    let is_told = !names.is_empty() && request.from == request.to;
    is_told.then(|| format!("{} could not have started without {}", request.from, names.join(", ")))
}

/// The versions of a product as a graph in the DOT language, with a plan's path.
pub fn dot(plan: &Plan) -> String {
    let name = |release: &Release| match &release.chart {
        Some(chart) => format!("{}\nchart {chart}", release.app),
        None => release.app.to_string(),
    };
    let mut nodes = vec![name(&plan.from)];
    let mut edges = Vec::new();
    for step in &plan.steps {
        let migrations: Vec<&str> = step.migrations.iter().map(MigrationName::as_str).collect();
        let text = std::iter::once(name(&step.release)).chain(migrations.into_iter().map(str::to_owned));
        let text = text.collect::<Vec<_>>().join("\n");
        if step.deploy {
            edges.push((nodes.len() - 1, nodes.len(), format!("step {}", step.number)));
            nodes.push(text);
        } else if let Some(last) = nodes.last_mut() {
            *last = text;
        }
    }
    crate::graph::dot(&nodes, &edges)
}
