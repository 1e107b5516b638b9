//! Which plan is walked: that of an upgrade that is not over, that of a file, or one that is made now.

use std::path::Path;

use crate::execute::control::Desk;
use crate::model::{PartialVersion, Version};
use crate::plan::{NoPlan, PLAN_FORMAT, Plan, PlanDocument, Preference, Question, misplaced, moved, plan, settle};
use crate::run::{ProcedureKind, Upgrade};
use crate::store::{RunFilter, RunRow};

use super::super::args::ApplyArguments;
use super::super::commands::Commands;
use super::super::desk::{Loaded, unstored};
use super::super::failure::{Exit, Failure};
use super::super::plan::refused;
use super::super::{live, plan_text};

/// What is to be done.
pub(super) enum Job {
    /// To go on with an upgrade.
    GoOn { row: Box<RunRow>, upgrade: Box<Upgrade> },
    /// To begin one, in the place of another where there is one that is not over.
    Begin { plan: Box<Plan>, document: Box<PlanDocument>, gives_up: Option<Box<RunRow>> },
}

impl Job {
    /// The plan.
    pub fn plan(&self) -> &PlanDocument {
        match self {
            Job::GoOn { upgrade, .. } => &upgrade.plan,
            Job::Begin { document, .. } => document,
        }
    }

    /// The upgrade, where it was begun.
    pub fn upgrade(&self) -> Option<&Upgrade> {
        match self {
            Job::GoOn { upgrade, .. } => Some(upgrade),
            Job::Begin { .. } => None,
        }
    }
}

/// Chooses what is meant.
pub(super) async fn choose(
    loaded: &Loaded,
    desk: &Desk,
    arguments: &ApplyArguments,
    latest: Option<(RunRow, Upgrade)>,
    commands: &Commands,
) -> Result<Job, Failure> {
    let file = arguments.plan.as_deref().map(read).transpose()?;
    let reached = latest.as_ref().and_then(|(_, upgrade)| reached(upgrade));
    let open = latest.filter(|(_, upgrade)| !upgrade.is_over());
    let gives_up = match open {
        Some((row, upgrade)) if !arguments.anew => {
            refuse_another(&upgrade, file.as_ref(), arguments, commands)?;
            return Ok(Job::GoOn { row: Box::new(row), upgrade: Box::new(upgrade) });
        }
        Some((row, upgrade)) => {
            refuse_to_give_up(desk, &upgrade, arguments, commands).await?;
            Some(Box::new(row))
        }
        None => None,
    };
    let made = match (file, &arguments.to) {
        (Some(old), _) => still(loaded, desk, &old, arguments, reached).await?,
        (None, Some(to)) => make(loaded, desk, to).await?,
        (None, None) => {
            return Err(Failure::new(Exit::Usage, "no upgrade is under way, and nothing says where to go")
                .hint(format!("say which version to go to: {}", commands.command("apply --to VERSION"))));
        }
    };
    let document = Box::new(PlanDocument::from(&made));
    Ok(Job::Begin { plan: Box::new(made), document, gives_up })
}

/// The version that an upgrade was last seen to have brought up.
fn reached(upgrade: &Upgrade) -> Option<Version> {
    let proved = upgrade.steps.iter().rev().find_map(|step| step.version.as_deref());
    proved.and_then(|version| Version::parse(version).ok())
}

fn read(path: &Path) -> Result<PlanDocument, Failure> {
    let shown = path.display();
    let hint = "orchestrate plan --out FILE writes one";
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::Usage, format!("cannot read {shown}: {error}")).hint(hint))?;
    let document: PlanDocument = serde_json::from_str(&text)
        .map_err(|error| Failure::new(Exit::Usage, format!("{shown} is no plan: {error}")).hint(hint))?;
    if document.format != PLAN_FORMAT {
        let message = format!("{shown} has the format `{}`, and this program reads {PLAN_FORMAT}", document.format);
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    Ok(document)
}

