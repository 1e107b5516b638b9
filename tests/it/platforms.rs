//! Platforms: each deploys through the engine, with fake programs where it calls programs, and its known hazards played.

mod driver;
mod jotter;
