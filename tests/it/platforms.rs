//! Platforms: each deploys through the engine, with fake programs where it calls programs, and its known hazards played.

mod compose;
mod driver;
mod ecs;
mod fakes;
mod helm;
mod heroku;
mod jotter;
mod own;
