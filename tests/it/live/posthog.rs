//! PostHog's own migrations, from the files of this repository, run by the program on tables like PostHog's: forward, back, through crashes.

mod backfill;
mod checks;
mod fill;
mod persons;
mod projections;
mod replicate;
mod sample_by;
mod upgrade;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::posthog_world::World;
use crate::support::{Outcome, Project, command, repository};

/// A version on which each migration may run.
const VERSIONS: [(&str, &str); 11] = [
    ("0001_events_sample_by", "1.33.0"),
    ("0002_events_sample_by", "1.33.0"),
    ("0003_fill_person_distinct_id2", "1.33.0"),
    ("0004_replicated_schema", "1.36.1"),
    ("0005_person_replacing_by_version", "1.41.4"),
    ("0006_persons_and_groups_on_events_backfill", "1.41.4"),
    ("0007_persons_and_groups_on_events_backfill", "1.41.4"),
    ("0008_speed_up_kafka_timestamp_filters", "1.42.0"),
    ("0009_minmax_indexes_for_materialized_columns", "1.43.0"),
    ("0010_move_old_partitions", "1.43.0"),
    ("0011_drop_projection", "1.43.0"),
];
/// What comes before 0004 in a world of 1.33 or 1.36. 0001 does nothing, and the events have the sorting key of 0002 already.
const UNTIL_0003: [(&str, &str); 3] = [
    ("0001_events_sample_by", "completed"),
    ("0002_events_sample_by", "not_required"),
    ("0003_fill_person_distinct_id2", "completed"),
];
/// What comes before 0011 in a world of 1.42 or 1.43, which began with the replicated tables.
const SINCE_1_42: [(&str, &str); 10] = [
    ("0001_events_sample_by", "completed"),
    ("0002_events_sample_by", "not_required"),
    ("0003_fill_person_distinct_id2", "not_required"),
    ("0004_replicated_schema", "not_required"),
    ("0005_person_replacing_by_version", "not_required"),
    ("0006_persons_and_groups_on_events_backfill", "completed"),
    ("0007_persons_and_groups_on_events_backfill", "not_required"),
    ("0008_speed_up_kafka_timestamp_filters", "completed"),
    ("0009_minmax_indexes_for_materialized_columns", "completed"),
    ("0010_move_old_partitions", "not_required"),
];
/// The signal by which a process ends itself at a fault.
const ABORTED: i32 = 6;

/// A world, and a project with a store of its own that looks after it.
struct Installation<'a> {
    world: &'a World,
    project: Project,
}

impl<'a> Installation<'a> {
    /// Nothing of the world's past stands in the store.
    fn of(world: &'a World) -> Self {
        Self::with_cluster(world, "posthog")
    }

