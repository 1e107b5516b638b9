//! Scenarios of planning: the rules of real products as documented in 2025 and 2026, and single rules on small ones.

mod observed;

use orchestrate::model::{Catalog, PartialVersion, Version};
use orchestrate::plan::{NoPlan, Plan, Preference, Question, plan, settle};

use crate::support::catalog;

/// An upgrade path of these releases, with more keys below.
fn path(releases: &[&str], more: &str) -> Catalog {
    let releases: String = releases.iter().map(|release| format!("  - {{{release}}}\n")).collect();
    catalog(&[(
        "upgrade-paths/shop.yaml",
        &format!("format: orchestrate/v1\nkind: upgrade-path\nreleases:\n{releases}{more}"),
    )])
}

fn question(from: &str, to: &str) -> Question {
    let version = |text| PartialVersion::parse(text).expect("a version of the test");
    Question {
        from: Some(version(from)),
        from_chart: None,
        to: version(to),
        completed: None,
        preference: Preference::Recommended,
        only_required: false,
        observed: None,
    }
}

fn ask(catalog: &Catalog, question: &Question) -> Result<Plan, Box<NoPlan>> {
    let product = catalog.products.values().next().expect("there is one product");
    plan(product, &settle(product, question).expect("the versions exist"))
}

/// The releases that a plan deploys.
fn way(catalog: &Catalog, from: &str, to: &str) -> Vec<String> {
    let plan = ask(catalog, &question(from, to)).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    plan.steps.iter().filter(|step| step.deploy).map(|step| step.release.app.to_string()).collect()
}

#[test]
fn gitlab_stops_at_every_required_release() {
    let stops = [
        "15.4.6", "15.11.13", "16.3.9", "16.7.10", "16.11.10", "17.3.7", "17.5.5", "17.8.7", "17.11.7", "18.2.0",
        "18.5.0",
    ];
    let releases: Vec<String> = ["15.0.5", "16.10.3", "17.0.0", "18.8.0", "18.10.0"]
        .iter()
        .chain(&stops)
        .map(|app| format!("app: {app}"))
        .collect();
    let releases: Vec<&str> = releases.iter().map(String::as_str).collect();
    let required: String = stops.iter().map(|app| format!("  - {{app: {app}}}\n")).collect();
    let gitlab = path(&releases, &format!("required_stops:\n{required}"));
    assert_eq!(way(&gitlab, "15.0.5", "18.5.0"), stops);
    assert_eq!(way(&gitlab, "16.10.3", "17.0.0"), ["16.11.10", "17.0.0"]);
    assert_eq!(way(&gitlab, "18.8.0", "18.10"), ["18.10.0"]);
}

#[test]
fn nextcloud_goes_from_the_last_release_of_each_major() {
    let releases = ["app: 18.0.5", "app: 18.0.11", "app: 19.0.5", "app: 20.0.2"];
    let nextcloud = path(&releases, "required_stops: [{app: 18.0.11}, {app: 19.0.5}]\n");
    assert_eq!(way(&nextcloud, "18.0.5", "20"), ["18.0.11", "19.0.5", "20.0.2"]);
}

#[test]
fn elasticsearch_has_a_hole_between_majors() {
    let releases = ["app: 7.17.0", "app: 8.18.0", "app: 8.19.0", "app: 9.0.0", "app: 9.1.0"];
    let blocked = |from: &str, to: &str| format!("  - {{from: \"{from}\", to: \"{to}\", reason: unsupported}}\n");
    let rules = [
        blocked(">=8.19.0, <9.0.0", ">=9.0.0, <9.1.0"),
        blocked(">=8.18.0, <8.19.0", ">=9.1.0"),
        blocked(">=8.0.0, <8.18.0", ">=9.0.0"),
        blocked(">=7.17.0, <8.0.0", ">=9.0.0"),
        blocked("<7.17.0", ">=8.0.0"),
    ];
    let elastic = path(&releases, &format!("blocked:\n{}", rules.concat()));
    assert_eq!(
        way(&elastic, "8.18.0", "9.1.0"),
        ["9.0.0", "9.1.0"],
        "of two ways with two deploys, the later releases"
    );
    assert_eq!(way(&elastic, "7.17.0", "9.1.0"), ["8.19.0", "9.1.0"]);
    let refusal = ask(&elastic, &question("8.19.0", "9.0.0")).expect_err("it is blocked");
    assert_eq!(refusal.reasons.len(), 1, "{:?}", refusal.reasons);
    assert!(refusal.fixes.iter().any(|fix| fix.contains("--to 9.1.0")), "{:?}", refusal.fixes);
}

