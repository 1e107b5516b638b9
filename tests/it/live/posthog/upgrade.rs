//! The whole way from PostHog 1.30 to 1.41, walked by the program: three deploys, 0001 to 0007, and what became of every row.

use std::process::Stdio;
use std::time::Duration;

use super::Installation;
use crate::faults::kills::Moments;
use crate::live::posthog_world::World;
use crate::support::servers::ask_postgres;
use crate::support::{Outcome, repository};

/// Every event once, as PostHog reads them, and what they were made from: who an event belongs to is known unless the person was deleted, its group up to
/// the fifteenth.
const EVENTS: [&str; 2] = [
    "SELECT count(), sum(cityHash64(uuid, event, properties, timestamp, team_id, distinct_id, created_at, _offset, mat_plan, person_id, \
        person_created_at, person_properties, group0_properties, group1_properties, group4_properties, group0_created_at, group1_created_at)) \
     FROM events FINAL",
    "SELECT count(), sum(cityHash64(uuid, event, properties, timestamp, team_id, distinct_id, created_at, _offset, mat_plan, person_id, \
        person_created_at, person_properties, group0_properties, group1_properties, group4_properties, group0_created_at, group1_created_at)) \
     FROM ( \
        SELECT toUUID(concat('00000000-0000-4000-8000-', lpad(hex(number), 12, '0'))) AS uuid, \
            ['$pageview', '$autocapture', 'signed up', 'paid'][number % 4 + 1] AS event, ['free', 'team'][number % 2 + 1] AS mat_plan, \
            number % 20 AS g, concat('{\"plan\":\"', mat_plan, '\",\"$group_0\":\"org:', toString(g), '\"}') AS properties, \
            toDateTime64('2022-01-05 00:00:00', 6, 'UTC') + number * 600 AS timestamp, toInt64(number % 3 + 1) AS team_id, \
            number % 6000 AS k, concat('user-', toString(k)) AS distinct_id, timestamp + 1 AS created_at, toUInt64(number) AS _offset, \
            if(k % 7 = 0, (k + 3) % 6000, k) AS person, person % 601 != 0 AS known, \
            if(known, toUUID(concat('00000000-0000-4000-8004-', lpad(hex(person), 12, '0'))), toUUID('00000000-0000-0000-0000-000000000000')) \
                AS person_id, \
            if(known, toDateTime64('2022-01-01 00:00:00', 3, 'UTC') + person, toDateTime64(0, 3)) AS person_created_at, \
            if(known, concat('{\"email\": \"', toString(person), '@example.org\"}'), '') AS person_properties, \
            if(g < 15, concat('{\"name\":\"Organisation ', toString(g), '\"}'), '{}') AS group0_properties, \
            '{}' AS group1_properties, '{}' AS group4_properties, \
            if(g < 15, toDateTime64('2022-01-01 00:00:00', 3, 'UTC') + g, toDateTime64(0, 3)) AS group0_created_at, \
            toDateTime64(0, 3) AS group1_created_at \
        FROM numbers(20000))",
];
/// The persons: Postgres has those that are not deleted.
const PERSONS: [&str; 2] = [
    "SELECT count(), sum(cityHash64(id, team_id, properties, is_identified, is_deleted, version, created_at)) FROM person FINAL",
    "SELECT count(), sum(cityHash64(id, team_id, properties, is_identified, is_deleted, version, created_at)) FROM ( \
        SELECT number AS n, n % 601 != 0 AS known, toUUID(concat('00000000-0000-4000-8004-', lpad(hex(n), 12, '0'))) AS id, \
            toInt64(n % 3 + 1) AS team_id, concat(if(known, '{\"email\": \"', '{\"email\":\"'), toString(n), \
                if(known, '@example.org\"}', '@example.com\"}')) AS properties, \
            toInt8(known OR n % 2 = 1) AS is_identified, toInt8(NOT known) AS is_deleted, \
            toUInt64(if(known AND n % 2 = 0, n % 5, 0)) AS version, toDateTime64('2022-01-01 00:00:00', 6, 'UTC') + n AS created_at \
        FROM numbers(6000))",
];
/// Whose the distinct ids are; one of a hundred was written by PostHog 1.33 itself.
const DISTINCT_IDS: [&str; 2] = [
    "SELECT count(), sum(cityHash64(team_id, distinct_id, person_id, is_deleted, version)) FROM person_distinct_id2 FINAL",
    "SELECT count(), sum(cityHash64(team_id, distinct_id, person_id, is_deleted, version)) FROM ( \
        SELECT toInt64(number % 3 + 1) AS team_id, concat('user-', toString(number)) AS distinct_id, \
            if(number % 7 = 0, number + 3, number) % 6000 AS person, \
            toUUID(concat('00000000-0000-4000-8004-', lpad(hex(person), 12, '0'))) AS person_id, toInt8(0) AS is_deleted, \
            toInt64(if(number % 100 = 50, 0, -1)) AS version \
        FROM numbers(6000))",
];
/// What stands in the way of 0004, which takes this name for its own table.
const IN_THE_WAY: &str = "CREATE TABLE sharded_events (a UInt8) ENGINE = MergeTree ORDER BY a";

/// An installation that the program deploys by the platform `command`, and the notes that somebody has to confirm.
struct Upgrade<'a> {
    installation: Installation<'a>,
    notes: Vec<String>,
}

