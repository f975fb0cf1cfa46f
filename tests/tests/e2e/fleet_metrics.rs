//! Fleet metrics: their operations, and what of a fleet's values goes to CloudWatch along the gateway's clock, over a restart and a
//! kill, and up to an alarm that rings in a queue.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::OnceLock;

const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];
/// What the tutorial of fleet metrics has: `attributes.temperature` as a number.
const TEMPERATURES: [i64; 10] = [70, 71, 72, 73, 74, 75, 47, 97, 98, 99];
const WATCHED: &str = r"
Resources:
  Watch:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: watch
  Rings:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: rings
      MessageRetentionPeriod: 1209600
  Rung:
    Type: AWS::SNS::Subscription
    Properties:
      Protocol: sqs
      TopicArn: !Ref Watch
      Endpoint: !GetAtt Rings.Arn
      RawMessageDelivery: true
";

fn clock(gateway: &Gateway<'_>, what: &Value) {
    gateway.send("POST", "/_drydock/clock", &[], what.to_string().as_bytes()).ok();
}

fn cloudwatch(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("GraniteServiceVersion20100801.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
    gateway.call("monitoring", "POST", "/", &headers, body).ok()
}

/// A full hour that is one to two hours away, in seconds since 1970: the same for all of a run. Each period up to it is looked at when a
/// clock is moved there, so that it is not far.
fn hour() -> i64 {
    static HOUR: OnceLock<i64> = OnceLock::new();
    *HOUR.get_or_init(|| (Timestamp::now().as_second() / 3600 + 2) * 3600)
}

/// So many seconds after [`hour`].
fn after(seconds: i64) -> String {
    Timestamp::from_second(hour() + seconds).unwrap().to_string()
}

/// Stops the clock at a time, indexes the fleet, and has its things.
fn fleet(gateway: &Gateway<'_>) {
    clock(gateway, &json!({ "stop": true }));
    clock(gateway, &json!({ "set": after(30) }));
    let things = json!({
        "thingIndexingMode": "REGISTRY",
        "customFields": [
            { "name": "attributes.temperature", "type": "Number" }, { "name": "attributes.rack", "type": "String" },
        ],
    });
    let groups = json!({ "thingGroupIndexingMode": "ON" });
    let body = json!({ "thingIndexingConfiguration": things, "thingGroupIndexingConfiguration": groups });
    gateway.iot("POST", "/indexing/config", &body);
    for (at, temperature) in TEMPERATURES.iter().enumerate() {
        let attributes = json!({ "temperature": temperature.to_string(), "rack": format!("Rack{}", at % 3) });
        let body = json!({ "attributePayload": { "attributes": attributes } });
        gateway.iot("POST", &format!("/things/TempSensor{at}"), &body);
    }
    wait_for("all things in the index", || {
        let all = gateway.iot(
            "POST",
            "/indices/cardinality",
            &json!({ "queryString": "thingName:*", "aggregationField": "thingName" }),
        );
        (all["cardinality"] == 10).then_some(())
    });
}

fn metric(name: &str, values: &[&str]) -> Value {
    json!({
        "queryString": "thingName:TempSensor*", "aggregationField": "attributes.temperature", "period": 60,
        "aggregationType": { "name": name, "values": values },
    })
}

fn put(gateway: &Gateway<'_>, name: &str, body: &Value) -> Answer {
    gateway.call("iot", "PUT", &format!("/fleet-metric/{name}"), &[], body)
}

/// The values of a fleet metric that CloudWatch has, the oldest first, and how many each minute had.
fn values(gateway: &Gateway<'_>, name: &str, of: &str) -> Vec<(String, f64, f64)> {
    let asked = json!({
        "Namespace": "AWS/IoTFleetMetrics", "MetricName": name,
        "Dimensions": [{ "Name": "AggregationType", "Value": of }],
        "StartTime": hour(), "EndTime": hour() + 86_400, "Period": 60, "Statistics": ["Sum", "SampleCount"],
    });
    let found = cloudwatch(gateway, "GetMetricStatistics", &asked);
    let mut points: Vec<(i64, f64, f64, String)> = found["Datapoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| {
            let text = |name: &str| point[name].as_f64().unwrap();
            let at = point["Timestamp"].as_f64().unwrap() as i64;
            (at, text("Sum"), text("SampleCount"), point["Unit"].as_str().unwrap().to_owned())
        })
        .collect();
    points.sort_by_key(|(at, ..)| *at);
    points.into_iter().map(|(_, sum, count, unit)| (unit, sum, count)).collect()
}

