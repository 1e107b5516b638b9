//! A migration with an operation of every kind, each of which leaves one effect, and so does each undo.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use orchestrate::run::{Direction, Unit};

use super::installation::{Ended, Installation, On};
use super::listener::Listener;
use super::trail::question;

pub const NAME: &str = "0001_every_kind";
pub const ROWS: u32 = 3;

/// An installation with the migration, and what counts its calls.
pub struct Kinds {
    pub installation: Installation,
    pub listener: Listener,
}

/// Statements by what can tell whether they were done.
const STATEMENTS: [(&str, &[&str]); 4] = [
    ("marked", &[]),
    ("asked", &[APART, "done_when: \"SELECT count(*) > 0 FROM effects WHERE name = '{effect}'\""]),
    ("repeated", &[APART, "repeatable: true"]),
    ("untold", &[APART]),
];
const APART: &str = "transaction: false";

/// The operations, as YAML.
fn operations(on: On) -> String {
    let is_clickhouse = matches!(on, On::ClickHouse | On::OldClickHouse);
    let mut text = String::from("operations:\n");
    for (name, evidence) in STATEMENTS {
        if name == "marked" && is_clickhouse {
            continue;
        }
        let keys = |effect: &str| {
            let sql = format!("sql: \"INSERT INTO effects VALUES ('{effect}')\"");
            let evidence = evidence.iter().filter(|key| !is_clickhouse || **key != APART);
            let evidence = evidence.map(|key| format!(", {}", key.replace("{effect}", effect)));
            format!("target: main, {sql}, {RETRY}{}", evidence.collect::<String>())
        };
        let (forth, back) = (keys(name), keys(&format!("undo {name}")));
        writeln!(text, "  - {{name: {name}, {forth}, undo: {{{back}}}}}").expect("a string can be written to");
    }
    text + REST
}

const RETRY: &str = "retry: {attempts: 3, backoff: 50ms}";

const REST: &str = "  \
  - name: rows
    target: main
    for_each: {rows: SELECT name FROM items ORDER BY name, sql: \"INSERT INTO effects VALUES ({{ item.name }})\"}
    done_when: SELECT count(*) > 0 FROM effects WHERE name = {{ item.name }}
    retry: {attempts: 3, backoff: 50ms}
    undo:
      target: main
      sql: INSERT INTO effects SELECT concat('undo ', {{ item.name }})
      done_when: SELECT count(*) > 0 FROM effects WHERE name = concat('undo ', {{ item.name }})
      retry: {attempts: 3, backoff: 50ms}
  - {name: wait, target: main, wait: {sql: SELECT count(*) > 0 FROM effects, every: 50ms}}
  - {name: verify, target: main, verify: {sql: SELECT count(*) FROM items, expect: \"= 3\"}, retry: {attempts: 3, backoff: 50ms}}
  - name: command
    command: [sh, -c, echo command >> effects.txt]
    undo: {command: [sh, -c, echo undo command >> effects.txt]}
  - name: command-repeated
    command: [sh, -c, echo command-repeated >> effects.txt]
    repeatable: true
    undo: {command: [sh, -c, echo undo command-repeated >> effects.txt], repeatable: true}
  - name: http
    http: {method: POST, url: \"{{ vars.server }}/http\"}
    undo: {http: {method: POST, url: \"{{ vars.server }}/undo-http\"}}
  - name: http-repeated
    http: {method: POST, url: \"{{ vars.server }}/http-repeated\"}
    repeatable: true
    undo: {http: {method: POST, url: \"{{ vars.server }}/undo-http-repeated\"}, repeatable: true}
  - {name: manual, manual: {ask: Look at it}}
";

impl Kinds {
    /// A new installation with the migration.
    pub async fn on(on: On) -> Kinds {
        let (mut installation, listener) = (Installation::on(on).await, Listener::start().await);
        installation.migration(NAME, &operations(on));
        installation.tables(ROWS).await;
        installation.variables.insert("SERVER".to_owned(), listener.url());
        Kinds { installation, listener }
    }

    /// Every effect since the last [`Kinds::forget`], with its count.
    pub async fn effects(&self) -> BTreeMap<String, u32> {
        let mut effects = self.installation.effects().await;
        let file = std::fs::read_to_string(self.installation.project.path().join("effects.txt")).unwrap_or_default();
        for line in file.lines() {
            *effects.entry(line.to_owned()).or_default() += 1;
        }
        let calls = self.listener.counts().into_iter().map(|(path, count)| (path.replace("undo-", "undo "), count));
        effects.extend(calls);
        effects
    }

    /// Begins anew, with no effects.
    pub async fn forget(&self) {
        let path = self.installation.project.path().join("effects.txt");
        if path.exists() {
            std::fs::remove_file(path).expect("the file can be removed");
        }
        self.listener.forget();
        let forget = match self.installation.on {
            On::Sqlite | On::Postgres => "DELETE FROM effects",
            On::ClickHouse | On::OldClickHouse => "TRUNCATE TABLE effects",
        };
        self.installation.sql(&[forget]).await;
    }

    /// Does what a good operator does until the run is as wanted: goes on after a crash, and answers truly what is asked.
    pub async fn see_through(&self, mut ended: Ended, wanted: &str, told: &str) {
        for _ in 0..40 {
            let status = self.installation.latest(NAME).await.map(|row| row.summary.status).unwrap_or_default();
            let arguments = match ended.code {
                Some(0 | 8) | None if status == wanted => return,
                Some(9 | 10) | None if status == "needs_attention" => {
                    let journal = self.installation.journal(NAME).await;
                    let unit = question(&journal).unwrap_or_else(|| panic!("{told}: nothing is asked: {ended:?}"));
                    let word = if self.is_done(&unit).await { "done" } else { "not-done" };
                    vec![
                        "resolve".to_owned(),
                        NAME.to_owned(),
                        unit.operation,
                        word.to_owned(),
                        "--reason=seen".to_owned(),
                    ]
                }
                // A crash may come before what was asked for is in the journal.
                None if status == "completed" => vec!["rollback".to_owned(), NAME.to_owned()],
                None => vec!["resume".to_owned(), NAME.to_owned()],
                Some(_) => panic!("{told}: {status}: {ended:?}"),
            };
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            ended = self.installation.run(&arguments).await;
        }
        panic!("{told}: it never ends: {ended:?}");
    }

    async fn is_done(&self, unit: &Unit) -> bool {
        let effect = match unit.direction {
            Direction::Do => unit.operation.clone(),
            Direction::Undo => format!("undo {}", unit.operation),
        };
        unit.operation == "manual" || self.effects().await.contains_key(&effect)
    }
}
