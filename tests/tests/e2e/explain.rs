//! `drydock explain`: of a gateway that is up, of a data folder, of policy files alone, and as refusals happen.

use drydock_tests::gateway::{self, Place, SMALL, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const TOPIC: &str = "arn:aws:iot:us-east-1:123456789012:topic/";

fn explain(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = gateway::command();
    command.arg("explain").args(arguments).current_dir(place.path()).env("NO_COLOR", "1").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn policy_files_are_explained_with_no_gateway() {
    let place = Place::new(SMALL);
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Sid": "Own", "Effect": "Allow", "Action": ["iot:Publish", "iot:RetainPublish"],
          "Resource": format!("{TOPIC}dt/${{iot:Connection.Thing.ThingName}}/*") },
    ]});
    fs::write(place.path().join("device.json"), document.to_string()).unwrap();
    let ask = |more: &[&str]| {
        let mut arguments = vec!["--policy", "device.json", "--client-id", "dock-1"];
        arguments.extend(more);
        explain(&place, &arguments)
    };
    let thing = "iot:Connection.Thing.ThingName=dock-1";
    let (code, said, _) = ask(&["--action", "publish", "--topic", "dt/dock-1/state", "--var", thing]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is allowed") && said.contains("`iot:Connection.Thing.ThingName` is `dock-1`"), "{said}");
    let (code, said, _) = ask(&["--action", "retain-publish", "--topic", "dt/dock-1/state"]);
    assert_eq!(code, Some(2), "{said}");
    for part in ["policy `device.json`", "`Statement[1]` (`Own`)", "is absent", "help: "] {
        assert!(said.contains(part), "no {part} in: {said}");
    }
    let (code, said, _) = ask(&["--action", "connect", "--json"]);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &answer["decision"]), (Some(0), &json!("ALLOWED")));
    assert_eq!(answer["resource"], "arn:aws:iot:us-east-1:123456789012:client/dock-1");
    let (code, _, said) = ask(&["--action", "fly", "--topic", "a"]);
    assert!(code == Some(1) && said.contains("`fly` is not an action") && said.contains("iot:Publish"), "{said}");
    let (code, _, said) = ask(&["--action", "publish"]);
    assert!(code == Some(1) && said.contains("needs to know on what"), "{said}");
    fs::write(place.path().join("broken.json"), "{").unwrap();
    let (code, _, said) = explain(&place, &["--policy", "broken.json", "--action", "publish", "--topic", "a"]);
    assert!(code == Some(1) && said.contains("`broken.json` is not a policy"), "{said}");
}

#[test]
fn a_gateway_and_its_data_folder_give_the_same_answer() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--no-functions"]);
    let url = gateway.ready["apiUrl"].as_str().unwrap().to_owned();
    let own = format!("{TOPIC}dt/${{iot:Connection.Thing.ThingName}}");
    let device = gateway.device("dock-1", &json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" }]));
    gateway.iot("POST", "/things/dock-1", &json!({}));
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/dock-1/principals", &principal, &Value::Null).ok();
    let group = gateway.iot("POST", "/thing-groups/harbour", &json!({}))["thingGroupArn"].clone();
    let document = json!({
        "Version": "2012-10-17",
        "Statement": { "Effect": "Allow", "Action": "iot:Publish", "Resource": own },
    });
    gateway.iot("POST", "/policies/talk", &json!({ "policyDocument": document.to_string() }));
    gateway.iot("PUT", "/target-policies/talk", &json!({ "target": group }));
    let membership = json!({ "thingGroupName": "harbour", "thingName": "dock-1" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &membership);

    let live = |more: &[&str]| {
        let mut arguments = vec!["--api-url", url.as_str(), "--client-id", "dock-1", "--json"];
        arguments.extend(more);
        explain(&place, &arguments)
    };
    let (code, said, _) = live(&["--action", "publish", "--topic", "dt/dock-1"]);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &answer["decision"]), (Some(0), &json!("ALLOWED")), "{said}");
    let statement = answer["statements"].as_array().unwrap().iter().find(|s| s["policy"] == "talk").unwrap();
    assert_eq!((&statement["attachedTo"], &statement["version"]), (&json!([group]), &json!("1")), "{statement}");
    let (code, denied, _) = live(&["--action", "publish", "--topic", "dt/dock-2"]);
    assert_eq!(code, Some(2));
    let (code, _, said) = explain(&place, &["--api-url", &url, "--action", "connect", "--client-id", "nobody"]);
    assert!(code == Some(1) && said.contains("--principal"), "{said}");
    let (code, _, said) = explain(&place, &["--data-dir", ".drydock", "--action", "connect", "--client-id", "dock-1"]);
    assert!(code == Some(1), "a gateway has the folder: {said}");
    gateway.kill();

    let offline = ["--data-dir", ".drydock", "--action", "publish", "--topic", "dt/dock-2"];
    let (code, again, said) = explain(&place, &[&offline[..], &["--client-id", "dock-1", "--json"]].concat());
    assert_eq!((code, again), (Some(2), denied), "{said}");
    let (code, _, said) = explain(&place, &["--data-dir", "nowhere", "--action", "connect", "--client-id", "dock-1"]);
    assert!(code == Some(1) && said.contains("there is no folder `nowhere`"), "{said}");
    let (code, _, said) = explain(&place, &["--api-url", &url, "--action", "connect", "--client-id", "dock-1"]);
    assert!(code == Some(1) && said.contains("drydock up"), "{said}");
}

