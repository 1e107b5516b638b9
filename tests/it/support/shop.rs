//! A small product on SQLite, with migrations that do what a test needs: tests/fixtures/operations in a folder of its own.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Outcome, Project, command, repository};

/// Nothing that a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The product in a folder of its own.
pub struct Shop {
    pub project: Project,
}

impl Shop {
    /// As it is checked in: nothing was ever started.
    pub fn new() -> Shop {
        let project = Project::new();
        let from = repository().join("tests/fixtures/operations");
        for file in orchestrate::config::read_project(&from).expect("the fixture is a project") {
            project.write(&file.path, file.bytes);
        }
        Shop { project }
    }

    /// One with more migrations, each the operations of a file.
    pub fn with(migrations: &[(&str, &str)]) -> Shop {
        let shop = Shop::new();
        for (name, rest) in migrations {
            let text = format!("format: orchestrate/v1\nkind: migration\nname: {name}\n{rest}");
            shop.project.write(&format!("manifests/shop/{name}.yaml"), text);
        }
        shop
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.project.run(arguments)
    }

    /// Runs the program, which must succeed.
    pub fn done(&self, arguments: &[&str]) -> Outcome {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{}", outcome.whole());
        outcome
    }

    /// Starts the program and goes on.
    pub fn spawn(&self, arguments: &[&str]) -> Spawned {
        let mut command = command(self.project.path(), arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Spawned(Some(child.expect("the program can be started")))
    }

    /// Where a migration stands.
    pub fn entry(&self, migration: &str) -> Value {
        self.done(&["status", migration, "--format", "json"]).json()["migrations"][0].clone()
    }

    /// Waits until a migration stands as it should.
    pub fn until(&self, migration: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let entry = self.entry(migration);
            if is_so(&entry) {
                return entry;
            }
            assert!(begun.elapsed() < PATIENCE, "it never came: {entry}");
        }
    }

    /// Waits until a migration is at an operation.
    pub fn until_at(&self, migration: &str, operation: &str) {
        self.until(migration, |entry| entry["progress"]["operation"] == operation);
    }

    /// Waits until a migration has a status.
    pub fn until_is(&self, migration: &str, status: &str) {
        self.until(migration, |entry| entry["status"] == status);
    }

    /// Sends statements to the product's database, past the program.
    pub fn sql(&self, statements: &'static str) {
        let path = self.project.path().join("shop.db");
        runtime().block_on(async {
            use sqlx::Connection as _;
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let mut connection =
                sqlx::SqliteConnection::connect_with(&options).await.expect("the database can be opened");
            sqlx::raw_sql(statements).execute(&mut connection).await.expect("the statements are right");
        });
    }

    /// The one number that a question to the product's database has for an answer.
    pub fn number(&self, question: &'static str) -> i64 {
        let path = self.project.path().join("shop.db");
        runtime().block_on(async {
            use sqlx::Connection as _;
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection =
                sqlx::SqliteConnection::connect_with(&options).await.expect("the database can be opened");
            sqlx::query_scalar(question).fetch_one(&mut connection).await.expect("the question is right")
        })
    }

    /// Opens the door that 0004_door waits for.
    pub fn open_door(&self) {
        self.sql("INSERT INTO door VALUES (1)");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// A program that runs; it is killed where the test gives up.
pub struct Spawned(Option<Child>);

impl Spawned {
    /// One that was just started.
    pub fn of(child: Child) -> Spawned {
        Spawned(Some(child))
    }

    /// Waits for its end.
    pub fn end(mut self) -> Outcome {
        let child = self.0.take().expect("it ends once");
        Outcome::of(child.wait_with_output().expect("its output can be read"))
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.0.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().expect("there is a kill");
        assert!(status.success());
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().and_then(|()| child.wait()).map(|_| ()).unwrap_or_default();
        }
    }
}
