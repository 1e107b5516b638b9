//! How large batches become: by how long they take, whatever they cost.

use std::collections::BTreeMap;

use orchestrate::model::Key;
use orchestrate::run::{Direction, Document, Event, Part, ProcedureKind, Settings, Slice, State, Timestamp, Unit};
use proptest::prelude::*;

use super::make::doing;
use super::world::seconds;

const OPERATION: &str = "copy";
const LARGEST: u64 = 2_000_000;

/// A run whose first stretch of so many is begun.
pub fn begun(stretches: u32, first: Option<u64>) -> State {
    let text = String::new;
    let document =
        Document { kind: ProcedureKind::Migration, product: text(), name: text(), path: text(), text: text() };
    let started = Event::Started {
        document,
        parameters: BTreeMap::new(),
        app: None,
        step: None,
        assumed: Vec::new(),
        by: "ada".into(),
    };
    let slice = |_| Part { slice: Some(Slice::Keys { after: None, until: None, rows: 1 }), ..Part::default() };
    let parts = (0..stretches).map(slice).collect();
    let direction = Direction::Do;
    let mut state = State::begin(started, Timestamp(0)).expect("a run begins with its start");
    let prepared = Event::Prepared { operation: OPERATION.into(), direction, parts, may_grow: false, batch: first };
    for event in [Event::Ready { again: Vec::new() }, prepared, Event::Attempted { unit: doing(OPERATION) }] {
        state.apply(event, Timestamp(0)).expect("it follows");
    }
    state
}

pub fn advanced(state: &State, unit: &Unit, rows: u64, ms: u64) -> Event {
    let batch = state.walk(unit).expect("it is walked through").next_batch();
    Event::Advanced { unit: unit.clone(), batch, high: Some(Key(vec![batch.to_string()])), rows, ms }
}

/// The sizes and durations of batches that cost so much.
fn sizes(state: &mut State, noise: &[f64], fixed_ms: f64, rows_per_ms: f64) -> Vec<(u64, f64)> {
    let unit = doing(OPERATION);
    let mut batch = |noise: &f64| {
        let rows = state.batch_rows(&unit, &Settings::default());
        let ms = (fixed_ms + rows as f64 / rows_per_ms) * noise;
        let event = advanced(state, &unit, rows, ms.round().max(1.0) as u64);
        state.apply(event, Timestamp(0)).expect("it follows");
        (rows, ms)
    };
    noise.iter().map(&mut batch).collect()
}

fn any_noise(count: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.8..1.2_f64, count)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_size_is_found_within_twenty_batches(
        fixed_ms in 0.0..300.0_f64, speed in 1.0..4.0_f64, share in 0.034..30.0_f64, noise in any_noise(60)
    ) {
        let rows_per_ms = 10_f64.powf(speed);
        let best = ((950.0 - fixed_ms) * rows_per_ms).min(LARGEST as f64);
        let first = (best * share).clamp(1.0, LARGEST as f64);
        let mut state = begun(1, Some(first as u64));
        let sizes = sizes(&mut state, &noise, fixed_ms, rows_per_ms);
        for (rows, ms) in &sizes[20..] {
            let is_right = (650.0..1450.0).contains(ms) || *rows == LARGEST;
            prop_assert!(is_right, "best {}: {:?}", best, sizes);
        }
    }

    #[test]
    fn a_batch_grows_by_a_fifth_at_most_and_stays_within_its_bounds(
        first in prop::option::of(1..3_000_000_u64),
        costs in prop::collection::vec((1..200_usize, 0.0..3000.0_f64, 0.0..4.5_f64), 1..6),
    ) {
        let mut state = begun(1, first);
        let mut before: Option<u64> = None;
        for (count, fixed_ms, speed) in costs {
            for (rows, _) in sizes(&mut state, &vec![1.0; count], fixed_ms, 10_f64.powf(speed)) {
                let least = first.unwrap_or(1_000).min(1_000);
                prop_assert!((least..=LARGEST).contains(&rows), "{rows}");
                let most = before.map_or(u64::MAX, |before| before + before / 5 + 1);
                prop_assert!(rows <= most, "{rows} after {before:?}");
                before = Some(rows);
            }
        }
    }

    #[test]
    fn what_takes_too_long_is_halved_each_time(first in 8..2_000_000_u64) {
        let mut state = begun(1, Some(first));
        let unit = doing(OPERATION);
        let mut sizes = Vec::new();
        for _ in 0..3 {
            let rows = state.batch_rows(&unit, &Settings::default());
            sizes.push(rows);
            let (batch, message) = (1, "too late".to_owned());
            let high = Some(Key(vec!["1".into()]));
            let event = Event::BatchFailed { unit: unit.clone(), batch, high, rows, is_late: true, message };
            state.apply(event, Timestamp(0)).expect("it follows");
        }
        prop_assert_eq!(sizes, vec![first, first / 2, first / 4]);
        prop_assert_eq!(state.batch_rows(&unit, &Settings::default()), first / 8);
    }
}

#[test]
fn a_size_that_shrank_far_grows_slowly_again() {
    let mut state = begun(1, Some(1_000_000));
    let all = [sizes(&mut state, &[1.0; 10], 0.0, 10.0), sizes(&mut state, &[1.0; 40], 0.0, 1_000.0)].concat();
    assert!((9_000..10_000).contains(&all[9].0), "{all:?}");
    assert!(all[2..].windows(2).all(|pair| pair[1].0 <= pair[0].0 * 6 / 5 + 1), "{all:?}");
    assert!((850_000..=1_000_000).contains(&all[49].0), "{all:?}");
}

#[test]
fn what_was_searched_for_says_nothing_of_the_size() {
    let mut state = begun(1, Some(100_000));
    let unit = doing(OPERATION);
    sizes(&mut state, &[1.0; 10], 0.0, 100.0);
    let before = state.batch_rows(&unit, &Settings::default());
    for rows in [50_000, 10] {
        let batch = state.walk(&unit).expect("it is walked through").next_batch();
        let found = Event::Advanced { unit: unit.clone(), batch, high: None, rows, ms: 600_000 };
        state.apply(found, Timestamp(0)).expect("it follows");
    }
    assert_eq!(state.batch_rows(&unit, &Settings::default()), before);
}

#[test]
fn what_is_left_at_the_end_of_a_stretch_sets_no_size() {
    let mut state = begun(3, Some(100_000));
    let unit = doing(OPERATION);
    sizes(&mut state, &[1.0; 10], 0.0, 100.0);
    let before = state.batch_rows(&unit, &Settings::default());
    let other = Unit { part: 1, ..unit.clone() };
    state.apply(Event::Attempted { unit: other.clone() }, Timestamp(0)).expect("it follows");
    for unit in [&unit, &other] {
        let event = advanced(&state, unit, 300, 3);
        state.apply(event, Timestamp(0)).expect("it follows");
    }
    let unit = Unit { part: 2, ..unit };
    assert_eq!(state.batch_rows(&unit, &Settings::default()), before);
    let settings = Settings { batch_target: seconds(2), ..Settings::default() };
    assert!(state.batch_rows(&unit, &settings) > before);
}
