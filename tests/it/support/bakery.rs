//! A product on SQLite with a whole way to walk: three releases, three migrations, notes, and a platform that deploys by
//! statements.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _};

use super::{Outcome, Project, command, shop::Spawned};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

const PROJECT: &str = "\
format: orchestrate/v1
kind: project
environments:
  local:
    targets: {main: {url: 'sqlite://bakery.db'}}
    platform: oven
    vars: {greeting: hello}
";

const PATH: &str = "\
format: orchestrate/v1
kind: upgrade-path
title: Bakery
releases:
  - {app: 1.0.0}
  - {app: 1.1.0}
  - {app: 1.2.0}
recommended:
  - {migrations: [0001_loaves], app: 1.0.0}
  - {migrations: [0002_prices, 0003_labels], app: 1.1.0}
notes:
  - {crossing: {app: 1.1.0}, when: before, title: Make a backup, body: Of the whole bakery., acknowledge: true}
  - {crossing: {app: 1.2.0}, when: before, title: The doors close for a minute, body: Tell your customers.}
  - {crossing: {app: 1.2.0}, when: after, title: Taste the bread, body: Is it as before?, acknowledge: true}
";

/// It tells its version as long as nobody says otherwise, and keeps a list of what was deployed.
const PLATFORM: &str = "\
format: orchestrate/v1
kind: platform
name: oven
deploy:
  - name: note-down
    target: main
    sql: INSERT INTO deployed (app) VALUES ({{ step.app }})
    undo: DELETE FROM deployed WHERE id = (SELECT max(id) FROM deployed)
  - name: heat
    target: main
    sql: UPDATE installation SET value = {{ step.app }} WHERE name = 'version' AND (SELECT count(*) FROM cold) = 0
    undo: UPDATE installation SET value = {{ step.from_app }} WHERE name = 'version'
  - name: is-not-broken
    target: main
    verify: {sql: SELECT count(*) FROM broken, expect: '= 0', message: the oven is broken}
version:
  target: main
  sql: SELECT value FROM installation WHERE name = 'version'
  expect: '= {{ step.app }}'
";

const TABLES: &str = "\
CREATE TABLE installation (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO installation VALUES ('version', '1.0.0');
CREATE TABLE deployed (id INTEGER PRIMARY KEY, app TEXT NOT NULL);
CREATE TABLE effects (name TEXT NOT NULL);
CREATE TABLE door (is_open INTEGER);
INSERT INTO door VALUES (1);
CREATE TABLE broken (what TEXT);
CREATE TABLE cold (what TEXT);
CREATE TABLE trouble (what TEXT);
";

const LOAVES: &str = "\
window: {max: 1.0.9}
operations:
  - name: bake
    target: main
    for_each:
      rows: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i FROM n
      sql: INSERT INTO effects VALUES ('loaf ' || {{ item.i }})
    undo: DELETE FROM effects WHERE name = 'loaf ' || {{ item.i }}
";

const PRICES: &str = "\
window: {min: 1.1.0, max: 1.1.9}
depends_on: [0001_loaves]
operations:
  - name: first
    target: main
    sql: INSERT INTO effects VALUES ('first price')
    undo: DELETE FROM effects WHERE name = 'first price'
  - name: door
    target: main
    wait: {sql: SELECT count(*) > 0 FROM door, every: 50ms}
  - name: second
    target: main
    sql: INSERT INTO effects VALUES ('second price')
    undo: DELETE FROM effects WHERE name = 'second price'
";

const LABELS: &str = "\
window: {min: 1.1.0, max: 1.1.9}
depends_on: [0002_prices]
parameters: {COLOUR: {type: string, default: white}}
operations:
  - name: print
    target: main
    sql: INSERT INTO effects VALUES ('label in ' || {{ params.COLOUR }})
    undo: DELETE FROM effects WHERE name LIKE 'label in %'
  - name: no-trouble
    target: main
    verify: {sql: SELECT count(*) FROM trouble, expect: '= 0', message: there is trouble}
