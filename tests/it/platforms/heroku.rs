//! Heroku, with fakes of its CLI and of Git. Whether maintenance is on stands in a file.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::driver::step;
use super::fakes::{World, kill_group};

/// `releases` has a line for each release: its number, status, version of the app, and whether it is the current one.
const HEROKU: &str = r#"
releases=$world/releases
json() {
    printf '['; first=yes
    while read -r number status app current; do
        [ $first = yes ] || printf ','; first=no
        printf '{"version":%s,"status":"%s","current":%s}' "$number" "$status" "$current"
    done
    printf ']\n'
}
case $1 in
maintenance:on) echo on > "$world/maintenance" ;;
maintenance:off) echo off > "$world/maintenance" ;;
releases)
    # The latest first, as the CLI has them.
    if [ "$3" = 1 ]; then sed -n '$p' "$releases" | json; sed -i '$s/ pending \(.*\) false/ succeeded \1 true/' "$releases"
    else sed -n '1!G;h;$p' "$releases" | json; fi ;;
releases:rollback)
    read -r number rest <<END
$(sed -n '$p' "$releases")
END
    app=$(sed -n "s/^${2#v} [a-z]* \([^ ]*\) .*/\1/p" "$releases")
    sed -i 's/true$/false/' "$releases"
    echo "$((number + 1)) succeeded $app true" >> "$releases"; echo "$app" > "$world/app" ;;
esac
"#;

const GIT: &str = r#"
tag=${6%^*}
case $(cat "$world/play") in
refused) echo "error: src refspec $tag does not match any" >&2; exit 1 ;;
up-to-date) echo 'Everything up-to-date' >&2; exit 0 ;;
dies) echo $$ > "$world/begun"; exec sleep 1000 ;;
phase-fails) echo "11 failed ${tag#v} false" >> "$world/releases"; echo 'release command failed' >&2; exit 0 ;;
esac
sed -i 's/true$/false/' "$world/releases"
echo "11 pending ${tag#v} false" >> "$world/releases"
echo "${tag#v}" > "$world/app"
"#;

/// Answers with the version of the app that runs, for ever.
fn version_server(world: &std::path::Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let app = world.join("world/app");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection is made");
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).expect("a request is read");
            let body = format!("{{\"version\": \"{}\"}}", std::fs::read_to_string(&app).unwrap_or_default().trim());
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).expect("an answer is written");
        }
    });
    format!("http://{address}/version")
}

fn world(play: &str) -> World {
    let vars = "{app: shelf, repository: /srv/shelf, version_url: \"URL\", version_field: version, tag_prefix: v}";
    let world = World::new("heroku", vars, &[("heroku", HEROKU), ("git", GIT)]);
    let url = version_server(world.project.path());
    let project = std::fs::read_to_string(world.project.path().join("orchestrate.yaml")).expect("it is there");
    world.project.write("orchestrate.yaml", project.replace("URL", &url));
    world.own("heroku", &[("every: 15s", "every: 20ms")]);
    world.set("play", play);
    world.set("app", "2.0.0\n");
    world.set("releases", "9 succeeded 1.9.0 false\n10 succeeded 2.0.0 true\n");
    world
}

#[test]
fn a_tag_is_pushed_during_maintenance_and_its_release_waited_for() {
    let world = world("");
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    insta::assert_snapshot!(world.calls());
    assert_eq!(world.get("maintenance"), "off\n");
}

#[test]
fn maintenance_is_turned_off_whatever_fails() {
    for (play, because) in [
        ("refused", "push failed: exit code 1: error: src refspec v2.1.0 does not match any"),
        ("phase-fails", "released failed: its release phase failed; see `heroku releases:output`"),
    ] {
        let world = world(play);
        assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), format!("rolled back: {because}; 2.0.0 runs"));
        assert_eq!(world.get("maintenance"), "off\n", "{play}");
        assert!(!world.calls().contains("releases:rollback"), "{}", world.calls());
    }
}

#[test]
fn a_push_of_what_heroku_has_already_is_no_release() {
    let world = world("up-to-date");
    let told = world.deploy(&step("2.1.0", None, "2.0.0"));
    assert_eq!(told, "completed: its work is done and was checked; 2.0.0 runs");
    assert_eq!(world.get("maintenance"), "off\n");
}

#[test]
fn a_deploy_that_was_killed_goes_on_and_turns_maintenance_off() {
    let world = world("dies");
    kill_group(world.deploy_killed(&step("2.1.0", None, "2.0.0")));
    assert_eq!(world.get("maintenance"), "on\n");
    world.set("play", "");
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    assert_eq!(world.get("maintenance"), "off\n");
}

#[test]
fn an_app_may_stay_open() {
    let world = world("");
    let project = std::fs::read_to_string(world.project.path().join("orchestrate.yaml")).expect("it is there");
    world.project.write("orchestrate.yaml", project.replace("{app: shelf", "{maintenance: \"false\", app: shelf"));
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    assert!(!world.calls().contains("maintenance:"), "{}", world.calls());
}
