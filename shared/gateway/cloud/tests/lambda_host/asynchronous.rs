//! Events that nobody waits for.

use crate::common::{advance, config, message_of, notice, open, scope, still};
use crate::function_named;
use bytes::Bytes;
use drydock_cloud::lambda::{Definition, EventInvokeConfig, Permission};
use drydock_cloud::s3::Notification;
use drydock_cloud::{Cloud, CloudConfig, Notice, RetryPolicy};
use drydock_core::Arn;
use serde_json::json;

use std::time::Duration;

pub(crate) fn quick() -> RetryPolicy {
    let (first, second) = (Duration::from_millis(30), Duration::from_millis(60));
    RetryPolicy { first, second, throttled: first, throttled_max: second }
}

async fn queue(cloud: &Cloud, name: &str) -> Arn {
    cloud.sqs().ensure(name, &json!({})).await.unwrap();
    cloud.sqs().arn(name)
}

fn function(events: EventInvokeConfig) -> Definition {
    Definition { events, ..function_named("f") }
}

pub(crate) async fn an_event_succeeds_and_its_record_goes_to_the_destination() {
    let (cloud, _) = open(config());
    let on_success = Some(queue(&cloud, "good").await);
    cloud.lambda().register(function(EventInvokeConfig { on_success, ..Default::default() })).unwrap();
    let request = http::Request::builder()
        .method("POST")
        .uri("/2015-03-31/functions/f/invocations")
        .header("x-amz-invocation-type", "Event")
        .body(Bytes::from("{\"a\":1}"))
        .unwrap();
    let response = cloud.handle(drydock_cloud::lambda::SERVICE, request).await;
    assert_eq!((response.status().as_u16(), response.body().len()), (202, 0));
    // The form: "Adding a destination" in the Lambda developer guide, example invocation record.
    let record = message_of(&cloud, "good").await;
    assert_eq!(record["version"], "1.0");
    let context = &record["requestContext"];
    assert_eq!(context["requestId"], response.headers()["x-amzn-requestid"].to_str().unwrap());
    assert_eq!(context["functionArn"], "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST");
    assert_eq!((&context["condition"], &context["approximateInvokeCount"]), (&json!("Success"), &json!(1)));
    assert_eq!(record["requestPayload"], json!({"a": 1}));
    assert_eq!(record["responseContext"], json!({"statusCode": 200, "executedVersion": "$LATEST"}));
    assert_eq!(record["responsePayload"]["event"], json!({"a": 1}));
    cloud.shutdown().await;
}

pub(crate) async fn a_failing_event_is_retried_twice_then_recorded() {
    let mut config = config();
    config.lambda.retry = quick();
    let (cloud, mut notices) = open(config);
    let (on_failure, dead) = (queue(&cloud, "failed").await, queue(&cloud, "dead").await);
    let events = EventInvokeConfig { on_failure: Some(on_failure), dead_letter: Some(dead), ..Default::default() };
    cloud.lambda().register(function(events)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let touch = dir.path().join("runs");
    let event = json!({"do": "error", "touch": touch});
    let id = cloud.lambda().invoke_async("f", event.to_string().into()).await.unwrap();
    let record = message_of(&cloud, "failed").await;
    let context = &record["requestContext"];
    assert_eq!((&context["condition"], &context["approximateInvokeCount"]), (&json!("RetriesExhausted"), &json!(3)));
    assert_eq!(context["requestId"], id);
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"]["errorMessage"], "it went wrong");
    assert_eq!(std::fs::read_to_string(&touch).unwrap(), "xxx");
    assert_eq!(message_of(&cloud, "dead").await, event);
    for (attempts, last) in [(1, false), (2, false), (3, true)] {
        let told = notice(&mut notices, |notice| match notice {
            Notice::AsyncFailed { attempts, retry_in_ms, .. } => Some((attempts, retry_in_ms.is_none())),
            _ => None,
        });
        assert_eq!(told.await, (attempts, last));
    }
    while cloud.pending_events() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cloud.shutdown().await;
}

pub(crate) async fn no_retries_means_one_attempt() {
    let (cloud, _) = open(config());
    let on_failure = Some(queue(&cloud, "failed").await);
    cloud.lambda().register(function(EventInvokeConfig { max_retries: 0, on_failure, ..Default::default() })).unwrap();
    cloud.lambda().invoke_async("f", json!({"do": "error"}).to_string().into()).await.unwrap();
    assert_eq!(message_of(&cloud, "failed").await["requestContext"]["approximateInvokeCount"], 1);
    cloud.shutdown().await;
}

pub(crate) async fn an_old_event_is_given_up() {
    let clock = still();
    let mut config = config();
    config.timers = clock.clone();
    config.lambda.retry = RetryPolicy::aws();
    let (cloud, mut notices) = open(config);
    let on_failure = Some(queue(&cloud, "failed").await);
    cloud.lambda().register(function(EventInvokeConfig { max_age: 60, on_failure, ..Default::default() })).unwrap();
    cloud.lambda().invoke_async("f", json!({"do": "error"}).to_string().into()).await.unwrap();
    let retry = notice(&mut notices, |notice| match notice {
        Notice::AsyncFailed { retry_in_ms, .. } => retry_in_ms,
        _ => None,
    });
    assert_eq!(retry.await, 60_000);
    // Nothing but the clock brings the retry about: it stands still until it is moved.
    advance(&clock, Duration::from_secs(61)).await;
    let record = message_of(&cloud, "failed").await;
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 1);
    cloud.shutdown().await;
}

