//! The throttles that the page on manifests recommends ask what their databases can answer.

use orchestrate::database::Database;
use orchestrate::model::{Question, Throttle};
use orchestrate::run::{Answer, Verdict, compare};

use super::{ask, clickhouse, postgres};
use crate::support::{catalog, files_of_page, repository};

/// The throttles of the page.
fn recommended() -> Vec<Throttle> {
    let files = files_of_page("docs/manifests.md");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    catalog(&files).migrations().flat_map(|migration| migration.throttle.clone()).collect()
}

/// The throttles that ask this target, by name; each answers with what it can compare.
async fn asked(target: &str, database: &Database) -> Vec<String> {
    let mut names = Vec::new();
    for throttle in recommended() {
        let Question::Sql { sql, .. } = &throttle.probe.question else { continue };
        if throttle.probe.target() != Some(target) {
            continue;
        }
        let answer = ask(database, &sql.text).await.unwrap_or_else(|error| panic!("{}: {error}", throttle.name));
        let answer = answer.map_or(Answer::Nothing, Answer::Value);
        let verdict = compare(throttle.resume.as_ref().unwrap_or(&throttle.probe.expect), &answer);
        assert!(matches!(verdict, Verdict::Yes | Verdict::No(_)), "{}: {verdict:?}", throttle.name);
        names.push(throttle.name);
    }
    names
}

#[tokio::test]
async fn postgres_answers() {
    let world = postgres().await;
    assert_eq!(asked("postgres", &world.database).await, ["replica-lag", "wal-backlog", "sessions"]);
}

#[tokio::test]
async fn both_clickhouse_answer() {
    for variable in ["ORCHESTRATE_TEST_CLICKHOUSE_URL", "ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL"] {
        let world = clickhouse(variable).await;
        assert_eq!(asked("clickhouse", &world.database).await, ["merges", "parts"]);
    }
}

/// Those of PostHog's migrations in `manifests/`. A server of 2018 does not know how to ask every replica.
#[tokio::test]
async fn the_throttles_of_posthog_are_answered() {
    let files = orchestrate::config::read_project(repository()).expect("the repository is a project");
    let text = |bytes| String::from_utf8(bytes).expect("a file of the project is text");
    let files: Vec<_> = files.into_iter().map(|file| (file.path, text(file.bytes))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (&**path, text.as_str())).collect();
    let catalog = catalog(&files);
    for (variable, expected) in [
        ("ORCHESTRATE_TEST_CLICKHOUSE_URL", "merges parts replicas parts replicas merges parts"),
        ("ORCHESTRATE_TEST_CLICKHOUSE_OLD_URL", "merges parts parts merges parts"),
    ] {
        let world = clickhouse(variable).await;
        let mut names = Vec::new();
        for throttle in catalog.migrations().flat_map(|migration| &migration.throttle) {
            let Question::Sql { sql, .. } = &throttle.probe.question else { continue };
            let sql = sql.text.replace("{{ target.database }}", "currentDatabase()");
            let sql = sql.replace("{{ target.cluster }}", "'posthog'");
            if variable.contains("OLD") && sql.contains("clusterAllReplicas") {
                continue;
            }
            let answer = ask(&world.database, &sql).await.unwrap_or_else(|error| panic!("{}: {error}", throttle.name));
            let verdict = compare(&throttle.probe.expect, &answer.map_or(Answer::Nothing, Answer::Value));
            assert!(matches!(verdict, Verdict::Yes | Verdict::No(_)), "{}: {verdict:?}", throttle.name);
            names.push(throttle.name.as_str());
        }
        assert_eq!(names.join(" "), expected);
    }
}
