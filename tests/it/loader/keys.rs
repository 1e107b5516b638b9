//! The keys that the decoder knows are those of `orchestrate schema`, and a project that uses all of them is clean.
