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
  - {{name: command, command: [sh, -c, 'echo \"$1 $WORD\" >&2', sh, \"{{{{ vars.word }}}}\"], env: {{WORD: \"{{{{ vars.word }}}}\"}}, repeatable: true, irreversible: It is kept}}
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
        "  - name: last\n    command: [sh, -c, 'echo \"no $1\" >&2; exit 3', sh, \"{{ vars.word }}\"]\n".to_owned(),
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
    assert_eq!(ended[0].code, Some(if failing.contains("manual:") { 10 } else { 9 }), "{told}: {:?}", ended[0]);
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
    assert!(listener.whole().iter().any(|request| request.contains("X-Word")));
}