";

/// What walks the whole way without a question.
pub const ALL: [&str; 7] =
    ["apply", "--to", "1.2", "--yes", "--acknowledge", "make-a-backup", "--acknowledge=taste-the-bread"];

/// The product in a folder of its own, at 1.0.0.
pub struct Bakery {
    pub project: Project,
}

impl Bakery {
    pub fn new() -> Bakery {
        let migration =
            |name: &str, rest: &str| format!("format: orchestrate/v1\nkind: migration\nname: {name}\n{rest}");
        let project = Project::new();
        project.write("orchestrate.yaml", PROJECT);
        project.write("upgrade-paths/bakery.yaml", PATH);
        project.write("templates/platforms/oven.yaml", PLATFORM);
        for (name, rest) in [("0001_loaves", LOAVES), ("0002_prices", PRICES), ("0003_labels", LABELS)] {
            project.write(&format!("manifests/bakery/{name}.yaml"), migration(name, rest));
        }
        let bakery = Bakery { project };
        bakery.sql(TABLES);
        bakery
    }

    /// Changes a file.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.project.path().join(path)).expect("the file is there");
        assert!(text.contains(from), "{text}");
        self.project.write(path, text.replace(from, to));
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.project.run(arguments)
    }

    /// Runs the program, which must end with this exit code.
    pub fn exits(&self, code: i32, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, code, "{}", outcome.whole());
        outcome
    }

    /// A program that is not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        command(self.project.path(), arguments)
    }

    /// Starts the program and goes on.
    pub fn spawn(&self, arguments: &[&str]) -> Spawned {
        let child: std::io::Result<Child> =
            self.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Spawned::of(child.expect("the program can be started"))
    }

    /// What `status` says, as JSON.
    pub fn status(&self) -> Value {
        self.exits(0, &["status", "--format", "json"]).json()
    }

    /// Waits until `status` says something.
    pub fn until(&self, is_so: impl Fn(&Value) -> bool) {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it never came: {status}");
        }
    }

    /// Waits until the upgrade waits at the door in its second step.
    pub fn until_at_the_door(&self) {
        self.until(|status| status["migrations"][1]["progress"]["operation"] == "door");
    }

    /// Sends statements to the product's database, past the program.
    pub fn sql(&self, statements: &'static str) {
        let path = self.project.path().join("bakery.db");
        runtime().block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("it can be opened");
            sqlx::raw_sql(statements).execute(&mut connection).await.expect("the statements are right");
            connection.close().await.expect("it can be closed");
        });
    }

    /// The texts of one column, in their order.
    pub fn column(&self, question: &str) -> Vec<String> {
        let path = self.project.path().join("bakery.db");
        runtime().block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.expect("it can be opened");
            let rows = sqlx::query_scalar(AssertSqlSafe(question)).fetch_all(&mut connection).await;
            connection.close().await.expect("it can be closed");
            rows.expect("the question is right")
        })
    }

    /// The version that runs.
    pub fn version(&self) -> String {
        self.column("SELECT value FROM installation WHERE name = 'version'").remove(0)
    }

    /// The releases that were deployed, in their order.
    pub fn deployed(&self) -> Vec<String> {
        self.column("SELECT app FROM deployed ORDER BY id")
    }

    /// What migrations did, sorted.
    pub fn effects(&self) -> Vec<String> {
        self.column("SELECT name FROM effects ORDER BY name")
    }

    /// What is there when the whole way was walked: each thing once.
    pub fn assert_walked(&self) {
        let mut effects: Vec<String> = (1..=20).map(|number| format!("loaf {number}")).collect();
        effects.extend(["first price", "label in white", "second price"].map(str::to_owned));
        effects.sort();
        assert_eq!(self.effects(), effects);
        assert_eq!(self.deployed(), ["1.1.0", "1.2.0"]);
        assert_eq!(self.version(), "1.2.0");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}
