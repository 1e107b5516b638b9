//! Reads a statement token by token.

use super::names::{Name, name};
use crate::sql::token::Token;

/// What is left to read of a statement.
#[derive(Clone, Copy)]
pub(in crate::check) struct Reader<'t, 'a>(pub &'t [Token<'a>]);

impl<'t, 'a> Reader<'t, 'a> {
    /// Passes one of these words.
    pub fn eat(&mut self, words: &[&str]) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if first.is_one_of(words) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Passes this character.
    pub fn symbol(&mut self, symbol: &str) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if first.is_symbol(symbol) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Passes `IF EXISTS`, `IF NOT EXISTS`, `IF EMPTY`, and `ONLY`.
    pub fn condition(&mut self) {
        if self.eat(&["IF"]) {
            self.eat(&["NOT"]);
            self.eat(&["EXISTS", "EMPTY"]);
        }
        self.eat(&["ONLY"]);
    }

    /// Passes a name.
    pub fn name(&mut self) -> Option<Name> {
        let (name, rest) = name(self.0)?;
        self.0 = rest;
        Some(name)
    }

    /// Names with commas between them.
    pub fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.name() {
            names.push(name);
            if !self.symbol(",") {
                break;
            }
        }
        names
    }
}
