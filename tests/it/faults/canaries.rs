//! Secrets that are looked for wherever a run leaves traces.

use super::installation::{Ended, Installation, On};
use super::listener::Listener;
use super::trail::whole;

const NAME: &str = "0001_secrets";
const CANARY: &str = "canary'\\7/%word";

/// Every operation uses the secret; the last fails and quotes it.
fn operations(failing: &str) -> String {
    format!(
        "operations:
  - {{name: http, http: {{method: POST, url: \"{{{{ vars.server }}}}/ok\", headers: {{X-Word: \"{{{{ vars.word }}}}\"}}}}, repeatable: true, irreversible: It is kept}}
  - {{name: command, command: [sh, -c, 'printf \"%s\" \"$1 $WORD\" >&2', sh, \"{{{{ vars.word }}}}\"], env: {{WORD: \"{{{{ vars.word }}}}\"}}, repeatable: true, irreversible: It is kept}}
  - {{name: sql, target: main, sql: \"INSERT INTO effects SELECT 'used' FROM items WHERE {{{{ vars.word }}}} = {{{{ vars.word }}}}\", repeatable: true, irreversible: It is kept}}
{failing}    irreversible: It is kept
"
    )
}

/// Operations that fail in a way that quotes what they were given.
fn failing(on: On) -> Vec<String> {
    let quoting = match on {
        On::Sqlite => "SELECT json({{ vars.word }})",
        On::Postgres => "SELECT CAST({{ vars.word }} AS integer)",
        On::ClickHouse => "SELECT throwIf(1, {{ vars.word }})",
        On::OldClickHouse => "SELECT toInt32({{ vars.word }})",
    };
    vec![
        format!("  - name: last\n    target: main\n    sql: \"{quoting}\"\n"),
        "  - name: last\n    target: main\n    sql: SELECT nothing_of_this_name({{ vars.word }})\n".to_owned(),
        "  - name: last\n    target: main\n    sql: SELECT {{ vars.word | ident }} FROM items\n".to_owned(),
        "  - name: last\n    target: main\n    verify: {sql: \"SELECT {{ vars.word }}\", expect: \"= other\", message: \"it is {{ value }}\"}\n"
            .to_owned(),
        "  - name: last\n    command: [sh, -c, 'printf \"no %s\" \"$1\" >&2; exit 3', sh, \"{{ vars.word }}\"]\n".to_owned(),
        "  - name: last\n    command: [\"no-such-program-{{ vars.word }}\"]\n".to_owned(),
        "  - name: last\n    http: {method: POST, url: \"{{ vars.server }}/refused?word={{ vars.word }}\"}\n".to_owned(),
        "  - name: last\n    http: {method: POST, url: \"http://user:{{ vars.word }}@127.0.0.1:1/\"}\n    retry: {attempts: 1}\n".to_owned(),
        "  - name: last\n    manual: {ask: \"Is it {{ vars.word }}?\"}\n".to_owned(),
    ]
}

fn assert_no_canary(told: &str, text: &str, password: &str) {
    let encoded: String = url::form_urlencoded::byte_serialize(CANARY.as_bytes()).collect();
    for secret in [CANARY, &encoded, "canary", password] {
        assert!(!text.contains(secret), "{told} shows `{secret}`:\n{text}");
    }
}

/// Looks wherever the run left traces.
async fn search(installation: &Installation, ended: &[Ended], told: &str, password: &str) {
    for ended in ended {
        assert_no_canary(told, &ended.stdout, password);
        assert_no_canary(told, &ended.stderr, password);
    }
    let journal = installation.journal(NAME).await;
    assert_no_canary(told, &format!("{journal:?}"), password);
    assert!(journal.len() > 1, "{told}: {}", whole(&journal));
    for name in ["state.db", "state.db-wal"] {
        let path = installation.project.path().join(name);
        if path.exists() {
            let bytes = std::fs::read(path).expect("the store can be read");
            assert_no_canary(told, &String::from_utf8_lossy(&bytes), password);
        }
    }
}

async fn nothing_is_shown(on: On, number: usize, failing: &str, listener: &Listener) {
    let told = format!("{on:?}, failure {number}");
    let mut installation = Installation::on(on).await;
    installation.tables(1).await;
    installation.variables.insert("WORD".to_owned(), CANARY.to_owned());
    installation.variables.insert("SERVER".to_owned(), listener.url());
    installation.migration(
        NAME,
        &operations(failing).replace(
            "    irreversible: It is kept\n",
            match failing.contains("verify:") || failing.contains("manual:") {
                true => "",
                false => "    irreversible: It is kept\n",
            },
        ),
    );
    let password = url::Url::parse(&installation.target_url).ok().and_then(|url| url.password().map(str::to_owned));
    let password = password.unwrap_or_else(|| "s3cret".to_owned());
    let mut ended = vec![installation.run(&["-vv", "start", NAME]).await];
    let code = match () {
        () if failing.contains("manual:") => 10,
        // A program that is not there is told before the start.
        () if failing.contains("no-such-program") => 5,
        () => 9,
    };
    assert_eq!(ended[0].code, Some(code), "{told}: {:?}", ended[0]);
    for arguments in [&["-vv", "resume", NAME][..], &["retry", NAME], &["rollback", NAME], &["stop", NAME]] {
        ended.push(installation.run(arguments).await);
    }
    search(&installation, &ended, &told, &password).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_trace_of_a_run_holds_a_secret() {
    let listener = Listener::start().await;
    listener.refuse(Some("refused"));
    for on in [On::Sqlite, On::Postgres, On::ClickHouse, On::OldClickHouse] {
        for (number, failing) in failing(on).iter().enumerate() {
            nothing_is_shown(on, number, failing, &listener).await;
        }
    }
    assert!(listener.whole().iter().any(|request| request.contains(CANARY)), "it was sent");
}

/// Probes that answer with the secret, or fail in a way that quotes what they were given.
fn quoting(on: On) -> Vec<String> {
    let failing = match on {
        On::Sqlite => "SELECT json({{ vars.word }})",
        On::Postgres => "SELECT CAST({{ vars.word }} AS integer)",
        On::ClickHouse => "SELECT throwIf(1, {{ vars.word }})",
        On::OldClickHouse => "SELECT toInt32({{ vars.word }})",
    };
    let sql = |sql: &str| format!("{{target: main, sql: \"{sql}\", expect: \"= other\"}}");
    vec![
        sql("SELECT {{ vars.word }}"),
        sql(failing),
        sql("SELECT nothing_of_this_name({{ vars.word }})"),
        sql("SELECT {{ vars.word | ident }} FROM items"),
        "{command: [sh, -c, 'printf \"%s\" \"$1\"', sh, \"{{ vars.word }}\"], expect: \"= other\"}".to_owned(),
        "{command: [sh, -c, 'printf \"no %s\" \"$1\" >&2; exit 3', sh, \"{{ vars.word }}\"]}".to_owned(),
        "{command: [\"no-such-program-{{ vars.word }}\"]}".to_owned(),
        "{http: {url: \"{{ vars.server }}/refused?word={{ vars.word }}\", headers: {X-Word: \"{{ vars.word }}\"}}}"
            .to_owned(),
        "{http: {url: \"http://user:{{ vars.word }}@127.0.0.1:1/\"}}".to_owned(),
        "{file: \"/nowhere/{{ vars.word }}\", expect: \"= {{ vars.word }}\"}".to_owned(),
    ]
}

const SHELF: &str = "\
format: orchestrate/v1
kind: upgrade-path
releases:
  - {app: 1.0.0}
  - {app: 2.0.0, needs: {told: \">=1\", written: \">=1\"}}
notes:
  - {crossing: {app: 2.0.0}, when: before, title: Tell the word, body: \"It is not in the files: {{ vars.word }}\"}
";

/// A plan of an installation whose every probe is about the secret, in every shape and written to a file.
async fn nothing_is_planned(on: On, listener: &Listener) {
    let mut installation = Installation::on(on).await;
    installation.tables(1).await;
    installation.variables.insert("WORD".to_owned(), CANARY.to_owned());
    installation.variables.insert("SERVER".to_owned(), listener.url());
    let project = &installation.project;
    project.write("upgrade-paths/shelf.yaml", SHELF);
    let declared = std::fs::read_to_string(project.path().join("orchestrate.yaml")).expect("the project file is there");
    let told = "command: [echo, \"{{ vars.word }}\"]";
    project.write(
        "orchestrate.yaml",
        format!("{declared}    platform: shelf\n    services: {{told: {{{told}}}, written: 0.1.0}}\n"),
    );
    let platform = |version: &str| {
        format!("format: orchestrate/v1\nkind: platform\nname: shelf\ndeploy: []\nversion: {version}\n")
    };
    let probes = quoting(on);
    for (number, probe) in probes.iter().enumerate() {
        installation.migration(&format!("{number:04}_asks"), &format!("required: {probe}\noperations: []\n"));
    }
    let password = url::Url::parse(&installation.target_url).ok().and_then(|url| url.password().map(str::to_owned));
    let password = password.unwrap_or_else(|| "s3cret".to_owned());
    let plan = ["-vv", "plan", "--to", "2", "--environment", "local", "--out", "plan.json"];
    for (number, version) in probes.iter().enumerate() {
        installation.project.write("templates/platforms/shelf.yaml", platform(version));
        let ended = installation.run(&plan).await;
        let told = format!("{on:?}, version {number}: {ended:?}");
        assert_eq!(ended.code, Some(1), "{told}");
        assert_no_canary(&told, &format!("{}{}", ended.stdout, ended.stderr), &password);
    }
    installation.project.write("templates/platforms/shelf.yaml", platform("{command: [echo, 1.0.0]}"));
    for format in ["text", "json", "markdown", "mermaid", "dot"] {
        for logged in ["text", "json"] {
            let ended = installation.run(&[&plan[..], &["--format", format, "--log-format", logged]].concat()).await;
            assert_eq!(ended.code, Some(0), "{on:?}: {ended:?}");
            let written = std::fs::read_to_string(installation.project.path().join("plan.json"));
            let all = format!("{}{}{}", ended.stdout, ended.stderr, written.expect("the plan was written"));
            assert!(all.contains("[hidden]") && all.contains("cannot be told"), "{on:?}: {all}");
            assert_no_canary(&format!("{on:?} as {format}"), &all, &password);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_plan_holds_a_secret() {
    let listener = Listener::start().await;
    listener.refuse(Some("refused"));
    for on in [On::Sqlite, On::Postgres, On::ClickHouse, On::OldClickHouse] {
        nothing_is_planned(on, &listener).await;
    }
    assert!(listener.whole().iter().any(|request| request.contains(CANARY)), "it was sent");
}
