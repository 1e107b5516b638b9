//! Helm, with a fake that keeps a release's history as Helm does.

use orchestrate::model::StepNames;

use crate::support::assert_whole;

use super::driver::step;
use super::fakes::{World, kill_group};

/// A line of `history` is a revision: its number, status, chart and image.
const HELM: &str = r#"
history=$world/history
touch() { : >> "$1"; }
touch "$history"
last() { sed -n '$p' "$history"; }
json() {
    printf '['; first=yes
    while read -r revision status chart image; do
        [ $first = yes ] || printf ','; first=no
        printf '{"name":"shelf","revision":%s,"status":"%s","chart":"shelf-%s"}' "$revision" "$status" "$chart"
    done
    printf ']\n'
}
next() { read -r revision rest <<END
$(last)
END
echo $((${revision:-0} + 1)); }
deployed() { sed -i 's/ deployed / superseded /' "$history"; sed -i "s/^$1 [a-z-]* /$1 deployed /" "$history"; }
case $1 in
list) case $2 in
    --pending) last | sed -n '/pending/p' | json ;;
    --all) last | json ;;
    esac ;;
history)
    [ -s "$history" ] || { echo 'Error: release: not found' >&2; exit 1; }
    json < "$history" ;;
rollback)
    new=$(next); from=$(sed -n "s/^$3 [a-z-]* //p" "$history")
    echo "$new pending-rollback $from" >> "$history"; deployed "$new"
    echo "${from#* }" > "$world/image" ;;
uninstall) : > "$history"; rm -f "$world/image" ;;
repo) echo updated ;;
upgrade)
    case "$(last)" in *" pending-"*)
        echo 'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress' >&2; exit 1 ;;
    esac
    new=$(next); chart=; image=
    while [ $# -gt 0 ]; do
        case $1 in --version) chart=$2 ;; --set-string) image=${2#image.tag=} ;; esac; shift
    done
    : "${image:=$(sed -n "s/^$chart //p" "$world/charts")}"
    pending=pending-upgrade; [ "$new" != 1 ] || pending=pending-install
    echo "$new $pending $chart $image" >> "$history"
    case $(cat "$world/play") in
    old) deployed "$new" ;;
    late) echo 1 > "$world/lies"; deployed "$new"; echo "$image" > "$world/image" ;;
    failed)
        sed -i "s/^$new $pending/$new failed/" "$history"
        [ "$new" = 1 ] && { : > "$history"; } || { before=$(sed -n 's/^[0-9]* deployed //p' "$history"); echo "$((new + 1)) pending-rollback $before" >> "$history"; deployed $((new + 1)); }
        echo 'Error: UPGRADE FAILED: timed out waiting for the condition' >&2; exit 1 ;;
    hangs) exec sleep 1000 ;;
    dies) echo $$ > "$world/begun"; exec sleep 1000 ;;
    ends) echo $$ > "$world/begun"; cat "$world/go" > /dev/null; deployed "$new"; echo "$image" > "$world/image" ;;
    *) deployed "$new"; echo "$image" > "$world/image" ;;
    esac
    echo 'Release "shelf" has been upgraded. Happy Helming!' ;;
esac
"#;

const KUBECTL: &str = r#"
image=$(cat "$world/image") || { echo 'Error from server (NotFound): deployments.apps "shelf" not found' >&2; exit 1; }
lies=$(cat "$world/lies" 2> /dev/null || echo 0)
updated=2
if [ "$lies" -gt 0 ]; then echo $((lies - 1)) > "$world/lies"; updated=1; fi
printf '{"metadata":{"generation":3},"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"web","image":"example/shelf:%s"}]}}},' "$image"
printf '"status":{"observedGeneration":3,"replicas":2,"updatedReplicas":%s,"availableReplicas":2}}' "$updated"
"#;

const VARS: &str = "{release: shelf, chart: example/shelf, namespace: shelf, deployment: shelf-web, values: values.yaml, tag_prefix: release-}";
const CHARTS: &str = "5.0.0 release-2.0.0\n6.0.0 release-2.1.0\n";

fn world(history: &str, image: &str) -> World {
    let world = World::new("helm", VARS, &[("helm", HELM), ("kubectl", KUBECTL)]);
    world.set("charts", CHARTS);
    world.set("history", history);
    world.set("play", "");
    if !image.is_empty() {
        world.set("image", image);
    }
    world
}

