//! ClickHouse over HTTP, from 18.16 to today's: no server-side parameters, no marks, one statement at a time.
//!
//! An answer is asked for as text with names and types, and only when it is whole (`wait_end_of_query`): then an error in
//! the middle of a statement has its status, in every version.

mod checksum;
mod client;
mod cluster;
mod examine;
pub(super) mod facts;
mod grants;
pub(super) mod mutation;
pub(super) mod partition;
mod session;
mod staging;
mod table;
mod trouble;
mod tsv;

pub(super) use client::ClickHouse;
pub(super) use cluster::Member;
pub(super) use mutation::Mutation;
pub(super) use partition::Attempt;
