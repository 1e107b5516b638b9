//! The events of a journal: what is written, and must be readable for ever. What they carry stands in `particulars`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Key, StepNames};

use super::{Direction, Document, Failure, Fault, Forecast, Hold, Part, Proof, Request, Unit};

/// The version of the events' form.
pub const SCHEMA: &str = "orchestrate.event/v1";

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    Started {
        /// What it does.
        document: Document,
        /// The values of its parameters.
        parameters: BTreeMap<String, Value>,
        /// The app version that runs.
        app: Option<String>,
        /// The step that it deploys.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<Box<StepNames>>,
        /// Migrations that count as complete although no run of them is known: the app could not have started without.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        assumed: Vec<String>,
        /// Who started it.
        by: String,
    },
    /// A process took the run over from one that ended or fell silent: what was under way is in doubt.
    Taken {
        /// The process.
        owner: String,
    },
    /// Somebody asked for something.
    Asked {
        /// What.
        request: Request,
        /// Who.
        by: String,
        /// Why, in their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// The number of the request in the store: it and all before it are settled. 0 where it came another way.
        #[serde(default, skip_serializing_if = "is_zero")]
        number: i64,
    },
    /// `required` said no.
    NotRequired {
        /// What it answered.
        evidence: String,
    },
    /// Checks did not pass; nothing was done.
    Blocked {
        /// Each that did not.
        failures: Vec<Failure>,
    },
    /// What moving a large table will take.
    Forecast {
        /// The operation.
        operation: String,
        /// What it will take.
        forecast: Forecast,
    },
    /// Every check passed: work begins or goes on.
    Ready {
        /// Operations that are done again first, because they find out how things stand.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
    },
    /// The parts of an operation were found out and are fixed from here on.
    Prepared {
        /// The operation.
        operation: String,
        /// Which way.
        direction: Direction,
        /// Its parts.
        parts: Vec<Part>,
        /// Whether it is looked for more when they are done.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        may_grow: bool,
        /// The rows of its first batch, where it goes by batches.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        batch: Option<u64>,
    },
    /// An operation was looked through for more parts when those it had were done.
    Found {
        /// The operation.
        operation: String,
        /// What was found; nothing where nothing is left.
        parts: Vec<Part>,
    },
    /// A batch of a unit is done, and stands in the target.
    Advanced {
        /// The unit.
        unit: Unit,
        /// The batch's number, from 1.
        batch: u64,
        /// Its last key; nothing for what was found behind the batches before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<Key>,
        /// Rows in it; none where nothing is left in the range at hand.
        rows: u64,
        /// How long it took; 0 where nobody saw that.
        ms: u64,
    },
    /// A batch of a unit did not work, and left nothing.
    BatchFailed {
        /// The unit.
        unit: Unit,
        /// The batch's number.
        batch: u64,
        /// Its last key, where that was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<Key>,
        /// Rows in it.
        rows: u64,
        /// Whether it took too long, so that fewer rows may work.
        is_late: bool,
        /// What was said.
        message: String,
    },
    /// A range that failed again and again is set aside, for a person to look at when the others are done.
    BatchParked {
        /// The unit.
        unit: Unit,
        /// The number of its batch.
        batch: u64,
        /// Its last key.
        high: Key,
    },
    /// Limits are reached: nothing more of a table is moved for now.
    Throttled {
        /// Each of them.
        by: Vec<Hold>,
    },
    /// No limit is reached any more.
    Unthrottled,
    /// A unit is about to be attempted.
    Attempted {
        /// The unit.
        unit: Unit,
    },
    /// A unit is done.
    Done {
        /// The unit.
        unit: Unit,
        /// How that is known.
        proof: Proof,
        /// What the server told about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// What it printed or was answered, where a later operation uses it; never a secret.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<String>,
    },
    /// An operation is not needed: nothing of it was begun.
    PassedOver {
        /// Its first unit.
        unit: Unit,
        /// What its `when` answered.
        evidence: String,
    },
    /// A unit did not work.
    Failed {
        /// The unit.
        unit: Unit,
        /// Why.
        fault: Fault,
    },
    /// A unit in doubt turned out not to be done: it is attempted again.
    NotDone {
        /// The unit.
        unit: Unit,
        /// How that is known.
        proof: Proof,
    },
    /// A unit in doubt still runs on its server: it is waited for.
    StillRunning {
        /// The unit.
        unit: Unit,
    },
    /// A unit in doubt was ended on its server, or had ended before.
    CutOff {
        /// The unit.
        unit: Unit,
    },
    /// Only a person can say how to go on.
    Parked {
        /// The unit that it is about.
        unit: Unit,
        /// What the person is asked.
        question: String,
    },
    /// The installation is not well: the run stops and takes everything back.
    Unhealthy {
        /// Each check that said no.
        failures: Vec<Failure>,
    },
    /// Whether the installation is well cannot be told: nothing new begins.
    HealthUnknown {
        /// Each check without an answer.
        failures: Vec<Failure>,
    },
    /// The installation is well again.
    Healthy,
    /// Everything that was started is taken back from here on.
    RollingBack {
        /// Why.
        because: String,
    },
    /// The run stopped as it was asked to.
    Stopped,
    /// The run failed and stands where it failed.
    Errored {
        /// Why.
        because: String,
    },
    /// Everything was taken back.
    RolledBack,
    /// The work is done and was checked.
    Completed,
}

