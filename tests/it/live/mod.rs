//! Tests on live servers, which `scripts/servers` starts.

mod posthog_world;
mod servers;
