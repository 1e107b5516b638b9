//! What an upgrade takes as complete without a run of it, as the upgrade's row tells it to gates that see only that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{MigrationName, Product, Version};
use crate::run::Upgrade;

use super::taken_as_complete;

/// What an upgrade takes as complete although no run of it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// What the version that it began at could not have started without, and what somebody said to be complete.
    complete: BTreeSet<String>,
    /// What the installation did not need.
    not_required: BTreeSet<String>,
    /// The app version that it has entered: what was not required was asked again before that.
    entered: String,
}

impl Taken {
    pub(super) fn of(upgrade: &Upgrade) -> Taken {
        Taken {
            complete: taken_as_complete(&upgrade.plan).cloned().collect(),
            not_required: upgrade.plan.not_required.iter().map(|found| found.migration.clone()).collect(),
            entered: upgrade.entered().to_owned(),
        }
    }

    /// From what a row tells besides; nothing where an older program wrote it.
    pub fn of_detail(detail: &str) -> Option<Taken> {
        let mut detail: serde_json::Value = serde_json::from_str(detail).ok()?;
        serde_json::from_value(detail.get_mut("taken")?.take()).ok()
    }

    /// The migrations that count as complete by it. What was not required counts where its window ends below what was entered.
    pub fn counts(&self, product: &Product) -> BTreeSet<MigrationName> {
        let entered = Version::parse(&self.entered).ok();
        let is_behind = |migration: &crate::model::Migration| {
            entered.as_ref().is_some_and(|entered| migration.window.ends_below(entered))
        };
        let counting = product.migrations.values().filter(|migration| {
            let name = migration.name.as_str();
            self.complete.contains(name) || (self.not_required.contains(name) && is_behind(migration))
        });
        counting.map(|migration| migration.name.clone()).collect()
    }
}