#[test]
fn openshift_takes_every_minor_and_no_blocked_edge() {
    let releases = ["app: 4.10.0", "app: 4.10.38", "app: 4.10.40", "app: 4.11.0", "app: 4.11.10", "app: 4.12.0"];
    let rules = "blocked:\n  - {from: \">=4.10.0, <4.11.0\", to: \">=4.12.0\", reason: one minor at a time}\n  \
                 - {from: \">=4.10.0, <4.11.0\", to: \"=4.11.0\", reason: KeepalivedMulticastSkew}\n  \
                 - {from: \"<4.10.38\", to: \"=4.10.38\", reason: OpenStackNodeCreationFails}\n";
    assert_eq!(way(&path(&releases, rules), "4.10.0", "4.12"), ["4.11.10", "4.12.0"]);
}

#[test]
fn a_withdrawn_release_is_no_stop_and_no_destination() {
    let shop = path(&["app: 1.0.0", "app: 1.1.0, withdrawn: it loses orders", "app: 1.2.0"], "");
    assert_eq!(way(&shop, "1.0.0", "1"), ["1.2.0"]);
    let refusal = ask(&shop, &question("1.0.0", "1.1")).expect_err("it was withdrawn");
    assert_eq!(refusal.reasons[0].text, "1.1.0 was withdrawn: it loses orders");
    assert_eq!(refusal.fixes[0], "go to 1.2.0 instead: there is a plan with --to 1.2.0");
    assert_eq!(way(&shop, "1.1.0", "1.2.0"), ["1.2.0"], "who stands on it may leave");
}

/// The chart that a recommendation names is above that of the destination.
#[test]
fn a_chart_never_goes_down() {
    let files = [
        (
            "upgrade-paths/shop.yaml",
            "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n  - {app: 1.0.0, chart: 1.0.0}\n  \
             - {app: 1.1.0, chart: 2.0.0}\n  - {app: 1.1.0, chart: 2.5.0}\n  - {app: 1.2.0, chart: 3.0.0}\n  \
             - {app: 1.3.0, chart: 4.0.0}\nrecommended:\n  - {migrations: [m], app: 1.1.0, chart: 4.0.0}\n",
        ),
        (
            "manifests/shop/m.yaml",
            "format: orchestrate/v1\nkind: migration\nname: m\nwindow: {min: 1.1.0, max: 1.1.9}\noperations: []\n",
        ),
    ];
    let shop = catalog(&files);
    let charts = |to| {
        let plan = ask(&shop, &question("1.0.0", to)).expect("there is a plan");
        let charts: Vec<String> =
            plan.steps.iter().filter_map(|step| Some(step.release.chart.as_ref()?.to_string())).collect();
        (charts, plan.steps[0].image_tag.is_some(), plan.warnings.len())
    };
    assert_eq!(charts("1.3.0"), (vec!["4.0.0".to_owned(), "4.0.0".to_owned()], true, 0));
    assert_eq!(charts("1.2.0"), (vec!["2.5.0".to_owned(), "3.0.0".to_owned()], false, 1));
}

