//! What holds for any run, whatever it does and whatever happens to it.

use std::collections::BTreeMap;
use std::time::Duration;

use orchestrate::run::{
    Direction, Document, Event, Evidence, Failure, FaultKind, Forecast, Hold, Part, ProcedureKind, Proof, Request,
    Resolution, Settings, Slice, State, Status, Task, TaskKind, Timestamp, Undoing, Unit, Verdict,
};
use proptest::prelude::*;
use proptest::sample::select;

use super::crashes::{assert_effects, end, finish};
use super::make::{REPEATABLE, host, manual, no, plain, row, tried, unknown, wait, with_undo};
use super::moves::{keys, keys_without_lookup, limit, partitions};
use super::server::{Turn, fault};
use super::tables::{Slip, Table, key};
use super::world::{World, at, seconds};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn any_unit() -> impl Strategy<Value = Unit> {
    (select(&NAMES[..]), any_direction(), 0..3_u32).prop_map(|(operation, direction, part)| Unit {
        operation: operation.into(),
        direction,
        part,
    })
}

fn any_direction() -> impl Strategy<Value = Direction> {
    prop_oneof![3 => Just(Direction::Do), 1 => Just(Direction::Undo)]
}

/// What people ask who know nothing of the targets.
fn any_wish() -> impl Strategy<Value = Request> {
    let stops = any::<bool>().prop_map(|rollback| Request::Stop { rollback });
    prop_oneof![2 => stops, 3 => select(vec![Request::Pause, Request::Resume, Request::Rollback, Request::Retry])]
}

fn any_request() -> impl Strategy<Value = Request> {
    let resolutions = select(vec![Resolution::Done, Resolution::NotDone, Resolution::Skip]);
    let changes = select(vec![("parallel", "2"), ("parallel", "0"), ("batch_target", "5s"), ("throttle.lag", "< 9")]);
    prop_oneof![
        5 => any_wish(),
        1 => changes.prop_map(|(name, value)| Request::Tune { changes: [(name.into(), value.into())].into() }),
        1 => (select(&NAMES[..]), resolutions)
            .prop_map(|(name, resolution)| Request::Resolve { operation: name.into(), resolution }),
    ]
}

fn any_failures() -> impl Strategy<Value = Vec<Failure>> {
    select(vec![vec![no("no")], vec![unknown("unknown")], vec![no("no"), unknown("unknown")]])
}

fn any_event() -> impl Strategy<Value = Event> {
    let proofs = || select(vec![Proof::Answer, Proof::Mark, Proof::Repeatable, Proof::NothingToDo]);
    let kinds = select(vec![FaultKind::Transient, FaultKind::Partial, FaultKind::Lost, FaultKind::Ended]);
    let text = || Just("so it is".to_owned());
    let some = vec![Part::default(), host("x"), host("y"), row(1), stretch(), stretch(), stretch(), partition()];
    let parts = || prop::collection::vec(select(some.clone()), 0..4);
    let about_units = prop_oneof![
        4 => any_unit().prop_map(|unit| Event::Attempted { unit }),
        4 => (any_unit(), proofs()).prop_map(|(unit, proof)| Event::Done { unit, proof, detail: None, output: None }),
        2 => (any_unit(), kinds).prop_map(|(unit, kind)| Event::Failed { unit, fault: fault(kind) }),
        1 => (any_unit(), proofs()).prop_map(|(unit, proof)| Event::NotDone { unit, proof }),
        1 => any_unit().prop_map(|unit| Event::StillRunning { unit }),
        1 => any_unit().prop_map(|unit| Event::CutOff { unit }),
        1 => (any_unit(), text()).prop_map(|(unit, question)| Event::Parked { unit, question }),
        3 => (select(&NAMES[..]), any_direction(), parts(), any::<bool>(), prop::option::of(1..5000_u64)).prop_map(
            |(operation, direction, parts, may_grow, batch)| {
                Event::Prepared { operation: operation.into(), direction, parts, may_grow, batch }
            },
        ),
        1 => (select(&NAMES[..]), parts()).prop_map(|(name, parts)| Event::Found { operation: name.into(), parts }),
        4 => any_batch_event(),
    ];
    let about_runs = prop_oneof![
        4 => (any_request(), text()).prop_map(|(request, by)| Event::Asked { request, by, reason: None, number: 0 }),
        2 => any_unit().prop_map(|unit| Event::PassedOver { unit, evidence: String::new() }),
        1 => any_unit().prop_map(|unit| Event::Ready { again: vec![unit.operation] }),
        3 => Just(Event::Ready { again: Vec::new() }),
        1 => Just(started()),
        1 => text().prop_map(|owner| Event::Taken { owner }),
        1 => text().prop_map(|evidence| Event::NotRequired { evidence }),
        1 => any_failures().prop_map(|failures| Event::Blocked { failures }),
        1 => any_failures().prop_map(|failures| Event::Unhealthy { failures }),
        1 => any_failures().prop_map(|failures| Event::HealthUnknown { failures }),
        1 => Just(Event::Healthy),
        2 => select(vec![vec!["lag"], vec!["lag", "merges"], vec![]]).prop_map(|names| Event::Throttled {
            by: names.into_iter().map(|name| Hold { name: name.into(), message: "much".into() }).collect(),
        }),
        1 => Just(Event::Unthrottled),
        1 => (select(&NAMES[..]), 0..9_u64).prop_map(|(name, rows)| Event::Forecast {
            operation: name.into(),
            forecast: Forecast { rows, is_estimate: false, bytes: rows, free_bytes: None, seconds: None, rows_per_s: None },
        }),
        1 => text().prop_map(|because| Event::RollingBack { because }),
        1 => Just(Event::Stopped),
        1 => text().prop_map(|because| Event::Errored { because }),
        1 => Just(Event::RolledBack),
        1 => Just(Event::Completed),
    ];
    prop_oneof![2 => about_units, 1 => about_runs]
}

