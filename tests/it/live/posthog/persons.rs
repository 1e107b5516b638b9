//! 0005, which moves the persons into a table that decides by their version, and reads those of Postgres once more.

use std::collections::BTreeMap;

use super::{Installation, ends_as, made, version};
use crate::live::posthog_world::World;
use crate::support::servers::postgres;

const NAME: &str = "0005_person_replacing_by_version";
/// What comes before it in a world of 1.41.
const UNTIL_0004: [(&str, &str); 4] = [
    ("0001_events_sample_by", "completed"),
    ("0002_events_sample_by", "not_required"),
    ("0003_fill_person_distinct_id2", "not_required"),
    ("0004_replicated_schema", "not_required"),
];
/// Three operations, then the one partition of the persons, of which the journal does not know yet.
const IN_THE_MIDDLE: &str = "after-effect:4";
const FAILED: &str = "person_failed_0005_person_replacing_by_version";

/// Postgres has the persons that are not deleted, but for every eleventh, with versions of which some are those of ClickHouse.
const OF_POSTGRES: &str = "\
    CREATE TABLE posthog_person (id serial PRIMARY KEY, created_at timestamptz, team_id int, properties jsonb, is_identified boolean, uuid uuid, version bigint); \
    INSERT INTO posthog_person (created_at, team_id, properties, is_identified, uuid, version) \
    SELECT '2022-01-01 00:00:00+00'::timestamptz + n * interval '1 second', n % 3 + 1, '{\"of\": \"postgres\"}', true, \
        ('00000000-0000-4000-8004-' || lpad(to_hex(n), 12, '0'))::uuid, CASE WHEN n % 5 = 0 THEN 5 WHEN n % 2 = 0 THEN 1 END \
    FROM generate_series(0, 1999) AS n WHERE n % 97 <> 0 AND n % 11 <> 0";

const FOUND: &str = "\
    SELECT count(), sum(cityHash64(id, team_id, properties, is_identified, is_deleted, version, created_at)) FROM person FINAL";
/// The persons of ClickHouse that Postgres does not have are as they were last, by the time of arrival.
const WANTED: &str = "\
    SELECT count(), sum(cityHash64(id, team_id, properties, is_identified, is_deleted, version, created_at)) FROM ( \
        SELECT number AS n, n % 97 != 0 AND n % 11 != 0 AS of_postgres, \
            toUUID(concat('00000000-0000-4000-8004-', lpad(hex(n), 12, '0'))) AS id, toInt64(n % 3 + 1) AS team_id, \
            if(of_postgres, '{\"of\": \"postgres\"}', concat('{\"email\":\"', toString(n), '@example.com\"}')) AS properties, \
            toInt8(of_postgres OR n % 2 = 1) AS is_identified, toInt8(n % 97 = 0) AS is_deleted, \
            toUInt64(multiIf(n % 97 = 0, 105, n % 5 = 0, 5, of_postgres AND n % 2 = 0, 1, 0)) AS version, \
            toDateTime64('2022-01-01 00:00:00', 6, 'UTC') + n AS created_at \
        FROM numbers(2000))";

async fn persons(world: &World, table: &str) -> String {
    world.clickhouse.run(&format!("SELECT count(), sum(cityHash64(*)) FROM {table} FINAL")).await
}

async fn before<'a>(world: &'a World) -> (Installation<'a>, BTreeMap<String, String>, String) {
    postgres(&world.postgres, OF_POSTGRES).await;
    let installation = Installation::of(world);
    installation.follows(&UNTIL_0004);
    (installation, made(world).await, persons(world, "person").await)
}

async fn is_moved(world: &World, start: &str) {
    assert_eq!(world.clickhouse.run(FOUND).await, world.clickhouse.run(WANTED).await);
    assert_eq!(persons(world, "person_backup_0005_person_replacing_by_version").await, start);
}

#[tokio::test]
async fn persons_that_arrive_in_the_middle_of_the_copy_are_there() {
    let world = World::of_0005().await;
    let (installation, start, _) = before(&world).await;
    let mut command = installation.command(&["start", NAME, "--at", version(NAME)]);
    let output = command.env("ORCHESTRATE_FAULT", IN_THE_MIDDLE).output().expect("the program can be started");
    assert!(output.status.code().is_none(), "{}", String::from_utf8_lossy(&output.stderr));
    let sql = "INSERT INTO kafka_person SELECT toUUID('00000000-0000-4000-8009-000000000001'), now(), number, '{}', 0, 0, 1 FROM numbers(1, 3)";
    world.clickhouse.run(sql).await;
    world.clickhouse.run("OPTIMIZE TABLE person FINAL").await;
    let all = persons(&world, "person").await;
    assert!(all.starts_with("2003\t"), "{all}");
    ends_as(&installation.run(&["resume", NAME, "--format", "json"]), "completed");
    let arrived = "SELECT count() FROM person FINAL WHERE id = '00000000-0000-4000-8009-000000000001'";
    assert_eq!(world.clickhouse.run(arrived).await, "3");
    assert!(persons(&world, "person").await.starts_with("2003\t"));
    installation.rolls_back(NAME).await;
    assert_eq!((made(&world).await, persons(&world, "person").await), (start, all));
}

#[tokio::test]
async fn persons_are_as_they_should_be_however_often_the_program_is_killed() {
    let world = World::of_0005().await;
    let (installation, start, rows) = before(&world).await;
    let crashes = installation.completes_through_crashes(NAME, "after-effect:3").await;
    assert!(crashes > 3, "{crashes}");
    is_moved(&world, &rows).await;
    let crashes = installation.rolls_back_through_crashes(NAME, "after-effect:5").await;
    assert!(crashes > 0, "{crashes}");
    assert_eq!((made(&world).await, persons(&world, "person").await), (start, rows.clone()));
    world.clickhouse.run(&format!("DROP TABLE {FAILED} SYNC")).await;
    installation.completes(NAME).await;
    is_moved(&world, &rows).await;
}
