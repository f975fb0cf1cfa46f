//! Rules and schedules of a template: objects that the APIs show, which run on the gateway's clock.

use drydock_tests::gateway::{Gateway, Place, wait_for};
use serde_json::{Value, json};

const TEMPLATE: &str = "\
Resources:
  Lamp:
    Type: AWS::IoT::Thing
    Properties: {ThingName: lamp}
  Orders:
    Type: AWS::SQS::Queue
    Properties: {QueueName: orders}
  Large:
    Type: AWS::Events::Rule
    Properties:
      Name: large
      EventPattern: {source: [shop], detail: {total: [{numeric: ['>', 100]}]}}
      Targets: [{Id: queue, Arn: !GetAtt Orders.Arn, InputPath: $.detail}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: scheduler.amazonaws.com}, Action: 'sts:AssumeRole'}]
  Lamps:
    Type: AWS::Scheduler::ScheduleGroup
    Properties: {Name: lamps, Tags: [{Key: team, Value: light}]}
  Evening:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: evening
      GroupName: !Ref Lamps
      ScheduleExpression: cron(0 19 * * ? *)
      ScheduleExpressionTimezone: Europe/Berlin
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target:
        Arn: arn:aws:scheduler:::aws-sdk:iotdataplane:updateThingShadow
        RoleArn: !GetAtt Role.Arn
        Input: '{\"ThingName\":\"lamp\",\"Payload\":\"{\\\"state\\\":{\\\"desired\\\":{\\\"on\\\":true}}}\"}'
";

fn events(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("AWSEvents.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
    gateway.call("events", "POST", "/", &headers, body).ok()
}

#[test]
fn a_templates_rules_and_schedules_are_there_and_run() {
    let place = Place::new(TEMPLATE);
    let options = ["--data-dir", "state"];
    let gateway = place.up(&options);
    let ask = |gateway: &Gateway<'_>, path: &str| gateway.call("scheduler", "GET", path, &[], &Value::Null).ok();
    assert_eq!(ask(&gateway, "/schedule-groups/lamps")["State"], "ACTIVE");
    let evening = ask(&gateway, "/schedules/evening?groupName=lamps");
    assert_eq!(evening["ScheduleExpressionTimezone"], "Europe/Berlin", "{evening}");
    assert_eq!(events(&gateway, "DescribeRule", &json!({ "Name": "large" }))["State"], "ENABLED");
    // What is changed over the API stays while the template says the same.
    events(&gateway, "DisableRule", &json!({ "Name": "large" }));
    gateway.kill();
    let gateway = place.up(&options);
    assert_eq!(events(&gateway, "DescribeRule", &json!({ "Name": "large" }))["State"], "DISABLED");
    events(&gateway, "EnableRule", &json!({ "Name": "large" }));

    let entry = json!({ "Source": "shop", "DetailType": "order", "Detail": "{\"total\": 150}" });
    assert_eq!(events(&gateway, "PutEvents", &json!({ "Entries": [entry] }))["FailedEntryCount"], 0);
    let url = format!("http://127.0.0.1:{}/123456789012/orders", gateway.api_port());
    let headers = [("x-amz-target", "AmazonSQS.ReceiveMessage"), ("content-type", "application/x-amz-json-1.0")];
    let received = wait_for("the order", || {
        let received = gateway.call("sqs", "POST", "/", &headers, &json!({ "QueueUrl": url })).ok();
        received["Messages"][0]["Body"].as_str().map(str::to_owned)
    });
    assert_eq!(received, r#"{"total":150}"#);

    // A day is up to 25 hours long in Berlin.
    let day = json!({ "advance": "25h" }).to_string();
    gateway.send("POST", "/_drydock/clock", &[], day.as_bytes()).ok();
    let shadow = gateway.call("iotdata", "GET", "/things/lamp/shadow", &[], &Value::Null).ok();
    assert_eq!(shadow["state"]["desired"], json!({ "on": true }));

    // A schedule that the template does not say any more is gone.
    gateway.kill();
    let without = TEMPLATE.split("  Evening:").next().unwrap();
    std::fs::write(place.path().join("template.yaml"), without).unwrap();
    let gateway = place.up(&options);
    assert_eq!(ask(&gateway, "/schedules")["Schedules"], json!([]));
    assert_eq!(events(&gateway, "ListRules", &json!({}))["Rules"][0]["Name"], "large");
}