/// A stretch of keys.
fn stretch() -> Part {
    Part { slice: Some(Slice::Keys { after: None, until: None, rows: 9 }), ..Part::default() }
}

fn partition() -> Part {
    Part { slice: Some(Slice::Partition { id: "p".into(), rows: 9, bytes: 9, block: 1 }), ..Part::default() }
}

fn any_batch_event() -> impl Strategy<Value = Event> {
    let high = || prop::option::of((1..9_u64).prop_map(key));
    prop_oneof![
        4 => (any_unit(), 1..4_u64, high(), 0..5000_u64, 0..5000_u64)
            .prop_map(|(unit, batch, high, rows, ms)| Event::Advanced { unit, batch, high, rows, ms }),
        2 => (any_unit(), 1..4_u64, high(), 0..5000_u64, any::<bool>()).prop_map(
            |(unit, batch, high, rows, is_late)| {
                Event::BatchFailed { unit, batch, high, rows, is_late, message: "so it is".into() }
            }
        ),
        2 => (any_unit(), 1..4_u64, (1..9_u64).prop_map(key))
            .prop_map(|(unit, batch, high)| Event::BatchParked { unit, batch, high }),
    ]
}

fn started() -> Event {
    let text = String::new;
    let document =
        Document { kind: ProcedureKind::Migration, product: text(), name: text(), path: text(), text: text() };
    Event::Started {
        document,
        parameters: BTreeMap::new(),
        app: None,
        step: None,
        assumed: Vec::new(),
        by: "ada".into(),
    }
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    any::<[bool; 4]>().prop_map(|[mark, lookup, done_when, repeatable]| Evidence {
        mark,
        lookup,
        done_when,
        repeatable,
    })
}

fn any_task(name: &'static str) -> impl Strategy<Value = Task> {
    let kinds = select(vec![TaskKind::Single, TaskKind::Single, TaskKind::Parts]);
    let statement = (kinds, any_evidence(), any_evidence(), prop::option::of(1..4_u32), 0..8_u32).prop_map(
        move |(kind, evidence, undo, tries, undoing)| {
            let mut task = plain(name, kind, evidence);
            if undoing > 1 {
                task = with_undo(task, undo);
            }
            if let (true, Undoing::Task { task, .. }) = (undoing == 2, &mut task.undo) {
                **task = manual("by hand");
            }
            if undoing == 1 {
                task.undo = Undoing::Irreversible("it is gone".into());
            }
            task.has_when = undoing % 3 == 0;
            tries.map_or(task.clone(), |tries| tried(task, tries))
        },
    );
    let tables = (1..3_u32, any::<bool>(), 0..3_usize).prop_map(move |(parallel, has_undo, kind)| {
        let makes = [keys, keys_without_lookup, partitions];
        let task = makes[kind](name, parallel);
        if has_undo { with_undo(task, REPEATABLE) } else { task }
    });
    prop_oneof![6 => statement, 3 => tables, 1 => Just(wait(name, 5, 40)), 1 => Just(manual(name))]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    let seconds = |range: std::ops::Range<u64>| range.prop_map(Duration::from_secs);
    prop_oneof![
        4 => seconds(0..30).prop_map(Turn::Works),
        1 => Just(Turn::Transient),
        1 => Just(Turn::Permanent),
        1 => Just(Turn::LostBefore),
        1 => Just(Turn::LostAfter),
        1 => seconds(2..90).prop_map(Turn::LostRunning),
        1 => Just(Turn::Killed),
    ]
}