impl<'a> Upgrade<'a> {
    fn of(world: &'a World) -> Self {
        let installation = Installation::of(world);
        let app = repository().join("tests/fixtures/posthog-upgrade");
        let (app, database) = (app.display(), &world.clickhouse.database);
        let environment = format!(
            "format: orchestrate/v1\nkind: project\nproduct: posthog\nenvironments:\n  world:\n    platform: command\n    \
             vars: {{postgres_collection: {database}, deploy_command: {app}/deploy, version_command: {app}/version}}\n    services: {{kubernetes: 1.23.17}}\n    targets:\n      \
             clickhouse: {{url: \"${{CLICKHOUSE_URL}}\", database: {database}, cluster: posthog}}\n      \
             postgres: {{url: \"${{DATABASE_URL}}\"}}\n"
        );
        installation.project.write("orchestrate.yaml", environment);
        let mut upgrade = Self { installation, notes: Vec::new() };
        let plan = upgrade.run(&["plan", "--to", "1.41", "--format", "json"]).json();
        let steps = plan["steps"].as_array().expect("a plan has steps");
        let notes = steps.iter().flat_map(|step| step["notes"].as_array().into_iter().flatten());
        let asked = notes.filter(|note| note["acknowledge"] == true);
        upgrade.notes = asked.map(|note| note["name"].as_str().expect("a note has a name").to_owned()).collect();
        upgrade
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.installation.command(arguments);
        command.env("CLICKHOUSE_DATABASE", &self.installation.world.clickhouse.database);
        command.env("ORCHESTRATE_LEASE", "500ms");
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments).output().expect("the program can be started"))
    }

    /// The one command, with every note confirmed.
    fn apply(&self) -> Vec<&str> {
        let notes = self.notes.iter().flat_map(|note| ["--acknowledge", note.as_str()]);
        ["apply", "--to", "1.41", "--yes"].into_iter().chain(notes).collect()
    }

    async fn version(&self) -> String {
        ask_postgres(&self.installation.world.postgres, "SELECT version FROM app").await
    }

    /// How often the app was deployed.
    async fn deploys(&self) -> u32 {
        let deploys = ask_postgres(&self.installation.world.postgres, "SELECT deploys::text FROM app").await;
        deploys.parse().expect("a count is a number")
    }

    /// PostHog 1.41 runs, its migrations are complete by its own word too, and every row is as it should be.
    async fn is_done(&self) {
        let world = self.installation.world;
        assert_eq!(self.version().await, "1.41.4");
        for (migration, status) in self.installation.statuses().iter().take(7) {
            assert_eq!((status.as_str(), world.status(migration).await.as_str()), ("completed", "2"), "{migration}");
        }
        for [found, wanted] in [EVENTS, PERSONS, DISTINCT_IDS] {
            assert_eq!(world.clickhouse.run(found).await, world.clickhouse.run(wanted).await);
        }
    }
}

#[tokio::test]
async fn posthog_comes_from_1_30_to_1_41_by_one_command() {
    let world = World::of_1_30().await;
    let upgrade = Upgrade::of(&world);
    assert!(upgrade.notes.len() > 10, "{:?}", upgrade.notes);
    let unconfirmed = upgrade.run(&["apply", "--to", "1.41", "--yes"]);
    assert_eq!((unconfirmed.code, upgrade.deploys().await), (10, 0), "{}", unconfirmed.whole());
    let applied = upgrade.run(&upgrade.apply());
    assert_eq!(applied.code, 0, "{}", applied.whole());
    assert_eq!(upgrade.deploys().await, 3);
    upgrade.is_done().await;
    let again = upgrade.run(&upgrade.apply());
    assert_eq!((again.code, upgrade.deploys().await), (0, 3), "{}", again.whole());
}

#[tokio::test]
async fn posthog_comes_there_however_often_the_program_is_killed() {
    let world = World::of_1_30().await;
    let upgrade = Upgrade::of(&world);
    let mut moments = Moments::new(1);
    let mut kills = 0;
    loop {
        let mut command = tokio::process::Command::from(upgrade.command(&upgrade.apply()));
        let mut process =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program can be started");
        let moment = Duration::from_secs(1) + moments.next(4000);
        let Ok(ended) = tokio::time::timeout(moment, process.wait()).await else {
            process.kill().await.expect("a child can be killed");
            kills += 1;
            continue;
        };
        let ended = ended.expect("a child can be waited for");
        assert!(ended.success(), "{ended}: {}", upgrade.run(&["status"]).whole());
        break;
    }
    assert!(kills > 5, "{kills}");
    upgrade.is_done().await;
    assert!(upgrade.deploys().await <= 3 + kills);
}

#[tokio::test]
async fn a_step_that_fails_is_taken_back_and_the_next_one_does_not_begin() {
    let world = World::of_1_30().await;
    world.clickhouse.run(IN_THE_WAY).await;
    let upgrade = Upgrade::of(&world);
    let failed = upgrade.run(&upgrade.apply());
    assert_eq!(failed.code, 8, "{}", failed.whole());
    assert_eq!((upgrade.version().await.as_str(), upgrade.deploys().await), ("1.36.1", 2));
    assert_eq!(upgrade.installation.statuses()[3].1, "rolled_back");
    assert_eq!(world.status("0004_replicated_schema").await, "0");
    let gate = upgrade.run(&["gate", "--to", "1.41"]);
    assert_eq!(gate.code, 5, "{}", gate.whole());
    // What stood in the way was put aside with what the swap had begun.
    world.clickhouse.run("DROP TABLE events_failed_0004_replicated_schema SYNC").await;
    let applied = upgrade.run(&upgrade.apply());
    assert_eq!((applied.code, upgrade.deploys().await), (0, 3), "{}", applied.whole());
    upgrade.is_done().await;
}
