//! A person deploys, and nothing tells which version runs.

use super::notes::typed;
use super::walked;
use crate::support::{Bakery, assert_whole};

const APPLY: [&str; 5] =
    ["apply", "plan.json", "--yes", "--acknowledge=make-a-backup", "--acknowledge=taste-the-bread"];

fn by_hand() -> Bakery {
    let bakery = Bakery::new();
    bakery.edit("orchestrate.yaml", "platform: oven", "platform: manual");
    bakery.exits(0, &["plan", "--from", "1.0", "--to", "1.2", "--environment", "local", "--out", "plan.json"]);
    bakery
}

/// The last two releases are not deployed by statements.
fn assert_walked(bakery: &Bakery) {
    assert_eq!((bakery.effects().len(), bakery.deployed().len()), (23, 0));
    let again = bakery.exits(0, &APPLY);
    assert_eq!(again.stdout, "nothing to do: Bakery is at 1.2.0\n");
}

#[test]
fn a_persons_word_counts_where_nothing_else_tells_the_version() {
    let bakery = by_hand();
    assert_whole!("by_hand", walked(&bakery.run(&APPLY)));
    for deploy in ["deploy/1.1.0", "deploy/1.2.0"] {
        bakery.exits(10, &APPLY);
        bakery.exits(0, &["resolve", deploy, "deploy", "done", "--reason", "its page says so"]);
    }
    bakery.exits(0, &APPLY);
    assert_walked(&bakery);
    assert_whole!("by_hand_from_what_runs", bakery.run(&["apply", "--to", "1.2", "--yes"]).whole());
}

#[test]
fn at_a_terminal_the_person_is_asked() {
    let bakery = by_hand();
    let answers =
        [("Deploy version 1.1.0.", "done its page says so"), ("Deploy version 1.2.0.", "done its page says so")];
    let (shown, code) = typed(&bakery, &APPLY, &answers);
    assert_eq!(code, 0, "{shown}");
    assert_walked(&bakery);
}

#[test]
fn at_a_terminal_not_done_leaves_it_to_another_time() {
    let bakery = by_hand();
    let (shown, code) = typed(&bakery, &APPLY, &[("Deploy version 1.1.0.", "not-done no time today")]);
    assert_eq!(code, 10, "{shown}");
    assert_eq!(bakery.effects().len(), 20);
}