pub(crate) async fn more_events_than_places_all_run() {
    let (cloud, _) = open(config());
    let on_success = Some(queue(&cloud, "good").await);
    let events = EventInvokeConfig { on_success, ..Default::default() };
    cloud.lambda().register(Definition { max_concurrency: Some(2), ..function(events) }).unwrap();
    let mut expected = std::collections::BTreeSet::new();
    for n in 0..40 {
        expected.insert(cloud.lambda().invoke_async("f", json!({"n": n}).to_string().into()).await.unwrap());
    }
    for _ in 0..40 {
        let record = message_of(&cloud, "good").await;
        assert!(expected.remove(record["requestContext"]["requestId"].as_str().unwrap()));
    }
    let (busy, idle) = cloud.lambda().processes("f").unwrap();
    assert!(busy + idle <= 2);
    cloud.shutdown().await;
}

pub(crate) async fn a_service_needs_permission() {
    let (cloud, _) = open(config());
    let on_success = Some(queue(&cloud, "good").await);
    cloud.lambda().register(function(EventInvokeConfig { on_success, ..Default::default() })).unwrap();
    let (lambda, rule) = (cloud.lambda(), scope().arn("iot", "rule/r"));
    let invoke = || lambda.invoke_from("iot.amazonaws.com", &rule, "f", Bytes::from("{}"));
    let refused = invoke().await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDeniedException", 403));
    let permission = Permission {
        qualifier: None,
        statement_id: "Allow".into(),
        action: "lambda:InvokeFunction".into(),
        principal: "iot.amazonaws.com".into(),
        source_arn: Some(rule.to_string()),
        source_account: Some("123456789012".into()),
    };
    lambda.permit("f", permission).unwrap();
    let id = invoke().await.unwrap();
    assert_eq!(message_of(&cloud, "good").await["requestContext"]["requestId"], id);
    let other = scope().arn("iot", "rule/other");
    let refused = lambda.invoke_from("iot.amazonaws.com", &other, "f", Bytes::from("{}")).await.unwrap_err();
    assert!(refused.to_string().contains("`Allow` is for the source"), "{refused}");
    cloud.shutdown().await;
}

/// The form: "Event message structure" in the S3 user guide.
pub(crate) async fn a_bucket_tells_a_function_of_its_objects() {
    let folder = tempfile::tempdir().unwrap();
    let (cloud, mut notices) = open(CloudConfig { scratch: Some(folder.path().to_owned()), ..config() });
    let on_success = Some(queue(&cloud, "told").await);
    cloud.lambda().register(function(EventInvokeConfig { on_success, ..Default::default() })).unwrap();
    let s3 = cloud.s3();
    let notification = Notification {
        id: "new".into(),
        events: vec!["s3:ObjectCreated:*".into(), "s3:ObjectRemoved:Delete".into()],
        prefix: "in/".into(),
        suffix: ".json".into(),
        target: scope().arn("lambda", "function:f"),
    };
    assert!(s3.notify("b", vec![notification.clone()]).await.is_err(), "there is no such bucket");
    s3.ensure_bucket("b", false).await.unwrap();
    s3.notify("b", vec![notification]).await.unwrap();
    let put = |key: &'static str| s3.put("b", key, Bytes::from("{}"), "application/json");
    put("in/early.json").await.unwrap();
    let why = notice(&mut notices, |notice| match notice {
        Notice::DeliveryFailed { from, why, .. } => Some((from, why)),
        _ => None,
    });
    let (from, why) = why.await;
    assert_eq!(from, "arn:aws:s3:::b");
    assert!(why.contains("lets `s3.amazonaws.com` invoke it"), "{why}");
    let permission = Permission {
        qualifier: None,
        statement_id: "Allow".into(),
        action: "lambda:InvokeFunction".into(),
        principal: "s3.amazonaws.com".into(),
        source_arn: None,
        source_account: Some("123456789012".into()),
    };
    cloud.lambda().permit("f", permission).unwrap();
    for key in ["out/a.json", "in/a.txt", "in/a b+\u{fc}.json"] {
        put(key).await.unwrap();
    }
    let told = message_of(&cloud, "told").await;
    let record = &told["requestPayload"]["Records"][0];
    assert_eq!((&record["eventSource"], &record["eventName"]), (&json!("aws:s3"), &json!("ObjectCreated:Put")));
    assert_eq!(record["s3"]["configurationId"], "new");
    assert_eq!(record["s3"]["bucket"]["arn"], "arn:aws:s3:::b");
    let object = &record["s3"]["object"];
    assert_eq!((&object["key"], &object["size"]), (&json!("in/a+b%2B%C3%BC.json"), &json!(2)));
    assert_eq!(object["eTag"], "99914b932bd37a50b983c5e7c90ae93b");
    // What is not there any more is not removed once more.
    for key in ["in/a.txt", "in/early.json", "in/early.json", "in/a b+\u{fc}.json"] {
        s3.delete("b", key).await.unwrap();
    }
    let mut keys = Vec::new();
    for _ in 0..2 {
        let told = message_of(&cloud, "told").await;
        let record = &told["requestPayload"]["Records"][0];
        assert_eq!(record["eventName"], "ObjectRemoved:Delete");
        keys.push(record["s3"]["object"]["key"].as_str().unwrap().to_owned());
    }
    keys.sort();
    assert_eq!(keys, ["in/a+b%2B%C3%BC.json", "in/early.json"]);
    while cloud.pending_events() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(cloud.sqs().receive(&cloud.sqs().queue("told").unwrap(), 1, None, Some(0)).await.unwrap().is_empty());
    cloud.shutdown().await;
}
