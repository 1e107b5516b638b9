//! What was seen of an installation, and what has moved since: decided without asking anything.

use std::collections::{BTreeMap, BTreeSet};

use orchestrate::model::{Catalog, MigrationName, ServiceVersion, Version};
use orchestrate::plan::{Installation, Observed, PlanDocument, Question, moved};
use proptest::prelude::*;

use super::{ask, question};
use crate::support::catalog;

const RELEASES: &str = "  - {app: 1.0.0, needs: {k: \">=1, <3\"}}\n  - {app: 1.1.0, needs: {k: \">=1, <3\"}}\n  \
                        - {app: 1.2.0, needs: {k: \">=2, <5\"}}\n  - {app: 1.3.0, needs: {k: \">=4, <7\"}}\n  \
                        - {app: 1.4.0, needs: {k: \">=6\"}}\n";

/// Five releases, and a migration for each of the first four: each waits for the one before it.
fn shop() -> Catalog {
    files(RELEASES, &["a", "b", "c", "d"], "")
}

fn files(releases: &str, names: &[&str], more: &str) -> Catalog {
    let mut files = vec![(
        "upgrade-paths/shop.yaml".to_owned(),
        format!("format: orchestrate/v1\nkind: upgrade-path\nreleases:\n{releases}"),
    )];
    for (number, name) in names.iter().enumerate() {
        let before = number.checked_sub(1).map(|before| names[before]).unwrap_or_default();
        let text = format!(
            "format: orchestrate/v1\nkind: migration\nname: {name}\nwindow: {{min: 1.{number}.0, max: 1.{number}.9}}\n\
             depends_on: [{before}]\noperations: []\n{more}"
        );
        files.push((format!("manifests/shop/{name}.yaml"), text));
    }
    catalog(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>())
}

/// An installation of which nothing is known but its identity.
fn bare(identity: &str) -> Observed {
    Observed {
        installation: Installation { name: format!("at {identity}"), identity: identity.to_owned() },
        declared: [1; 32],
        completed: BTreeSet::new(),
        begun: BTreeSet::new(),
        not_required: BTreeMap::new(),
        unknown: BTreeMap::new(),
        services: BTreeMap::new(),
    }
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<MigrationName> {
    names.into_iter().map(MigrationName::new).collect()
}

fn reasons<'a>(found: impl IntoIterator<Item = &'a str>) -> BTreeMap<MigrationName, String> {
    names(found).into_iter().map(|name| (name, "says so".to_owned())).collect()
}

fn with(observed: Observed, from: &str) -> Question {
    Question { observed: Some(observed), ..question(from, "1.4.0") }
}

/// The document of a plan that there must be.
fn document(catalog: &Catalog, question: &Question) -> PlanDocument {
    PlanDocument::from(&ask(catalog, question).unwrap_or_else(|refusal| panic!("{refusal:?}")))
}

fn work(document: &PlanDocument) -> Vec<String> {
    document.steps.iter().map(|step| format!("{} {}", step.release.app, step.migrations.join(" "))).collect()
}

#[test]
fn what_was_seen_decides_where_it_stops() {
    let shop = shop();
    let seen = Observed { completed: names(["a"]), not_required: reasons(["c"]), ..bare("x") };
    let found = document(&shop, &with(seen.clone(), "1.1.0"));
    assert_eq!(work(&found), ["1.1.0 b", "1.3.0 d", "1.4.0 "]);
    assert_eq!(found.assumed_complete, [""; 0]);
    // What nobody began, and 1.2.0 could not have started without, is taken as complete.
    let later = document(&shop, &with(seen.clone(), "1.2.0"));
    assert_eq!((work(&later), later.assumed_complete), (vec!["1.3.0 d".into(), "1.4.0 ".into()], vec!["b".to_owned()]));
    // What was begun is not.
    let begun = Observed { begun: names(["b"]), ..seen.clone() };
    let refusal = ask(&shop, &with(begun, "1.2.0")).expect_err("b is half done");
    assert!(refusal.reasons[0].text.starts_with("b is not complete"), "{refusal:?}");
    // Whoever says what is complete knows better.
    let said = Question { completed: Some(BTreeSet::from(["a".into(), "b".into()])), ..with(seen, "1.2.0") };
    let said = document(&shop, &said);
    assert_eq!(work(&said), ["1.2.0 c", "1.3.0 d", "1.4.0 "]);
    assert!(said.not_required.is_empty() && said.covers.completed_given);
}

