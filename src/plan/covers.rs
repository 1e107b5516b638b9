//! What a plan depends on, part by part, and the one number over all of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::model::Product;

use super::document::{AtDocument, PLAN_FORMAT, PlanDocument};
use super::observed::Done;
use super::problem::World;
use super::request::Request;

/// The parts that a plan depends on. With them a later look can tell what moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covers {
    /// The digest of the upgrade path and its releases.
    pub path: String,
    /// The digest of each migration.
    pub migrations: BTreeMap<String, String>,
    /// The digest of how the environment is declared, with its platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What was known to be complete; nothing where it was only assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Vec<String>>,
    /// Whether somebody said what is complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completed_given: bool,
    /// `recommended` or `fewest`.
    pub prefer: String,
    /// Whether migrations that nothing forces were left out.
    pub only_required: bool,
}

impl Covers {
    /// The parts of a question about a product.
    pub(super) fn of(world: &World<'_>, request: &Request, done: &Done) -> Covers {
        let Product { migrations, path_digest, .. } = world.product;
        let names = |numbers: &std::collections::BTreeSet<usize>| {
            let mut names: Vec<String> =
                numbers.iter().map(|number| world.order.migrations[*number].name.to_string()).collect();
            names.sort();
            names
        };
        Covers {
            path: written(path_digest),
            migrations: migrations.iter().map(|(name, found)| (name.to_string(), written(&found.digest))).collect(),
            environment: request.observed.as_ref().map(|observed| written(&observed.declared)),
            completed: done.known.as_ref().map(names),
            completed_given: request.completed.is_some(),
            prefer: request.preference.as_str().to_owned(),
            only_required: request.only_required,
        }
    }
}

/// A digest as plans have it.
fn written(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// What a plan depends on, as one number. Its steps follow from that.
pub(super) fn digest(document: &PlanDocument) -> String {
    let not_required: Vec<&str> = document.not_required.iter().map(|found| found.migration.as_str()).collect();
    let AtDocument { app, chart } = &document.from;
    let world = json!({
        "format": PLAN_FORMAT,
        "product": document.product,
        "environment": document.environment.as_ref().map(|environment| &environment.identity),
        "from": app,
        "from_chart": chart,
        "to": document.to.app,
        "assumed_complete": document.assumed_complete,
        "not_required": not_required,
        "covers": document.covers,
    });
    written(&Sha256::digest(world.to_string().as_bytes()))
}