/// An installation that runs 2.0.0.
fn installed() -> World {
    world("1 superseded 4.0.0 release-1.9.0\n2 deployed 5.0.0 release-2.0.0\n", "release-2.0.0\n")
}

fn to() -> StepNames {
    step("2.1.0", Some("6.0.0"), "2.0.0")
}

#[test]
fn an_upgrade_waits_for_everything_and_goes_back_by_itself() {
    let world = installed();
    assert_eq!(world.deploy(&to()), "completed: its work is done and was checked; it runs");
    insta::assert_snapshot!(world.calls());
    assert_eq!(world.get("history").lines().last(), Some("3 deployed 6.0.0 release-2.1.0"));
}

#[test]
fn another_image_than_the_charts_own_is_set() {
    let world = installed();
    let step = StepNames {
        image_override: true,
        image_tag: Some("release-2.0.4".into()),
        ..step("2.0.4", Some("5.0.0"), "2.0.0")
    };
    assert_eq!(world.deploy(&step), "completed: its work is done and was checked; it runs");
    assert!(world.calls().contains(" --version 5.0.0 --set-string image.tag=release-2.0.4 --atomic "));
}

#[test]
fn a_first_install_has_nothing_before_it() {
    let world = world("", "");
    assert_eq!(world.deploy(&to()), "completed: its work is done and was checked; it runs");
    assert_eq!(world.get("history"), "1 deployed 6.0.0 release-2.1.0\n");
}

#[test]
fn a_first_install_that_fails_leaves_nothing() {
    let world = world("", "");
    world.set("play", "failed");
    let told = world.deploy(&to());
    assert!(told.starts_with("rolled back: upgrade failed: exit code 1: Error: UPGRADE FAILED: timed out"), "{told}");
    assert_eq!(world.get("history"), "");
}

#[test]
fn an_exit_code_is_no_success() {
    let world = installed();
    world.set("play", "old");
    assert_eq!(world.deploy(&to()), "completed: its work is done and was checked; 2.0.0 runs");
}

#[test]
fn while_pods_are_replaced_nobody_knows_which_version_runs() {
    let world = installed();
    world.set("lies", "1");
    let told = world.deploy(&to());
    assert!(told.contains("; nobody knows what runs: there was no answer"), "{told}");
}

#[test]
fn what_helm_rolled_back_is_rolled_back() {
    let world = installed();
    world.set("play", "failed");
    let told = world.deploy(&to());
    assert!(told.starts_with("rolled back: upgrade failed: exit code 1: Error: UPGRADE FAILED: timed out"), "{told}");
    assert!(told.ends_with("; 2.0.0 runs"), "{told}");
    assert!(world.get("history").lines().last().is_some_and(|last| last.ends_with("deployed 5.0.0 release-2.0.0")));
}

#[test]
fn an_upgrade_beyond_its_deadline_is_ended_and_taken_back() {
    let world = installed();
    world.own("helm", &[("timeout: 35m\n    retry", "timeout: 300ms\n    retry")]);
    world.set("play", "hangs");
    let told = world.deploy(&to());
    assert!(told.starts_with("rolled back: "), "{told}");
    assert!(
        world.calls().contains("helm rollback shelf 2 --namespace shelf --kube-context '' --wait"),
        "{}",
        world.calls()
    );
    assert_eq!(world.get("history").lines().last(), Some("4 deployed 5.0.0 release-2.0.0"));
}

#[test]
fn an_upgrade_that_was_killed_is_looked_after_and_done_again() {
    let world = installed();
    world.set("play", "dies");
    kill_group(world.deploy_killed(&to()));
    world.set("play", "");
    assert_eq!(world.get("history").lines().last(), Some("3 pending-upgrade 6.0.0 release-2.1.0"));
    assert_eq!(world.deploy(&to()), "completed: its work is done and was checked; it runs");
    insta::assert_snapshot!(world.calls());
    assert_eq!(world.get("history").lines().last(), Some("5 deployed 6.0.0 release-2.1.0"));
}

