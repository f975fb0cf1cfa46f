//! What is slow, dead or poisoned in one rule leaves every other rule as it is.

use drydock_tests::gateway::{Place, SMALL, wait_for};
use serde_json::json;
use std::net::TcpListener;
use std::time::{Duration, Instant};

const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
/// More than a rule's action works on at a time; there and back fewer than a connection may publish in a second.
const MANY: usize = 40;
/// What a message takes that nothing holds up, with much to spare, and much less than a dead endpoint takes.
const SOON: Duration = Duration::from_secs(4);

#[test]
fn a_dead_endpoint_holds_up_neither_other_rules_nor_the_other_actions_of_its_rule() {
    // It takes connections and never says a word.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("AWS_ENDPOINT_URL_KINESIS=http://{}", dead.local_addr().unwrap());
    let place = Place::new(SMALL);
    let gateway = place.up_by(&["env", &url], &["--ephemeral", "--no-functions"]);
    let mut device = gateway.observer(&["out/#"]);
    let republish = |topic: &str| json!({ "republish": { "topic": topic, "roleArn": ROLE } });
    let stuck = json!({ "kinesis": { "streamName": "s", "roleArn": ROLE } });
    for (name, topic, actions) in [
        ("dead", "in/dead", json!([stuck, republish("out/dead")])),
        ("alive", "in/alive", json!([republish("out/alive")])),
    ] {
        let body = json!({ "sql": format!("SELECT * FROM '{topic}'"), "actions": actions });
        gateway.iot("POST", &format!("/rules/{name}"), &body);
    }
    let began = Instant::now();
    for count in 0..MANY {
        device.publish("in/dead", json!({ "count": count }).to_string()).unwrap();
    }
    for _ in 0..MANY {
        device.receive("out/dead");
    }
    device.publish("in/alive", "{}").unwrap();
    device.receive("out/alive");
    let took = began.elapsed();
    // Each try alone would hold its message for five seconds, and no more than a few may wait at a time.
    assert!(took < Duration::from_secs(60), "{took:?} for what waits for nobody");
    let began = Instant::now();
    device.publish("in/alive", "{}").unwrap();
    device.receive("out/alive");
    assert!(began.elapsed() < SOON, "{:?} while {MANY} messages wait for a dead endpoint", began.elapsed());
    let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
    let waiting = !counts.contains(&format!(r#"metric="Failure",rule_name="dead",action_type="Kinesis"}} {MANY}"#));
    assert!(waiting, "the dead endpoint was not waited for:\n{counts}");
}

#[test]
fn poisoned_payloads_and_templates_fail_alone_and_are_counted() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut device = gateway.observer(&["out/#", "errors/#"]);
    let rules = [
        // Its topic comes from the payload, and no topic may have a wildcard.
        ("poisoned", json!({ "republish": { "topic": "out/p/${t}", "roleArn": ROLE } })),
        ("sound", json!({ "republish": { "topic": "out/s", "roleArn": ROLE } })),
    ];
    for (name, action) in rules {
        let error = json!({ "republish": { "topic": format!("errors/{name}"), "roleArn": ROLE } });
        let body = json!({ "sql": "SELECT * FROM 'in'", "awsIotSqlVersion": "2016-03-23", "actions": [action], "errorAction": error });
        gateway.iot("POST", &format!("/rules/{name}"), &body);
    }
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let payloads = [
        r#"{"t":"+/#"}"#.to_owned(),
        "{\"t\":".to_owned(),
        "\u{0}".to_owned(),
        deep,
        format!(r#"{{"t":"{}"}}"#, "x".repeat(300)),
    ];
    for payload in &payloads {
        device.publish("in", payload.clone()).unwrap();
        let arrived = device.receive("out/s");
        assert!(!arrived.payload.is_empty(), "the sound rule has nothing of {payload:?}");
    }
    let document = device.receive("errors/poisoned").json();
    assert!(document["failures"][0]["errorMessage"].as_str().unwrap().contains("topic"), "{document}");
    wait_for("what is not JSON is counted for both rules", || {
        let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
        let parse = |rule: &str| {
            let start = format!(r#"aws_iot{{metric="ParseError",rule_name="{rule}"}} "#);
            counts.lines().find_map(|line| line.strip_prefix(&start)?.parse::<u32>().ok()).unwrap_or(0)
        };
        (parse("poisoned") >= 2 && parse("poisoned") == parse("sound")).then_some(())
    });
}
