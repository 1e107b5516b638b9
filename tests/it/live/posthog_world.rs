//! The tables of PostHog that its migrations act on, as they were before each of them, and a fingerprint that tells whether they are so again.
//!
//! The statements stand in `tests/fixtures/posthog-world`. Each world is two databases of its own, on the current engine and on Postgres.

use std::collections::BTreeMap;

use crate::support::servers::{ClickHouse, ask_postgres, clickhouse_url, fresh_postgres_database, postgres};

const UNTIL_1_33: &str = include_str!("../../fixtures/posthog-world/clickhouse-1.33.sql");
const UNTIL_1_36: &str = include_str!("../../fixtures/posthog-world/clickhouse-1.36.sql");
const UNTIL_1_41: &str = include_str!("../../fixtures/posthog-world/clickhouse-1.41.sql");
const SINCE_1_42: &str = include_str!("../../fixtures/posthog-world/clickhouse-1.42.sql");
const POSTGRES: &str = include_str!("../../fixtures/posthog-world/postgres.sql");
const SINCE_1_30: &str = include_str!("../../fixtures/posthog-upgrade/clickhouse-1.30.0.sql");
const POSTGRES_1_30: &str = include_str!("../../fixtures/posthog-upgrade/postgres-1.30.0.sql");

/// An installation of PostHog, as far as migrations see it.
pub struct World {
    /// ClickHouse, which knows the cluster `posthog` of one node.
    pub clickhouse: ClickHouse,
    /// The URL of the Postgres database.
    pub postgres: String,
}

impl World {
    /// PostHog 1.33 before 0002: events in the order of before, five months of them, many of the first three there twice.
    pub async fn of_0002() -> Self {
        Self::made(UNTIL_1_33).await
    }

    /// PostHog 1.33 before 0003: distinct ids in the first table, a part of them in the second.
    pub async fn of_0003() -> Self {
        Self::made(UNTIL_1_36).await
    }

    /// PostHog 1.36 before 0004: nine tables without replication, and the Kafka tables and views that fill them.
    pub async fn of_0004() -> Self {
        Self::made(UNTIL_1_36).await
    }

    /// PostHog 1.41 before 0005: `person` decides by the time of arrival. ClickHouse reads Postgres as the collection named like the world.
    pub async fn of_0005() -> Self {
        let world = Self::made(&UNTIL_1_41.replace("$version", "_timestamp")).await;
        world.read_postgres().await;
        world
    }

    /// PostHog 1.41 before 0007: three of four events know nothing of their person.
    pub async fn of_0007() -> Self {
        Self::made(&UNTIL_1_41.replace("$version", "version")).await
    }

    /// PostHog 1.30, from which the way leads over several versions. ClickHouse reads Postgres as the collection named like the world.
    pub async fn of_1_30() -> Self {
        let world = Self::made(SINCE_1_30).await;
        postgres(&world.postgres, POSTGRES_1_30).await;
        world.read_postgres().await;
        world
    }

    /// PostHog 1.42 before 0008: the replicated tables.
    pub async fn of_0008() -> Self {
        Self::made(SINCE_1_42).await
    }

    /// PostHog 1.43 before 0011: the events have the projection of 0008.
    pub async fn of_0011() -> Self {
        let world = Self::made(SINCE_1_42).await;
        let projection = "fast_max_kafka_timestamp_sharded_events";
        world
            .clickhouse
            .run(&format!("ALTER TABLE sharded_events ADD PROJECTION {projection} (SELECT max(_timestamp))"))
            .await;
        let fill =
            format!("ALTER TABLE sharded_events MATERIALIZE PROJECTION {projection} SETTINGS mutations_sync = 2");
        world.clickhouse.run(&fill).await;
        world
    }

    /// Lets ClickHouse read Postgres, as a collection named like the world.
    async fn read_postgres(&self) {
        let url = url::Url::parse(&self.postgres).expect("the URL of Postgres is one");
        let word = |text: &str| {
            url::form_urlencoded::parse(text.as_bytes()).next().map(|(word, _)| word.into_owned()).unwrap_or_default()
        };
        let collection = format!(
            "CREATE NAMED COLLECTION {} AS host = '{}', port = {}, user = '{}', password = '{}', database = '{}'",
            self.clickhouse.database,
            url.host_str().unwrap_or_default(),
            url.port().unwrap_or(5432),
            word(url.username()),
            word(url.password().unwrap_or_default()),
            url.path().trim_start_matches('/'),
        );
        self.clickhouse.run(&collection).await;
    }

