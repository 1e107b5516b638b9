//! How long moving a table is said to take, against how long it then takes.

use orchestrate::run::{Moving, Status, moving as estimate};
use proptest::prelude::*;

use super::moves::{keys, limit};
use super::moving::moving;
use super::tables::Table;
use super::world::{World, at, seconds};

/// What is told at a moment of a run, from its journal.
fn told(world: &World, second: i64) -> Option<Moving> {
    let until = world.journal.iter().filter(|(moment, _)| *moment <= at(second)).cloned();
    let state = orchestrate::run::State::fold(until).expect("it folds")?;
    estimate(&world.script, &state, at(second))
}

/// The seconds that a run has left at a moment.
fn rest(world: &World, second: i64) -> f64 {
    world.now.since(at(second)).as_secs_f64()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_steady_pace_is_told_to_the_second(row_ms in 1..10_u64, batch_ms in 0..200_u64, parallel in 1..5_u32) {
        let cuts = (1..u64::from(parallel)).map(|cut| cut * 20_000).collect();
        let rows = 1..=20_000 * u64::from(parallel);
        let mut world = moving(Table { cuts, batch_ms, row_ms, first: Some(1_000), ..Table::keyed(rows) }, parallel);
        prop_assert_eq!(world.run(), Status::Completed);
        for quarter in 1..4 {
            let second = i64::try_from(world.now.since(at(0)).as_secs()).expect("it is short") * quarter / 4;
            let (told, rest) = (told(&world, second).expect("it moves"), rest(&world, second));
            let [left, fast, slow] = told.left_s.expect("it is known");
            prop_assert!(fast <= left && left <= slow, "{:?}", told);
            // What is in flight counts when it is done.
            prop_assert!(fast <= rest + 12.0 && rest <= slow * 1.1 + 12.0, "{} {:?}", rest, told);
            prop_assert!((left - rest).abs() < 0.15 * rest + 12.0, "{} {:?}", rest, told);
        }
    }
}

#[test]
fn the_share_of_the_time_that_limits_take_is_in_the_estimate() {
    let mut world = moving(Table { batch_ms: 0, first: Some(100), ..Table::keyed(1..=40_000) }, 1);
    let answers: Vec<_> = (0..200).map(|tick| (at(tick * 10), if tick % 2 == 0 { "1" } else { "9" })).collect();
    world.hold_by(limit("lag", "< 5", "< 5"), &answers);
    assert_eq!(world.run(), Status::Completed);
    for second in [200, 400, 600] {
        let (told, rest) = (told(&world, second).expect("it moves"), rest(&world, second));
        let [left, fast, slow] = told.left_s.expect("it is known");
        assert!((left - rest).abs() < 0.15 * rest, "{rest} {told:?}");
        assert!(fast < rest * 1.15 && rest < slow * 1.15, "{rest} {told:?}");
        let throttled = told.throttled.as_secs_f64() / f64::from(i32::try_from(second).expect("it is small"));
        assert!((0.4..0.55).contains(&throttled), "{throttled}");
    }
}

#[test]
fn what_is_moved_at_once_counts_as_it_was_changed_last() {
    let cuts = (1..8).map(|cut| cut * 5_000).collect();
    let mut world = moving(Table { cuts, batch_ms: 0, first: Some(100), ..Table::keyed(1..=40_000) }, 1);
    let tune = |parallel: &str| orchestrate::run::Request::Tune {
        changes: [("parallel".to_owned(), parallel.to_owned())].into(),
    };
    world.people = vec![(at(20), tune("4")), (at(40), tune("2"))];
    assert_eq!(world.run(), Status::Completed);
    for second in [10, 30, 60] {
        let told = told(&world, second).expect("it moves");
        let rate = told.rate_now.expect("it is known");
        let expected =
            [(10, 100.0), (30, 400.0), (60, 200.0)].iter().find(|(at, _)| *at == second).map(|(_, rate)| *rate);
        let expected: f64 = expected.expect("it stands there");
        assert!((rate - expected).abs() < 0.1 * expected, "{second}: {told:?}");
    }
    assert!(world.state().throttle.lost(world.now) == seconds(0));
}

#[test]
fn what_limits_took_from_an_operation_before_is_not_in_the_estimate() {
    let table = || Table { batch_ms: 0, first: Some(100), ..Table::keyed(1..=10_000) };
    let mut world = moving(table(), 1);
    world.script.tasks = vec![keys("first", 1), keys("copy", 1)];
    world.tables.insert("first".into(), table());
    world.hold_by(limit("lag", "< 5", "< 5"), &[(at(0), "9"), (at(300), "1")]);
    assert_eq!(world.run(), Status::Completed);
    let (told, rest) = (told(&world, 450).expect("it moves"), rest(&world, 450));
    let [left, ..] = told.left_s.expect("it is known");
    assert!((left - rest).abs() < 0.1 * rest, "{rest} {told:?}");
    assert_eq!(told.throttled, seconds(0));
}
