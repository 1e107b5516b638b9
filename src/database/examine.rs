//! What a target says of itself to whoever is going to rely on it: its version and clock, what it does not allow, how much room it has.
//!
//! Nothing is changed there. What a server cannot tell is left out.

use crate::model::ClockReading;

use super::error::DatabaseError;
use super::target::{Database, OWN_TIMEOUT, Server};

/// What a target said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// Its version; nothing for a file that is not there yet.
    pub version: Option<String>,
    /// Its clock, where it has one of its own.
    pub clock: Option<ClockReading>,
    /// What it does not allow, or may not.
    pub lacks: Vec<Lack>,
    /// The disks that it writes to.
    pub disks: Vec<Disk>,
    /// The bytes of its largest table, or of the file.
    pub largest: Option<u64>,
}

/// Something that operations need and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Whether it is certain to be in the way.
    pub is_certain: bool,
    /// What is lacking.
    pub message: String,
    /// What to do.
    pub advice: String,
}

impl Lack {
    pub(super) fn certain(message: impl Into<String>, advice: impl Into<String>) -> Lack {
        Lack { is_certain: true, message: message.into(), advice: advice.into() }
    }

    pub(super) fn possible(message: impl Into<String>, advice: impl Into<String>) -> Lack {
        Lack { is_certain: false, ..Lack::certain(message, advice) }
    }
}

/// A disk of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// As the server calls it.
    pub name: String,
    /// Bytes that are free.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Our clock, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Database {
    /// What the target says of itself.
    pub async fn examine(&self) -> Result<Examination, DatabaseError> {
        let examined = async {
            match &self.server {
                Server::ClickHouse(server) => server.examine().await,
                Server::Postgres(server) => server.examine().await,
                Server::Sqlite(server) => server.examine().await,
            }
        };
        self.bounded(OWN_TIMEOUT, examined).await
    }
}
