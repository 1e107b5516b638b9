//! One owner at a time: races have one winner, a dead owner is replaced, a replaced one writes nothing.

use std::time::Duration;

use futures_util::future::join_all;
use orchestrate::store::{Lease, NewRun, Owner, RunFilter, RunId, Store, StoreError};

use super::place::{LONG, Place, SHORT, batch, ending, journal, new_run, owner};

/// Begins a run and gives it back.
async fn released(store: &Store, run: &NewRun) {
    let lease = store.begin(run, &batch(&["begun"]), &owner(0), LONG, 9).await.expect("nothing is in the way");
    store.release(&lease).await.expect("the lease lives");
}

/// Takes a run as soon as its lease has run out.
async fn take_when_free(store: &Store, run: &RunId, owner: &Owner, lease: Duration) -> Lease {
    loop {
        match store.take(run, owner, lease, 9).await {
            Ok(lease) => return lease,
            Err(StoreError::Held { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

pub async fn of_twenty_who_take_a_run_one_gets_it(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    released(&store, &run).await;
    let stores = join_all((0..4).map(|_| place.open())).await;
    let takers = (1..=20).map(|number| {
        let (store, id) = (stores[usize::try_from(number % 4).expect("below four")].clone(), run.id.clone());
        tokio::spawn(async move { store.take(&id, &owner(number), LONG, 1).await })
    });
    let mut winners = Vec::new();
    let mut losers = 0;
    for (number, taken) in (1..).zip(join_all(takers).await) {
        match taken.expect("taking does not panic") {
            Ok(lease) => winners.push((number, lease)),
            Err(StoreError::Held { for_ms, .. }) => {
                assert!((1..=600_000).contains(&for_ms), "{for_ms}");
                losers += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!((winners.len(), losers), (1, 19));
    let (number, lease) = winners.remove(0);
    assert_eq!((lease.generation(), lease.sequence()), (2, 1));
    let row = store.run(&run.id).await.expect("the store answers").expect("the run is there");
    assert_eq!(row.holder.expect("the run is held").owner, owner(number));
}

/// What twenty who begin at once are told, in order of the words.
async fn begin_at_once(place: &Place, names: impl Fn(i64) -> String, limit: u32) -> Vec<&'static str> {
    let stores = join_all((0..4).map(|_| place.open())).await;
    let beginners = (0..20).map(|number| {
        let store = stores[usize::try_from(number % 4).expect("below four")].clone();
        let run = new_run(&names(number));
        tokio::spawn(async move { store.begin(&run, &batch(&["begun"]), &owner(number), LONG, limit).await })
    });
    let told = join_all(beginners).await.into_iter().map(|begun| match begun.expect("beginning does not panic") {
        Ok(_) => "begun",
        Err(StoreError::AlreadyRunning { .. }) => "already running",
        Err(StoreError::Busy { running, limit }) => {
            assert_eq!(u32::try_from(running.len()), Ok(limit));
            "busy"
        }
        Err(error) => panic!("{error:?}"),
    });
    let mut told: Vec<&'static str> = told.collect();
    told.sort_unstable();
    told
}

pub async fn of_twenty_who_begin_the_same_one_does(place: &Place) {
    let told = begin_at_once(place, |_| "0001_first".to_owned(), 100).await;
    assert_eq!(told, [vec!["already running"; 19], vec!["begun"]].concat());
    let runs = place.open().await.runs(&RunFilter::default()).await.expect("the store answers");
    assert_eq!(runs.len(), 1);
}

pub async fn of_twenty_who_begin_no_more_than_the_limit_do(place: &Place) {
    let told = begin_at_once(place, |number| format!("{number:04}"), 3).await;
    assert_eq!(told, [vec!["begun"; 3], vec!["busy"; 17]].concat());
}

pub async fn a_replaced_owner_writes_nothing(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    let mut old = store.begin(&run, &batch(&["begun"]), &owner(1), SHORT, 9).await.expect("nothing runs yet");
    let early = store.take(&run.id, &owner(2), LONG, 9).await;
    assert!(early.is_ok() || matches!(early, Err(StoreError::Held { .. })), "{early:?}");
    let mut new = match early {
        Ok(lease) => lease,
        Err(_) => take_when_free(&store, &run.id, &owner(2), LONG).await,
    };
    let lost = StoreError::LeaseLost { run: run.id.clone() };
    assert_eq!(store.append(&mut old, &ending(&["stale"], "completed")).await, Err(lost.clone()));
    assert_eq!(store.append(&mut old, &ending(&[], "completed")).await, Err(lost.clone()));
    store.append(&mut new, &batch(&["mine"])).await.expect("the lease lives");
    let before = store.run(&run.id).await.expect("the store answers").map(|row| (row.summary, row.sequence));
    assert_eq!(store.append(&mut old, &ending(&["stale"], "completed")).await, Err(lost.clone()));
    assert_eq!(store.append(&mut old, &ending(&[], "completed")).await, Err(lost.clone()));
    assert_eq!(store.renew(&old.heartbeat(), "").await, Err(lost.clone()));
    assert_eq!(store.release(&old).await, Err(lost));
    let after = store.run(&run.id).await.expect("the store answers").map(|row| (row.summary, row.sequence));
    assert_eq!(before, after);
    store.append(&mut new, &batch(&["mine too"])).await.expect("the lease lives");
    assert_eq!(journal(&store, &run.id).await, ["1 1 begun", "2 2 mine", "3 2 mine too"]);
}

pub async fn a_lease_given_back_is_over(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    let mut old = store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await.expect("nothing runs yet");
    store.release(&old).await.expect("the lease lives");
    store.release(&old).await.expect("a lost answer may be asked for again");
    let lost = StoreError::LeaseLost { run: run.id.clone() };
    assert_eq!(store.renew(&old.heartbeat(), "").await, Err(lost.clone()));
    assert_eq!(store.append(&mut old, &batch(&["stale"])).await, Err(lost.clone()));
    let new = store.take(&run.id, &owner(2), LONG, 1).await.expect("nobody holds the run");
    assert_eq!(new.generation(), 2);
    assert_eq!(store.release(&old).await, Err(lost));
}

pub async fn a_renewed_lease_lives(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    let mut lease = store.begin(&run, &batch(&["begun"]), &owner(1), SHORT, 1).await.expect("nothing runs yet");
    let left = async || {
        let row = store.run(&run.id).await.expect("the store answers").expect("the run is there");
        row.holder.expect("the run is held").left_ms
    };
    while left().await > 0 {
        tokio::task::yield_now().await;
    }
    store.renew(&lease.heartbeat(), "").await.expect("nobody took the run");
    place.raw("UPDATE orchestrate_run SET lease_ms = 60000").await;
    store.append(&mut lease, &batch(&["going on"])).await.expect("nobody took the run");
    assert!(left().await > 30_000, "an append renews");
    let held = store.take(&run.id, &owner(2), LONG, 1).await;
    assert!(matches!(held, Err(StoreError::Held { for_ms: 30_001..=60_000, .. })), "{held:?}");
}

pub async fn a_dead_owners_run_keeps_its_place(place: &Place) {
    let store = place.open().await;
    let (dead, parked, next) = (new_run("dead"), new_run("parked"), new_run("next"));
    released(&store, &parked).await;
    store.begin(&dead, &batch(&["begun"]), &owner(1), Duration::ZERO, 1).await.expect("a parked run is no work");
    let busy = StoreError::Busy { running: vec!["dead".to_owned()], limit: 1 };
    assert_eq!(store.begin(&next, &batch(&["begun"]), &owner(2), LONG, 1).await, Err(busy.clone()));
    assert_eq!(store.take(&parked.id, &owner(2), LONG, 1).await, Err(busy));
    let row = store.run(&parked.id).await.expect("the store answers").expect("the run is there");
    assert_eq!((row.generation, row.holder), (1, None), "a refused taking leaves no trace");
    let mut lease = store.take(&dead.id, &owner(2), LONG, 1).await.expect("the lease has run out");
    store.append(&mut lease, &ending(&["done"], "completed")).await.expect("the lease lives");
    store.begin(&next, &batch(&["begun"]), &owner(2), LONG, 1).await.expect("a finished run is no work");
}

pub async fn a_clock_that_went_back_locks_nobody_out(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    store.begin(&run, &batch(&["begun"]), &owner(1), SHORT, 1).await.expect("nothing runs yet");
    place.raw("UPDATE orchestrate_run SET expires_ms = expires_ms + 3600000").await;
    store.take(&run.id, &owner(2), LONG, 1).await.expect("no lease can be that long");
}

pub async fn a_finished_run_goes_on_unless_another_began(place: &Place) {
    let store = place.open().await;
    let (first, second) = (new_run("0001_first"), new_run("0001_first"));
    let mut lease = store.begin(&first, &batch(&["begun"]), &owner(1), LONG, 9).await.expect("nothing runs yet");
    store.append(&mut lease, &ending(&["done"], "completed")).await.expect("the lease lives");
    store.append(&mut lease, &ending(&["rolling back"], "rolling back")).await.expect("nothing else began");
    store.append(&mut lease, &ending(&["rolled back"], "completed")).await.expect("the lease lives");
    store.begin(&second, &batch(&["begun"]), &owner(2), LONG, 9).await.expect("the first is finished");
    let refused = store.append(&mut lease, &ending(&["again"], "running")).await;
    assert_eq!(refused, Err(StoreError::AlreadyRunning { run: second.id, name: "0001_first".to_owned() }));
    let whole = ["1 1 begun", "2 1 done", "3 1 rolling back", "4 1 rolled back"];
    assert_eq!(journal(&store, &first.id).await, whole);
}

pub async fn the_same_beginning_again_is_the_same_run(place: &Place) {
    let store = place.open().await;
    let run = new_run("0001_first");
    let first = batch(&["begun"]);
    let lease = store.begin(&run, &first, &owner(1), LONG, 1).await.expect("nothing runs yet");
    assert_eq!(store.begin(&run, &first, &owner(1), LONG, 1).await, Ok(lease));
    let already = StoreError::AlreadyRunning { run: run.id.clone(), name: "0001_first".to_owned() };
    assert_eq!(store.begin(&run, &first, &owner(2), LONG, 1).await, Err(already.clone()));
    assert_eq!(store.begin(&run, &batch(&["begun"]), &owner(1), LONG, 1).await, Err(already));
    assert_eq!(journal(&store, &run.id).await, ["1 1 begun"]);
}
