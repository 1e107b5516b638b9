//! What is asked: from where, to where, with what already done; partial versions are settled here.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::model::{MigrationName, PartialVersion, Product, Version, nearest};

use super::line::Line;
use super::observed::Observed;

/// Which of two plans is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Fewest forced migrations away from their recommended release, then fewest deploys.
    #[default]
    Recommended,
    /// Fewest deploys, then the former.
    Fewest,
}

impl Preference {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Preference::Recommended => "recommended",
            Preference::Fewest => "fewest",
        }
    }
}

/// A question as it is asked, with versions as people type them.
#[derive(Clone, Debug)]
pub struct Question {
    /// The release it is at.
    pub from: Option<PartialVersion>,
    /// The chart it is on, if known.
    pub from_chart: Option<Version>,
    /// The release to go to.
    pub to: PartialVersion,
    /// What is complete; absent = what an installation at that release must have completed.
    pub completed: Option<BTreeSet<String>>,
    /// Which of two plans is better.
    pub preference: Preference,
    /// Whether to leave out migrations that nothing forces yet.
    pub only_required: bool,
    /// What was seen of the installation, where one was looked at.
    pub observed: Option<Observed>,
}

/// A question with its versions settled.
#[derive(Clone, Debug)]
pub struct Request {
    /// The app version it is at.
    pub from: Version,
    /// The chart it is on, if known.
    pub from_chart: Option<Version>,
    /// The app version to go to.
    pub to: Version,
    /// What is complete, if it was said.
    pub completed: Option<BTreeSet<MigrationName>>,
    /// Which of two plans is better.
    pub preference: Preference,
    /// Whether to leave out migrations that nothing forces yet.
    pub only_required: bool,
    /// What was seen of the installation, where one was looked at.
    pub observed: Option<Observed>,
    /// What was assumed while settling it.
    pub warnings: Vec<String>,
}

/// A question about what does not exist.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RequestError {
    /// The product lists no releases.
    #[error("the product `{0}` has no releases")]
    NoReleases(String),
    /// The destination is not known.
    #[error("{title} has no release {to}")]
    UnknownDestination {
        /// The product's title.
        title: String,
        /// What was asked for.
        to: String,
        /// The nearest releases, ascending.
        near: Vec<String>,
    },
    /// A completed migration is not known.
    #[error("there is no migration `{name}`")]
    UnknownMigration {
        /// What was given.
        name: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// Neither an app nor a known chart.
    #[error("chart {0} is not known, so the app version must be given")]
    UnknownChart(Version),
}

/// Settles a question: a partial start is the lowest known release, a partial destination the highest.
pub fn settle(product: &Product, question: &Question) -> Result<Request, RequestError> {
    let line = Line::of(product);
    if line.stops.is_empty() {
        return Err(RequestError::NoReleases(product.name.to_string()));
    }
    let mut warnings = Vec::new();
    let chart = question.from_chart.as_ref();
    let on_chart =
        chart.and_then(|chart| product.releases.iter().find(|release| release.chart.as_ref() == Some(chart)));
    let from = match (&question.from, on_chart, chart) {
        (None, Some(release), _) => release.app.clone(),
        (Some(from), Some(release), _) if from.matches(&release.app) => release.app.clone(),
        (Some(from), _, _) => start(product, &line, from, &mut warnings),
        (None, None, Some(chart)) => return Err(RequestError::UnknownChart(chart.clone())),
        (None, None, None) => PartialVersion::Major(0).lowest(),
    };
    if let (Some(chart), None) = (chart, on_chart) {
        warnings.push(format!("chart {chart} is not among the releases; its notes are placed by its number"));
    }
    let completed = question.completed.as_ref().map(|names| completed(product, names)).transpose()?;
    Ok(Request {
        from,
        from_chart: question.from_chart.clone(),
        to: destination(product, &line, &question.to)?,
        completed,
        preference: question.preference,
        only_required: question.only_required,
        observed: question.observed.clone(),
        warnings,
    })
}

fn start(product: &Product, line: &Line<'_>, from: &PartialVersion, warnings: &mut Vec<String>) -> Version {
    if let Some((known, stop)) = line.stops.iter().find(|(app, _)| from.matches(app)) {
        if let Some(reason) = stop.withdrawn.and_then(|release| release.withdrawn.as_ref()) {
            warnings.push(format!("{known}, where the installation is, was withdrawn: {reason}"));
        }
        return known.clone();
    }
    let placed = from.lowest();
    let place = if matches!(from, PartialVersion::Whole(_)) { String::new() } else { format!(", as {placed}") };
    warnings.push(format!("{} has no release {from}; it is placed by its number{place}", product.title));
    placed
}

/// The app version that a destination means.
pub fn goal(product: &Product, to: &PartialVersion) -> Result<Version, RequestError> {
    destination(product, &Line::of(product), to)
}

fn destination(product: &Product, line: &Line<'_>, to: &PartialVersion) -> Result<Version, RequestError> {
    let known = || line.stops.iter().rev().filter(|(app, _)| to.matches(app));
    let open = known().find(|(_, stop)| stop.is_open());
    if let Some((app, _)) = open.or_else(|| known().next()) {
        return Ok(app.clone());
    }
    let wanted = to.lowest();
    let below = line.stops.range(..&wanted).rev().take(2).map(|(app, _)| app);
    let above = line.stops.range(&wanted..).take(2).map(|(app, _)| app);
    let near: BTreeSet<&Version> = below.chain(above).collect();
    Err(RequestError::UnknownDestination {
        title: product.title.clone(),
        to: to.to_string(),
        near: near.into_iter().map(Version::to_string).collect(),
    })
}

fn completed(product: &Product, names: &BTreeSet<String>) -> Result<BTreeSet<MigrationName>, RequestError> {
    let known = |name: &String| {
        product.migrations.get_key_value(name.as_str()).map(|(known, _)| known.clone()).ok_or_else(|| {
            let all = product.migrations.keys().map(MigrationName::as_str);
            RequestError::UnknownMigration { name: name.clone(), near: nearest(name, all).map(str::to_owned) }
        })
    };
    names.iter().map(known).collect()
}
