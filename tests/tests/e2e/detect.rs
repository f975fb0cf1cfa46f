//! Device Defender Detect over MQTT and HTTP, along the gateway's clock and over a kill. What is normal has cases of its own
//! (`shared/behaviors/cases`).

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http::Answer;
use drydock_tests::mqtt::Mqtt;
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
const ROLE: &str = "arn:aws:iam::123456789012:role/detect";
const ALERTS: &str = r"
Resources:
  Alerts:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: alerts
  Alarms:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: alarms
      MessageRetentionPeriod: 1209600
  Alarmed:
    Type: AWS::SNS::Subscription
    Properties:
      Protocol: sqs
      TopicArn: !Ref Alerts
      Endpoint: !GetAtt Alarms.Arn
      RawMessageDelivery: true
";

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

fn clock(gateway: &Gateway<'_>, what: &Value) {
    gateway.send("POST", "/_drydock/clock", &[], what.to_string().as_bytes()).ok();
}

fn stopped(place: &Place) -> Gateway<'_> {
    let gateway = place.up(&CALM);
    clock(&gateway, &json!({ "stop": true }));
    gateway
}

/// Lets a period end.
fn period(gateway: &Gateway<'_>) {
    clock(gateway, &json!({ "advance": "5m" }));
}

fn attach(gateway: &Gateway<'_>, profile: &str, target: &str) -> Answer {
    let target = arn(target).replace('/', "%2F");
    let path = format!("/security-profiles/{profile}/targets?securityProfileTargetArn={target}");
    gateway.call("iot", "PUT", &path, &[], &Value::Null)
}

/// Makes a profile of behaviors, and attaches it to all devices.
fn watch_all(gateway: &Gateway<'_>, profile: &str, behaviors: &Value) {
    gateway.iot("POST", &format!("/security-profiles/{profile}"), &json!({ "behaviors": behaviors }));
    attach(gateway, profile, "all/things").ok();
}

fn less(name: &str, metric: &str, count: i64, seconds: Option<i64>) -> Value {
    let mut criteria = json!({ "comparisonOperator": "less-than", "value": { "count": count } });
    if let Some(seconds) = seconds {
        criteria["durationSeconds"] = json!(seconds);
    }
    json!({ "name": name, "metric": metric, "criteria": criteria })
}

fn active(gateway: &Gateway<'_>) -> Vec<Value> {
    gateway.iot("GET", "/active-violations", &Value::Null)["activeViolations"].as_array().unwrap().clone()
}

/// What is violated, as `DEVICE BEHAVIOR`.
fn violated(gateway: &Gateway<'_>) -> Vec<String> {
    let name =
        |of: &Value| format!("{} {}", of["thingName"].as_str().unwrap(), of["behavior"]["name"].as_str().unwrap());
    let mut names: Vec<String> = active(gateway).iter().map(name).collect();
    names.sort();
    names
}

const ALWAYS: &str = "startTime=2020-01-01T00:00:00Z&endTime=2099-01-01T00:00:00Z";

/// What has become of violations, the newest first, as `DEVICE BEHAVIOR CHANGE`.
fn events(gateway: &Gateway<'_>) -> Vec<String> {
    let listed = gateway.iot("GET", &format!("/violation-events?{ALWAYS}"), &Value::Null);
    let text = |of: &Value| of.as_str().unwrap().to_owned();
    let shown = |of: &Value| [&of["thingName"], &of["behavior"]["name"], &of["violationEventType"]].map(text).join(" ");
    listed["violationEvents"].as_array().unwrap().iter().map(shown).collect()
}

fn values(gateway: &Gateway<'_>, thing: &str, metric: &str, more: &str) -> Vec<Value> {
    let path = format!("/metric-values?thingName={thing}&metricName={metric}&{ALWAYS}{more}");
    let listed = gateway.iot("GET", &path, &Value::Null);
    listed["metricDatumList"].as_array().unwrap().iter().map(|datum| datum["value"].clone()).collect()
}

