//! Where everything stands, told in one message.

use orchestrate::model::Secret;
use orchestrate::store::{RunFilter, RunId, Standing, StoreError, standings};

use super::place::{LONG, Place, SHORT, batch, ending, new_run, owner};
use super::proxy::Proxy;

async fn ask(url: &str) -> Vec<Standing> {
    let mut found = standings(&Secret::new(url)).await.expect("the store answers");
    found.sort_by(|one, other| one.run.cmp(&other.run));
    found
}

pub async fn the_latest_run_of_everything_is_told(place: &Place) {
    let store = place.open().await;
    assert_eq!(ask(place.url()).await, []);
    let mut begun: Vec<RunId> = Vec::new();
    for (name, status, environment, lease) in [
        ("one", "completed", "main", LONG),
        ("one", "running", "main", LONG),
        ("two", "running", "main", SHORT),
        ("one", "completed", "other", LONG),
        ("three", "stopped", "main", LONG),
    ] {
        let mut run = new_run(name);
        run.environment = environment.to_owned();
        let lease = store.begin(&run, &ending(&["begun"], status), &owner(1), lease, 9).await.expect("it may begin");
        if status == "stopped" {
            store.release(&lease).await.expect("the lease lives");
        }
        begun.push(run.id);
    }
    // The short lease is over when the store says so.
    while store
        .runs(&RunFilter::default())
        .await
        .expect("the store answers")
        .iter()
        .any(|row| row.run.id == begun[2] && row.holder.as_ref().is_some_and(|holder| holder.left_ms > 0))
    {
        tokio::task::yield_now().await;
    }
    let standing = |run: usize, name: &str, status: &str, environment: &str, is_held: bool| Standing {
        run: begun[run].clone(),
        environment: environment.to_owned(),
        product: "demo".to_owned(),
        kind: "migration".to_owned(),
        name: name.to_owned(),
        status: status.to_owned(),
        is_finished: status == "completed",
        since_ms: 7,
        detail: r#"{"what": "it"}"#.to_owned(),
        is_held,
    };
    let expected = [
        standing(1, "one", "running", "main", true),
        standing(2, "two", "running", "main", false),
        standing(3, "one", "completed", "other", true),
        standing(4, "three", "stopped", "main", false),
    ];
    assert_eq!(ask(place.url()).await, expected);
}

pub async fn no_store_is_made_to_look_into_it(place: &Place) {
    assert_eq!(ask(place.url()).await, []);
    if let Some(path) = place.url().strip_prefix("sqlite://") {
        assert!(!std::path::Path::new(path).exists());
    }
    let store = place.open().await;
    store.begin(&new_run("one"), &batch(&["a"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    assert_eq!(ask(place.url()).await.len(), 1);
}

pub async fn a_newer_store_is_not_read(place: &Place) {
    place.open().await;
    place.raw("UPDATE orchestrate_store SET version = 99").await;
    let refused = standings(&Secret::new(place.url())).await;
    assert!(matches!(refused, Err(StoreError::NewerStore { found: 99, .. })), "{refused:?}");
}

/// One connection and one question on it: no parameters, no settings, no second look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_asks_postgres() {
    let place = Place::postgres().await;
    let store = place.open().await;
    store.begin(&new_run("one"), &batch(&["a"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    let proxy = Proxy::to(place.url()).await;
    assert_eq!(ask(&proxy.through(place.url())).await.len(), 1);
    assert_eq!(proxy.questions(), ["Q"]);
    place.end().await;
}
