//! `orchestrate plan`.
