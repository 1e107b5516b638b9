//! The journal's form: every kind of event, as it was written once, can be read for ever.
