//! What must be so of every decision, whatever happened before.

use orchestrate::run::{Act, Decision, Direction, Event, PartProgress, Script, State, Timestamp, Undoing, Unit, Watch};

/// Panics where a decision breaks a promise.
pub fn check(script: &Script, state: &State, watch: &Watch, now: Timestamp, decision: &Decision) {
    match decision {
        Decision::Record(events) => {
            for event in events {
                if let Event::Attempted { unit } = event {
                    begins(script, state, unit);
                }
            }
        }
        Decision::Act(acts) => {
            assert!(!acts.is_empty(), "it does nothing");
            for act in acts {
                if let Act::Read(names) = act {
                    assert!(!names.iter().any(|name| watch.reading.contains(name)), "it asks twice: {names:?}");
                }
                if let Act::Perform(unit) = act {
                    may_work(state, unit);
                    may_move(script, state, unit);
                    assert!(!watch.in_flight.contains(unit), "{unit} is under way");
                    let progress = state.part(unit).map(|part| &part.progress);
                    assert!(matches!(progress, Some(PartProgress::Running(_))), "{unit} was not announced");
                }
            }
        }
        Decision::Wait(None) => {
            let has_wish = state.is_paused && state.stop.is_none();
            let is_under_way = !watch.in_flight.is_empty() || !watch.reading.is_empty();
            assert!(has_wish || is_under_way, "nothing will end this wait: {state:#?} {watch:#?}");
        }
        Decision::Wait(Some(until)) => assert!(*until > now, "it waits for the past: {state:#?} {watch:#?}"),
        Decision::Finish(_) => {
            assert!(watch.in_flight.is_empty(), "it leaves something under way");
            assert!(state.is_at_rest());
        }
    }
}

/// Nothing works while something holds the run up.
fn may_work(state: &State, unit: &Unit) {
    assert!(!state.is_paused, "{unit} works while paused");
    assert!(state.stop.is_none(), "{unit} works while stopping");
    assert!(state.health_unknown.is_none(), "{unit} works while nobody knows the health");
    assert_eq!(unit.direction, state.direction, "{unit} goes the wrong way");
    assert!(state.is_ready || unit.direction == Direction::Undo, "{unit} works before the checks");
}

/// Nothing of a table is moved while a limit holds.
fn may_move(script: &Script, state: &State, unit: &Unit) {
    let is_throttled = script.task_of(unit).is_some_and(|task| task.is_throttled);
    assert!(!is_throttled || state.throttle.since.is_none(), "{unit} works while {:?}", state.throttle);
}

fn begins(script: &Script, state: &State, unit: &Unit) {
    may_work(state, unit);
    if let Some(part) = state.part(unit) {
        let is_free = matches!(part.progress, PartProgress::Waiting | PartProgress::Failed { .. });
        assert!(is_free, "{unit} begins while {:?}", part.progress);
    }
    let index = script.tasks.iter().position(|task| task.name == unit.operation).expect("it is in the script");
    let (before, after) = (&script.tasks[..index], &script.tasks[index + 1..]);
    let was_started = |name: &str| state.operations.get(name).is_some_and(|operation| operation.may_have_effect());
    match unit.direction {
        Direction::Do => {
            let is_open = |name: &str| !state.phase(name, Direction::Do).is_some_and(|phase| phase.is_over());
            assert!(!before.iter().any(|task| is_open(&task.name)), "{unit} begins before its turn");
            let is_again = script.tasks[index].is_recovery;
            assert!(is_again || !after.iter().any(|task| was_started(&task.name)), "{unit} begins after its turn");
        }
        Direction::Undo => {
            assert!(was_started(&unit.operation), "{unit}: it never started");
            for task in after.iter().filter(|task| was_started(&task.name)) {
                let is_over = state.phase(&task.name, Direction::Undo).is_some_and(|phase| phase.is_over());
                assert!(is_over || task.undo == Undoing::Nothing, "{unit} begins before that of {}", task.name);
            }
        }
    }
}
