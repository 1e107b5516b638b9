//! An upgrade: a plan that is walked to its end. What happened ([`UpgradeEvent`]), where that leads ([`Upgrade`]), and
//! what comes next ([`Stage`]).
//!
//! Deploys and migrations are runs of their own, judged by their own journals; here stands only which of them came to
//! their end. Whatever is not known for sure after a crash is asked again: the gate before a deploy, the version that
//! runs before a migration.

mod event;
mod fold;
mod rest;
mod stage;

pub use event::{Parameters, UPGRADE_SCHEMA, UpgradeEvent};
pub use fold::{Acknowledged, Deployment, Migrated, StepState, Upgrade};
pub use rest::{Closed, Rest};
pub use stage::Stage;
