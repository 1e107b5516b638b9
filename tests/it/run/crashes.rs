//! The crash matrix: every kind of operation, both ways, with everything that can go wrong at each.

use std::collections::BTreeMap;

use orchestrate::run::{
    Direction, Event, Evidence, PartProgress, Proof, Request, Resolution, Status, Task, TaskKind, Timestamp, Undoing,
    Unit,
};

use super::acts::task;
use super::make::{
    DONE_WHEN, LOOKUP, MARK, NOTHING, REPEATABLE, doing, host, manual, plain, row, single, unit, wait, with_undo,
};
use super::server::Turn;
use super::world::{World, at, seconds};

/// What can tell of an operation, as engines and files give it.
const EVIDENCES: [Evidence; 8] = [
    NOTHING,
    MARK,
    LOOKUP,
    DONE_WHEN,
    REPEATABLE,
    Evidence { lookup: true, ..MARK },
    Evidence { lookup: true, ..DONE_WHEN },
    Evidence { lookup: true, ..REPEATABLE },
];

/// Whether something tells surely that a statement that has ended took effect.
fn tells(evidence: Evidence) -> bool {
    evidence.mark || evidence.done_when
}

/// A world with an operation of this kind between two others.
fn world(task: Task) -> World {
    let mut world = World::new(vec![single("first", MARK), task, single("last", MARK)]);
    world.parts.insert("rows".into(), vec![row(1), row(2), row(3)]);
    world.parts.insert("hosts".into(), vec![host("a"), host("b"), host("c")]);
    world.waits.insert("wait".into(), at(13));
    world
}

/// Every kind of operation with each evidence that it can have.
fn worlds() -> Vec<World> {
    let mut tasks = vec![wait("wait", 5, 60), manual("manual")];
    for evidence in EVIDENCES {
        tasks.push(single("single", evidence));
        for name in ["rows", "hosts"] {
            tasks.push(with_undo(plain(name, TaskKind::Parts, evidence), evidence));
        }
    }
    tasks.push(Task { undo: undo_by(wait("wait", 5, 60)), ..plain("rows", TaskKind::Parts, MARK) });
    tasks.push(Task { undo: undo_by(manual("manual")), ..plain("rows", TaskKind::Parts, MARK) });
    tasks.into_iter().map(world).collect()
}

fn undo_by(task: Task) -> Undoing {
    Undoing::Task { task: Box::new(task), of_parts: true }
}

/// Goes on until the run is over; a person answers truly whatever is asked.
pub fn finish(world: &mut World, mut status: Status) -> Status {
    for _ in 0..60 {
        let state = world.state();
        let Some((unit, _)) = state.question.clone() else { break };
        assert_eq!(status, Status::NeedsAttention);
        let task = task(&world.script, &unit);
        if matches!(state.part(&unit).map(|part| &part.progress), Some(PartProgress::Failed { .. })) {
            status = world.ask(Request::Retry);
            continue;
        }
        let was_done = task.kind == TaskKind::Manual || world.server.effect(&unit) > 0;
        assert!(!world.server.running.contains_key(&unit), "a person is asked about {unit}, which still runs");
        let resolution = if was_done { Resolution::Done } else { Resolution::NotDone };
        status = world.ask(Request::Resolve { operation: unit.operation, resolution });
    }
    status
}

/// What a run comes to, however it came there.
#[derive(Debug, PartialEq)]
pub struct End {
    status: Status,
    done: Vec<Unit>,
    effects: BTreeMap<Unit, bool>,
}

pub fn end(world: &World, status: Status) -> End {
    let done = world.state().parts().filter(|(_, part)| part.is_done()).map(|(unit, _)| unit).collect();
    let effects = world.server.effects.iter().map(|(unit, count)| (unit.clone(), *count > 0)).collect();
    End { status, done, effects }
}

/// Nothing took effect twice but what may, and nothing that counts as done without a person's word never did.
pub fn assert_effects(world: &World) {
    for (unit, count) in &world.server.effects {
        let may_repeat = task(&world.script, unit).evidence;
        let may_repeat = may_repeat.repeatable && !tells(may_repeat);
        assert!(*count == 1 || may_repeat, "{unit} took effect {count} times: {:#?}", world.journal);
    }
    for (unit, part) in world.state().parts() {
        let is_statement = matches!(task(&world.script, &unit).kind, TaskKind::Single | TaskKind::Parts);
        if part.is_done() && is_statement {
            assert!(world.server.effect(&unit) > 0, "{unit} counts as done and is not: {:#?}", world.journal);
        }
    }
}

/// Runs it forwards, or forwards and back.
fn go(world: &mut World, is_back: bool) -> End {
    let status = world.run();
    go_on(world, status, is_back)
}

fn go_on(world: &mut World, status: Status, is_back: bool) -> End {
    let mut status = finish(world, status);
    if is_back && status == Status::Completed {
        let back = world.ask(Request::Rollback);
        status = finish(world, back);
    }
    assert_effects(world);
    end(world, status)
}

