//! Whether a release may start: every migration whose window ends below it is complete.

use crate::model::{Product, Version};
use crate::plan::PlanDocument;
use crate::run::{Closed, Status};

use super::super::control::{ControlError, Desk};
use super::super::journal::DriveError;

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
    let mut closed = Vec::new();
    for migration in product.migrations.values() {
        let Some(until) = migration.window.max.as_ref().filter(|max| **max < app) else { continue };
        let name = migration.name.as_str();
        let status = match desk.latest(name).await? {
            Some(row) => Status::parse(&row.summary.status).unwrap_or(Status::Running),
            None if plan.assumed_complete.iter().any(|assumed| assumed == name) => continue,
            None => Status::NotStarted,
        };
        if !status.is_complete() {
            closed.push(Closed { migration: name.to_owned(), until: until.to_string(), status });
        }
    }
    Ok(closed)
}
