//! Tries, pauses, waits, and what is in doubt.

use orchestrate::run::{Act, Direction, Event, FaultKind, PartProgress, Proof, Request, Status, TaskKind};

use super::super::make::{
    LOOKUP, MARK, NOTHING, REPEATABLE, doing, host, plain, row, single, tried, unit, wait, with_undo,
};
use super::super::server::Turn;
use super::super::world::{World, at, seconds};
use super::{attempts, names, order, told};

#[test]
fn a_run_without_trouble_writes_one_event_before_and_one_after_each_operation() {
    let mut world = World::new(vec![single("a", MARK), single("b", NOTHING)]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(names(&world), ["started", "ready", "attempted", "done", "attempted", "done", "completed"]);
    assert_eq!(world.state().operations["a"].forward.ended_at, Some(at(1)));
}

#[test]
fn what_may_work_the_next_time_is_tried_three_times_with_longer_and_longer_pauses() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.server.turns.insert(doing("a"), vec![Turn::Transient, Turn::Transient]);
    assert_eq!(world.run(), Status::Completed);
    // One second each, then five, then ten of pause.
    assert_eq!(attempts(&world, &doing("a")), [0, 6, 17]);
    assert_eq!(world.state().errors.len(), 2);
}

#[test]
fn after_the_last_try_everything_is_taken_back() {
    let mut world = World::new(vec![single("a", MARK), tried(single("b", MARK), 2)]);
    world.server.turns.insert(doing("b"), vec![Turn::Transient; 9]);
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(order(&world), ["a 0", "b 0", "b 0", "the undo of a 0"]);
    assert_eq!(told(&world).1, "b failed: transient");
}

#[test]
fn what_was_refused_is_not_tried_again_unless_the_file_says_so() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.server.turns.insert(doing("a"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::RolledBack);
    let mut world = World::new(vec![tried(single("a", MARK), 2)]);
    world.server.turns.insert(doing("a"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::Completed);
}

#[test]
fn a_statement_that_is_killed_again_and_again_is_not_begun_for_ever() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.server.turns.insert(doing("a"), vec![Turn::Killed; 99]);
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(attempts(&world, &doing("a")).len(), 3);
}

#[test]
fn a_statement_that_outlives_its_process_is_waited_for_and_not_begun_again() {
    let mut world = World::new(vec![single("a", LOOKUP)]);
    world.server.turns.insert(doing("a"), vec![Turn::LostRunning(seconds(3600))]);
    // Nothing tells what became of it, so a person is asked when it is gone.
    assert_eq!(world.run(), Status::NeedsAttention);
    assert_eq!(world.server.attempts[&doing("a")], 1);
    let found = |(_, event): &&(_, Event)| matches!(event, Event::StillRunning { .. });
    assert_eq!(world.journal.iter().filter(found).count(), 1, "it is found running once");
    assert_eq!(world.now, at(3601));
    let state = world.state();
    assert_eq!(state.part(&doing("a")).map(|part| &part.progress), Some(&PartProgress::InDoubt));

    let mut world = World::new(vec![single("a", MARK)]);
    world.script.tasks[0].evidence.lookup = true;
    world.server.turns.insert(doing("a"), vec![Turn::LostRunning(seconds(3600))]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.server.attempts[&doing("a")], 1);
    assert_eq!(world.now, at(3601));
}

#[test]
fn while_the_target_does_not_answer_it_is_asked_again_every_five_seconds() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.server.turns.insert(doing("a"), vec![Turn::LostAfter]);
    world.server.silent.push((at(0), at(18)));
    assert_eq!(world.run(), Status::Completed);
    let judged: Vec<i64> =
        world.acts.iter().filter(|(_, act)| matches!(act, Act::Judge(_))).map(|(at, _)| at.0 / 1000).collect();
    assert_eq!(judged, [1, 6, 11, 16, 21]);
    assert_eq!(world.server.effect(&doing("a")), 1);
    assert!(world.journal.iter().any(|(_, event)| matches!(event, Event::Done { proof: Proof::Mark, .. })));
}

