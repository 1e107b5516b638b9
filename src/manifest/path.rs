//! Upgrade paths and lists of releases.

use crate::model::{
    Blocked, Crossing, MigrationName, Note, NoteTime, Recommended, Release, RequiredStop, Template, Version,
};
use crate::template::Names;

use super::fields::{Fields, map};
use super::node::{Node, Value};
use super::operation::choice;
use super::read;
use super::report::{Report, WithHint};
use super::rules;

/// An upgrade path before it is joined with the product's migrations and further releases.
#[derive(Default)]
pub(super) struct Path {
    pub title: Option<String>,
    pub docs: Option<String>,
    pub image_tag: Option<Template>,
    pub releases: Releases,
    pub recommended: Vec<Recommended>,
    pub required_stops: Vec<RequiredStop>,
    pub blocked: Vec<Blocked>,
    pub notes: Vec<Note>,
}

/// Releases as they are listed, and whether some could not be read.
#[derive(Default)]
pub(super) struct Releases {
    pub listed: Vec<Release>,
    pub has_holes: bool,
}

impl Releases {
    /// Puts those of another file after these.
    pub fn add(&mut self, other: Releases) {
        self.listed.extend(other.listed);
        self.has_holes |= other.has_holes;
    }
}

pub(super) fn path(report: &mut Report, mut fields: Fields<'_>) -> Path {
    let names = Names { is_of_plan: true, ..Names::default() };
    let title = fields.optional("title").and_then(|node| read::text(report, node));
    let docs = fields.optional("docs").and_then(|node| read::text(report, node));
    let image_tag = fields.optional("image_tag").and_then(|node| read::template(report, node, names));
    let releases = releases_of(report, &mut fields);
    let recommended = entries(report, &mut fields, "recommended", recommendation).into_iter().flatten().collect();
    let required_stops = entries(report, &mut fields, "required_stops", required_stop);
    let blocked = entries(report, &mut fields, "blocked", blocked_move);
    let notes = entries(report, &mut fields, "notes", note);
    fields.finish(report);
    Path { title, docs, image_tag, releases, recommended, required_stops, blocked, notes }
}

/// A file of kind `releases`.
pub(super) fn releases(report: &mut Report, mut fields: Fields<'_>) -> Releases {
    if !fields.has("releases") {
        fields.lacks(&["releases"], rules::MISSING_KEY, "the key `releases` is missing", Some("add `releases: …`"));
    }
    let releases = releases_of(report, &mut fields);
    fields.finish(report);
    releases
}

fn releases_of(report: &mut Report, fields: &mut Fields<'_>) -> Releases {
    let Some(node) = fields.optional("releases") else { return Releases::default() };
    let listed = read::list(report, node, release);
    let has_holes = match &node.value {
        Value::Sequence(items) => items.len() != listed.len(),
        Value::Scalar { .. } | Value::Mapping(_) => true,
    };
    Releases { listed, has_holes }
}

fn entries<T>(
    report: &mut Report,
    fields: &mut Fields<'_>,
    key: &'static str,
    read: fn(&mut Report, &Node) -> Option<T>,
) -> Vec<T> {
    fields.optional(key).map(|node| read::list(report, node, read)).unwrap_or_default()
}

fn release(report: &mut Report, node: &Node) -> Option<Release> {
    let mut fields = Fields::of(report, node)?;
    let app = fields.required("app").and_then(|node| read::version(report, node));
    let chart = fields.optional("chart").map(|node| read::version(report, node));
    let released = fields.optional("released").and_then(|node| read::date(report, node));
    let provides = fields.optional("provides").map(|node| map(report, node, read::service_version));
    let needs = fields.optional("needs").map(|node| map(report, node, read::range));
    let withdrawn = fields.optional("withdrawn").and_then(|node| read::text(report, node));
    let place = report.place(fields.span);
    fields.finish(report);
    Some(Release {
        app: app?,
        chart: optional(chart)?,
        released,
        provides: provides.unwrap_or_default(),
        needs: needs.unwrap_or_default(),
        withdrawn,
        place,
    })
}

