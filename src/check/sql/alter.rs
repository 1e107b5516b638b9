//! What the commands of an ALTER TABLE do.

use super::names::{Name, name};
use super::reader::Reader;
use super::statement::{Effect, is_everything};
use crate::sql::token::depths;

/// The effects of what follows ALTER TABLE.
pub(in crate::check) fn effects(mut reader: Reader<'_, '_>) -> Option<Vec<Effect>> {
    let table = reader.name()?;
    if reader.eat(&["ON"]) && reader.eat(&["CLUSTER"]) {
        reader.0 = reader.0.get(1..).unwrap_or_default();
    }
    let mut effects = Vec::new();
    let commands = reader.0;
    let mut begins = true;
    for ((at, token), depth) in commands.iter().enumerate().zip(depths(commands)) {
        if begins {
            effects.extend(command(&table, Reader(&commands[at..])));
        }
        begins = depth == 0 && token.is_symbol(",");
    }
    Some(effects)
}

/// One command of an ALTER TABLE.
fn command(table: &Name, mut reader: Reader<'_, '_>) -> Option<Effect> {
    const PARTS: [&str; 4] = ["COLUMN", "INDEX", "PROJECTION", "CONSTRAINT"];
    // What follows ADD or DROP without being the name of a column.
    const OTHERS: [&str; 12] = [
        "PARTITION",
        "PART",
        "DETACHED",
        "DEFAULT",
        "NOT",
        "EXPRESSION",
        "IDENTITY",
        "GENERATED",
        "PRIMARY",
        "UNIQUE",
        "FOREIGN",
        "CHECK",
    ];
    let adds = reader.0.first()?.is_word("ADD");
    if reader.eat(&["ADD", "DROP"]) {
        if !reader.eat(&PARTS) && reader.0.first()?.is_one_of(&OTHERS) {
            return None;
        }
        reader.condition();
        let part = reader.name()?;
        return Some(if adds { Effect::AddPart(part) } else { Effect::DropPart(part) });
    }
    if reader.eat(&["DELETE"]) {
        return is_everything(reader.0).then(|| Effect::Empty(table.clone()));
    }
    if reader.eat(&["RENAME"]) {
        return reader.eat(&["TO"]).then(|| Some(Effect::Rename { from: table.clone(), to: reader.name()? }))?;
    }
    let moves = reader.0.first()?.is_word("MOVE");
    if !reader.eat(&["ATTACH", "REPLACE", "MOVE"]) || !reader.0.first()?.is_one_of(&["PARTITION", "PART"]) {
        return None;
    }
    let at = reader.0.iter().position(|token| token.is_one_of(if moves { &["TABLE"] } else { &["FROM"] }))?;
    let (other, _) = name(&reader.0[at + 1..])?;
    let (into, from) = if moves { (other, table.clone()) } else { (table.clone(), other) };
    Some(Effect::Link { into, from })
}
