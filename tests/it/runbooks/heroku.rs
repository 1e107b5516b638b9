//! The major upgrade of a Heroku Postgres: whole, killed everywhere, taken back, and never destroying what is used.

use serde_json::{Value, json};

use super::world::World;

const NAME: &str = "heroku-postgres-upgrade";

struct Heroku(World);

impl Heroku {
    fn new(kill: &str) -> Heroku {
        let parameters = ["APP=shop", "OLD=old-db", "NEW=new-db", "VERSION=17"];
        let world = World::new(NAME, "{}", &parameters);
        world.program("heroku", include_str!("heroku.py"));
        let heroku = Heroku(world);
        heroku.become_state(&json!({
            "databases": {"old-db": {"following": null, "behind": 0, "version": "14", "preparing": 0}},
            "primary": "old-db", "maintenance": false, "refused": [], "killed": [], "kill": kill,
        }));
        heroku
    }

    fn become_state(&self, state: &Value) {
        self.0.project.write("world/heroku.json", state.to_string());
    }

    fn state(&self) -> Value {
        let text = std::fs::read(self.0.project.path().join("world/heroku.json")).expect("it is there");
        serde_json::from_slice(&text).expect("it is JSON")
    }

    /// What there is, which is used, whether the app is closed, and what was refused.
    fn told(&self) -> String {
        let state = self.state();
        let databases: Vec<&String> = state["databases"].as_object().expect("a mapping").keys().collect();
        format!("{databases:?} {} {} {}", state["primary"], state["maintenance"], state["refused"]).replace('"', "")
    }

    /// The calls that changed something.
    fn changes(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.0.project.path().join("world/calls")).unwrap_or_default();
        let is_change = |line: &&str| !line.starts_with("pg:info ") && !line.starts_with("addons --app");
        calls.lines().filter(is_change).map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    }
}

const END: &str = "[new-db] new-db false []";
const BEGIN: &str = "[old-db] old-db false []";
const BOTH: &str = "[new-db, old-db] new-db false []";

#[test]
fn from_the_follower_to_the_end() {
    let heroku = Heroku::new("");
    let waits = heroku.0.run_up_to("watch-for-days");
    assert_eq!(waits.code, Some(10), "{waits:?}");
    assert_eq!(heroku.told(), BOTH);
    let ended = heroku.0.run_up_to("");
    assert_eq!((ended.code, heroku.told().as_str()), (Some(0), END), "{ended:?}");
    let expected = [
        "addons:create heroku-postgresql:standard-0",
        "maintenance:on --app",
        "pg:upgrade:run new-db",
        "pg:promote new-db",
        "maintenance:off --app",
        "addons:destroy old-db",
    ];
    assert_eq!(heroku.changes(), expected);
    let journal = heroku.0.run(&["journal", &heroku.0.run_name()]).said;
    assert!(journal.contains("ann asks to go on after watch-for-days, which was done (seen by the test)"), "{journal}");
    // What is destroyed does not come back.
    let refused = heroku.0.run(&["rollback", &heroku.0.run_name()]);
    assert!(refused.code == Some(9) && refused.said.contains("the old database is gone"), "{refused:?}");
}

/// Each call of Heroku's command line kills whoever made it, the first time, before or after it did its work.
#[test]
fn killed_at_every_call_it_ends_all_the_same() {
    for kill in ["before", "after"] {
        let heroku = Heroku::new(kill);
        let ended = heroku.0.run_up_to("");
        assert_eq!((ended.code, heroku.told().as_str()), (Some(0), END), "{kill}: {ended:?}");
        let killed = heroku.state()["killed"].as_array().map_or(0, Vec::len);
        assert!(killed >= 9, "{kill}: {killed}");
    }
}

#[test]
fn there_is_a_way_back_until_the_old_one_is_destroyed() {
    for (last, calls) in [
        ("choose-the-time", vec!["addons:destroy new-db"]),
        ("start-writers", vec!["pg:promote old-db", "maintenance:off --app", "addons:destroy new-db"]),
        (
            "watch-for-days",
            vec!["maintenance:on --app", "pg:promote old-db", "maintenance:off --app", "addons:destroy new-db"],
        ),
    ] {
        let heroku = Heroku::new("");
        assert_eq!(heroku.0.run_up_to(last).code, Some(10), "{last}");
        let before = heroku.changes().len();
        let ended = heroku.0.take_back();
        assert_eq!(heroku.told(), BEGIN, "{last}: {ended:?}");
        assert_eq!(heroku.changes()[before..], calls, "{last}: {ended:?}");
        assert_eq!(heroku.0.entry()["status"], "rolled_back", "{last}: {ended:?}");
    }
}

#[test]
fn the_way_back_survives_being_killed() {
    for kill in ["before", "after"] {
        let heroku = Heroku::new("");
        assert_eq!(heroku.0.run_up_to("watch-for-days").code, Some(10));
        let mut state = heroku.state();
        state["kill"] = json!(kill);
        heroku.become_state(&state);
        let ended = heroku.0.take_back();
        assert_eq!(heroku.told(), BEGIN, "{kill}: {ended:?}");
        assert_eq!(heroku.0.entry()["status"], "rolled_back", "{kill}: {ended:?}");
    }
}

#[test]
fn what_the_app_uses_is_never_destroyed() {
    let heroku = Heroku::new("");
    assert_eq!(heroku.0.run_up_to("watch-for-days").code, Some(10));
    // Somebody went back by hand meanwhile.
    let mut state = heroku.state();
    state["primary"] = json!("old-db");
    heroku.become_state(&state);
    let ended = heroku.0.run_up_to("");
    assert!(ended.code == Some(9) && ended.said.contains("shop uses old-db: nothing is destroyed"), "{ended:?}");
    assert_eq!(heroku.told(), "[new-db, old-db] old-db false []");
}

/// The old one cannot be promoted again, and whoever goes back goes on without it: then the new one stays.
#[test]
fn what_the_app_uses_is_not_destroyed_on_the_way_back_either() {
    let heroku = Heroku::new("");
    assert_eq!(heroku.0.run_up_to("watch-for-days").code, Some(10));
    let mut state = heroku.state();
    state["databases"]["old-db"]["preparing"] = json!(1_000_000);
    heroku.become_state(&state);
    assert_eq!(heroku.0.take_back().code, Some(9));
    let skipped = heroku.0.run(&["skip", &heroku.0.run_name(), "promote", "--reason", "the old one is broken"]);
    let mut ended = skipped.code;
    while ended == Some(10) || ended == Some(7) {
        ended = heroku.0.run_up_to("").code;
    }
    assert_eq!(heroku.0.entry()["status"], "rolled_back", "{skipped:?}");
    let told = heroku.told();
    assert!(told.starts_with("[new-db, old-db] new-db false [promote old-db"), "{told}");
}

#[test]
fn another_database_than_the_one_in_use_is_refused_before_anything_is_done() {
    let heroku = Heroku::new("");
    let mut state = heroku.state();
    state["primary"] = json!("other-db");
    heroku.become_state(&state);
    let ended = heroku.0.run_up_to("");
    assert!(ended.said.contains("old-db is not the database that shop uses"), "{ended:?}");
    assert_eq!(heroku.changes(), Vec::<String>::new());
}
