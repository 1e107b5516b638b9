//! The gate: which versions may start, given what is complete, what was begun, and what runs.

use std::collections::BTreeSet;

use orchestrate::model::{Catalog, Migration, MigrationName, PartialVersion, Product, Version};
use orchestrate::plan::{Gate, Known, RequestError, gate, version_to_start};

use crate::support::catalog;

/// Three migrations: `first` ends at 1.1.9, `second` at 1.2.9 and depends on `first`, `open` never ends and `second` depends on it.
fn shop() -> Catalog {
    let migration = |rest: &str| format!("format: orchestrate/v1\nkind: migration\noperations: []\n{rest}");
    let path = "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n  - {app: 1.1.0}\n  - {app: 1.2.0}\n  \
                - {app: 1.2.4}\n  - {app: 1.3.0}\n";
    catalog(&[
        ("upgrade-paths/shop.yaml", path),
        ("manifests/shop/first.yaml", &migration("name: first\nwindow: {max: 1.1.9}\n")),
        ("manifests/shop/open.yaml", &migration("name: open\n")),
        (
            "manifests/shop/second.yaml",
            &migration("name: second\nwindow: {min: 1.2.0, max: 1.2.9}\ndepends_on: [first, open]\n"),
        ),
    ])
}

fn product(catalog: &Catalog) -> &Product {
    catalog.products.values().next().expect("there is one product")
}

fn version(text: &str) -> Version {
    Version::parse(text).expect("a version of the test")
}

fn names(words: &str) -> BTreeSet<MigrationName> {
    words.split_whitespace().map(MigrationName::new).collect()
}

fn listed(migrations: &[&Migration]) -> String {
    migrations.iter().map(|migration| migration.name.as_str()).collect::<Vec<_>>().join(" ")
}

/// An answer in words.
fn told(gate: &Gate<'_>) -> String {
    match (gate.is_open(), gate.is_running) {
        (true, true) => "runs".to_owned(),
        (true, false) => format!("open; {}", listed(&gate.assumed)),
        (false, _) => format!("closed by {}; {}", listed(&gate.incomplete), listed(&gate.assumed)),
    }
}

#[test]
fn a_version_may_start_where_every_window_below_it_is_complete() {
    let catalog = shop();
    // to, what runs, complete, begun and unfinished
    let table = [
        ("1.1.9", "", "", "", "open; "),
        ("1.2.0", "", "", "", "closed by first; "),
        ("1.2.0", "", "first", "", "open; "),
        ("1.2.0", "", "", "first", "closed by first; "),
        ("1.3.0", "", "first", "", "closed by second; "),
        ("1.3.0", "", "second", "", "closed by first; "),
        ("1.3.0", "", "first second", "", "open; "),
        ("9.9.9", "", "first second", "", "open; "),
        // The version that runs may start again, whatever runs beside it.
        ("1.2.4", "1.2.4", "", "first", "runs"),
        ("1.3.0", "1.3.0", "", "first second", "runs"),
        // What was never begun, and what the running version could not have started without.
        ("1.2.4", "1.2.0", "", "", "open; first"),
        ("1.2.4", "1.2.0", "", "first", "closed by first; "),
        ("1.3.0", "1.2.4", "", "", "closed by second; first"),
        ("1.4.0", "1.3.0", "", "", "open; first second"),
        ("1.4.0", "1.3.0", "", "second", "closed by second; first"),
        // Going down asks no less.
        ("1.2.0", "1.3.0", "", "", "open; first"),
        ("1.2.0", "1.1.0", "", "", "closed by first; "),
    ];
    for (to, running, complete, unfinished, expected) in table {
        let running = Some(running).filter(|text| !text.is_empty()).map(version);
        let known = Known { running, complete: names(complete), unfinished: names(unfinished) };
        let found = gate(product(&catalog), &version(to), &known);
        assert_eq!(told(&found), expected, "to {to}, {known:?}");
    }
}

#[test]
fn a_partial_version_is_the_highest_release_and_a_whole_one_is_itself() {
    let catalog = shop();
    let settle = |text| {
        let to = PartialVersion::parse(text).expect("a version of the test");
        version_to_start(product(&catalog), &to)
    };
    assert_eq!(settle("1.2"), Ok(version("1.2.4")));
    assert_eq!(settle("1.2.1"), Ok(version("1.2.1")));
    assert_eq!(settle("1.2.4-own.1").map(|version| version.to_string()), Ok("1.2.4-own.1".to_owned()));
    assert!(matches!(settle("1.5"), Err(RequestError::UnknownDestination { .. })));
}
