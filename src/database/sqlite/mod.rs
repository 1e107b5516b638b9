//! SQLite: a file instead of a server. What runs on it runs in this process, and ends with it.

mod file;
mod marks;
mod question;
mod running;
mod trouble;

pub(super) use file::Sqlite;
