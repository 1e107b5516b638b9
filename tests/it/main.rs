//! The one integration binary: the architecture, what is checked in, the command line, and the planner's promises.

mod cli;
mod docs;
mod loader;
mod oracle;
mod planning;
mod rules;
mod run;
mod samples;
mod support;
mod tidy;
