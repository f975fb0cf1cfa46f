//! CloudWatch Logs over its wire protocol, by hand.

use crate::common::{advance, config, durable, json, notice, ok, open, still};
use base64::Engine as _;
use drydock_cloud::logs::{Line, SERVICE};
use drydock_cloud::{Cloud, CloudConfig, Notice};
use serde_json::{Value, json};
use std::io::Read as _;
use std::time::Duration;

const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400_000;

async fn call(cloud: &Cloud, operation: &str, body: Value) -> Value {
    ok(cloud, SERVICE, &format!("Logs_20140328.{operation}"), body).await
}

async fn refused(cloud: &Cloud, operation: &str, body: Value, code: &str, part: &str) {
    let response = json(cloud, SERVICE, &format!("Logs_20140328.{operation}"), body).await;
    let answer: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(answer["__type"], code, "{operation}: {answer}");
    assert!(answer["message"].as_str().unwrap().contains(part), "{operation}: {answer}");
}

/// Stand-ins whose clock stands, with a group `g` and a stream `s`.
async fn with_stream() -> Cloud {
    let cloud = open(CloudConfig { timers: still(), ..config() }).0;
    call(&cloud, "CreateLogGroup", json!({ "logGroupName": "g", "tags": { "team": "dock" } })).await;
    call(&cloud, "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "s" })).await;
    cloud
}

async fn put(cloud: &Cloud, group: &str, stream: &str, events: &[(i64, &str)]) -> Value {
    let events: Vec<Value> =
        events.iter().map(|(at, message)| json!({ "timestamp": NOW + at, "message": message })).collect();
    let body = json!({ "logGroupName": group, "logStreamName": stream, "logEvents": events });
    call(cloud, "PutLogEvents", body).await
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn groups_and_streams_are_made_shown_by_pages_and_deleted() {
    let cloud = with_stream().await;
    refused(&cloud, "CreateLogGroup", json!({ "logGroupName": "g" }), "ResourceAlreadyExistsException", "exists").await;
    refused(&cloud, "CreateLogGroup", json!({ "logGroupName": "a b" }), "InvalidParameterException", "pattern").await;
    refused(
        &cloud,
        "CreateLogGroup",
        json!({ "logGroupName": "x", "kmsKeyId": "k" }),
        "NotImplementedException",
        "kmsKeyId",
    )
    .await;
    refused(&cloud, "CreateDelivery", json!({}), "NotImplementedException", "CreateDelivery").await;
    for name in ["/aws/lambda/a", "/aws/lambda/b", "/aws/lambda/c"] {
        call(&cloud, "CreateLogGroup", json!({ "logGroupName": name })).await;
    }
    call(&cloud, "PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 7 })).await;
    let bad = json!({ "logGroupName": "g", "retentionInDays": 8 });
    refused(&cloud, "PutRetentionPolicy", bad, "InvalidParameterException", "must be one of 1, 3, 5").await;
    let first = call(&cloud, "DescribeLogGroups", json!({ "logGroupNamePrefix": "/aws/lambda/", "limit": 2 })).await;
    let names = |answer: &Value| -> Vec<String> {
        answer["logGroups"].as_array().unwrap().iter().map(|g| g["logGroupName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["/aws/lambda/a", "/aws/lambda/b"]);
    let rest = json!({ "logGroupNamePrefix": "/aws/lambda/", "limit": 2, "nextToken": first["nextToken"] });
    let rest = call(&cloud, "DescribeLogGroups", rest).await;
    assert_eq!((names(&rest), &rest["nextToken"]), (vec!["/aws/lambda/c".to_owned()], &Value::Null));
    let all = call(&cloud, "DescribeLogGroups", json!({ "logGroupNamePattern": "LAMBDA/B" })).await;
    assert_eq!(names(&all), ["/aws/lambda/b"]);
    let group = &call(&cloud, "DescribeLogGroups", json!({ "logGroupNamePrefix": "g" })).await["logGroups"][0];
    assert_eq!(group["retentionInDays"], 7);
    assert_eq!(group["arn"], "arn:aws:logs:us-east-1:123456789012:log-group:g:*");
    assert_eq!(group["creationTime"], NOW);
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:g";
    call(&cloud, "TagResource", json!({ "resourceArn": arn, "tags": { "a": "b" } })).await;
    call(&cloud, "UntagResource", json!({ "resourceArn": arn, "tagKeys": ["team"] })).await;
    assert_eq!(
        call(&cloud, "ListTagsForResource", json!({ "resourceArn": arn })).await,
        json!({ "tags": { "a": "b" } })
    );

    for (stream, at) in [("one", 10), ("two", 30), ("three", 20)] {
        call(&cloud, "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": stream })).await;
        put(&cloud, "g", stream, &[(at - 5, "a"), (at, "b")]).await;
    }
    let by_time = json!({ "logGroupName": "g", "orderBy": "LastEventTime", "descending": true, "limit": 2 });
    let first = call(&cloud, "DescribeLogStreams", by_time.clone()).await;
    let names = |answer: &Value| -> Vec<String> {
        answer["logStreams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["logStreamName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first), ["two", "three"]);
    assert_eq!(first["logStreams"][0]["firstEventTimestamp"], NOW + 25);
    assert_eq!(first["logStreams"][0]["lastEventTimestamp"], NOW + 30);
    let mut rest = by_time;
    rest["nextToken"] = first["nextToken"].clone();
    assert_eq!(names(&call(&cloud, "DescribeLogStreams", rest).await), ["one", "s"]);
    let prefixed = json!({ "logGroupIdentifier": arn, "logStreamNamePrefix": "t" });
    assert_eq!(names(&call(&cloud, "DescribeLogStreams", prefixed).await), ["three", "two"]);
    call(&cloud, "DeleteLogStream", json!({ "logGroupName": "g", "logStreamName": "one" })).await;
    call(&cloud, "DeleteLogGroup", json!({ "logGroupName": "g" })).await;
    refused(&cloud, "DeleteLogGroup", json!({ "logGroupName": "g" }), "ResourceNotFoundException", "log group").await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_batch_has_limits_and_says_what_it_rejects() {
    let cloud = with_stream().await;
    let batch = |events: Value| json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events });
    let event = |at: i64, message: &str| json!({ "timestamp": NOW + at, "message": message });
    for (events, part) in [
        (json!([event(2, "b"), event(1, "a")]), "chronological order"),
        (json!([event(-DAY - 1, "a"), event(0, "b")]), "24 hours"),
        (json!([event(0, &"x".repeat(1_048_576 - 25))]), "Upload too large: 1048577 bytes"),
        (json!([event(0, "")]), "a `message`"),
        (json!([]), "1 to 10000"),
        (Value::from(vec![event(0, "a"); 10_001]), "1 to 10000"),
    ] {
        refused(&cloud, "PutLogEvents", batch(events), "InvalidParameterException", part).await;
    }
    let mut elsewhere = batch(json!([event(0, "a")]));
    elsewhere["logStreamName"] = "none".into();
    refused(&cloud, "PutLogEvents", elsewhere, "ResourceNotFoundException", "log stream").await;
    let hour = 3_600_000;
    let answer = put(&cloud, "g", "s", &[(0, "now"), (2 * hour, "soon"), (2 * hour + 1, "too new")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "tooNewLogEventStartIndex": 2 }));
    let answer = put(&cloud, "g", "s", &[(-14 * DAY - 1, "too old"), (-14 * DAY, "old")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "tooOldLogEventEndIndex": 1 }));
    call(&cloud, "PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 1 })).await;
    let answer = put(&cloud, "g", "s", &[(-DAY - 1, "over"), (-DAY, "not yet")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "expiredLogEventEndIndex": 1 }));
    let largest = batch(json!([event(1, &"x".repeat(1_048_576 - 26))]));
    call(&cloud, "PutLogEvents", largest).await;
    let found = call(&cloud, "FilterLogEvents", json!({ "logGroupName": "g", "filterPattern": "-xxx" })).await;
    assert_eq!(messages(&found), ["not yet", "now", "soon"], "what is older than the retention is not there");
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_stream_is_read_forwards_and_backwards_until_the_token_stays() {
    let cloud = with_stream().await;
    put(&cloud, "g", "s", &[(1, "a"), (2, "b"), (3, "c")]).await;
    put(&cloud, "g", "s", &[(2, "late"), (4, "d")]).await;
    let of = json!({ "logGroupName": "g", "logStreamName": "s", "limit": 2 });
    let get = async |more: Value| {
        let mut body = of.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&cloud, "GetLogEvents", body).await
    };
    let last = get(json!({})).await;
    assert_eq!(messages(&last), ["c", "d"]);
    let before = get(json!({ "nextToken": last["nextBackwardToken"] })).await;
    assert_eq!(messages(&before), ["b", "late"]);
    let first = get(json!({ "nextToken": before["nextBackwardToken"] })).await;
    assert_eq!(messages(&first), ["a"]);
    let none = get(json!({ "nextToken": first["nextBackwardToken"] })).await;
    assert_eq!((messages(&none), &none["nextBackwardToken"]), (vec![], &first["nextBackwardToken"]));

    let mut page = get(json!({ "startFromHead": true })).await;
    let mut seen: Vec<String> = Vec::new();
    loop {
        seen.extend(messages(&page).into_iter().map(str::to_owned));
        let next = get(json!({ "nextToken": page["nextForwardToken"] })).await;
        if next["nextForwardToken"] == page["nextForwardToken"] {
            break;
        }
        page = next;
    }
    assert_eq!(seen, ["a", "b", "late", "c", "d"]);
    put(&cloud, "g", "s", &[(5, "e")]).await;
    let more = get(json!({ "nextToken": page["nextForwardToken"] })).await;
    assert_eq!(messages(&more), ["e"], "the token goes on where something came");
    // From a time on, which is included, up to another, which is not.
    let between = get(json!({ "startTime": NOW + 2, "endTime": NOW + 3, "startFromHead": true })).await;
    assert_eq!(messages(&between), ["b", "late"]);
    let wrong = json!({ "logGroupName": "g", "logStreamName": "s", "nextToken": "f/1" });
    refused(&cloud, "GetLogEvents", wrong, "InvalidParameterException", "nextToken").await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn events_are_found_by_patterns_in_the_order_of_their_times() {
    let cloud = with_stream().await;
    call(&cloud, "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "t" })).await;
    put(&cloud, "g", "s", &[(1, "ERROR one"), (3, r#"{"level":"ERROR","code":3}"#), (5, "fine")]).await;
    put(&cloud, "g", "t", &[(2, "ERROR two"), (4, r#"{"level":"WARN","code":4}"#)]).await;
    let filter = async |more: Value| {
        let mut body = json!({ "logGroupName": "g" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&cloud, "FilterLogEvents", body).await
    };
    let found = filter(json!({ "filterPattern": "ERROR", "limit": 2 })).await;
    assert_eq!(messages(&found), ["ERROR one", "ERROR two"]);
    assert_eq!(found["events"][1]["logStreamName"], "t");
    assert_eq!(found["events"][1]["eventId"].as_str().unwrap().len(), 56);
    let rest = filter(json!({ "filterPattern": "ERROR", "limit": 2, "nextToken": found["nextToken"] })).await;
    assert_eq!(messages(&rest), [r#"{"level":"ERROR","code":3}"#]);
    assert_eq!(rest["nextToken"], Value::Null);
    assert_eq!(messages(&filter(json!({ "filterPattern": "{ $.code >= 4 }" })).await).len(), 1);
    assert_eq!(messages(&filter(json!({ "logStreamNames": ["t"] })).await).len(), 2);
    assert_eq!(messages(&filter(json!({ "logStreamNamePrefix": "s" })).await).len(), 3);
    assert_eq!(messages(&filter(json!({ "startTime": NOW + 2, "endTime": NOW + 4 })).await).len(), 3);
    let bad = json!({ "logGroupName": "g", "filterPattern": "a-b" });
    refused(&cloud, "FilterLogEvents", bad, "InvalidParameterException", "Invalid character(s) in term 'a-b'").await;
    let none = json!({ "logGroupName": "g", "logStreamNames": ["none"] });
    refused(&cloud, "FilterLogEvents", none, "ResourceNotFoundException", "log stream").await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_query_runs_and_is_refused_with_the_place_of_its_fault() {
    let cloud = with_stream().await;
    let events: Vec<String> =
        (0..60).map(|n| json!({ "level": if n % 3 == 0 { "ERROR" } else { "INFO" } }).to_string()).collect();
    let events: Vec<(i64, &str)> = events.iter().zip(0..).map(|(text, n)| (n * 60_000, text.as_str())).collect();
    put(&cloud, "g", "s", &events).await;
    let query = |text: &str| json!({ "logGroupNames": ["g"], "startTime": NOW / 1000, "endTime": NOW / 1000 + 7200, "queryString": text });
    let text = "filter level = 'ERROR' | stats count(*) as n by bin(30m) | sort n desc, bin(30m)";
    let id = call(&cloud, "StartQuery", query(text)).await["queryId"].clone();
    let result = async || loop {
        let answer = call(&cloud, "GetQueryResults", json!({ "queryId": id })).await;
        if answer["status"] != "Running" {
            return answer;
        }
        tokio::task::yield_now().await;
    };
    let answer = tokio::time::timeout(crate::common::DEADLINE, result()).await.unwrap();
    assert_eq!(answer["status"], "Complete");
    let rows: Vec<(&str, &str)> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row[0]["value"].as_str().unwrap(), row[1]["value"].as_str().unwrap()))
        .collect();
    assert_eq!(
        rows,
        [("2023-11-14 22:30:00.000", "10"), ("2023-11-14 22:00:00.000", "6"), ("2023-11-14 23:00:00.000", "4")]
    );
    assert_eq!(answer["statistics"]["recordsMatched"], 20.0);
    assert_eq!(answer["statistics"]["recordsScanned"], 60.0);
    let known = call(&cloud, "DescribeQueries", json!({ "logGroupName": "g" })).await;
    assert_eq!(known["queries"][0]["queryString"], text);
    refused(&cloud, "StopQuery", json!({ "queryId": id }), "InvalidParameterException", "already ended").await;
    let body =
        json!({ "logGroupName": "g", "startTime": 0, "endTime": 1, "queryString": "fields a | pattern @message" });
    let response = json(&cloud, SERVICE, "Logs_20140328.StartQuery", body).await;
    let error: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(error["__type"], "MalformedQueryException");
    assert!(error["message"].as_str().unwrap().contains("`pattern` is not implemented"), "{error}");
    assert_eq!(error["queryCompileError"]["location"], json!({ "startCharOffset": 11, "endCharOffset": 18 }));
    cloud.shutdown().await;
}

#[tokio::test]
async fn retention_follows_the_clock_and_what_was_acknowledged_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let timers = still();
    let cloud = open(CloudConfig { timers: timers.clone(), ..durable(folder.path()) }).0;
    for (group, days) in [("short", 1), ("long", 30)] {
        call(&cloud, "CreateLogGroup", json!({ "logGroupName": group })).await;
        call(&cloud, "CreateLogStream", json!({ "logGroupName": group, "logStreamName": "s" })).await;
        call(&cloud, "PutRetentionPolicy", json!({ "logGroupName": group, "retentionInDays": days })).await;
        put(&cloud, group, "s", &[(0, "early"), (1000, "later")]).await;
    }
    let read = async |cloud: &Cloud, group: &str| {
        let answer = call(cloud, "FilterLogEvents", json!({ "logGroupName": group })).await;
        messages(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    advance(&timers, Duration::from_hours(24) + Duration::from_millis(500)).await;
    assert_eq!(read(&cloud, "short").await, ["later"]);
    advance(&timers, Duration::from_secs(1)).await;
    assert!(read(&cloud, "short").await.is_empty());
    cloud.logs().ingest().tell(Line {
        group: "made".into(),
        retention_days: Some(30),
        stream: "on/demand".into(),
        at: drydock_core::Clock::now(&timers),
        text: "at the end".into(),
    });
    cloud.shutdown().await;
    let cloud = open(CloudConfig { timers, ..durable(folder.path()) }).0;
    assert!(read(&cloud, "short").await.is_empty());
    assert_eq!(read(&cloud, "long").await, ["early", "later"]);
    assert_eq!(read(&cloud, "made").await, ["at the end"]);
    let described = call(&cloud, "DescribeLogGroups", json!({ "logGroupNamePrefix": "made" })).await;
    assert_eq!(described["logGroups"][0]["retentionInDays"], 30);
    cloud.reset().await.unwrap();
    assert_eq!(call(&cloud, "DescribeLogGroups", json!({})).await["logGroups"], json!([]));
    cloud.shutdown().await;
    let cloud = open(durable(folder.path())).0;
    assert_eq!(call(&cloud, "DescribeLogGroups", json!({})).await["logGroups"], json!([]), "a reset is durable");
    cloud.shutdown().await;
}

/// The sum of a metric of the namespace `Dock` around now, and how many values it is of.
async fn summed(cloud: &Cloud, dimensions: Value) -> (f64, f64) {
    let asked = json!({
        "Namespace": "Dock", "MetricName": "Latency", "Dimensions": dimensions, "Period": 3600,
        "StartTime": NOW / 1000 - 3600, "EndTime": NOW / 1000 + 3600, "Statistics": ["Sum", "SampleCount"],
    });
    let target = "GraniteServiceVersion20100801.GetMetricStatistics";
    let answer = ok(cloud, drydock_cloud::cloudwatch::SERVICE, target, asked).await;
    let points = answer["Datapoints"].as_array().unwrap();
    let sum = |name: &str| points.iter().map(|point| point[name].as_f64().unwrap()).sum();
    (sum("Sum"), sum("SampleCount"))
}

#[tokio::test]
async fn metric_filters_put_what_they_find() {
    let cloud = with_stream().await;
    let filter = |value: &str, more: Value| {
        let mut transformation = json!({ "metricName": "Latency", "metricNamespace": "Dock", "metricValue": value });
        transformation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({
            "logGroupName": "g", "filterName": "f", "filterPattern": "{ $.latency = * }",
            "metricTransformations": [transformation],
        })
    };
    refused(&cloud, "PutMetricFilter", filter("x", json!({})), "InvalidParameterException", "metricValue `x`").await;
    let unit = json!({ "unit": "Knots" });
    refused(&cloud, "PutMetricFilter", filter("1", unit), "InvalidParameterException", "`Knots` is not a unit").await;
    let both = json!({ "defaultValue": 0, "dimensions": { "Thing": "$.thing" } });
    refused(&cloud, "PutMetricFilter", filter("1", both), "InvalidParameterException", "mutually exclusive").await;
    let with = json!({ "unit": "Milliseconds", "dimensions": { "Thing": "$.thing" } });
    call(&cloud, "PutMetricFilter", filter("$.latency", with)).await;
    put(&cloud, "g", "s", &[(1, r#"{"latency":12.5,"thing":"a"}"#), (2, "other"), (3, r#"{"latency":1}"#)]).await;
    assert_eq!(summed(&cloud, json!([{ "Name": "Thing", "Value": "a" }])).await, (12.5, 1.0));
    call(&cloud, "PutMetricFilter", filter("1", json!({ "defaultValue": 0.0 }))).await;
    put(&cloud, "g", "s", &[(4, r#"{"latency":12.5}"#), (5, "other")]).await;
    assert_eq!(summed(&cloud, json!([])).await, (1.0, 2.0));
    let described = call(&cloud, "DescribeMetricFilters", json!({ "metricNamespace": "Dock" })).await;
    assert_eq!(described["metricFilters"][0]["metricTransformations"][0]["defaultValue"], 0.0);
    let test = json!({ "filterPattern": "[a, b = 2*]", "logEventMessages": ["x 21", "x 1"] });
    let tested = call(&cloud, "TestMetricFilter", test).await;
    let wanted = json!([{ "eventNumber": 1, "eventMessage": "x 21", "extractedValues": { "$a": "x", "$b": "21" } }]);
    assert_eq!(tested["matches"], wanted);
    call(&cloud, "DeleteMetricFilter", json!({ "logGroupName": "g", "filterName": "f" })).await;
    let gone = json!({ "logGroupName": "g", "filterName": "f" });
    refused(&cloud, "DeleteMetricFilter", gone, "ResourceNotFoundException", "metric filter").await;
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_subscription_needs_a_function_that_lets_logs_invoke_it() {
    let (cloud, mut notices) = open(CloudConfig { timers: still(), ..config() });
    call(&cloud, "CreateLogGroup", json!({ "logGroupName": "g" })).await;
    call(&cloud, "CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "s" })).await;
    let function = "arn:aws:lambda:us-east-1:123456789012:function:reader";
    let subscribe = json!({
        "logGroupName": "g", "filterName": "all", "filterPattern": "ERROR", "destinationArn": function,
    });
    refused(&cloud, "PutSubscriptionFilter", subscribe.clone(), "InvalidParameterException", "permission").await;
    let mut to_kinesis = subscribe.clone();
    to_kinesis["destinationArn"] = "arn:aws:kinesis:us-east-1:123456789012:stream/a".into();
    refused(&cloud, "PutSubscriptionFilter", to_kinesis, "NotImplementedException", "kinesis").await;
    let mut definition = drydock_cloud::lambda::Definition::new("reader", "/bin/cat-that-is-not-there");
    // What it cannot take is handed on as it came: that is how this test sees it.
    cloud.sqs().ensure("dead", &json!({})).await.unwrap();
    definition.events.max_retries = 0;
    definition.events.dead_letter = Some(cloud.sqs().arn("dead"));
    cloud.lambda().register(definition).unwrap();
    let source = "arn:aws:logs:us-east-1:123456789012:log-group:g:*";
    let permission = drydock_cloud::lambda::Permission {
        statement_id: "logs".to_owned(),
        qualifier: None,
        action: "lambda:InvokeFunction".to_owned(),
        principal: "logs.amazonaws.com".to_owned(),
        source_arn: Some(source.to_owned()),
        source_account: None,
    };
    cloud.lambda().permit("reader", permission).unwrap();
    call(&cloud, "PutSubscriptionFilter", subscribe).await;
    put(&cloud, "g", "s", &[(1, "fine"), (2, "ERROR two")]).await;
    let gave_up = notice(&mut notices, |notice| match notice {
        Notice::AsyncFailed { function, retry_in_ms: None, .. } => Some(function),
        _ => None,
    });
    assert_eq!(gave_up.await, "reader");
    let event = crate::common::message_of(&cloud, "dead").await;
    let data = base64::engine::general_purpose::STANDARD.decode(event["awslogs"]["data"].as_str().unwrap()).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&data[..]).read_to_string(&mut text).unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(data["messageType"], "DATA_MESSAGE");
    assert_eq!(
        (&data["logGroup"], &data["logStream"], &data["owner"]),
        (&json!("g"), &json!("s"), &json!("123456789012"))
    );
    assert_eq!(data["subscriptionFilters"], json!(["all"]));
    assert_eq!(data["logEvents"][0]["message"], "ERROR two");
    assert_eq!(data["logEvents"].as_array().unwrap().len(), 1);
    cloud.shutdown().await;
}
