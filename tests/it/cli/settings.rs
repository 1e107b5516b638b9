//! `orchestrate settings`: what holds for runs, and who changed it.

use crate::support::{Shop, assert_whole};

#[test]
fn each_with_its_value_and_where_that_comes_from() {
    let shop = Shop::new();
    let targets = "{main: {url: \"sqlite://shop.db\"}}";
    let settings = "{healthcheck_interval: 5m, max_concurrent: 2}";
    let project = format!(
        "format: orchestrate/v1\nkind: project\nenvironments: {{a: {{targets: {targets}, settings: {settings}}}}}\n"
    );
    shop.project.write("orchestrate.yaml", project);
    assert_whole!("declared", shop.run(&["settings"]).whole());
    let set = shop.run(&["settings", "set", "max_concurrent", "3", "--reason", "a larger machine"]);
    assert_whole!("set", set.whole());
    shop.done(&["settings", "set", "auto_start", "true"]);
    assert_whole!("unset", shop.run(&["settings", "unset", "max_concurrent"]).whole());
    assert_whole!("json", shop.run(&["settings", "list", "--format", "json"]).whole());
    assert_whole!("log", shop.run(&["settings", "log"]).whole());
    assert_whole!("log_json", shop.run(&["settings", "log", "--format", "json"]).whole());
}

#[test]
fn what_does_not_fit_is_refused() {
    let shop = Shop::new();
    assert_whole!("unknown", shop.run(&["settings", "set", "max_concurent", "3"]).whole());
    assert_whole!("invalid", shop.run(&["settings", "set", "max_concurrent", "none"]).whole());
    assert_whole!("unset_unknown", shop.run(&["settings", "unset", "x"]).whole());
    assert_whole!("empty_log", shop.run(&["settings", "log"]).whole());
}
