//! What happens when processes, servers and lines fail: the real program, real servers, and nothing done twice or lost.

mod canaries;
mod failures;
mod frozen;
mod installation;
pub mod kills;
mod kinds;
mod line;
mod listener;
mod matrix;
mod moves;
mod outages;
mod races;
mod shards;
mod stops;
mod trail;
mod upgrades;

pub use kills::Moments;