/// The values alone.
fn plain(gateway: &Gateway<'_>, name: &str, of: &str) -> Vec<f64> {
    values(gateway, name, of)
        .into_iter()
        .map(|(_, value, count)| {
            assert!((count - 1.0).abs() < f64::EPSILON, "{name} {of} is told once a period");
            value
        })
        .collect()
}

#[test]
fn what_a_query_comes_to_is_told_once_a_period_over_a_restart_and_a_kill() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    fleet(&gateway);
    let mut high = metric("Statistics", &["count", "average", "maximum"]);
    high["queryString"] = json!("thingName:TempSensor* AND attributes.temperature>80");
    high["unit"] = json!("Count");
    let made = put(&gateway, "high", &high).ok();
    assert_eq!(made["metricArn"], "arn:aws:iot:us-east-1:123456789012:fleetmetric/high");
    put(&gateway, "spread", &metric("Percentiles", &["10", "50", "p90"])).ok();
    let mut racks = metric("Cardinality", &[]);
    (racks["aggregationField"], racks["period"]) = (json!("attributes.rack"), json!(120));
    put(&gateway, "racks", &racks).ok();
    let mut groups = metric("Statistics", &["count"]);
    (groups["indexName"], groups["queryString"]) = (json!("AWS_ThingGroups"), json!("thingGroupName:*"));
    groups["aggregationField"] = json!("version");
    put(&gateway, "groups", &groups).ok();
    assert_eq!(plain(&gateway, "high", "count"), [0.0; 0], "nothing before the period ends");

    clock(&gateway, &json!({ "advance": "30s" }));
    assert_eq!(values(&gateway, "high", "count"), [("Count".to_owned(), 3.0, 1.0)]);
    assert_eq!((plain(&gateway, "high", "average"), plain(&gateway, "high", "maximum")), (vec![98.0], vec![99.0]));
    let spread = |of: &str| {
        plain(&gateway, "spread", of).into_iter().map(|value| (value * 100.0).round() / 100.0).collect::<Vec<_>>()
    };
    assert_eq!((spread("10"), spread("50"), spread("p90")), (vec![67.7], vec![73.5], vec![98.1]));
    assert_eq!(plain(&gateway, "racks", "cardinality"), [0.0; 0], "a period of two minutes");
    assert_eq!(plain(&gateway, "groups", "count"), [0.0], "no group is there");
    let listed =
        cloudwatch(&gateway, "ListMetrics", &json!({ "Namespace": "AWS/IoTFleetMetrics", "MetricName": "high" }));
    assert_eq!(listed["Metrics"].as_array().map(Vec::len), Some(3), "{listed}");

    // Where nothing is found the count is 0, and nothing else is told.
    for at in [7, 8, 9] {
        gateway.iot("DELETE", &format!("/things/TempSensor{at}"), &Value::Null);
    }
    clock(&gateway, &json!({ "advance": "1m" }));
    assert_eq!(plain(&gateway, "high", "count"), [3.0, 0.0]);
    assert_eq!(plain(&gateway, "high", "average"), [98.0]);
    clock(&gateway, &json!({ "advance": "1m" }));
    assert_eq!(plain(&gateway, "racks", "cardinality"), [3.0]);

    // Neither a stop nor a kill loses what was told, or tells it twice.
    let told = |gateway: &Gateway<'_>| plain(gateway, "high", "count").len();
    assert_eq!(told(&gateway), 3, "after one, two and three minutes");
    gateway.stop();
    let gateway = place.up(&DURABLE);
    clock(&gateway, &json!({ "stop": true }));
    clock(&gateway, &json!({ "set": after(220) }));
    clock(&gateway, &json!({ "advance": "10s" }));
    assert_eq!(told(&gateway), 3);
    clock(&gateway, &json!({ "advance": "10s" }));
    assert_eq!(told(&gateway), 4);
    gateway.kill();
    let gateway = place.up(&DURABLE);
    clock(&gateway, &json!({ "stop": true }));
    clock(&gateway, &json!({ "set": after(270) }));
    assert_eq!(told(&gateway), 4);
    clock(&gateway, &json!({ "advance": "2m30s" }));
    assert_eq!(told(&gateway), 7);

    // A change is told from the next period on, one that is deleted no longer.
    let every = json!({ "indexName": "AWS_Things", "period": 3600, "expectedVersion": 1 });
    gateway.iot("PATCH", "/fleet-metric/high", &every);
    gateway.iot("DELETE", "/fleet-metric/spread?expectedVersion=1", &Value::Null);
    let before = plain(&gateway, "spread", "50").len();
    clock(&gateway, &json!({ "advance": "1h" }));
    assert_eq!((told(&gateway), plain(&gateway, "spread", "50").len()), (8, before));
    let reset = gateway.call("iot", "POST", "/_drydock/reset?to=empty", &[], &Value::Null);
    assert_eq!(reset.status, 200, "{}", reset.body);
    clock(&gateway, &json!({ "advance": "2h" }));
    assert_eq!(gateway.iot("GET", "/fleet-metrics", &Value::Null)["fleetMetrics"], json!([]));
    assert_eq!(told(&gateway), 0);
}

