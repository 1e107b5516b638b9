//! The keys that the decoder knows are those of `orchestrate schema`, and a project that uses all of them is clean.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use orchestrate::manifest::{Broken, Kind, SourceFile, load, schema};
use serde_json::Value;

use crate::support::{documents, repository, run_in};

/// A key that no mapping has, and none that is near it.
const UNKNOWN: &str = "zzzzzzzzzzzz";

fn every_key() -> PathBuf {
    repository().join("tests/fixtures/every-key")
}

fn kind_of(document: &Value) -> Kind {
    let name = document["kind"].as_str().expect("a file has a kind");
    Kind::ALL.into_iter().find(|kind| kind.as_str() == name).expect("the kind is known")
}

#[test]
fn a_project_with_every_key_is_clean_and_has_a_plan() {
    let lint = run_in(&every_key(), &["lint", "--strict"]);
    assert_eq!((lint.code, lint.whole().as_str()), (0, "exit code: 0\n--- stdout\n--- stderr\n8 files, no findings\n"));
    let plan = run_in(&every_key(), &["plan", "--from", "1.1", "--to", "1.3", "--format", "json"]);
    assert_eq!((plan.code, plan.json()["format"].as_str()), (0, Some("orchestrate.plan/v1")), "{}", plan.whole());
}

#[test]
fn a_project_with_every_key_is_valid_for_the_schemas() {
    let all = jsonschema::validator_for(&schema(None)).expect("the schema of all kinds is valid");
    for (path, document) in documents(&every_key()) {
        let schema = schema(Some(kind_of(&document)));
        let validator = jsonschema::validator_for(&schema).expect("a schema is valid");
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| format!("{path}: {error}")).collect();
        assert_eq!(errors, Vec::<String>::new());
        assert!(all.is_valid(&document), "{path} is valid for its kind, but not for all kinds together");
    }
}

/// What a schema says of mappings and lists, behind its references and alternatives.
fn unfold<'a>(root: &'a Value, schema: &'a Value, found: &mut Vec<&'a Value>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        unfold(root, &root["$defs"][name], found);
    }
    for key in ["anyOf", "allOf", "oneOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            unfold(root, part, found);
        }
    }
    found.push(schema);
}

/// A mapping of the fixture: where it stands, and the keys that its schema gives it.
struct Mapping {
    pointer: String,
    keys: BTreeSet<String>,
}

/// Every mapping with fixed keys below a value.
fn mappings(root: &Value, schema: &Value, value: &Value, pointer: &str, found: &mut Vec<Mapping>) {
    let mut parts = Vec::new();
    unfold(root, schema, &mut parts);
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for part in parts.iter().filter(|part| part["items"].is_object()) {
                    mappings(root, &part["items"], item, &format!("{pointer}/{index}"), found);
                }
            }
        }
        Value::Object(entries) => {
            let properties: Vec<_> = parts.iter().filter_map(|part| part["properties"].as_object()).collect();
            let keys: BTreeSet<String> = properties.iter().flat_map(|keys| keys.keys().cloned()).collect();
            if !keys.is_empty() {
                found.push(Mapping { pointer: pointer.to_owned(), keys });
            }
            for (key, value) in entries {
                let named = properties.iter().filter_map(|keys| keys.get(key));
                let free = parts.iter().map(|part| &part["additionalProperties"]).filter(|part| part.is_object());
                for schema in named.chain(free) {
                    mappings(root, schema, value, &format!("{pointer}/{key}"), found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The keys that the decoder tells of, where a key is unknown.
fn known_keys(path: &str, document: &Value) -> BTreeSet<String> {
    let bytes = serde_yaml::to_string(document).expect("a document can be written").into_bytes();
    let (catalog, _) = load(vec![SourceFile { path: path.into(), bytes }]);
    let Broken(findings) = catalog.expect_err("an unknown key is an error");
    let of_key = findings.iter().find(|finding| finding.message.contains(UNKNOWN));
    let hint = of_key.and_then(|finding| finding.hint.as_deref()).unwrap_or_default();
    let keys = hint.strip_prefix("known keys: ").unwrap_or_else(|| panic!("{path}: no known keys: {findings:?}"));
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_decoder_knows_the_keys_of_the_schema_and_the_fixture_has_them_all() {
    let mut used: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    for (path, document) in documents(&every_key()) {
        let root = schema(Some(kind_of(&document)));
        let mut found = Vec::new();
        mappings(&root, &root, &document, "", &mut found);
        for Mapping { pointer, keys } in found {
            let mut changed = document.clone();
            let mapping = changed.pointer_mut(&pointer).and_then(Value::as_object_mut).expect("the mapping is there");
            used.entry(keys.clone()).or_default().extend(mapping.keys().cloned());
            mapping.insert(UNKNOWN.to_owned(), Value::Bool(true));
            assert_eq!(known_keys(&path, &changed), keys, "{path}{pointer}");
        }
    }
    for (keys, used) in used {
        let unused: Vec<&String> = keys.difference(&used).collect();
        // An undo has the keys of an operation, which the fixture uses elsewhere.
        let is_undo = keys.contains("for_each") && !keys.contains("undo");
        assert!(unused.is_empty() || is_undo, "the fixture uses {used:?} and not {unused:?}");
    }
}

/// Every schema of a mapping with fixed keys, by its keys.
fn objects(schema: &Value, found: &mut BTreeSet<BTreeSet<String>>) {
    match schema {
        Value::Object(entries) => {
            if let Some(properties) = entries.get("properties").and_then(Value::as_object) {
                found.insert(properties.keys().cloned().collect());
            }
            entries.values().for_each(|value| objects(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_fixture_has_every_mapping_of_the_schemas() {
    let mut of_schemas = BTreeSet::new();
    let mut of_fixture: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    Kind::ALL.into_iter().for_each(|kind| objects(&schema(Some(kind)), &mut of_schemas));
    for document in documents(&every_key()).values() {
        let root = schema(Some(kind_of(document)));
        let mut found = Vec::new();
        mappings(&root, &root, document, "", &mut found);
        of_fixture.extend(found.into_iter().map(|mapping| mapping.keys));
    }
    // The two forms of a crossing are one mapping with both keys here.
    let one = |key: &str| BTreeSet::from([key.to_owned()]);
    of_schemas.retain(|keys| *keys != one("app") && *keys != one("chart"));
    let missing: Vec<_> = of_schemas.difference(&of_fixture).collect();
    assert_eq!(missing, Vec::<&BTreeSet<String>>::new());
}