#[test]
fn recommended_or_fewest() {
    let window = |name: &str, max: &str| {
        format!(
            "format: orchestrate/v1\nkind: migration\nname: {name}\nwindow: {{min: 1.1.0, max: {max}}}\noperations: []\n"
        )
    };
    let shop = catalog(&[
        (
            "upgrade-paths/shop.yaml",
            "format: orchestrate/v1\nkind: upgrade-path\nreleases: [{app: 1.0.0}, {app: 1.1.0}, {app: 1.2.0}, {app: 1.3.0}, {app: 1.4.0}]\n\
             recommended:\n  - {migrations: [a], app: 1.1.0}\n  - {migrations: [b], app: 1.3.0}\n",
        ),
        ("manifests/shop/a.yaml", &window("a", "1.2.9")),
        ("manifests/shop/b.yaml", &window("b", "1.3.9")),
    ]);
    let way = |preference| {
        let plan = ask(&shop, &Question { preference, ..question("1.0.0", "1.4.0") }).expect("there is a plan");
        plan.steps.iter().map(|step| step.release.app.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(way(Preference::Recommended), ["1.1.0", "1.3.0", "1.4.0"]);
    assert_eq!(
        way(Preference::Fewest),
        ["1.1.0", "1.4.0"],
        "of the two single stops, the one that is recommended for one"
    );
}

#[test]
fn services_are_kept_as_long_as_possible() {
    let shop = path(
        &[
            "app: 1.0.0, needs: {kubernetes: \"<1.23.0\"}",
            "app: 1.1.0, needs: {kubernetes: \">=1.20.0, <1.24.0\"}",
            "app: 1.2.0, needs: {kubernetes: \">=1.22.0, <1.25.0\"}",
            "app: 1.3.0, needs: {kubernetes: \">=1.24.0, <1.26.0\"}",
        ],
        "required_stops: [{app: 1.1.0}, {app: 1.2.0}]\n",
    );
    let plan = ask(&shop, &question("1.0.0", "1.3.0")).expect("there is a plan");
    let [line] = plan.services.as_slice() else { panic!("{:?}", plan.services) };
    let segments: Vec<_> = line.segments.iter().map(|s| (s.from_step, s.to_step, s.range.to_string())).collect();
    assert_eq!(segments.len(), 2, "{segments:?}");
    assert_eq!((segments[0].0, segments[0].1, segments[1].0, segments[1].1), (1, 2, 3, 3));
    assert_eq!(
        line.advice.as_deref(),
        Some(">=1.22.0, <1.23.0 may be kept for steps 1 to 2; before step 3 it must be >=1.24.0, <1.25.0")
    );
}

/// Four numbers and a suffix; a release that says nothing of a service does not rule a migration out.
#[test]
fn a_migration_waits_for_the_service_that_a_release_brings() {
    let migration = "format: orchestrate/v1\nkind: migration\nname: m\nwindow: {max: 1.3.9}\nservices: {clickhouse: \">=22.3.0\"}\noperations: []\n";
    let shop = catalog(&[
        (
            "upgrade-paths/shop.yaml",
            "format: orchestrate/v1\nkind: upgrade-path\nreleases:\n  - {app: 1.0.0, provides: {clickhouse: 21.6.5}}\n  \
             - {app: 1.1.0, provides: {clickhouse: 22.3.6.5}}\n  - {app: 1.2.0, provides: {clickhouse: 21.8.1-alpine}}\n  - {app: 1.4.0}\n",
        ),
        ("manifests/shop/m.yaml", migration),
    ]);
    assert_eq!(way(&shop, "1.0.0", "1.4.0"), ["1.1.0", "1.4.0"]);
    assert!(ask(&shop, &question("1.2.0", "1.4.0")).is_err());
}

#[test]
fn notes_come_before_and_after_in_the_order_of_what_is_crossed() {
    let note = |crossing: &str, when: &str, title: &str| {
        format!("  - {{crossing: {{{crossing}}}, when: {when}, title: {title}, body: \"to {{{{ step.app }}}}\"}}\n")
    };
    let notes = [
        note("chart: 3.0.0", "after", "last"),
        note("chart: 3.0.0", "before", "third"),
        note("app: 1.1.0", "before", "second"),
        note("chart: 2.0.0", "before", "first"),
        note("chart: 1.0.0", "before", "behind"),
        note("chart: 4.0.0", "before", "ahead"),
    ];
    let releases = [
        "app: 1.0.0, chart: 1.0.0",
        "app: 1.0.0, chart: 2.0.0",
        "app: 1.1.0, chart: 2.5.0",
        "app: 1.2.0, chart: 3.0.0",
    ];
    let shop = path(&releases, &format!("notes:\n{}", notes.concat()));
    let titles = |from_chart: Option<&str>| {
        let from_chart = from_chart.map(|chart| Version::parse(chart).expect("a chart of the test"));
        let plan = ask(&shop, &Question { from_chart, ..question("1.0.0", "1.2.0") }).expect("there is a plan");
        assert!(plan.steps[0].notes.iter().all(|note| note.body == "to 1.2.0"));
        plan.steps[0].notes.iter().map(|note| note.title.clone()).collect::<Vec<_>>()
    };
    assert_eq!(titles(None), ["first", "second", "third", "last"], "an unknown chart is the lowest that ships the app");
    assert_eq!(titles(Some("2.0.0")), ["second", "third", "last"]);
}

/// Many pairs of which only one recommendation can be kept: the search gives up in time, and says so.
#[test]
fn a_search_without_end_gives_up_with_a_valid_plan() {
    let pairs = 24;
    let releases: Vec<String> = (0..2 * pairs + 3).map(|minor| format!("app: 1.{minor}.0")).collect();
    let releases: Vec<&str> = releases.iter().map(String::as_str).collect();
    let listed: String = releases.iter().map(|release| format!("  - {{{release}}}\n")).collect();
    let mut path = format!("format: orchestrate/v1\nkind: upgrade-path\nreleases:\n{listed}recommended:\n");
    let mut files = Vec::new();
    for pair in 0..pairs {
        let (low, high) = (2 * pair + 1, 2 * pair + 2);
        path.push_str(&format!(
            "  - {{migrations: [a{pair}], app: 1.{high}.0}}\n  - {{migrations: [b{pair}], app: 1.{low}.0}}\n"
        ));
        for (name, depends_on) in [(format!("a{pair}"), String::new()), (format!("b{pair}"), format!("a{pair}"))] {
            let text = format!(
                "format: orchestrate/v1\nkind: migration\nname: {name}\nwindow: {{max: 1.{}.0}}\ndepends_on: [{depends_on}]\noperations: []\n",
                2 * pairs + 1
            );
            files.push((format!("manifests/shop/{name}.yaml"), text));
        }
    }
    files.push(("upgrade-paths/shop.yaml".to_owned(), path));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let last = format!("1.{}.0", 2 * pairs + 2);
    let plan = ask(&catalog(&files), &question("1.0.0", &last)).expect("there is a plan");
    assert_eq!(plan.steps.iter().map(|step| step.migrations.len()).sum::<usize>(), 2 * pairs);
    assert!(plan.warnings.iter().any(|warning| warning.contains("given up")), "{:?}", plan.warnings);
}

/// Two migrations at one stop that need versions of a service which exclude each other.
#[test]
fn needs_that_exclude_each_other_are_warned_of() {
    let migration = |name: &str, range: &str| {
        format!(
            "format: orchestrate/v1\nkind: migration\nname: {name}\nwindow: {{min: 1.2.0, max: 1.2.0}}\nservices: {{pg: \"{range}\"}}\noperations: []\n"
        )
    };
    let shop = catalog(&[
        (
            "upgrade-paths/shop.yaml",
            "format: orchestrate/v1\nkind: upgrade-path\nreleases: [{app: 1.0.0}, {app: 1.2.0}, {app: 1.3.0}]\n",
        ),
        ("manifests/shop/a.yaml", &migration("a", ">=14")),
        ("manifests/shop/b.yaml", &migration("b", "<13")),
    ]);
    let plan = ask(&shop, &question("1.0.0", "1.3.0")).expect("there is a plan");
    assert_eq!(
        plan.warnings,
        ["at 1.2.0, b needs pg <13, and what else runs there needs >=14.0.0: change pg in between"]
    );
}

/// The digest is that of what the files say, wherever and in whatever order they say it.
#[test]
fn the_digest_does_not_depend_on_layout() {
    let head = "format: orchestrate/v1\nkind: upgrade-path\n";
    let digest = |files: &[(&str, &str)]| ask(&catalog(files), &question("1.0.0", "1.2.0")).expect("a plan").digest;
    let whole = format!("{head}releases: [{{app: 1.0.0}}, {{app: 1.2.0}}]\n");
    let turned = format!("{head}releases: # in another order\n  - {{app: 1.2.0}}\n  - app: 1.0.0\n");
    let part = format!("{head}releases: [{{app: 1.2.0}}]\n");
    let rest = "format: orchestrate/v1\nkind: releases\nproduct: shop\nreleases: [{app: 1.0.0}]\n";
    let expected = digest(&[("upgrade-paths/shop.yaml", &whole)]);
    assert_eq!(digest(&[("upgrade-paths/shop.yaml", &turned)]), expected);
    assert_eq!(digest(&[("upgrade-paths/shop.yaml", &part), ("upgrade-paths/shop.releases.yaml", rest)]), expected);
    let other = whole.replace("1.0.0", "1.0.0, withdrawn: it fails");
    assert_ne!(digest(&[("upgrade-paths/shop.yaml", &other)]), expected);
}
