//! Commands as they really run: how they end, what is kept of their output, and that none of them is left behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use orchestrate::process::{Command, Exit, Finished, GRACE, ProcessError, Watch, run};
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(120);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

fn words(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|word| (*word).to_owned()).collect()
}

/// A command as the tests want it.
struct Trial<'a> {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: Option<&'a Path>,
    timeout: Duration,
    grace: Duration,
    cancel: CancellationToken,
    watch: Option<Watch<'a>>,
}

impl<'a> Trial<'a> {
    fn new(argv: &[&str]) -> Trial<'a> {
        let (argv, env, cancel) = (words(argv), BTreeMap::new(), CancellationToken::new());
        Trial { argv, env, cwd: None, timeout: LONG, grace: GRACE, cancel, watch: None }
    }

    fn shell(script: &str) -> Trial<'a> {
        Trial::new(&["sh", "-c", script])
    }

    async fn run(&self) -> Result<Finished, ProcessError> {
        let Trial { argv, env, cwd, timeout, grace, cancel, watch } = self;
        let (cwd, timeout, grace, watch) = (*cwd, *timeout, *grace, *watch);
        run(Command { argv, env, cwd, timeout, grace, cancel, watch }).await
    }

    fn end(&self) -> Result<Finished, ProcessError> {
        runtime().block_on(self.run())
    }

    fn finished(&self) -> Finished {
        self.end().expect("it ends by itself")
    }
}

/// Whether a process runs; one that nobody has reaped yet does not.
fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_command_tells_how_it_ended_and_what_it_wrote() {
    let mut trial = Trial::shell("cat; echo \"$NAME in $PWD\"; printf 'a\\377b' >&2; exit 3");
    trial.env.insert("NAME".to_owned(), "o'brien $HOME".to_owned());
    trial.cwd = Some(Path::new("/"));
    let finished = trial.finished();
    assert_eq!(finished.exit, Exit::Code(3));
    assert_eq!(finished.output.stdout.text, "o'brien $HOME in /\n");
    assert_eq!(finished.output.stderr.text, "a\u{fffd}b");
    assert_eq!(Trial::shell("kill -9 $$").finished().exit, Exit::Signal(9));
}

#[test]
fn what_cannot_be_started_is_told_apart() {
    let why = |trial: &Trial<'_>| trial.end().expect_err("it cannot be started").to_string();
    assert_eq!(why(&Trial::new(&[])), "the command is empty");
    assert_eq!(why(&Trial::new(&["no-such-program"])), "there is no program `no-such-program`");
    assert_eq!(why(&Trial::new(&["/"])), "`/` cannot be started");
    let mut elsewhere = Trial::shell("true");
    elsewhere.cwd = Some(Path::new("/no/such/folder"));
    assert_eq!(why(&elsewhere), "there is no folder /no/such/folder");
    let cancelled = Trial::shell("true");
    cancelled.cancel.cancel();
    assert_eq!(why(&cancelled), "`sh` was stopped");
}

#[test]
fn of_much_output_the_end_is_kept() {
    let finished = Trial::shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end").finished();
    let stdout = finished.output.stdout;
    assert_eq!(stdout.bytes_cut + stdout.text.len() as u64, 3_000_004);
    assert!(stdout.text.len() == 64 * 1024 && stdout.text.ends_with("xend\n"));
}

#[test]
fn a_command_that_is_stopped_may_end_in_order() {
    let cancel = CancellationToken::new();
    let watch = |_, line: &str| {
        if line == "ready" {
            cancel.cancel();
        }
    };
    let mut trial = Trial::shell(
        "sh -c 'trap \"echo tidied; exit 0\" TERM; echo ready; while :; do sleep 0.01; done'; echo not reached",
    );
    trial.cancel = cancel.clone();
    trial.watch = Some(&watch);
    match trial.end() {
        Err(ProcessError::Cancelled { program, output }) => {
            assert_eq!((program.as_str(), output.stdout.text.as_str()), ("sh", "ready\ntidied\n"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_that_does_not_listen_is_killed_with_all_that_it_started() {
    let cancel = CancellationToken::new();
    let pids = Mutex::new(Vec::new());
    let watch = |_, line: &str| {
        let mut pids = pids.lock().expect("no watch panics");
        pids.push(line.to_owned());
        if pids.len() == 2 {
            cancel.cancel();
        }
    };
    let mut trial = Trial::shell("trap '' TERM; sh -c 'echo $$; while :; do sleep 0.01; done' & echo $$; wait");
    (trial.cancel, trial.grace) = (cancel.clone(), Duration::from_millis(50));
    trial.watch = Some(&watch);
    assert!(matches!(trial.end(), Err(ProcessError::Cancelled { .. })));
    let left: Vec<String> =
        pids.lock().expect("no watch panics").iter().filter(|pid| is_running(pid)).cloned().collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_command_that_takes_too_long_is_stopped() {
    let mut trial = Trial::shell("echo $$; exec sleep 600");
    trial.timeout = Duration::from_millis(300);
    let error = trial.end().expect_err("it sleeps for longer");
    assert_eq!(error.to_string(), "`sh` did not end within 300ms and was stopped");
    assert!(matches!(error, ProcessError::TimedOut { output, .. } if !is_running(output.stdout.text.trim())));
}

#[test]
fn who_holds_the_output_open_is_not_waited_for() {
    let finished = Trial::shell("sleep 600 & echo $!; exit 4").finished();
    assert_eq!(finished.exit, Exit::Code(4));
    assert!(!is_running(finished.output.stdout.text.trim()));
}

#[test]
fn a_call_that_is_dropped_leaves_nothing_behind() {
    let (told, begun) = (CancellationToken::new(), Mutex::new(String::new()));
    let watch = |_, line: &str| {
        line.clone_into(&mut begun.lock().expect("no watch panics"));
        told.cancel();
    };
    let mut trial = Trial::shell("sleep 600 & echo $!; wait");
    trial.watch = Some(&watch);
    runtime().block_on(async {
        tokio::select! {
            ended = trial.run() => panic!("{ended:?}"),
            () = told.cancelled() => {}
        }
    });
    let pid = begun.lock().expect("no watch panics").clone();
    while is_running(&pid) {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_command_without_its_owner_is_found_by_its_tag_and_ended() {
    let tag = format!("orchestrate:orphan-{}", std::process::id());
    let mut child = std::process::Command::new("sleep")
        .arg("600")
        .env(orchestrate::process::TAG, &tag)
        .spawn()
        .expect("sleep can be started");
    while !orchestrate::process::is_running(&tag) {
        tokio::task::yield_now().await;
    }
    assert!(!orchestrate::process::is_running(&format!("{tag}:another")));
    let reaped = tokio::task::spawn_blocking(move || child.wait());
    orchestrate::process::end(&tag, Duration::from_secs(10)).await;
    assert!(!orchestrate::process::is_running(&tag));
    assert!(!reaped.await.expect("it is waited for").expect("it ended").success());
}
