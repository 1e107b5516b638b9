//! Taking back.

use orchestrate::run::{Direction, FaultKind, Request, Resolution, Status, Task, TaskKind, Undoing};

use super::super::make::{MARK, NOTHING, doing, host, plain, row, single, tried, undoing, unit, with_undo};
use super::super::server::Turn;
use super::super::world::{World, at, seconds};
use super::{attempts, order, told};

#[test]
fn a_completed_run_is_taken_back_when_a_person_asks_for_it() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.ask(Request::Rollback), Status::RolledBack);
    assert_eq!(order(&world)[2..], ["the undo of b 0", "the undo of a 0"]);
    assert!(!world.state().accepts(&Request::Rollback));
}

#[test]
fn what_never_started_is_not_taken_back() {
    let nothing = plain("c", TaskKind::Single, MARK);
    let mut world = World::new(vec![single("a", MARK), nothing, single("b", MARK), single("d", MARK)]);
    world.server.turns.insert(doing("b"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(order(&world), ["a 0", "c 0", "b 0", "the undo of b 0", "the undo of a 0"]);
}

#[test]
fn only_the_rows_that_were_started_are_taken_back_the_last_first() {
    let mut world = World::new(vec![with_undo(plain("rows", TaskKind::Parts, MARK), MARK)]);
    world.parts.insert("rows".into(), (1..=4).map(row).collect());
    world.server.turns.insert(unit("rows", Direction::Do, 2), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::RolledBack);
    let state = world.state();
    let rows: Vec<String> =
        state.operations["rows"].back.parts().iter().map(|part| format!("{:?}", part.part.item)).collect();
    let expected: Vec<String> = [3, 2, 1].into_iter().map(|id| format!("{:?}", row(id).item)).collect();
    assert_eq!(rows, expected);
}

#[test]
fn hosts_are_taken_back_side_by_side() {
    let mut world = World::new(vec![with_undo(plain("hosts", TaskKind::Parts, MARK), MARK)]);
    world.parts.insert("hosts".into(), vec![host("a"), host("b"), host("c")]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.ask(Request::Rollback), Status::RolledBack);
    assert_eq!(world.now, at(2));
}

#[test]
fn a_failed_undo_parks_and_is_retried_from_there() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK), single("c", MARK)]);
    world.server.turns.insert(undoing("b"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.ask(Request::Rollback), Status::NeedsAttention);
    assert_eq!(told(&world).1, "the undo of b failed: partial");
    let mut skipped = world.clone();
    assert_eq!(world.ask(Request::Retry), Status::RolledBack);
    let undone = ["the undo of c 0", "the undo of b 0", "the undo of b 0", "the undo of a 0"];
    assert_eq!(order(&world)[3..], undone);
    let skip = Request::Resolve { operation: "b".into(), resolution: Resolution::Skip };
    assert_eq!(skipped.ask(skip), Status::RolledBack);
    assert_eq!(skipped.server.effect(&undoing("b")), 0);
    assert_eq!(skipped.server.effect(&undoing("a")), 1);
}

#[test]
fn an_undo_has_tries_of_its_own() {
    let mut world = World::new(vec![tried(single("a", MARK), 1)]);
    world.server.turns.insert(undoing("a"), vec![Turn::Transient, Turn::LostAfter]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.ask(Request::Rollback), Status::RolledBack);
    assert_eq!(attempts(&world, &undoing("a")).len(), 2);
}

#[test]
fn an_undo_that_was_lost_as_often_as_it_is_tried_is_asked_about() {
    let undo = tried(plain("a-undo", TaskKind::Single, MARK), 1);
    let undo = Undoing::Task { task: Box::new(undo), of_parts: false };
    let mut world = World::new(vec![Task { undo, ..single("a", MARK) }]);
    world.server.turns.insert(undoing("a"), vec![Turn::LostBefore]);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.ask(Request::Rollback), Status::NeedsAttention);
    let resolve = |resolution| Request::Resolve { operation: "a".into(), resolution };
    let said = [Request::Retry, resolve(Resolution::NotDone), resolve(Resolution::Done), resolve(Resolution::Skip)];
    let effects = said.map(|request| {
        let mut world = world.clone();
        assert_eq!(world.ask(request), Status::RolledBack);
        world.server.effect(&undoing("a"))
    });
    assert_eq!(effects, [1, 1, 0, 0]);
}

