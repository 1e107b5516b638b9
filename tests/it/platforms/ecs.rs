//! Amazon ECS, with a fake that answers as the CLI does after its own `--query`.

use super::driver::step;
use super::fakes::{World, kill_group};

/// `primary` is the present deployment: its id, task definition and rollout state; `ours` the one that was begun last.
const AWS: &str = r#"
read -r id definition state < "$world/primary"
query=; for word; do [ "${before:-}" = --query ] && query=$word; before=$word; done
case "$2 $query" in
'describe-services services[0].{definition'*) printf '{"definition":"%s","deployment":"%s"}\n' "$definition" "$id" ;;
describe-task-definition*) echo '{"family":"shelf","containerDefinitions":[{"name":"web","image":"example/shelf:2.1.0"}]}' ;;
register-task-definition*) cat "${4#file://}" > "$world/registered"; echo arn:shelf:8 ;;
update-service*)
    while [ "$1" != --task-definition ]; do shift; done
    if [ "$2" = "$definition" ]; then echo "$2"; exit 0; fi
    case $(cat "$world/play") in
    dies) echo $$ > "$world/begun"; exec sleep 1000 ;;
    esac
    echo "ecs-svc/2 $2 IN_PROGRESS" > "$world/primary"; echo "$2" ;;
'describe-services services[0].deployments')
    case "$(cat "$world/play") $definition" in
    'gives-up arn:shelf:8')
        echo 'ecs-svc/3 arn:shelf:7 COMPLETED' > "$world/primary"
        echo '[{"id":"ecs-svc/3","status":"PRIMARY","taskDefinition":"arn:shelf:7","rolloutState":"IN_PROGRESS"},{"id":"ecs-svc/2","status":"ACTIVE","taskDefinition":"arn:shelf:8","rolloutState":"FAILED"}]' ;;
    'went-back arn:shelf:8')
        echo 'ecs-svc/3 arn:shelf:7 COMPLETED' > "$world/primary"
        echo '[{"id":"ecs-svc/3","status":"PRIMARY","taskDefinition":"arn:shelf:7","rolloutState":"COMPLETED"}]' ;;
    *' arn:shelf:8')
        if [ "$state" = IN_PROGRESS ] && [ ! -e "$world/stale" ]; then
            : > "$world/stale"
            echo '[{"id":"ecs-svc/1","status":"PRIMARY","taskDefinition":"arn:shelf:7","rolloutState":"COMPLETED"}]'
            exit 0
        fi
        printf '[{"id":"%s","status":"PRIMARY","taskDefinition":"%s","rolloutState":"%s"},{"id":"ecs-svc/1","status":"ACTIVE","taskDefinition":"arn:shelf:7","rolloutState":"COMPLETED"}]\n' "$id" "$definition" "$state"
        echo "$id $definition COMPLETED" > "$world/primary"
        echo '["example/shelf:2.1.0"]' > "$world/images" ;;
    *) printf '[{"id":"%s","status":"PRIMARY","taskDefinition":"%s","rolloutState":"COMPLETED"}]\n' "$id" "$definition" ;;
    esac ;;
'describe-services services[0].deployments'*) printf '["%s","%s"]\n' "$definition" COMPLETED ;;
list-tasks*) echo 'arn:task:1 arn:task:2' ;;
describe-tasks*) cat "$world/images" ;;
esac
"#;

fn world(play: &str) -> World {
    let vars = "{cluster: main, service: shelf, container: web, image: example/shelf}";
    let world = World::new("ecs", vars, &[("aws", AWS)]);
    world.own("ecs", &[("every: 10s", "every: 20ms")]);
    world.set("play", play);
    world.set("primary", "ecs-svc/1 arn:shelf:7 COMPLETED\n");
    world.set("images", "[\"example/shelf:2.0.0\",\"example/shelf:2.0.0\"]\n");
    world
}

#[test]
fn a_new_definition_is_rolled_out_until_it_is_the_primary_one() {
    let world = world("");
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    insta::with_settings!({ filters => [(r"file://\S+", "file://[file]")] }, {
        insta::assert_snapshot!(world.calls());
    });
    assert!(world.get("registered").contains("example/shelf:2.1.0"));
}

#[test]
fn a_deployment_that_is_given_up_fails_at_once() {
    for play in ["gives-up", "went-back"] {
        let world = world(play);
        let told = world.deploy(&step("2.1.0", None, "2.0.0"));
        let because =
            "rolled back: rolled-out failed: ECS gave the deployment up; see the service's events; 2.0.0 runs";
        assert_eq!(told, because, "{play}");
    }
}

#[test]
fn a_deploy_that_was_killed_goes_on() {
    let world = world("dies");
    kill_group(world.deploy_killed(&step("2.1.0", None, "2.0.0")));
    world.set("play", "");
    assert_eq!(world.deploy(&step("2.1.0", None, "2.0.0")), "completed: its work is done and was checked; it runs");
    assert_eq!(world.calls().matches("register-task-definition").count(), 1);
}

#[test]
fn what_a_definition_holds_stands_in_no_journal() {
    let world = world("");
    world.fake(
        "aws",
        &AWS.replace(
            "\"name\":\"web\",",
            "\"name\":\"web\",\"environment\":[{\"name\":\"KEY\",\"value\":\"c4n4ry\"}],",
        ),
    );
    world.deploy(&step("2.1.0", None, "2.0.0"));
    assert!(world.get("registered").contains("c4n4ry"));
    let state = std::fs::read(world.project.path().join("state.db")).expect("the store is there");
    assert!(!String::from_utf8_lossy(&state).contains("c4n4ry"));
}