fn any_checks() -> impl Strategy<Value = Vec<(Timestamp, Vec<Failure>)>> {
    let moment = (0..100_i64).prop_map(at);
    prop::collection::vec((moment, prop_oneof![2 => Just(Vec::new()), 1 => any_failures()]), 0..3).prop_map(
        |mut all| {
            all.sort_by_key(|(at, _)| *at);
            all.push((at(200), Vec::new()));
            all
        },
    )
}

/// Each operation that moves a table has one, in which an answer is lost now and then.
fn fill_tables(world: &mut World) {
    let slips = [(2, Slip::LostAfter), (4, Slip::LostRunning(seconds(7))), (5, Slip::Transient)];
    for task in &world.script.tasks {
        let table = match task.kind {
            TaskKind::Keys { .. } => Table { cuts: vec![20], ..Table::keyed(1..=50) },
            TaskKind::Partitions { .. } => Table::partitioned(&[("p", 100), ("q", 9000)]),
            TaskKind::Single | TaskKind::Parts | TaskKind::Wait { .. } | TaskKind::Manual => continue,
        };
        world.tables.insert(task.name.clone(), Table { slips: slips.into(), ..table });
    }
}

/// No row was moved twice, and where its operation is done every one was moved.
fn assert_tables(world: &World) {
    let state = world.state();
    for (name, table) in &world.tables {
        assert!(table.moved.values().all(|times| *times == 1), "{name}: {:#?}", world.journal);
        let is_whole = table.moved.len() == table.rows.len() && table.copied == table.partitions;
        let phase = state.phase(name, Direction::Do);
        let is_done = phase.is_some_and(|phase| phase.is_over() && !phase.is_skipped);
        let is_by_itself = !world
            .journal
            .iter()
            .any(|(_, event)| matches!(event, Event::Asked { request: Request::Resolve { .. }, .. }));
        assert!(is_whole || !is_done || !is_by_itself, "{name}: {:#?}", world.journal);
    }
}

/// A world in which anything goes wrong, but in the end nothing any more.
fn any_world() -> impl Strategy<Value = World> {
    let tasks = (any_task("a"), any_task("b"), any_task("c"), 0..=3_usize);
    let turns = prop::collection::btree_map(any_unit(), prop::collection::vec(any_turn(), 1..4), 0..5);
    let people = prop::collection::vec(((0..90_i64).prop_map(at), any_wish()), 0..4);
    let interruptions = prop::collection::btree_map(1..60_usize, any_wish(), 0..3);
    let silent = prop::option::of((0..60_i64).prop_map(|from| (at(from), at(from + 20))));
    let settings = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), 1..30_u64);
    let checks = (any_checks(), any_checks());
    let held = prop::option::of((0..40_i64, 1..60_i64).prop_map(|(from, takes)| (at(from), at(from + takes))));
    let verdicts = select(vec![Verdict::Yes, Verdict::Yes, Verdict::No("0".into())]);
    let needed = prop::collection::btree_map(select(&NAMES[..]).prop_map(str::to_owned), verdicts, 0..3);
    let checks = (checks, (held, needed));
    (tasks, turns, people, interruptions, silent, settings, checks).prop_map(
        |((a, b, c, count), turns, people, interruptions, silent, settings, ((health, postcheck), (held, needed)))| {
            let (auto_rollback, has_healthcheck, has_postcheck, outlives, interval) = settings;
            let mut world = World::new([a, b, c].into_iter().take(count).collect());
            world.settings = Settings { auto_rollback, healthcheck_interval: seconds(interval), ..world.settings };
            world.script.has_healthcheck = has_healthcheck;
            world.script.has_postcheck = has_postcheck;
            for (index, name) in NAMES.into_iter().enumerate() {
                let parts = [vec![row(1), row(2)], vec![host("x"), host("y"), host("x")], Vec::new()];
                world.parts.insert(name.into(), parts[index].clone());
                world.waits.insert(name.into(), at(30));
            }
            fill_tables(&mut world);
            if let Some((from, until)) = held {
                world.hold_by(limit("lag", "< 5", "< 2"), &[(at(0), "1"), (from, "7"), (until, "1")]);
            }
            world.needed = needed;
            world.server.turns = turns;
            world.server.silent.extend(silent);
            (world.people, world.interruptions) = (people, interruptions);
            (world.health, world.postcheck, world.outlives) = (health, postcheck, outlives);
            world
        },
    )
}