#[test]
fn without_auto_rollback_a_failure_stands_where_it_is() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    world.settings.auto_rollback = false;
    world.server.turns.insert(doing("b"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(order(&world), ["a 0", "b 0"]);
    assert_eq!(world.ask(Request::Rollback), Status::RolledBack);
}

#[test]
fn past_the_point_of_no_return_nothing_at_all_is_taken_back() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK), single("c", MARK)]);
    world.script.tasks[1].undo = Undoing::Irreversible("rows are gone".into());
    let mut completed = world.clone();
    world.server.turns.insert(doing("c"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(told(&world).1, "c failed: partial; it cannot be taken back past `b`: rows are gone");
    assert_eq!(order(&world), ["a 0", "b 0", "c 0"]);
    assert_eq!(world.ask(Request::Rollback), Status::Errored);
    assert_eq!(order(&world).len(), 3);
    assert_eq!(world.ask(Request::Retry), Status::Completed, "the way forward is still open");
    assert_eq!(completed.run(), Status::Completed);
    assert_eq!(completed.ask(Request::Rollback), Status::Errored);
    assert_eq!(completed.ask(Request::Retry), Status::Completed);
}

#[test]
fn before_the_point_of_no_return_everything_is_taken_back() {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK), single("c", MARK)]);
    world.script.tasks[2].undo = Undoing::Irreversible("rows are gone".into());
    world.server.turns.insert(doing("b"), vec![Turn::Permanent]);
    assert_eq!(world.run(), Status::RolledBack);
}

#[test]
fn what_is_in_doubt_is_ended_before_it_is_taken_back() {
    let mut world = World::new(vec![single("a", NOTHING)]);
    world.script.tasks[0].evidence.lookup = true;
    world.server.turns.insert(doing("a"), vec![Turn::LostRunning(seconds(50))]);
    world.people = vec![(at(10), Request::Stop { rollback: true })];
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(world.server.effect(&doing("a")), 0);
    assert_eq!(world.server.effect(&undoing("a")), 1);
}

#[test]
fn a_run_that_only_checked_has_nothing_to_take_back() {
    let mut world = World::new(vec![single("a", MARK)]);
    world.interruptions.insert(1, Request::Stop { rollback: true });
    assert_eq!(world.run(), Status::RolledBack);
    assert!(order(&world).is_empty());
}

#[test]
fn an_undo_whose_rows_cannot_be_found_out_parks() {
    let mut task = single("a", MARK);
    if let Undoing::Task { task, .. } = &mut task.undo {
        task.kind = TaskKind::Parts;
    }
    let mut world = World::new(vec![task]);
    world.parts.insert("a".into(), vec![row(1), row(2)]);
    assert_eq!(world.run(), Status::Completed);
    world.unprepared = Some((FaultKind::Refused, at(100)));
    assert_eq!(world.ask(Request::Rollback), Status::NeedsAttention);
    assert_eq!(told(&world).1, "the undo of a failed: its parts could not be found out: refused");
    let mut done = world.clone();
    let resolve = |resolution| Request::Resolve { operation: "a".into(), resolution };
    assert_eq!(done.ask(resolve(Resolution::Done)), Status::RolledBack);
    let mut skipped = world.clone();
    assert_eq!(skipped.ask(resolve(Resolution::Skip)), Status::RolledBack);
    world.unprepared = None;
    assert_eq!(world.ask(Request::Retry), Status::RolledBack);
    assert_eq!(world.server.effect(&unit("a", Direction::Undo, 1)), 1);
}
