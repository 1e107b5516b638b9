//! The nouns that every stage shares: versions, windows, releases, migrations, operations, paths, environments.
//!
//! Values only: nothing here reads, renders or decides. They are made by [`crate::manifest`] and cannot be inconsistent
//! once they stand in a [`Catalog`].
#![deny(clippy::disallowed_methods)]

mod catalog;
mod clock;
mod duration;
mod environment;
mod finding;
mod key;
mod migration;
mod name;
mod operation;
mod parameter;
mod path;
mod place;
mod placeholder;
mod probe;
mod procedure;
mod range;
mod release;
mod secret;
mod step;
mod template;
mod throttle;
mod version;
mod window;

pub use catalog::{Catalog, Product};
pub use clock::ClockReading;
pub use duration::{DurationError, parse_duration};
pub use environment::{Engine, Environment, Project, ServiceSource, Target};
pub use finding::{Finding, Severity};
pub use key::Key;
pub use migration::{Migration, MigrationPlaces, Progress};
pub use name::{MigrationName, ProductName, did_you_mean, nearest};
pub use operation::{Action, BackfillChange, Operation, Retry, Scope, SliceBy, Undo, Verification};
pub use parameter::{Parameter, ParameterKind};
pub use path::{Blocked, Crossing, Note, NoteTime, Recommended, RequiredStop};
pub use place::Place;
pub use placeholder::{PlaceholderError, TextPart, text_parts};
pub use probe::{Comparator, Expectation, ExpectationError, Probe, Question};
pub use procedure::{Platform, Runbook};
pub use range::{Range, RangeError, Ranged, format_ranges};
pub use release::Release;
pub use secret::{Secret, without_credentials};
pub use step::StepNames;
pub use template::Template;
pub use throttle::Throttle;
pub use version::{PartialVersion, ServiceVersion, Version, VersionError};
pub use window::Window;