fn report(id: i64, ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports.iter().map(|port| json!({ "interface": "eth0", "port": port })).collect();
    json!({
        "header": { "report_id": id, "version": "1.0" },
        "metrics": { "listening_tcp_ports": { "ports": ports, "total": ports.len() } },
    })
}

/// A device that reports, and hears what is answered.
fn reporter(gateway: &Gateway<'_>, name: &str) -> Mqtt {
    let mut device = gateway.connect(&gateway.free_device(name));
    device.subscribe(&format!("$aws/things/{name}/defender/metrics/+/+"));
    device
}

#[test]
fn a_device_that_opens_a_port_is_told_of_until_it_closes_it() {
    let place = Place::new(ALERTS);
    let gateway = place.up(&DURABLE);
    gateway.iot("POST", "/things/cam", &json!({}));
    let no_telnet = json!({
        "name": "no-telnet", "metric": "aws:listening-tcp-ports",
        "criteria": { "comparisonOperator": "not-in-port-set", "value": { "ports": [23, 2323] }, "consecutiveDatapointsToClear": 2 },
    });
    let quiet = json!({ "name": "few", "metric": "aws:num-listening-tcp-ports", "suppressAlerts": true,
        "criteria": { "comparisonOperator": "less-than", "value": { "count": 2 } } });
    let alert = json!({ "SNS": { "alertTargetArn": "arn:aws:sns:us-east-1:123456789012:alerts", "roleArn": ROLE } });
    let made = json!({ "behaviors": [no_telnet, quiet], "alertTargets": alert });
    let created = gateway.iot("POST", "/security-profiles/ports", &made);
    assert_eq!(created["securityProfileArn"], json!(arn("securityprofile/ports")));
    attach(&gateway, "ports", "all/registered-things").ok();

    let mut cam = reporter(&gateway, "cam");
    let topic = "$aws/things/cam/defender/metrics/json";
    cam.publish(topic, report(7, &[443]).to_string()).unwrap();
    let accepted = cam.receive(&format!("{topic}/accepted")).json();
    assert_eq!(
        (&accepted["thingName"], &accepted["status"], &accepted["reportId"]),
        (&json!("cam"), &json!("ACCEPTED"), &json!(7)),
        "{accepted}"
    );
    assert_eq!(active(&gateway), [Value::Null; 0]);

    cam.publish(topic, report(8, &[443, 23]).to_string()).unwrap();
    cam.receive(&format!("{topic}/accepted"));
    let all = active(&gateway);
    assert_eq!(violated(&gateway), ["cam few", "cam no-telnet"]);
    let telnet = all.iter().find(|of| of["behavior"]["name"] == "no-telnet").unwrap();
    assert_eq!(telnet["lastViolationValue"], json!({ "ports": [23, 443] }), "{telnet}");
    assert_eq!(telnet["verificationState"], "UNKNOWN");
    let id = telnet["violationId"].as_str().unwrap().to_owned();
    let only = |query: &str| {
        gateway.iot("GET", &format!("/active-violations?{query}"), &Value::Null)["activeViolations"].clone()
    };
    assert_eq!(only("listSuppressedAlerts=true")[0]["behavior"]["name"], "few");
    assert_eq!(only("listSuppressedAlerts=false")[0]["behavior"]["name"], "no-telnet");
    assert_eq!(only("behaviorCriteriaType=STATISTICAL"), json!([]));
    assert_eq!(only("thingName=other"), json!([]));

    // The fleet index finds it.
    let indexed = json!({ "thingIndexingMode": "REGISTRY", "deviceDefenderIndexingMode": "VIOLATIONS" });
    gateway.iot("POST", "/indexing/config", &json!({ "thingIndexingConfiguration": indexed }));
    for query in ["deviceDefender.ports.no-telnet.inViolation:true", "deviceDefender.violationCount:2"] {
        wait_for(query, || {
            let found = gateway.call("iot", "POST", "/indices/search", &[], &json!({ "queryString": query }));
            found.body.contains("\"thingName\":\"cam\"").then_some(())
        });
    }

    // And it follows what changes without a beginning or an end.
    cam.publish(topic, report(81, &[443, 2323]).to_string()).unwrap();
    cam.receive(&format!("{topic}/accepted"));
    let of_index = |wanted: &str| {
        let found = gateway.iot("POST", "/indices/search", &json!({ "queryString": "thingName:cam" }));
        found["things"][0]["deviceDefender"].as_str().filter(|text| text.contains(wanted)).map(drop)
    };
    wait_for("the last value in the index", || of_index("2323"));
    wait_for("what is searched by it", || {
        let query = json!({ "queryString": "deviceDefender.ports.no-telnet.lastViolationValue.ports:2323" });
        let found = gateway.iot("POST", "/indices/search", &query);
        (found["things"].as_array().unwrap().len() == 1).then_some(())
    });

    // A kill loses nothing: neither the violation nor that it was told of.
    let verified = json!({ "verificationState": "TRUE_POSITIVE", "verificationStateDescription": "a shell is open" });
    gateway.iot("POST", &format!("/violations/verification-state/{id}"), &verified);
    let alarm = alarms(&gateway, 1).remove(0);
    assert_eq!(alarm["violationEventType"], "in-alarm", "{alarm}");
    assert_eq!(alarm["behavior"]["criteria"]["value"], json!({ "ports": [23, 2323] }), "{alarm}");
    assert_eq!(
        (&alarm["thingName"], &alarm["securityProfileName"], &alarm["metricValue"], &alarm["violationId"]),
        (&json!("cam"), &json!("ports"), &json!({ "ports": [23, 443] }), &json!(id)),
        "{alarm}"
    );
    wait_for("the alert is not sent again", || no_untold(&gateway).then_some(()));
    gateway.kill();
    let gateway = place.up(&DURABLE);
    let all = active(&gateway);
    let telnet = all.iter().find(|of| of["violationId"] == json!(id)).unwrap();
    assert_eq!(
        (&telnet["verificationState"], &telnet["verificationStateDescription"]),
        (&json!("TRUE_POSITIVE"), &json!("a shell is open"))
    );

    let mut cam =
        Mqtt::connect("cam", gateway.port("mqtt"), gateway.free_device("cam2").config(&gateway.root(), &[])).unwrap();
    cam.subscribe("$aws/things/cam/defender/metrics/+/+");
    let cbor = "$aws/things/cam/defender/metrics/cbor";
    for (id, left) in [(9, vec!["cam no-telnet"]), (10, vec![])] {
        let mut bytes = Vec::new();
        ciborium::into_writer(&report(id, &[443]), &mut bytes).unwrap();
        cam.publish(cbor, bytes).unwrap();
        let accepted = cam.receive(&format!("{cbor}/accepted"));
        let accepted: Value = ciborium::from_reader(accepted.payload.as_slice()).unwrap();
        assert_eq!(accepted["reportId"], json!(id));
        assert_eq!(violated(&gateway), left, "two normal datapoints end the one, one the other");
    }
    let alarm = alarms(&gateway, 1).remove(0);
    assert_eq!((&alarm["violationEventType"], &alarm["violationId"]), (&json!("alarm-cleared"), &json!(id)), "{alarm}");
    let all = ["cam no-telnet alarm-cleared", "cam few alarm-cleared", "cam few in-alarm", "cam no-telnet in-alarm"];
    let mut found = events(&gateway);
    found.sort();
    let mut expected = all.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(found, expected);
    gateway.stop();
}

