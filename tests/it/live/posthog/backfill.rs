//! 0007, which writes what is known of persons and groups into the events, month by month.

use std::collections::BTreeMap;
use std::process::Child;

use super::{Installation, ends_as, version};
use crate::live::posthog_world::World;

const NAME: &str = "0007_persons_and_groups_on_events_backfill";
/// What comes before it in a world of 1.41.
const UNTIL_0006: [(&str, &str); 6] = [
    ("0001_events_sample_by", "completed"),
    ("0002_events_sample_by", "not_required"),
    ("0003_fill_person_distinct_id2", "not_required"),
    ("0004_replicated_schema", "not_required"),
    ("0005_person_replacing_by_version", "not_required"),
    ("0006_persons_and_groups_on_events_backfill", "completed"),
];
/// What each event should have become, from how it was made: its person is known unless it was deleted, its group up to the fifteenth.
const WANTED: &str = "\
    SELECT count(), sum(cityHash64(_offset, person_id, person_created_at, person_properties, \
        group0_properties, group1_properties, group4_properties, group0_created_at, group1_created_at)) FROM ( \
        SELECT toUInt64(number) AS _offset, number % 2100 AS n, number % 20 AS g, number % 4 = 0 AS own, number >= 12000 AS early, \
            toUUID(concat('00000000-0000-4000-8004-', lpad(hex(n), 12, '0'))) AS person, \
            n < 2000 AND n % 97 != 0 AND (number % 4 = 1 OR n % 89 != 0) AND NOT early AS known, \
            if(number % 4 < 2 OR known, person, toUUID('00000000-0000-0000-0000-000000000000')) AS person_id, \
            multiIf(own, toDateTime64('2022-06-01 00:00:00', 3), known, toDateTime64('2022-01-01 00:00:00', 3, 'UTC') + n, toDateTime64(0, 3)) \
                AS person_created_at, \
            multiIf(own, '{\"own\":1}', known, concat('{\"email\":\"', toString(n), '@example.com\"}'), '') AS person_properties, \
            multiIf(own, '{\"own\":2}', early, '', g < 15, concat('{\"name\":\"Organisation ', toString(g), '\"}'), '{}') AS group0_properties, \
            if(early AND NOT own, '', '{}') AS group1_properties, group1_properties AS group4_properties, \
            if(NOT own AND NOT early AND g < 15, toDateTime64('2022-01-01 00:00:00', 3, 'UTC') + g, toDateTime64(0, 3)) AS group0_created_at, \
            toDateTime64(0, 3) AS group1_created_at \
        FROM numbers(12100))";
const FOUND: &str = "\
    SELECT count(), sum(cityHash64(_offset, person_id, person_created_at, person_properties, \
        group0_properties, group1_properties, group4_properties, group0_created_at, group1_created_at)) FROM events";

async fn is_filled(world: &World) {
    assert_eq!(world.clickhouse.run(FOUND).await, world.clickhouse.run(WANTED).await);
    let left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE '%\\_0007'";
    assert_eq!(world.clickhouse.run(left).await, "0");
}

/// Without the check at the end: events of deleted persons are more than one of a hundred here.
fn start() -> [&'static str; 8] {
    ["start", NAME, "--at", version(NAME), "--set", "RUN_DATA_VALIDATION_POSTCHECK=false", "--format", "json"]
}

async fn before<'a>(world: &'a World) -> (Installation<'a>, BTreeMap<String, String>) {
    let installation = Installation::of(world);
    installation.follows(&UNTIL_0006);
    (installation, world.fingerprint().await)
}

/// The months whose update the server lists: all, and those that are not done.
async fn updates(world: &World) -> String {
    let sql = "SELECT concat(toString(count()), ', open ', toString(countIf(NOT is_done))) FROM system.mutations \
               WHERE database = currentDatabase() AND table = 'sharded_events' AND position(command, 'PARTITION') > 0";
    world.clickhouse.run(sql).await
}

/// A program that has come to the first month, which is held.
async fn until_updating(world: &World, child: &mut Child) {
    while updates(world).await != "1, open 1" {
        let ended = child.try_wait().expect("a child can be asked");
        assert!(ended.is_none(), "it ended before: {ended:?}");
    }
}

fn spawned(installation: &Installation<'_>, arguments: &[&str]) -> Child {
    let mut command = installation.command(arguments);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.spawn().expect("the program can be started")
}

#[tokio::test]
async fn an_update_outlives_the_program_that_began_it_and_ends_where_it_is_stopped() {
    let world = World::of_0007().await;
    let (installation, start_of_all) = before(&world).await;
    for is_killed in [false, true] {
        world.clickhouse.run("SYSTEM STOP MERGES sharded_events").await;
        let mut program = spawned(&installation, &start());
        until_updating(&world, &mut program).await;
        if is_killed {
            program.kill().expect("a child can be killed");
        }
        let stop = installation.run(&["stop", NAME]);
        assert_eq!(stop.code, 0, "{}", stop.whole());
        program.wait().expect("a child that was stopped or killed ends");
        assert_eq!(updates(&world).await, "0, open 0");
        world.clickhouse.run("SYSTEM START MERGES sharded_events").await;
        ends_as(&installation.run(&["rollback", NAME, "--format", "json"]), "rolled_back");
        assert_eq!(world.fingerprint().await, start_of_all);
    }
    world.clickhouse.run("SYSTEM STOP MERGES sharded_events").await;
    let mut program = spawned(&installation, &start());
    until_updating(&world, &mut program).await;
    program.kill().expect("a child can be killed");
    program.wait().expect("a child that was killed ends");
    assert_eq!(updates(&world).await, "1, open 1");
    world.clickhouse.run("SYSTEM START MERGES sharded_events").await;
    ends_as(&installation.run(&["resume", NAME, "--format", "json"]), "completed");
    is_filled(&world).await;
    assert_eq!(updates(&world).await, "6, open 0");
}

#[tokio::test]
async fn events_are_filled_however_often_the_program_is_killed_and_keep_what_they_got() {
    let world = World::of_0007().await;
    let (installation, _) = before(&world).await;
    let (begin, resume) = (start(), ["resume", NAME, "--format", "json"]);
    let (outcome, crashes) = installation.through_crashes(&begin, &resume, "after-effect:7");
    ends_as(&outcome, "completed");
    assert!(crashes > 3, "{crashes}");
    assert_eq!(world.status(NAME).await, "2");
    is_filled(&world).await;
    let crashes = installation.rolls_back_through_crashes(NAME, "after-effect:9").await;
    assert!(crashes > 0, "{crashes}");
    is_filled(&world).await;
    ends_as(&installation.run(&begin), "completed");
    is_filled(&world).await;
}
