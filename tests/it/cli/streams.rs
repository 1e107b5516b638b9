//! Standard output and error that cannot be written to, and project folders that cannot be read.

use std::process::{Command, Stdio};

use crate::support::{Project, program, repository};

/// The exit code and standard error of a run whose standard output goes to `out`.
fn run_into(arguments: &[&str], out: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    let output = command.args(arguments).current_dir(repository()).stdout(out).output();
    let output = output.expect("the program can be started");
    (output.status.code(), String::from_utf8(output.stderr).expect("standard error is UTF-8"))
}

/// A pipe that nobody reads.
fn broken_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    Stdio::from(writer)
}

const PLAN: [&str; 5] = ["plan", "--from", "1.30", "--to", "1.41"];
const NO_PLAN: [&str; 7] = ["plan", "--from", "1.41", "--to", "1.30", "--format", "json"];

#[test]
fn a_reader_that_went_away_does_not_change_the_answer() {
    assert_eq!(run_into(&PLAN, broken_pipe()), (Some(0), String::new()));
    let (code, stderr) = run_into(&NO_PLAN, broken_pipe());
    assert_eq!(code, Some(4), "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").expect("Linux has it"));
    let (code, stderr) = run_into(&PLAN, full());
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error: cannot write to standard output: "), "{stderr}");
    let (code, stderr) = run_into(&["--help"], full());
    assert_eq!(code, Some(1), "{stderr}");
    let (code, stderr) = run_into(&NO_PLAN, full());
    assert_eq!(code, Some(4), "the answer was found all the same");
    assert!(stderr.contains("there is no plan"), "{stderr}");
}

#[test]
#[cfg(unix)]
fn what_is_no_regular_file_is_told_and_not_read() {
    let project = Project::with(&[("upgrade-paths/p.yaml", "format: orchestrate/v1\nkind: upgrade-path\n")]);
    std::fs::create_dir_all(project.path().join("manifests/p")).expect("a folder can be made");
    let links = [
        ("/dev/zero", "manifests/p/endless.yaml"),
        ("nowhere", "manifests/p/dangling.yaml"),
        ("nowhere", "orchestrate.yaml"),
        ("nowhere", "templates"),
    ];
    for (target, link) in links {
        std::os::unix::fs::symlink(target, project.path().join(link)).expect("a link can be made");
    }
    let outcome = project.run(&["lint"]);
    assert_eq!(outcome.code, 2, "{}", outcome.whole());
    for file in ["endless.yaml (it is not a file)", "dangling.yaml (", "orchestrate.yaml (", "templates ("] {
        assert!(outcome.stderr.contains(file), "{}", outcome.whole());
    }
}
