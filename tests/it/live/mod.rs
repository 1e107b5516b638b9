//! Against live servers, which `scripts/test` starts.

mod database;
