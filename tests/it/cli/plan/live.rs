//! `orchestrate plan` of an installation: what is read there, what it means for the plan, and what happens where nothing can
//! be read.

use std::process::Stdio;
use std::time::{Duration, Instant};

use orchestrate::model::Secret;
use orchestrate::store::{Batch, NewRun, Owner, RunId, Store, Summary};
use serde_json::{Value, json};

use crate::support::{Outcome, Project, Shop, assert_whole, command};

const PATH: &str = "\
format: orchestrate/v1
kind: upgrade-path
releases:
  - {app: 1.0.0, chart: 10.0.0, needs: {kubernetes: \">=1.20.0, <1.23.0\"}}
  - {app: 1.1.0, chart: 11.0.0, needs: {kubernetes: \">=1.21.0, <1.24.0\"}}
  - {app: 1.2.0, chart: 12.0.0, needs: {kubernetes: \">=1.23.0, <1.26.0\"}}
  - {app: 1.3.0, chart: 13.0.0, needs: {kubernetes: \">=1.25.0\"}}
notes:
  - {crossing: {chart: 10.5.0}, when: before, title: Charts above 10.5 need a new value, body: Set it.}
";

const PLATFORM: &str = "\
format: orchestrate/v1
kind: platform
name: shop
deploy: [{name: deploy, target: main, sql: \"UPDATE installation SET app = {{ step.app }}\"}]
version: {target: main, sql: SELECT app FROM installation, expect: \"= {{ step.app }}\"}
";

const ENVIRONMENT: &str = "\
format: orchestrate/v1
kind: project
environments:
  local:
    store: \"sqlite://state.db\"
    targets: {main: {url: \"sqlite://shop.db\"}}
    platform: shop
    services: {kubernetes: 1.22.17}
";

/// Three migrations, each with a gate of its own.
const WINDOWS: [(&str, &str); 3] =
    [("0001_first", "max: 1.0.9"), ("0002_second", "min: 1.1.0, max: 1.1.9"), ("0003_third", "min: 1.2.0, max: 1.2.9")];

/// A shop on 1.0.0, with what is asked of 0002 and with more of 0003.
fn shop(required: &str, third: &str) -> Shop {
    let shop = Shop { project: Project::new() };
    shop.project.write("upgrade-paths/shop.yaml", PATH);
    shop.project.write("templates/platforms/shop.yaml", PLATFORM);
    shop.project.write("orchestrate.yaml", ENVIRONMENT);
    for (name, window) in WINDOWS {
        let more = match name {
            "0001_first" => String::new(),
            "0002_second" => format!("depends_on: [0001_first]\nrequired: {required}\n"),
            _ => third.to_owned(),
        };
        let work = "operations: [{name: note, target: main, sql: INSERT INTO notes VALUES ('done'), undo: SELECT 1}]\n";
        let text = format!("format: orchestrate/v1\nkind: migration\nname: {name}\nwindow: {{{window}}}\n{more}{work}");
        shop.project.write(&format!("manifests/shop/{name}.yaml"), text);
    }
    shop.sql("CREATE TABLE installation (app TEXT); INSERT INTO installation VALUES ('1.0.0'); CREATE TABLE notes (text TEXT)");
    shop
}

/// A shop whose 0002 is required.
fn plain() -> Shop {
    shop(&sql("SELECT 1"), "")
}

/// A question to the shop's database.
fn sql(sql: &str) -> String {
    format!("{{target: main, sql: \"{sql}\"}}")
}

fn plan(shop: &Shop, more: &[&str]) -> Outcome {
    shop.run(&[&["plan", "--to", "1.3", "--format", "json"], more].concat())
}

/// The releases that are deployed, each with what runs there.
fn way(plan: &Value) -> Value {
    let steps = plan["steps"].as_array().expect("steps");
    let told = |step: &Value| json!([step["release"]["app"], step["migrations"].as_array().map_or(0, Vec::len)]);
    steps.iter().map(told).collect()
}

#[test]
fn what_runs_and_what_is_complete_is_read() {
    let third = format!("required: {}\n", sql("SELECT count(*) > 0 FROM notes WHERE text = 'draft'"));
    let shop = shop(&sql("SELECT word FROM no_such_table"), &third);
    shop.done(&["start", "0001_first"]);
    for format in ["text", "markdown", "mermaid", "json"] {
        assert_whole!(format!("read_as_{format}"), shop.run(&["plan", "--to", "1.3", "--format", format]).whole());
    }
    shop.sql("UPDATE installation SET app = '1.2.0'");
    assert_whole!("assumed", shop.run(&["plan", "--to", "1.3"]).whole());
    assert_whole!("assumed_as_mermaid", shop.run(&["plan", "--to", "1.3", "--format", "mermaid"]).whole());
}

/// The stop of a migration falls away only where its question is answered with no.
#[test]
fn only_no_takes_a_stop_away() {
    let table = [
        (sql("SELECT 1"), false, false),
        (sql("SELECT 0"), true, false),
        (sql("SELECT count(*) > 0 FROM notes WHERE text = 'draft'"), true, false),
        (sql("SELECT NULL"), false, true),
        (sql("SELECT 1 FROM notes WHERE text = 'draft'"), false, true),
        (sql("SELECT 'maybe'"), false, true),
        (sql("SELECT gone FROM notes"), false, true),
        (sql("SELECT {{ params.WORD }} = 'none'"), false, true),
        ("{file: /nowhere}".to_owned(), true, false),
        ("{command: [\"no-such-program\"]}".to_owned(), false, true),
        ("{command: [sh, -c, \"echo no; exit 3\"]}".to_owned(), false, true),
        ("{command: [sh, -c, \"echo false\"]}".to_owned(), true, false),
        ("{command: [sleep, \"1000\"], timeout: 50ms}".to_owned(), false, true),
        ("{http: {url: \"http://127.0.0.1:1/\"}}".to_owned(), false, true),
        (sql("INSERT INTO notes VALUES ('written') RETURNING 0"), false, true),
        (sql("DELETE FROM installation RETURNING 0"), false, true),
    ];
    for (required, falls_away, is_unknown) in table {
        let parameters = "parameters: {WORD: {type: string}}";
        let shop = shop(&format!("{required}\n{parameters}"), "");
        shop.done(&["start", "0001_first"]);
        let outcome = plan(&shop, &[]);
        let found = outcome.json();
        let expected = match falls_away {
            true => json!([["1.2.0", 1], ["1.3.0", 0]]),
            false => json!([["1.1.0", 1], ["1.2.0", 1], ["1.3.0", 0]]),
        };
        assert_eq!(way(&found), expected, "{required}: {}", outcome.whole());
        assert_eq!(found["not_required"].is_array(), falls_away, "{required}: {}", outcome.whole());
        let says = found["warnings"].as_array().expect("warnings").iter().any(|text| {
            text.as_str().is_some_and(|text| text.starts_with("whether 0002_second is required cannot be told"))
        });
        assert_eq!(says, is_unknown, "{required}: {}", outcome.whole());
        let written =
            "SELECT (SELECT count(*) FROM notes WHERE text <> 'done') + (SELECT count(*) = 0 FROM installation)";
        assert_eq!(shop.number(written), 0, "{required} wrote");
    }
}

/// What 0002 would answer before 0001 has run says nothing about afterwards.
#[test]
fn who_waits_for_work_is_not_asked() {
    let shop = shop("{command: [sh, -c, \"touch asked; echo false\"]}", "");
    let asked = shop.project.path().join("asked");
    assert_eq!(way(&plan(&shop, &[]).json()), json!([["1.0.0", 1], ["1.1.0", 1], ["1.2.0", 1], ["1.3.0", 0]]));
    assert!(!asked.exists());
    // One that is too far away is not asked either.
    let near = shop.run(&["plan", "--to", "1.0", "--format", "json"]);
    assert_eq!((near.code, asked.exists()), (0, false), "{}", near.whole());
    shop.done(&["start", "0001_first"]);
    assert_eq!(way(&plan(&shop, &[]).json()), json!([["1.2.0", 1], ["1.3.0", 0]]));
    assert!(asked.exists());
    // Once it has begun, its journal says it.
    shop.sql("UPDATE installation SET app = '1.1.0'");
    std::fs::remove_file(&asked).expect("it was asked");
    let outcome = shop.done(&["start", "0002_second"]);
    assert!(outcome.stdout.contains("not required"), "{}", outcome.whole());
    std::fs::remove_file(&asked).expect("it was asked");
    let found = plan(&shop, &[]).json();
    assert_eq!((&found["covers"]["completed"], asked.exists()), (&json!(["0001_first", "0002_second"]), false));
}

/// 1.1.0 runs, and so 0001 would be taken as complete; but the store knows that it was taken back.
#[test]
fn what_was_begun_is_not_taken_as_complete() {
    let shop = plain();
    shop.done(&["start", "0001_first"]);
    shop.done(&["rollback", "0001_first"]);
    shop.sql("UPDATE installation SET app = '1.1.0'");
    assert_whole!("begun", shop.run(&["plan", "--to", "1.3"]).whole());
}

#[test]
fn nothing_is_changed() {
    let shop = plain();
    shop.done(&["status"]);
    let whole = |name: &str| std::fs::read(shop.project.path().join(name)).expect("the file is there");
    let before = [whole("shop.db"), whole("state.db")];
    shop.done(&["plan", "--to", "1.3", "--out", "plan.json"]);
    assert!([whole("shop.db"), whole("state.db")] == before);
    let written = std::fs::read_to_string(shop.project.path().join("plan.json")).expect("the plan was written");
    assert_eq!(written, plan(&shop, &[]).stdout, "the same input gives the same bytes");
}

#[test]
fn what_is_said_goes_before_what_is_read() {
    let shop = plain();
    shop.sql("UPDATE installation SET app = 'nonsense'");
    // Without an environment, nothing is asked: it is the plan of a project that has none.
    let offline = plan(&shop, &["--from", "1.1"]);
    assert!(!shop.project.path().join("state.db").exists());
    assert_eq!(offline.json()["environment"], Value::Null);
    assert_eq!(offline.json()["assumed_complete"], json!(["0001_first"]));
    shop.project.write("orchestrate.yaml", "format: orchestrate/v1\nkind: project\n");
    assert_eq!(plan(&shop, &["--from", "1.1"]).stdout, offline.stdout);
    shop.project.write("orchestrate.yaml", ENVIRONMENT);
    // With one, what is not said is read.
    let named = plan(&shop, &["--from", "1.1", "--environment", "local"]).json();
    assert_eq!((&named["from"]["app"], &named["environment"]["name"]), (&json!("1.1.0"), &json!("local")));
    shop.sql("UPDATE installation SET app = '1.0.0'");
    let said = plan(&shop, &["--completed", "0001_first,0002_second"]).json();
    assert_eq!(way(&said), json!([["1.2.0", 1], ["1.3.0", 0]]));
    assert_eq!((&said["environment"]["name"], &said["covers"]["completed_given"]), (&json!("local"), &json!(true)));
    let chart = plan(&shop, &["--from-chart", "10.7.0", "--environment", "local"]).json();
    assert_eq!(chart["from"], json!({"app": "1.0.0", "chart": "10.7.0"}));
}

#[test]
fn each_installation_has_an_identity() {
    let shop = plain();
    let identity = |shop: &Shop, environment: &str| {
        let plan = plan(shop, &["--environment", environment]).json();
        (plan["environment"]["identity"].clone(), plan["digest"].clone())
    };
    let two = ENVIRONMENT.replace("  local:", "  other: &other\n    store: \"sqlite://state.db\"\n    targets: {main: {url: \"sqlite://shop.db\"}}\n    platform: shop\n  local:");
    shop.project.write("orchestrate.yaml", two.replace(" &other", ""));
    let (local, other) = (identity(&shop, "local"), identity(&shop, "other"));
    assert_ne!(local.0, other.0);
    assert_ne!(local.1, other.1);
    assert_eq!(identity(&shop, "local"), local);
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        std::fs::remove_file(shop.project.path().join(file)).unwrap_or_default();
    }
    assert_ne!(identity(&shop, "local").0, local.0, "another store is another installation");
}

/// A deploy that the store knows of tells the chart, as long as what it deployed runs.
#[test]
fn the_chart_is_that_of_the_latest_deploy() {
    let shop = plain();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    runtime.block_on(async {
        let url = format!("sqlite://{}/state.db", shop.project.path().display());
        let store = Store::open(&Secret::new(url)).await.expect("the store opens");
        let run = NewRun {
            id: RunId::new(uuid::Uuid::now_v7().to_string()),
            environment: "local".to_owned(),
            product: "shop".to_owned(),
            kind: "deploy".to_owned(),
            name: "deploy/1.0.0@10.7.0".to_owned(),
        };
        let summary =
            Summary { status: "completed".to_owned(), is_finished: true, since_ms: 1, detail: "{}".to_owned() };
        let owner = Owner { id: "o".to_owned(), host: "h".to_owned(), pid: 1 };
        let batch = Batch::new(1, vec!["{}".to_owned()], summary);
        store.begin(&run, &batch, &owner, Duration::from_secs(1), 1).await.expect("nothing runs yet");
    });
    let notes = |plan: &Value| plan["steps"][1]["notes"].as_array().map_or(0, Vec::len);
    let known = plan(&shop, &[]).json();
    assert_eq!((&known["from"], notes(&known)), (&json!({"app": "1.0.0", "chart": "10.7.0"}), 0));
    shop.sql("UPDATE installation SET app = '1.1.0'");
    assert_eq!(plan(&shop, &[]).json()["from"]["chart"], Value::Null);
}

#[test]
fn what_cannot_be_read_is_told_with_what_to_type() {
    let shop = plain();
    shop.sql("DROP TABLE installation");
    assert_whole!("no_version", plan(&shop, &[]).whole());
    assert_eq!(plan(&shop, &["--from", "1.0", "--environment", "local"]).code, 0);
    shop.sql("CREATE TABLE installation (app TEXT); INSERT INTO installation VALUES ('latest')");
    assert_whole!("no_version_of_the_app", plan(&shop, &[]).whole());
    shop.project.write("orchestrate.yaml", ENVIRONMENT.replace("    platform: shop\n", ""));
    assert_whole!("no_platform", plan(&shop, &[]).whole());
    shop.project
        .write("orchestrate.yaml", ENVIRONMENT.replace("sqlite://state.db", "postgres://u:s3cret@127.0.0.1:1/x"));
    assert_whole!("no_store", plan(&shop, &[]).whole());
    shop.project.write("orchestrate.yaml", ENVIRONMENT.replace("sqlite://shop.db", "${SHOP_URL}"));
    assert_whole!("no_variable", plan(&shop, &[]).whole());
    shop.project.write(
        "orchestrate.yaml",
        ENVIRONMENT.replace("  local:", "  two:\n    targets: {main: {url: \"sqlite://two.db\"}}\n  local:"),
    );
    assert_whole!("several_environments", plan(&shop, &[]).whole());
    assert_whole!("unknown_environment", plan(&shop, &["--environment", "loca"]).whole());
    shop.project.write("orchestrate.yaml", "format: orchestrate/v1\nkind: project\n");
    assert_whole!("no_environment", plan(&shop, &[]).whole());
    assert_whole!("no_release", shop.run(&["plan", "--to", "1.4", "--from", "1.0"]).whole());
}

/// Whoever waits for an answer may stop waiting.
#[test]
fn an_interrupt_ends_it() {
    let shop = plain();
    let platform = "format: orchestrate/v1\nkind: platform\nname: shop\ndeploy: []\n\
                    version: {command: [sh, -c, \"echo $$ > asked; exec sleep 1000\"], timeout: 1h}\n";
    shop.project.write("templates/platforms/shop.yaml", platform);
    let mut command = command(shop.project.path(), &["plan", "--to", "1.3"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the program can be started");
    let begun = Instant::now();
    let asked = shop.project.path().join("asked");
    let sleeper = loop {
        match std::fs::read_to_string(&asked) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => assert!(begun.elapsed() < Duration::from_secs(30), "it is never asked"),
        }
    };
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("there is a kill").success());
    let outcome = Outcome::of(child.wait_with_output().expect("its output can be read"));
    assert_whole!(outcome.whole());
    while std::path::Path::new("/proc").join(&sleeper).exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the probe goes on");
    }
}