#[test]
fn what_cannot_be_told_is_taken_as_required() {
    let shop = shop();
    let seen = Observed { completed: names(["a", "b"]), unknown: reasons(["b", "c"]), ..bare("x") };
    let found = document(&shop, &with(seen.clone(), "1.2.0"));
    assert_eq!(work(&found), ["1.2.0 c", "1.3.0 d", "1.4.0 "]);
    let told = ["whether c is required cannot be told says so; it is taken as required"];
    assert_eq!(found.warnings, told);
    let refusal = ask(&shop, &with(Observed { begun: names(["b"]), completed: names(["a"]), ..seen }, "1.2.0"));
    assert_eq!(refusal.expect_err("b is half done").warnings, told, "it may be what rules the plan out");
}

#[test]
fn a_service_must_change_before_the_step_that_it_does_not_serve() {
    let shop = shop();
    let change = |version: &str| {
        let version = ServiceVersion::parse(version).map_err(|error| error.to_string());
        let seen = Observed { services: BTreeMap::from([("k".to_owned(), version)]), ..bare("x") };
        let found = document(&shop, &with(seen, "1.0.0"));
        let changes = found.services[0].changes.iter().map(|change| (change.before_step, change.range.clone()));
        (changes.collect::<Vec<_>>(), found.warnings)
    };
    // Steps 1 to 5 stand at 1.0.0 to 1.4.0.
    let (changes, warnings) = change("1.5");
    let range = |step, range: &str| (step, range.to_owned());
    assert_eq!(changes, [range(3, ">=2.0.0, <3.0.0"), range(4, ">=4.0.0, <5.0.0"), range(5, ">=6.0.0, <7.0.0")]);
    assert_eq!(
        warnings,
        [
            "k 1.5 runs; before step 3 it must be >=2.0.0, <3.0.0; before step 4 it must be >=4.0.0, <5.0.0; before step 5 \
          it must be >=6.0.0, <7.0.0"
        ]
    );
    assert_eq!(change("2.9").0, [range(4, ">=4.0.0, <5.0.0"), range(5, ">=6.0.0, <7.0.0")]);
    let unknown = Observed { services: BTreeMap::from([("k".to_owned(), Err("gone".to_owned()))]), ..bare("x") };
    assert_eq!(document(&shop, &with(unknown, "1.3.0")).warnings, ["the version of k cannot be told: gone"]);
}

#[test]
fn a_service_that_a_release_brings_is_changed_by_it() {
    let releases = "  - {app: 1.0.0}\n  - {app: 1.1.0, needs: {k: \">=1\"}, provides: {k: \"5\"}}\n  \
                    - {app: 1.2.0, needs: {k: \">=4, <6\"}}\n";
    let shop = files(releases, &["a", "b"], "");
    let services = BTreeMap::from([("k".to_owned(), Ok(ServiceVersion::parse("1.5").expect("a version")))]);
    let seen = Observed { services, ..bare("x") };
    let found = document(&shop, &Question { observed: Some(seen), ..question("1.0.0", "1.2.0") });
    assert_eq!((found.services[0].now.as_deref(), found.services[0].changes.len()), (Some("1.5"), 0));
    assert_eq!(found.warnings, [""; 0]);
}

