//! Postgres: statements in a transaction with their mark, found again by the name of their session.
//!
//! A session belongs to one statement at a time and is used again only after it ended in order: what was cut off in the
//! middle may still run on the server, and its connection is never handed on.

mod batches;
mod examine;
mod keyed;
mod marks;
mod question;
mod server;
mod session;
mod shape;
mod trouble;

pub(super) use server::Postgres;
