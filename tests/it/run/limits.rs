//! Limits that hold up the moving of large tables, and what people change of it while it runs.

use std::time::Duration;

use orchestrate::run::{Act, Answer, Event, Request, Status, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::make::{MARK, single};
use super::moves::{keys, limit};
use super::moving::moving;
use super::tables::Table;
use super::world::{World, at, seconds};

/// A world whose table takes about a minute, a second a batch, while a limit answers so.
fn held(answers: &[(Timestamp, &str)]) -> World {
    let table = Table { first: Some(100), batch_ms: 0, row_ms: 10, ..Table::keyed(1..=6000) };
    let mut world = moving(table, 1);
    world.hold_by(limit("lag", "< 5", "< 2"), answers);
    world
}

/// Whether a batch began between two moments.
fn began(world: &World, from: Timestamp, until: Timestamp) -> bool {
    world.table("copy").begun.iter().any(|begun| (from..until).contains(begun))
}

/// When the limits took hold and let go.
fn holds(world: &World) -> Vec<(&'static str, Timestamp)> {
    let told = |(at, event): &(Timestamp, Event)| {
        matches!(event, Event::Throttled { .. } | Event::Unthrottled).then(|| (event.name(), *at))
    };
    world.journal.iter().filter_map(told).collect()
}

fn reads(world: &World) -> Vec<Timestamp> {
    world.acts.iter().filter(|(_, act)| matches!(act, Act::Read(_))).map(|(at, _)| *at).collect()
}

fn tune(name: &str, value: &str) -> Request {
    Request::Tune { changes: [(name.to_owned(), value.to_owned())].into() }
}

/// How many batches were under way at once at most, between two moments.
fn at_once(world: &World, from: Timestamp, until: Timestamp) -> usize {
    let acts = world.acts.iter().filter(|(at, _)| (from..until).contains(at));
    let performed = |act: &Act| if let Act::Perform(unit) = act { Some(unit.part) } else { None };
    let parts: std::collections::BTreeSet<u32> = acts.filter_map(|(_, act)| performed(act)).collect();
    parts.len()
}

#[test]
fn nothing_begins_while_a_limit_is_reached_and_it_lets_go_only_where_it_says() {
    let mut world = held(&[(at(0), "1"), (at(10), "7"), (at(20), "4"), (at(30), "1")]);
    assert_eq!(world.run(), Status::Completed);
    let told = holds(&world);
    assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["throttled", "unthrottled"]);
    assert!(!began(&world, Timestamp(11_100), at(30)), "{:?}", world.table("copy").begun);
    assert!(began(&world, at(30), Timestamp(31_100)), "{:?}", world.table("copy").begun);
    let lost = world.state().throttle.lost(world.now);
    assert!((Duration::from_millis(18_500)..seconds(21)).contains(&lost), "{lost:?}");
    assert_eq!(world.table("copy").moved.len(), 6000);
}

#[test]
fn the_time_that_limits_take_adds_up_over_crashes() {
    let mut world = held(&[(at(0), "7"), (at(10), "1"), (at(20), "7"), (at(30), "1")]);
    assert_eq!(world.run(), Status::Completed);
    let lost = world.state().throttle.lost(world.now);
    assert!((seconds(18)..seconds(22)).contains(&lost), "{lost:?}");
    let moments = world.moments;
    for moment in (1..moments).step_by(7) {
        let mut world = held(&[(at(0), "7"), (at(10), "1"), (at(20), "7"), (at(30), "1")]);
        world.crashes = [moment].into();
        assert_eq!(world.run(), Status::Completed);
        assert!(!began(&world, at(0), at(10)) && !began(&world, Timestamp(21_100), at(30)), "{:#?}", world.journal);
        let lost = world.state().throttle.lost(world.now);
        assert!((seconds(14)..seconds(25)).contains(&lost), "{lost:?}");
    }
}

