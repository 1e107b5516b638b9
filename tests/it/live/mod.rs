//! Tests on live servers, which `scripts/servers` starts.

mod database;
mod posthog;
mod posthog_world;
mod servers;
