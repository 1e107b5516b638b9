//! Whatever several owners do at once, the journal is one line of events without a gap or a repeat.

use std::collections::BTreeSet;

use orchestrate::store::{Lease, RunId, Store, StoreError};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use super::place::{LONG, Place, batch, new_run, owner};

const ROUNDS: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Act {
    Take { is_dead_at_once: bool },
    Append(usize),
    Renew,
    Release,
}

fn acts() -> impl Strategy<Value = Vec<Vec<Act>>> {
    let act = prop_oneof![
        2 => any::<bool>().prop_map(|is_dead_at_once| Act::Take { is_dead_at_once }),
        4 => (0..4usize).prop_map(Act::Append),
        1 => Just(Act::Renew),
        1 => Just(Act::Release),
    ];
    prop::collection::vec(prop::collection::vec(act, 1..12), 2..4)
}

/// What an owner was told: the bodies that were acknowledged.
async fn live(store: Store, run: RunId, number: i64, acts: Vec<Act>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut lease: Option<Lease> = None;
    for (place, act) in acts.into_iter().enumerate() {
        let done = match (act, lease.as_mut()) {
            (Act::Take { is_dead_at_once }, _) => {
                let length = if is_dead_at_once { std::time::Duration::ZERO } else { LONG };
                store.take(&run, &owner(number), length, 1).await.map(|taken| lease = Some(taken))
            }
            (Act::Append(count), Some(lease)) => {
                let bodies: Vec<String> = (0..count).map(|event| format!("{number}.{place}.{event}")).collect();
                let texts: Vec<&str> = bodies.iter().map(String::as_str).collect();
                let appended = store.append(lease, &batch(&texts)).await;
                if appended.is_ok() {
                    acknowledged.extend(bodies);
                }
                appended
            }
            (Act::Renew, Some(lease)) => store.renew(&lease.heartbeat(), "").await,
            (Act::Release, Some(lease)) => store.release(lease).await,
            (Act::Append(_) | Act::Renew | Act::Release, None) => Ok(()),
        };
        match done {
            Ok(()) | Err(StoreError::Held { .. } | StoreError::LeaseLost { .. }) => (),
            Err(error) => panic!("{act:?}: {error:?}"),
        }
    }
    acknowledged
}

pub async fn any_interleaving_leaves_one_linear_journal(place: &Place) {
    let store = place.open().await;
    let mut runner = TestRunner::new(Config::default());
    for round in 0..ROUNDS {
        let owners = acts().new_tree(&mut runner).expect("acts can be made").current();
        let run = new_run(&format!("round {round}"));
        let first = store.begin(&run, &batch(&["begun"]), &owner(0), LONG, 1).await.expect("the last round is over");
        store.release(&first).await.expect("the lease lives");
        let lives = (1..)
            .zip(owners.clone())
            .map(|(number, acts)| tokio::spawn(live(store.clone(), run.id.clone(), number, acts)));
        let told = futures_util::future::join_all(lives).await;
        let mut acknowledged = BTreeSet::from(["begun".to_owned()]);
        for bodies in told {
            acknowledged.extend(bodies.expect("an owner does not panic"));
        }
        let events = store.events(&run.id, 0, 10_000).await.expect("the store answers");
        let places: Vec<i64> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(places, (1..).take(events.len()).collect::<Vec<_>>(), "{owners:?}");
        assert!(events.is_sorted_by_key(|event| event.generation), "{owners:?}: {events:?}");
        let bodies: Vec<String> = events.into_iter().map(|event| event.body).collect();
        assert_eq!(bodies.len(), acknowledged.len(), "{owners:?}");
        assert_eq!(BTreeSet::from_iter(bodies), acknowledged, "{owners:?}");
        place.raw("UPDATE orchestrate_run SET is_finished = 1").await;
    }
}
