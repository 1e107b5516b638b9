//! What is shown of large tables while they are moved: the lines of a run, its status, its journal.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::shop::Spawned;
use crate::support::{Shop, VARYING, at_terminal};

const MOVE: &str = "0007_move";

/// A snapshot without what differs from run to run, durations, rates and sizes among them.
macro_rules! assert_moving {
    ($name:literal, $text:expr) => {
        let durations = [
            (r"about \d+[smhd]( \d+[smhd])?", "about [time]"),
            (r"\d+[smhd]( \d+[smhd])? so far", "[time] so far"),
            (r", throttled \d+[smhd]( \d+[smhd])?", ""),
            (r"throttling: \d+[smhd]( \d+[smhd])?", "throttling: [time]"),
            (r"[\d.]+ [KM]?i?B( \([\d.]+ [KMGTP]iB free\))?", "[size]"),
            (r"batches from [\d,]+ rows", "batches from [n] rows"),
        ];
        insta::with_settings!({ filters => VARYING.into_iter().chain(durations).collect::<Vec<_>>() }, {
            insta::assert_snapshot!($name, $text);
        })
    };
}

/// A shop with six hundred orders, and a migration that moves them unless there is a file `hold`.
fn shop() -> Shop {
    let shop = Shop::new();
    let hold = shop.project.path().join("hold");
    let rest = format!(
        "\
throttle:
  - {{name: hold, file: {}, expect: false, every: 100ms}}
operations:
  - name: fill
    target: main
    backfill: {{table: orders, key: id, set: total = price * 2, batch: 100}}
    undo: UPDATE orders SET total = NULL
  - name: copy
    target: main
    copy: {{from: orders, to: orders_new, by: id}}
    undo: DELETE FROM orders_new WHERE id IN (SELECT id FROM orders)
",
        hold.display()
    );
    let text = format!("format: orchestrate/v1\nkind: migration\nname: {MOVE}\n{rest}");
    shop.project.write(&format!("manifests/shop/{MOVE}.yaml"), text);
    shop.sql(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, price INTEGER, total INTEGER);
         CREATE TABLE orders_new (id INTEGER PRIMARY KEY, price INTEGER, total INTEGER);
         WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 600)
         INSERT INTO orders (id, price) SELECT id, id FROM n",
    );
    shop
}

#[test]
fn a_run_tells_what_it_moves_and_not_each_batch() {
    let shop = shop();
    let outcome = shop.run(&["start", MOVE]);
    assert_moving!("moved", outcome.whole());
    assert_eq!(shop.number("SELECT sum(total) FROM orders_new"), 600 * 601);
    let journal = shop.done(&["journal", MOVE]);
    assert!(journal.stdout.contains("fill batch 1: 100 rows, until 100\n"), "{}", journal.stdout);
    let told = shop.done(&["rollback", MOVE]);
    assert_moving!("taken_back", told.whole());
}

#[test]
fn each_batch_is_told_where_more_is_asked_for() {
    let shop = shop();
    let outcome = shop.done(&["start", MOVE, "-v"]);
    assert!(outcome.stderr.contains("fill batch 1: 100 rows, until 100\n"), "{}", outcome.stderr);
    let shop = self::shop();
    let objects = shop.done(&["start", MOVE, "--log-format", "json"]).stderr;
    assert!(objects.contains("\"event\":\"prepared\"") && !objects.contains("\"event\":\"advanced\""), "{objects}");
}

#[test]
fn what_holds_it_up_is_told_with_since_when_and_the_time_that_is_lost() {
    let shop = shop();
    shop.project.write("hold", "");
    let owner = shop.spawn(&["start", MOVE]);
    let entry = shop.until(MOVE, |entry| entry["status"] == "throttled");
    let throttle = &entry["throttle"];
    assert!(throttle["since"].is_string() && throttle["lost_s"].is_number(), "{throttle}");
    let by = serde_json::json!([{ "name": "hold", "message": "the answer is true, expected false" }]);
    assert_eq!(throttle["by"], by);
    assert_eq!(entry["forecasts"]["fill"]["rows"], 600);
    let moved = &entry["progress"]["moved"];
    assert_eq!((&moved["rows"], &moved["total"]), (&0.into(), &600.into()), "{moved}");
    shop.done(&["tune", MOVE, "batch_target=500ms"]);
    assert_moving!("throttled", shop.run(&["status", MOVE]).whole());
    shop.done(&["pause", MOVE]);
    assert_moving!("paused", shop.run(&["status", MOVE]).whole());
    shop.done(&["resume", MOVE]);
    std::fs::remove_file(shop.project.path().join("hold")).expect("the file is there");
    assert_moving!("let_go", owner.end().whole());
    let entry = shop.entry(MOVE);
    assert!(entry["throttle"]["since"].is_null() && entry["throttle"]["lost_s"].as_f64() > Some(0.0), "{entry}");
}

/// What a process at a terminal shows, frame by frame, until it ends.
fn frames(stdout: ChildStdout) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let (mut stdout, mut frame) = (BufReader::new(stdout), Vec::new());
        // Each frame begins where the one before it did.
        while stdout.read_until(b'\r', &mut frame).is_ok_and(|bytes| bytes > 0) {
            if tell.send(String::from_utf8_lossy(&frame).into_owned()).is_err() {
                break;
            }
            frame.clear();
        }
    });
    told
}

/// One for the whole and one for the stretch at hand.
#[test]
fn at_a_terminal_there_are_bars() {
    let shop = shop();
    let hold = shop.project.path().join("hold");
    std::fs::write(&hold, "").expect("the file can be made");
    let mut command = at_terminal(shop.project.path(), &["start", MOVE]);
    command.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 can be started");
    let frames = frames(child.stdout.take().expect("it is piped"));
    let process = Spawned::of(child);
    let until = |wanted: &str| {
        let frame = || frames.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("no frame has {wanted}"));
        while !frame().contains(wanted) {}
    };
    until("[                ] ");
    until("fill: 0.0%, 0 of 600 rows, waiting for hold to let");
    // Its first batch waits for another writer.
    let runtime = tokio::runtime::Runtime::new().expect("there can be one");
    let options = SqliteConnectOptions::new().filename(shop.project.path().join("shop.db"));
    let mut writer = runtime.block_on(SqliteConnection::connect_with(&options)).expect("the database can be opened");
    runtime.block_on(writer.execute("BEGIN IMMEDIATE")).expect("nobody writes");
    std::fs::remove_file(&hold).expect("the file can be removed");
    until("  [              ] from the beginning: 0 of 600 rows");
    runtime.block_on(writer.execute("COMMIT")).expect("it was begun");
    until("completed");
    assert_eq!(process.end().code, 0);
    assert_eq!(shop.number("SELECT sum(total) FROM orders_new"), 600 * 601);
}
