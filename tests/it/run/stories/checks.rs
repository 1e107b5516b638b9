//! The checks before and after the work, and work that turns out not to be needed.

use orchestrate::run::{Act, Request, Status};

use super::super::make::{MARK, doing, no, single, unknown};
use super::super::server::Turn;
use super::super::world::{World, at, seconds};
use super::{attempts, names, told};

#[test]
fn at_the_start_a_check_that_does_not_pass_blocks_and_nothing_was_done() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.checks = vec![(at(0), vec![no("the disk is full"), unknown("nobody knows the version")])];
    assert_eq!(world.run(), Status::Blocked);
    assert_eq!(told(&world).1, "the disk is full; nobody knows the version");
    let state = world.state();
    assert!(state.is_over() && state.operations.is_empty());
    assert!(!state.accepts(&Request::Resume) && !state.accepts(&Request::Rollback));
}

#[test]
fn going_on_asks_the_checks_again_and_may_be_blocked_until_they_pass() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    world.server.turns.insert(doing("a"), vec![Turn::Works(seconds(10))]);
    world.people = vec![(at(5), Request::Stop { rollback: false })];
    assert_eq!(world.run(), Status::Stopped);
    world.checks = vec![(at(0), vec![no("the disk is full")])];
    assert_eq!(world.ask(Request::Resume), Status::Blocked);
    let state = world.state();
    assert!(!state.is_over() && state.accepts(&Request::Rollback));
    world.checks.clear();
    assert_eq!(world.ask(Request::Resume), Status::Completed);
    assert_eq!(world.server.effect(&doing("a")), 1);
}

#[test]
fn a_run_that_stopped_while_the_health_was_unknown_can_be_blocked_when_it_goes_on() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    world.script.has_healthcheck = true;
    world.settings.healthcheck_interval = seconds(2);
    world.server.turns.insert(doing("a"), vec![Turn::Works(seconds(10))]);
    world.health = vec![(at(1), vec![unknown("no answer")])];
    world.people = vec![(at(20), Request::Stop { rollback: false })];
    assert_eq!(world.run(), Status::Stopped);
    world.checks = vec![(at(0), vec![no("the disk is full")])];
    assert_eq!(world.ask(Request::Resume), Status::Blocked);
    world.checks.clear();
    world.health.clear();
    assert_eq!(world.ask(Request::Resume), Status::Completed);
}

#[test]
fn what_is_not_required_is_over_at_once() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.is_not_required = Some(false);
    assert_eq!(world.run(), Status::NotRequired);
    assert_eq!(names(&world), ["started", "not_required"]);
}

#[test]
fn what_is_not_required_any_more_once_its_work_began_goes_on() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    world.is_not_required = Some(true);
    world.crashes.extend([8, 10]);
    assert_eq!(world.run(), Status::Completed);
    let asked: Vec<&Act> =
        world.acts.iter().map(|(_, act)| act).filter(|act| matches!(act, Act::Check { .. })).collect();
    assert_eq!(asked[0], &Act::Check { required: true });
    assert!(asked.len() > 1 && asked[1..].iter().all(|act| **act == Act::Check { required: false }));
}

#[test]
fn no_operations_complete_at_once() {
    let mut world = World::new(Vec::new());
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(names(&world), ["started", "ready", "completed"]);
}

#[test]
fn a_check_after_the_work_that_says_no_takes_the_work_back() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.script.has_postcheck = true;
    world.postcheck = vec![(at(0), vec![no("rows are missing")])];
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(told(&world).1, "its checks after the work did not pass: rows are missing");
}

#[test]
fn a_check_after_the_work_without_an_answer_is_asked_three_times_and_nothing_is_taken_back() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.script.has_postcheck = true;
    world.postcheck = vec![(at(0), vec![unknown("no answer")])];
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(world.now, at(11));
    // The checks before the work guard nothing any more, even where the work made them false.
    world.checks = vec![(at(0), vec![no("the old table is gone")])];
    world.postcheck.clear();
    assert_eq!(world.ask(Request::Retry), Status::Completed);
    assert_eq!(attempts(&world, &doing("a")).len(), 1);
}