#[test]
fn a_limit_without_an_answer_holds() {
    let mut world = held(&[(at(15), "1")]);
    assert_eq!(world.run(), Status::Completed);
    assert!(!began(&world, at(0), at(15)) && began(&world, at(15), Timestamp(16_100)));
    let mut world = held(&[(at(0), "1")]);
    world.gauges.get_mut("lag").expect("it is there").answers.push((at(10), Answer::Nothing));
    world.gauges.get_mut("lag").expect("it is there").answers.push((at(20), Answer::Value("0".into())));
    assert_eq!(world.run(), Status::Completed);
    assert!(!began(&world, Timestamp(11_100), at(20)));
}

#[test]
fn a_slow_answer_holds_nothing_up_and_one_that_does_not_come_does() {
    let mut world = held(&[(at(0), "1")]);
    world.gauges.get_mut("lag").expect("it is there").takes = seconds(2);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(holds(&world), []);
    let mut world = held(&[(at(0), "1")]);
    world.gauges.get_mut("lag").expect("it is there").takes = seconds(30);
    world.people = vec![(at(100), Request::Stop { rollback: false })];
    assert_eq!(world.run(), Status::Stopped);
    assert_eq!(world.table("copy").begun, []);
    assert_eq!(holds(&world), [("throttled", at(30))]);
}

