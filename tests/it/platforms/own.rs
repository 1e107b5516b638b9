//! A program of one's own, and a person.

use super::driver::step;
use super::fakes::{World, kill_group};

const DEPLOY: &str = r#"
set | sed -n "s/^ORCHESTRATE_\(APP\|CHART\|FROM_APP\|FROM_CHART\|IMAGE_TAG\|STEP\)='*\([^']*\)'*$/\1=\2/p" > "$world/env"
case $(cat "$world/play") in
dies) echo "$1" > "$world/app"; echo $$ > "$world/begun"; exec sleep 1000 ;;
fails) echo 'no space left' >&2; exit 4 ;;
old) exit 0 ;;
esac
echo "$1" > "$world/app"
"#;

const VERSION: &str = "cat \"$world/app\"\n";

fn world(play: &str) -> World {
    let vars = "{deploy_command: shelf-deploy, version_command: shelf-version}";
    let world = World::new("command", vars, &[("shelf-deploy", DEPLOY), ("shelf-version", VERSION)]);
    world.set("play", play);
    world.set("app", "2.0.0\n");
    world
}

#[test]
fn a_program_is_told_what_to_deploy() {
    let world = world("");
    let to = step("2.1.0", Some("6.0.0"), "2.0.0");
    assert_eq!(world.deploy(&to), "completed: its work is done and was checked; it runs");
    assert_eq!(world.calls(), "shelf-deploy 2.1.0 6.0.0 ''\nshelf-version\n");
    insta::assert_snapshot!(world.get("env"), @r"
    APP=2.1.0
    CHART=6.0.0
    FROM_APP=2.0.0
    FROM_CHART=
    IMAGE_TAG=
    STEP=1
    ");
}

#[test]
fn an_exit_code_is_no_success() {
    let told = world("old").deploy(&step("2.1.0", None, "2.0.0"));
    assert_eq!(told, "completed: its work is done and was checked; 2.0.0 runs");
}

#[test]
fn what_cannot_be_taken_back_stands_where_it_failed() {
    let told = world("fails").deploy(&step("2.1.0", None, "2.0.0"));
    let because = "errored: deploy failed: exit code 4: no space left; it cannot be taken back past `deploy`: \
                   the platform `command` says nothing of a way back; 2.0.0 runs";
    assert_eq!(told, because);
}

#[test]
fn a_deploy_that_was_killed_when_the_version_ran_is_not_done_again() {
    let world = world("dies");
    kill_group(world.deploy_killed(&step("2.1.0", None, "2.0.0")));
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    assert_eq!(world.calls().matches("shelf-deploy").count(), 1);
}

#[test]
fn a_person_is_asked() {
    let world = World::new("manual", "{}", &[]);
    let told = world.deploy(&step("2.1.0", Some("6.0.0"), "2.0.0"));
    let asked = "needs attention: Deploy version 2.1.0 with chart 6.0.0. Does every part of it run 2.1.0 now?";
    assert_eq!(told, format!("{asked}; nobody knows what runs: nothing tells it"));
    assert_eq!(world.deploy(&step("2.1.0", Some("6.0.0"), "2.0.0")), told);
}

#[test]
fn an_environment_may_have_a_question_of_its_own() {
    let world = World::new("manual", "{}", &[("shelf-version", VERSION)]);
    let project = std::fs::read_to_string(world.project.path().join("orchestrate.yaml")).expect("it is there");
    world
        .project
        .write("orchestrate.yaml", project.replace("    vars", "    version: {command: [shelf-version]}\n    vars"));
    world.set("app", "2.1.0");
    assert!(world.deploy(&step("2.1.0", None, "2.0.0")).ends_with("; it runs"));
}
