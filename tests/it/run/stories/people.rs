//! What people ask of a run, and what a run asks of them.

use orchestrate::run::{
    Act, Decision, Direction, Ending, Request, Resolution, Settings, Status, TaskKind, Watch, decide,
};

use super::super::make::{
    DONE_WHEN, LOOKUP, MARK, NOTHING, REPEATABLE, doing, host, manual, plain, row, single, undoing, unit, with_undo,
};
use super::super::server::Turn;
use super::super::world::{World, at, seconds};
use super::{attempts, names, order, told};

const STOP: Request = Request::Stop { rollback: false };

fn resolve(operation: &str, resolution: Resolution) -> Request {
    Request::Resolve { operation: operation.into(), resolution }
}

/// Two operations of ten seconds whose statements can be looked up.
fn world() -> World {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    for task in &mut world.script.tasks {
        task.evidence.lookup = true;
        world.server.turns.insert(doing(&task.name), vec![Turn::Works(seconds(10))]);
    }
    world
}

#[test]
fn a_person_is_asked_and_the_run_rests_until_there_is_an_answer() {
    let mut world = World::new(vec![single("a", MARK), manual("switch"), single("b", MARK)]);
    assert_eq!(world.run(), Status::NeedsAttention);
    assert_eq!(told(&world).1, "switch waits for a person");
    let state = world.state();
    let decision = decide(&world.script, &state, &Watch::default(), &Settings::default(), world.now);
    assert_eq!(decision, Decision::Finish(Ending { status: Status::NeedsAttention, is_manual: true }));
    assert!(!state.accepts(&resolve("a", Resolution::Done)), "it is asked about another");
    assert_eq!(world.ask(Request::Retry), Status::NeedsAttention);
    assert_eq!(world.ask(resolve("switch", Resolution::NotDone)), Status::NeedsAttention);
    assert_eq!(world.ask(resolve("switch", Resolution::Done)), Status::Completed);
    assert_eq!(attempts(&world, &doing("a")).len(), 1);
}

#[test]
fn a_stop_ends_what_runs_and_going_on_judges_it() {
    let mut world = world();
    world.people = vec![(at(5), STOP)];
    assert_eq!(world.run(), Status::Stopped);
    assert_eq!(world.server.effect(&doing("a")), 0);
    assert_eq!(told(&world).1, "bob asked for it");
    assert_eq!(world.ask(Request::Resume), Status::Completed);
    assert_eq!(world.server.effect(&doing("a")), 1);
    assert!(names(&world).contains(&"not_done"));
}

#[test]
fn a_stop_between_two_decisions_begins_nothing_more() {
    let mut undisturbed = world();
    undisturbed.run();
    for decision in 1..=undisturbed.decisions {
        for request in [STOP, Request::Stop { rollback: true }, Request::Pause] {
            let mut world = world();
            world.people = vec![(at(100), Request::Resume)];
            world.interruptions.insert(decision, request.clone());
            let status = world.run();
            let is_back = request == Request::Stop { rollback: true };
            let expected = match (is_back, status) {
                (_, Status::Completed) | (true, Status::RolledBack) => status,
                (_, _) => Status::Stopped,
            };
            assert_eq!(status, expected);
            if status == Status::Stopped {
                assert_eq!(world.ask(Request::Resume), Status::Completed);
            }
            for unit in [doing("a"), doing("b")] {
                assert!(world.server.effect(&unit) <= 1);
            }
        }
    }
}

#[test]
fn a_stop_asks_a_silent_target_until_it_answers() {
    let mut world = world();
    world.server.turns.insert(doing("a"), vec![Turn::LostRunning(seconds(1000))]);
    world.server.silent.push((at(3), at(33)));
    world.people = vec![(at(5), STOP)];
    assert_eq!(world.run(), Status::Stopped);
    assert_eq!(world.now, at(35));
    assert_eq!(world.server.effect(&doing("a")), 0);
}

#[test]
fn a_stop_does_not_wait_for_what_can_neither_be_looked_up_nor_ended() {
    let mut world = World::new(vec![plain("program", TaskKind::Single, DONE_WHEN)]);
    world.server.turns.insert(doing("program"), vec![Turn::LostBefore]);
    world.server.silent.push((at(0), at(1000)));
    world.people = vec![(at(3), STOP)];
    assert_eq!(world.run(), Status::Stopped);
    assert_eq!(world.now, at(3));
    assert!(!world.acts.iter().any(|(_, act)| matches!(act, Act::End(_))));
    world.server.silent.clear();
    assert_eq!(world.ask(Request::Resume), Status::Completed);
    assert_eq!(world.server.effect(&doing("program")), 1);
}

#[test]
fn a_stop_with_rollback_takes_back_what_was_started() {
    let mut world = world();
    world.people = vec![(at(15), Request::Stop { rollback: true })];
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(order(&world), ["a 0", "b 0", "the undo of a 0"]);
}

