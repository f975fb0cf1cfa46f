//! Schedules of the Scheduler and rules of EventBridge, over their APIs, on a clock that is moved.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{advance, config, open, scope, still};
use async_trait::async_trait;
use bytes::Bytes;
use drydock_cloud::{Cloud, CloudConfig, IotApi, events, scheduler};
use drydock_timers::Timers;
use http::{Request, Response};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ROLE: &str = "arn:aws:iam::123456789012:role/scheduler";
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// Stand-ins on a clock.
fn on(clock: &Timers) -> Cloud {
    let cloud = open(CloudConfig { timers: clock.clone(), ..config() }).0;
    cloud.resume();
    cloud
}

async fn queue(cloud: &Cloud, name: &str) -> String {
    cloud.sqs().ensure(name, &json!({})).await.unwrap();
    scope().arn("sqs", name).to_string()
}

/// The messages of a queue, which are deleted, in the order of their texts: body and attributes.
async fn messages(cloud: &Cloud, name: &str) -> Vec<(String, Value)> {
    let queue = cloud.sqs().queue(name).unwrap();
    let mut found = Vec::new();
    loop {
        let received = cloud.sqs().receive(&queue, 10, Some(600), Some(0)).await.unwrap();
        if received.is_empty() {
            found.sort_by_key(|(body, _): &(String, Value)| body.clone());
            return found;
        }
        let handles: Vec<String> = received.iter().map(|message| message.receipt.clone()).collect();
        queue.delete(&handles).await.unwrap();
        found.extend(received.iter().map(|message| {
            let text = |(name, value): (&String, &drydock_cloud::sqs::message::Attribute)| {
                (name.clone(), json!(value.string_value))
            };
            (message.body.clone(), message.attributes.iter().map(text).collect::<serde_json::Map<_, _>>().into())
        }));
    }
}

async fn bodies(cloud: &Cloud, name: &str) -> Vec<String> {
    messages(cloud, name).await.into_iter().map(|(body, _)| body).collect()
}

/// A request to the Scheduler.
async fn ask(cloud: &Cloud, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).body(Bytes::from(body.to_string())).unwrap();
    let response = cloud.handle(scheduler::SERVICE, request).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

fn schedule(expression: &str, target: &str, input: &str) -> Value {
    json!({
        "ScheduleExpression": expression, "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": target, "RoleArn": ROLE, "Input": input },
    })
}

/// A request to EventBridge.
async fn event(cloud: &Cloud, operation: &str, body: &Value) -> (u16, Value) {
    let request = Request::builder().method("POST").uri("/").header("x-amz-target", format!("AWSEvents.{operation}"));
    let response = cloud.handle(events::SERVICE, request.body(Bytes::from(body.to_string())).unwrap()).await;
    let status = response.status().as_u16();
    (status, if response.body().is_empty() { Value::Null } else { serde_json::from_slice(response.body()).unwrap() })
}

