//! What has moved in the world since a plan was made, in words.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{PlanDocument, StepDocument};

/// What keeps a plan from being carried out as it stands: how the same plan differs when it is made anew. Nothing where it
/// still holds. A plan that was made without looking at an installation fits to any that it leads the same way.
pub fn moved(old: &PlanDocument, new: &PlanDocument) -> Vec<String> {
    if old.product != new.product {
        return misplaced(old, new).into_iter().collect();
    }
    let mut moved = Vec::new();
    moved.extend(installation(old, new));
    moved.extend(files(old, new));
    moved.extend(question(old, new));
    if old.environment.is_some() {
        moved.extend(progress(old, new));
    }
    if moved.is_empty() {
        moved.extend(way(old, new));
    }
    moved
}

/// Why a plan is not for the product or the installation that another one is for; nothing where it may be.
pub fn misplaced(old: &PlanDocument, new: &PlanDocument) -> Option<String> {
    if old.product != new.product {
        return Some(format!("the plan is for {}, and this is {}", old.product, new.product));
    }
    installation(old, new)
}

/// Another installation than the one that the plan was made for.
fn installation(old: &PlanDocument, new: &PlanDocument) -> Option<String> {
    let (was, is) = (old.environment.as_ref()?, new.environment.as_ref()?);
    if was.identity == is.identity {
        return None;
    }
    let (was_identity, is_identity) = (&was.identity, &is.identity);
    Some(if was.name == is.name {
        format!(
            "`{}` has another store than when the plan was made: its identity was {was_identity} and is {is_identity}",
            is.name
        )
    } else {
        format!(
            "the plan was made for `{}` (identity {was_identity}), and this is `{}` (identity {is_identity})",
            was.name, is.name
        )
    })
}

/// The files of the product and of the environment.
fn files(old: &PlanDocument, new: &PlanDocument) -> Vec<String> {
    let mut moved = Vec::new();
    if old.covers.path != new.covers.path {
        moved.push("the upgrade path or its releases were changed".to_owned());
    }
    let (was, is) = (&old.covers.migrations, &new.covers.migrations);
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    for name in names {
        let what = match (was.get(name), is.get(name)) {
            (Some(was), Some(is)) if was == is => continue,
            (Some(_), Some(_)) => "was changed",
            (Some(_), None) => "was removed",
            (None, _) => "was added",
        };
        moved.push(format!("the manifest of {name} {what}"));
    }
    let is_same_place = old.environment.as_ref().map(|was| &was.name) == new.environment.as_ref().map(|is| &is.name);
    if let (Some(was), Some(is)) = (&old.covers.environment, &new.covers.environment)
        && was != is
        && is_same_place
    {
        moved.push("the environment's declaration in orchestrate.yaml or its platform was changed".to_owned());
    }
    moved
}

/// Where it begins and where it goes.
fn question(old: &PlanDocument, new: &PlanDocument) -> Vec<String> {
    let mut moved = Vec::new();
    if old.from.app != new.from.app {
        moved.push(format!("the plan begins at {}, and {} runs", old.from.app, new.from.app));
    } else if old.from.chart != new.from.chart && old.environment.is_some() {
        let chart =
            |chart: &Option<String>| chart.clone().map_or("an unknown chart".to_owned(), |c| format!("chart {c}"));
        moved.push(format!("the plan begins on {}, and it is on {}", chart(&old.from.chart), chart(&new.from.chart)));
    }
    if old.to.app != new.to.app {
        moved.push(format!("the plan goes to {}, and {} is asked for", old.to.app, new.to.app));
    }
    let (was, is) = (&old.covers, &new.covers);
    if (&was.prefer, was.only_required) != (&is.prefer, is.only_required) {
        moved.push("the plan was asked for with another `--prefer` or `--only-required`".to_owned());
    }
    moved
}

/// What is complete, and what is not required.
fn progress(old: &PlanDocument, new: &PlanDocument) -> Vec<String> {
    let known =
        |document: &PlanDocument| -> BTreeSet<String> { document.covers.completed.iter().flatten().cloned().collect() };
    let assumed = |document: &PlanDocument| -> BTreeSet<String> { document.assumed_complete.iter().cloned().collect() };
    let not_required = |document: &PlanDocument| -> BTreeSet<String> {
        document.not_required.iter().map(|found| found.migration.clone()).collect()
    };
    let mut moved = Vec::new();
    let mut differ = |was: BTreeSet<String>, is: BTreeSet<String>, came: &str, went: &str| {
        for (names, what) in [(&is - &was, came), (&was - &is, went)] {
            if !names.is_empty() {
                moved.push(format!("{what}: {}", names.into_iter().collect::<Vec<_>>().join(", ")));
            }
        }
    };
    differ(known(old), known(new), "complete since the plan was made", "no longer complete");
    differ(assumed(old), assumed(new), "now taken as complete", "no longer taken as complete");
    differ(not_required(old), not_required(new), "now not required", "no longer known as not required");
    if old.covers.completed_given != new.covers.completed_given {
        moved.push(
            "what is complete was said for one of the two plans, and read from the store for the other".to_owned(),
        );
    }
    moved
}

/// What is to be done, where nothing that it depends on is known to have moved.
fn way(old: &PlanDocument, new: &PlanDocument) -> Option<String> {
    let work = |step: &StepDocument| (step.deploy, step.release.clone(), step.migrations.clone());
    let is_same = match &old.environment {
        Some(_) => old.steps == new.steps && old.is_intact(),
        None => old.steps.iter().map(work).eq(new.steps.iter().map(work)),
    };
    if is_same {
        return None;
    }
    let at = |document: &PlanDocument| -> BTreeMap<String, String> {
        let of = |step: &StepDocument| {
            step.migrations.iter().map(|name| (name.clone(), step.release.app.clone())).collect::<Vec<_>>()
        };
        document.steps.iter().flat_map(of).collect()
    };
    let (was, is) = (at(old), at(new));
    let only = |one: &BTreeMap<String, String>, other: &BTreeMap<String, String>| {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect::<Vec<_>>().join(", ")
    };
    Some(match (only(&was, &is), only(&is, &was)) {
        (gone, more) if gone.is_empty() && more.is_empty() => {
            "its steps are other ones than this program plans: it was edited, or made by another version".to_owned()
        }
        (gone, more) if more.is_empty() => format!("it runs what need not run here: {gone}"),
        (gone, more) if gone.is_empty() => format!("it leaves out what must run here: {more}"),
        (gone, more) => format!("it runs what need not run here: {gone}; it leaves out what must run here: {more}"),
    })
}