#[test]
fn a_pause_lets_the_work_at_hand_end_and_begins_nothing() {
    let mut world = world();
    world.people = vec![(at(5), Request::Pause), (at(100), Request::Resume)];
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.state().operations["a"].forward.ended_at, Some(at(10)));
    assert_eq!(attempts(&world, &doing("b")), [100]);
    assert_eq!(world.acts.iter().filter(|(_, act)| matches!(act, Act::Check { .. })).count(), 1);
}

#[test]
fn a_pause_outlives_the_process() {
    let mut world = world();
    world.people = vec![(at(5), Request::Pause), (at(100), Request::Resume)];
    let mut undisturbed = world.clone();
    undisturbed.run();
    for moment in 1..undisturbed.moments {
        let mut world = world.clone();
        world.crashes.insert(moment);
        assert_eq!(world.run(), Status::Completed);
        assert!(attempts(&world, &doing("b"))[0] >= 100, "{moment}: {:#?}", world.journal);
    }
}

#[test]
fn nobody_is_asked_anything_while_the_run_is_paused() {
    let mut world = World::new(vec![single("a", NOTHING)]);
    world.server.turns.insert(doing("a"), vec![Turn::LostAfter]);
    world.people = vec![(at(0), Request::Pause), (at(50), Request::Resume)];
    world.interruptions.insert(5, Request::Pause);
    assert_eq!(world.run(), Status::NeedsAttention);
    assert_eq!(world.now, at(50));
    assert_eq!(world.ask(resolve("a", Resolution::Done)), Status::Completed);
}

#[test]
fn a_stop_while_it_takes_back_leaves_the_rest_for_later() {
    let mut world = world();
    world.server.turns.insert(undoing("a"), vec![Turn::Works(seconds(10))]);
    world.people = vec![(at(15), Request::Stop { rollback: true }), (at(20), STOP)];
    assert_eq!(world.run(), Status::Stopped);
    assert_eq!(world.ask(Request::Resume), Status::RolledBack);
    // The transaction of b was ended before its end: nothing of it is there.
    assert_eq!(["a", "b"].map(|name| world.server.effect(&undoing(name))), [1, 0]);
}

#[test]
fn what_nobody_can_judge_is_resolved_by_a_person() {
    for (resolution, effects, status) in [
        (Resolution::Done, 1, Status::Completed),
        (Resolution::NotDone, 2, Status::Completed),
        (Resolution::Skip, 1, Status::Completed),
    ] {
        let mut world = World::new(vec![single("a", NOTHING), single("b", MARK)]);
        world.server.turns.insert(doing("a"), vec![Turn::LostAfter]);
        assert_eq!(world.run(), Status::NeedsAttention);
        assert!(told(&world).1.starts_with("whether a was done cannot be told: it has no `done_when`"));
        assert_eq!(world.ask(resolve("a", resolution)), status);
        assert_eq!(world.server.effect(&doing("a")), effects);
    }
}

#[test]
fn a_failed_operation_is_resolved_or_tried_again() {
    let failed = || {
        let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
        world.settings.auto_rollback = false;
        world.server.turns.insert(doing("a"), vec![Turn::Permanent]);
        assert_eq!(world.run(), Status::Errored);
        assert!(!world.state().accepts(&resolve("b", Resolution::Done)));
        world
    };
    for (request, effects) in [
        (Request::Retry, 1),
        (resolve("a", Resolution::Done), 0),
        (resolve("a", Resolution::NotDone), 1),
        (resolve("a", Resolution::Skip), 0),
    ] {
        let mut world = failed();
        assert_eq!(world.ask(request), Status::Completed);
        assert_eq!(world.server.effect(&doing("a")), effects);
    }
    let mut world = failed();
    assert_eq!(world.ask(Request::Rollback), Status::RolledBack);
}

#[test]
fn what_is_skipped_with_parts_in_doubt_can_be_stopped_afterwards() {
    let mut world = World::new(vec![plain("hosts", TaskKind::Parts, LOOKUP), single("b", REPEATABLE)]);
    world.parts.insert("hosts".into(), vec![host("a"), host("b")]);
    for part in 0..2 {
        world.server.turns.insert(unit("hosts", Direction::Do, part), vec![Turn::LostAfter]);
    }
    world.server.turns.insert(doing("b"), vec![Turn::Works(seconds(10))]);
    assert_eq!(world.run(), Status::NeedsAttention);
    let soon = world.now.after(seconds(5));
    world.people = vec![(soon, STOP)];
    assert_eq!(world.ask(resolve("hosts", Resolution::Skip)), Status::Stopped);
    assert_eq!(world.ask(Request::Resume), Status::Completed);
}

#[test]
fn a_person_acknowledges_the_undo_of_each_row() {
    let mut task = with_undo(plain("rows", TaskKind::Parts, MARK), MARK);
    if let orchestrate::run::Undoing::Task { task, .. } = &mut task.undo {
        **task = manual("undo-by-hand");
    }
    let mut world = World::new(vec![task]);
    world.parts.insert("rows".into(), vec![row(1), row(2)]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.ask(Request::Rollback), Status::NeedsAttention);
    assert_eq!(world.ask(resolve("rows", Resolution::Done)), Status::NeedsAttention);
    assert_eq!(world.ask(resolve("rows", Resolution::Done)), Status::RolledBack);
}
