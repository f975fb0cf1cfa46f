//! CloudWatch over its three protocols, on a clock that is moved.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not recognise outside of test functions"
)]

use crate::common::{advance, config, durable, open, query, scope, still, tag};
use bytes::Bytes;
use ciborium::Value as Cbor;
use drydock_cloud::cloudwatch::{Embedded, Metric, SERVICE, Source, Unit};
use drydock_cloud::{Cloud, CloudConfig};
use drydock_timers::Timers;
use http::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const TARGET: &str = "GraniteServiceVersion20100801";
const MINUTE: Duration = Duration::from_mins(1);

fn on(clock: &Timers) -> Cloud {
    open(CloudConfig { timers: clock.clone(), ..config() }).0
}

async fn ask(cloud: &Cloud, operation: &str, body: Value) -> Result<Value, String> {
    let response = crate::common::json(cloud, SERVICE, &format!("{TARGET}.{operation}"), body).await;
    let text: Value = serde_json::from_slice(response.body()).unwrap();
    if response.status() == 200 {
        return Ok(text);
    }
    let error = response.headers()["x-amzn-query-error"].to_str().unwrap();
    Err(format!("{error}: {}", text["message"].as_str().unwrap()))
}

async fn ok(cloud: &Cloud, operation: &str, body: Value) -> Value {
    ask(cloud, operation, body).await.unwrap()
}

async fn refused(cloud: &Cloud, operation: &str, body: Value) -> String {
    ask(cloud, operation, body).await.unwrap_err()
}

/// An alarm that rings where the sum of a minute is above 5, with the members that a test gives.
fn alarm(name: &str, more: Value) -> Value {
    let mut alarm = json!({
        "AlarmName": name, "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
    });
    alarm.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    alarm
}

async fn state(cloud: &Cloud, name: &str) -> (String, String) {
    let described = ok(cloud, "DescribeAlarms", json!({ "AlarmNames": [name] })).await;
    let alarm = &described["MetricAlarms"][0];
    (alarm["StateValue"].as_str().unwrap().to_owned(), alarm["StateReason"].as_str().unwrap().to_owned())
}

async fn put(cloud: &Cloud, value: f64) {
    ok(cloud, "PutMetricData", json!({ "Namespace": "n", "MetricData": [{ "MetricName": "m", "Value": value }] }))
        .await;
}

/// A topic `alerts` with a queue `told`, and the messages that it has been told since it was asked last.
async fn topic(cloud: &Cloud) -> String {
    cloud.sqs().ensure("told", &json!({})).await.unwrap();
    let topic = cloud.sns().ensure("alerts", &json!({})).await.unwrap();
    let properties = json!({ "Protocol": "sqs", "Endpoint": scope().arn("sqs", "told").as_str() });
    cloud.sns().ensure_subscription(&topic, &properties).await.unwrap();
    topic.to_string()
}

async fn told(cloud: &Cloud) -> Vec<Value> {
    let queue = cloud.sqs().queue("told").unwrap();
    let mut all = Vec::new();
    loop {
        let received = cloud.sqs().receive(&queue, 10, Some(43_200), Some(0)).await.unwrap();
        if received.is_empty() {
            return all;
        }
        all.extend(received.iter().map(|message| serde_json::from_str::<Value>(&message.body).unwrap()));
    }
}

