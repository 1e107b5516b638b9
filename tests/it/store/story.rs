//! What stands in a store is what was put there, whoever reads it and however often it is opened.

use orchestrate::model::Secret;
use orchestrate::store::{Holder, Recorded, Request, RunFilter, RunId, RunRow, SettingChange, Store, StoreError};

use super::place::{LONG, Place, batch, ending, journal, new_run, owner, summary};

pub async fn a_journal_is_read_as_it_was_written(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    let strange = "{\"text\": \"ü 漢 \\u0000 ' $1 ? \u{1f980}\"}";
    let mut lease = store.begin(&run, &batch(&["a", "b"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    store.append(&mut lease, &batch(&[])).await.expect("a batch may be empty");
    store.append(&mut lease, &ending(&[strange], "completed")).await.expect("the lease lives");
    assert_eq!((lease.run(), lease.generation(), lease.sequence()), (&run.id, 1, 3));
    assert_eq!(journal(&store, &run.id).await, ["1 1 a".to_owned(), "2 1 b".to_owned(), format!("3 1 {strange}")]);
    let second = Recorded { sequence: 2, at_ms: 1_000, generation: 1, body: "b".to_owned() };
    assert_eq!(store.events(&run.id, 1, 1).await, Ok(vec![second]));
    let row = store.run(&run.id).await.expect("the store answers").expect("the run is there");
    let left_ms = row.holder.as_ref().expect("the run is held").left_ms;
    assert!((1..=600_000).contains(&left_ms), "{left_ms}");
    let holder = Some(Holder { owner: owner(1), left_ms });
    let expected = RunRow {
        run,
        begun_ms: 1_000,
        summary: summary("completed"),
        sequence: 3,
        generation: 1,
        holder,
        note: String::new(),
    };
    assert_eq!(row, expected);
    let nobody = RunId::new("nobody");
    assert_eq!(store.run(&nobody).await, Ok(None));
    assert_eq!(store.take(&nobody, &owner(1), LONG, 1).await, Err(StoreError::NoRun { run: nobody.clone() }));
    assert_eq!(store.request(&nobody, "stop", 0).await, Err(StoreError::NoRun { run: nobody }));
}

pub async fn runs_are_listed_the_latest_first(place: &Place) {
    let store = place.open().await;
    for (name, status, environment) in
        [("one", "completed", "main"), ("two", "running", "main"), ("one", "running", "main"), ("one", "running", "x")]
    {
        let mut run = new_run(name);
        run.environment = environment.to_owned();
        store.begin(&run, &ending(&["begun"], status), &owner(1), LONG, 9).await.expect("nothing is in the way");
    }
    let list = async |filter: RunFilter| {
        let rows = store.runs(&filter).await.expect("the store answers");
        let shown = |row: &RunRow| format!("{} {} {}", row.run.environment, row.run.name, row.summary.status);
        rows.iter().map(shown).collect::<Vec<_>>()
    };
    let all = RunFilter::default();
    assert_eq!(
        list(all.clone()).await,
        ["x one running", "main one running", "main two running", "main one completed"]
    );
    let main = RunFilter { environment: Some("main".to_owned()), ..all.clone() };
    let unfinished = RunFilter { name: Some("one".to_owned()), unfinished_only: true, ..main.clone() };
    assert_eq!(list(unfinished).await, ["main one running"]);
    assert_eq!(list(RunFilter { limit: 2, ..main }).await, ["main one running", "main two running"]);
    assert_eq!(list(RunFilter { product: Some("other".to_owned()), ..all }).await, Vec::<String>::new());
}

pub async fn requests_are_numbered(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    let asked = futures_util::future::join_all((0..8).map(|_| store.request(&run.id, "pause", 5))).await;
    let mut numbers: Vec<i64> = asked.into_iter().map(|number| number.expect("the run is there")).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    assert_eq!(store.request(&run.id, "stop", 6).await, Ok(9));
    let later = [Request { number: 9, at_ms: 6, body: "stop".to_owned() }];
    assert_eq!(store.requests(&run.id, 8).await.expect("the store answers"), later);
}

pub async fn settings_leave_a_trail(place: &Place) {
    let store = place.open().await;
    for (value, by, at_ms) in [(Some("2"), "ann", 1), (Some("2"), "bob", 2), (Some("3"), "bob", 3), (None, "cy", 4)] {
        store
            .set_setting("main", "max_concurrent", value, by, (by == "bob").then_some("a larger machine"), at_ms)
            .await
            .expect("the store answers");
    }
    store.set_setting("main", "auto_start", Some("true"), "ann", None, 5).await.expect("the store answers");
    let settings = store.settings("main").await.expect("the store answers");
    assert_eq!(settings.into_iter().collect::<Vec<_>>(), [("auto_start".to_owned(), "true".to_owned())]);
    assert_eq!(store.settings("other").await.expect("the store answers").len(), 0);
    let change = |name: &str, before: Option<&str>, after: Option<&str>, by: &str, at_ms| SettingChange {
        name: name.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
        by: by.to_owned(),
        reason: (by == "bob").then(|| "a larger machine".to_owned()),
        at_ms,
    };
    let trail = [
        change("max_concurrent", None, Some("2"), "ann", 1),
        change("max_concurrent", Some("2"), Some("3"), "bob", 3),
        change("max_concurrent", Some("3"), None, "cy", 4),
        change("auto_start", None, Some("true"), "ann", 5),
    ];
    assert_eq!(store.setting_changes("main").await.expect("the store answers"), trail);
}

pub async fn a_store_outlives_its_processes(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    let installation = store.installation().await.expect("the store answers");
    store.close().await;
    let store = place.open().await;
    assert_eq!(store.installation().await, Ok(installation));
    assert_eq!(journal(&store, &run.id).await, ["1 1 begun"]);
}

pub async fn each_environment_has_an_identity_for_ever(place: &Place) {
    let identity = async |environment: &str| {
        let store = place.open().await;
        let identity = store.identity(environment).await.expect("the store answers");
        store.close().await;
        identity
    };
    let main = identity("main").await;
    assert_eq!((main.len(), identity("main").await), (20, main.clone()));
    assert_ne!(identity("other").await, main);
    place.raw("UPDATE orchestrate_store SET turn = turn + 1").await;
    assert_eq!(identity("main").await, main);
    place.raw("UPDATE orchestrate_store SET installation = 'another'").await;
    assert_ne!(identity("main").await, main, "another store is another installation");
}

pub async fn a_newer_store_is_refused(place: &Place) {
    place.open().await.close().await;
    place.raw("UPDATE orchestrate_store SET version = 1000").await;
    let error = Store::open(&Secret::new(place.url())).await.expect_err("the store is newer");
    assert!(matches!(error, StoreError::NewerStore { found: 1000, known: 1, .. }), "{error:?}");
}

pub async fn eight_open_a_fresh_store_at_once(place: &Place) {
    let opened = futures_util::future::join_all((0..8).map(|_| async {
        let url = Secret::new(place.url());
        let store = tokio::spawn(async move { Store::open(&url).await }).await.expect("opening does not panic");
        store.expect("the store opens").installation().await.expect("the store answers")
    }))
    .await;
    assert!(opened.iter().all(|installation| *installation == opened[0]), "{opened:?}");
}

pub async fn a_damaged_store_says_so(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    place.raw("UPDATE orchestrate_run SET owner_host = NULL").await;
    let error = store.run(&run.id).await.expect_err("an owner has a host");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}
