//! Whether a step's release may start: every migration whose window ends below it is complete.

use crate::model::{Product, Version};
use crate::plan::{Known, PlanDocument, gate};
use crate::run::{Closed, Status};

use super::super::control::{ControlError, Desk};
use super::super::journal::DriveError;
use super::assumed;

/// What must be complete before a release may start, and is not. The store tells; what it never heard of counts as complete
/// where the plan takes it as such.
pub(super) async fn closed(
    desk: &Desk,
    product: &Product,
    plan: &PlanDocument,
    app: &str,
) -> Result<Vec<Closed>, ControlError> {
    let told = |_| ControlError::from(DriveError::Document(format!("`{app}` is no version")));
    let app = Version::parse(app).map_err(told)?;
    let assumed = assumed(plan);
    let mut known = Known::default();
    for name in product.migrations.keys() {
        let status = status(desk, name.as_str()).await?;
        let is_assumed = status == Status::NotStarted && assumed.iter().any(|assumed| assumed == name.as_str());
        if is_assumed || status.is_complete() {
            known.complete.insert(name.clone());
        }
    }
    let mut closed = Vec::new();
    for migration in gate(product, &app, &known).incomplete {
        closed.push(Closed {
            migration: migration.name.to_string(),
            until: migration.window.max.as_ref().map(Version::to_string).unwrap_or_default(),
            status: status(desk, migration.name.as_str()).await?,
        });
    }
    Ok(closed)
}

/// Where the latest run of a migration stands.
pub(super) async fn status(desk: &Desk, name: &str) -> Result<Status, ControlError> {
    let row = desk.latest(name).await?;
    Ok(row.map_or(Status::NotStarted, |row| Status::parse(&row.summary.status).unwrap_or(Status::Running)))
}
