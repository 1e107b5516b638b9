//! The parts of an upgrade path besides its releases: recommended pairs, required stops, blocked moves, notes.

use super::{MigrationName, Place, Range, Template, Version};

/// The release at which a migration should run.
#[derive(Clone, Debug)]
pub struct Recommended {
    /// The migration.
    pub migration: MigrationName,
    /// The app version.
    pub app: Version,
    /// The chart version; where that chart ships another app version, the image tag is overridden.
    pub chart: Option<Version>,
    /// What to know about it.
    pub note: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A release that no path may jump over.
#[derive(Clone, Debug)]
pub struct RequiredStop {
    /// The app version.
    pub app: Version,
    /// Why.
    pub reason: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// Moves that are known not to work.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// App versions one may not leave from …
    pub from: Range<Version>,
    /// … towards these.
    pub to: Range<Version>,
    /// Why.
    pub reason: String,
    /// The issue that tells more.
    pub issue: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

/// The version that a move must cross for a note to matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// From below this app version to it or above.
    App(Version),
    /// From below this chart version to it or above.
    Chart(Version),
}

/// When a note is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteTime {
    /// Before the deploy.
    Before,
    /// After the deploy.
    After,
}

/// What a person must do or know when the path crosses a version.
#[derive(Clone, Debug)]
pub struct Note {
    /// The version.
    pub crossing: Crossing,
    /// Before or after the deploy.
    pub when: NoteTime,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: Template,
    /// Whether a person must confirm it.
    pub acknowledge: bool,
    /// Where it is declared.
    pub place: Place,
}
