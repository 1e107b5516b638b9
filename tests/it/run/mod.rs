//! The run's core in a simulated world: every decision under a virtual clock.

mod acts;
mod crashes;
mod estimates;
mod events;
mod limits;
mod make;
mod million;
mod moves;
mod moving;
mod properties;
mod rules;
mod server;
mod sizes;
mod stories;
mod tables;
mod undo;
mod upgrades;
mod world;