#[tokio::test]
async fn a_schedule_lives_through_its_operations() {
    let clock = still();
    let cloud = on(&clock);
    let target = queue(&cloud, "q").await;
    let daily = schedule("cron(0 8 * * ? *)", &target, "daily");
    let (status, made) = ask(&cloud, "POST", "/schedules/daily", &daily).await;
    assert_eq!(
        (status, &made["ScheduleArn"]),
        (200, &json!("arn:aws:scheduler:us-east-1:123456789012:schedule/default/daily"))
    );
    assert_eq!(ask(&cloud, "POST", "/schedules/daily", &daily).await.0, 409);
    let (_, shown) = ask(&cloud, "GET", "/schedules/daily", &Value::Null).await;
    assert_eq!(shown["ScheduleExpression"], "cron(0 8 * * ? *)");
    assert_eq!(
        (&shown["State"], &shown["ScheduleExpressionTimezone"], &shown["ActionAfterCompletion"]),
        (&json!("ENABLED"), &json!("UTC"), &json!("NONE"))
    );
    assert_eq!(shown["CreationDate"], json!(1_700_000_000.0));

    assert_eq!(
        ask(&cloud, "POST", "/schedule-groups/fleet", &json!({ "Tags": [{ "Key": "team", "Value": "a" }] })).await.0,
        200
    );
    let mut grouped = daily.clone();
    grouped["GroupName"] = json!("none");
    assert_eq!(ask(&cloud, "POST", "/schedules/daily", &grouped).await.0, 404);
    grouped["GroupName"] = json!("fleet");
    assert_eq!(ask(&cloud, "POST", "/schedules/daily", &grouped).await.0, 200);
    let (_, page) = ask(&cloud, "GET", "/schedules?MaxResults=1", &Value::Null).await;
    assert_eq!(page["Schedules"][0]["GroupName"], "default");
    let next = format!("/schedules?MaxResults=1&NextToken={}", page["NextToken"].as_str().unwrap());
    let (_, page) = ask(&cloud, "GET", &next, &Value::Null).await;
    assert_eq!((&page["Schedules"][0]["GroupName"], &page["NextToken"]), (&json!("fleet"), &Value::Null));
    let arn = "arn%3Aaws%3Ascheduler%3Aus-east-1%3A123456789012%3Aschedule-group%2Ffleet";
    let (_, tags) = ask(&cloud, "GET", &format!("/tags/{arn}"), &Value::Null).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "team", "Value": "a" }]));

    let off = json!({ "State": "DISABLED", "GroupName": "fleet" });
    let mut changed = daily.clone();
    changed.as_object_mut().unwrap().extend(off.as_object().unwrap().clone());
    assert_eq!(ask(&cloud, "PUT", "/schedules/daily", &changed).await.0, 200);
    advance(&clock, Duration::from_secs(49 * HOUR)).await;
    assert_eq!(bodies(&cloud, "q").await, ["daily", "daily"], "of the one that is enabled, once a day");
    assert_eq!(ask(&cloud, "DELETE", "/schedule-groups/fleet", &Value::Null).await.0, 200);
    assert_eq!(ask(&cloud, "GET", "/schedules/daily?groupName=fleet", &Value::Null).await.0, 404);
    assert_eq!(ask(&cloud, "DELETE", "/schedules/daily", &Value::Null).await.0, 200);
    advance(&clock, Duration::from_secs(49 * HOUR)).await;
    assert_eq!(bodies(&cloud, "q").await, Vec::<String>::new());
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_schedule_keeps_to_its_start_its_end_and_its_once() {
    let clock = still();
    let cloud = on(&clock);
    let target = queue(&cloud, "q").await;
    // A rate begins at once, or at its start.
    ask(
        &cloud,
        "POST",
        "/schedules/rate",
        &schedule("rate(20 minutes)", &target, "<aws.scheduler.scheduled-time> rate"),
    )
    .await;
    let mut bounded = schedule("rate(20 minutes)", &target, "<aws.scheduler.scheduled-time> bounded");
    bounded["StartDate"] = json!(1_700_000_600);
    bounded["EndDate"] = json!(1_700_002_400);
    ask(&cloud, "POST", "/schedules/bounded", &bounded).await;
    let mut once = schedule("at(2023-11-14T23:30:00)", &target, "<aws.scheduler.scheduled-time> once");
    once["ScheduleExpressionTimezone"] = json!("Europe/Berlin");
    once["ActionAfterCompletion"] = json!("DELETE");
    ask(&cloud, "POST", "/schedules/once", &once).await;
    advance(&clock, Duration::from_secs(50 * MINUTE)).await;
    let expected = [
        "2023-11-14T22:13:20Z rate",
        "2023-11-14T22:23:20Z bounded",
        "2023-11-14T22:30:00Z once",
        "2023-11-14T22:33:20Z rate",
        "2023-11-14T22:43:20Z bounded",
        "2023-11-14T22:53:20Z rate",
    ];
    assert_eq!(bodies(&cloud, "q").await, expected);
    assert_eq!(ask(&cloud, "GET", "/schedules/once", &Value::Null).await.0, 404, "it is deleted after its completion");
    assert_eq!(ask(&cloud, "GET", "/schedules/bounded", &Value::Null).await.0, 200);
    cloud.shutdown().await;
}

