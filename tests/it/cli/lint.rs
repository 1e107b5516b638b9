//! `orchestrate lint`.