#[test]
fn what_has_moved_is_told() {
    let shop = shop();
    let seen = Observed { completed: names(["a"]), not_required: reasons(["c"]), ..bare("x") };
    let old = document(&shop, &with(seen.clone(), "1.1.0"));
    let told = |catalog: &Catalog, question: &Question| moved(&old, &document(catalog, question));
    assert_eq!(told(&shop, &with(seen.clone(), "1.1.0")), [""; 0]);
    let found = Observed { services: BTreeMap::from([("k".to_owned(), Err("gone".to_owned()))]), ..seen.clone() };
    let found =
        Observed { not_required: names(["c"]).into_iter().map(|name| (name, "again".into())).collect(), ..found };
    assert_eq!(told(&shop, &with(found, "1.1.0")), [""; 0], "what runs beside it and how it is said do not matter");
    let other = Observed { installation: bare("y").installation, ..seen.clone() };
    assert_eq!(
        told(&shop, &with(other, "1.1.0")),
        ["the plan was made for `at x` (identity x), and this is `at y` (identity y)"]
    );
    let renewed = Installation { name: "at x".into(), identity: "z".into() };
    assert_eq!(
        told(&shop, &with(Observed { installation: renewed, ..seen.clone() }, "1.1.0")),
        ["`at x` has another store than when the plan was made: its identity was x and is z"]
    );
    let declared = Observed { declared: [2; 32], ..seen.clone() };
    assert_eq!(
        told(&shop, &with(declared, "1.1.0")),
        ["the environment's declaration in orchestrate.yaml or its platform was changed"]
    );
    let progressed = Observed { completed: names(["a", "b"]), not_required: BTreeMap::new(), ..seen.clone() };
    assert_eq!(
        told(&shop, &with(progressed, "1.2.0")),
        [
            "the plan begins at 1.1.0, and 1.2.0 runs",
            "complete since the plan was made: b",
            "no longer known as not required: c",
        ]
    );
    let taken_back = Observed { begun: names(["a"]), completed: names([]), ..seen.clone() };
    let refused = ask(&shop, &with(taken_back, "1.1.0"));
    assert!(refused.is_err(), "a is half done");
    let chart =
        Question { from_chart: Some(Version::parse("7.0.0").expect("a version")), ..with(seen.clone(), "1.1.0") };
    assert_eq!(told(&shop, &chart), ["the plan begins on an unknown chart, and it is on chart 7.0.0"]);
    let asked = Question { only_required: true, ..with(seen.clone(), "1.1.0") };
    assert_eq!(told(&shop, &asked), ["the plan was asked for with another `--prefer` or `--only-required`"]);
    let edited = files(RELEASES, &["a", "b", "c", "e"], "");
    assert_eq!(
        told(&edited, &with(seen.clone(), "1.1.0")),
        ["the manifest of d was removed", "the manifest of e was added"]
    );
    let edited =
        files(&RELEASES.replace("1.0.0,", "1.0.0, released: 2024-01-01,"), &["a", "b", "c", "d"], "description: x\n");
    let changed = ["a", "b", "c", "d"].map(|name| format!("the manifest of {name} was changed"));
    let mut expected = vec!["the upgrade path or its releases were changed".to_owned()];
    expected.extend(changed);
    assert_eq!(told(&edited, &with(seen, "1.1.0")), expected);
}

#[test]
fn an_edited_plan_is_found_out() {
    let shop = shop();
    let old = document(&shop, &with(bare("x"), "1.1.0"));
    assert!(old.is_intact());
    let written = serde_json::to_string(&old).expect("a plan can be written");
    let read: PlanDocument = serde_json::from_str(&written).expect("a plan can be read");
    assert_eq!(read, old);
    let mut edited = old.clone();
    edited.steps.remove(0);
    let told = moved(&edited, &old);
    assert_eq!(told, ["it leaves out what must run here: b"]);
    let mut edited = old.clone();
    edited.steps[0].notes.clear();
    edited.steps[0].deploy = true;
    let told = moved(&edited, &old);
    assert_eq!(told, ["its steps are other ones than this program plans: it was edited, or made by another version"]);
    let mut edited = old.clone();
    edited.covers.only_required = true;
    assert!(!edited.is_intact());
}

