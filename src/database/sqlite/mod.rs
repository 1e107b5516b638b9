//! SQLite: a file instead of a server. What runs on it runs in this process, and ends with it.

mod batches;
mod examine;
mod file;
mod keyed;
mod marks;
mod question;
mod running;
mod shape;
mod trouble;

pub(super) use file::Sqlite;