/// An upgrade that is not over is gone on with; another plan needs a word.
fn refuse_another(
    upgrade: &Upgrade,
    file: Option<&PlanDocument>,
    arguments: &ApplyArguments,
    commands: &Commands,
) -> Result<(), Failure> {
    let open = &upgrade.plan;
    if let Some(file) = file
        && let Some(why) = misplaced(file, open)
    {
        return Err(stale(arguments, &[why], file));
    }
    let goal = Version::parse(&open.to.app).ok();
    let is_other_goal = arguments.to.as_ref().is_some_and(|to| !goal.as_ref().is_some_and(|goal| to.matches(goal)));
    let work = |plan: &PlanDocument| -> Vec<_> {
        plan.steps.iter().map(|step| (step.deploy, step.release.clone(), step.migrations.clone())).collect()
    };
    let is_other_plan = file.is_some_and(|file| file.digest != open.digest && work(file) != work(open));
    if !is_other_goal && !is_other_plan {
        return Ok(());
    }
    let step = upgrade.current().unwrap_or(upgrade.steps.len());
    let steps = upgrade.steps.len();
    let message = format!("an upgrade to {} is not over: it is at step {step} of {steps}", open.to.app);
    Err(Failure::new(Exit::Stale, message)
        .hint(format!("go on with it: {}", commands.command("apply")))
        .hint("or give it up and plan from what runs now: add --anew"))
}

/// What was begun is brought to an end before another way is gone, and that needs a destination.
async fn refuse_to_give_up(
    desk: &Desk,
    upgrade: &Upgrade,
    arguments: &ApplyArguments,
    commands: &Commands,
) -> Result<(), Failure> {
    let to = &upgrade.plan.to.app;
    if arguments.to.is_none() && arguments.plan.is_none() {
        let message = format!("--anew gives the upgrade to {to} up, and nothing says where to go instead");
        let again = commands.command(&format!("apply --to {to} --anew"));
        return Err(Failure::new(Exit::Usage, message).hint(format!("say which version to go to: {again}")));
    }
    let filter = RunFilter {
        environment: Some(desk.site.environment.clone()),
        product: Some(desk.product.clone()),
        unfinished_only: true,
        limit: u32::MAX,
        ..RunFilter::default()
    };
    let rows = desk.store.runs(&filter).await.map_err(|error| unstored(&error))?;
    let Some(row) = rows.into_iter().find(|row| row.run.kind == ProcedureKind::Deploy.as_str()) else {
        return Ok(());
    };
    let deploy = &row.run.name;
    let message = format!("{deploy} was begun and is not over: the upgrade to {to} cannot be given up now");
    Err(Failure::new(Exit::Closed, message)
        .hint(format!("go on with it: {}", commands.command("apply")))
        .hint(format!("or take it back first: {}", commands.command(&format!("rollback {deploy}")))))
}

/// A plan that cannot be walked as it stands, with what speaks against it.
fn stale(arguments: &ApplyArguments, moved: &[String], old: &PlanDocument) -> Failure {
    let shown = arguments.plan.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    let message = format!("{shown} is stale, and nothing was done\n  {}", moved.join("\n  "));
    Failure::new(Exit::Stale, message).hint(format!("make it anew: orchestrate plan --to {} --out {shown}", old.to.app))
}

/// The plan of a file, made anew; refused where anything that it depends on moved since.
async fn still(
    loaded: &Loaded,
    desk: &Desk,
    old: &PlanDocument,
    arguments: &ApplyArguments,
    reached: Option<Version>,
) -> Result<Plan, Failure> {
    let (made, moved) = match live::again(loaded, desk, old, reached).await? {
        Ok(made) => {
            let new = PlanDocument::from(&made);
            // It was walked before.
            let is_there = new.steps.is_empty() && new.from.app == old.to.app && is_same_installation(old, &new);
            let moved = if is_there { Vec::new() } else { moved(old, &new) };
            (Some(made), moved)
        }
        Err(refusal) => (None, vec![plan_text::reasons(&refusal)]),
    };
    made.filter(|_| moved.is_empty()).ok_or_else(|| stale(arguments, &moved, old))
}

fn is_same_installation(old: &PlanDocument, new: &PlanDocument) -> bool {
    match (&old.environment, &new.environment) {
        (Some(old), Some(new)) => old.identity == new.identity,
        (None, _) | (_, None) => true,
    }
}

/// Makes a plan from what runs.
async fn make(loaded: &Loaded, desk: &Desk, to: &PartialVersion) -> Result<Plan, Failure> {
    let question = Question {
        from: None,
        from_chart: None,
        to: to.clone(),
        completed: None,
        preference: Preference::Recommended,
        only_required: false,
        observed: None,
    };
    let question = live::seen(loaded, desk, question, live::Asks::Apply).await?;
    let product = loaded.product();
    let told = |error| refused(product.name.as_str(), error);
    let request = settle(product, &question).map_err(told)?;
    plan(product, &request).map_err(|refusal: Box<NoPlan>| {
        let failure = Failure::new(Exit::NoPlan, plan_text::reasons(&refusal));
        refusal.fixes.iter().fold(failure, |failure, fix| failure.hint(fix.clone()))
    })
}