    fn with_cluster(world: &'a World, cluster: &str) -> Self {
        let project = Project::new();
        for file in orchestrate::config::read_project(repository()).expect("the repository is a project") {
            let text = String::from_utf8(file.bytes).expect("a file of the project is text");
            project.write(&file.path, on_its_one_server(&text));
        }
        let database = &world.clickhouse.database;
        let environment = format!(
            "format: orchestrate/v1\nkind: project\nproduct: posthog\nenvironments:\n  world:\n    vars: {{postgres_collection: {database}}}\n    targets:\n      \
             clickhouse: {{url: \"${{CLICKHOUSE_URL}}\", database: {database}, cluster: {cluster}}}\n      \
             postgres: {{url: \"${{DATABASE_URL}}\"}}\n"
        );
        project.write("orchestrate.yaml", environment);
        Self { world, project }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.project.path(), arguments);
        command.env("CLICKHOUSE_URL", &self.world.clickhouse.url).env("DATABASE_URL", &self.world.postgres);
        command
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(self.command(arguments).output().expect("the program can be started"))
    }

    /// Where every migration stands.
    fn statuses(&self) -> Vec<(String, String)> {
        let status = self.run(&["status", "--format", "json"]).json();
        let text = |value: &serde_json::Value| value.as_str().expect("it is a text").to_owned();
        let stands = |entry: &serde_json::Value| (text(&entry["migration"]), text(&entry["status"]));
        status["migrations"].as_array().expect("it is a list").iter().map(stands).collect()
    }

    /// Begins a migration on a version that it may run on.
    fn start(&self, name: &str) -> Outcome {
        self.run(&["start", name, "--at", version(name), "--format", "json"])
    }

    /// Begins a migration, which completes, and so does PostHog's own list.
    async fn completes(&self, name: &str) {
        ends_as(&self.start(name), "completed");
        assert_eq!(self.world.status(name).await, "2");
    }

    /// Takes a migration back, and PostHog's own list says so.
    async fn rolls_back(&self, name: &str) {
        ends_as(&self.run(&["rollback", name, "--format", "json"]), "rolled_back");
        assert_eq!(self.world.status(name).await, "4");
    }

    /// Begins migrations one after another that come out as they say.
    fn follows(&self, expected: &[(&str, &str)]) {
        for (name, status) in expected {
            ends_as(&self.start(name), status);
        }
    }

    /// Runs a verb of a migration, in a process that is cut off at a point, then another one in such processes until one comes
    /// through. Answers how often one was cut off.
    fn through_crashes(&self, first: &[&str], again: &[&str], point: &str) -> (Outcome, u32) {
        let mut crashes = 0;
        loop {
            let arguments = if crashes == 0 { first } else { again };
            let mut command = self.command(arguments);
            command.env("ORCHESTRATE_FAULT", point);
            let output = command.output().expect("the program can be started");
            if output.status.signal() != Some(ABORTED) {
                return (Outcome::of(output), crashes);
            }
            crashes += 1;
            assert!(crashes < 100, "it comes no further: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Begins a migration, through crashes.
    async fn completes_through_crashes(&self, name: &str, point: &str) -> u32 {
        let begin = ["start", name, "--at", version(name), "--format", "json"];
        let (outcome, crashes) = self.through_crashes(&begin, &["resume", name, "--format", "json"], point);
        ends_as(&outcome, "completed");
        assert_eq!(self.world.status(name).await, "2");
        crashes
    }

    /// Takes a migration back, through crashes.
    async fn rolls_back_through_crashes(&self, name: &str, point: &str) -> u32 {
        let rollback = ["rollback", name, "--format", "json"];
        let (outcome, crashes) = self.through_crashes(&rollback, &rollback, point);
        ends_as(&outcome, "rolled_back");
        assert_eq!(self.world.status(name).await, "4");
        crashes
    }
}

/// The engine sends no statement to a cluster by itself; here, that is one server.
fn on_its_one_server(manifest: &str) -> String {
    manifest.split_inclusive('\n').filter(|line| line.trim() != "scope: cluster").collect()
}

fn version(name: &str) -> &'static str {
    VERSIONS.iter().find(|(known, _)| *known == name).map(|(_, version)| version).expect("the migration is known")
}

/// A verb worked, and the migration stands so.
#[track_caller]
fn ends_as(outcome: &Outcome, status: &str) {
    assert!(outcome.code == 0 && outcome.json()["status"] == status, "not {status}: {}", outcome.whole());
}

/// The rows of every table that has some of its own: their number and the sum over their values.
fn rows(fingerprint: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let rows = |made: &'_ str| made.split_once(" CREATE ").map(|(rows, _)| rows.len());
    let tables = fingerprint.iter().filter_map(|(table, made)| Some((table.as_str(), &made[..rows(made)?])));
    tables.filter(|(_, rows)| !rows.is_empty()).collect()
}

/// How the tables are made, without how many rows are in them: merges go on, and take away what is there twice.
async fn made(world: &World) -> BTreeMap<String, String> {
    let without_rows = |(table, made): (String, String)| {
        let statement = made.split_once("CREATE ").map(|(_, statement)| statement.to_owned());
        (table, statement.unwrap_or(made))
    };
    world.fingerprint().await.into_iter().map(without_rows).collect()
}
