//! JSON Schemas of the file formats, for editors.
//!
//! Written by hand beside the decoder, since the decoder collects findings where a derived one would stop at the first.
//! A test holds the two together: same keys, and every checked-in file is valid.

use serde_json::{Value, json};

use super::kind::Kind;

/// The schema of one kind, or of every kind at once.
pub fn schema(kind: Option<Kind>) -> Value {
    let mut schema = match kind {
        Some(kind) => document(kind),
        None => json!({ "oneOf": Kind::ALL.map(document) }),
    };
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(kind.map_or("orchestrate", Kind::as_str));
    schema["$defs"] = definitions();
    schema
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A mapping with these keys and no others.
fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
}

fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

fn map(of: Value) -> Value {
    json!({ "type": "object", "additionalProperties": of })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn document(kind: Kind) -> Value {
    let (required, mut properties) = match kind {
        Kind::Migration => migration(),
        Kind::UpgradePath => upgrade_path(),
        Kind::Releases => {
            let properties = json!({ "product": text("The product, where the file's name does not tell"), "releases": list(reference("release")) });
            (vec!["releases"], properties)
        }
        Kind::Platform => {
            let properties = json!({
                "name": reference("name"),
                "description": text("One line"),
                "deploy": list(reference("operation")),
                "version": reference("probe"),
                "recover": list(reference("operation")),
                "undo": list(reference("operation")),
            });
            (vec!["deploy"], properties)
        }
        Kind::Runbook => {
            let properties = json!({
                "name": reference("name"),
                "description": text("One line"),
                "parameters": map(reference("parameter")),
                "operations": list(reference("operation")),
            });
            (vec!["operations"], properties)
        }
        Kind::Project => {
            let properties = json!({ "product": reference("name"), "environments": map(reference("environment")) });
            (vec![], properties)
        }
    };
    properties["format"] = json!({ "const": super::FORMAT });
    properties["kind"] = json!({ "const": kind.as_str() });
    let required: Vec<&str> = ["format", "kind"].into_iter().chain(required).collect();
    object(&required, properties)
}

fn migration() -> (Vec<&'static str>, Value) {
    let properties = json!({
        "name": reference("name"),
        "description": text("One line"),
        "docs": text("Where to read more"),
        "window": object(&[], json!({ "min": reference("version"), "max": reference("version") })),
        "services": map(reference("range")),
        "depends_on": list(reference("name")),
        "parameters": map(reference("parameter")),
        "required": reference("probe"),
        "precheck": list(reference("probe")),
        "healthcheck": list(reference("probe")),
        "throttle": list(reference("throttle")),
        "progress": object(&["target"], json!({
            "target": text("The database"),
            "done": text("A question for what is done"),
            "total": text("A question for all there is"),
            "sql": text("A question for a number from 0 to 100"),
        })),
        "operations": list(json!({ "allOf": [reference("operation"), undo_rule()] })),
        "postcheck": list(reference("probe")),
    });
    (vec!["name", "operations"], properties)
}

/// What changes something says how it is taken back.
fn undo_rule() -> Value {
    let observations = ["wait", "verify", "manual"].map(|key| json!({ "required": [key] }));
    let ways = [json!({ "required": ["undo"] }), json!({ "required": ["irreversible"] })];
    json!({ "anyOf": [ways[0], ways[1], observations[0], observations[1], observations[2]] })
}

fn upgrade_path() -> (Vec<&'static str>, Value) {
    let properties = json!({
        "product": reference("name"),
        "title": text("The product's name for people"),
        "docs": text("Where its upgrades are documented"),
        "image_tag": text("The tag of a release's image, where a chart's own must be overridden: release-{{ step.app }}"),
        "releases": list(reference("release")),
        "recommended": list(object(&["migrations", "app"], json!({
            "migrations": list(reference("name")),
            "app": reference("version"),
            "chart": reference("version"),
            "note": text("What to know about it"),
        }))),
        "required_stops": list(object(&["app"], json!({ "app": reference("version"), "reason": text("Why") }))),
        "blocked": list(object(&["from", "to", "reason"], json!({
            "from": reference("range"),
            "to": reference("range"),
            "reason": text("Why"),
            "issue": text("Where to read more"),
        }))),
        "notes": list(object(&["crossing", "title", "body"], json!({
            "crossing": {
                "oneOf": [
                    object(&["chart"], json!({ "chart": reference("version") })),
                    object(&["app"], json!({ "app": reference("version") })),
                ],
            },
            "when": { "enum": ["before", "after"] },
            "title": text("One line"),
            "body": text("Markdown"),
            "acknowledge": { "type": "boolean", "description": "Whether a person must confirm it" },
        }))),
    });
    (vec![], properties)
}

fn definitions() -> Value {
    let (operation, undo) = operation();
    json!({
        "name": { "type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$", "maxLength": 100 },
        "version": {
            "type": "string",
            "pattern": r"^[vV]?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$",
            "description": "Three numbers: 1.33.0",
        },
        "service_version": { "type": "string", "description": "Up to four numbers and a suffix: 22.3.6.5" },
        "range": { "type": "string", "description": "Comparators, all of which hold: >=1.20.0, <1.24.0" },
        "duration": { "type": "string", "pattern": r"\d", "description": "20s, 30m, 1h30m, 48h" },
        "expectation": { "type": ["boolean", "string"], "description": "true, false, any, or a comparison: \">= 1.5\"" },
        "scalar": { "type": ["string", "number", "boolean"] },
        "word": { "type": ["string", "integer"] },
        "words": { "type": "array", "items": { "type": ["string", "integer"] }, "minItems": 1 },
        "one_or_more": { "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] },
        "release": object(&["app"], json!({
            "app": reference("version"),
            "chart": reference("version"),
            "released": { "type": "string", "format": "date" },
            "provides": map(reference("service_version")),
            "needs": map(reference("range")),
            "withdrawn": text("Why it is never a stop"),
        })),
        "probe": object(&[], probe(&[])),
        "throttle": object(&["name"], probe(&[
            ("name", reference("name")),
            ("resume", reference("expectation")),
            ("every", reference("duration")),
        ])),
        "request": object(&["url"], request(&[])),
        "parameter": object(&["type"], json!({
            "type": { "enum": ["string", "integer", "number", "boolean", "date", "enum"] },
            "default": { "type": ["string", "number", "boolean", "null"] },
            "description": text("What it is for"),
            "min": { "type": ["number", "string"] },
            "max": { "type": ["number", "string"] },
            "values": { "type": "array", "items": reference("word"), "minItems": 1 },
        })),
        "operation": operation,
        "undo": undo,
        "environment": environment(),
    })
}

/// The keys of a probe, with more.
fn probe(more: &[(&str, Value)]) -> Value {
    let properties = json!({
        "target": text("The database"),
        "sql": text("A question with one row and one column"),
        "command": reference("words"),
        "http": reference("request"),
        "file": text("A whole path: true if the file is there, else false"),
        "value": { "type": ["string", "integer"], "description": "A text; what it comes to is the answer" },
        "answer": text("What is made of what came back, {{ value }}: the answer"),
        "expect": reference("expectation"),
        "message": text("What to tell when the answer is no; {{ value }} is the answer"),
        "timeout": reference("duration"),
    });
    with(properties, more)
}

fn request(more: &[(&str, Value)]) -> Value {
    let properties = json!({
        "method": { "enum": ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] },
        "url": text("The address"),
        "headers": map(reference("word")),
        "expect_status": { "type": "integer", "minimum": 100, "maximum": 599 },
    });
    with(properties, more)
}

fn without(mut properties: Value, key: &str) -> Value {
    if let Some(keys) = properties.as_object_mut() {
        keys.remove(key);
    }
    properties
}

fn with(mut properties: Value, more: &[(&str, Value)]) -> Value {
    for (key, value) in more {
        properties[key] = value.clone();
    }
    properties
}

/// An operation, and one that takes another back: the same without a way back of its own.
fn operation() -> (Value, Value) {
    let kinds = ["sql", "for_each", "copy", "backfill", "wait", "verify", "command", "http", "manual"];
    let mut properties = json!({
        "name": reference("name"),
        "target": text("The database that it acts on"),
        "sql": text("A statement"),
        "for_each": object(&["rows", "sql"], json!({
            "rows": text("A question that is asked once"),
            "sql": text("A statement for each row, with {{ item.column }}"),
        })),
        "copy": object(&["from", "to", "by"], json!({
            "from": text("The table to read"),
            "to": text("The table to fill"),
            "columns": list(text("A column")),
            "where": text("A condition on the rows"),
            "by": reference("one_or_more"),
            "final": { "type": "boolean" },
            "parallel": { "type": "integer", "minimum": 1, "maximum": 256 },
            "verify": { "enum": ["count", "checksum", "none"] },
        })),
        "backfill": object(&["table", "key"], json!({
            "table": text("The table"),
            "key": reference("one_or_more"),
            "where": text("A condition: which rows still need it"),
            "set": text("The assignments of an UPDATE"),
            "sql": text("A statement with :low and :high, a batch's first and last key"),
            "batch": { "type": "integer", "minimum": 1 },
        })),
        "wait": object(&[], probe(&[("every", reference("duration")), ("fail_when", reference("expectation"))])),
        "verify": object(&[], without(probe(&[]), "timeout")),
        "command": reference("words"),
        "env": map(reference("word")),
        "cwd": text("The folder of a command"),
        "http": object(&["url"], request(&[("body", text("The body"))])),
        "manual": object(&["ask"], json!({ "ask": text("What a person is asked") })),
        "undo": { "anyOf": [text("SQL for the same target"), reference("undo")] },
        "irreversible": text("Why it cannot be taken back"),
        "when": reference("probe"),
        "done_when": { "anyOf": [text("A question to the same target"), reference("probe")] },
        "repeatable": { "type": "boolean", "description": "Whether doing it again is harmless" },
        "settings": map(reference("scalar")),
        "timeout": reference("duration"),
        "retry": object(&["attempts"], json!({
            "attempts": { "type": "integer", "minimum": 1, "maximum": 100 }, "backoff": reference("duration"),
        })),
        "scope": { "enum": ["each_shard", "cluster"] },
    });
    properties["transaction"] = json!({ "type": "boolean", "description": "Postgres and SQLite; true if absent" });
    let one_kind = json!(kinds.map(|kind| json!({ "required": [kind] })));
    let mut operation = object(&["name"], properties.clone());
    operation["oneOf"] = one_kind.clone();
    if let Some(keys) = properties.as_object_mut() {
        keys.retain(|key, _| key != "undo" && key != "irreversible");
    }
    let mut undo = object(&[], properties);
    undo["oneOf"] = one_kind;
    (operation, undo)
}

fn environment() -> Value {
    object(
        &[],
        json!({
            "store": text("Where runs are kept: sqlite://… or postgres://…"),
            "targets": map(object(&["url"], json!({
                "url": text("http(s)://… is ClickHouse; postgres://…, sqlite://…"),
                "database": text("The database to use"),
                "cluster": text("The ClickHouse cluster"),
            }))),
            "platform": reference("name"),
            "version": reference("probe"),
            "vars": map(reference("word")),
            "services": map(json!({ "anyOf": [{ "type": "string" }, reference("probe")] })),
            "settings": object(&[], json!({
                "auto_rollback": { "type": "boolean" },
                "max_concurrent": { "type": "integer", "minimum": 1 },
                "default_timeout": reference("duration"),
                "healthcheck_interval": reference("duration"),
                "batch_target": reference("duration"),
                "proof_timeout": reference("duration"),
                "auto_start": { "type": "boolean" },
            })),
        }),
    )
}
