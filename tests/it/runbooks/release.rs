//! The release of a new version: with the real git, a registry that builds what is pushed, and fakes of gh and helm.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::World;

const VARS: &str = "{repository: PROJECT/app, bump: PROJECT/bin/bump, image_tags: 'URL/tags', playground: play, \
    playground_chart: shop/shop, playground_namespace: play, playground_context: play, \
    playground_values: PROJECT/play.yaml, playground_url: 'URL/playground', chart_repository: PROJECT/chart, \
    chart_bump: PROJECT/bin/bump-chart}";

struct Release(World);

impl Release {
    fn new(kill: &str) -> Release {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let world = World::new("release", &VARS.replace("URL", &url), &["VERSION=1.42.0", "PREVIOUS=1.41.0"]);
        let release = Release(world);
        let project = &release.0.project;
        project.write(".gitconfig", "[user]\nname = ann\nemail = ann@example.com\n[init]\ndefaultBranch = main\n");
        project.write("world/playground", "1.41.0");
        project.write("world/kill", kill);
        project.write("world/git", real_git().display().to_string());
        for name in ["app", "chart"] {
            release.git(&["init", "--quiet", "--bare", &format!("{name}.git")]);
            release.git(&["clone", "--quiet", &format!("{name}.git"), name]);
            project.write(&format!("{name}/version"), "1.41.0\n");
            release.git(&["-C", name, "add", "."]);
            release.git(&["-C", name, "commit", "--quiet", "--message", "chore: version 1.41.0"]);
            release.git(&["-C", name, "push", "--quiet", "origin", "HEAD:main"]);
        }
        for name in ["git", "gh", "helm"] {
            release.0.program(name, include_str!("release.py"));
        }
        for name in ["bump", "bump-chart"] {
            release.0.program(name, "#!/bin/sh\necho \"$1\" > version\n");
        }
        let home = project.path().to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&home, stream.expect("somebody calls"));
            }
        });
        release
    }

    /// The real git in the project's folder; what it says.
    fn git(&self, arguments: &[&str]) -> String {
        let path = self.0.project.path();
        let mut command = Command::new(real_git());
        let output = command.args(arguments).current_dir(path).env("HOME", path).output().expect("there is a git");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn world(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.project.path().join("world").join(name)).unwrap_or_default()
    }

    /// What stands at the two origins, what the playground runs, and the pull requests.
    fn told(&self) -> Vec<String> {
        let refs = |name: &str| {
            self.git(&["-C", &format!("{name}.git"), "for-each-ref", "--format=%(refname:short) %(subject)"])
        };
        let worktrees = self.git(&["-C", "app", "worktree", "list"]).lines().count();
        vec![
            refs("app"),
            refs("chart"),
            format!("playground {}", self.world("playground").trim()),
            format!("requests {}", self.world("requests")),
            format!("{worktrees} worktrees, refused: {}", self.world("refused")),
        ]
    }
}

/// The git of this machine, past the world's own.
fn real_git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.is_file()).expect("there is a git")
}

/// The registry, which has an image once it was asked for it twice after its branch or tag was pushed; and the playground.
fn answer(home: &Path, mut stream: TcpStream) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or(0);
    let line = String::from_utf8_lossy(&request[..length]).lines().next().unwrap_or_default().to_owned();
    let body = match line.split(' ').nth(1).unwrap_or_default().split_once("?name=release-") {
        None => std::fs::read_to_string(home.join("world/playground")).unwrap_or_default(),
        Some((_, image)) => {
            let pushed = match image.strip_suffix("-unstable") {
                Some(version) => home.join(format!("app.git/refs/heads/release-{version}")),
                None => home.join(format!("app.git/refs/tags/{image}")),
            };
            let (asked, built) = (home.join(format!("world/asked-{image}")), home.join(format!("world/image-{image}")));
            if pushed.exists() && asked.exists() {
                std::fs::write(&built, "built").expect("the folder is there");
            }
            if pushed.exists() {
                std::fs::write(&asked, "").expect("the folder is there");
            }
            let names = if built.exists() { format!("{{\"name\": \"release-{image}\"}}") } else { String::new() };
            format!("{{\"results\": [{names}]}}")
        }
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap_or_default();
}

const BEGIN: [&str; 5] = [
    "main chore: version 1.41.0",
    "main chore: version 1.41.0",
    "playground 1.41.0",
    "requests ",
    "1 worktrees, refused: ",
];

const END: [&str; 5] = [
    "main chore: version 1.41.0\nrelease-1.42.0 chore: version 1.42.0\n1.42.0 Version 1.42.0",
    "bump-1.42.0 Bump the app to 1.42.0\nmain chore: version 1.41.0",
    "playground 1.42.0-unstable",
    "requests {\"bump-1.42.0\": \"merged\"}",
    "2 worktrees, refused: ",
];

#[test]
fn from_the_branch_to_the_announcement() {
    let release = Release::new("");
    let waits = release.0.run_up_to("ready");
    assert_eq!(waits.code, Some(10), "{waits:?}");
    assert_eq!(release.git(&["-C", "app.git", "tag"]), "", "nobody gets a tag back: it is made last");
    let ended = release.0.run_up_to("");
    assert_eq!((ended.code, release.told()), (Some(0), END.map(str::to_owned).to_vec()), "{ended:?}");
    let journal = release.0.run(&["journal", "runbook/release"]).said;
    assert_eq!(journal.matches("which was done (seen by the test)").count(), 9, "{journal}");
    let refused = release.0.run(&["rollback", "runbook/release"]);
    assert!(refused.code == Some(9) && refused.said.contains("people may take them at once"), "{refused:?}");
}

#[test]
fn killed_at_every_call_it_ends_all_the_same() {
    for kill in ["before", "after"] {
        let release = Release::new(kill);
        let ended = release.0.run_up_to("");
        assert_eq!((ended.code, release.told()), (Some(0), END.map(str::to_owned).to_vec()), "{kill}: {ended:?}");
        assert!(release.world("killed").lines().count() > 15, "{}", release.world("killed"));
    }
}

#[test]
fn there_is_a_way_back_until_the_tag_is_pushed() {
    for last in ["chart-notes", "ready"] {
        let release = Release::new("");
        assert_eq!(release.0.run_up_to(last).code, Some(10));
        let ended = release.0.take_back();
        assert_eq!(release.told(), BEGIN, "{last}: {ended:?}");
        assert_eq!(release.0.entry()["status"], "rolled_back", "{last}: {ended:?}");
    }
}

#[test]
fn what_it_lacks_is_told_before_anything_is_done() {
    let world = World::new("release", "{repository: PROJECT/app}", &["VERSION=1.42.0", "PREVIOUS=1.41.0"]);
    let ended = world.run_up_to("");
    assert_eq!(ended.code, Some(5), "{ended:?}");
    for name in ["bump", "image_tags", "playground", "chart_repository"] {
        assert!(ended.said.contains(&format!("the variable `{name}` is not set")), "{name}: {ended:?}");
    }
}
