//! `demo`: what it writes, what it says, and that what it suggests works.

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Outcome, Project, assert_whole, documents, program, repository, run_in};

/// The demo's output without what each batch says.
fn shown(outcome: &Outcome) -> String {
    let is_batch = |line: &&str| line.contains(" (high=");
    let stderr: String =
        outcome.stderr.lines().filter(|line| !is_batch(line)).map(|line| format!("{line}\n")).collect();
    format!("exit code: {}\n--- stdout\n{}--- stderr\n{stderr}", outcome.code, outcome.stdout)
}

/// Runs a command line as a shell reads it, for the quotes that a suggestion may have.
fn shell(folder: &Path, line: &str, variables: &[(&str, &str)]) -> Outcome {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bin = program().parent().expect("the program is in a folder").to_owned();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).expect("folders join");
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("ORCHESTRATE_LEASE", "500ms")
        .envs(variables.iter().copied())
        .output()
        .expect("a shell can be started");
    Outcome {
        stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        code: output.status.code().unwrap_or(-1),
    }
}

/// The commands among what it prints, without the words beside them.
fn suggestions(text: &str) -> Vec<String> {
    let after = text.split("What to try next:").nth(1).expect("it suggests something");
    let commands = after.lines().filter_map(|line| line.strip_prefix("  "));
    commands.map(|line| line.split("   ").next().unwrap_or(line).to_owned()).collect()
}

#[test]
fn what_it_suggests_works() {
    let scratch = Project::new();
    let demo = scratch.run(&["demo"]);
    assert_eq!(demo.code, 0, "{}", demo.whole());
    assert_whole!("the_demo", shown(&demo));

    let mut folder = scratch.path().to_owned();
    let mut codes = Vec::new();
    for line in suggestions(&demo.stdout) {
        if let Some(into) = line.strip_prefix("cd ") {
            folder = folder.join(into);
            continue;
        }
        // This one is to be killed in the middle.
        let is_killed = line.starts_with("orchestrate start 0002_search_terms");
        let fault: &[(&str, &str)] = if is_killed { &[("ORCHESTRATE_FAULT", "after-effect:75")] } else { &[] };
        let outcome = shell(&folder, &line, fault);
        let told = if outcome.stderr.contains("error:") { outcome.whole() } else { String::new() };
        codes.push(format!("{} {line}{told}", if is_killed { 137 } else { outcome.code }));
        assert!(!is_killed || outcome.code != 0, "{}", outcome.whole());
    }
    insta::assert_snapshot!("what_it_suggests", codes.join("\n"));
}

/// Its batches are faster than the run looks around, and it looks around all the same.
#[test]
fn what_is_asked_reaches_a_run_whose_batches_come_and_go() {
    let scratch = Project::new();
    let demo = scratch.run(&["demo", "--quiet"]);
    assert_eq!(demo.code, 0, "{}", demo.whole());
    let folder = scratch.path().join("orchestrate-demo");
    let back = run_in(&folder, &["rollback", "0002_search_terms", "--quiet"]);
    assert_eq!(back.code, 0, "{}", back.whole());
    let mut running = Command::new(program())
        .args(["start", "0002_search_terms", "--at", "1.1.0"])
        .current_dir(&folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let told = running.stderr.take().expect("its standard error is piped");
    let mut lines = std::io::BufReader::new(told).lines();
    assert!(lines.any(|line| line.expect("a line can be read").contains("150 parts")), "the batches are found out");
    // Else it would wait for somebody who reads.
    let rest = std::thread::spawn(move || lines.count());

    let pause = run_in(&folder, &["pause", "0002_search_terms"]);
    assert_eq!(pause.code, 0, "{}", pause.whole());
    let status = || run_in(&folder, &["status", "0002_search_terms", "--format", "json"]).json();
    assert_eq!(status()["migrations"][0]["status"], "paused");
    let resume = run_in(&folder, &["resume", "0002_search_terms"]);
    assert_eq!(resume.code, 0, "{}", resume.whole());
    assert!(running.wait().expect("it ends").success());
    rest.join().expect("its lines were read");
    assert_eq!(status()["migrations"][0]["status"], "completed");
}

#[test]
fn a_second_time_goes_on_where_the_first_one_was() {
    let scratch = Project::new();
    let killed = shell(scratch.path(), "orchestrate demo", &[("ORCHESTRATE_FAULT", "before-effect:40")]);
    assert_ne!(killed.code, 0, "{}", killed.whole());
    let second = shell(scratch.path(), "orchestrate demo", &[]);
    assert!(second.code == 0 && second.stdout.starts_with("upgrade to 1.2.0: completed"), "{}", second.whole());
    assert!(!second.stderr.contains("making"), "the notes are there: {}", second.whole());
    scratch.write(
        "orchestrate-demo/manifests/jotter/0004_forget_drafts.yaml",
        include_str!("../../../demo/manifests/jotter/0004_forget_drafts.yaml").replace("10m", "11m"),
    );
    let third = scratch.run(&["demo", "--quiet"]);
    assert_eq!((third.code, third.stderr.as_str()), (0, ""), "{}", third.whole());
    let kept =
        std::fs::read_to_string(scratch.path().join("orchestrate-demo/manifests/jotter/0004_forget_drafts.yaml"));
    assert!(kept.expect("the file is there").contains("11m"), "what was edited stays");
}

#[test]
fn a_folder_that_is_in_the_way() {
    let scratch = Project::new();
    scratch.write("orchestrate-demo/letters.txt", "mine");
    scratch.write("a-file", "mine too");
    let folder = scratch.run(&["demo"]);
    let file = scratch.run(&["demo", "--dir", "a-file"]);
    insta::assert_snapshot!("in_the_way", format!("{}\n{}", folder.whole(), file.whole()));
    let entries = std::fs::read_dir(scratch.path().join("orchestrate-demo")).expect("the folder is there");
    assert_eq!(entries.count(), 1, "nothing was written");
}

/// A folder below a file cannot be made by anybody, not even by root.
#[test]
fn a_folder_that_cannot_be_written() {
    let scratch = Project::new();
    scratch.write("a-file", "mine");
    let refused = scratch.run(&["demo", "--dir", "a-file/demo"]);
    assert!(refused.code == 2 && refused.stdout.is_empty(), "{}", refused.whole());
    insta::assert_snapshot!("cannot_be_written", refused.whole());
}

#[test]
fn its_files_are_clean_and_make_the_way_that_they_promise() {
    let project = repository().join("demo");
    let lint = run_in(&project, &["lint", "--strict"]);
    assert_eq!((lint.code, lint.stdout.as_str()), (0, ""), "{}", lint.whole());
    assert_eq!(documents(&project).len(), 7);
    let plan = run_in(&project, &["plan", "--from", "1.0", "--to", "1.2"]);
    crate::support::assert_whole!("the_way", plan.whole());
}
