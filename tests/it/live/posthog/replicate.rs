//! 0004, which replaces nine tables by replicated ones.

use std::collections::BTreeMap;

use super::{Installation, UNTIL_0003, rows};
use crate::live::posthog_world::World;

const NAME: &str = "0004_replicated_schema";
const KEPT_ASIDE: &str = "SELECT name FROM system.tables WHERE database = currentDatabase() \
                          AND name LIKE '%\\_failed\\_0004\\_replicated\\_schema' ORDER BY name";
/// Where the rows of a table are afterwards: the two large ones have a Distributed table before them.
const TABLES: [(&str, &str); 9] = [
    ("cohortpeople", "cohortpeople"),
    ("events", "sharded_events"),
    ("events_dead_letter_queue", "events_dead_letter_queue"),
    ("groups", "groups"),
    ("person", "person"),
    ("person_distinct_id2", "person_distinct_id2"),
    ("person_static_cohort", "person_static_cohort"),
    ("plugin_log_entries", "plugin_log_entries"),
    ("session_recording_events", "sharded_session_recording_events"),
];

/// Every table is replicated and has the rows that it had, the former ones are kept, and merges go on.
async fn is_replicated(world: &World, start: &BTreeMap<String, String>) {
    let now = world.fingerprint().await;
    let (before, after) = (rows(start), rows(&now));
    for (former, new) in TABLES {
        assert_eq!(after[new], before[former], "{new}");
        assert_eq!(after[format!("{former}_backup_0004_replicated_schema").as_str()], before[former], "{former}");
        assert!(now[new].contains("ENGINE = Replicated"), "{}", now[new]);
        world.clickhouse.run(&format!("OPTIMIZE TABLE {new} FINAL")).await;
    }
    for former in ["events", "session_recording_events"] {
        let through = world.clickhouse.run(&format!("SELECT count(), sum(cityHash64(*)) FROM {former}")).await;
        assert_eq!(through, before[former], "{former}");
        assert!(now[former].contains("ENGINE = Distributed"), "{}", now[former]);
    }
}

/// Everything is as it was but for what is kept aside, which a person drops.
async fn is_as_before(world: &World, start: &BTreeMap<String, String>) {
    assert_eq!(world.fingerprint().await, *start);
    for (former, _) in TABLES {
        world.clickhouse.run(&format!("OPTIMIZE TABLE {former} FINAL")).await;
    }
}

async fn drop_kept_aside(world: &World) {
    for table in world.clickhouse.run(KEPT_ASIDE).await.lines() {
        world.clickhouse.run(&format!("DROP TABLE {table} SYNC")).await;
    }
}

async fn paid(world: &World, table: &str) -> String {
    world.clickhouse.run(&format!("SELECT count() FROM {table} WHERE event = 'paid late'")).await
}

const MESSAGE: &str = "INSERT INTO kafka_events_json (uuid, event, properties, timestamp, team_id, distinct_id, elements_chain, created_at) \
                       VALUES (generateUUIDv4(), 'paid late', '{\"plan\":\"own\"}', now(), 1, 'user-1', '', now())";

/// A world of 1.36 in which 0003 is complete, and no merge is left that would change what can be counted.
async fn before<'a>(world: &'a World) -> (Installation<'a>, BTreeMap<String, String>) {
    let installation = Installation::of(world);
    installation.follows(&UNTIL_0003);
    world.clickhouse.run("OPTIMIZE TABLE person_distinct_id2 FINAL").await;
    (installation, world.fingerprint().await)
}

#[tokio::test]
async fn the_tables_are_replicated_put_back_and_replicated_again() {
    let world = World::of_0004().await;
    let (installation, start) = before(&world).await;
    installation.completes(NAME).await;
    is_replicated(&world, &start).await;
    let at_once = [("distributed_foreground_insert", "1")];
    world.clickhouse.try_run(MESSAGE, &at_once).await.expect("a message goes its way");
    assert_eq!(paid(&world, "events").await, "1");

    installation.rolls_back(NAME).await;
    is_as_before(&world, &start).await;
    assert_eq!(paid(&world, "events_failed_0004_replicated_schema").await, "1");
    assert_eq!(world.clickhouse.run(KEPT_ASIDE).await.lines().count(), TABLES.len());

    let blocked = installation.start(NAME);
    assert_eq!((blocked.code, blocked.json()["status"].as_str()), (5, Some("blocked")), "{}", blocked.whole());
    drop_kept_aside(&world).await;
    installation.completes(NAME).await;
    is_replicated(&world, &start).await;
}

#[tokio::test]
async fn the_tables_are_replicated_however_often_the_program_is_killed() {
    let world = World::of_0004().await;
    let (installation, start) = before(&world).await;
    let crashes = installation.completes_through_crashes(NAME, "after-effect:7").await;
    assert!(crashes > 9, "{crashes}");
    is_replicated(&world, &start).await;
    let crashes = installation.rolls_back_through_crashes(NAME, "after-effect:6").await;
    assert!(crashes > 9, "{crashes}");
    is_as_before(&world, &start).await;
    drop_kept_aside(&world).await;
    installation.completes_through_crashes(NAME, "after-record:21").await;
    is_replicated(&world, &start).await;
}
