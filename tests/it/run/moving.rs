//! Large tables that are moved while processes die, people interfere, and rows come and go: what was moved, and how often.

use orchestrate::run::{Act, Event, Request, Resolution, Status, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use super::make::doing;
use super::moves::{keys, keys_without_lookup, partitions};
use super::tables::{Rows, Slip, Table};
use super::world::{World, at, seconds};

/// A world that moves one table by its key, with so many stretches at once.
pub fn moving(table: Table, parallel: u32) -> World {
    let mut world = World::new(vec![keys("copy", parallel)]);
    world.settings.auto_rollback = false;
    world.tables.insert("copy".into(), table);
    world
}

/// A world that moves one table by its partitions.
fn copying(table: Table, parallel: u32) -> World {
    let mut world = World::new(vec![partitions("copy", parallel)]);
    world.settings.auto_rollback = false;
    world.tables.insert("copy".into(), table);
    world
}

/// Every row that was there when nothing more was found in its stretch was moved, and none was moved twice.
fn assert_moved(world: &World) {
    let table = world.table("copy");
    for (row, times) in &table.moved {
        assert_eq!(*times, 1, "{row} was moved {times} times: {:#?}", world.journal);
    }
    for row in &table.rows {
        let part = u32::try_from(table.stretch(*row)).expect("few stretches");
        let unit = orchestrate::run::Unit { part, ..doing("copy") };
        let emptied = table.emptied.get(&unit).copied();
        let is_late = |inserted: Timestamp| emptied.is_none_or(|emptied| inserted >= emptied);
        let inserted = world.inserted.iter().find(|(_, inserted)| inserted == row).map(|(at, _)| *at);
        let may_be_missing = inserted.is_some_and(is_late);
        assert!(may_be_missing || table.moved.contains_key(row), "{row} was not moved: {:#?}", world.journal);
    }
}

/// The rows that the journal says were moved.
fn told_rows(world: &World) -> u64 {
    let rows = |(_, event): &(Timestamp, Event)| if let Event::Advanced { rows, .. } = event { *rows } else { 0 };
    world.journal.iter().map(rows).sum()
}

fn any_slip() -> impl Strategy<Value = Slip> {
    let seconds = (2..20_u64).prop_map(|more| Slip::LostRunning(seconds(more)));
    prop_oneof![select(vec![Slip::Transient, Slip::LostBefore, Slip::LostAfter]), seconds]
}

/// A table of which rows are inserted meanwhile, and whose answers are lost now and then.
fn any_keyed() -> impl Strategy<Value = World> {
    let rows = prop::collection::btree_set(1..400_u64, 0..120);
    let cuts = prop::collection::btree_set(1..400_u64, 0..4);
    let inserts = prop::collection::vec(((0..40_i64).prop_map(at), 1..500_u64), 0..12);
    let slips = prop::collection::btree_map(1..30_usize, any_slip(), 0..5);
    (rows, cuts, inserts, slips, 1..4_u32, any::<[bool; 2]>(), 1..40_u64).prop_map(
        |(rows, cuts, mut inserts, slips, parallel, [has_lookup, outlives], first)| {
            inserts.retain(|(_, row)| !rows.contains(row));
            inserts.dedup_by_key(|(_, row)| *row);
            let cuts = cuts.into_iter().collect();
            let table = Table { cuts, inserts: inserts.clone(), slips, first: Some(first), ..Table::keyed(rows) };
            let mut world = moving(table, parallel);
            if !has_lookup {
                world.script.tasks = vec![keys_without_lookup("copy", parallel)];
            }
            (world.inserted, world.outlives) = (inserts, outlives);
            world
        },
    )
}

fn any_wishes() -> impl Strategy<Value = Vec<(Timestamp, Request)>> {
    let wishes = select(vec![Request::Pause, Request::Resume, Request::Stop { rollback: false }]);
    prop::collection::vec(((0..40_i64).prop_map(at), wishes), 0..5)
}

/// Goes on with a run that was stopped, until it is over.
fn to_the_end(world: &mut World) -> Status {
    let mut status = world.run();
    for _ in 0..20 {
        if status == Status::Stopped {
            status = world.ask(Request::Resume);
        } else if matches!(status, Status::NeedsAttention | Status::Errored) {
            status = world.ask(Request::Retry);
        }
    }
    status
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_is_moved_exactly_once_however_often_processes_die(
        world in any_keyed(), moments in prop::collection::btree_set(1..150_usize, 0..4), people in any_wishes()
    ) {
        let mut world = world;
        (world.crashes, world.people) = (moments, people);
        prop_assert_eq!(to_the_end(&mut world), Status::Completed);
        assert_moved(&world);
        let table = world.table("copy");
        prop_assert_eq!(told_rows(&world), table.moved.len() as u64, "{:#?}", world.journal);
    }

    #[test]
    fn what_is_set_aside_is_what_fails_and_is_moved_when_it_is_tried_again(
        world in any_keyed(),
        refused in prop::collection::btree_set(1..500_u64, 0..6),
        late_above in prop::option::of(3..30_u64),
        moments in prop::collection::btree_set(1..150_usize, 0..3),
        is_skipped in any::<bool>(),
    ) {
        let mut world = world;
        world.crashes = moments;
        let table = world.tables.get_mut("copy").expect("it is moved");
        (table.refused, table.late_above, table.slips) = (refused, late_above, Default::default());
        let status = world.run();
        let state = world.state();
        let parked: Vec<_> = state.parts().filter_map(|(_, part)| part.walk.clone()).flat_map(|walk| walk.parked).collect();
        let table = world.table("copy").clone();
        let number = |key: &orchestrate::model::Key| key.0[0].parse::<u64>().expect("a number");
        let is_parked = |row: u64| parked.iter().any(|parked| {
            parked.range.after.as_ref().is_none_or(|after| number(after) < row)
                && parked.range.until.as_ref().is_none_or(|until| row <= number(until))
        });
        if status == Status::NeedsAttention {
            for parked in &parked {
                let (after, until) = (parked.range.after.as_ref().map_or(0, &number), parked.range.until.as_ref().map_or(u64::MAX, &number));
                let rows = table.rows.iter().filter(|row| after < **row && **row <= until).count() as u64;
                let is_late = parked.message == "too late" && table.late_above.is_some_and(|most| rows > most);
                prop_assert!(is_late || table.refused.iter().any(|row| after < *row && *row <= until), "{} worked", parked);
            }
            for row in table.rows.iter().filter(|row| !world.inserted.iter().any(|(_, inserted)| inserted == *row)) {
                prop_assert!(table.moved.contains_key(row) != is_parked(*row), "{row}: {:#?}", world.journal);
            }
        } else {
            let ends = [Status::Completed, Status::Errored];
            prop_assert!(ends.contains(&status) && (status == Status::Errored || parked.is_empty()), "{status}");
        }
        if status == Status::NeedsAttention && is_skipped {
            let skip = Request::Resolve { operation: "copy".into(), resolution: Resolution::Skip };
            prop_assert_eq!(world.ask(skip), Status::Completed);
            return Ok(());
        }
        world.tables.get_mut("copy").expect("it is moved").refused.clear();
        let mut status = status;
        for _ in 0..3 {
            if status != Status::Completed {
                status = world.ask(Request::Retry);
            }
        }
        prop_assert_eq!(status, Status::Completed);
        assert_moved(&world);
    }

    #[test]
    fn partitions_are_copied_as_they_are_at_the_end(
        partitions in prop::collection::btree_set(select(vec!["a", "b", "c", "d", "e"]), 1..5),
        changes in prop::collection::vec(((0..12_i64).prop_map(at), select(vec!["a", "b", "f", "g"]), 1..50_u64), 0..4),
        slips in prop::collection::btree_map(1..9_usize, any_slip(), 0..3),
        moments in prop::collection::btree_set(1..80_usize, 0..4),
        people in any_wishes(),
        outlives in any::<bool>(),
        parallel in 1..4_u32,
    ) {
        let partitions: Vec<(&str, u64)> = partitions.into_iter().map(|id| (id, 100)).collect();
        let mut table = Table { slips, ..Table::partitioned(&partitions) };
        table.changes = changes.into_iter().map(|(at, id, rows)| (at, id.to_owned(), rows)).collect();
        let last = table.changes.iter().map(|(at, ..)| *at).max();
        let mut world = copying(table, parallel);
        (world.crashes, world.people, world.outlives) = (moments, people, outlives);
        prop_assert_eq!(to_the_end(&mut world), Status::Completed);
        let table = world.table("copy");
        if last.is_none_or(|last| world.now > last) {
            for (id, found) in &table.partitions {
                // What changed after it was looked at for the last time is not known.
                let is_late = world.searched().is_some_and(|searched| last.is_some_and(|last| last >= searched));
                prop_assert!(is_late || table.copied.get(id) == Some(found), "{id}: {:#?}", world.journal);
            }
        }
    }
}

impl World {
    /// When it was last looked for partitions.
    fn searched(&self) -> Option<Timestamp> {
        self.acts.iter().rfind(|(_, act)| matches!(act, Act::Prepare { .. })).map(|(at, _)| *at)
    }
}

#[test]
fn a_process_that_dies_at_any_moment_loses_at_most_a_batch_of_each_stretch() {
    for parallel in [1, 2, 3] {
        let clean = moving(Table { cuts: vec![40, 80], ..Table::keyed(1..=120) }, parallel);
        let mut undisturbed = clean.clone();
        assert_eq!(undisturbed.run(), Status::Completed);
        let batches = undisturbed.table("copy").attempts;
        for moment in 1..=undisturbed.moments {
            for outlives in [true, false] {
                let mut world = clean.clone();
                (world.outlives, world.crashes) = (outlives, [moment].into());
                assert_eq!(world.run(), Status::Completed);
                assert_moved(&world);
                // A batch more for what was lost, and one for the size that was not learnt.
                let lost = world.table("copy").attempts.saturating_sub(batches);
                let most = usize::try_from(parallel).expect("few") + 1;
                assert!(lost <= most, "{moment}: {lost} batches more: {:#?}", world.journal);
                assert_eq!(world.table("copy").fenced, 0);
            }
        }
    }
}

#[test]
fn dying_twice_moves_every_row_exactly_once() {
    let clean = moving(Table { cuts: vec![30], ..Table::keyed(1..=60) }, 2);
    let mut undisturbed = clean.clone();
    undisturbed.run();
    for moment in 1..=undisturbed.moments {
        for again in [1, 2, 3, 5, 9] {
            let mut world = clean.clone();
            world.crashes = [moment, moment + again].into();
            assert_eq!(world.run(), Status::Completed);
            assert_moved(&world);
        }
    }
}

#[test]
fn partitions_that_appear_are_found_and_those_that_change_are_copied_again() {
    let mut table = Table::partitioned(&[("a", 100), ("b", 100)]);
    table.changes = vec![(at(1), "c".into(), 10), (at(2), "a".into(), 5)];
    let mut world = copying(table, 1);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.table("copy").copied, world.table("copy").partitions);
    assert_eq!(world.table("copy").attempts, 4);
}