#[test]
fn a_limit_is_asked_as_often_as_it_says_and_only_while_a_table_is_moved() {
    let mut world = held(&[(at(0), "1")]);
    let (first, copy) = (single("first", MARK), keys("copy", 1));
    world.script.tasks = vec![first, copy, single("last", MARK)];
    world.server.turns.insert(super::make::doing("first"), vec![super::server::Turn::Works(seconds(30))]);
    world.server.turns.insert(super::make::doing("last"), vec![super::server::Turn::Works(seconds(30))]);
    assert_eq!(world.run(), Status::Completed);
    let asked = reads(&world);
    assert!(asked.windows(2).all(|pair| pair[1].since(pair[0]) >= seconds(1)), "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1].since(pair[0]) < Duration::from_millis(1100)), "{asked:?}");
    let copy = &world.state().operations["copy"].forward;
    let (began, ended) = (copy.started_at.expect("it began"), copy.ended_at.expect("it ended"));
    assert!(asked[0] >= began && asked[asked.len() - 1] <= ended, "{asked:?}");
}

#[test]
fn nobody_is_asked_while_it_is_paused_and_what_is_reached_holds_afterwards() {
    let mut world = held(&[(at(0), "1"), (at(5), "9"), (at(60), "1")]);
    world.people = vec![(at(10), Request::Pause), (at(30), Request::Resume)];
    assert_eq!(world.run(), Status::Completed);
    let asked = reads(&world);
    assert!(!asked.iter().any(|asked| (Timestamp(10_001)..at(30)).contains(asked)), "{asked:?}");
    assert!(!began(&world, Timestamp(6_100), at(60)));
    let statuses: Vec<Status> = [at(8), at(20), at(40), at(63)]
        .map(|moment| {
            let until = world.journal.iter().filter(|(at, _)| *at <= moment).cloned();
            orchestrate::run::State::fold(until).expect("it folds").expect("it began").status
        })
        .into();
    assert_eq!(statuses, [Status::Throttled, Status::Paused, Status::Throttled, Status::Running]);
}

#[test]
fn two_limits_hold_until_both_let_go() {
    let mut world = held(&[(at(0), "1"), (at(10), "7"), (at(20), "1")]);
    world.hold_by(limit("merges", "< 100", "< 100"), &[(at(0), "1"), (at(15), "200"), (at(40), "1")]);
    assert_eq!(world.run(), Status::Completed);
    assert!(!began(&world, Timestamp(11_100), at(40)));
    assert!(began(&world, at(40), Timestamp(41_200)));
    assert_eq!(holds(&world).len(), 4, "{:?}", holds(&world));
}

#[test]
fn a_limit_that_is_raised_lets_go() {
    let mut world = held(&[(at(0), "1"), (at(10), "7")]);
    world.people = vec![(at(20), tune("throttle.lag", "< 10"))];
    assert_eq!(world.run(), Status::Completed);
    assert!(!began(&world, Timestamp(11_100), at(20)) && began(&world, at(20), Timestamp(21_100)));
    assert!(world.now < at(80), "{:?}", world.now);
}

#[test]
fn more_or_fewer_are_moved_at_once_from_the_next_batch_on() {
    let cuts = (1..8).map(|cut| cut * 1000).collect();
    let mut world = moving(Table { cuts, first: Some(100), batch_ms: 0, ..Table::keyed(1..=8000) }, 2);
    world.people = vec![(at(5), tune("parallel", "4")), (at(10), tune("parallel", "1"))];
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(at_once(&world, at(0), at(5)), 2);
    assert_eq!(at_once(&world, at(6), at(10)), 4);
    assert_eq!(at_once(&world, Timestamp(11_100), at(15)), 1);
    assert!(world.table("copy").moved.values().all(|times| *times == 1));
    assert_eq!(world.table("copy").moved.len(), 8000);
}

#[test]
fn the_duration_of_a_batch_is_changed_from_the_next_one_on() {
    let mut world = moving(Table { first: Some(1000), batch_ms: 0, row_ms: 1, ..Table::keyed(1..=200_000) }, 1);
    world.people = vec![(at(40), tune("batch_target", "5s"))];
    assert_eq!(world.run(), Status::Completed);
    let begun = &world.table("copy").begun;
    let gap = |from: i64, until: i64| {
        let pairs = begun.windows(2).filter(|pair| (at(from)..at(until)).contains(&pair[0]));
        pairs.map(|pair| pair[1].since(pair[0])).max().unwrap_or_default()
    };
    assert!(gap(0, 38) <= seconds(1), "{begun:?}");
    assert!((Duration::from_millis(4500)..=Duration::from_millis(5100)).contains(&gap(80, 150)), "{begun:?}");
}

#[test]
fn what_nobody_knows_is_refused_and_changes_nothing() {
    let mut world = held(&[(at(0), "1")]);
    world.start();
    let state = world.state();
    for (name, value) in [("paralel", "2"), ("parallel", "0"), ("batch_target", "1h"), ("throttle.lag", "much")] {
        assert!(!state.accepts(&tune(name, value)), "{name}={value}");
        let event = Event::Asked { request: tune(name, value), by: "bob".into(), reason: None, number: 0 };
        let mut same = state.clone();
        assert!(same.apply(event, at(1)).is_err());
        assert_eq!(same, state);
    }
    assert!(state.accepts(&tune("parallel", "2")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_batch_begins_later_than_a_second_after_a_limit_was_reached(
        changes in prop::collection::vec((1..60_000_i64, select(vec!["0", "1", "3", "5", "9"])), 0..8),
        moments in prop::collection::btree_set(1..200_usize, 0..3),
        pauses in prop::collection::vec((0..60_i64).prop_map(at), 0..3),
    ) {
        let mut answers = vec![(at(0), "1")];
        answers.extend(changes.into_iter().map(|(at, value)| (Timestamp(at), value)));
        answers.sort_by_key(|(at, _)| *at);
        answers.push((at(100), "0"));
        let mut world = held(&answers);
        world.crashes = moments;
        world.people = pauses.iter().map(|at| (*at, Request::Pause)).collect();
        prop_assert_eq!(world.run(), Status::Completed);
        prop_assert_eq!(world.table("copy").moved.len(), 6000);
        prop_assert!(world.table("copy").moved.values().all(|times| *times == 1));
        let asked = reads(&world);
        // A new process asks anew.
        let crashed = |pair: &[Timestamp]| world.journal.iter().any(|(at, event)| {
            matches!(event, Event::Taken { .. }) && (pair[0]..=pair[1]).contains(at)
        });
        prop_assert!(asked.windows(2).all(|pair| pair[1].since(pair[0]) >= seconds(1) || crashed(pair)), "{:?}", asked);
        for pair in answers.windows(2).filter(|pair| pair[0].1.parse::<i64>().is_ok_and(|value| value >= 5)) {
            let (from, until) = (pair[0].0.after(Duration::from_millis(1_060)), pair[1].0);
            prop_assert!(!began(&world, from, until), "{:?}: {:?}", answers, world.table("copy").begun);
        }
    }
}