/// Whether all alerts are known to have been sent: what is untold is a row that says so.
fn no_untold(gateway: &Gateway<'_>) -> bool {
    !gateway.send("GET", "/_drydock/export", &[], b"").body.replace('\\', "").contains("\"untold\":true")
}

/// So many messages of the queue.
fn alarms(gateway: &Gateway<'_>, count: usize) -> Vec<Value> {
    let sqs = |operation: &str, body: Value| {
        let target = format!("AmazonSQS.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        gateway.call("sqs", "POST", "/", &headers, &body).ok()
    };
    let url = sqs("GetQueueUrl", json!({ "QueueName": "alarms" }))["QueueUrl"].clone();
    let mut all = Vec::new();
    wait_for("alarms", || {
        let got = sqs("ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 }));
        for message in got["Messages"].as_array().into_iter().flatten() {
            all.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
            sqs("DeleteMessage", json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
        }
        (all.len() >= count).then_some(())
    });
    assert_eq!(all.len(), count, "{all:?}");
    all
}

#[test]
fn what_devices_do_on_their_connections_is_counted_by_period() {
    let place = Place::new(SMALL);
    let gateway = stopped(&place);
    gateway.iot(
        "POST",
        "/dimensions/auth",
        &json!({
        "type": "TOPIC_FILTER", "stringValues": ["device/+/auth"], "clientRequestToken": "t" }),
    );
    let scoped = |name: &str, operator: &str, count: i64| {
        let mut behavior = less(name, "aws:num-messages-sent", count, Some(300));
        behavior["metricDimension"] = json!({ "dimensionName": "auth", "operator": operator });
        behavior
    };
    let address = |name: &str, operator: &str| {
        json!({ "name": name, "metric": "aws:source-ip-address",
        "criteria": { "comparisonOperator": operator, "value": { "cidrs": ["127.0.0.0/8", "::1"] } } })
    };
    let sends = json!({ "name": "sends", "metric": "aws:num-messages-sent",
        "criteria": { "comparisonOperator": "greater-than", "value": { "count": 0 }, "durationSeconds": 600 } });
    watch_all(
        &gateway,
        "cloud",
        &json!([
            less("few", "aws:num-messages-sent", 5, Some(300)),
            less("few-received", "aws:num-messages-received", 5, Some(300)),
            less("small", "aws:message-byte-size", 100, None),
            less("allowed", "aws:num-authorization-failures", 1, Some(300)),
            less("calm", "aws:num-connection-attempts", 3, Some(300)),
            less("steady", "aws:num-disconnects", 2, Some(300)),
            less("there", "aws:disconnect-duration", 10, None),
            scoped("few-auth", "IN", 3),
            scoped("few-others", "NOT_IN", 3),
            address("at-home", "in-cidr-set"),
            address("abroad", "not-in-cidr-set"),
            sends,
        ]),
    );
    let strict = gateway.device(
        "flood",
        &json!([
            { "Effect": "Allow", "Action": ["iot:Connect", "iot:Subscribe", "iot:Receive"], "Resource": "*" },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": arn("topic/device/*") },
        ]),
    );
    let calm = gateway.free_device("calm");
    let mut flood = gateway.connect(&strict);
    let mut listener = gateway.connect(&calm);
    listener.subscribe("device/+/auth");
    for at in 0..5 {
        flood.publish("device/flood/auth", format!("{at}")).unwrap();
    }
    flood.publish("device/flood/data", "x".repeat(100)).unwrap();
    for _ in 0..5 {
        listener.receive("device/flood/auth");
    }
    period(&gateway);
    // Whether ten minutes are over depends on when the clock was stopped.
    let but_sends = || violated(&gateway).into_iter().filter(|of| !of.ends_with(" sends")).collect::<Vec<_>>();
    let first = ["calm abroad", "calm few-received", "flood abroad", "flood few", "flood few-auth", "flood small"];
    assert_eq!(but_sends(), first);
    assert_eq!(values(&gateway, "flood", "aws:num-messages-sent", ""), [json!({ "count": 6 })]);
    let scoped = |operator: &str| {
        let more = format!("&dimensionName=auth&dimensionValueOperator={operator}");
        values(&gateway, "flood", "aws:num-messages-sent", &more)
    };
    assert_eq!((scoped("IN"), scoped("NOT_IN")), (vec![json!({ "count": 5 })], vec![json!({ "count": 1 })]));
    assert_eq!(values(&gateway, "calm", "aws:num-messages-received", ""), [json!({ "count": 5 })]);
    let size = active(&gateway).into_iter().find(|of| of["behavior"]["name"] == "small").unwrap();
    assert_eq!(size["lastViolationValue"], json!({ "count": 100 }), "{size}");
    assert_eq!(size["violationStartTime"].as_f64().unwrap() % 300.0, 0.0, "a period's end");

    let counted = |metric: &str, behavior: &str, count: f64| {
        let dimensions = [("SecurityProfileName", "cloud"), ("BehaviorName", behavior)];
        wait_for(metric, || (gateway.metric(metric, &dimensions) == Some(count)).then_some(()));
    };
    counted("Violations", "few-auth", 1.0);
    counted("Violations", "abroad", 2.0);

    // What was is over; a publish that is refused ends the connection, and is counted with it.
    for _ in 0..2 {
        flood.publish("forbidden", "x").unwrap_err();
        flood = gateway.connect(&strict);
    }
    period(&gateway);
    counted("ViolationsCleared", "few-auth", 1.0);
    // Of no message there is no size.
    let second = ["calm abroad", "flood abroad", "flood allowed", "flood small", "flood steady"];
    assert_eq!(but_sends(), second);
    assert_eq!(values(&gateway, "flood", "aws:num-authorization-failures", "").last().unwrap(), &json!({ "count": 2 }));
    assert_eq!(values(&gateway, "flood", "aws:num-connection-attempts", "").last().unwrap(), &json!({ "count": 2 }));

    // Away for ten minutes, then back.
    flood.disconnect();
    wait_for("the disconnect", || (connected(&gateway, "flood") == Some(false)).then_some(()));
    period(&gateway);
    assert!(!violated(&gateway).contains(&"flood there".to_owned()));
    period(&gateway);
    period(&gateway);
    assert!(violated(&gateway).contains(&"flood there".to_owned()), "{:?}", violated(&gateway));
    let _flood = gateway.connect(&strict);
    period(&gateway);
    assert!(!violated(&gateway).contains(&"flood there".to_owned()));
    assert!(violated(&gateway).contains(&"calm sends".to_owned()), "nothing in ten minutes: {:?}", violated(&gateway));

    // The profile goes, and with it what it found.
    gateway.iot("DELETE", "/security-profiles/cloud", &Value::Null);
    assert_eq!(active(&gateway), [Value::Null; 0]);
    assert!(events(&gateway).contains(&"calm abroad alarm-invalidated".to_owned()), "{:?}", events(&gateway));
    counted("ViolationsInvalidated", "abroad", 2.0);
}

fn connected(gateway: &Gateway<'_>, client: &str) -> Option<bool> {
    gateway.call("iotdata", "GET", &format!("/connections/{client}"), &[], &Value::Null).ok()["connected"].as_bool()
}

#[test]
fn hostile_and_malformed_reports_are_rejected_and_others_are_taken() {
    let place = Place::new(SMALL);
    let gateway = stopped(&place);
    gateway.iot("POST", "/custom-metric/battery", &json!({ "metricType": "number", "clientRequestToken": "t" }));
    let low = json!({ "name": "charged", "metric": "battery",
        "criteria": { "comparisonOperator": "greater-than", "value": { "number": 20 } } });
    gateway.iot("POST", "/security-profiles/b", &json!({ "behaviors": [low] }));
    attach(&gateway, "b", "all/unregistered-things").ok();
    let mut stray = reporter(&gateway, "stray");
    let topic = "$aws/things/stray/defender/metrics/json";
    let deep = "[".repeat(100_000);
    let custom = |value: &Value| json!({ "header": { "report_id": 1, "version": "1.0" }, "custom_metrics": { "battery": value } });
    let mistyped = custom(&json!([{ "string_list": ["full"] }])).to_string();
    for payload in ["", "{", "null", &deep, "{\"header\":{}}", &mistyped] {
        stray.publish(topic, payload).unwrap();
        let rejected = stray.receive(&format!("{topic}/rejected")).json();
        let details = json!({ "ErrorCode": "InvalidPayload", "ErrorMessage": "Malformed metrics report" });
        assert_eq!(
            (&rejected["thingName"], &rejected["status"], &rejected["statusDetails"]),
            (&json!("stray"), &json!("REJECTED"), &details),
            "{payload:.40}: {rejected}"
        );
        assert!(rejected["timestamp"].as_i64() > Some(1_700_000_000_000));
    }
    stray.publish("$aws/things/stray/defender/metrics/cbor", [0x9f_u8; 1000]).unwrap();
    let rejected = stray.receive("$aws/things/stray/defender/metrics/cbor/rejected");
    let rejected: Value = ciborium::from_reader(rejected.payload.as_slice()).unwrap();
    assert_eq!(rejected["statusDetails"]["ErrorCode"], "InvalidPayload");

    // An unregistered device is judged all the same, and reports too many are too many.
    let low = custom(&json!([{ "number": 19.5 }])).to_string();
    stray.publish(topic, low.as_str()).unwrap();
    stray.receive(&format!("{topic}/accepted"));
    assert_eq!(violated(&gateway), ["stray charged"]);
    assert_eq!(values(&gateway, "stray", "battery", ""), [json!({ "number": 19.5 })]);
    let mut throttled = Value::Null;
    for number in 1..=60 {
        // So many messages a second and no more, by the clock that stands.
        if number % 20 == 0 {
            clock(&gateway, &json!({ "advance": "1s" }));
        }
        stray.publish(topic, low.as_str()).unwrap();
        let answer = stray.receive(topic).json();
        if answer["status"] == "REJECTED" {
            throttled = answer;
        }
    }
    assert_eq!(throttled["statusDetails"]["ErrorCode"], "Throttled", "{throttled}");
    period(&gateway);
    stray.publish(topic, low.as_str()).unwrap();
    stray.receive(&format!("{topic}/accepted"));

    // Once it is registered the profile is not its own any more, and what was found is invalid.
    gateway.iot("POST", "/things/stray", &json!({}));
    period(&gateway);
    assert_eq!(violated(&gateway), [""; 0]);
    assert_eq!(events(&gateway), ["stray charged alarm-invalidated", "stray charged in-alarm"]);
}

#[test]
fn datapoints_are_exported_to_a_topic_and_to_a_rule() {
    let place = Place::new(SMALL);
    let gateway = stopped(&place);
    let mut watch = gateway.observer(&["exported"]);
    let profile = json!({
        "additionalMetricsToRetainV2": [
            { "metric": "aws:num-messages-sent", "exportMetric": true },
            { "metric": "aws:all-bytes-in", "exportMetric": true },
            { "metric": "aws:all-bytes-out" },
        ],
        "metricsExportConfig": { "mqttTopic": "exported", "roleArn": ROLE },
    });
    gateway.iot("POST", "/security-profiles/export", &profile);
    attach(&gateway, "export", "all/things").ok();
    let mut lamp = reporter(&gateway, "lamp");
    let report = json!({ "hed": { "rid": 1, "v": "1.0" }, "met": { "ns": { "bi": 7, "bo": 8 } } });
    lamp.publish("$aws/things/lamp/defender/metrics/json", report.to_string()).unwrap();
    let exported = watch.receive("exported").json();
    assert_eq!(exported["version"], "1.0");
    let metric = &exported["metrics"][0];
    assert_eq!(
        (&metric["name"], &metric["thing"], &metric["value"]),
        (&json!("aws:all-bytes-in"), &json!("lamp"), &json!({ "count": 7 })),
        "{exported}"
    );
    assert_eq!(exported["metrics"].as_array().unwrap().len(), 1, "{exported}");
    lamp.receive("$aws/things/lamp/defender/metrics/json/accepted");
    period(&gateway);
    let exported = watch.receive("exported").json();
    let of_lamp = exported["metrics"].as_array().unwrap().iter().find(|of| of["thing"] == "lamp").unwrap().clone();
    assert_eq!((&of_lamp["name"], &of_lamp["value"]), (&json!("aws:num-messages-sent"), &json!({ "count": 1 })));
    assert_eq!(values(&gateway, "lamp", "aws:all-bytes-out", ""), [json!({ "count": 8 })]);
}

#[test]
fn profiles_have_versions_targets_and_limits() {
    let place = Place::new(SMALL);
    let gateway = stopped(&place);
    let few = less("few", "aws:num-messages-sent", 5, Some(300));
    watch_all(&gateway, "p", &json!([few]));
    let refused = |method: &str, path: &str, body: &Value, code: &str| {
        let answer = gateway.call("iot", method, path, &[], body);
        assert_eq!(answer.error().1, code.to_lowercase(), "{method} {path}: {}", answer.body);
    };
    refused("POST", "/security-profiles/p", &json!({}), "ResourceAlreadyExistsException");
    refused("PATCH", "/security-profiles/p?expectedVersion=2", &json!({}), "VersionConflictException");
    refused("DELETE", "/security-profiles/p?expectedVersion=2", &Value::Null, "VersionConflictException");
    refused(
        "PATCH",
        "/security-profiles/p",
        &json!({ "behaviors": [few], "deleteBehaviors": true }),
        "InvalidRequestException",
    );
    refused("PATCH", "/security-profiles/q", &json!({}), "ResourceNotFoundException");
    let sized = json!({ "behaviors": [less("small", "aws:message-byte-size", 5, Some(300))] });
    refused("POST", "/security-profiles/q", &sized, "InvalidRequestException");
    let updated =
        gateway.iot("PATCH", "/security-profiles/p?expectedVersion=1", &json!({ "securityProfileDescription": "d" }));
    assert_eq!((&updated["version"], &updated["behaviors"][0]["name"]), (&json!(2), &json!("few")), "{updated}");
    let validated = gateway.iot("POST", "/security-profile-behaviors/validate", &sized);
    assert_eq!(validated["valid"], json!(false));
    assert!(
        validated["validationErrors"][0]["errorMessage"].as_str().unwrap().starts_with("Behavior small is malformed.")
    );

    gateway.iot("POST", "/thing-groups/plant", &json!({}));
    gateway.iot("POST", "/thing-groups/hall", &json!({ "parentGroupName": "plant" }));
    attach(&gateway, "p", "thinggroup/plant").ok();
    assert_eq!(attach(&gateway, "p", "thinggroup/none").status, 404);
    assert_eq!(attach(&gateway, "p", "thing/a").status, 400);
    for at in 0..5 {
        gateway.iot("POST", &format!("/security-profiles/n{at}"), &json!({}));
        let answer = attach(&gateway, &format!("n{at}"), "all/things");
        assert_eq!(answer.status, if at < 4 { 200 } else { 410 }, "five profiles: {}", answer.body);
    }
    let of_target = |query: &str| {
        let hall = arn("thinggroup/hall").replace('/', "%2F");
        let path = format!("/security-profiles-for-target?securityProfileTargetArn={hall}{query}");
        gateway.iot("GET", &path, &Value::Null)["securityProfileTargetMappings"].clone()
    };
    assert_eq!(of_target(""), json!([]));
    assert_eq!(of_target("&recursive=true")[0]["securityProfileIdentifier"]["name"], "p");

    // Of a group, and of the groups below it.
    let group = json!({ "thingGroupName": "hall", "thingName": "lamp" });
    gateway.iot("POST", "/things/lamp", &json!({}));
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &group);
    let all = arn("all/things").replace('/', "%2F");
    gateway.iot("DELETE", &format!("/security-profiles/p/targets?securityProfileTargetArn={all}"), &Value::Null);
    let mut lamp = gateway.connect(&gateway.free_device("lamp"));
    let mut other = gateway.connect(&gateway.free_device("other"));
    for _ in 0..6 {
        lamp.publish("a", "x").unwrap();
        other.publish("a", "x").unwrap();
    }
    lamp.subscribe("b");
    other.subscribe("b");
    period(&gateway);
    assert_eq!(violated(&gateway), ["lamp few"]);

    gateway.iot("POST", "/custom-metric/m", &json!({ "metricType": "number", "clientRequestToken": "t" }));
    let own = json!({ "additionalMetricsToRetainV2": [{ "metric": "m" }] });
    gateway.iot("PATCH", "/security-profiles/p", &own);
    refused("DELETE", "/custom-metric/m", &Value::Null, "InvalidRequestException");
    let named = gateway.iot("GET", "/security-profiles?metricName=m", &Value::Null);
    assert_eq!(named["securityProfileIdentifiers"], json!([{ "name": "p", "arn": arn("securityprofile/p") }]));
}
