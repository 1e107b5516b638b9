//! Values and names as a dialect writes them.

use minijinja::value::{Value, ValueKind};

use crate::model::Engine;

/// Postgres cuts longer names off without an error, and then they may be another table's.
const POSTGRES_NAME_BYTES_MAX: usize = 63;

/// A value as a literal, or why it has none.
pub(super) fn literal(value: &Value, engine: Engine) -> Result<String, String> {
    match value.kind() {
        ValueKind::None => Ok("NULL".to_owned()),
        ValueKind::Bool => Ok(match (engine, value.is_true()) {
            (Engine::Postgres, true) => "TRUE",
            (Engine::Postgres, false) => "FALSE",
            (Engine::ClickHouse | Engine::Sqlite, true) => "1",
            (Engine::ClickHouse | Engine::Sqlite, false) => "0",
        }
        .to_owned()),
        ValueKind::Number => number(value),
        ValueKind::Seq | ValueKind::Iterable => Err(
            "a list is no literal; write `IN ({% for x in … %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %})`"
                .to_owned(),
        ),
        ValueKind::Map => Err("a mapping is no literal; name one of its keys".to_owned()),
        ValueKind::Undefined => Err("it has no value; add an `else`".to_owned()),
        ValueKind::String | ValueKind::Bytes | ValueKind::Plain | ValueKind::Invalid | _ => {
            value.as_str().map_or_else(|| Err("the value is no literal".to_owned()), |text| quoted(text, engine))
        }
    }
}

/// A text between quotes.
fn quoted(text: &str, engine: Engine) -> Result<String, String> {
    match engine {
        Engine::ClickHouse => Ok(format!("'{}'", escaped(text, '\''))),
        Engine::Postgres | Engine::Sqlite if text.contains('\0') => {
            Err(format!("the value holds a NUL, which no text of {} may", engine.as_str()))
        }
        // Right whatever `standard_conforming_strings` is; the blank keeps the E off the word before it.
        Engine::Postgres if text.contains('\\') => {
            Ok(format!(" E'{}'", text.replace('\\', "\\\\").replace('\'', "''")))
        }
        Engine::Postgres | Engine::Sqlite => Ok(format!("'{}'", text.replace('\'', "''"))),
    }
}

/// A name between the quotes of names; a dot is a part of it.
pub(super) fn identifier(name: &str, engine: Engine) -> Result<String, String> {
    if name.is_empty() {
        return Err("a name is empty".to_owned());
    }
    if name.contains('\0') {
        return Err("a name holds a NUL".to_owned());
    }
    match engine {
        Engine::ClickHouse => Ok(format!("`{}`", escaped(name, '`'))),
        Engine::Postgres if name.len() > POSTGRES_NAME_BYTES_MAX => {
            Err(format!("a name has {} bytes, and Postgres cuts names off after 63", name.len()))
        }
        Engine::Postgres => Ok(format!("\"{}\"", name.replace('"', "\"\""))),
        // SQLite takes a name between double quotes for a text where there is no such column.
        Engine::Sqlite => Ok(format!("`{}`", name.replace('`', "``"))),
    }
}

/// ClickHouse's escapes, which its oldest servers read as well.
fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '\0' => escaped.push_str("\\0"),
            '\\' => escaped.push_str("\\\\"),
            _ if c == quote => escaped.extend(['\\', quote]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A number; the blank before a minus keeps it from making a comment of the minus before it.
fn number(value: &Value) -> Result<String, String> {
    if value.is_integer() {
        let text = value.to_string();
        return Ok(if text.starts_with('-') { format!(" {text}") } else { text });
    }
    match f64::try_from(value.clone()) {
        Ok(number) if number.is_sign_negative() && number.is_finite() => Ok(format!(" {number:?}")),
        Ok(number) if number.is_finite() => Ok(format!("{number:?}")),
        Ok(_) | Err(_) => Err("the number is infinite, or none at all".to_owned()),
    }
}
