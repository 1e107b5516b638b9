//! SIGKILL in the middle of an upgrade, at every record and effect and at random moments: whoever goes on ends the same way.

use crate::faults::Moments;
use crate::support::bakery::ALL;
use crate::support::{Bakery, Outcome};

/// The stages that were reached, in their order, from the journal.
fn reached(bakery: &Bakery) -> Vec<String> {
    let journal = bakery.exits(0, &["journal", "upgrade", "--format", "json"]).stdout;
    let events = journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line is JSON"));
    let told = |event: serde_json::Value| {
        let what = event["event"].as_str().unwrap_or_default().to_owned();
        let is_achieved = ["acknowledged", "deployed", "migrated", "step_done", "completed"].contains(&what.as_str());
        let about = event["migration"].as_str().or(event["note"].as_str()).unwrap_or_default().to_owned();
        is_achieved.then(|| format!("{what} {} {about}", event["step"]))
    };
    events.filter_map(told).collect()
}

fn clean() -> Vec<String> {
    let bakery = Bakery::new();
    bakery.exits(0, &ALL);
    reached(&bakery)
}

/// At each record and each effect of a whole walk, one after another: the process dies there, and the next one dies a few
/// further on.
#[test]
fn kills_at_records_and_effects_change_nothing() {
    let expected = clean();
    let mut kills = 0;
    for point in ["before-record", "after-record", "before-effect", "after-effect"] {
        for first in (1..).step_by(11) {
            let bakery = Bakery::new();
            let run = |fault: Option<String>| {
                let mut command = bakery.command(&ALL);
                command.env("ORCHESTRATE_LEASE", "100ms");
                command.envs(fault.map(|fault| ("ORCHESTRATE_FAULT", fault)));
                command.output().expect("the program can be started")
            };
            let output = run(Some(format!("{point}:{first}")));
            if output.status.code() == Some(0) {
                break;
            }
            assert_eq!(output.status.code(), None, "{}", String::from_utf8_lossy(&output.stderr));
            kills += 1;
            if run(Some(format!("{point}:5"))).status.code().is_none() {
                kills += 1;
            }
            let last = run(None);
            let last = Outcome::of(last);
            // A third process may find it done.
            assert_eq!(last.code, 0, "{point}:{first}: {}", last.whole());
            bakery.assert_walked();
            assert_eq!(reached(&bakery), expected, "{point}:{first}");
        }
    }
    assert!(kills > 20, "{kills}");
}

#[test]
fn kills_at_random_moments_change_nothing() {
    let expected = clean();
    let (mut kills, mut seed) = (0, 0);
    while kills < 25 {
        seed += 1;
        let bakery = Bakery::new();
        let mut moments = Moments::new(seed);
        loop {
            let mut command = bakery.command(&ALL);
            command.env("ORCHESTRATE_LEASE", "100ms").stdout(std::process::Stdio::null());
            let mut process = command.stderr(std::process::Stdio::null()).spawn().expect("the program can be started");
            std::thread::sleep(moments.next(700));
            process.kill().expect("it can be killed");
            match process.wait().expect("it ends").code() {
                None => kills += 1,
                Some(0) => break,
                Some(code) => panic!("seed {seed}: exit code {code}"),
            }
        }
        bakery.assert_walked();
        assert_eq!(reached(&bakery), expected, "seed {seed}");
    }
}
