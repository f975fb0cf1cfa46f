//! CloudWatch Logs: what functions, rules and AWS IoT itself write, the template's groups, and `drydock logs`.

use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::http::Answer;
use serde_json::{Value, json};
use std::fs;

const ROLE: &str = "arn:aws:iam::123456789012:role/logs";

const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /fleet/readings
      RetentionInDays: 7
      Tags:
        - Key: team
          Value: dock
  Reader:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: reader
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: reader/
      Timeout: 10
      LoggingConfig:
        LogGroup: !Ref Logs
      Events:
        Reading:
          Type: IoTRule
          Properties:
            Sql: SELECT temperature, topic(2) AS thing FROM 'dt/+/telemetry'
            AwsIotSqlVersion: '2016-03-23'
  Watcher:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: watcher
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: watcher/
      Timeout: 10
  WatcherPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Watcher
      Action: lambda:InvokeFunction
      Principal: logs.amazonaws.com
      SourceArn: !GetAtt Logs.Arn
  Hot:
    Type: AWS::Logs::SubscriptionFilter
    DependsOn: WatcherPermission
    Properties:
      LogGroupName: !Ref Logs
      FilterPattern: '{ $.temperature > 90 }'
      DestinationArn: !GetAtt Watcher.Arn
";

fn ask(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Answer {
    let target = format!("Logs_20140328.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
    gateway.call("logs", "POST", "/", &headers, body)
}

fn logs(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    ask(gateway, operation, body).ok()
}

/// Waits for so many events of a group that a pattern finds.
fn found(gateway: &Gateway<'_>, group: &str, pattern: &str, count: usize) -> Vec<Value> {
    wait_for(&format!("{count} events of {group} like {pattern}"), || {
        let answer = ask(gateway, "FilterLogEvents", &json!({ "logGroupName": group, "filterPattern": pattern }));
        let answer: Value = if answer.status == 200 { answer.ok() } else { return None };
        answer["events"].as_array().filter(|events| events.len() >= count).cloned()
    })
}

fn iot_logs(gateway: &Gateway<'_>, more: Value) {
    let mut body = json!({ "roleArn": ROLE, "defaultLogLevel": "DEBUG" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.iot("POST", "/v2LoggingOptions", &body);
}

/// What `drydock logs` says.
fn said(place: &Place, gateway: &Gateway<'_>, arguments: &[&str]) -> String {
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    place.run(&[&["logs", "--api-url", url], arguments].concat())
}

#[test]
fn one_reads_the_log_of_a_device_from_its_connect_to_its_function() {
    let place = Place::new(TEMPLATE);
    for (name, script) in
        [("reader", r#"echo "$event"; echo "a note" >&2; answer="{}""#), ("watcher", r#"answer="{}""#)]
    {
        let folder = place.path().join(name);
        fs::create_dir(&folder).unwrap();
        bootstrap::write(&folder, script);
    }
    let gateway = place.up(&[]);
    iot_logs(&gateway, json!({}));
    let mut one = gateway.connect(&gateway.free_device("pump-1"));
    let mut other = gateway.connect(&gateway.free_device("pump-10"));
    other.publish("dt/pump-10/telemetry", r#"{"temperature":20}"#).unwrap();
    found(&gateway, "/fleet/readings", "REPORT", 1);
    one.publish("dt/pump-1/telemetry", r#"{"temperature":95.5}"#).unwrap();
    found(&gateway, "/fleet/readings", "REPORT", 2);
    one.publish("$aws/things/pump-1/shadow/update", r#"{"state":{"reported":{"on":true}}}"#).unwrap();
    found(&gateway, "AWSIotLogsV2", "UpdateThingShadow", 1);
    one.disconnect();
    found(&gateway, "AWSIotLogsV2", r#"{ $.eventType = "Disconnect" && $.clientId = "pump-1" }"#, 1);

    // The group of the function is the template's; streams and lines are as Lambda writes them.
    let described = logs(&gateway, "DescribeLogGroups", &json!({ "logGroupNamePrefix": "/fleet/" }));
    assert_eq!(described["logGroups"][0]["retentionInDays"], 7, "{described}");
    let arn = described["logGroups"][0]["logGroupArn"].clone();
    assert_eq!(
        logs(&gateway, "ListTagsForResource", &json!({ "resourceArn": arn }))["tags"],
        json!({ "team": "dock" })
    );
    let events = found(&gateway, "/fleet/readings", "", 10);
    let stream = events[0]["logStreamName"].as_str().unwrap();
    assert!(stream.contains("/[$LATEST]") && stream.len() == 10 + 1 + 9 + 32, "{stream}");
    let is = |event: &Value, begin: &str| event["message"].as_str().unwrap().starts_with(begin);
    for begin in ["START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "a note"] {
        assert_eq!(events.iter().filter(|event| is(event, begin)).count(), 2, "{begin}: {events:#?}");
    }
    // The subscription has told the other function of the hot one alone.
    let told = wait_for("the watcher is told", || {
        let events = fs::read_to_string(place.path().join("watcher/events"));
        // The file is there a moment before its first line.
        events.ok().filter(|told| told.ends_with('\n'))
    });
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("awslogs"), "{told}");

    let text = said(&place, &gateway, &["--thing", "pump-1"]);
    let mut lines = text.lines();
    let mut comes = |parts: &[&str]| {
        assert!(
            lines.any(|line| parts.iter().all(|part| line.contains(part))),
            "{parts:?} is not there, in order:\n{text}"
        );
    };
    comes(&["iot", "Connect", "pump-1"]);
    comes(&["iot", "Publish-In", "topicName=dt/pump-1/telemetry"]);
    comes(&["/fleet/readings", "START RequestId"]);
    comes(&["/fleet/readings", r#""thing":"pump-1""#]);
    comes(&["/fleet/readings", "REPORT RequestId"]);
    comes(&["iot", "UpdateThingShadow"]);
    comes(&["iot", "Disconnect"]);
    assert!(text.contains("RuleMatch") && text.contains("RuleExecution"), "{text}");
    assert!(!text.contains("pump-10"), "{text}");
    assert_eq!(text.matches("START RequestId").count(), 1, "the other's invocation is not shown:\n{text}");

    let text = said(&place, &gateway, &["/fleet/readings", "--filter", "{ $.temperature < 90 }"]);
    assert!(text.lines().count() == 1 && text.contains("pump-10"), "{text}");
    let json = said(&place, &gateway, &["--filter", "\"a note\"", "--json"]);
    let notes: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(notes.len(), 2, "{json}");
    assert_eq!(notes[0]["logGroupName"], "/fleet/readings");
    assert!(said(&place, &gateway, &["--thing", "nobody"]).contains("no events"));

    // It is there after a kill, in the same order.
    let before = said(&place, &gateway, &["--thing", "pump-1", "--json"]);
    gateway.kill();
    let gateway = place.up(&[]);
    assert_eq!(said(&place, &gateway, &["--thing", "pump-1", "--json"]), before);
}

#[test]
fn a_rule_writes_its_messages_to_a_group_each_or_as_a_batch() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let rule = |name: &str, action: Value| {
        let error = json!({ "republish": { "topic": format!("errors/{name}"), "roleArn": ROLE } });
        let body = json!({
            "sql": format!("SELECT * FROM '{name}'"), "awsIotSqlVersion": "2016-03-23",
            "actions": [{ "cloudwatchLogs": action }], "errorAction": error,
        });
        gateway.iot("POST", &format!("/rules/{name}"), &body);
    };
    rule("single", json!({ "logGroupName": "readings", "roleArn": ROLE }));
    rule("batch", json!({ "logGroupName": "readings", "batchMode": true, "roleArn": ROLE }));
    let mut device = gateway.observer(&["errors/#"]);
    device.publish("single", r#"{"t":1}"#).unwrap();
    let failed = device.receive("errors/single").json();
    assert!(failed["failures"][0]["errorMessage"].as_str().unwrap().contains("log group does not exist"), "{failed}");

    logs(&gateway, "CreateLogGroup", &json!({ "logGroupName": "readings" }));
    device.publish("single", r#"{"t":2}"#).unwrap();
    let events = found(&gateway, "readings", "", 1);
    assert_eq!((&events[0]["message"], &events[0]["logStreamName"]), (&json!(r#"{"t":2}"#), &json!("single")));
    let now = events[0]["timestamp"].as_i64().unwrap();
    let batch = json!([{ "timestamp": now + 2, "message": "second" }, { "timestamp": now + 1, "message": "first" }]);
    device.publish("batch", batch.to_string()).unwrap();
    let events = found(&gateway, "readings", "-\"{\"", 2);
    assert_eq!(events.iter().map(|event| event["message"].as_str().unwrap()).collect::<Vec<_>>(), ["first", "second"]);
    device.publish("batch", r#"[{"message":"without a time"}]"#).unwrap();
    let failed = device.receive("errors/batch").json();
    assert!(failed["failures"][0]["errorMessage"].as_str().unwrap().contains("timestamp"), "{failed}");
}

#[test]
fn an_event_type_has_a_group_of_its_own_and_a_reset_empties_all() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let events = json!([{ "eventType": "Subscribe", "logLevel": "INFO", "logDestination": "my/subscriptions" }]);
    iot_logs(&gateway, json!({ "eventConfigurations": events }));
    let mut device = gateway.connect(&gateway.free_device("lamp"));
    device.subscribe("dock/lamp");
    let own = found(&gateway, "my/subscriptions", "", 1);
    assert!(own[0]["message"].as_str().unwrap().contains("Subscribe"), "{own:?}");
    let common = found(&gateway, "AWSIotLogsV2", "\"lamp\"", 1);
    assert!(common.iter().all(|event| !event["message"].as_str().unwrap().contains("Subscribe")), "{common:?}");
    let described = logs(&gateway, "DescribeLogGroups", &json!({}));
    let days: Vec<&Value> = described["logGroups"].as_array().unwrap().iter().map(|g| &g["retentionInDays"]).collect();
    assert_eq!(days, [30, 30]);
    let metrics = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
    assert!(metrics.contains("drydock_log_events_dropped{reason=\"QUEUE_FULL\"} 0"), "{metrics}");
    device.disconnect();
    gateway.send("POST", "/_drydock/reset?to=empty", &[], b"").ok();
    assert_eq!(logs(&gateway, "DescribeLogGroups", &json!({}))["logGroups"], json!([]));
}
