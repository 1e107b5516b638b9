//! `orchestrate doctor`: what is well and what is not, with what to do.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{Outcome, Project, Shop, assert_whole, command};

/// What was said, without the folder, the version of SQLite, and how much room the disk of this machine has.
fn told(shop: &Shop, outcome: &Outcome) -> String {
    let folder = shop.project.path().display().to_string();
    let mut text = outcome.whole().replace(&folder, "[folder]");
    for (pattern, shown) in [
        (r"\n  \w+ +target main +[^\n]* are free on [^\n]*(\n +hint: make room[^\n]*)?", ""),
        (r#"\{[^{}]* are free on [^{}]*\},?"#, ""),
        (r"SQLite \d+(\.\d+)+", "SQLite [version]"),
    ] {
        text = regex::Regex::new(pattern).expect("the patterns are constants").replace_all(&text, shown).into_owned();
    }
    text
}

fn shop(environment: &str, platform: &str) -> Shop {
    let shop = Shop::with(&[("0006_searched", "services: {search: '>=7.0.0'}\noperations: []\n")]);
    shop.project.write(
        "orchestrate.yaml",
        format!("format: orchestrate/v1\nkind: project\nenvironments:\n  production:\n{environment}"),
    );
    shop.project.write(
        "templates/platforms/shop.yaml",
        format!("format: orchestrate/v1\nkind: platform\nname: shop\n{platform}"),
    );
    shop.sql("CREATE TABLE installation (version TEXT); INSERT INTO installation VALUES ('1.1.0')");
    shop
}

const PLATFORM: &str = "deploy:\n  - {name: deploy, command: [shop-deploy, '{{ step.app }}'], repeatable: true}\n\
    version: {target: main, sql: SELECT version FROM installation, expect: '= {{ step.app }}'}\n";

/// A folder with a program that does nothing.
fn program(shop: &Shop, name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    shop.project.write(&format!("bin/{name}"), "#!/bin/sh\n");
    let folder = shop.project.path().join("bin");
    std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o755)).expect("the file is ours");
    folder
}

#[test]
fn an_installation_that_is_well() {
    let environment = "    platform: shop\n    targets:\n      main: {url: \"sqlite://shop.db\"}\n    \
                       services: {search: 7.10.2}\n    settings: {max_concurrent: 2}\n";
    let shop = shop(environment, PLATFORM);
    let path = program(&shop, "shop-deploy");
    let doctor = |arguments: &[&str]| {
        Outcome::of(command(shop.project.path(), arguments).env("PATH", &path).output().expect("it can be started"))
    };
    assert_whole!("empty", told(&shop, &doctor(&["doctor"])));
    assert!(!shop.project.path().join(".orchestrate").exists(), "looking makes no store");
    shop.done(&["start", "0001_customers"]);
    assert_whole!("well", told(&shop, &doctor(&["doctor"])));
    assert_whole!("json", told(&shop, &doctor(&["doctor", "--format", "json"])));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let environment = "    platform: shop\n    targets:\n      main: {url: \"sqlite://shop.db\"}\n      \
        gone: {url: \"postgres://ann:sesame-word@127.0.0.1:1/shop\"}\n      unset: {url: \"${SHOP_NO_URL}\"}\n      \
        odd: {url: \"sqlite://odd.db?colour=red\"}\n      new: {url: \"sqlite://new.db\"}\n    \
        vars: {token: \"${SHOP_NO_TOKEN}\"}\n    services: {search: 6.8.0}\n    settings: {auto_rollback: true}\n";
    let platform = "deploy:\n  - {name: deploy, command: [no-such-program-here], repeatable: true}\n\
                    version: {target: main, sql: SELECT version FROM nowhere}\n";
    let shop = shop(environment, platform);
    let outcome = shop.run(&["doctor"]);
    assert_eq!(outcome.code, 1);
    assert!(!outcome.whole().contains("sesame-word"), "{}", outcome.whole());
    assert_whole!("ill", told(&shop, &outcome));
    assert!(!shop.project.path().join("new.db").exists(), "looking makes no file");
}

#[test]
fn services_are_measured_by_what_runs_and_what_is_to_come() {
    let path = "format: orchestrate/v1\nkind: upgrade-path\nproduct: shop\ntitle: Shop\nreleases:\n  \
        - {app: 1.1.0, needs: {kubernetes: '>=1.20.0, <1.24.0', cache: '>=5.0.0'}}\n  \
        - {app: 1.2.0, needs: {kubernetes: '>=1.23.0', cache: '>=5.0.0', queue: '>=2.0.0'}}\n";
    let environment = "    platform: shop\n    targets:\n      main: {url: \"sqlite://shop.db\"}\n    \
        services: {search: 7.10.2, kubernetes: 1.22.17, cache: 4.0.9}\n";
    let shop = shop(environment, PLATFORM);
    shop.project.write("upgrade-paths/shop.yaml", path);
    let outcome = shop.run(&["doctor", "--format", "json"]);
    let services: Vec<String> = outcome.json()["findings"]
        .as_array()
        .expect("findings are a list")
        .iter()
        .filter(|finding| finding["about"].as_str().is_some_and(|about| about.starts_with("service ")))
        .map(|finding| format!("{} {}: {}", finding["rating"], finding["about"], finding["message"]).replace('"', ""))
        .collect();
    let expected = [
        "bad service cache: 4.0.9 runs, and 1.1.0, which runs on it, needs >=5.0.0",
        "doubtful service kubernetes: 1.22.17 runs; 1.2.0 needs >=1.23.0",
        "doubtful service queue: its version is not known: nothing tells it",
        "good service search: 7.10.2 serves what runs and what is to come",
    ];
    assert_eq!(services, expected);
}

/// Servers that take a connection and say nothing hold nobody up for long, however many they are.
#[test]
fn silence_is_bounded() {
    let silent: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
    let port = |number: usize| silent[number].local_addr().expect("it is bound").port();
    let project = Project::with(&[(
        "upgrade-paths/shop.yaml",
        "format: orchestrate/v1\nkind: upgrade-path\nreleases: [{app: 1.0.0}]\n",
    )]);
    project.write(
        "orchestrate.yaml",
        format!(
            "format: orchestrate/v1\nkind: project\nenvironments:\n  production:\n    store: \"postgres://127.0.0.1:{}/a\"\n    \
             targets:\n      one: {{url: \"postgres://127.0.0.1:{}/a\"}}\n      two: {{url: \"http://127.0.0.1:{}\"}}\n      \
             three: {{url: \"http://127.0.0.1:{}\"}}\n",
            port(0),
            port(1),
            port(2),
            port(3)
        ),
    );
    let begun = Instant::now();
    let outcome = project.run(&["doctor"]);
    assert_eq!(outcome.code, 1);
    assert_eq!(outcome.stdout.matches("  bad  ").count(), 4, "{}", outcome.whole());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