/// A chart that is there but wrong makes the whole entry wrong; one that is not there is fine.
fn optional(chart: Option<Option<Version>>) -> Option<Option<Version>> {
    match chart {
        None => Some(None),
        Some(chart) => chart.map(Some),
    }
}

fn recommendation(report: &mut Report, node: &Node) -> Option<Vec<Recommended>> {
    let mut fields = Fields::of(report, node)?;
    let migrations = fields.required("migrations").map(|node| {
        read::list(report, node, |report, item| Some((MigrationName::new(read::text(report, item)?), item.span)))
    });
    let app = fields.required("app").and_then(|node| read::version(report, node));
    let chart = fields.optional("chart").map(|node| read::version(report, node));
    let note = fields.optional("note").and_then(|node| read::text(report, node));
    fields.finish(report);
    let (app, chart) = (app?, optional(chart)?);
    let of = |(migration, span): (MigrationName, _)| Recommended {
        migration,
        app: app.clone(),
        chart: chart.clone(),
        note: note.clone(),
        place: report.place(span),
    };
    Some(migrations?.into_iter().map(of).collect())
}

fn required_stop(report: &mut Report, node: &Node) -> Option<RequiredStop> {
    let mut fields = Fields::of(report, node)?;
    let app = fields.required("app").and_then(|node| Some((read::version(report, node)?, node.span)));
    let reason = fields.optional("reason").and_then(|node| read::text(report, node));
    fields.finish(report);
    let (app, span) = app?;
    Some(RequiredStop { app, reason, place: report.place(span) })
}

fn blocked_move(report: &mut Report, node: &Node) -> Option<Blocked> {
    let mut fields = Fields::of(report, node)?;
    let from = fields.required("from").and_then(|node| read::range(report, node));
    let to = fields.required("to").and_then(|node| read::range(report, node));
    let reason = fields.required("reason").and_then(|node| read::text(report, node));
    let issue = fields.optional("issue").and_then(|node| read::text(report, node));
    let place = report.place(fields.span);
    fields.finish(report);
    Some(Blocked { from: from?, to: to?, reason: reason?, issue, place })
}

fn note(report: &mut Report, node: &Node) -> Option<Note> {
    let names = Names { is_of_plan: true, ..Names::default() };
    let mut fields = Fields::of(report, node)?;
    let crossing = fields.required("crossing").and_then(|node| crossing(report, node));
    let times = [("before", NoteTime::Before), ("after", NoteTime::After)];
    let when = fields.optional("when").map(|node| choice(report, node, &times));
    let title = fields.required("title").and_then(|node| read::text(report, node));
    let body = fields.required("body").and_then(|node| read::template(report, node, names));
    let acknowledge = fields.optional("acknowledge").and_then(|node| read::boolean(report, node));
    let place = report.place(fields.span);
    fields.finish(report);
    Some(Note {
        crossing: crossing?,
        when: when.unwrap_or(Some(NoteTime::Before))?,
        title: title?,
        body: body?,
        acknowledge: acknowledge.unwrap_or(false),
        place,
    })
}

fn crossing(report: &mut Report, node: &Node) -> Option<Crossing> {
    let mut fields = Fields::of(report, node)?;
    let app = fields.optional("app").map(|node| read::version(report, node));
    let chart = fields.optional("chart").map(|node| read::version(report, node));
    let hint = "write `crossing: {chart: 11.0.0}` or `crossing: {app: 1.40.0}`";
    let crossing = match (app, chart) {
        (Some(app), None) => app.map(Crossing::App),
        (None, Some(chart)) => chart.map(Crossing::Chart),
        (Some(_), Some(_)) => {
            let message = "a crossing is of `app` or of `chart`, not of both";
            report.error(rules::INVALID_VALUE, fields.head(), message).with_hint(hint);
            None
        }
        (None, None) => {
            let message = "a crossing is of `app` or of `chart`";
            fields.lacks(&["app", "chart"], rules::MISSING_KEY, message, Some(hint));
            None
        }
    };
    fields.finish(report);
    crossing
}
