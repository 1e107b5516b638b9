//! The demo's platform, which deploys by a statement: killed in the middle and gone on with.

use crate::support::{Project, repository};

use super::driver::{deployed, events, step};

fn demo() -> Project {
    let read = |path: &str| std::fs::read_to_string(repository().join("demo").join(path)).expect("the demo is there");
    let project = Project::new();
    for path in ["orchestrate.yaml", "templates/platforms/jotter.yaml"] {
        project.write(path, read(path));
    }
    let tables = "CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL);
                  INSERT INTO installation VALUES ('version', '1.0.0')";
    project.write(
        "manifests/jotter/0001_tables.yaml",
        format!(
            "format: orchestrate/v1\nkind: migration\nname: 0001_tables\nwindow: {{min: 1.0.0}}\noperations:\n  \
         - name: tables\n    target: jotter\n    sql: |\n      {tables}\n    irreversible: It is for a test\n"
        ),
    );
    let begun = project.run(&["start", "0001_tables", "--at", "1.0.0"]);
    assert_eq!(begun.code, 0, "{}", begun.whole());
    project
}

#[tokio::test]
async fn a_deploy_that_was_killed_is_gone_on_with_and_done_once() {
    let project = demo();
    let to = step("1.1.0", None, "1.0.0");
    assert_eq!(deployed(&project, &to, &[("ORCHESTRATE_FAULT", "after-effect:1")]), None);
    let came = deployed(&project, &to, &[]).expect("nothing is in the way");
    assert_eq!(came, "completed: its work is done and was checked; it runs");
    let runs = events(&project, "deploy/1.1.0").await;
    let names: Vec<Vec<&str>> = runs.iter().map(|run| run.iter().map(|event| event.name()).collect()).collect();
    assert_eq!(names, [["started", "ready", "attempted", "taken", "done", "completed"]]);
}
