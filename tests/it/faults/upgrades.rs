//! An upgrade whose store is on Postgres, and goes away again and again.

use std::process::Stdio;
use std::time::Duration;

use super::line::Line;
use crate::support::bakery::ALL;
use crate::support::servers::fresh_postgres_database;
use crate::support::{Bakery, Outcome};

/// How long the store is away, and how long it answers before it is away again.
const AWAY: Duration = Duration::from_millis(100);
const THERE: Duration = Duration::from_millis(250);

fn bakery() -> Bakery {
    let bakery = Bakery::new();
    bakery.edit("orchestrate.yaml", "    platform: oven\n", "    platform: oven\n    store: \"${STORE_URL}\"\n");
    bakery
}

#[test]
fn an_upgrade_goes_on_whenever_its_store_comes_back() {
    let runtime = tokio::runtime::Runtime::new().expect("there can be one");
    let store = runtime.block_on(fresh_postgres_database());
    let line = runtime.block_on(Line::to(&store));
    let bakery = bakery();
    bakery.sql("DELETE FROM door");
    let mut command = bakery.command(&ALL);
    command.env("STORE_URL", line.through(&store)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program can be started");
    // It waits at the door of its second step.
    while bakery.effects().iter().all(|effect| effect != "first price") {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before the door");
    }
    let mut outages = 0;
    while child.try_wait().expect("it can be asked").is_none() {
        line.go_down();
        // How long it is away is what is tested, and nothing tells its middle.
        std::thread::sleep(AWAY);
        line.come_back();
        std::thread::sleep(THERE);
        outages += 1;
        if outages == 5 {
            bakery.sql("INSERT INTO door VALUES (1)");
        }
        assert!(outages < 500, "it comes no further");
    }
    let outcome = Outcome::of(child.wait_with_output().expect("it ended"));
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    bakery.assert_walked();
    assert!(outages > 5, "{outages}");
}
