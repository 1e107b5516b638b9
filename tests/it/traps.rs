//! The traps in the sample migration of PostHog's handbook: what a run does that steps into one.

mod progress;

use std::path::PathBuf;
use std::process::Command;

use crate::support::servers::{ClickHouse, ask_postgres, clickhouse_url, fresh_postgres_database, postgres};
use crate::support::{Outcome, Project, program, repository};

/// A trap's project in a folder of its own, with the databases of the test.
struct Trap {
    project: Project,
    variables: Vec<(&'static str, String)>,
}

impl Trap {
    /// The fixture of this name, with statements run on its SQLite file first.
    fn new(name: &str, sql: &str) -> Trap {
        let project = Project::new();
        let fixture = repository().join("tests/fixtures/traps").join(name);
        copy(&fixture, &PathBuf::new(), &project);
        let trap = Trap { project, variables: Vec::new() };
        trap.sqlite(sql);
        trap
    }

    /// The same with a value for a variable of its project file.
    fn with(mut self, name: &'static str, value: String) -> Trap {
        self.variables.push((name, value));
        self
    }

    /// Runs statements on its SQLite file, or asks for one value.
    fn sqlite(&self, sql: &str) -> String {
        block_on(async {
            let file = self.project.path().join("data.db");
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let mut connection = sqlx::ConnectOptions::connect(&options).await.expect("SQLite opens a file");
            let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_optional(&mut connection).await;
            let row = row.unwrap_or_else(|error| panic!("{error}\n{sql}"));
            sqlx::Connection::close(connection).await.expect("SQLite closes a file");
            row.map(|row| sqlx::Row::get_unchecked::<String, _>(&row, 0)).unwrap_or_default()
        })
    }

    /// Runs the program.
    fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[])
    }

    /// Runs the program with more variables; one that was aborted has the code -1.
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let output = Command::new(program())
            .args(arguments)
            .current_dir(self.project.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("ORCHESTRATE_USER", "ann")
            .env("ORCHESTRATE_LEASE", "500ms")
            .envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .envs(variables.iter().copied())
            .output()
            .expect("the program can be started");
        Outcome {
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
            code: output.status.code().unwrap_or(-1),
        }
    }
}