#[test]
fn a_first_install_that_was_killed_is_removed_and_done_again() {
    let world = world("", "");
    world.set("play", "dies");
    kill_group(world.deploy_killed(&to()));
    world.set("play", "");
    assert_eq!(world.deploy(&to()), "completed: its work is done and was checked; it runs");
    assert!(
        world.calls().contains("helm uninstall shelf --namespace shelf --kube-context '' --ignore-not-found"),
        "{}",
        world.calls()
    );
}

#[test]
fn a_release_whose_first_install_failed_and_is_in_use_is_not_removed() {
    let world = world("1 failed 5.0.0 release-2.0.0\n2 pending-upgrade 6.0.0 release-2.1.0\n", "release-2.0.0\n");
    let told = world.deploy(&to());
    assert!(told.contains("another operation (install/upgrade/rollback) is in progress"), "{told}");
    assert_eq!(world.calls().matches("helm uninstall").count(), 0, "{}", world.calls());
}

#[test]
fn a_helm_that_outlives_the_process_is_waited_for() {
    let world = installed();
    world.set("play", "ends");
    let go = world.project.path().join("world/go");
    nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU).expect("a fifo can be made");
    world.deploy_killed(&to());
    world.set("play", "");
    let other = std::thread::spawn(move || std::fs::write(go, "go").expect("helm reads it"));
    other.join().expect("it is written");
    assert_eq!(world.deploy(&to()), "completed: its work is done and was checked; it runs");
    assert_eq!(world.calls().matches("helm rollback").count(), 0, "{}", world.calls());
}

/// The same with a product, so that the program finds the way itself.
fn with_product(world: World, settings: &str) -> World {
    let project = std::fs::read_to_string(world.project.path().join("orchestrate.yaml")).expect("it is there");
    world.project.write("orchestrate.yaml", format!("{project}    settings: {settings}\n"));
    world.project.write(
        "upgrade-paths/shelf.yaml",
        "format: orchestrate/v1\nkind: upgrade-path\ntitle: Shelf\nreleases:\n  \
         - {app: 2.0.0, chart: 5.0.0}\n  - {app: 2.1.0, chart: 6.0.0}\n",
    );
    world
}

#[test]
fn a_version_that_is_told_late_is_waited_for() {
    let world = with_product(installed(), "{proof_timeout: 1m}");
    world.set("play", "late");
    let outcome = world.apply(&["--to", "2.1.0", "--yes"]);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
    assert_whole!(outcome.whole());
}

#[test]
fn a_version_that_never_comes_ends_the_walk() {
    let world = with_product(installed(), "{proof_timeout: 1s}");
    world.set("play", "old");
    let outcome = world.apply(&["--to", "2.1.0", "--yes"]);
    assert_whole!(outcome.whole());
}

#[test]
fn a_deploy_that_helm_took_back_ends_the_walk() {
    let world = with_product(installed(), "{}");
    world.set("play", "failed");
    let outcome = world.apply(&["--to", "2.1.0", "--yes"]);
    assert_eq!(outcome.code, 8, "{}", outcome.whole());
    world.set("play", "");
    let outcome = world.apply(&["--to", "2.1.0", "--yes"]);
    assert_eq!(outcome.code, 0, "{}", outcome.whole());
}

#[test]
fn what_would_be_sent_is_told_and_nothing_is_touched() {
    let world = with_product(installed(), "{}");
    let outcome = world.apply(&["--to", "2.1.0", "--dry-run"]);
    assert_whole!(outcome.whole());
    assert!(world.calls().lines().all(|call| call.starts_with("kubectl get ")), "{}", world.calls());
}

#[test]
fn what_the_way_lacks_is_told_before_it_is_walked() {
    let world = World::new("helm", "{release: shelf, chart: example/shelf}", &[]);
    let world = with_product(world, "{}");
    world.project.write(
        "orchestrate.yaml",
        std::fs::read_to_string(world.project.path().join("orchestrate.yaml"))
            .expect("it is there")
            .replace("    vars", "    version: {value: 2.0.0}\n    vars"),
    );
    let outcome = world.apply(&["--to", "2.1.0", "--yes"]);
    assert_whole!(outcome.whole());
}

#[test]
fn what_is_missing_is_told_at_once_and_nothing_is_touched() {
    let world = World::new("helm", "{release: shelf, chart: example/shelf}", &[]);
    let told = world.deploy(&to());
    insta::assert_snapshot!(told);
    assert_eq!(world.calls(), "");
}