/// A table of which a partition changes each second.
fn restless(is_verified: bool) -> World {
    let mut table = Table { is_verified, ..Table::partitioned(&[("a", 100), ("b", 100)]) };
    table.changes = (0..100).map(|second| (at(second), "a".to_owned(), 1)).collect();
    copying(table, 1)
}

#[test]
fn a_partition_that_changes_without_end_is_for_a_person_after_three_rounds() {
    let mut world = restless(true);
    assert_eq!(world.run(), Status::NeedsAttention);
    assert_eq!(world.state().because, "a changes without end");
    assert_eq!(world.table("copy").attempts, 2 + 3);
    assert_eq!(world.ask(Request::Retry), Status::NeedsAttention);
    let skip = Request::Resolve { operation: "copy".into(), resolution: Resolution::Done };
    assert_eq!(world.ask(skip), Status::Completed);
}

#[test]
fn a_partition_that_changes_is_no_trouble_where_nothing_is_verified() {
    let mut world = restless(false);
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.table("copy").copied["b"], Rows { rows: 100, block: 1 });
    assert_eq!(world.table("copy").attempts, 2);
}

#[test]
fn rows_that_come_behind_the_batches_are_found() {
    let mut table = Table::keyed((1..=200).map(|row| row * 10));
    table.inserts = vec![(at(1), 5), (at(2), 15), (at(3), 3000)];
    let mut world = moving(table, 1);
    world.inserted = world.table("copy").inserts.clone();
    assert_eq!(world.run(), Status::Completed);
    assert_eq!(world.table("copy").moved.len(), 203);
    assert_moved(&world);
}