fn copy(from: &std::path::Path, under: &std::path::Path, project: &Project) {
    for entry in std::fs::read_dir(from.join(under)).expect("the fixture is there") {
        let entry = entry.expect("an entry can be read");
        let path = under.join(entry.file_name());
        if entry.path().is_dir() {
            copy(from, &path, project);
        } else {
            let bytes = std::fs::read(entry.path()).expect("a fixture can be read");
            project.write(path.to_str().expect("fixtures have plain names"), bytes);
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be built").block_on(work)
}

/// A snapshot of a whole outcome without the ids of processes and machines.
macro_rules! assert_told {
    ($outcome:expr) => {
        insta::with_settings!({ filters => vec![
            (r"process \d+ on \S+", "process … on …"),
            (r"\S+ \(process \d+\)", "… (process …)"),
        ] }, {
            insta::assert_snapshot!($outcome.whole());
        })
    };
}

const TABLE_X: &str = "CREATE TABLE table_x (key TEXT, value TEXT); INSERT INTO table_x VALUES ('a', '1'), ('b', '2')";
const ROWS: &str = "SELECT group_concat(key || value) FROM table_x";
const TABLES: &str =
    "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE name NOT LIKE 'orchestrate%' ORDER BY name)";

#[test]
fn a_clickhouse_statement_on_postgres_is_refused_and_what_was_done_is_taken_back() {
    let url = block_on(async {
        let url = fresh_postgres_database().await;
        postgres(&url, "CREATE TABLE table_x (key VARCHAR, value VARCHAR)").await;
        url
    });
    let trap = Trap::new("foreign-statement", "SELECT 1").with("POSTGRES_URL", url.clone());
    let lint = trap.run(&["lint"]);
    assert!(lint.code == 3 && lint.stdout.contains("error[foreign-dialect]"), "{}", lint.whole());
    let start = trap.run(&["start", "0001_table_x"]);
    assert_eq!(start.code, 8, "{}", start.whole());
    assert_told!(start);
    let tables = "SELECT coalesce(string_agg(tablename, ','), '') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'orchestrate%'";
    assert_eq!(block_on(ask_postgres(&url, tables)), "table_x");
}

#[test]
fn a_column_count_that_does_not_match_leaves_nothing_half_done_on_sqlite() {
    let trap = Trap::new("column-count", "CREATE TABLE table_x (key INT, value INT); CREATE TABLE journal (text TEXT)");
    let start = trap.run(&["start", "0001_sqlite"]);
    assert_eq!(start.code, 8, "{}", start.whole());
    assert_told!(start);
    assert_eq!(trap.sqlite(TABLES), "journal,table_x");
    assert_eq!(trap.sqlite("SELECT CAST(count(*) AS TEXT) FROM journal"), "0");
}

#[test]
fn a_column_count_that_does_not_match_leaves_nothing_half_done_on_postgres() {
    let url = block_on(async {
        let url = fresh_postgres_database().await;
        postgres(&url, "CREATE TABLE table_x (key INT, value INT); CREATE TABLE journal (text TEXT)").await;
        url
    });
    let trap = Trap::new("column-count", "SELECT 1").with("POSTGRES_URL", url.clone());
    let start = trap.run(&["start", "0002_postgres"]);
    assert_eq!(start.code, 8, "{}", start.whole());
    assert_told!(start);
    assert_eq!(block_on(ask_postgres(&url, "SELECT count(*)::text FROM journal")), "0");
    let gone = "SELECT (to_regclass('table_x_new') IS NULL)::text";
    assert_eq!(block_on(ask_postgres(&url, gone)), "true");
}

#[test]
fn a_column_count_that_does_not_match_leaves_nothing_half_done_on_clickhouse() {
    let clickhouse = block_on(async {
        let clickhouse = ClickHouse::fresh(clickhouse_url()).await;
        clickhouse.run("CREATE TABLE table_x (key Int32, value Int32) ENGINE = MergeTree ORDER BY key").await;
        clickhouse
    });
    let trap = Trap::new("column-count", "SELECT 1")
        .with("CLICKHOUSE_URL", clickhouse.url.clone())
        .with("CLICKHOUSE_DATABASE", clickhouse.database.clone());
    let start = trap.run(&["start", "0003_clickhouse"]);
    assert_eq!(start.code, 8, "{}", start.whole());
    assert!(start.stderr.contains("NUMBER_OF_COLUMNS_DOESNT_MATCH"), "{}", start.whole());
    assert_eq!(block_on(clickhouse.run("SHOW TABLES")), "table_x");
}

#[test]
fn a_required_that_flips_never_reads_as_not_required_in_the_middle() {
    let trap = Trap::new("required-flips", TABLE_X);
    let lint = trap.run(&["lint"]);
    assert!(lint.stdout.contains("warning[required-flips]"), "{}", lint.whole());

    let killed = trap.run_with(&["start", "0001_table_x"], &[("ORCHESTRATE_FAULT", "before-effect:2")]);
    assert_eq!((killed.code, trap.sqlite(TABLES).as_str()), (-1, "table_x,table_x_new"), "{}", killed.whole());
    let again = trap.run(&["start", "0001_table_x"]);
    assert!(again.code == 7 || again.code == 9, "a new start does not take it for not required: {}", again.whole());
    let resumed = trap.run(&["resume", "0001_table_x"]);
    assert_eq!(resumed.code, 0, "{}", resumed.whole());
    assert_eq!(trap.sqlite("SELECT CAST(count(*) AS TEXT) FROM table_x_new"), "2");

    // After a rollback it is asked anew, and the answer is that of the data.
    assert_eq!(trap.run(&["rollback", "0001_table_x"]).code, 0);
    assert_eq!(trap.sqlite(TABLES), "table_x");
    let anew = trap.run(&["start", "0001_table_x"]);
    assert!(anew.code == 0 && anew.stdout.starts_with("0001_table_x: completed"), "{}", anew.whole());
    assert_eq!(trap.run(&["rollback", "0001_table_x"]).code, 0);
    trap.sqlite("CREATE TABLE table_x_new (key TEXT, value TEXT)");
    let not_required = trap.run(&["start", "0001_table_x"]);
    assert!(not_required.stdout.starts_with("0001_table_x: not required"), "{}", not_required.whole());
}

#[test]
fn an_undo_that_empties_the_only_copy_is_refused_before_the_start() {
    let trap = Trap::new("only-copy", TABLE_X);
    let refused = trap.run(&["start", "0001_drops_the_original"]);
    assert_eq!(refused.code, 3, "{}", refused.whole());
    assert_told!(refused);
    assert_eq!((trap.sqlite(ROWS).as_str(), trap.sqlite(TABLES).as_str()), ("a1,b2", "table_x"));
}

#[test]
fn an_original_that_was_renamed_away_comes_back_with_its_rows() {
    let trap = Trap::new("only-copy", TABLE_X);
    let start = trap.run(&["start", "0002_renames_the_original"]);
    assert_eq!(start.code, 8, "{}", start.whole());
    assert_eq!((trap.sqlite(ROWS).as_str(), trap.sqlite(TABLES).as_str()), ("a1,b2", "table_x"));
}

#[test]
fn nobody_rolls_back_across_what_says_that_it_is_irreversible() {
    let trap = Trap::new("only-copy", TABLE_X);
    let start = trap.run(&["start", "0003_says_irreversible"]);
    assert_eq!(start.code, 9, "{}", start.whole());
    assert_told!(start);
    let copy = "SELECT group_concat(key || value) FROM table_x_new";
    assert_eq!(trap.sqlite(copy), "a1,b2");
    let rollback = trap.run(&["rollback", "0003_says_irreversible"]);
    assert_eq!(rollback.code, 9, "{}", rollback.whole());
    assert_eq!(trap.sqlite(copy), "a1,b2");
}

#[test]
fn a_threshold_that_knows_the_size_of_the_table_stops_in_time_and_an_absolute_one_does_not() {
    const DISK: &str = "CREATE TABLE disks (free_space INTEGER, since REAL); INSERT INTO disks VALUES (5000000000, 0);
        CREATE TABLE tables (name TEXT, total_bytes INTEGER); INSERT INTO tables VALUES ('table_x', 2000000000)";
    const FREE: &str = "SELECT CAST(free_space AS TEXT) FROM disks";
    let trap = Trap::new("absolute-threshold", DISK);
    let lint = trap.run(&["lint"]);
    assert!(lint.code == 0 && lint.stdout.matches("warning[absolute-threshold]").count() == 1, "{}", lint.whole());
    assert!(lint.stdout.contains("manifests/traps/0001_absolute.yaml"), "{}", lint.whole());

    let relative = trap.run(&["start", "0002_relative"]);
    assert_eq!((relative.code, trap.sqlite(FREE).as_str()), (8, "5000000000"), "{}", relative.whole());
    assert_told!(relative);
    let absolute = trap.run(&["start", "0001_absolute"]);
    assert_eq!((absolute.code, trap.sqlite(FREE).as_str()), (0, "2500000000"), "{}", absolute.whole());
}
