//! What is asked before a migration: not required, with the evidence, and blocked, with every reason at once.

use super::{Installation, UNTIL_0003, ends_as};
use crate::live::posthog_world::World;
use crate::support::servers::postgres;

#[tokio::test]
async fn what_was_done_before_is_not_required_and_says_why() {
    let world = World::of_0008().await;
    let name = "0008_speed_up_kafka_timestamp_filters";
    let first = Installation::of(&world);
    first.follows(&super::SINCE_1_42[..7]);
    first.completes(name).await;
    let done = world.fingerprint().await;
    let second = Installation::of(&world);
    second.follows(&super::SINCE_1_42[..7]);
    let outcome = second.start(name);
    ends_as(&outcome, "not_required");
    assert_eq!(
        outcome.json()["because"],
        "`required` answered 0 (manifests/posthog/0008_speed_up_kafka_timestamp_filters.yaml:15:3)"
    );
    assert_eq!(world.fingerprint().await, done);
}

#[tokio::test]
async fn everything_that_closes_the_way_is_told_at_once() {
    let world = World::of_0004().await;
    let name = "0004_replicated_schema";
    let start = world.fingerprint().await;
    world.clickhouse.run("CREATE TABLE person_failed_0004_replicated_schema AS person").await;
    postgres(
        &world.postgres,
        "UPDATE posthog_asyncmigration SET status = 1 WHERE name = '0003_fill_person_distinct_id2'",
    )
    .await;
    let wrong = Installation::with_cluster(&world, "nowhere");
    let outcome = wrong.run(&["start", name, "--at", "1.35.0", "--format", "json"]);
    assert_eq!(outcome.code, 5, "{}", outcome.whole());
    assert_eq!(outcome.stderr, "");
    assert_eq!(world.fingerprint().await, start);
    assert_eq!(UNTIL_0003.len(), 3);
}
