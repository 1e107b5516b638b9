//! Operations that may not be needed, and those that are done again by whoever takes a run up.

use orchestrate::run::{Request, Settings, Status, Task, TaskKind, Verdict};

use super::super::make::{MARK, REPEATABLE, doing, plain, single, undoing};
use super::super::server::Turn;
use super::super::world::{World, at, seconds};
use super::{attempts, names, told};

fn asked(task: Task) -> Task {
    Task { has_when: true, ..task }
}

#[test]
fn what_is_not_needed_is_passed_over_and_not_taken_back() {
    let mut world = World::new(vec![asked(single("a", MARK)), single("b", MARK)]);
    world.settings = Settings { auto_rollback: true, ..world.settings };
    world.needed.insert("a".into(), Verdict::No("0".into()));
    world.server.turns.insert(doing("b"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::RolledBack);
    let told = ["started", "ready", "passed_over", "attempted", "failed", "rolling_back", "attempted", "done"];
    assert_eq!(names(&world), [&told[..], &["rolled_back"]].concat());
    assert_eq!((world.server.effect(&doing("a")), world.server.effect(&undoing("a"))), (0, 0));
    assert_eq!(world.state().outputs["a"], "");
}

#[test]
fn what_may_or_may_not_be_needed_fails_before_it_is_begun() {
    let mut world = World::new(vec![asked(single("a", MARK))]);
    world.settings = Settings { auto_rollback: false, ..world.settings };
    world.needed.insert("a".into(), Verdict::Unknown("no answer".into()));
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(told(&world).1, "a failed: whether it is needed cannot be told: no answer");
    assert_eq!(names(&world), ["started", "ready", "errored"]);
    world.needed.clear();
    assert_eq!(world.ask(Request::Retry), Status::Completed);
    assert_eq!(attempts(&world, &doing("a")).len(), 1);
}

#[test]
fn what_finds_out_how_things_stand_is_done_again_by_whoever_takes_the_run_up() {
    let look = Task { is_recovery: true, ..plain("look", TaskKind::Single, REPEATABLE) };
    let mut world = World::new(vec![look, single("a", MARK), single("b", MARK)]);
    world.server.turns.insert(doing("b"), vec![Turn::Works(seconds(10))]);
    world.people = vec![(at(5), Request::Stop { rollback: false })];
    assert_eq!(world.run(), Status::Stopped);
    assert_eq!(world.ask(Request::Resume), Status::Completed);
    let effects = ["look", "a", "b"].map(|name| world.server.effect(&doing(name)));
    assert_eq!(effects, [2, 1, 1]);
}
