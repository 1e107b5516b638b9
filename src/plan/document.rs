//! The JSON of a plan and of a refusal: versioned, stable, and the only shapes that leave this stage as text.
//!
//! Fields are the keys of the format as `docs/json.md` describes them.
#![expect(missing_docs, reason = "the fields are the documented keys of the format")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Crossing, MigrationName, NoteTime, PartialVersion, Version, format_ranges};

use super::covers::{self, Covers};
use super::request::{Preference, Question};
use super::{Because, DueNote, Installation, NoPlan, NotRequired, Plan, Release, Step};

/// The format of a plan.
pub const PLAN_FORMAT: &str = "orchestrate.plan/v1";
/// The format of a refusal.
pub const NO_PLAN_FORMAT: &str = "orchestrate.no-plan/v1";

/// A plan as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanDocument {
    pub format: String,
    pub product: String,
    pub digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<InstallationDocument>,
    pub from: AtDocument,
    pub to: AtDocument,
    pub assumed_complete: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_required: Vec<NotRequiredDocument>,
    pub steps: Vec<StepDocument>,
    pub services: Vec<ServiceDocument>,
    pub warnings: Vec<String>,
    pub covers: Covers,
}

impl PlanDocument {
    /// Whether the digest is that of what the document says it depends on.
    pub fn is_intact(&self) -> bool {
        self.digest == covers::digest(self)
    }

    /// The question that it answers, but for where the installation is and what was seen of it.
    pub fn question(&self) -> Option<Question> {
        let preference = [Preference::Recommended, Preference::Fewest]
            .into_iter()
            .find(|preference| preference.as_str() == self.covers.prefer)?;
        let given = self.covers.completed.as_ref().filter(|_| self.covers.completed_given);
        Some(Question {
            from: None,
            from_chart: None,
            to: PartialVersion::Whole(Version::parse(&self.to.app).ok()?),
            completed: given.map(|names| names.iter().cloned().collect()),
            preference,
            only_required: self.covers.only_required,
            observed: None,
        })
    }

    /// The chart that it begins on, where that is known.
    pub fn chart(&self) -> Option<Version> {
        self.from.chart.as_deref().and_then(|chart| Version::parse(chart).ok())
    }
}

/// One installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallationDocument {
    pub name: String,
    pub identity: String,
}

/// A migration that an installation does not need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotRequiredDocument {
    pub migration: String,
    pub evidence: String,
}

/// An app on a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtDocument {
    pub app: String,
    pub chart: Option<String>,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepDocument {
    pub number: usize,
    pub deploy: bool,
    pub release: StepReleaseDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
    pub migrations: Vec<String>,
    pub because: Vec<BecauseDocument>,
    pub notes: Vec<NoteDocument>,
    pub needs: BTreeMap<String, String>,
    pub provides: BTreeMap<String, String>,
}

/// The release of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepReleaseDocument {
    pub app: String,
    pub chart: Option<String>,
    pub image_override: bool,
}

/// A reason for a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BecauseDocument {
    pub migration: Option<String>,
    pub until: Option<String>,
    pub opens: Option<String>,
    pub text: String,
}

/// A note that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoteDocument {
    /// What a person types to confirm it.
    #[serde(default)]
    pub name: String,
    pub title: String,
    pub body: String,
    pub when: String,
    pub acknowledge: bool,
    pub crossing: BTreeMap<String, String>,
}

/// A service over the steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceDocument {
    pub name: String,
    pub segments: Vec<SegmentDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeDocument>,
}

/// A service must have another version before a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeDocument {
    pub before_step: usize,
    pub range: String,
}

/// Steps that one version of a service serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentDocument {
    pub from_step: usize,
    pub to_step: usize,
    pub range: String,
}

/// A refusal as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoPlanDocument {
    pub format: String,
    pub from: AtDocument,
    pub to: AtDocument,
    pub reasons: Vec<ReasonDocument>,
    pub fixes: Vec<FixDocument>,
}

/// A fact that rules a plan out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonDocument {
    pub text: String,
    pub file: Option<String>,
    pub line: Option<u32>,
}

/// What would open the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixDocument {
    pub text: String,
}

fn text(version: &Option<Version>) -> Option<String> {
    version.as_ref().map(Version::to_string)
}

impl From<&Release> for AtDocument {
    fn from(release: &Release) -> AtDocument {
        AtDocument { app: release.app.to_string(), chart: text(&release.chart) }
    }
}

