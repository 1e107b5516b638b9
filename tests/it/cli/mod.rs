//! The command line as people see it: standard output, standard error and exit code in one snapshot.

mod demo;
mod help;
mod lint;
mod plan;
mod schema;
mod streams;