/// A plan that was made at a desk fits to every installation that it leads the same way.
#[test]
fn a_plan_without_an_installation_fits_where_it_leads_the_same_way() {
    let shop = shop();
    let offline = document(&shop, &question("1.1.0", "1.4.0"));
    assert_eq!(offline.assumed_complete, ["a"]);
    let told = |observed: Observed, from: &str| moved(&offline, &document(&shop, &with(observed, from)));
    assert_eq!(told(bare("x"), "1.1.0"), [""; 0]);
    assert_eq!(told(Observed { completed: names(["a"]), ..bare("y") }, "1.1.0"), [""; 0]);
    let ahead = Observed { completed: names(["a", "b"]), ..bare("x") };
    assert_eq!(told(ahead, "1.1.0"), ["it runs what need not run here: b"]);
    assert_eq!(told(bare("x"), "1.2.0"), ["the plan begins at 1.1.0, and 1.2.0 runs"]);
}

/// What can be seen of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Complete,
    Begun,
    NotRequired,
    Unknown,
}

fn any_seen() -> impl Strategy<Value = (usize, [Seen; 4])> {
    let one = prop::sample::select(vec![Seen::Nothing, Seen::Complete, Seen::Begun, Seen::NotRequired, Seen::Unknown]);
    (0..4_usize, prop::array::uniform4(one))
}

fn observed(seen: [Seen; 4]) -> Observed {
    let of = |kind: Seen| {
        ["a", "b", "c", "d"].into_iter().zip(seen).filter(move |(_, seen)| *seen == kind).map(|(name, _)| name)
    };
    Observed {
        completed: names(of(Seen::Complete)),
        begun: names(of(Seen::Begun)),
        not_required: reasons(of(Seen::NotRequired)),
        unknown: reasons(of(Seen::Unknown)),
        ..bare("x")
    }
}

proptest! {
    /// Every gate on the way is open: by the store, by a run of the plan, by what is taken as complete, or by its own answer.
    /// What was begun is never taken as complete.
    #[test]
    fn a_plan_crosses_no_gate_that_is_closed((from, seen) in any_seen()) {
        let shop = shop();
        let Ok(plan) = ask(&shop, &with(observed(seen), &format!("1.{from}.0"))) else { return Ok(()) };
        let mut open: BTreeSet<String> = plan.assumed_complete.iter().map(ToString::to_string).collect();
        open.extend(plan.not_required.iter().map(|found| found.migration.to_string()));
        for (name, seen) in ["a", "b", "c", "d"].into_iter().zip(seen) {
            prop_assert!(seen != Seen::Begun || !open.contains(name));
            prop_assert!(seen != Seen::Complete || !open.contains(name));
            open.extend((seen == Seen::Complete).then(|| name.to_owned()));
        }
        for step in &plan.steps {
            let minor: usize = step.release.app.to_string().split('.').nth(1).and_then(|part| part.parse().ok()).expect("1.N.0");
            for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
                prop_assert!(number >= minor || open.contains(name), "{name} at {}", step.release.app);
            }
            open.extend(step.migrations.iter().map(ToString::to_string));
        }
    }

    /// Two plans have one digest exactly where nothing has moved between them.
    #[test]
    fn the_digest_tells_whether_anything_has_moved((from, seen) in any_seen(), (other_from, other_seen) in any_seen()) {
        let shop = shop();
        let made = |from: usize, seen| ask(&shop, &with(observed(seen), &format!("1.{from}.0"))).map(|plan| PlanDocument::from(&plan));
        let (Ok(one), Ok(other)) = (made(from, seen), made(other_from, other_seen)) else { return Ok(()) };
        prop_assert_eq!(one.digest == other.digest, moved(&one, &other).is_empty());
        prop_assert!(moved(&one, &one).is_empty());
        prop_assert!(one.is_intact());
    }
}
