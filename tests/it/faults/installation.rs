//! An installation on real servers with the real program beside it, and what came of its runs.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use orchestrate::model::Secret;
use orchestrate::run::Event;
use orchestrate::store::{RunFilter, RunRow, Store};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::support::Project;
use crate::support::servers::{ClickHouse, clickhouse_url, fresh_postgres_database, old_clickhouse_url};

/// No process of a test takes longer.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(120);

/// What a target runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Sqlite,
    Postgres,
    ClickHouse,
    OldClickHouse,
}

/// A project, its one target, and its store: in a file, or in the target where that is Postgres.
pub struct Installation {
    pub on: On,
    pub project: Project,
    pub target_url: String,
    pub store_url: String,
    /// How long a lease lives.
    pub lease: &'static str,
    /// More of the program's environment.
    pub variables: BTreeMap<String, String>,
    clickhouse: Option<ClickHouse>,
}

/// How a process ended; without a code it was killed.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// An event with its place, its writer and its time.
#[derive(Clone, Debug)]
pub struct Entry {
    pub sequence: i64,
    pub generation: i64,
    pub at_ms: i64,
    pub event: Event,
}

const PROJECT: &str = "\
format: orchestrate/v1
kind: project
environments:
  local:
    store: \"${STORE_URL}\"
    targets: {main: {url: \"${TARGET_URL}\", cluster: \"${CLUSTER:-two_shards}\"}}
    vars: {server: \"${SERVER:-none}\", word: \"${WORD:-none}\"}
    settings: {healthcheck_interval: 1h}
";

impl Installation {
    /// A new one.
    pub async fn on(on: On) -> Installation {
        sqlx::any::install_default_drivers();
        let project = Project::new();
        let file = |name: &str| format!("sqlite://{}/{name}.db", project.path().display());
        let mut clickhouse = None;
        let (target_url, store_url) = match on {
            On::Sqlite => (file("data"), file("state")),
            On::Postgres => {
                let url = fresh_postgres_database().await;
                (url.clone(), url)
            }
            On::ClickHouse | On::OldClickHouse => {
                let url = if on == On::ClickHouse { clickhouse_url() } else { old_clickhouse_url() };
                let database = clickhouse.insert(ClickHouse::fresh(url.clone()).await).database.clone();
                (format!("{url}/{database}"), file("state"))
            }
        };
        let cluster = if clickhouse.is_some() { ", cluster: \"${CLUSTER:-two_shards}\"" } else { "" };
        project.write("orchestrate.yaml", PROJECT.replace(", cluster: \"${CLUSTER:-two_shards}\"", cluster));
        let variables = BTreeMap::new();
        Installation { on, project, target_url, store_url, lease: "300ms", variables, clickhouse }
    }

    /// The ClickHouse database.
    pub fn clickhouse(&self) -> &ClickHouse {
        self.clickhouse.as_ref().expect("the target is ClickHouse")
    }

    /// Writes a migration that may run everywhere.
    pub fn migration(&self, name: &str, rest: &str) {
        let text = format!("format: orchestrate/v1\nkind: migration\nname: {name}\n{rest}");
        self.project.write(&format!("manifests/shelf/{name}.yaml"), text);
    }

    /// Starts the program.
    pub fn begin(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let child = tokio::process::Command::new(crate::support::program())
            .args(arguments)
            .current_dir(self.project.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TARGET_URL", &self.target_url)
            .env("STORE_URL", &self.store_url)
            .env("ORCHESTRATE_LEASE", self.lease)
            .env("ORCHESTRATE_USER", "tester")
            .envs(&self.variables)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program can be started");
        Process { child }
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.begin(arguments, &[]).end().await
    }

    /// Runs statements on the target, which must succeed.
    pub async fn sql(&self, statements: &[&str]) {
        match &self.clickhouse {
            Some(clickhouse) => {
                for statement in statements {
                    clickhouse.run(statement).await;
                }
            }
            None => {
                let mut connection = self.connection().await;
                for statement in statements {
                    let done = sqlx::raw_sql(AssertSqlSafe(*statement)).execute(&mut connection).await;
                    done.unwrap_or_else(|error| panic!("{error}\n{statement}"));
                }
                connection.close().await.expect("the connection closes");
            }
        }
    }

    /// The texts of the first column of a question to the target.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        if let Some(clickhouse) = &self.clickhouse {
            return clickhouse.run(sql).await.lines().map(str::to_owned).collect();
        }
        let mut connection = self.connection().await;
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}\n{sql}"));
        connection.close().await.expect("the connection closes");
        rows.iter().map(|row| row.try_get::<String, _>(0).expect("the column is a text")).collect()
    }

    async fn connection(&self) -> AnyConnection {
        let url = if self.on == On::Sqlite { format!("{}?mode=rwc", self.target_url) } else { self.target_url.clone() };
        AnyConnection::connect(&url).await.expect("the target answers")
    }

    /// Makes a table of names.
    pub async fn table(&self, name: &str) {
        let columns = match self.on {
            On::Sqlite | On::Postgres => "(name TEXT NOT NULL)",
            On::ClickHouse | On::OldClickHouse => "(name String) ENGINE = MergeTree ORDER BY name",
        };
        self.sql(&[&format!("CREATE TABLE {name} {columns}")]).await;
    }

    /// Makes the tables of the tests: `effects`, which only grows, and `items` for `for_each`.
    pub async fn tables(&self, items: u32) {
        self.table("effects").await;
        self.table("items").await;
        let rows: Vec<String> = (1..=items).map(|number| format!("('row {number:03}')")).collect();
        let filled = format!("INSERT INTO items VALUES {}", rows.join(", "));
        self.sql(&[&filled]).await;
    }

    /// How often each effect took place in the target.
    pub async fn effects(&self) -> BTreeMap<String, u32> {
        self.effects_in("effects").await
    }

    /// How often each effect took place in another table.
    pub async fn effects_in(&self, table: &str) -> BTreeMap<String, u32> {
        let mut effects = BTreeMap::new();
        for name in self.ask(&format!("SELECT name FROM {table}")).await {
            *effects.entry(name).or_default() += 1;
        }
        effects
    }

    /// The latest run of a migration.
    pub async fn latest(&self, name: &str) -> Option<RunRow> {
        let store = Store::open(&Secret::new(&self.store_url)).await.expect("the store opens");
        let filter = RunFilter { name: Some(name.to_owned()), limit: 1, ..RunFilter::default() };
        store.runs(&filter).await.expect("the runs can be read").into_iter().next()
    }

    /// The journal of a migration's latest run.
    pub async fn journal(&self, name: &str) -> Vec<Entry> {
        let Some(row) = self.latest(name).await else { return Vec::new() };
        let store = Store::open(&Secret::new(&self.store_url)).await.expect("the store opens");
        let events = store.events(&row.run.id, 0, 100_000).await.expect("the journal can be read");
        let entry = |event: orchestrate::store::Recorded| Entry {
            sequence: event.sequence,
            generation: event.generation,
            at_ms: event.at_ms,
            event: serde_json::from_str(&event.body).expect("the event can be read"),
        };
        events.into_iter().map(entry).collect()
    }

    /// Waits until the journal of a migration's latest run is as it should be.
    pub async fn until(&self, name: &str, what: &str, is_so: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        let poll = async {
            loop {
                let journal = self.journal(name).await;
                if is_so(&journal) {
                    return journal;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PROCESS_TIMEOUT, poll).await {
            Ok(journal) => journal,
            Err(_) => panic!("never {what}: {:#?}", self.journal(name).await),
        }
    }

    /// Waits until a question to the target has this answer.
    pub async fn until_answer(&self, sql: &str, answer: &str) {
        let poll = async {
            while self.ask(sql).await != [answer] {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PROCESS_TIMEOUT, poll).await.unwrap_or_else(|_| panic!("never {answer}: {sql}"));
    }
}

/// The program at work.
pub struct Process {
    child: tokio::process::Child,
}

impl Process {
    /// Waits for its end.
    pub async fn end(self) -> Ended {
        let output = tokio::time::timeout(PROCESS_TIMEOUT, self.child.wait_with_output()).await;
        let output = output.expect("a process comes to its end").expect("its output can be read");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Ended { code: code(output.status), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Whether it has not ended yet.
    pub fn is_at_work(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    }

    pub fn id(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// Waits until it is frozen.
    pub async fn until_frozen(&self) {
        let path = format!("/proc/{}/stat", self.id());
        let poll = async {
            loop {
                let stat = std::fs::read_to_string(&path).expect("the process is there");
                if stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PROCESS_TIMEOUT, poll).await.expect("it freezes");
    }
}

fn code(status: ExitStatus) -> Option<i32> {
    status.code()
}

fn signal(id: u32, name: &str) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &id.to_string()]).status();
    assert!(sent.expect("kill can be run").success(), "kill -{name} {id}");
}