#[test]
fn more_than_half_of_fifty_that_are_refused_fail_the_operation_and_what_came_behind_is_found_in_the_end() {
    let mut table = Table { batch_ms: 1000, ..Table::keyed(1..=2000) };
    table.refused = (100..=1500).collect();
    table.inserts =
        (0..100).map(|tenth| (at(tenth * 10), 50_000 - u64::try_from(tenth).expect("it is small"))).collect();
    let mut world = moving(table, 1);
    world.inserted = world.table("copy").inserts.clone();
    assert_eq!(world.run(), Status::Errored);
    let walk = world.state().walk(&doing("copy")).cloned().expect("it is walked through");
    assert_eq!(walk.parked.len(), 26);
    assert!(world.state().because.contains("more than half of its last batches were set aside; the last one: refused"));
    let table = world.tables.get_mut("copy").expect("it is moved");
    table.refused.clear();
    assert_eq!(world.ask(Request::Retry), Status::Completed);
    assert_moved(&world);
}

#[test]
fn what_never_worked_fails_at_once_and_is_not_set_aside_piece_by_piece() {
    for parallel in [1, 3] {
        let mut world = moving(Table { cuts: vec![100, 200], ..Table::keyed(1..=300) }, parallel);
        world.tables.get_mut("copy").expect("it is moved").refused = (1..=300).collect();
        assert_eq!(world.run(), Status::Errored);
        assert_eq!(world.state().because, "copy failed: refused");
        assert_eq!(world.table("copy").attempts, usize::try_from(parallel).expect("few"));
    }
}

