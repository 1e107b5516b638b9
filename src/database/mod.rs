//! The targets: the only code that speaks to the databases that operations act on.
//!
//! Runs a tagged statement, asks a question, finds a tag again, ends it on the server, keeps marks, reads a version, moves
//! a table batch by batch.
//! It says what is known about a failure ([`Trouble`]) and never retries: [`crate::model`] holds the words, the caller decides.

mod answer;
mod clickhouse;
mod error;
mod examine;
mod idle;
mod keyed;
mod location;
mod partitioned;
mod postgres;
mod range;
mod shape;
mod sqlite;
mod statement;
mod tag;
mod target;

pub use error::{DatabaseError, Trouble};
pub use examine::{Disk, Examination, Lack};
pub use keyed::{Batch, BatchFailure, Change, Checkpoint, Keyed, KeyedFacts, Moved, Sweep};
pub use location::Location;
pub use partitioned::{CopyFacts, Destination, Leave, Partition, PartitionUpdate, TableCopy};
pub use statement::{Effect, Statement, StatementProgress};
pub use target::{Database, Host};
