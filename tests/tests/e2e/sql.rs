//! `drydock sql`: a statement on a message with no gateway, and a rule of a gateway that is up as it runs.

use drydock_tests::gateway::{self, Gateway, Place, SMALL};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Output, Stdio};

fn run(place: &Place, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = gateway::command();
    command.arg("sql").args(arguments).current_dir(place.path()).env("NO_COLOR", "1");
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who does not read its input may have ended before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// How it ended, and what it said on standard output and standard error.
fn sql(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(place, arguments, b"");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const HOT: &str = "SELECT temperature AS t, topic(2) AS thing FROM 'dt/+/telemetry' WHERE temperature > 50";

#[test]
fn a_result_stands_alone_and_what_is_missing_beside_it() {
    let place = Place::new(SMALL);
    fs::write(place.path().join("hot.json"), r#"{"temperature": 60.0}"#).unwrap();
    let topic = ["--topic", "dt/pump-1/telemetry"];
    let expected = (Some(0), "{\"t\":60,\"thing\":\"pump-1\"}\n".to_owned(), String::new());
    assert_eq!(sql(&place, &[&[HOT, "--payload", "hot.json"], &topic[..]].concat()), expected);
    assert_eq!(sql(&place, &[&[HOT, "--payload", r#"{"temperature":60}"#], &topic[..]].concat()), expected);
    let piped = run(&place, &[&[HOT, "--payload", "-"], &topic[..]].concat(), br#"{"temperature":60}"#);
    assert_eq!((piped.status.code(), String::from_utf8(piped.stdout).unwrap()), (Some(0), expected.1));
    let older = [&[HOT, "--payload", "hot.json", "--sql-version", "2015-10-08"], &topic[..]].concat();
    assert_eq!(sql(&place, &older).1, "{\"t\":60.0,\"thing\":\"pump-1\"}\n");

    let (code, result, beside) = sql(&place, &["SELECT a, temprature + 1 AS t FROM 'x'", "--payload", r#"{"a":1}"#]);
    assert_eq!((code, result.as_str()), (Some(0), "{\"a\":1}\n"));
    assert!(beside.contains("`temprature + 1` as t is undefined: temprature = undefined"), "{beside}");
    let (code, result, beside) = sql(&place, &["SELECT VALUE nothing FROM 'x'"]);
    assert_eq!((code, result.as_str()), (Some(0), ""));
    assert!(beside.contains("the result is undefined"), "{beside}");

    let who = ["--client-id", "c-1", "--principal", "abc", "--time", "1500", "--user-property", "a=b"];
    let asked = "SELECT clientid() AS c, principal() AS p, timestamp() AS t, get_user_properties('a') AS u, \
        accountid() AS a FROM 'x'";
    let (_, result, _) = sql(&place, &[&[asked, "--account", "210987654321"], &who[..]].concat());
    let expected = json!({ "c": "c-1", "p": "abc", "t": 1500, "u": ["b"], "a": "210987654321" });
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap(), expected);
}

#[test]
fn why_there_is_no_result_is_told_step_by_step() {
    let place = Place::new(SMALL);
    let topic = ["--topic", "dt/pump-1/telemetry"];
    let (code, said, _) = sql(&place, &[&[HOT, "--payload", r#"{"temperature":20}"#], &topic[..]].concat());
    assert_eq!(code, Some(2), "{said}");
    for part in ["FROM `dt/+/telemetry` matches", "WHERE `temperature > 50` was false: temperature = 20", "no result"] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    let (code, said, _) = sql(&place, &[HOT, "--topic", "dt/pump-1"]);
    assert!(code == Some(2) && said.contains("does not match the topic `dt/pump-1`"), "{said}");
    let (code, said, _) = sql(&place, &[&[HOT, "--payload", "-"], &topic[..]].concat());
    assert!(code == Some(2) && said.contains("the payload of 0 bytes is raw"), "{said}");

    let (code, _, said) = sql(&place, &[HOT]);
    assert!(code == Some(1) && said.contains("--topic"), "{said}");
    let (code, _, said) = sql(&place, &["SELECT a,\n  uper(b) AS b\nFROM 'x'"]);
    assert_eq!(code, Some(1));
    for part in
        ["line 2, column 3: unknown function `uper`", "|   uper(b) AS b\n", "|   ^^^^\n", "did you mean `upper`?"]
    {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    let (code, _, said) = sql(&place, &["SELECT * FROM 'x'", "--payload", "absent.json"]);
    assert!(code == Some(1) && said.contains("`absent.json` cannot be read"), "{said}");
    let (code, _, said) = sql(&place, &["SELECT * FROM 'x'", "--sql-version", "2020-01-01"]);
    assert!(code == Some(2) && said.contains("2016-03-23"), "{said}");
}

#[test]
fn programs_get_json_of_one_form() {
    let place = Place::new(SMALL);
    let json = |arguments: &[&str]| {
        let (code, said, _) = sql(&place, &[arguments, &["--json"]].concat());
        (code, serde_json::from_str::<Value>(&said).unwrap_or_else(|e| panic!("{e}: {said}")))
    };
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let (code, matched) = json(&["SELECT a FROM 'x'", "--payload", r#"{"a":1}"#]);
    assert_eq!((code, &matched["matched"], &matched["result"]), (Some(0), &json!(true), &json!({ "a": 1 })));
    assert_eq!(
        (keys(&matched), &matched["error"]),
        (["error", "matched", "result", "trace"].map(str::to_owned).into(), &Value::Null)
    );
    assert_eq!(matched["trace"][2], json!({ "step": "select", "key": "a", "sql": "a", "value": 1 }));
    let (code, undefined) = json(&["SELECT VALUE a FROM 'x'"]);
    assert_eq!((code, keys(&undefined)), (Some(0), ["error", "matched", "trace"].map(str::to_owned).into()));
    let (code, unmatched) = json(&["SELECT a FROM 'x' WHERE a > 1", "--payload", r#"{"a":1}"#]);
    assert_eq!((code, &unmatched["matched"], unmatched.get("result")), (Some(2), &json!(false), None));
    let step = json!({ "step": "where", "sql": "a > 1", "value": false, "because": [{ "sql": "a", "value": 1 }] });
    assert_eq!(unmatched["trace"][2], step);
    let (code, wrong) = json(&["SELECT FROM 'x'"]);
    assert_eq!((code, &wrong["matched"], &wrong["trace"]), (Some(1), &json!(false), &json!([])));
    assert!(wrong["error"].as_str().unwrap().contains("line 1, column 8"), "{wrong}");
}

#[test]
fn raw_payloads_stay_as_they_are() {
    let place = Place::new(SMALL);
    let bytes = [0, 159, 146, 150, b'{'];
    fs::write(place.path().join("image.bin"), bytes).unwrap();
    let output = run(&place, &["SELECT * FROM 'x'", "--payload", "image.bin"], b"");
    assert_eq!((output.status.code(), output.stdout), (Some(0), bytes.to_vec()));
    let (_, said, beside) = sql(&place, &["SELECT encode(*, 'base64') AS data FROM 'x'", "--payload", "image.bin"]);
    assert_eq!(said, "{\"data\":\"AJ+Slns=\"}\n");
    assert!(beside.contains("the payload of 5 bytes is raw"), "{beside}");
    let (_, said, _) = sql(&place, &["SELECT * FROM 'x'", "--payload", "image.bin", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["result"], "AJ+Slns=");
}

#[test]
fn functions_that_reach_out_get_the_answers_that_are_given() {
    let place = Place::new(SMALL);
    let statement = "SELECT aws_lambda('arn:aws:lambda:us-east-1:123456789012:function:f', *).ok AS ok FROM 'x'";
    let (code, said, _) = sql(&place, &[statement, "--answer", r#"aws_lambda={"ok":[1]}"#]);
    assert_eq!((code, said.as_str()), (Some(0), "{\"ok\":[1]}\n"));
    let (code, _, said) = sql(&place, &[statement]);
    assert!(code == Some(1) && said.contains("--answer 'aws_lambda=JSON'"), "{said}");
    let (code, _, said) = sql(&place, &[statement, "--answer", "upper=1"]);
    assert!(code == Some(1) && said.contains("`upper` is not a function that reaches out"), "{said}");
}

/// A watcher of a rule, and the lines that it prints.
fn watching(
    gateway: &Gateway<'_>,
    arguments: &[&str],
) -> (std::process::Child, std::io::Lines<BufReader<std::process::ChildStdout>>) {
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let mut command = gateway::command();
    command.arg("sql").args(arguments).args(["--api-url", url]).env("NO_COLOR", "1").stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It says so once it is told of everything.
    let first = BufReader::new(child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(first.contains("watching rule"), "{first}");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

#[test]
fn a_live_rule_is_followed_message_by_message() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let role = "arn:aws:iam::123456789012:role/rules";
    let absent = "arn:aws:lambda:us-east-1:123456789012:function:absent";
    let body = json!({
        "sql": HOT, "awsIotSqlVersion": "2016-03-23",
        "actions": [
            { "republish": { "topic": "hot/${topic(2)}", "roleArn": role, "qos": 1 } },
            { "lambda": { "functionArn": absent } },
        ],
        "errorAction": { "republish": { "topic": "errors", "roleArn": role } },
    });
    gateway.iot("POST", "/rules/hot", &body);
    let url = gateway.ready["apiUrl"].as_str().unwrap();
    let (code, _, said) = sql(&place, &["--watch", "cold", "--api-url", url]);
    assert!(code == Some(1) && said.contains("no topic rule `cold`") && said.contains("hot"), "{said}");

    let (mut program, mut json_lines) = watching(&gateway, &["--watch", "hot", "--json"]);
    let (mut person, mut text) = watching(&gateway, &["--watch", "hot"]);
    let mut device = gateway.observer(&["hot/#"]);
    device.publish("dt/pump-1/telemetry", r#"{"temperature":20}"#).unwrap();
    let told: Value = serde_json::from_str(&json_lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(
        (&told["matched"], &told["rule"], &told["clientId"]),
        (&json!(false), &json!("hot"), &json!("observer"))
    );
    assert_eq!(told["trace"][2]["because"], json!([{ "sql": "temperature", "value": 20 }]), "{told}");
    device.publish("dt/pump-2/telemetry", r#"{"temperature":80}"#).unwrap();
    let told: Value = serde_json::from_str(&json_lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&told["matched"], &told["result"]), (&json!(true), &json!({ "t": 80, "thing": "pump-2" })), "{told}");
    let [republished, invoked] = told["actions"].as_array().unwrap().as_slice() else { panic!("two actions: {told}") };
    assert_eq!((&republished["ok"], &republished["resource"]), (&json!(true), &json!("hot/pump-2")));
    assert!(republished["ms"].as_f64().is_some_and(|ms| ms > 0.0), "{republished}");
    let substituted = &republished["substituted"][0];
    assert_eq!((&substituted["template"], &substituted["value"]), (&json!("hot/${topic(2)}"), &json!("hot/pump-2")));
    assert_eq!(substituted["because"], json!([{ "sql": "topic(2)", "value": "pump-2" }]));
    assert_eq!((&invoked["ok"], &invoked["resource"]), (&json!(false), &json!(absent)));
    assert!(!invoked["answer"].as_str().unwrap().is_empty(), "{invoked}");
    assert_eq!(told["errorAction"]["ok"], json!(true), "{told}");

    let mut said = String::new();
    while !said.contains("error action: ") {
        said.push_str(&text.next().unwrap().unwrap());
        said.push('\n');
    }
    for part in [
        "hot did not match dt/pump-1/telemetry of observer",
        "WHERE `temperature > 50` was false: temperature = 20",
        "hot matched dt/pump-2/telemetry of observer",
        "`hot/${topic(2)}` became `hot/pump-2`: topic(2) = \"pump-2\"",
        "LambdaAction to arn:aws:lambda:us-east-1:123456789012:function:absent: failed in ",
    ] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    for child in [&mut program, &mut person] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
