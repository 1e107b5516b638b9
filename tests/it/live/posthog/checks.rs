//! What is asked before a migration: not required, with the evidence, and blocked, with every reason at once.

use super::{Installation, SINCE_1_42, ends_as};
use crate::live::posthog_world::World;
use crate::support::assert_whole;
use crate::support::servers::postgres;

const PROJECTIONS: &str = "0008_speed_up_kafka_timestamp_filters";
const REPLICATED: &str = "0004_replicated_schema";

#[tokio::test]
async fn what_was_done_before_is_not_required_and_says_why() {
    let world = World::of_0008().await;
    let first = Installation::of(&world);
    first.follows(&SINCE_1_42[..7]);
    first.completes(PROJECTIONS).await;
    let open = ["0009_minmax_indexes_for_materialized_columns", "0010_move_old_partitions", "0011_drop_projection"];
    let expected = SINCE_1_42[..8].iter().copied().chain(open.map(|name| (name, "not_started")));
    let expected: Vec<_> = expected.map(|(name, status)| (name.to_owned(), status.to_owned())).collect();
    assert_eq!(first.statuses(), expected);
    let done = world.fingerprint().await;
    let second = Installation::of(&world);
    second.follows(&SINCE_1_42[..7]);
    let outcome = second.start(PROJECTIONS);
    ends_as(&outcome, "not_required");
    let evidence = "`required` answered 0 (manifests/posthog/0008_speed_up_kafka_timestamp_filters.yaml:15:3)";
    assert_eq!(outcome.json()["because"], evidence);
    assert_eq!(world.fingerprint().await, done);
}

#[tokio::test]
async fn everything_that_closes_the_way_is_told_at_once() {
    let world = World::of_0004().await;
    let runs = "UPDATE posthog_asyncmigration SET status = 1 WHERE name = '0003_fill_person_distinct_id2'";
    postgres(&world.postgres, runs).await;
    world.clickhouse.run("CREATE TABLE person_failed_0004_replicated_schema AS person").await;
    let start = world.fingerprint().await;
    let installation = Installation::with_cluster(&world, "nowhere");
    let outcome = installation.run(&["start", REPLICATED, "--at", "1.35.0"]);
    assert_whole!("several_failures", outcome.whole());
    assert!(installation.statuses().contains(&(REPLICATED.to_owned(), "blocked".to_owned())));
    assert_eq!((world.fingerprint().await, world.status(REPLICATED).await), (start, "0".to_owned()));
}
