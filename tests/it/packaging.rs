//! What cannot be built here is at least true to the rest: the image and the pipelines of the documentation.

use std::path::Path;

use crate::support::{repository, run_in};

fn text(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("the file is there")
}

/// The blocks of a page in a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = text(page);
    let begins = format!("```{language}\n");
    let parts = text.split(&begins).skip(1).filter_map(|rest| rest.split_once("\n```"));
    parts.map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn the_image_is_built_with_the_rust_that_the_package_asks_for() {
    let (manifest, dockerfile) = (text("Cargo.toml"), text("Dockerfile"));
    let version = manifest.split_once("rust-version = \"").and_then(|(_, rest)| rest.split_once('"'));
    let (version, _) = version.expect("the package names its Rust");
    assert!(dockerfile.contains(&format!("FROM rust:{version}.")), "{version}");
    let stages: Vec<&str> = dockerfile.lines().filter(|line| line.starts_with("FROM ")).collect();
    let debian = |line: &str| line.split('-').find(|part| part.contains("bookworm")).map(str::to_owned);
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert!(
        stages.iter().all(|line| debian(line).is_some()),
        "the program runs on the Debian that built it: {stages:?}"
    );
    let last_user = dockerfile.lines().rfind(|line| line.starts_with("USER ")).expect("the image names a user");
    assert_eq!(last_user, "USER 10001:10001");
}

#[test]
fn what_the_image_leaves_out_is_not_needed_to_build_it() {
    let ignored = text(".dockerignore");
    for line in ignored.lines().filter(|line| !line.contains('*')) {
        let is_source = ["src", "templates", "demo", "tests", "benches", "Cargo.toml", "Cargo.lock"].contains(&line);
        assert!(!is_source && !Path::new(line).is_absolute(), "{line}");
    }
}

#[test]
fn the_pipelines_of_the_documentation_are_yaml() {
    let blocks = blocks("docs/ci.md", "yaml");
    assert!(blocks.len() >= 5);
    for block in blocks {
        let read: Result<serde_json::Value, _> = serde_yaml::from_str(&block);
        assert!(read.is_ok_and(|value| value.is_object()), "{block}");
    }
}

/// The commands in them have the options that they are given.
#[test]
fn the_commands_of_the_pipelines_can_be_typed() {
    let page = text("docs/ci.md");
    let mut commands: Vec<Vec<String>> = Vec::new();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    for line in page.lines().map(str::trim) {
        let typed = line.strip_prefix("run: orchestrate ").or_else(|| line.strip_prefix("orchestrate "));
        let listed = line.split_once("args: [").and_then(|(_, rest)| rest.rsplit_once(']')).map(|(list, _)| list);
        commands.extend(typed.map(words));
        commands.extend(listed.map(|list| list.split(", ").map(str::to_owned).collect()));
    }
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let help = run_in(repository(), &[&command[0], "--help"]);
        assert_eq!(help.code, 0, "{command:?}: {}", help.whole());
        for option in command.iter().filter(|word| word.starts_with("--")) {
            assert!(help.stdout.contains(option.as_str()), "{command:?}: no {option}");
        }
    }
}