/// Goes on, asking people, until the run is over or stands still for good.
fn settle(world: &mut World, mut status: Status) -> Status {
    for _ in 0..20 {
        let late = world.now.after(seconds(300));
        world.pass(late);
        status = finish(world, status);
        let state = world.state();
        if state.is_over() {
            break;
        }
        let requests = [Request::Retry, Request::Resume, Request::Rollback];
        let Some(request) = requests.into_iter().find(|request| state.accepts(request)) else {
            panic!("nobody can do anything about it: {state:#?}");
        };
        world.server.turns.clear();
        status = world.ask(request);
    }
    status
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_events_fold_or_are_refused_and_a_refused_one_changes_nothing(
        events in prop::collection::vec(any_event(), 0..60)
    ) {
        let mut state = State::begin(started(), at(0)).expect("a run begins with its start");
        let mut journal = vec![(at(0), started())];
        for (second, event) in (1..).zip(events) {
            let before = state.clone();
            match state.apply(event.clone(), at(second)) {
                Ok(()) => journal.push((at(second), event)),
                Err(_) => prop_assert_eq!(&before, &state),
            }
            prop_assert!(state.since <= at(second));
            prop_assert!(!(state.is_at_rest() && state.is_paused), "{:#?}", state);
        }
        prop_assert_eq!(State::fold(journal), Ok(Some(state)));
    }

    #[test]
    fn what_is_done_stays_done(events in prop::collection::vec(any_event(), 0..60)) {
        let mut state = State::begin(started(), at(0)).expect("a run begins with its start");
        for (second, event) in (1..).zip(events) {
            let done: Vec<Unit> = state.parts().filter(|(_, part)| part.is_done()).map(|(unit, _)| unit).collect();
            let again = if let Event::Ready { again } = &event { again.clone() } else { Vec::new() };
            if state.apply(event, at(second)).is_ok() {
                for unit in done.into_iter().filter(|unit| !again.contains(&unit.operation)) {
                    prop_assert!(state.part(&unit).is_some_and(|part| part.is_done()), "{}", unit);
                }
            }
        }
    }

    #[test]
    fn any_run_comes_to_an_end_and_keeps_its_promises(world in any_world()) {
        let mut world = world;
        let status = world.run();
        let status = settle(&mut world, status);
        prop_assert!(world.state().is_over(), "{status}: {:#?}", world.journal);
        assert_effects(&world);
        assert_tables(&world);
    }

    #[test]
    fn any_run_that_dies_anywhere_keeps_its_promises(
        world in any_world(), moments in prop::collection::btree_set(1..120_usize, 1..5)
    ) {
        let mut world = world;
        world.crashes = moments;
        let status = world.run();
        let status = settle(&mut world, status);
        prop_assert!(world.state().is_over(), "{status}: {:#?}", world.journal);
        assert_effects(&world);
        assert_tables(&world);
    }

    #[test]
    fn a_run_that_only_dies_ends_as_if_it_had_not(
        tasks in (any_task("a"), any_task("b"), any_task("c")), moments in prop::collection::btree_set(1..60_usize, 1..5)
    ) {
        let (a, b, c) = tasks;
        let mut clean = World::new(vec![a, b, c]);
        fill_tables(&mut clean);
        clean.parts = NAMES.into_iter().map(|name| (name.into(), vec![row(1), row(2)])).collect();
        let mut disturbed = clean.clone();
        disturbed.crashes = moments;
        let ends = [clean, disturbed].map(|mut world| {
            let status = world.run();
            let status = finish(&mut world, status);
            end(&world, status)
        });
        prop_assert_eq!(&ends[0], &ends[1]);
    }
}