#[test]
fn an_alarm_on_a_fleet_metric_rings_in_a_queue() {
    let place = Place::new(WATCHED);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    fleet(&gateway);
    let mut high = metric("Statistics", &["count"]);
    high["queryString"] = json!("attributes.temperature>80");
    put(&gateway, "high", &high).ok();
    let topic = "arn:aws:sns:us-east-1:123456789012:watch";
    let alarm = json!({
        "AlarmName": "too-hot", "Namespace": "AWS/IoTFleetMetrics", "MetricName": "high", "Statistic": "Maximum",
        "Dimensions": [{ "Name": "AggregationType", "Value": "count" }], "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 4, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "AlarmActions": [topic],
    });
    cloudwatch(&gateway, "PutMetricAlarm", &alarm);
    let state = || {
        let alarms = cloudwatch(&gateway, "DescribeAlarms", &json!({ "AlarmNames": ["too-hot"] }));
        alarms["MetricAlarms"][0]["StateValue"].as_str().unwrap().to_owned()
    };
    clock(&gateway, &json!({ "advance": "2m" }));
    assert_eq!(state(), "OK", "three are too warm");
    let warmer = json!({ "attributePayload": { "attributes": { "temperature": "81" }, "merge": true } });
    gateway.iot("PATCH", "/things/TempSensor0", &warmer);
    clock(&gateway, &json!({ "advance": "2m" }));
    assert_eq!(state(), "ALARM");
    let sqs = |operation: &str, body: Value| {
        let target = format!("AmazonSQS.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        gateway.call("sqs", "POST", "/", &headers, &body).ok()
    };
    let url = sqs("GetQueueUrl", json!({ "QueueName": "rings" }))["QueueUrl"].clone();
    let received = wait_for("the ring", || {
        let got = sqs("ReceiveMessage", json!({ "QueueUrl": url }));
        got["Messages"].is_array().then_some(got)
    });
    let rung: Value = serde_json::from_str(received["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&rung["AlarmName"], &rung["NewStateValue"]), (&json!("too-hot"), &json!("ALARM")), "{rung}");
}

#[test]
fn what_is_not_valid_is_refused_and_what_is_used_stays_in_the_configuration() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    put(&gateway, "early", &metric("Statistics", &["sum"])).refused(
        404,
        "ResourceNotFoundException",
        "thingIndexingMode",
    );
    fleet(&gateway);
    let with = |member: &str, value: Value| {
        let mut body = metric("Statistics", &["sum"]);
        body[member] = value;
        body
    };
    let aggregation = |name: &str, values: Value| with("aggregationType", json!({ "name": name, "values": values }));
    for (body, code, part) in [
        (with("period", json!(90)), "InvalidRequestException", "multiple of 60"),
        (with("period", json!(59)), "InvalidRequestException", "period"),
        (with("queryString", json!("a AND")), "InvalidQueryException", "character 6"),
        (with("queryString", json!("shadow.reported.a:1")), "InvalidQueryException", "shadow.reported.a"),
        (with("queryVersion", json!("2016")), "InvalidQueryException", "2017-09-30"),
        (with("aggregationField", json!("attributes.color")), "InvalidAggregationException", "attributes.color"),
        (aggregation("Statistics", json!(["mean"])), "InvalidAggregationException", "sumOfSquares"),
        (aggregation("Statistics", json!([])), "InvalidAggregationException", "values"),
        (aggregation("Statistics", json!(["sum", "sum"])), "InvalidAggregationException", "twice"),
        (aggregation("Percentiles", json!(["101"])), "InvalidAggregationException", "percent"),
        (aggregation("Percentiles", json!(["1", "2", "3", "4", "5", "6"])), "InvalidAggregationException", "at most 5"),
        (aggregation("Cardinality", json!(["sum"])), "InvalidAggregationException", "cardinality"),
    ] {
        put(&gateway, "m", &body).refused(400, code, part);
    }
    let mut of_text = aggregation("Percentiles", json!(["50"]));
    of_text["aggregationField"] = json!("attributes.rack");
    put(&gateway, "m", &of_text).refused(400, "InvalidAggregationException", "Number");
    put(&gateway, "m", &with("indexName", json!("other"))).refused(404, "ResourceNotFoundException", "AWS_Things");

    let sum = with("tags", json!([{ "Key": "team", "Value": "heat" }]));
    let arn = put(&gateway, "sum", &sum).ok()["metricArn"].as_str().unwrap().to_owned();
    assert_eq!(put(&gateway, "sum", &sum).ok()["metricArn"], json!(arn), "it is there as it is asked for");
    put(&gateway, "sum", &with("period", json!(120))).refused(
        409,
        "ResourceAlreadyExistsException",
        "UpdateFleetMetric",
    );
    let tags = gateway.iot("GET", &format!("/tags?resourceArn={}", arn.replace('/', "%2F")), &Value::Null);
    assert_eq!(tags["tags"], json!([{ "Key": "team", "Value": "heat" }]));

    let patch = |body: &Value| gateway.call("iot", "PATCH", "/fleet-metric/sum", &[], body);
    patch(&json!({ "indexName": "AWS_Things", "expectedVersion": 7 })).refused(
        409,
        "VersionConflictException",
        "version 1",
    );
    patch(&json!({ "indexName": "AWS_Things", "period": 61 })).refused(
        400,
        "InvalidRequestException",
        "multiple of 60",
    );
    let update = json!({ "indexName": "AWS_Things", "period": 120, "description": "all of it", "expectedVersion": 1 });
    patch(&update).ok();
    let described = gateway.iot("GET", "/fleet-metric/sum", &Value::Null);
    assert_eq!((&described["version"], &described["period"]), (&json!(2), &json!(120)), "{described}");
    assert_eq!((&described["queryVersion"], &described["indexName"]), (&json!("2017-09-30"), &json!("AWS_Things")));
    assert_eq!((&described["description"], &described["unit"]), (&json!("all of it"), &Value::Null));
    gateway.call("iot", "PATCH", "/fleet-metric/none", &[], &update).refused(404, "ResourceNotFoundException", "none");
    gateway.call("iot", "GET", "/fleet-metric/none", &[], &Value::Null).refused(
        404,
        "ResourceNotFoundException",
        "none",
    );
    gateway.iot("DELETE", "/fleet-metric/none", &Value::Null);
    let stale = gateway.call("iot", "DELETE", "/fleet-metric/sum?expectedVersion=1", &[], &Value::Null);
    stale.refused(409, "VersionConflictException", "version 2");

    // What it uses stays as it is.
    let number = json!([{ "name": "attributes.temperature", "type": "Number" }]);
    let text = json!([{ "name": "attributes.temperature", "type": "String" }]);
    let change = |mode: &str, fields: &Value| {
        let things = json!({ "thingIndexingMode": mode, "customFields": fields });
        gateway.call("iot", "POST", "/indexing/config", &[], &json!({ "thingIndexingConfiguration": things }))
    };
    change("REGISTRY", &number).ok();
    for (mode, fields) in [("REGISTRY", &text), ("REGISTRY", &json!([])), ("OFF", &json!([]))] {
        change(mode, fields).refused(400, "InvalidRequestException", "the fleet metric `sum`");
    }

    for at in 1..100 {
        put(&gateway, &format!("m{at:02}"), &metric("Statistics", &["sum"])).ok();
    }
    put(&gateway, "m100", &metric("Statistics", &["sum"])).refused(410, "LimitExceededException", "100");
    let mut names = Vec::new();
    let mut path = "/fleet-metrics?maxResults=30".to_owned();
    loop {
        let page = gateway.iot("GET", &path, &Value::Null);
        names.extend(
            page["fleetMetrics"].as_array().unwrap().iter().map(|of| of["metricName"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page["nextToken"].as_str() else { break };
        path = format!("/fleet-metrics?maxResults=30&nextToken={token}");
    }
    assert_eq!((names.len(), names[0].as_str(), names[99].as_str()), (100, "m01", "sum"));
}
