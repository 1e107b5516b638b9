//! The installation's health while a run works.

use orchestrate::run::{Act, Request, Status};

use super::super::make::{MARK, doing, no, single, unknown};
use super::super::server::Turn;
use super::super::world::{World, at, seconds};
use super::{attempts, names, order, told};

/// Two long operations with health asked every minute.
fn world() -> World {
    let mut world = World::new(vec![single("a", MARK), single("b", MARK)]);
    world.script.has_healthcheck = true;
    world.script.tasks[0].evidence.lookup = true;
    world.settings.healthcheck_interval = seconds(60);
    world.server.turns.insert(doing("a"), vec![Turn::Works(seconds(150))]);
    world
}

#[test]
fn health_is_asked_at_the_start_and_then_as_often_as_the_settings_say() {
    let mut world = world();
    assert_eq!(world.run(), Status::Completed);
    let asked: Vec<i64> = world.acts.iter().filter(|(_, act)| *act == Act::Health).map(|(at, _)| at.0 / 1000).collect();
    // With the checks before the work at 0.
    assert_eq!(asked, [60, 120]);
}

#[test]
fn an_installation_that_is_not_well_stops_the_run_and_takes_it_back() {
    let mut world = world();
    world.health = vec![(at(60), vec![no("replication is late"), unknown("no answer")])];
    assert_eq!(world.run(), Status::RolledBack);
    assert_eq!(told(&world).1, "the installation is not well: replication is late");
    assert_eq!(order(&world), ["a 0"], "its mark is not there: it left nothing");
    assert_eq!(world.server.effect(&doing("a")), 0, "the statement was ended");
    assert_eq!(world.state().errors[0].message, "replication is late");
}

#[test]
fn without_auto_rollback_an_unwell_installation_stops_the_run_where_it_is() {
    let mut world = world();
    world.settings.auto_rollback = false;
    world.health = vec![(at(60), vec![no("replication is late")])];
    assert_eq!(world.run(), Status::Errored);
    assert_eq!(order(&world), ["a 0"]);
    world.health.clear();
    assert_eq!(world.ask(Request::Retry), Status::Completed);
}

#[test]
fn unknown_health_holds_what_is_next_and_lets_it_go_on_when_it_is_known() {
    let mut world = world();
    world.health = vec![(at(120), vec![unknown("no answer")]), (at(200), Vec::new())];
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(names(&world)[2..6], ["attempted", "health_unknown", "done", "healthy"]);
    // Asked every half minute from 120 on.
    assert_eq!(attempts(&world, &doing("b")), [210]);
}

#[test]
fn unknown_health_is_asked_no_later_than_the_settings_say() {
    let mut world = world();
    world.settings.healthcheck_interval = seconds(10);
    world.health = vec![(at(145), vec![unknown("no answer")]), (at(155), Vec::new())];
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(attempts(&world, &doing("b")), [160]);
}

#[test]
fn a_paused_run_asks_for_no_health_and_waits_for_its_person() {
    let mut world = world();
    world.server.turns.insert(doing("a"), vec![Turn::LostRunning(seconds(150))]);
    world.health = vec![(at(120), vec![unknown("no answer")]), (at(600), Vec::new())];
    world.people = vec![(at(30), Request::Pause), (at(500), Request::Resume), (at(510), Request::Pause)];
    world.people.push((at(560), Request::Resume));
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.server.effect(&doing("a")), 1);
    assert!(attempts(&world, &doing("b"))[0] >= 600);
}