#[tokio::test]
async fn schedules_outlive_a_restart_and_what_was_to_be_once_is_made_up_for() {
    let folder = tempfile::tempdir().unwrap();
    let clock = still();
    let opened = || open(CloudConfig { timers: clock.clone(), data_dir: Some(folder.path().to_owned()), ..config() }).0;
    let cloud = opened();
    cloud.resume();
    let target = queue(&cloud, "q").await;
    let of_template = schedule("rate(1 minute)", &target, "template");
    cloud.scheduler().ensure("gone", of_template.as_object().unwrap()).await.unwrap();
    let mut ended = schedule("rate(1 hour)", &target, "ended");
    ended["EndDate"] = json!(1_700_003_000);
    cloud.scheduler().ensure("ended", ended.as_object().unwrap()).await.unwrap();
    ask(&cloud, "POST", "/schedules/hourly", &schedule("cron(0 * * * ? *)", &target, "hourly")).await;
    ask(&cloud, "POST", "/schedules/once", &schedule("at(2023-11-15T00:00:00)", &target, "once")).await;
    cloud.shutdown().await;
    advance(&clock, Duration::from_secs(5 * HOUR)).await;
    let cloud = opened();
    // The template says it still, and it is what it was.
    cloud.scheduler().ensure("ended", ended.as_object().unwrap()).await.unwrap();
    cloud.resume();
    advance(&clock, Duration::from_secs(1)).await;
    let found = bodies(&cloud, "q").await;
    assert!(found.contains(&"once".to_owned()) && !found.contains(&"hourly".to_owned()), "{found:?}");
    assert_eq!(ask(&cloud, "GET", "/schedules/gone", &Value::Null).await.0, 404, "no template says it any more");
    advance(&clock, Duration::from_secs(HOUR)).await;
    assert_eq!(bodies(&cloud, "q").await, ["hourly"]);
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_a_schedule_cannot_be_is_refused() {
    let clock = still();
    let cloud = on(&clock);
    let target = queue(&cloud, "q").await;
    let good = schedule("rate(1 hour)", &target, "x");
    for (member, value, word) in [
        ("ScheduleExpression", json!("rate(1 week)"), "Invalid Schedule Expression rate(1 week)."),
        ("ScheduleExpressionTimezone", json!("Nowhere/City"), "Invalid Schedule Expression Timezone"),
        ("FlexibleTimeWindow", json!({ "Mode": "FLEXIBLE" }), "MaximumWindowInMinutes"),
        ("FlexibleTimeWindow", json!({ "Mode": "OFF", "MaximumWindowInMinutes": 5 }), "FLEXIBLE"),
        ("EndDate", json!(1), "after the current time"),
        ("State", json!("PAUSED"), "ENABLED"),
        ("Target", json!({ "Arn": target, "RoleArn": "r" }), "ARN of a role"),
        (
            "Target",
            json!({ "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/c", "RoleArn": ROLE }),
            "not implemented",
        ),
        (
            "Target",
            json!({ "Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "RoleArn": ROLE }),
            "ec2:stopInstances",
        ),
        ("Target", json!({ "Arn": "arn:aws:scheduler:::aws-sdk:iot:describeThing", "RoleArn": ROLE }), "only reads"),
        ("Target", json!({ "Arn": target, "RoleArn": ROLE, "EcsParameters": {} }), "EcsParameters"),
        (
            "Target",
            json!({ "Arn": target, "RoleArn": ROLE, "RetryPolicy": { "MaximumRetryAttempts": 186 } }),
            "0 to 185",
        ),
        ("Unknown", json!(1), "Unknown"),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        let (status, answer) = ask(&cloud, "POST", "/schedules/bad", &bad).await;
        let message = answer["Message"].as_str().unwrap();
        assert!(status == 400 && message.contains(word), "{member}: {status} {message}");
    }
    let (status, answer) = ask(&cloud, "POST", "/schedules/a%20b", &good).await;
    assert_eq!(status, 400, "{answer}");
    assert_eq!(ask(&cloud, "PATCH", "/schedules/x", &good).await.0, 501);
    cloud.shutdown().await;
}

/// AWS IoT's API, which fails as often as it is told.
struct Iot {
    asked: Mutex<Vec<String>>,
    failures: Mutex<u32>,
}

#[async_trait]
impl IotApi for Iot {
    async fn call(&self, service: &'static str, request: Request<Bytes>) -> Response<Bytes> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        self.asked.lock().unwrap().push(format!("{service} {} {} {body}", request.method(), request.uri()));
        let mut failures = self.failures.lock().unwrap();
        let status = if *failures == 0 { 200 } else { 503 };
        *failures = failures.saturating_sub(1);
        Response::builder().status(status).body(Bytes::new()).unwrap()
    }
}

#[tokio::test]
async fn universal_targets_call_apis_and_are_tried_again() {
    let clock = still();
    let cloud = on(&clock);
    let queue_url = {
        queue(&cloud, "q").await;
        format!("{}/123456789012/q", config().endpoint)
    };
    let dead = queue(&cloud, "dead").await;
    let iot = Arc::new(Iot { asked: Mutex::default(), failures: Mutex::new(2) });
    cloud.scheduler().calls(iot.clone());
    let sdk = |call: &str| format!("arn:aws:scheduler:::aws-sdk:{call}");
    let desired =
        json!({ "ThingName": "lamp 1", "ShadowName": "s", "Payload": r#"{"state":{"desired":{"on":true}}}"# });
    let update = schedule("at(2023-11-14T23:00:00)", &sdk("iotdataplane:updateThingShadow"), &desired.to_string());
    assert_eq!(ask(&cloud, "POST", "/schedules/a", &update).await.0, 200);
    let publish =
        schedule("at(2023-11-14T23:10:00)", &sdk("iotdataplane:publish"), r#"{"Topic":"a/b","Qos":1,"Payload":"on"}"#);
    ask(&cloud, "POST", "/schedules/b", &publish).await;
    let message = json!({ "QueueUrl": queue_url, "MessageBody": "by the API" }).to_string();
    ask(&cloud, "POST", "/schedules/c", &schedule("at(2023-11-14T23:20:00)", &sdk("sqs:sendMessage"), &message)).await;
    let mut lost = schedule("at(2023-11-14T23:30:00)", &sdk("iotdataplane:publish"), r#"{"Payload":"no topic"}"#);
    lost["Target"]["DeadLetterConfig"] = json!({ "Arn": dead });
    ask(&cloud, "POST", "/schedules/d", &lost).await;
    advance(&clock, Duration::from_secs(2 * HOUR)).await;
    let shadow = r#"iotdata POST /things/lamp%201/shadow?name=s {"state":{"desired":{"on":true}}}"#;
    assert_eq!(*iot.asked.lock().unwrap(), [shadow, shadow, shadow, "iotdata POST /topics/a%2Fb?qos=1 on"]);
    assert_eq!(bodies(&cloud, "q").await, ["by the API"]);
    let found = messages(&cloud, "dead").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, r#"{"Payload":"no topic"}"#);
    assert_eq!(
        (&found[0].1["ERROR_CODE"], &found[0].1["RETRY_ATTEMPTS"]),
        (&json!("ValidationException"), &json!("0"))
    );
    cloud.shutdown().await;
}

#[tokio::test]
async fn each_attempt_is_told_its_number() {
    let clock = still();
    let cloud = on(&clock);
    let iot = Arc::new(Iot { asked: Mutex::default(), failures: Mutex::new(2) });
    cloud.scheduler().calls(iot.clone());
    let input = r#"{"Topic":"t","Payload":"<aws.scheduler.attempt-number>"}"#;
    let publish = schedule("at(2023-11-14T23:00:00)", "arn:aws:scheduler:::aws-sdk:iotdataplane:publish", input);
    assert_eq!(ask(&cloud, "POST", "/schedules/a", &publish).await.0, 200);
    advance(&clock, Duration::from_secs(HOUR)).await;
    let expected = ["1", "2", "3"].map(|number| format!("iotdata POST /topics/t {number}"));
    assert_eq!(*iot.asked.lock().unwrap(), expected);
    cloud.shutdown().await;
}

#[tokio::test]
async fn rules_run_at_times_and_take_events() {
    let clock = still();
    let cloud = on(&clock);
    let (timed, taken) = (queue(&cloud, "timed").await, queue(&cloud, "taken").await);
    let (status, made) =
        event(&cloud, "PutRule", &json!({ "Name": "r", "ScheduleExpression": "rate(20 minutes)" })).await;
    assert_eq!((status, &made["RuleArn"]), (200, &json!("arn:aws:events:us-east-1:123456789012:rule/r")));
    event(
        &cloud,
        "PutTargets",
        &json!({ "Rule": "r", "Targets": [{ "Id": "q", "Arn": timed, "InputPath": "$.time" }] }),
    )
    .await;
    let pattern = json!({ "source": ["shop"], "detail": { "total": [{ "numeric": [">", 100] }] } }).to_string();
    event(&cloud, "PutRule", &json!({ "Name": "large", "EventPattern": pattern })).await;
    let target = json!({ "Id": "q", "Arn": taken, "InputTransformer": { "InputPathsMap": { "t": "$.detail.total" }, "InputTemplate": "\"total <t>\"" } });
    event(&cloud, "PutTargets", &json!({ "Rule": "large", "Targets": [target] })).await;
    let entry = |total: i64| json!({ "Source": "shop", "DetailType": "order", "Detail": json!({ "total": total }).to_string() });
    let entries = [
        entry(50),
        entry(150),
        json!({ "Source": "shop", "DetailType": "order", "Detail": "{" }),
        json!({ "DetailType": "x", "Detail": "{}" }),
    ];
    let (_, answer) = event(&cloud, "PutEvents", &json!({ "Entries": entries })).await;
    assert_eq!(answer["FailedEntryCount"], 2);
    assert_eq!(
        (&answer["Entries"][2]["ErrorCode"], &answer["Entries"][3]["ErrorCode"]),
        (&json!("MalformedDetail"), &json!("InvalidArgument"))
    );
    advance(&clock, Duration::from_secs(HOUR)).await;
    assert_eq!(bodies(&cloud, "taken").await, [r#""total 150""#]);
    assert_eq!(
        bodies(&cloud, "timed").await,
        [r#""2023-11-14T22:33:20Z""#, r#""2023-11-14T22:53:20Z""#, r#""2023-11-14T23:13:20Z""#]
    );

    let (_, listed) = event(&cloud, "ListRules", &json!({ "NamePrefix": "l" })).await;
    assert_eq!((&listed["Rules"][0]["Name"], &listed["Rules"][0]["EventPattern"]), (&json!("large"), &json!(pattern)));
    let (_, names) = event(&cloud, "ListRuleNamesByTarget", &json!({ "TargetArn": timed })).await;
    assert_eq!(names["RuleNames"], json!(["r"]));
    event(&cloud, "DisableRule", &json!({ "Name": "r" })).await;
    advance(&clock, Duration::from_secs(HOUR)).await;
    assert_eq!(bodies(&cloud, "timed").await, Vec::<String>::new());
    let (status, answer) = event(&cloud, "DeleteRule", &json!({ "Name": "r" })).await;
    assert!(status == 400 && answer["message"].as_str().unwrap().contains("has targets"), "{answer}");
    event(&cloud, "RemoveTargets", &json!({ "Rule": "r", "Ids": ["q"] })).await;
    assert_eq!(event(&cloud, "DeleteRule", &json!({ "Name": "r" })).await.0, 200);
    let (status, answer) = event(&cloud, "DescribeRule", &json!({ "Name": "r" })).await;
    assert_eq!((status, &answer["__type"]), (400, &json!("ResourceNotFoundException")));
    for (operation, body, code) in [
        ("PutRule", json!({ "Name": "x" }), "ValidationException"),
        ("PutRule", json!({ "Name": "x", "ScheduleExpression": "rate(1 hours)" }), "ValidationException"),
        ("PutRule", json!({ "Name": "x", "EventPattern": "{\"a\": 1}" }), "InvalidEventPatternException"),
        (
            "PutRule",
            json!({ "Name": "x", "EventPattern": "{\"a\": [1]}", "EventBusName": "b" }),
            "ResourceNotFoundException",
        ),
        ("CreateEventBus", json!({ "Name": "b" }), "NotImplementedException"),
    ] {
        let (_, answer) = event(&cloud, operation, &body).await;
        assert_eq!(answer["__type"], code, "{operation} {body}: {answer}");
    }
    cloud.shutdown().await;
}

/// The operators of "Comparison operators for use in event patterns", with the examples of that page.
#[tokio::test]
async fn patterns_take_what_they_say() {
    let clock = still();
    let cloud = on(&clock);
    let detail = json!({
        "instance-id": "i-1", "state": "initializing", "count": 5, "name": "Payment", "file": "a/pic.png", "ip": "10.0.0.7",
        "tags": ["x", "y"], "lines": [{ "sku": "a" }, { "sku": "b" }], "nothing": null, "on": true, "mail": "user@example.com",
    });
    let taken = json!({
        "id": "1", "account": "1", "source": "s", "time": "2026-01-01T00:00:00Z", "region": "r", "resources": ["a", "b"],
        "detail-type": "t", "detail": detail,
    });
    for (pattern, expected) in [
        (json!({ "source": ["s"] }), true),
        (json!({ "source": ["x"] }), false),
        (json!({ "resources": ["b", "c"] }), true),
        (json!({ "detail": { "state": [{ "anything-but": "running" }] } }), true),
        (json!({ "detail": { "state": [{ "anything-but": ["initializing", "running"] }] } }), false),
        (json!({ "detail": { "state": [{ "anything-but": { "prefix": "init" } }] } }), false),
        (json!({ "detail": { "state": [{ "anything-but": { "suffix": ["x", "y"] } }] } }), true),
        (json!({ "detail": { "file": [{ "suffix": ".png" }] } }), true),
        (json!({ "detail": { "file": [{ "prefix": "b/" }] } }), false),
        (json!({ "detail": { "name": [{ "equals-ignore-case": "payment" }] } }), true),
        (json!({ "detail": { "name": [{ "prefix": { "equals-ignore-case": "PAY" } }] } }), true),
        (json!({ "detail": { "count": [{ "numeric": [">", 0, "<=", 5] }] } }), true),
        (json!({ "detail": { "count": [{ "numeric": ["=", 6] }] } }), false),
        (json!({ "detail": { "count": [5.0] } }), true),
        (json!({ "detail": { "count": ["5"] } }), false),
        (json!({ "detail": { "ip": [{ "cidr": "10.0.0.0/24" }] } }), true),
        (json!({ "detail": { "ip": [{ "cidr": "10.0.1.0/24" }] } }), false),
        (json!({ "detail": { "c-count": [{ "exists": false }] } }), true),
        (json!({ "detail": { "count": [{ "exists": false }] } }), false),
        (json!({ "detail": { "gone": { "deeper": [{ "exists": false }] } } }), true),
        (json!({ "detail": { "nothing": [null] } }), true),
        (json!({ "detail": { "on": [true] } }), true),
        (json!({ "detail": { "tags": ["y"] } }), true),
        (json!({ "detail": { "lines": { "sku": ["b"] } } }), true),
        (json!({ "detail": { "mail": [{ "wildcard": "*@*.com" }] } }), true),
        (json!({ "detail": { "mail": [{ "wildcard": "user*.org" }] } }), false),
        (json!({ "$or": [{ "source": ["x"] }, { "detail-type": ["t"] }] }), true),
        (json!({ "source": ["s"], "detail": { "$or": [{ "count": [1] }, { "state": ["running"] }] } }), false),
    ] {
        let body = json!({ "EventPattern": pattern.to_string(), "Event": taken.to_string() });
        assert_eq!(event(&cloud, "TestEventPattern", &body).await, (200, json!({ "Result": expected })), "{pattern}");
    }
    for wrong in [
        "{}",
        "[]",
        "{\"a\": \"b\"}",
        "{\"a\": []}",
        "{\"a\": [{\"like\": \"b\"}]}",
        "{\"a\": [{\"numeric\": [\">\"]}]}",
        "{\"a\": [{\"wildcard\": \"a**\"}]}",
        "{",
    ] {
        let (status, answer) =
            event(&cloud, "TestEventPattern", &json!({ "EventPattern": wrong, "Event": taken.to_string() })).await;
        assert_eq!((status, &answer["__type"]), (400, &json!("InvalidEventPatternException")), "{wrong}");
    }
    cloud.shutdown().await;
}
