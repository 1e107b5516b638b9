//! The one integration binary: the architecture, what is checked in, the command line, and the planner's promises.

mod cli;
mod docs;
mod faults;
mod flags;
mod gate;
mod http;
mod live;
mod loader;
mod oracle;
mod packaging;
mod planning;
mod platforms;
mod process;
mod rendering;
mod rules;
mod run;
mod runbooks;
mod samples;
mod store;
mod support;
mod tidy;
mod traps;