impl From<&Plan> for PlanDocument {
    fn from(plan: &Plan) -> PlanDocument {
        let segment = |segment: &super::Segment| SegmentDocument {
            from_step: segment.from_step,
            to_step: segment.to_step,
            range: format_ranges(&segment.range),
        };
        let change = |change: &super::Change| ChangeDocument {
            before_step: change.before_step,
            range: format_ranges(&change.range),
        };
        let service = |line: &super::ServiceLine| ServiceDocument {
            name: line.name.clone(),
            segments: line.segments.iter().map(segment).collect(),
            now: line.now.as_ref().map(ToString::to_string),
            changes: line.changes.iter().map(change).collect(),
        };
        PlanDocument {
            format: PLAN_FORMAT.to_owned(),
            product: plan.product.clone(),
            digest: plan.digest.clone(),
            environment: plan.environment.as_ref().map(InstallationDocument::from),
            from: (&plan.from).into(),
            to: (&plan.to).into(),
            assumed_complete: plan.assumed_complete.iter().map(ToString::to_string).collect(),
            not_required: plan.not_required.iter().map(NotRequiredDocument::from).collect(),
            steps: plan.steps.iter().map(StepDocument::from).collect(),
            services: plan.services.iter().map(service).collect(),
            warnings: plan.warnings.clone(),
            covers: plan.covers.clone(),
        }
    }
}

impl From<&Installation> for InstallationDocument {
    fn from(installation: &Installation) -> InstallationDocument {
        InstallationDocument { name: installation.name.clone(), identity: installation.identity.clone() }
    }
}

impl From<&NotRequired> for NotRequiredDocument {
    fn from(found: &NotRequired) -> NotRequiredDocument {
        NotRequiredDocument { migration: found.migration.to_string(), evidence: found.evidence.clone() }
    }
}

impl From<&Step> for StepDocument {
    fn from(step: &Step) -> StepDocument {
        StepDocument {
            number: step.number,
            deploy: step.deploy,
            release: StepReleaseDocument {
                app: step.release.app.to_string(),
                chart: text(&step.release.chart),
                image_override: step.image_tag.is_some(),
            },
            image_tag: step.image_tag.clone(),
            migrations: step.migrations.iter().map(MigrationName::to_string).collect(),
            because: step.because.iter().map(BecauseDocument::from).collect(),
            notes: step.notes.iter().map(NoteDocument::from).collect(),
            needs: step.needs.iter().map(|(name, range)| (name.clone(), format_ranges(range))).collect(),
            provides: step.provides.iter().map(|(name, version)| (name.clone(), version.to_string())).collect(),
        }
    }
}

impl From<&Because> for BecauseDocument {
    fn from(because: &Because) -> BecauseDocument {
        BecauseDocument {
            migration: because.migration.as_ref().map(ToString::to_string),
            until: text(&because.until),
            opens: text(&because.opens),
            text: because.text.clone(),
        }
    }
}

impl From<&DueNote> for NoteDocument {
    fn from(note: &DueNote) -> NoteDocument {
        let (key, version) = match &note.crossing {
            Crossing::App(app) => ("app", app),
            Crossing::Chart(chart) => ("chart", chart),
        };
        let when = match note.when {
            NoteTime::Before => "before",
            NoteTime::After => "after",
        };
        NoteDocument {
            name: note.name.clone(),
            title: note.title.clone(),
            body: note.body.clone(),
            when: when.to_owned(),
            acknowledge: note.acknowledge,
            crossing: BTreeMap::from([(key.to_owned(), version.to_string())]),
        }
    }
}

impl From<&NoPlan> for NoPlanDocument {
    fn from(refusal: &NoPlan) -> NoPlanDocument {
        let reason = |reason: &super::Reason| ReasonDocument {
            text: reason.text.clone(),
            file: reason.place.as_ref().map(|place| place.file.to_string()),
            line: reason.place.as_ref().map(|place| place.line),
        };
        NoPlanDocument {
            format: NO_PLAN_FORMAT.to_owned(),
            from: (&refusal.from).into(),
            to: (&refusal.to).into(),
            reasons: refusal.reasons.iter().map(reason).collect(),
            fixes: refusal.fixes.iter().map(|fix| FixDocument { text: fix.clone() }).collect(),
        }
    }
}
