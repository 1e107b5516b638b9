//! 0008, which adds projections and indexes, and 0011, which drops one of them.

use std::collections::BTreeMap;

use super::{Installation, SINCE_1_42, rows};
use crate::live::posthog_world::World;

const ADD: &str = "0008_speed_up_kafka_timestamp_filters";
const DROP: &str = "0011_drop_projection";

/// Each projection and index that the rows of a table have, in every part of it.
async fn added(world: &World) -> String {
    let sql = "SELECT name FROM ( \
            SELECT table, name, sum(rows) AS rows FROM system.projection_parts \
            WHERE active AND database = currentDatabase() GROUP BY table, name \
            UNION ALL \
            SELECT table, name, if(data_compressed_bytes > 0, 1, 0) AS rows FROM system.data_skipping_indices \
            WHERE database = currentDatabase() AND name LIKE 'kafka\\_%') \
        WHERE rows > 0 ORDER BY name";
    world.clickhouse.run(sql).await
}

const PROJECTIONS: [&str; 4] = [
    "fast_max_kafka_timestamp_person",
    "fast_max_kafka_timestamp_person_distinct_id2",
    "fast_max_kafka_timestamp_sharded_events",
    "fast_max_kafka_timestamp_sharded_session_recording_events",
];
const INDEXES: [&str; 2] = ["kafka_timestamp_minmax_events_dead_letter_queue", "kafka_timestamp_minmax_sharded_events"];

/// Everything is there and filled, and no row is another one than before.
async fn is_faster(world: &World, start: &BTreeMap<String, String>) {
    assert_eq!(added(world).await, [&PROJECTIONS[..], &INDEXES].concat().join("\n"));
    assert_eq!(rows(&world.fingerprint().await), rows(start));
}

#[tokio::test]
async fn projections_and_indexes_are_added_taken_away_and_added_again() {
    let world = World::of_0008().await;
    let installation = Installation::of(&world);
    let start = world.fingerprint().await;
    installation.follows(&SINCE_1_42[..7]);
    assert_eq!(world.fingerprint().await, start);
    installation.completes(ADD).await;
    is_faster(&world, &start).await;
    installation.rolls_back(ADD).await;
    assert_eq!((world.fingerprint().await, added(&world).await), (start.clone(), String::new()));
    installation.completes(ADD).await;
    is_faster(&world, &start).await;
}

#[tokio::test]
async fn projections_and_indexes_are_there_however_often_the_program_is_killed() {
    let world = World::of_0008().await;
    let installation = Installation::of(&world);
    installation.follows(&SINCE_1_42[..7]);
    let start = world.fingerprint().await;
    let crashes = installation.completes_through_crashes(ADD, "after-effect:3").await;
    assert!(crashes > 2, "{crashes}");
    is_faster(&world, &start).await;
    let crashes = installation.rolls_back_through_crashes(ADD, "after-record:5").await;
    assert!(crashes > 2, "{crashes}");
    assert_eq!((world.fingerprint().await, added(&world).await), (start, String::new()));
}

#[tokio::test]
async fn the_projection_is_dropped_declared_again_and_dropped_again() {
    let world = World::of_0011().await;
    let installation = Installation::of(&world);
    assert_eq!(added(&world).await, PROJECTIONS[2]);
    installation.follows(&SINCE_1_42);
    let start = world.fingerprint().await;
    is_faster(&world, &start).await;
    let others = [&[PROJECTIONS[0], PROJECTIONS[1], PROJECTIONS[3]][..], &INDEXES].concat().join("\n");
    for point in ["after-effect:9", "after-effect:2", "after-record:5"] {
        installation.completes_through_crashes(DROP, point).await;
        assert_eq!(added(&world).await, others);
        assert_eq!(rows(&world.fingerprint().await), rows(&start));
        installation.rolls_back_through_crashes(DROP, point).await;
        assert_eq!(world.fingerprint().await, start, "{point}");
    }
}
