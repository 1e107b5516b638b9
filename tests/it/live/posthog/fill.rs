//! 0003, which fills `person_distinct_id2` from the table before it.

use super::{Installation, UNTIL_0003, rows};
use crate::live::posthog_world::World;

const NAME: &str = "0003_fill_person_distinct_id2";

/// As PostHog reads the table: one row for each distinct id.
const FOUND: &str = "\
    SELECT count(), sum(cityHash64(team_id, distinct_id, person_id, is_deleted, version)) FROM person_distinct_id2 FINAL";
/// What the rows were made from: those up to 3,000 were there; every seventh went to another person, every hundredth to nobody.
const WANTED: &str = "\
    SELECT count(), sum(cityHash64(team_id, distinct_id, person_id, is_deleted, version)) FROM ( \
        SELECT toInt64(number % 3 + 1) AS team_id, concat('user-', toString(number)) AS distinct_id, \
            if(number >= 3000 AND number % 7 = 0, intDiv(number, 10), number) AS person, \
            toUUID(concat('00000000-0000-4000-8004-', lpad(hex(person), 12, '0'))) AS person_id, \
            toInt8(number < 3000 AND number % 97 = 0) AS is_deleted, \
            if(number < 3000, toInt64(number % 4), toInt64(-1)) AS version \
        FROM numbers(24000) WHERE number < 3000 OR number % 100 != 0)";

async fn is_filled(world: &World) {
    assert_eq!(world.clickhouse.run(FOUND).await, world.clickhouse.run(WANTED).await);
}

#[tokio::test]
async fn distinct_ids_are_filled_taken_away_and_filled_again() {
    let world = World::of_0003().await;
    let installation = Installation::of(&world);
    let start = world.fingerprint().await;
    installation.follows(&UNTIL_0003[..2]);
    assert_eq!(world.fingerprint().await, start);
    installation.completes(NAME).await;
    is_filled(&world).await;
    let filled = world.fingerprint().await;
    for (table, rows_before) in rows(&start) {
        assert_eq!(rows(&filled)[table] == rows_before, table != "person_distinct_id2", "{table}");
    }
    installation.rolls_back(NAME).await;
    assert_eq!(world.fingerprint().await, start);
    installation.completes(NAME).await;
    is_filled(&world).await;
}

#[tokio::test]
async fn distinct_ids_are_there_once_however_often_the_program_is_killed() {
    let world = World::of_0003().await;
    let installation = Installation::of(&world);
    installation.follows(&UNTIL_0003[..2]);
    let start = world.fingerprint().await;
    for point in ["before-effect:2", "after-effect:2", "before-record:5", "after-record:5"] {
        let crashes = installation.completes_through_crashes(NAME, point).await;
        assert!(crashes > 0, "{point} is never reached");
        is_filled(&world).await;
        installation.rolls_back_through_crashes(NAME, point).await;
        assert_eq!(world.fingerprint().await, start, "{point}");
    }
}