impl Event {
    /// Its name, as the journal has it.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Taken { .. } => "taken",
            Event::Asked { .. } => "asked",
            Event::NotRequired { .. } => "not_required",
            Event::Blocked { .. } => "blocked",
            Event::Forecast { .. } => "forecast",
            Event::Ready { .. } => "ready",
            Event::Prepared { .. } => "prepared",
            Event::Found { .. } => "found",
            Event::Advanced { .. } => "advanced",
            Event::BatchFailed { .. } => "batch_failed",
            Event::BatchParked { .. } => "batch_parked",
            Event::Throttled { .. } => "throttled",
            Event::Unthrottled => "unthrottled",
            Event::Attempted { .. } => "attempted",
            Event::Done { .. } => "done",
            Event::PassedOver { .. } => "passed_over",
            Event::Failed { .. } => "failed",
            Event::NotDone { .. } => "not_done",
            Event::StillRunning { .. } => "still_running",
            Event::CutOff { .. } => "cut_off",
            Event::Parked { .. } => "parked",
            Event::Unhealthy { .. } => "unhealthy",
            Event::HealthUnknown { .. } => "health_unknown",
            Event::Healthy => "healthy",
            Event::RollingBack { .. } => "rolling_back",
            Event::Stopped => "stopped",
            Event::Errored { .. } => "errored",
            Event::RolledBack => "rolled_back",
            Event::Completed => "completed",
        }
    }

    /// The unit that it is about, where it is about one.
    pub fn unit(&self) -> Option<&Unit> {
        match self {
            Event::Attempted { unit }
            | Event::Done { unit, .. }
            | Event::PassedOver { unit, .. }
            | Event::Failed { unit, .. }
            | Event::NotDone { unit, .. }
            | Event::StillRunning { unit }
            | Event::CutOff { unit }
            | Event::Advanced { unit, .. }
            | Event::BatchFailed { unit, .. }
            | Event::BatchParked { unit, .. }
            | Event::Parked { unit, .. } => Some(unit),
            Event::Started { .. }
            | Event::Taken { .. }
            | Event::Asked { .. }
            | Event::NotRequired { .. }
            | Event::Blocked { .. }
            | Event::Forecast { .. }
            | Event::Ready { .. }
            | Event::Prepared { .. }
            | Event::Found { .. }
            | Event::Throttled { .. }
            | Event::Unthrottled
            | Event::Unhealthy { .. }
            | Event::HealthUnknown { .. }
            | Event::Healthy
            | Event::RollingBack { .. }
            | Event::Stopped
            | Event::Errored { .. }
            | Event::RolledBack
            | Event::Completed => None,
        }
    }
}
