//! Fake programs on a `PATH` of their own, which write down how they were called.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::support::{Project, repository};

use super::driver::deploying;
use orchestrate::model::StepNames;

/// The real programs that scripts are made of.
const REAL: [&str; 7] = ["sh", "cat", "mktemp", "mv", "rm", "sleep", "sed"];

/// What every fake begins with: it writes its call down, and knows where its world is.
const BEGIN: &str = "#!/bin/sh\nset -eu\nworld=$(dirname \"$0\")/../world\n\
    { printf '%s' \"${0##*/}\"; for word; do printf ' %s' \"${word:-''}\"; done; printf '\\n'; } >> \"$world/calls\"\n";

/// A project with one environment, and the world that its platform's programs see.
pub struct World {
    pub project: Project,
}

impl World {
    /// A project of this platform with these variables, and these fakes: each a name and a script.
    pub fn new(platform: &str, vars: &str, fakes: &[(&str, &str)]) -> World {
        let project = Project::new();
        project.write("orchestrate.yaml", format!(
            "format: orchestrate/v1\nkind: project\nenvironments:\n  production:\n    store: sqlite://state.db\n    \
             platform: {platform}\n    vars: {vars}\n"
        ));
        project.write("world/calls", "");
        let world = World { project };
        std::fs::create_dir(world.bin()).expect("a folder can be made");
        for name in REAL.iter().chain(&["dirname"]) {
            let found = std::env::split_paths(&std::env::var_os("PATH").expect("there is a PATH"))
                .map(|folder| folder.join(name))
                .find(|path| path.exists())
                .unwrap_or_else(|| panic!("there is no {name}"));
            symlink(found, world.bin().join(name)).expect("a link can be made");
        }
        for (name, script) in fakes {
            world.fake(name, script);
        }
        world
    }

    fn bin(&self) -> PathBuf {
        self.project.path().join("bin")
    }

    /// A program.
    pub fn fake(&self, name: &str, script: &str) {
        let path = self.bin().join(name);
        std::fs::write(&path, format!("{BEGIN}{script}")).expect("a script can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it can be made a program");
    }

    /// Takes the file of a platform over into the project, with some texts changed.
    pub fn own(&self, platform: &str, changes: &[(&str, &str)]) {
        let path = format!("templates/platforms/{platform}.yaml");
        let text = std::fs::read_to_string(repository().join(&path)).expect("the platform is there");
        let changed = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{platform} says nothing of {from}");
            text.replace(from, to)
        });
        self.project.write(&path, changed);
    }

    /// Something that the fakes know.
    pub fn set(&self, name: &str, text: &str) {
        self.project.write(&format!("world/{name}"), text);
    }

    /// The same, as it is now.
    pub fn get(&self, name: &str) -> String {
        std::fs::read_to_string(self.project.path().join("world").join(name)).unwrap_or_default()
    }

    /// Every call so far, one a line.
    pub fn calls(&self) -> String {
        let project = self.project.path().display().to_string();
        self.get("calls").replace(&project, "[project]")
    }

    fn path(&self) -> String {
        self.bin().display().to_string()
    }

    /// Deploys, and tells what came of it.
    pub fn deploy(&self, step: &StepNames) -> String {
        super::driver::deployed(&self.project, step, &[("PATH", &self.path())]).expect("nobody killed it")
    }

    /// Deploys, and kills the process once a fake says that it is in the middle; the fake's own process id.
    pub fn deploy_killed(&self, step: &StepNames) -> Pid {
        let begun = self.project.path().join("world/begun");
        if !begun.exists() {
            mkfifo(&begun, Mode::S_IRWXU).expect("a fifo can be made");
        }
        let mut child = deploying(&self.project, step, &[("PATH", &self.path())])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the tests' program can be started");
        let process = Pid::from_raw(i32::try_from(child.id()).expect("process ids are small"));
        let gone = begun.clone();
        let waits = std::thread::spawn(move || {
            let status = child.wait().expect("it can be waited for");
            // Whoever still reads is told that nothing comes any more.
            let fifo = OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(gone);
            drop(fifo.map(|mut fifo| fifo.write_all(b"nobody")));
            status
        });
        let told = read(&begun);
        let fake = told.trim().parse().expect("a fake tells its process id before the process ends");
        kill(process, Signal::SIGKILL).expect("it can be killed");
        waits.join().expect("it is waited for");
        Pid::from_raw(fake)
    }
}

/// Reads a fifo, waiting for whoever writes.
fn read(fifo: &Path) -> String {
    std::fs::read_to_string(fifo).expect("a fifo can be read")
}

/// Kills a fake and what it started.
pub fn kill_group(of: Pid) {
    // It leads a group of its own.
    kill(Pid::from_raw(-of.as_raw()), Signal::SIGKILL).expect("it can be killed");
}
