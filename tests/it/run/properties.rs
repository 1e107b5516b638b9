//! What holds for any run.
