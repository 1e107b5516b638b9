//! The journal's form: every kind of event, as it was written once, can be read for ever.

use std::collections::BTreeSet;

use orchestrate::run::{Event, State, Timestamp, Upgrade, UpgradeEvent};

use crate::support::repository;

fn sample() -> String {
    let path = repository().join("tests/fixtures/journal/v1.jsonl");
    std::fs::read_to_string(path).expect("the sample is checked in")
}

#[test]
fn the_sample_is_read_and_written_as_it_stands() {
    for line in sample().lines() {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(serde_json::to_string(&event).expect("an event can be written"), line);
        assert!(line.starts_with(&format!("{{\"event\":\"{}\"", event.name())), "{line}");
    }
}

#[test]
fn the_sample_has_every_kind_of_event() {
    let events = sample();
    let kinds: BTreeSet<&str> = events
        .lines()
        .map(|line| serde_json::from_str::<Event>(line).unwrap_or_else(|error| panic!("{error}: {line}")).name())
        .collect();
    assert_eq!(kinds.len(), 30, "{kinds:?}");
    for word in ["stop", "pause", "resume", "rollback", "retry", "resolve", "tune"] {
        assert!(events.contains(&format!("\"verb\":\"{word}\"")), "{word}");
    }
    for word in ["answer", "mark", "done_when", "repeatable", "person", "nothing_to_do"] {
        assert!(events.contains(&format!("\"proof\":\"{word}\"")), "{word}");
    }
    for word in ["transient", "refused", "partial", "lost", "ended"] {
        assert!(events.contains(&format!("\"kind\":\"{word}\"")), "{word}");
    }
    for word in ["\"done\"", "not_done", "skip"] {
        assert!(events.contains(&format!("\"resolution\":\"{}\"", word.trim_matches('"'))), "{word}");
    }
}

#[test]
fn the_sample_of_a_whole_run_folds() {
    let path = repository().join("tests/fixtures/journal/v1-run.jsonl");
    let text = std::fs::read_to_string(path).expect("the sample is checked in");
    let events = text.lines().enumerate().map(|(second, line)| {
        let event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (Timestamp(i64::try_from(second).expect("few lines") * 1000), event)
    });
    let state = State::fold(events).expect("it folds").expect("it has events");
    assert_eq!(state.status.as_str(), "rolled back");
}

#[test]
fn the_sample_of_a_run_that_moves_a_table_folds() {
    let path = repository().join("tests/fixtures/journal/v1-moving.jsonl");
    let text = std::fs::read_to_string(path).expect("the sample is checked in");
    let events = (0..).zip(text.lines()).map(|(second, line)| {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(serde_json::to_string(&event).expect("an event can be written"), line);
        (Timestamp(second * 1000), event)
    });
    let state = State::fold(events).expect("it folds").expect("it has events");
    assert_eq!(state.status.as_str(), "completed");
    assert_eq!(state.throttle.lost(Timestamp(i64::MAX)).as_secs(), 2);
}

#[test]
fn the_sample_of_an_upgrade_folds_and_has_every_kind_of_event() {
    let path = repository().join("tests/fixtures/journal/v1-upgrade.jsonl");
    let text = std::fs::read_to_string(path).expect("the sample is checked in");
    let mut kinds = BTreeSet::new();
    let events = (0..).zip(text.lines()).map(|(second, line)| {
        let event: UpgradeEvent = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(serde_json::to_string(&event).expect("an event can be written"), line);
        kinds.insert(event.name());
        (Timestamp(second * 1000), event)
    });
    let upgrade = Upgrade::fold(events).expect("it folds").expect("it has events");
    assert_eq!((upgrade.status.as_str(), upgrade.is_given_up()), ("stopped", true));
    assert_eq!(kinds.len(), 12, "all but that it is complete: {kinds:?}");
    for kind in ["acknowledgement", "gate", "deploy", "version", "migration", "refused", "stopped", "until"] {
        assert!(text.contains(&format!("{{\"kind\":\"{kind}\"")), "{kind}");
    }
}

#[test]
fn an_event_that_nobody_knows_is_refused() {
    assert!(serde_json::from_str::<Event>(r#"{"event":"vanished"}"#).is_err());
    assert!(serde_json::from_str::<Event>(r#"{"event":"attempted"}"#).is_err());
}
