//! A generated product of any size: chained migrations of eight operations, releases that carry charts and services.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use orchestrate::manifest::SourceFile;

/// How large a product is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Migrations, each in a file of its own.
    pub migrations: usize,
    /// Releases.
    pub releases: usize,
}

/// Each four times the one before it.
pub const SIZES: [Size; 3] = [
    Size { migrations: 250, releases: 500 },
    Size { migrations: 1_000, releases: 2_000 },
    Size { migrations: 4_000, releases: 8_000 },
];

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.migrations, self.releases)
    }
}

/// The files of a product.
pub fn files(size: Size) -> Vec<SourceFile> {
    let file = |path: String, text: String| SourceFile { path: Arc::from(path), bytes: text.into_bytes() };
    let mut files = vec![file("upgrade-paths/bench.yaml".to_owned(), path(size))];
    for number in 0..size.migrations {
        files.push(file(format!("manifests/bench/{}.yaml", name(number)), manifest(size, number)));
    }
    files
}

fn name(number: usize) -> String {
    format!("{number:05}_rebuild_table")
}

/// The first release of a migration's window; the last is 20 further.
fn opens(size: Size, number: usize) -> usize {
    number * (size.releases - 40) / size.migrations + 2
}

fn path(size: Size) -> String {
    let mut text = "format: orchestrate/v1\nkind: upgrade-path\ntitle: Bench\nreleases:\n".to_owned();
    for release in 0..size.releases {
        writeln!(
            text,
            "  - {{app: 1.{release}.0, chart: 2.{release}.0, released: 2026-01-01, provides: {{clickhouse: 22.{}.6.5}}, \
             needs: {{kubernetes: \">=1.{}.0, <1.{}.0\"}}}}",
            release / 100,
            20 + release / 500,
            24 + release / 500
        )
        .expect("a string");
    }
    text.push_str("recommended:\n");
    for number in (0..size.migrations).step_by(3) {
        let app = opens(size, number) + 7;
        writeln!(text, "  - {{migrations: [{}], app: 1.{app}.0, chart: 2.{app}.0}}", name(number)).expect("a string");
    }
    text
}

fn manifest(size: Size, number: usize) -> String {
    let (low, high) = (opens(size, number), opens(size, number) + 20);
    let mut text = format!(
        "format: orchestrate/v1\nkind: migration\nname: {}\ndescription: Rebuild table {number} in another order\n\
         window: {{min: 1.{low}.0, max: 1.{high}.9}}\nservices: {{clickhouse: \">=22.0.0\"}}\n",
        name(number)
    );
    if number > 0 {
        writeln!(text, "depends_on: [{}]", name(number - 1)).expect("a string");
    }
    text.push_str(
        "parameters:\n  TEAM_ID: {type: integer, default: null, description: The team to rebuild, min: 1}\noperations:\n",
    );
    for operation in 0..8 {
        write!(
            text,
            "  - name: operation-{operation}\n    target: clickhouse\n    sql: |\n      \
             INSERT INTO {{{{ target.database | ident }}}}.table_{number}_new (team_id, event, timestamp, properties)\n      \
             SELECT team_id, event, timestamp, properties\n      FROM table_{number}\n      \
             WHERE toYYYYMM(timestamp) = 2022{operation:02} AND team_id = {{{{ params.TEAM_ID }}}}\n    \
             undo: TRUNCATE TABLE IF EXISTS table_{number}_new\n    \
             done_when: SELECT count() > 0 FROM table_{number}_new WHERE toYYYYMM(timestamp) = 2022{operation:02}\n    \
             settings: {{max_execution_time: 172800, max_threads: 20}}\n    timeout: 48h\n    \
             retry: {{attempts: 3, backoff: 5s}}\n"
        )
        .expect("a string");
    }
    text
}