#[test]
fn refusals_are_told_as_they_happen() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let statements = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("{TOPIC}mine") },
    ]);
    let (device, other) = (gateway.device("dock-1", &statements), gateway.device("dock-2", &statements));
    let mut command = gateway::command();
    command.args(["explain", "--follow", "--json", "--client-id", "dock-1", "--api-url", url]);
    let mut following = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    // The listener may not be there yet: what it is to hear happens until it has heard it.
    let (heard, hears) = std::sync::mpsc::channel();
    let first = std::thread::scope(|scope| {
        let (gateway, device, other) = (&gateway, &device, &other);
        scope.spawn(move || {
            while hears.try_recv().is_err() {
                gateway.connect(other).publish("yours", "1").expect_err("not allowed");
                gateway.connect(device).publish("yours", "1").expect_err("not allowed");
            }
        });
        let first = lines.next().unwrap().unwrap();
        heard.send(()).unwrap();
        first
    });
    let told: Value = serde_json::from_str(&first).unwrap();
    assert_eq!((&told["subject"], &told["topic"]), (&json!("dock-1"), &json!("refusal")), "{told}");
    assert!(told["text"].as_str().unwrap().contains("topic/yours refused"), "{told}");
    assert!(told["reasons"].to_string().contains("topic/mine"), "{told}");
    // Where nobody reads any more it ends with the next one, and well.
    drop(lines);
    gateway.connect(&device).publish("yours", "2").expect_err("not allowed");
    let status = wait_for("the end of --follow", || following.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

#[test]
fn what_the_broker_refuses_is_refused_whatever_the_policy_says() {
    let place = Place::new(SMALL);
    let policy = json!({
        "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "iot:*", "Resource": "*" },
    });
    std::fs::write(place.path().join("all.json"), policy.to_string()).unwrap();
    for (action, option, name, why) in [
        ("publish", "--topic", "a/b/c/d/e/f/g/h/i", "it has 8 slashes; the limit is 7"),
        ("publish", "--topic", "$aws/things/t/shadow/update/delta", "clients may only subscribe"),
        ("retain-publish", "--topic", "$aws/things/t/shadow/update", "nothing can be retained there"),
        ("subscribe", "--filter", "a/#/b", "`#` has to stand alone in its level"),
    ] {
        let asked = ["--policy", "all.json", "--client-id", "dock-1", "--action", action, option, name];
        let (code, said, _) = explain(&place, &asked);
        assert_eq!(code, Some(2), "{name}: {said}");
        assert!(
            said.contains("is refused by the broker whatever policies say") && said.contains(why),
            "{name}: {said}"
        );
        assert!(said.contains("policies: ") && said.contains("is allowed"), "{name}: {said}");
    }
    let asked = ["--policy", "all.json", "--client-id", "dock-1", "--action", "publish", "--topic", "a/b/c/d/e/f/g/h"];
    assert_eq!(explain(&place, &asked).0, Some(0));
}
