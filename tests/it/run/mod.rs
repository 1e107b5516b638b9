//! The run's core in a simulated world: every decision under a virtual clock.

mod acts;
mod crashes;
mod events;
mod make;
mod properties;
mod rules;
mod server;
mod stories;
mod undo;
mod world;
