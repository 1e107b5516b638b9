//! Benchmarks of loading and solving.

fn main() {}