#[test]
fn a_wait_is_asked_as_often_as_it_says_until_it_is_so() {
    let mut world = World::new(vec![wait("settled", 10, 60)]);
    world.waits.insert("settled".into(), at(35));
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.now, at(40));
    let asked = world.acts.iter().filter(|(_, act)| matches!(act, Act::Perform(_))).count();
    assert_eq!(asked, 5);
}

#[test]
fn a_wait_ends_after_its_time_which_a_crash_does_not_prolong_and_a_person_does() {
    let mut world = World::new(vec![wait("settled", 7, 60)]);
    world.settings.auto_rollback = false;
    world.waits.insert("settled".into(), at(100));
    world.crashes.extend([8, 12]);
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(told(&world).1, "settled failed: it was not so within 1m");
    assert_eq!(world.now, at(60));
    assert_eq!(world.ask(Request::Retry), Status::Completed);
    assert_eq!(world.now, at(102));
}

#[test]
fn the_time_of_a_wait_does_not_run_while_the_run_is_paused() {
    let mut world = World::new(vec![wait("settled", 5, 60)]);
    world.waits.insert("settled".into(), at(1000));
    world.people = vec![(at(30), Request::Pause), (at(990), Request::Resume)];
    assert_eq!(world.run(), Status::Completed);
}

#[test]
fn one_failing_shard_fails_the_operation_and_the_others_are_heard_out() {
    let hosts = with_undo(plain("hosts", TaskKind::Parts, MARK), MARK);
    let mut world = World::new(vec![hosts]);
    world.settings.auto_rollback = false;
    world.parts.insert("hosts".into(), vec![host("a"), host("b"), host("c")]);
    world.server.turns.insert(unit("hosts", Direction::Do, 1), vec![Turn::Permanent]);
    world.server.turns.insert(unit("hosts", Direction::Do, 2), vec![Turn::Works(seconds(30))]);
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(told(&world).1, "hosts failed on b: partial");
    assert_eq!(world.now, at(30));
    assert_eq!(world.server.effects.len(), 2);
    assert_eq!(world.state().errors[0].host.as_deref(), Some("b"));
    // What is done is not done again.
    assert_eq!(world.ask(Request::Retry), Status::Completed);
    assert_eq!(order(&world), ["hosts 0", "hosts 1", "hosts 2", "hosts 1"]);
}

#[test]
fn rows_go_one_after_another_and_hosts_side_by_side() {
    let rows = plain("rows", TaskKind::Parts, MARK);
    let mut world = World::new(vec![rows.clone(), orchestrate::run::Task { name: "hosts".into(), ..rows }]);
    world.parts.insert("rows".into(), vec![row(1), row(2), row(3)]);
    world.parts.insert("hosts".into(), vec![host("a"), host("b"), host("a")]);
    assert_eq!(world.run(), Status::Completed);
    // Three seconds for the rows, two for the host that has two.
    assert_eq!(world.now, at(5));
}

#[test]
fn no_rows_are_no_work() {
    let mut world = World::new(vec![with_undo(plain("rows", TaskKind::Parts, MARK), MARK), single("b", MARK)]);
    world.server.turns.insert(doing("b"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(order(&world), ["b 0", "the undo of b 0"]);
}

#[test]
fn parts_that_cannot_be_found_out_are_asked_for_again_and_then_fail_the_run() {
    let rows = plain("rows", TaskKind::Parts, MARK);
    let mut world = World::new(vec![single("a", REPEATABLE), rows]);
    world.parts.insert("rows".into(), vec![row(1)]);
    world.unprepared = Some((FaultKind::Lost, at(8)));
    let mut for_good = world.clone();
    assert_eq!(world.run(), Status::Completed);
    for_good.unprepared = Some((FaultKind::Refused, at(1000)));
    assert_eq!(for_good.run(), Status::RolledBack);
    assert_eq!(told(&for_good).1, "rows failed: its parts could not be found out: refused");
}
