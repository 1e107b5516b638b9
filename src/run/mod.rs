//! What has happened in a run and what may happen next: events, the state that they fold into, and every decision.
//!
//! [`decide()`] says what comes next, the shell ([`crate::execute`]) does it and records what came of it as an [`Event`],
//! [`State::apply`] folds that in. Going on after a crash is the same: the events are folded again, and what was under way
//! is in doubt. Nothing here asks, sends, waits or looks at a clock.
#![deny(clippy::disallowed_methods)]

mod answer;
mod batch_events;
mod batches;
mod batching;
mod decide;
mod ending;
mod event;
mod evidence;
mod fold;
mod lanes;
mod moving;
mod pacing;
mod particulars;
mod progress;
mod requests;
mod script;
mod settings;
mod state;
mod status;
mod throttle;
mod throttling;
mod tuning;
mod unit;
mod unit_events;
mod upgrade;
mod work;

pub use answer::{Answer, Verdict, compare};
pub use batches::{Parked, Range, Walk};
pub use decide::{Act, Checked, Decision, Ending, Watch, decide};
pub use event::{Event, SCHEMA};
pub use evidence::{Asked, Judgement, judge};
pub use fold::IllegalEvent;
pub use moving::{Moving, Piece, moving};
pub use pacing::Pacing;
pub use particulars::{Document, Failure, Fault, FaultKind, Forecast, Hold, ProcedureKind, Proof, Request, Resolution};
pub use progress::{Percent, percent};
pub use script::{Evidence, Script, Task, TaskKind, Undoing};
pub use settings::{SETTINGS, Setting, Settings, SettingsError};
pub use state::{Given, OperationState, PartProgress, PartState, Phase, RunError, State, StopWish};
pub use status::{Status, VerbName};
pub use throttle::{Limit, Reading, Throttling};
pub use tuning::{TUNABLES, TuneError, Tuning};
pub use unit::{Direction, Part, Slice, Timestamp, Unit};
pub use upgrade::{
    Acknowledged, Closed, Deployment, Migrated, Parameters, Rest, Stage, StepState, UPGRADE_SCHEMA, Upgrade,
    UpgradeEvent,
};
