//! Postgres behind a bad line: answers that are lost, a server that is gone for a while, errors that hold no secret.

use orchestrate::model::Secret;
use orchestrate::store::{Batch, Lease, Store, StoreError};

use super::place::{LONG, Place, batch, journal, new_run, owner, server};
use super::proxy::Proxy;

async fn opened(url: &str) -> Store {
    Store::open(&Secret::new(url)).await.expect("the store opens")
}

/// Appends as a run's owner does: again and again while the store does not answer; gives the number of attempts.
async fn append_until_answered(store: &Store, lease: &mut Lease, batch: &Batch) -> u32 {
    let mut attempts = 1;
    while let Err(error) = store.append(lease, batch).await {
        assert!(error.is_transient(), "{error:?}");
        attempts += 1;
    }
    attempts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_at_commit_is_written_once() {
    let place = Place::postgres().await;
    let proxy = Proxy::to(place.url()).await;
    let store = opened(&proxy.through(place.url())).await;
    let run = new_run("0001_first");
    let first = batch(&["begun"]);
    proxy.cut_after_commit();
    let lost = store.begin(&run, &first, &owner(1), LONG, 1).await.expect_err("the answer is lost");
    assert!(lost.is_transient() && proxy.has_cut(), "{lost:?}");
    let mut lease = store.begin(&run, &first, &owner(1), LONG, 1).await.expect("the run is ours already");
    for (number, cut) in [Proxy::cut_after_commit, Proxy::cut_before_commit].into_iter().enumerate() {
        let batch = batch(&[&format!("{number} a"), &format!("{number} b")]);
        cut(&proxy);
        let lost = store.append(&mut lease, &batch).await.expect_err("the answer is lost");
        assert!(lost.is_transient() && proxy.has_cut(), "{lost:?}");
        append_until_answered(&store, &mut lease, &batch).await;
    }
    store.append(&mut lease, &batch(&["end"])).await.expect("the lease knows where the journal ends");
    let whole = ["1 1 begun", "2 1 0 a", "3 1 0 b", "4 1 1 a", "5 1 1 b", "6 1 end"];
    assert_eq!(journal(&store, &run.id).await, whole);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_batch_after_a_lost_answer_is_refused() {
    let place = Place::postgres().await;
    let proxy = Proxy::to(place.url()).await;
    let store = opened(&proxy.through(place.url())).await;
    let run = new_run("0001_first");
    let mut lease = store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    proxy.cut_after_commit();
    store.append(&mut lease, &batch(&["done"])).await.expect_err("the answer is lost");
    let diverged = StoreError::Diverged { run: run.id.clone(), expected: 1, found: 2 };
    assert_eq!(store.append(&mut lease, &batch(&["done"])).await, Err(diverged));
    assert_eq!(journal(&store, &run.id).await, ["1 1 begun", "2 1 done"]);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_back_is_used_again() {
    let place = Place::postgres().await;
    let proxy = Proxy::to(place.url()).await;
    let url = proxy.through(place.url());
    let store = opened(&url).await;
    let run = new_run("0001_first");
    let mut lease = store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    proxy.shut();
    let next = batch(&["after the break"]);
    for _ in 0..3 {
        let gone = store.append(&mut lease, &next).await.expect_err("the server is gone");
        assert!(gone.is_transient(), "{gone:?}");
        let gone = store.events(&run.id, 0, 9).await.expect_err("the server is gone");
        assert!(gone.is_transient(), "{gone:?}");
        let gone = Store::open(&Secret::new(&url)).await.expect_err("the server is gone");
        assert!(gone.is_transient(), "{gone:?}");
    }
    proxy.open();
    append_until_answered(&store, &mut lease, &next).await;
    assert_eq!(journal(&store, &run.id).await, ["1 1 begun", "2 1 after the break"]);
    place.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_falls_silent_is_left() {
    let place = Place::postgres().await;
    let proxy = Proxy::to(place.url()).await;
    let store = opened(&proxy.through(place.url())).await;
    let run = new_run("0001_first");
    let mut lease = store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    let next = batch(&["after the silence"]);
    futures_util::future::join_all((0..8).map(|_| store.run(&run.id))).await;
    proxy.fall_silent();
    let heartbeat = lease.heartbeat();
    let answers = futures_util::future::join_all((0..8).map(|_| store.renew(&heartbeat, ""))).await;
    let lost: Vec<StoreError> = answers.into_iter().filter_map(Result::err).collect();
    assert!(!lost.is_empty() && lost.iter().all(StoreError::is_transient), "{lost:?}");
    append_until_answered(&store, &mut lease, &next).await;
    assert_eq!(journal(&store, &run.id).await, ["1 1 begun", "2 1 after the silence"]);
    place.end().await;
}

/// The whole chain of an error, as it is shown to people, and as it is debugged.
fn told(error: &StoreError) -> String {
    let mut told = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        told = format!("{told}: {error}");
        source = error.source();
    }
    format!("{told} {error:?}")
}

#[tokio::test]
async fn no_error_holds_a_secret() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = nobody.local_addr().expect("the listener is bound").port();
    drop(nobody);
    let mut missing = url::Url::parse(&server()).expect("the URL can be read");
    missing.set_path("hidden-no-such-database");
    for url in [
        "hidden".to_owned(),
        "mysql://hidden:hidden@host/db".to_owned(),
        "postgres://user:hidden@host:hidden/db".to_owned(),
        "postgres://user:hidden@127.0.0.1/db?sslmode=hidden".to_owned(),
        format!("postgres://user:hidden@127.0.0.1:{port}/db?password=hidden"),
        "sqlite://place?key=hidden".to_owned(),
    ] {
        let error = Store::open(&Secret::new(&url)).await.expect_err("the URL is wrong");
        assert!(!told(&error).contains("hidden"), "{url}: {}", told(&error));
    }
    let error = Store::open(&Secret::new(missing.as_str())).await.expect_err("there is no such database");
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::write(folder.path().join("text"), "no database at all, but a text of some length".repeat(99))
        .expect("a file can be written");
    let opened = |path: &str| {
        let url = format!("sqlite://{}/{path}", folder.path().display());
        async move { Store::open(&Secret::new(url)).await.expect_err("this is no store") }
    };
    let error = opened("text").await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    let error = opened("text/in/a/file.db").await;
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
    for path in ["", "folder/", "file.db?mode=ro"] {
        let error = opened(path).await;
        assert!(matches!(error, StoreError::WrongUrl { .. }), "{error:?}");
    }
}
