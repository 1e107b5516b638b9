//! The statuses of a migration, and what can be done in each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No run of it has begun.
    NotStarted,
    /// Checks did not pass; nothing was done.
    Blocked,
    /// Checks are being asked.
    Starting,
    /// It works.
    Running,
    /// It begins nothing new until it is told to.
    Paused,
    /// It waits because a limit is reached.
    Throttled,
    /// It is ending what runs.
    Stopping,
    /// It stopped as it was asked to.
    Stopped,
    /// It is done.
    Completed,
    /// It turned out not to be needed.
    NotRequired,
    /// It failed and stands where it failed.
    Errored,
    /// It takes back what it did.
    RollingBack,
    /// It took everything back.
    RolledBack,
    /// A person must say how to go on.
    NeedsAttention,
}

/// What people can do with a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerbName {
    /// Begin.
    Start,
    /// End it here.
    Stop,
    /// Begin nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Take everything back.
    Rollback,
    /// Try again what failed.
    Retry,
    /// Go on without what failed.
    Skip,
    /// Say what became of something.
    Resolve,
}

impl VerbName {
    /// As it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            VerbName::Start => "start",
            VerbName::Stop => "stop",
            VerbName::Pause => "pause",
            VerbName::Resume => "resume",
            VerbName::Rollback => "rollback",
            VerbName::Retry => "retry",
            VerbName::Skip => "skip",
            VerbName::Resolve => "resolve",
        }
    }
}

impl Status {
    /// Every status, in the order in which the documentation lists them.
    pub const ALL: [Status; 14] = [
        Status::NotStarted,
        Status::Blocked,
        Status::Starting,
        Status::Running,
        Status::Paused,
        Status::Throttled,
        Status::Stopping,
        Status::Stopped,
        Status::Completed,
        Status::NotRequired,
        Status::Errored,
        Status::RollingBack,
        Status::RolledBack,
        Status::NeedsAttention,
    ];

    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::NotStarted => "not started",
            Status::Blocked => "blocked",
            Status::Starting => "starting",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Throttled => "throttled",
            Status::Stopping => "stopping",
            Status::Stopped => "stopped",
            Status::Completed => "completed",
            Status::NotRequired => "not required",
            Status::Errored => "errored",
            Status::RollingBack => "rolling back",
            Status::RolledBack => "rolled back",
            Status::NeedsAttention => "needs attention",
        }
    }

    /// As JSON and the store have it.
    pub fn key(self) -> String {
        self.as_str().replace(' ', "_")
    }

    /// Reads what [`Status::key`] writes.
    pub fn parse(key: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.key() == key)
    }

    /// Whether the migration counts as done for what depends on it.
    pub fn is_complete(self) -> bool {
        matches!(self, Status::Completed | Status::NotRequired)
    }

    /// Whether a process works on it, or should.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Status::Starting
                | Status::Running
                | Status::Paused
                | Status::Throttled
                | Status::Stopping
                | Status::RollingBack
        )
    }

    /// Whether the run is over for good: the next start is a new run.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Completed | Status::NotRequired | Status::RolledBack)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
