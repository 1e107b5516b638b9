//! A project for a runbook, programs on its own `PATH` that it runs, and somebody who answers what it asks.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, command, repository};

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a runbook is run.
pub struct World {
    pub project: Project,
    name: &'static str,
    set: Vec<String>,
}

/// How a command ended; without a code where it was killed.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub said: String,
}

impl World {
    /// A project with this runbook, whose waits are short, with variables (`PROJECT` is its folder) and with parameters.
    pub fn new(name: &'static str, vars: &str, parameters: &[&str]) -> World {
        let project = Project::with(&[(
            "upgrade-paths/shop.yaml",
            "format: orchestrate/v1\nkind: upgrade-path\nreleases: [{app: 1.0.0}]\n",
        )]);
        let vars = vars.replace("PROJECT", &project.path().display().to_string());
        project.write(
            "orchestrate.yaml",
            format!("format: orchestrate/v1\nkind: project\nenvironments:\n  production:\n    vars: {vars}\n"),
        );
        let path = format!("templates/runbooks/{name}.yaml");
        let text = std::fs::read_to_string(repository().join(&path)).expect("the runbook is there");
        let every = regex::Regex::new(r"every: \d+[ms]\n").expect("the pattern is a constant");
        project.write(&path, every.replace_all(&text, "every: 20ms\n").as_bytes());
        let set = parameters.iter().flat_map(|parameter| ["--set".to_owned(), (*parameter).to_owned()]).collect();
        World { project, name, set }
    }

    /// A program of this name.
    pub fn program(&self, name: &str, script: &str) {
        let path = format!("bin/{name}");
        self.project.write(&path, script);
        let path = self.project.path().join(path);
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    }

    /// The program under test, with the world's programs before all others.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = command(self.project.path(), arguments);
        command
            .env("PATH", format!("{}:{path}", self.project.path().join("bin").display()))
            .env("HOME", self.project.path())
            .env("ORCHESTRATE_LEASE", "300ms");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("the program can be started");
        let said = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }

    /// The name of its runs.
    pub fn run_name(&self) -> String {
        format!("runbook/{}", self.name)
    }

    /// Where it stands.
    pub fn entry(&self) -> Value {
        let status = self.run(&["status", &self.run_name(), "--format", "json"]);
        let document: Value = serde_json::from_str(&status.said).unwrap_or_else(|error| panic!("{error}: {status:?}"));
        document["migrations"][0].clone()
    }

    /// Runs it, again whenever it was killed, and says `done` to whatever a person is asked but to this step; how it ended.
    pub fn run_up_to(&self, last: &str) -> Ended {
        let mut arguments = vec!["runbook", "run", self.name];
        arguments.extend(self.set.iter().map(String::as_str));
        self.answer_up_to(last, &arguments, &arguments)
    }

    /// Takes it back, with the same patience.
    pub fn take_back(&self) -> Ended {
        let name = self.run_name();
        self.answer_up_to("", &["rollback", &name], &["resume", &name])
    }

    fn answer_up_to(&self, last: &str, first: &[&str], again: &[&str]) -> Ended {
        let begun = Instant::now();
        let name = self.run_name();
        let mut ended = self.run(first);
        loop {
            assert!(begun.elapsed() < PATIENCE, "it never ends: {:?}", self.entry());
            ended = match ended.code {
                // Killed, or its lease still lives.
                None | Some(7) => self.run(again),
                Some(10) => {
                    let entry = self.entry();
                    let asked = entry["next"][0].as_str().and_then(|next| next.split(' ').nth(3)).unwrap_or_default();
                    if asked == last {
                        return ended;
                    }
                    self.run(&["resolve", &name, asked, "done", "--reason", "seen by the test"])
                }
                Some(_) => return ended,
            };
        }
    }
}
