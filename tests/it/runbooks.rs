//! The runbooks that come with the program, run to their ends, killed, and taken back: with fake programs that know what must not happen.

mod heroku;
mod release;
mod world;
