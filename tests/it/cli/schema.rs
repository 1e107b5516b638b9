//! `orchestrate schema`.

use crate::support::{assert_whole, repository, run_in};

#[test]
fn each_kind_has_a_schema_and_so_have_all_together() {
    for kind in ["migration", "upgrade-path", "releases", "platform", "runbook", "project"] {
        let outcome = run_in(repository(), &["schema", kind]);
        assert_eq!(outcome.code, 0, "{}", outcome.whole());
        assert_eq!(outcome.json()["properties"]["kind"]["const"], kind);
    }
    let all = run_in(repository(), &["schema"]).json();
    assert_eq!(all["oneOf"].as_array().map(Vec::len), Some(6));
}

#[test]
fn the_schema_of_releases() {
    assert_whole!(run_in(repository(), &["schema", "releases"]).whole());
}
