//! Every kind of operation fails, done or taken back: what was done before is taken back, once, and nothing else happens.

use futures_util::StreamExt as _;

use super::installation::On;
use super::kinds::{Kinds, NAME};
use super::trail::{assert_sound, question, whole};

const EVERYWHERE: [On; 4] = [On::Sqlite, On::Postgres, On::ClickHouse, On::OldClickHouse];
/// The operations in their order, with the text whose change makes each fail.
const FAILING: [(&str, &str, &str); 10] = [
    ("marked", "effects VALUES ('marked')", "nowhere VALUES ('marked')"),
    ("asked", "effects VALUES ('asked')", "nowhere VALUES ('asked')"),
    ("repeated", "effects VALUES ('repeated')", "nowhere VALUES ('repeated')"),
    ("untold", "effects VALUES ('untold')", "nowhere VALUES ('untold')"),
    ("rows", "effects VALUES ({{", "nowhere VALUES ({{"),
    ("wait", "> 0 FROM effects, every", "> 0 FROM nowhere, every"),
    ("verify", "FROM items, expect", "FROM nowhere, expect"),
    ("command", "echo command >>", "test -e open && echo command >>"),
    ("command-repeated", "echo command-repeated >>", "test -e open && echo command-repeated >>"),
    ("http", "{{ vars.server }}/http\"", "{{ vars.server }}/refused\""),
];
/// The same for what takes them back.
const FAILING_BACK: [(&str, &str, &str); 7] = [
    ("marked", "effects VALUES ('undo marked')", "nowhere VALUES ('undo marked')"),
    ("asked", "effects VALUES ('undo asked')", "nowhere VALUES ('undo asked')"),
    ("repeated", "effects VALUES ('undo repeated')", "nowhere VALUES ('undo repeated')"),
    ("untold", "effects VALUES ('undo untold')", "nowhere VALUES ('undo untold')"),
    ("rows", "effects SELECT concat('undo", "nowhere SELECT concat('undo"),
    ("command", "echo undo command >>", "test -e open && echo undo command >>"),
    ("http", "{{ vars.server }}/undo-http\"", "{{ vars.server }}/refused\""),
];

fn exists(on: On, name: &str) -> bool {
    name != "marked" || matches!(on, On::Sqlite | On::Postgres)
}

async fn broken(on: On, from: &str, to: &str) -> Kinds {
    let kinds = Kinds::with(on, |text| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
    .await;
    kinds.listener.refuse(Some("refused"));
    kinds
}

/// The effects that operations leave by their names.
fn effects_of(name: &str) -> Vec<String> {
    match name {
        "rows" => (1..=3).map(|number| format!("row {number:03}")).collect(),
        "wait" | "verify" => Vec::new(),
        _ => vec![name.to_owned()],
    }
}

async fn fails(on: On, (name, from, to): (&str, &str, &str)) {
    let told = format!("{on:?}, {name} fails");
    let kinds = broken(on, from, to).await;
    let ended = kinds.installation.run(&["start", NAME]).await;
    assert_eq!(ended.code, Some(8), "{told}: {ended:?}");
    let journal = kinds.installation.journal(NAME).await;
    assert_sound(&journal, &told);
    let before = FAILING.iter().map(|(before, ..)| *before).take_while(|before| *before != name);
    let done: Vec<String> = before.filter(|before| exists(on, before)).flat_map(effects_of).collect();
    let mut effects = kinds.effects().await;
    // What may be half done is taken back too.
    for effect in effects_of(name) {
        effects.remove(&format!("undo {effect}"));
    }
    let mut expected: Vec<(String, u32)> =
        done.iter().flat_map(|effect| [(effect.clone(), 1), (format!("undo {effect}"), 1)]).collect();
    expected.sort();
    assert_eq!(effects.into_iter().collect::<Vec<_>>(), expected, "{told}\n{}", whole(&journal));
}

async fn fails_back(on: On, (name, from, to): (&str, &str, &str)) {
    let told = format!("{on:?}, the undo of {name} fails");
    let kinds = broken(on, from, to).await;
    let ended = kinds.installation.run(&["start", NAME]).await;
    kinds.see_through(ended, "completed", &told).await;
    let ended = kinds.installation.run(&["rollback", NAME]).await;
    assert_eq!(ended.code, Some(9), "{told}: {ended:?}");
    let journal = kinds.installation.journal(NAME).await;
    let asked = question(&journal).unwrap_or_else(|| panic!("{told}: nothing is asked\n{}", whole(&journal)));
    assert_eq!(asked.operation, name, "{told}");
    kinds.installation.table("nowhere").await;
    kinds.installation.project.write("open", "");
    kinds.listener.refuse(None);
    let ended = kinds.installation.run(&["retry", NAME]).await;
    assert_eq!(ended.code, Some(8), "{told}: {ended:?}");
    let journal = kinds.installation.journal(NAME).await;
    assert_sound(&journal, &told);
    let mut effects = kinds.effects().await;
    effects.extend(kinds.installation.effects_in("nowhere").await);
    let undone = effects.iter().filter(|(effect, _)| effect.starts_with("undo ") || *effect == "refused");
    let counts: Vec<u32> = undone.map(|(_, count)| *count).collect();
    assert_eq!(counts, vec![1; effects.len() / 2], "{told}: {effects:?}\n{}", whole(&journal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_before_a_failure_is_taken_back_once() {
    let cells = EVERYWHERE.into_iter().flat_map(|on| FAILING.map(|failing| (on, failing)));
    let cells = cells.filter(|(on, failing)| exists(*on, failing.0));
    futures_util::stream::iter(cells).for_each_concurrent(4, |(on, failing)| fails(on, failing)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_fails_is_asked_about_and_retried_from_there() {
    let cells = EVERYWHERE.into_iter().flat_map(|on| FAILING_BACK.map(|failing| (on, failing)));
    let cells = cells.filter(|(on, failing)| exists(*on, failing.0));
    futures_util::stream::iter(cells).for_each_concurrent(4, |(on, failing)| fails_back(on, failing)).await;
}
