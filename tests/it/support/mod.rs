//! What the tests share: a project in a temporary folder, and the program run in it.

pub mod bakery;
pub mod servers;
pub mod shop;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What differs from run to run, and what stands for it in snapshots.
pub const VARYING: [(&str, &str); 8] = [
    (r"sha256:[0-9a-f]{64}", "sha256:…"),
    (r"\b[0-9a-f]{20}\b", "[identity]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[run]"),
    (r"process \d+ on [\w.-]+", "process [pid] on [host]"),
    (r#""pid":\d+"#, r#""pid":[pid]"#),
    (r#""host":"[^"]+""#, r#""host":"[host]""#),
    (r"ends in \d+ ms", "ends in [n] ms"),
];

/// A snapshot of a run's whole output, without what differs from run to run.
macro_rules! assert_whole {
    ($($argument:expr),+ $(,)?) => {
        insta::with_settings!({ filters => $crate::support::VARYING.to_vec() }, {
            insta::assert_snapshot!($($argument),+);
        })
    };
}
pub(crate) use assert_whole;

pub use bakery::Bakery;
pub use shop::Shop;

/// The repository, which is itself a project.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every YAML file of a project by its path, as another YAML reader sees it.
pub fn documents(directory: &Path) -> BTreeMap<String, serde_json::Value> {
    let mut documents = BTreeMap::new();
    for file in orchestrate::config::read_project(directory).expect("the directory is a project") {
        let value = serde_yaml::from_slice(&file.bytes).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        documents.insert(file.path.to_string(), value);
    }
    documents
}

/// The files that a page of the documentation shows, each with its path.
pub fn files_of_page(page: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(repository().join(page)).expect("a page can be read");
    let blocks = text.split("```yaml\n# ").skip(1).filter_map(|rest| rest.split_once("```"));
    let file = |(block, _): (&str, _)| block.split_once('\n').map(|(path, text)| (path.to_owned(), text.to_owned()));
    blocks.filter_map(file).collect()
}

/// A catalog of these files, which must be consistent.
pub fn catalog(files: &[(&str, &str)]) -> orchestrate::model::Catalog {
    let source = |(path, text): &(&str, &str)| orchestrate::manifest::SourceFile {
        path: std::sync::Arc::from(*path),
        bytes: text.as_bytes().to_vec(),
    };
    let (catalog, _) = orchestrate::manifest::load(files.iter().map(source).collect());
    catalog.unwrap_or_else(|broken| panic!("{broken:?}"))
}

/// A project directory that lives as long as the value.
pub struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    /// An empty directory.
    pub fn new() -> Project {
        Project { directory: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A directory with these files.
    pub fn with(files: &[(&str, &str)]) -> Project {
        let project = Project::new();
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// Writes a file, with the folders above it.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder can be made");
        std::fs::write(path, bytes).expect("a file can be written");
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs the program in it.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        run_in(self.path(), arguments)
    }
}

/// What a run of the program gave.
pub struct Outcome {
    pub stdout: String,
    pub stderr: String,
    pub code: i32,
}

impl Outcome {
    /// What a program that ended by itself gave.
    pub fn of(output: std::process::Output) -> Outcome {
        Outcome {
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
            code: output.status.code().expect("the program was not killed"),
        }
    }

    /// Everything in one text, for snapshots.
    pub fn whole(&self) -> String {
        let mut whole = String::new();
        write!(whole, "exit code: {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
            .expect("a string can be written to");
        whole
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.whole()))
    }
}

/// Runs the program in a directory, with nothing of this process's environment that could change its answer.
pub fn run_in(directory: &Path, arguments: &[&str]) -> Outcome {
    Outcome::of(command(directory, arguments).output().expect("the program can be started"))
}

/// The program in a directory, typed by ann, with leases that end soon.
pub fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("ORCHESTRATE_USER", "ann")
        .env("ORCHESTRATE_LEASE", "1s");
    command
}

/// The same at a terminal of its own; what is typed is its standard input.
pub fn at_terminal(directory: &Path, arguments: &[&str]) -> Command {
    const SPAWN: &str = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let inner = command(directory, arguments);
    let mut outer = Command::new("python3");
    outer.args(["-c", SPAWN]).arg(inner.get_program()).args(inner.get_args()).current_dir(directory);
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// The program under test.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_orchestrate"))
}
