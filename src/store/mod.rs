//! Where runs are kept: their journals, leases and requests, and the settings of environments, on SQLite or Postgres.
//!
//! One SQL text serves both (`sql.rs`); what must differ stands in `engine.rs`. The store does not know what an event
//! means: a body is a text that the stage `run` reads. It never retries by itself: what is [`StoreError::is_transient`]
//! is the caller's to try again, and a repeated [`Store::append`] or [`Store::begin`] of the same [`Batch`] is written once.

mod engine;
mod error;
mod examine;
mod journal;
mod lease;
mod open;
mod request;
mod run;
mod schema;
mod setting;
mod sql;
mod standing;

pub use error::{Failure, StoreError};
pub use examine::{Examination, examine};
pub use journal::{Batch, Recorded};
pub use lease::{HEARTBEAT, Heartbeat, LEASE, Lease, Owner};
pub use open::Store;
pub use request::Request;
pub use run::{Holder, NewRun, RunFilter, RunId, RunRow, Summary};
pub use setting::SettingChange;
pub use standing::{Standing, standings};
