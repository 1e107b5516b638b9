//! The architecture as tests: who may import whom, how long a file and a function may be, and a purpose for each module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::repository;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Who may import whom, besides itself. What does not stand here is a new stage, and needs a line.
const IMPORTS: [(&str, &[&str]); 16] = [
    ("model", &[]),
    ("graph", &[]),
    ("sql", &["model"]),
    ("template", &["model", "sql"]),
    ("manifest", &["model", "sql", "template", "graph"]),
    ("plan", &["model", "template", "graph"]),
    ("check", &["model", "sql", "manifest", "plan"]),
    ("run", &["model", "plan"]),
    ("store", &["model", "run"]),
    ("database", &["model", "sql"]),
    ("process", &["model"]),
    ("http", &["model"]),
    ("execute", &["model", "sql", "template", "manifest", "plan", "run", "store", "database", "process", "http"]),
    ("config", &["manifest", "model"]),
    ("telemetry", &[]),
    (
        "cli",
        &[
            "model",
            "sql",
            "template",
            "manifest",
            "plan",
            "check",
            "run",
            "store",
            "database",
            "process",
            "http",
            "execute",
            "config",
            "telemetry",
        ],
    ),
];

/// The stages that are values in, values out.
const CORE: [&str; 8] = ["model", "graph", "sql", "template", "manifest", "plan", "check", "run"];

/// Crates that only one stage may know.
const DOORS: [(&str, &str); 8] = [
    ("petgraph", "graph"),
    ("minijinja", "template"),
    ("granit_parser", "manifest"),
    ("clap", "cli, telemetry"),
    ("sqlx", "store, database"),
    ("clickhouse", "database"),
    ("reqwest", "http"),
    ("process_wrap", "process"),
];

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the repository can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file can be read");
                files.insert(path, text);
            }
        }
    }
    let mut files = BTreeMap::new();
    for folder in ["src", "tests", "benches"] {
        walk(&repository().join(folder), &mut files);
    }
    files
}

fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

/// The stage that a file of `src` belongs to; nothing for `lib.rs` and `main.rs`, which may know all.
fn stage(path: &Path) -> Option<String> {
    let relative = path.strip_prefix(repository().join("src")).ok()?;
    let first = relative.components().next()?.as_os_str().to_string_lossy().into_owned();
    let stage = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
    (!matches!(stage.as_str(), "lib" | "main")).then_some(stage)
}

#[test]
fn every_stage_imports_only_those_before_it() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(stage) = stage(&path) else { continue };
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == stage) else {
            wrong.push(format!("{}: the stage `{stage}` is not in the import table", shown(&path)));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for rest in code.split("crate::").skip(1) {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if name != stage && !name.is_empty() && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}:{}: `{stage}` may not import `{name}`", shown(&path), number + 1));
                }
            }
            for (krate, doors) in DOORS {
                let is_use = code.contains(&format!("{krate}::"));
                if is_use && !doors.split(", ").any(|door| door == stage) {
                    wrong.push(format!("{}:{}: only `{doors}` may know {krate}", shown(&path), number + 1));
                }
            }
            if stage == "manifest" && code.contains("granit_parser") && !path.ends_with("manifest/parse.rs") {
                wrong.push(format!("{}:{}: only manifest/parse.rs may know the YAML crate", shown(&path), number + 1));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whether a function begins on a line: nothing but visibility and qualifiers stand before its `fn`.
fn begins_function(line: &str) -> bool {
    let is_qualifier = |word: &str| word.starts_with("pub") || word.ends_with(')') || matches!(word, "async" | "const");
    line.split_once("fn ").is_some_and(|(before, _)| before.split_whitespace().all(is_qualifier))
}

#[test]
fn files_and_functions_fit_in_the_head() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            wrong.push(format!("{}: {} lines", shown(&path), lines.len()));
        }
        for (number, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if !begins_function(line) {
                continue;
            }
            let closing = format!("{}}}", " ".repeat(indent));
            let length = lines[number..].iter().position(|line| *line == closing).map_or(0, |end| end + 1);
            if length > FUNCTION_LINES_MAX {
                wrong.push(format!("{}:{}: a function of {length} lines", shown(&path), number + 1));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> =
        sources().iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| shown(path)).collect();
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn the_core_is_pure() {
    for stage in CORE {
        let folder = repository().join("src").join(stage).join("mod.rs");
        let file = repository().join("src").join(format!("{stage}.rs"));
        let path = if folder.exists() { folder } else { file };
        let text = std::fs::read_to_string(&path).expect("a stage has a module");
        assert!(text.contains("#![deny(clippy::disallowed_methods)]"), "{} does not switch it on", shown(&path));
    }
    for (path, text) in sources() {
        let is_core = stage(&path).is_some_and(|stage| CORE.contains(&stage.as_str()));
        assert!(!is_core || !text.contains("async fn"), "{} is asynchronous", shown(&path));
    }
}

/// A test file that no module names would never run.
#[test]
fn no_test_file_is_forgotten() {
    let sources = sources();
    let root = repository().join("tests/it");
    let forgotten: Vec<String> = sources
        .keys()
        .filter(|path| path.starts_with(&root) && !path.ends_with("it/main.rs") && !path.ends_with("mod.rs"))
        .filter(|path| {
            let stem = path.file_stem().expect("a source file has a name").to_string_lossy();
            let folder = path.parent().expect("a source file is in a folder");
            let parents = [folder.join("main.rs"), folder.join("mod.rs"), folder.with_extension("rs")];
            !parents.iter().filter_map(|parent| sources.get(parent)).any(|text| text.contains(&format!("mod {stem};")))
        })
        .map(|path| shown(path))
        .collect();
    assert_eq!(forgotten, Vec::<String>::new());
}
