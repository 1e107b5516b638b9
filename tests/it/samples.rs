//! Everything that is checked in loads, is clean, is valid for the schemas, and plans.

use std::collections::BTreeMap;

use crate::support::{documents, repository, run_in};

#[test]
fn lint_finds_nothing() {
    let outcome = run_in(repository(), &["lint", "--strict"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.whole());
}

#[test]
fn every_file_is_valid_for_its_schema() {
    use orchestrate::manifest::{Kind, schema};
    let documents = documents(repository());
    assert!(documents.len() > 12, "{:?}", documents.keys());
    let validators: BTreeMap<&str, jsonschema::Validator> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.as_str(), jsonschema::validator_for(&schema(Some(kind))).expect("a schema is valid")))
        .collect();
    let all = jsonschema::validator_for(&schema(None)).expect("the schema of all kinds is valid");
    for (path, document) in documents {
        let kind = document["kind"].as_str().expect("a file has a kind");
        let errors: Vec<String> = validators[kind]
            .iter_errors(&document)
            .map(|error| format!("{path}: {}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new());
        assert!(all.is_valid(&document), "{path} is valid for its kind, but not for all kinds together");
    }
}