#[tokio::test]
async fn an_alarm_rings_through_a_topic_at_the_end_of_its_minute_and_is_well_again() {
    let clock = still();
    let cloud = on(&clock);
    let topic = topic(&cloud).await;
    let actions = json!({ "AlarmActions": [topic], "OKActions": [topic], "AlarmDescription": "too much" });
    ok(&cloud, "PutMetricAlarm", alarm("a", actions)).await;
    let unchecked = ("INSUFFICIENT_DATA".to_owned(), "Unchecked: Initial alarm creation".to_owned());
    assert_eq!(state(&cloud, "a").await, unchecked);
    put(&cloud, 10.0).await;
    // The clock stands at 22:13:20, the minute ends at 22:14:00.
    advance(&clock, Duration::from_secs(39)).await;
    assert_eq!(state(&cloud, "a").await, unchecked);
    advance(&clock, Duration::from_secs(1)).await;
    let reason = "Threshold Crossed: 1 datapoint [10.0 (14/11/23 22:13:00)] was greater than the threshold (5.0).";
    assert_eq!(state(&cloud, "a").await, ("ALARM".to_owned(), reason.to_owned()));
    let messages = told(&cloud).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["Subject"], "ALARM: \"a\" in US East (N. Virginia)");
    let message: Value = serde_json::from_str(messages[0]["Message"].as_str().unwrap()).unwrap();
    let expected = json!({
        "AlarmName": "a",
        "AlarmDescription": "too much",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2023-11-14T22:13:20.000+0000",
        "NewStateValue": "ALARM",
        "NewStateReason": reason,
        "StateChangeTime": "2023-11-14T22:14:00.000+0000",
        "Region": "US East (N. Virginia)",
        "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a",
        "OldStateValue": "INSUFFICIENT_DATA",
        "OKActions": [topic],
        "AlarmActions": [topic],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "m", "Namespace": "n", "StatisticType": "Statistic", "Statistic": "SUM", "Unit": null,
            "Dimensions": [], "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 5.0, "TreatMissingData": "notBreaching", "EvaluateLowSampleCountPercentile": "",
        },
    });
    assert_eq!(message, expected);
    // No value any more: looked back at for two more minutes, then taken for well.
    advance(&clock, 3 * MINUTE).await;
    assert_eq!(state(&cloud, "a").await.0, "OK");
    let messages = told(&cloud).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["Subject"], "OK: \"a\" in US East (N. Virginia)");
    let history = ok(&cloud, "DescribeAlarmHistory", json!({ "AlarmName": "a" })).await;
    let kinds: Vec<&str> = history["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["HistoryItemType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["Action", "StateUpdate", "Action", "StateUpdate", "ConfigurationUpdate"]);
}

