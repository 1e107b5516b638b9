//! A run of a million batches: it stays small, and so does what is written of each.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use orchestrate::model::Key;
use orchestrate::run::{Act, Decision, Event, Script, Settings, State, Timestamp, Unit, Watch, decide};

use super::moves::{keys, limit};
use super::sizes::begun;
use orchestrate::run::{Answer, Reading};

const BATCHES: u64 = 1_000_000;
/// Batches of each stretch before its end.
const STRETCHES: u32 = 16;
const MEMORY_KB: u64 = 64 * 1024;
/// The test runs again in a process of its own, which is told so by this.
const IS_ALONE: &str = "ORCHESTRATE_TEST_IS_ALONE";

/// The most memory that this process ever had, where the system tells.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What was written: how many events of batches, their bytes, and the most of one.
#[derive(Default)]
struct Written {
    batches: u64,
    bytes: usize,
    most: usize,
}

impl Written {
    fn add(&mut self, event: &Event) {
        if matches!(event, Event::Advanced { .. } | Event::BatchFailed { .. } | Event::BatchParked { .. }) {
            let bytes = serde_json::to_string(event).expect("an event can be written").len();
            (self.batches, self.bytes, self.most) = (self.batches + 1, self.bytes + bytes, self.most.max(bytes));
        }
    }
}

/// What comes of the next batch of a unit; now and then it takes too long.
fn batch(state: &State, unit: &Unit, settings: &Settings) -> Event {
    let walk = state.walk(unit).expect("it is walked through");
    let batch = walk.next_batch();
    let rows = state.batch_rows(unit, settings);
    let unit = unit.clone();
    if batch > BATCHES / u64::from(STRETCHES) {
        return Event::Advanced { unit, batch, high: None, rows: 0, ms: 1 };
    }
    let high =
        Some(Key(vec![format!("2026-11-21 19:00:{:02}.{batch:06}+00", batch % 60), (batch * 70_001).to_string()]));
    if batch % 1000 == 7 && walk.attempts == 0 {
        let message = "canceling statement due to statement timeout".to_owned();
        return Event::BatchFailed { unit, batch, high, rows, is_late: true, message };
    }
    Event::Advanced { unit, batch, high, rows, ms: rows / 70 + batch % 97 }
}

/// Runs it to its end, each decision as the shell would.
fn run() -> Written {
    let mut script =
        Script { tasks: vec![keys("copy", 4)], has_healthcheck: false, has_postcheck: false, limits: Vec::new() };
    script.limits.push(limit("lag", "< 5", "< 2"));
    let (settings, mut watch, mut written) = (Settings::default(), Watch::default(), Written::default());
    let mut state = begun(STRETCHES, Some(50_000));
    let mut now = Timestamp(0);
    let mut apply = |state: &mut State, event: Event, now: Timestamp| {
        written.add(&event);
        state.apply(event, now).expect("it follows");
    };
    loop {
        match decide(&script, &state, &watch, &settings, now) {
            Decision::Record(events) => events.into_iter().for_each(|event| apply(&mut state, event, now)),
            Decision::Act(acts) => {
                for act in acts {
                    if let Act::Read(names) = act {
                        let reading = Reading { at: now, answer: Answer::Value("1".into()) };
                        watch.readings.extend(names.into_iter().map(|name| (name, reading.clone())));
                    } else if let Act::Perform(unit) = act {
                        watch.in_flight.insert(unit);
                    }
                }
            }
            Decision::Wait(_) => {
                now = now.after(Duration::from_millis(700));
                for unit in std::mem::take(&mut watch.in_flight) {
                    let event = batch(&state, &unit, &settings);
                    apply(&mut state, event, now);
                }
            }
            Decision::Finish(ending) => {
                assert_eq!(ending.status.as_str(), "completed");
                break;
            }
        }
    }
    let numbers: BTreeSet<u64> =
        state.parts().filter_map(|(_, part)| part.walk.as_ref().map(|walk| walk.batch)).collect();
    assert_eq!(numbers, [BATCHES / u64::from(STRETCHES) + 1].into());
    written
}

#[test]
fn a_million_batches_take_little_memory_and_few_words() {
    if std::env::var_os(IS_ALONE).is_none() {
        let name = "run::million::a_million_batches_take_little_memory_and_few_words";
        let this = std::env::current_exe().expect("this test has a program");
        let alone = Command::new(this).args(["--exact", name]).env(IS_ALONE, "1").output().expect("it can be started");
        let told = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && told.contains("1 passed"), "{told}");
        return;
    }
    let written = run();
    assert!(written.batches >= BATCHES, "{} batches", written.batches);
    assert!(written.most < 300, "an event has {} bytes", written.most);
    let average = written.bytes / usize::try_from(written.batches).expect("it fits");
    assert!(average < 200, "events have {average} bytes");
    assert!(peak_kb().is_none_or(|peak| peak < MEMORY_KB), "it took {:?} kB", peak_kb());
}