#[test]
fn a_process_that_dies_anywhere_changes_nothing_about_the_end() {
    let mut ends = 0;
    for clean in worlds() {
        for is_back in [false, true] {
            let mut undisturbed = clean.clone();
            let expected = go(&mut undisturbed, is_back);
            assert_eq!(expected.status, if is_back { Status::RolledBack } else { Status::Completed });
            for moment in 1..=undisturbed.moments {
                for outlives in [true, false] {
                    let mut disturbed = clean.clone();
                    disturbed.outlives = outlives;
                    disturbed.crashes.insert(moment);
                    assert_eq!(go(&mut disturbed, is_back), expected, "{:#?}", disturbed.journal);
                    ends += 1;
                }
            }
        }
    }
    assert!(ends > 2_000, "{ends} crashes");
}

#[test]
fn dying_twice_changes_nothing_about_the_end() {
    for clean in worlds().into_iter().step_by(3) {
        let mut undisturbed = clean.clone();
        let expected = go(&mut undisturbed, true);
        for moment in 1..=undisturbed.moments {
            for again in [1, 2, 3, 5] {
                let mut disturbed = clean.clone();
                disturbed.crashes.extend([moment, moment + again]);
                assert_eq!(go(&mut disturbed, true), expected, "{:#?}", disturbed.journal);
            }
        }
    }
}

#[test]
fn every_way_an_attempt_can_go_wrong_leads_to_the_same_end() {
    let turns = [
        Turn::Transient,
        Turn::LostBefore,
        Turn::LostAfter,
        Turn::LostRunning(seconds(40)),
        Turn::Killed,
        Turn::Works(seconds(90)),
    ];
    for clean in worlds() {
        let mut undisturbed = clean.clone();
        let expected = go(&mut undisturbed, true);
        for turn in turns {
            for direction in [Direction::Do, Direction::Undo] {
                for part in [0, 2] {
                    let name = &clean.script.tasks[1].name;
                    let mut disturbed = clean.clone();
                    disturbed.server.turns.insert(unit(name, direction, part), vec![turn, Turn::Transient]);
                    assert_eq!(go(&mut disturbed, true), expected, "{turn:?} {direction:?} {:#?}", disturbed.journal);
                }
            }
        }
    }
}

#[test]
fn what_surely_failed_is_taken_back_and_what_came_before_too() {
    for clean in worlds() {
        let name = clean.script.tasks[1].name.clone();
        let mut disturbed = clean.clone();
        disturbed.server.turns.insert(doing(&name), vec![Turn::Permanent]);
        let is_statement = matches!(clean.script.tasks[1].kind, TaskKind::Single | TaskKind::Parts);
        let end = go(&mut disturbed, false);
        assert_eq!(end.status, if is_statement { Status::RolledBack } else { Status::Completed });
        assert_eq!(disturbed.server.effect(&doing(&name)), 0);
        assert_eq!(disturbed.server.effect(&unit("first", Direction::Undo, 0)), u32::from(is_statement));
        assert_eq!(disturbed.server.effect(&doing("last")), u32::from(!is_statement));
    }
}

#[test]
fn the_log_of_a_disturbed_run_tells_the_same_story() {
    let story = |world: &World| -> Vec<Event> {
        let told = |(_, event): &(Timestamp, Event)| {
            let proof = Proof::Answer;
            if let Event::Done { unit, .. } = event {
                return Some(Event::Done { unit: unit.clone(), proof, detail: None, output: None });
            }
            matches!(event, Event::Prepared { .. } | Event::RolledBack | Event::Completed).then(|| event.clone())
        };
        world.journal.iter().filter_map(told).collect()
    };
    for evidence in EVIDENCES.into_iter().filter(|evidence| tells(*evidence)) {
        let clean = world(with_undo(plain("rows", TaskKind::Parts, evidence), evidence));
        let mut undisturbed = clean.clone();
        go(&mut undisturbed, true);
        for moment in 1..=undisturbed.moments {
            let mut disturbed = clean.clone();
            disturbed.crashes.insert(moment);
            go(&mut disturbed, true);
            assert_eq!(story(&disturbed), story(&undisturbed));
        }
    }
}

#[test]
fn an_owner_that_froze_cannot_write_when_it_wakes() {
    let clean = world(single("single", MARK));
    let mut undisturbed = clean.clone();
    let expected = go(&mut undisturbed, false);
    for moment in 1..undisturbed.moments {
        let mut world = clean.clone();
        world.start();
        let frozen = world.drive_until(moment);
        let late = world.now.after(seconds(20));
        world.pass(late);
        let status = world.go();
        let journal = world.journal.clone();
        world.process = Some(frozen);
        assert!(!world.commit(), "it writes");
        assert_eq!(world.journal, journal);
        assert_eq!(go_on(&mut world, status, false), expected);
    }
}

#[test]
fn a_prefix_of_a_journal_folds_at_each_event() {
    for clean in worlds() {
        let mut world = clean;
        go(&mut world, true);
        let journal: Vec<(Timestamp, Event)> = world.journal.clone();
        for length in 1..=journal.len() {
            let state = orchestrate::run::State::fold(journal[..length].iter().cloned());
            assert!(state.is_ok_and(|state| state.is_some()), "{length} of {journal:#?}");
        }
    }
}