#[tokio::test]
async fn two_of_three_minutes_have_to_breach_and_a_disabled_alarm_tells_nobody() {
    let clock = still();
    let cloud = on(&clock);
    let topic = topic(&cloud).await;
    let more = json!({ "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "AlarmActions": [topic] });
    ok(&cloud, "PutMetricAlarm", alarm("loud", more.clone())).await;
    ok(&cloud, "PutMetricAlarm", alarm("quiet", more)).await;
    ok(&cloud, "DisableAlarmActions", json!({ "AlarmNames": ["quiet"] })).await;
    let mut states = Vec::new();
    for value in [10.0, 1.0, 10.0, 1.0, 1.0, 1.0] {
        put(&cloud, value).await;
        advance(&clock, MINUTE).await;
        states.push(state(&cloud, "loud").await.0);
    }
    assert_eq!(states, ["OK", "OK", "ALARM", "OK", "OK", "OK"]);
    let subjects: Vec<Value> = told(&cloud).await.into_iter().map(|message| message["Subject"].clone()).collect();
    assert_eq!(subjects, ["ALARM: \"loud\" in US East (N. Virginia)"]);
}

#[tokio::test]
async fn a_percentile_a_short_period_and_an_expression_ring_too() {
    let clock = still();
    let cloud = on(&clock);
    let mut percentile = alarm("percentile", json!({ "ExtendedStatistic": "p90" }));
    percentile.as_object_mut().unwrap().remove("Statistic");
    ok(&cloud, "PutMetricAlarm", percentile).await;
    ok(&cloud, "PutMetricAlarm", alarm("short", json!({ "Period": 10, "MetricName": "fast" }))).await;
    let metric = json!({ "Metric": { "Namespace": "n", "MetricName": "m" }, "Period": 60, "Stat": "Sum" });
    let expression = json!({
        "AlarmName": "growth", "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
        "Metrics": [{ "Id": "e1", "Expression": "DIFF(m1)" }, { "Id": "m1", "MetricStat": metric, "ReturnData": false }],
    });
    ok(&cloud, "PutMetricAlarm", expression).await;
    let data = json!([
        { "MetricName": "m", "Values": [1, 9], "Counts": [8, 2] },
        { "MetricName": "fast", "Value": 6, "StorageResolution": 1 },
    ]);
    ok(&cloud, "PutMetricData", json!({ "Namespace": "n", "MetricData": data })).await;
    advance(&clock, Duration::from_secs(10)).await;
    assert_eq!(state(&cloud, "short").await.0, "ALARM");
    advance(&clock, Duration::from_secs(30)).await;
    assert_eq!(state(&cloud, "percentile").await.0, "ALARM");
    assert_eq!(state(&cloud, "growth").await.0, "INSUFFICIENT_DATA");
    put(&cloud, 30.0).await;
    advance(&clock, MINUTE).await;
    assert_eq!(state(&cloud, "growth").await.0, "ALARM");
}

#[tokio::test]
async fn what_is_asked_over_each_protocol_is_the_same() {
    let clock = still();
    let cloud = on(&clock);
    let form = [
        ("Action", "PutMetricData"),
        ("Version", "2010-08-01"),
        ("Namespace", "n"),
        ("MetricData.member.1.MetricName", "m"),
        ("MetricData.member.1.Dimensions.member.1.Name", "d"),
        ("MetricData.member.1.Dimensions.member.1.Value", "v"),
        ("MetricData.member.1.StatisticValues.SampleCount", "2"),
        ("MetricData.member.1.StatisticValues.Sum", "7"),
        ("MetricData.member.1.StatisticValues.Minimum", "3"),
        ("MetricData.member.1.StatisticValues.Maximum", "4"),
        ("MetricData.member.1.Unit", "Seconds"),
        ("MetricData.member.1.Timestamp", "2023-11-14T22:13:05Z"),
    ];
    let (status, body) = query(&cloud, SERVICE, &form).await;
    assert_eq!(status, 200, "{body}");
    let asked = json!({
        "Namespace": "n", "MetricName": "m", "Dimensions": [{ "Name": "d", "Value": "v" }], "Period": 60,
        "StartTime": 1_699_999_980, "EndTime": 1_700_000_040, "Statistics": ["Sum", "Average", "Maximum"],
    });
    let point = json!({ "Timestamp": 1_699_999_980.0, "Sum": 7.0, "Average": 3.5, "Maximum": 4.0, "Unit": "Seconds" });
    assert_eq!(ok(&cloud, "GetMetricStatistics", asked).await, json!({ "Label": "m", "Datapoints": [point] }));
    let form = [
        ("Action", "GetMetricStatistics"),
        ("Namespace", "n"),
        ("MetricName", "m"),
        ("Dimensions.member.1.Name", "d"),
        ("Dimensions.member.1.Value", "v"),
        ("Period", "60"),
        ("StartTime", "2023-11-14T22:13:00Z"),
        ("EndTime", "2023-11-14T22:14:00Z"),
        ("Statistics.member.1", "Minimum"),
    ];
    let (_, body) = query(&cloud, SERVICE, &form).await;
    assert_eq!((tag(&body, "Minimum"), tag(&body, "Timestamp")), ("3", "2023-11-14T22:13:00.000Z"));
    // The same in CBOR, where times have a tag.
    let mut body = Vec::new();
    ciborium::into_writer(&json!({ "Namespace": "n", "MetricName": "none" }), &mut body).unwrap();
    let send = async |operation: &str, body: Vec<u8>| {
        let request = Request::post(format!("/service/{TARGET}/operation/{operation}"))
            .header("smithy-protocol", "rpc-v2-cbor")
            .header("content-type", "application/cbor")
            .body(Bytes::from(body))
            .unwrap();
        let response = cloud.handle(SERVICE, request).await;
        assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
        let value: Cbor = ciborium::from_reader(response.body().as_ref()).unwrap();
        (response.status().as_u16(), value)
    };
    let (status, found) = send("ListMetrics", body).await;
    assert_eq!((status, found), (200, Cbor::Map(vec![(Cbor::Text("Metrics".to_owned()), Cbor::Array(Vec::new()))])));
    let (status, found) = send("PutMetricData", Vec::new()).await;
    let fields: BTreeMap<String, String> = found
        .into_map()
        .unwrap()
        .into_iter()
        .map(|(key, value)| (key.into_text().unwrap(), value.into_text().unwrap()))
        .collect();
    assert_eq!(status, 400);
    assert_eq!(fields["__type"], "com.amazonaws.cloudwatch#MissingRequiredParameterException");
    assert_eq!(fields["message"], "The parameter Namespace is required.");
}

#[tokio::test]
async fn metric_data_comes_in_pages_with_expressions_and_labels() {
    let clock = still();
    let cloud = on(&clock);
    for value in [1.0, 2.0, 3.0] {
        put(&cloud, value).await;
        advance(&clock, MINUTE).await;
    }
    let stat = json!({ "Metric": { "Namespace": "n", "MetricName": "m" }, "Period": 60, "Stat": "Sum" });
    let mut asked = json!({
        "StartTime": "2023-11-14T22:00:00Z", "EndTime": "2023-11-14T23:00:00Z", "ScanBy": "TimestampAscending", "MaxDatapoints": 4,
        "MetricDataQueries": [{ "Id": "m1", "MetricStat": stat, "Label": "mine" }, { "Id": "e1", "Expression": "m1 * 10" }],
    });
    let first = ok(&cloud, "GetMetricData", asked.clone()).await;
    let results = &first["MetricDataResults"];
    assert_eq!((&results[0]["Label"], &results[0]["Values"]), (&json!("mine"), &json!([1.0, 2.0, 3.0])));
    assert_eq!((&results[1]["Values"], &results[1]["StatusCode"]), (&json!([10.0]), &json!("PartialData")));
    asked["NextToken"] = first["NextToken"].clone();
    let second = ok(&cloud, "GetMetricData", asked).await;
    assert_eq!(second["MetricDataResults"][1]["Values"], json!([20.0, 30.0]));
    assert_eq!(second["NextToken"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_its_name() {
    let cloud = on(&still());
    let data = |one: Value| json!({ "Namespace": "n", "MetricData": [one] });
    let cases = [
        ("PutMetricData", json!({}), "MissingParameter;Sender: The parameter Namespace is required."),
        (
            "PutMetricData",
            data(json!({ "MetricName": "m" })),
            "MissingParameter;Sender: The parameter MetricData.member.1.Value is required.",
        ),
        (
            "PutMetricData",
            data(json!({ "MetricName": "m", "Value": "NaN" })),
            "InvalidParameterValue;Sender: The value NaN for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            "PutMetricData",
            data(json!({ "MetricName": "m", "Value": 1, "Values": [1] })),
            "InvalidParameterCombination;Sender: The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have specified both.",
        ),
        (
            "PutMetricData",
            data(json!({ "MetricName": "m", "Value": 1, "StorageResolution": 30 })),
            "InvalidParameterValue;Sender: The parameter MetricData.member.1.StorageResolution must be 1 or 60, and is 30.",
        ),
        (
            "PutMetricData",
            data(json!({ "MetricName": "m", "Value": 1, "Timestamp": 1 })),
            "InvalidParameterValue;Sender: The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks, and no more than two hours ahead.",
        ),
        (
            "PutMetricAlarm",
            alarm("a", json!({ "DatapointsToAlarm": 2 })),
            "ValidationError;Sender: DatapointsToAlarm must be less than or equal to EvaluationPeriods.",
        ),
        (
            "PutMetricAlarm",
            alarm("a", json!({ "AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"] })),
            "NotImplemented;Receiver: an alarm's action of the service `automate` is not implemented by this gateway",
        ),
        (
            "PutMetricAlarm",
            alarm("a", json!({ "Period": 61 })),
            "InvalidParameterValue;Sender: The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, and is 61.",
        ),
        (
            "SetAlarmState",
            json!({ "AlarmName": "none", "StateValue": "OK", "StateReason": "r" }),
            "ResourceNotFound;Sender: Alarm none does not exist",
        ),
        ("DeleteAlarms", json!({ "AlarmNames": ["none"] }), "ResourceNotFound;Sender: Alarm none does not exist"),
        (
            "PutCompositeAlarm",
            json!({}),
            "NotImplemented;Receiver: the CloudWatch operation PutCompositeAlarm is not implemented by this gateway",
        ),
        ("PutNothing", json!({}), "InvalidAction;Sender: Could not find operation PutNothing for version 2010-08-01"),
    ];
    for (operation, body, expected) in cases {
        assert_eq!(refused(&cloud, operation, body).await, expected, "{operation}");
    }
}

#[tokio::test]
async fn metrics_alarms_and_their_states_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = still();
    let on_disk = || open(CloudConfig { timers: clock.clone(), ..durable(folder.path()) }).0;
    let cloud = on_disk();
    ok(&cloud, "PutMetricAlarm", alarm("a", json!({ "Tags": [{ "Key": "k", "Value": "v" }] }))).await;
    put(&cloud, 10.0).await;
    cloud.cloudwatch().note(Metric::new("n", "noted", &[]), Unit::COUNT, 3.0);
    advance(&clock, MINUTE).await;
    let before = ok(&cloud, "DescribeAlarms", json!({})).await;
    assert_eq!(before["MetricAlarms"][0]["StateValue"], "ALARM");
    cloud.shutdown().await;
    drop(cloud);
    let cloud = on_disk();
    assert_eq!(ok(&cloud, "DescribeAlarms", json!({})).await, before);
    let names: Vec<String> = ok(&cloud, "ListMetrics", json!({})).await["Metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["MetricName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["m", "noted"]);
    let tags = json!({ "ResourceARN": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a" });
    assert_eq!(ok(&cloud, "ListTagsForResource", tags).await["Tags"], json!([{ "Key": "k", "Value": "v" }]));
    cloud.reset().await.unwrap();
    cloud.shutdown().await;
    let cloud = on_disk();
    assert_eq!(ok(&cloud, "DescribeAlarms", json!({})).await["MetricAlarms"], json!([]));
    assert_eq!(ok(&cloud, "ListMetrics", json!({})).await["Metrics"], json!([]));
}

struct Counter(AtomicU64);

impl Source for Counter {
    fn counts(&self) -> Vec<(Metric, u64)> {
        vec![(Metric::new("AWS/IoT", "Connect.Success", &[("Protocol", "MQTT")]), self.0.load(Ordering::Relaxed))]
    }
}

#[tokio::test]
async fn what_a_source_counts_goes_to_its_metric_by_minutes() {
    let clock = still();
    let cloud = on(&clock);
    let counter = Arc::new(Counter(AtomicU64::new(0)));
    let source: Arc<dyn Source> = counter.clone();
    cloud.cloudwatch().watch(&source);
    advance(&clock, MINUTE).await;
    counter.0.fetch_add(3, Ordering::Relaxed);
    advance(&clock, MINUTE).await;
    counter.0.fetch_add(2, Ordering::Relaxed);
    advance(&clock, 10 * MINUTE).await;
    let asked = json!({
        "Namespace": "AWS/IoT", "MetricName": "Connect.Success", "Dimensions": [{ "Name": "Protocol", "Value": "MQTT" }],
        "Period": 60, "StartTime": "2023-11-14T22:00:00Z", "EndTime": "2023-11-14T23:00:00Z", "Statistics": ["Sum"],
    });
    let found = ok(&cloud, "GetMetricStatistics", asked).await;
    let sums: Vec<&Value> = found["Datapoints"].as_array().unwrap().iter().map(|point| &point["Sum"]).collect();
    assert_eq!(sums, [&json!(3.0), &json!(2.0)]);
}

#[tokio::test]
async fn a_clock_that_is_advanced_by_years_makes_no_stop_a_minute() {
    let clock = still();
    let cloud = on(&clock);
    ok(&cloud, "PutMetricAlarm", alarm("a", json!({ "TreatMissingData": "missing" }))).await;
    ok(&cloud, "PutMetricAlarm", alarm("short", json!({ "Period": 10 }))).await;
    put(&cloud, 10.0).await;
    let advanced = clock.advance(3 * 366 * 24 * 3600 * 1000).await.unwrap();
    assert!(advanced.count < 60, "{} stops", advanced.count);
    assert_eq!(state(&cloud, "a").await.0, "INSUFFICIENT_DATA");
}

#[tokio::test]
async fn queues_are_measured_while_they_have_messages_and_their_growth_rings() {
    let clock = still();
    let cloud = on(&clock);
    cloud.sqs().ensure("dead", &json!({})).await.unwrap();
    let metric = |name: &str| json!({ "Namespace": "AWS/SQS", "MetricName": name, "Dimensions": [{ "Name": "QueueName", "Value": "dead" }] });
    let stat = json!({ "Metric": metric("ApproximateNumberOfMessagesVisible"), "Period": 60, "Stat": "Maximum" });
    let growth = json!({
        "AlarmName": "growth", "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Metrics": [{ "Id": "growth", "Expression": "DIFF(depth)" }, { "Id": "depth", "MetricStat": stat, "ReturnData": false }],
    });
    ok(&cloud, "PutMetricAlarm", growth).await;
    let mut age = alarm("age", metric("ApproximateAgeOfOldestMessage"));
    age["Threshold"] = json!(600);
    age["Statistic"] = json!("Maximum");
    age["EvaluationPeriods"] = json!(5);
    ok(&cloud, "PutMetricAlarm", age).await;
    advance(&clock, Duration::from_hours(1)).await;
    assert_eq!(state(&cloud, "growth").await.0, "OK");
    let message = drydock_cloud::sqs::message::NewMessage { body: "lost".to_owned(), ..Default::default() };
    cloud.sqs().queue("dead").unwrap().send(vec![message]).await.unwrap();
    advance(&clock, MINUTE).await;
    assert_eq!(state(&cloud, "growth").await.0, "ALARM");
    advance(&clock, 5 * MINUTE).await;
    assert_eq!(state(&cloud, "growth").await.0, "OK");
    assert_eq!(state(&cloud, "age").await.0, "OK");
    advance(&clock, 10 * MINUTE).await;
    assert_eq!(state(&cloud, "age").await.0, "ALARM");
}

#[tokio::test]
async fn values_in_the_lines_of_logs_go_to_their_metrics() {
    let clock = still();
    let cloud = on(&clock);
    let line = |at: i64| {
        json!({
            "_aws": { "Timestamp": at, "CloudWatchMetrics": [{
                "Namespace": "Drydock", "Dimensions": [["service"]], "Metrics": [{ "Name": "Stored", "Unit": "Count" }],
            }] },
            "service": "telemetry", "Stored": 2,
        })
        .to_string()
    };
    let now = clock.now();
    cloud.cloudwatch().embedded(&line(now.millis()), now);
    // One that reads the machine's clock, which shows another time.
    cloud.cloudwatch().embedded(&line(clock.machine_now().millis()), now);
    cloud.cloudwatch().embedded("{\"Stored\": 2}", now);
    let asked = json!({
        "Namespace": "Drydock", "MetricName": "Stored", "Dimensions": [{ "Name": "service", "Value": "telemetry" }],
        "Period": 60, "StartTime": "2023-11-14T22:00:00Z", "EndTime": "2023-11-14T23:00:00Z", "Statistics": ["Sum"],
    });
    let found = ok(&cloud, "GetMetricStatistics", asked).await;
    assert_eq!(found["Datapoints"], json!([{ "Timestamp": 1_699_999_980.0, "Sum": 4.0, "Unit": "Count" }]));
}
