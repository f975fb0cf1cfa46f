//! Any SAM project comes up: a function that is a built `bootstrap`, here a shell script that speaks the Lambda Runtime API.

use drydock_tests::gateway::{Place, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

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

/// Answers each event with a greeting and the event, and appends it to a file in its own folder.
const BOOTSTRAP: &str = r#"#!/usr/bin/env bash
export LC_ALL=C
host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API##*:}
base=/2018-06-01/runtime/invocation
while true; do
  exec 3<>"/dev/tcp/$host/$port" || exit 1
  printf 'GET %s/next HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$base" "$AWS_LAMBDA_RUNTIME_API" >&3
  id='' length=0
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    [ -z "$line" ] && break
    case "${line,,}" in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" event <&3
  exec 3>&-
  [ -z "$id" ] && exit 1
  printf '%s\n' "$event" >>"${BASH_SOURCE[0]%/*}/events"
  answer="{\"greeting\":\"$GREETING\",\"event\":$event}"
  exec 3<>"/dev/tcp/$host/$port" || exit 1
  printf 'POST %s/%s/response HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' \
    "$base" "$id" "$AWS_LAMBDA_RUNTIME_API" "${#answer}" "$answer" >&3
  cat <&3 >/dev/null
  exec 3>&-
done
"#;

#[test]
fn a_built_bootstrap_is_invoked_by_the_api_and_by_a_rule() {
    let place = Place::new(TEMPLATE);
    let folder = place.path().join("greeter");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("bootstrap"), BOOTSTRAP).unwrap();
    fs::set_permissions(folder.join("bootstrap"), fs::Permissions::from_mode(0o755)).unwrap();
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
