//! What planning gives: a plan with everything decided, or why there is none.

use std::collections::BTreeMap;

use version_ranges::Ranges;

use super::covers::Covers;
use crate::model::{Crossing, MigrationName, NoteTime, Place, ServiceVersion, Version};

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
    /// The same, part by part.
    pub covers: Covers,
    /// Which installation it is for, where one was looked at.
    pub environment: Option<Installation>,
    /// Where the installation is.
    pub from: Release,
    /// Where it goes.
    pub to: Release,
    /// Migrations that are taken as complete although nobody said so.
    pub assumed_complete: Vec<MigrationName>,
    /// Migrations that say of themselves that this installation does not need them.
    pub not_required: Vec<NotRequired>,
    /// The steps.
    pub steps: Vec<Step>,
    /// What must be true of services, in time.
    pub services: Vec<ServiceLine>,
    /// What was assumed, and what to look at.
    pub warnings: Vec<String>,
}

/// One installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The environment's name.
    pub name: String,
    /// Its identity in its store, which no other installation has.
    pub identity: String,
}

/// A migration that an installation does not need.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotRequired {
    /// The migration.
    pub migration: MigrationName,
    /// What its `required` answered.
    pub evidence: String,
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
    /// What a person types to confirm it; no other note of the plan has it.
    pub name: String,
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
    /// The version that runs, where it was looked at.
    pub now: Option<ServiceVersion>,
    /// When the version that runs must change, the first time and again.
    pub changes: Vec<Change>,
    /// How long whoever is within the range of the own release may keep a version, in words; where it is known what runs,
    /// when that must change.
    pub advice: Option<String>,
}

/// A service must have another version before a step.
#[derive(Clone, Debug)]
pub struct Change {
    /// The step.
    pub before_step: usize,
    /// What it must be by then.
    pub range: Ranges<ServiceVersion>,
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
