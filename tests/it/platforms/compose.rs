//! Docker Compose, with a fake that runs what the env file says.

use super::driver::step;
use super::fakes::{World, kill_group};

const DOCKER: &str = r#"
case "$1 $2" in
'ps --filter')
    [ -s "$world/image" ] || exit 0
    while read -r image; do echo "example/shelf:$image"; done < "$world/image" ;;
'compose --project-name')
    version=$(cat "$7" "$9" | sed -n 's/^SHELF_VERSION=//p' | sed '$!d')
    shift 9
    case "$1 $(cat "$world/play")" in
    'pull missing') echo "manifest for example/shelf:$version not found" >&2; exit 18 ;;
    'up unhealthy') echo "container shelf-web-1 is unhealthy" >&2; : > "$world/play"; exit 1 ;;
    'up dies') echo $$ > "$world/begun"; exec sleep 1000 ;;
    'up old') ;;
    up*) echo "$version" > "$world/image" ;;
    esac ;;
esac
"#;

fn world() -> World {
    let vars = "{project: shelf, file: \"${PROJECT}/compose.yaml\", env_file: \"${PROJECT}/shelf.env\", variable: SHELF_VERSION, \
                service: web, tag_prefix: v}";
    let world = World::new("compose", vars, &[("docker", DOCKER)]);
    world.set("play", "");
    world.set("image", "v2.0.0\n");
    world.project.write(".env", "SHELF_DOMAIN=shelf.example.org\nSHELF_VERSION=v1.0.0\n");
    world.project.write("shelf.env", "SHELF_VERSION=v2.0.0\n");
    world
}

fn env_file(world: &World) -> String {
    std::fs::read_to_string(world.project.path().join("shelf.env")).expect("it is there")
}

#[test]
fn the_images_are_pulled_and_waited_for() {
    let world = world();
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    insta::assert_snapshot!(world.calls());
    assert_eq!(env_file(&world), "SHELF_VERSION=v2.1.0\n");
}

#[test]
fn a_project_without_a_file_of_its_own_has_the_versions_alone() {
    let world = world();
    std::fs::remove_file(world.project.path().join(".env")).expect("it was there");
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    assert!(world.calls().contains(" --env-file /dev/null --env-file "), "{}", world.calls());
}

#[test]
fn an_exit_code_is_no_success() {
    let world = world();
    world.set("play", "old");
    let told = world.deploy(&step("2.1.0", None, "2.0.0"));
    assert_eq!(told, "completed: its work is done and was checked; 2.0.0 runs");
}

#[test]
fn containers_of_several_versions_are_not_the_new_one() {
    let world = world();
    world.set("play", "old");
    world.set("image", "v2.1.0\nv2.0.0\n");
    let told = world.deploy(&step("2.1.0", None, "2.0.0"));
    assert!(told.ends_with("; several:  2.1.0 runs") || told.ends_with("; several: 2.1.0 runs"), "{told}");
}

#[test]
fn an_image_that_is_not_there_changes_nothing() {
    let world = world();
    world.set("play", "missing");
    let told = world.deploy(&step("2.1.0", None, "2.0.0"));
    assert!(told.starts_with("rolled back: pull failed: exit code 18: manifest for example/shelf:v2.1.0"), "{told}");
    assert_eq!(env_file(&world), "SHELF_VERSION=v2.0.0\n");
}

#[test]
fn what_does_not_become_healthy_is_taken_back() {
    let world = world();
    world.set("play", "unhealthy");
    let told = world.deploy(&step("2.1.0", None, "2.0.0"));
    assert!(told.starts_with("rolled back: up failed: exit code 1: container shelf-web-1 is unhealthy"), "{told}");
    assert!(told.ends_with("; 2.0.0 runs"), "{told}");
    assert_eq!(env_file(&world), "SHELF_VERSION=v2.0.0\n");
}

#[test]
fn a_deploy_that_was_killed_goes_on() {
    let world = world();
    world.set("play", "dies");
    kill_group(world.deploy_killed(&step("2.1.0", None, "2.0.0")));
    world.set("play", "");
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
}
