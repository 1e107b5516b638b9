//! The command line as people see it: standard output, standard error and exit code in one snapshot.

mod apply;
mod demo;
mod doctor;
mod errors;
mod gate;
mod help;
mod journal;
mod lint;
mod moving;
mod pause;
mod plan;
mod resolve;
mod resume;
mod retry;
mod rollback;
mod runbook;
mod schema;
mod settings;
mod skip;
mod start;
mod status;
mod stop;
mod streams;
mod tune;
mod worker;
