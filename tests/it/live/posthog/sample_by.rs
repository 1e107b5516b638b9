//! 0002, which copies the events into a table with another key, while more of them arrive.

use std::collections::BTreeMap;

use super::{Installation, ends_as, made, version};
use crate::live::posthog_world::World;

const NAME: &str = "0002_events_sample_by";
/// Four operations, then two of the five months.
const IN_THE_MIDDLE: &str = "after-effect:6";
/// For a month that is copied, one that is not, and one that nobody had; the last one Kafka delivers twice.
const MESSAGES: [&str; 4] =
    ["2022-01-20 10:00:00", "2022-05-10 10:00:00", "2022-07-01 10:00:00", "2022-07-01 10:00:00"];
const FAILED: &str = "events_failed_0002_events_sample_by";

/// Every event once, as PostHog reads them.
async fn events(world: &World, table: &str) -> String {
    let sql = format!(
        "SELECT count(), sum(cityHash64(*)) FROM {table} FINAL SETTINGS asterisk_include_materialized_columns = 1"
    );
    world.clickhouse.run(&sql).await
}

/// Messages of Kafka arrive, and what inserted them is merged.
async fn arrive(world: &World) {
    for (number, time) in MESSAGES.iter().enumerate() {
        let sql = format!(
            "INSERT INTO kafka_events SELECT toUUID('00000000-0000-4000-8009-00000000000{}'), 'paid late', '{{\"plan\":\"own\"}}', \
             toDateTime64('{time}', 6, 'UTC'), 1, 'user-1', '', toDateTime64('{time}', 6, 'UTC')",
            number.min(2)
        );
        world.clickhouse.run(&sql).await;
    }
    for month in ["202201", "202205", "202207"] {
        world.clickhouse.run(&format!("OPTIMIZE TABLE events PARTITION ID '{month}' FINAL")).await;
    }
}

async fn before<'a>(world: &'a World) -> (Installation<'a>, BTreeMap<String, String>, String) {
    let installation = Installation::of(world);
    installation.follows(&[("0001_events_sample_by", "completed")]);
    (installation, made(world).await, events(world, "events").await)
}

/// The events are these, in a table with the new key, and arrive in it; the former one is kept and nothing else is left.
async fn is_rebuilt(world: &World, wanted: &str) {
    assert_eq!(events(world, "events").await, wanted);
    let backup = events(world, "events_backup_0002_events_sample_by").await;
    assert_eq!(backup, wanted);
    let tables = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name NOT LIKE '%\\_failed\\_%' ORDER BY name";
    let wanted_tables = ["events", "events_backup_0002_events_sample_by", "events_mv", "kafka_events"];
    assert_eq!(world.clickhouse.run(tables).await.lines().collect::<Vec<_>>(), wanted_tables);
    let samples = world.clickhouse.run("SELECT count() BETWEEN 8000 AND 12000 FROM events FINAL SAMPLE 1 / 2").await;
    assert_eq!(samples, "1");
}

/// A run that ended in the middle of the copy.
fn begin_and_die(installation: &Installation<'_>) {
    let mut command = installation.command(&["start", NAME, "--at", version(NAME)]);
    command.env("ORCHESTRATE_FAULT", IN_THE_MIDDLE);
    let output = command.output().expect("the program can be started");
    assert!(output.status.code().is_none(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn copied(world: &World) -> String {
    let sql = "SELECT count(DISTINCT partition_id) FROM system.parts WHERE active AND database = currentDatabase() \
               AND table = 'events_new_0002_events_sample_by'";
    world.clickhouse.run(sql).await
}

#[tokio::test]
async fn events_that_arrive_in_the_middle_of_the_copy_are_there_once() {
    let world = World::of_0002().await;
    let (installation, start, before) = before(&world).await;
    assert!(before.starts_with("20000\t"), "{before}");
    begin_and_die(&installation);
    assert_eq!(copied(&world).await, "2");
    arrive(&world).await;
    let wanted = events(&world, "events").await;
    assert!(wanted.starts_with("20003\t"), "{wanted}");
    ends_as(&installation.run(&["resume", NAME, "--format", "json"]), "completed");
    assert_eq!(world.status(NAME).await, "2");
    is_rebuilt(&world, &wanted).await;

    let late = "INSERT INTO kafka_events SELECT generateUUIDv4(), 'paid', '{}', now(), 1, 'user-1', '', now()";
    world.clickhouse.run(late).await;
    assert!(events(&world, "events").await.starts_with("20004\t"));
    installation.rolls_back(NAME).await;
    assert_eq!((made(&world).await, events(&world, "events").await), (start, wanted.clone()));
    assert!(events(&world, FAILED).await.starts_with("20004\t"));

    assert_eq!(installation.start(NAME).code, 5);
    world.clickhouse.run(&format!("DROP TABLE {FAILED}")).await;
    installation.completes(NAME).await;
    is_rebuilt(&world, &wanted).await;
}

#[tokio::test]
async fn events_are_all_there_however_often_the_program_is_killed() {
    let world = World::of_0002().await;
    let (installation, start, wanted) = before(&world).await;
    begin_and_die(&installation);
    ends_as(&installation.run(&["stop", NAME, "--rollback", "--format", "json"]), "rolled_back");
    assert_eq!((made(&world).await, events(&world, "events").await), (start.clone(), wanted.clone()));
    let crashes = installation.completes_through_crashes(NAME, "after-effect:4").await;
    assert!(crashes > 4, "{crashes}");
    is_rebuilt(&world, &wanted).await;
    let crashes = installation.rolls_back_through_crashes(NAME, "after-effect:6").await;
    assert!(crashes > 1, "{crashes}");
    assert_eq!((made(&world).await, events(&world, "events").await), (start, wanted));
}
