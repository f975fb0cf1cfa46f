//! Any SAM project comes up: a function that is a built `bootstrap`, here a shell script that speaks the Lambda Runtime API.

use drydock_tests::bootstrap;
use drydock_tests::gateway::{Place, wait_for};
use serde_json::{Value, json};
use std::fs;

const TEMPLATE: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Greeter:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: greeter
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: greeter/
      Timeout: 10
      Environment:
        Variables:
          GREETING: ahoy
      Events:
        Reading:
          Type: IoTRule
          Properties:
            Sql: SELECT temperature, topic(2) AS thing FROM 'dt/+/telemetry'
            AwsIotSqlVersion: '2016-03-23'
";

#[test]
fn a_built_bootstrap_is_invoked_by_the_api_and_by_a_rule() {
    let place = Place::new(TEMPLATE);
    let folder = place.path().join("greeter");
    fs::create_dir(&folder).unwrap();
    bootstrap::write(&folder, r#"answer="{\"greeting\":\"$GREETING\",\"event\":$event}""#);
    let gateway = place.up(&["--ephemeral"]);

    let path = "/2015-03-31/functions/greeter/invocations";
    let answer = gateway.call("lambda", "POST", path, &[], &json!({ "name": "pump-1" })).ok();
    assert_eq!(answer, json!({ "greeting": "ahoy", "event": { "name": "pump-1" } }));

    let mut device = gateway.connect(&gateway.free_device("pump-1"));
    device.publish("dt/pump-1/telemetry", r#"{"temperature":21.5,"power":7}"#).unwrap();
    let seen = wait_for("the rule invokes the function", || {
        let events = fs::read_to_string(folder.join("events")).ok()?;
        events.lines().nth(1).and_then(|line| serde_json::from_str::<Value>(line).ok())
    });
    assert_eq!(seen, json!({ "temperature": 21.5, "thing": "pump-1" }));

    gateway.call("lambda", "POST", "/2015-03-31/functions/nobody/invocations", &[], &json!({})).refused(
        404,
        "ResourceNotFoundException",
        "nobody",
    );
}