#[test]
fn a_stretch_whose_first_batch_is_refused_is_no_failure_of_the_others() {
    let mut world = moving(Table { cuts: vec![100, 200], ..Table::keyed(1..=300) }, 3);
    world.tables.get_mut("copy").expect("it is moved").refused = [101].into();
    assert_eq!(world.run(), Status::NeedsAttention);
    assert!(
        world.state().because.starts_with("a range of keys was set aside after 3 attempts each: after 100 until 1")
    );
    let parked = Request::Resolve { operation: "copy".into(), resolution: Resolution::NotDone };
    world.tables.get_mut("copy").expect("it is moved").refused.clear();
    assert_eq!(world.ask(parked), Status::Completed);
    assert_moved(&world);
}

#[test]
fn nothing_is_left_under_way_by_a_failure_with_fewer_stretches_at_once() {
    let mut table = Table { cuts: vec![100, 200], batch_ms: 20_000, ..Table::keyed(1..=300) };
    table.slips = [(1, Slip::Transient)].into();
    let mut world = moving(table, 3);
    world.script.tasks[0].retry = Some(orchestrate::model::Retry { attempts: 1, backoff: seconds(1) });
    world.people = vec![(at(5), Request::Tune { changes: [("parallel".into(), "1".into())].into() })];
    assert_eq!(world.run(), Status::Errored);
    assert!(world.table("copy").flights.is_empty());
    assert_eq!(world.ask(Request::Retry), Status::Completed);
    assert_moved(&world);
}
