//! A product and a request → a [`Plan`], or why there is none ([`NoPlan`]).
//!
//! [`settle`] makes a [`Request`] of what people type, `problem` numbers the stops and the forced migrations, `route`
//! finds the best path, `steps` writes it down with reasons, notes and services, `refusal` explains why there is none;
//! `answer` holds the types of both. `observed` says what a look at an installation means, `moved` what has changed since. Everything is decided here; whoever carries out a plan has no choice left.
#![deny(clippy::disallowed_methods)]

mod answer;
mod bounds;
mod context;
mod covers;
mod document;
mod fact;
mod gate;
mod line;
mod moved;
mod notes;
mod observed;
mod order;
mod picture;
mod problem;
mod reach;
mod reasons;
mod refusal;
mod request;
mod route;
mod services;
mod steps;
mod stretch;
mod wording;

use crate::model::{MigrationName, Product};

pub use answer::{
    Because, Change, DueNote, Installation, NoPlan, NotRequired, Plan, Reason, Release, Segment, ServiceLine, Step,
};
pub use covers::Covers;
pub use document::{
    AtDocument, NO_PLAN_FORMAT, NoPlanDocument, NoteDocument, PLAN_FORMAT, PlanDocument, StepDocument,
    StepReleaseDocument,
};
pub use gate::{Gate, Known, gate, version_to_start};
pub use moved::{misplaced, moved};
pub use notes::note_names;
pub use observed::Observed;
pub use order::in_order;
pub use picture::dot;
pub use reach::{Unreachable, unreachable};
pub use request::{Preference, Question, Request, RequestError, goal, settle};

use observed::Done;
use problem::{Problem, World};

/// The best plan for a request.
pub fn plan(product: &Product, request: &Request) -> Result<Plan, Box<NoPlan>> {
    let world = World::of(product);
    let start = world.line.start(product, &request.from, request.from_chart.as_ref());
    if request.to < request.from {
        return Err(Box::new(refusal::downgrade(&world, &start, request)));
    }
    let done = Done::of(&world, request);
    let problem = Problem::new(&world, &start, &request.to, &done.all, &fact::Relaxed::default());
    let unknown = observed::unknown(&done, &world, request);
    match route::best(&problem, request.preference) {
        Some(found) => {
            let mut plan = steps::plan(&world, &problem, &found.route, &done, request);
            plan.warnings.extend((!found.is_best).then(|| UNPROVED.to_owned()));
            plan.warnings.extend(missing(&world, &done, request));
            let is_placed = |name: &MigrationName| plan.steps.iter().any(|step| step.migrations.contains(name));
            let unknown: Vec<_> = unknown.into_iter().filter(|(name, _)| is_placed(name)).collect();
            plan.warnings.extend(unknown.into_iter().map(|(_, told)| told));
            Ok(plan)
        }
        None => {
            let mut refusal = refusal::refuse(&world, &start, &done.all, request);
            refusal.warnings.extend(unknown.into_iter().map(|(_, told)| told));
            Err(Box::new(refusal))
        }
    }
}

/// What is said of a plan when the search for a better one was given up.
const UNPROVED: &str = "the search for the best plan was given up; this one is valid, but another may keep more \
                        migrations on their recommended releases or have fewer deploys (`orchestrate lint` names \
                        recommendations that stand against dependencies)";

/// What is not complete although the installation's release could not have started without; nothing is entered, so that
/// no gate tells.
fn missing(world: &World<'_>, done: &Done, request: &Request) -> Option<String> {
    let assumed = world.assumed_complete(&request.from);
    let names: Vec<&str> =
        assumed.difference(&done.all).map(|number| world.order.migrations[*number].name.as_str()).collect();
    let is_told = !names.is_empty() && request.from == request.to;
    is_told.then(|| format!("{} could not have started without {}", request.from, names.join(", ")))
}
