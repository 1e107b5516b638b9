//! Whether a step's release may start: every migration whose window ends below it is complete.

use std::collections::BTreeMap;

use crate::model::{Migration, Product, StepNames, Version};
use crate::plan::{Known, PlanDocument, gate};
use crate::run::{Closed, Status, Verdict};

use super::super::control::{ControlError, Desk};
use super::super::journal::DriveError;
use super::super::live::is_required;
use super::taken_as_complete;

/// What must be complete before a step's release may start, and is not. The store tells; what it never heard of counts as
/// complete where the plan takes it as such, and as not required where that still holds.
pub(super) async fn closed(
    desk: &Desk,
    product: &Product,
    plan: &PlanDocument,
    step: &StepNames,
) -> Result<Vec<Closed>, ControlError> {
    let told = |app: &str| ControlError::from(DriveError::Document(format!("`{app}` is no version")));
    let app = Version::parse(&step.app).map_err(|_| told(&step.app))?;
    let from = Version::parse(&step.from_app).map_err(|_| told(&step.from_app))?;
    let mut known = Known::default();
    let (mut statuses, mut reasons) = (BTreeMap::new(), BTreeMap::new());
    for migration in product.migrations.values() {
        let name = &migration.name;
        let status = status(desk, name.as_str()).await?;
        statuses.insert(name, status);
        let is_unknown = status == Status::NotStarted;
        let is_taken = is_unknown && taken_as_complete(plan).any(|taken| taken == name.as_str());
        let is_not_required = is_unknown && plan.not_required.iter().any(|found| found.migration == name.as_str());
        // What the version that runs is above was asked about before that was entered.
        let is_due = migration.window.ends_below(&app) && !migration.window.ends_below(&from);
        let reason = match is_not_required && is_due {
            true => required_now(desk, migration).await,
            false => None,
        };
        match reason {
            Some(reason) => drop(reasons.insert(name, reason)),
            None if is_taken || is_not_required || status.is_complete() => drop(known.complete.insert(name.clone())),
            None => {}
        }
    }
    let incomplete = gate(product, &app, &known).incomplete.into_iter();
    let closed = incomplete.map(|migration| Closed {
        migration: migration.name.to_string(),
        until: migration.window.max.as_ref().map(Version::to_string).unwrap_or_default(),
        status: statuses.get(&migration.name).copied().unwrap_or(Status::NotStarted),
        because: reasons.remove(&migration.name),
    });
    Ok(closed.collect())
}

/// Why a migration that the plan takes as not required does not count as such any more.
async fn required_now(desk: &Desk, migration: &Migration) -> Option<String> {
    match is_required(&desk.site, migration).await {
        Verdict::No(_) => None,
        Verdict::Yes => Some("the plan takes it as not required, and now it is required".to_owned()),
        Verdict::Unknown(why) => {
            Some(format!("the plan takes it as not required, and whether that still holds cannot be told {why}"))
        }
    }
}

/// Where the latest run of a migration stands that did anything.
pub(super) async fn status(desk: &Desk, name: &str) -> Result<Status, ControlError> {
    let row = desk.latest_begun(name).await?;
    Ok(row.map_or(Status::NotStarted, |row| Status::parse(&row.summary.status).unwrap_or(Status::Running)))
}
