//! Tests on live servers, which `scripts/servers` starts.

mod database;
mod servers;