    async fn made(statements: &str) -> Self {
        let clickhouse = ClickHouse::fresh(clickhouse_url()).await;
        let statements = statements.replace("$path", &format!("/clickhouse/tables/{}", clickhouse.database));
        for statement in statements.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            clickhouse.run(statement).await;
        }
        let url = fresh_postgres_database().await;
        postgres(&url, POSTGRES).await;
        Self { clickhouse, postgres: url }
    }

    /// Every table with how it is made, its number of rows and a sum over all of their values; and PostHog's settings.
    ///
    /// Without the tables that a rollback keeps aside, and without what PostHog's list says of its migrations: `status` tells that.
    pub async fn fingerprint(&self) -> BTreeMap<String, String> {
        let tables = "SELECT name, engine, create_table_query FROM system.tables \
                      WHERE database = currentDatabase() AND name NOT LIKE '%\\_failed\\_%' ORDER BY name";
        let mut fingerprint = BTreeMap::new();
        for table in self.clickhouse.run(tables).await.lines() {
            let [name, engine, made] = table.split('\t').collect::<Vec<_>>()[..] else { panic!("{table}") };
            let rows = if engine.ends_with("MergeTree") {
                let sum = format!(
                    "SELECT count(), sum(cityHash64(*)) FROM `{name}` SETTINGS asterisk_include_materialized_columns = 1"
                );
                self.clickhouse.run(&sum).await
            } else {
                String::new()
            };
            fingerprint
                .insert(name.to_owned(), format!("{rows} {}", made.replace(&self.clickhouse.database, "posthog")));
        }
        let settings = "SELECT coalesce(string_agg(setting, '; ' ORDER BY setting), '') FROM ( \
                        SELECT concat(key, ' = ', raw_value) AS setting FROM posthog_instancesetting \
                        UNION ALL SELECT concat(key, ' = ', value) FROM constance_config) AS settings";
        fingerprint.insert("settings in Postgres".to_owned(), ask_postgres(&self.postgres, settings).await);
        fingerprint
    }

    /// What PostHog's own list says of a migration: 0 not started, 2 complete, 4 rolled back.
    pub async fn status(&self, migration: &str) -> String {
        ask_postgres(
            &self.postgres,
            &format!("SELECT status::text FROM posthog_asyncmigration WHERE name = '{migration}'"),
        )
        .await
    }
}

#[tokio::test]
async fn the_worlds_stand_still_and_a_fingerprint_sees_a_row_and_a_column() {
    for (world, rows, table) in [
        (World::of_0003().await, "31028", "person_distinct_id"),
        (World::of_0004().await, "40000", "events"),
        (World::of_0008().await, "40000", "sharded_events"),
        (World::of_0011().await, "12000", "person"),
    ] {
        let start = world.fingerprint().await;
        assert!(start[table].starts_with(&format!("{rows}\t")), "{}", start[table]);
        assert_eq!(world.fingerprint().await, start);
        world.clickhouse.run(&format!("INSERT INTO {table} SELECT * FROM {table} LIMIT 1")).await;
        let with_a_row = world.fingerprint().await;
        assert_ne!(with_a_row[table], start[table]);
        world.clickhouse.run(&format!("ALTER TABLE {table} ADD COLUMN added UInt8")).await;
        assert_ne!(world.fingerprint().await[table], with_a_row[table]);
        assert_eq!(world.status("0003_fill_person_distinct_id2").await, "0");
    }
}

#[tokio::test]
async fn a_message_of_kafka_arrives_in_its_table() {
    let world = World::of_0004().await;
    let message = "INSERT INTO kafka_events_json (uuid, event, properties, timestamp, team_id, distinct_id, elements_chain, created_at) \
                   VALUES (generateUUIDv4(), 'paid', '{\"plan\":\"own\"}', now(), 1, 'user-1', '', now())";
    world.clickhouse.run(message).await;
    assert_eq!(world.clickhouse.run("SELECT count() FROM events WHERE mat_plan = 'own'").await, "1");
}
