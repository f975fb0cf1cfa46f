//! What rule actions send, seen at a server that stands where the service is: the wire, the signature, retries and failures.

use drydock_core::Timestamp;
use drydock_identity::sigv4::{Claim, Secret, SignedRequest, verify};
use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::recorder::{Recorded, Recorder, Reply};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const ROLE: &str = "arn:aws:iam::123456789012:role/rules";
const KEY: &str = "AKIAACTIONS";
const SECRET: &str = "a secret of the rules";
const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];

/// A gateway whose rules send to this server, with keys to sign with.
fn up<'p>(place: &'p Place, variables: &[(&str, &str)]) -> Gateway<'p> {
    let keys = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let words: Vec<String> = keys.iter().chain(variables).map(|(name, value)| format!("{name}={value}")).collect();
    let wrapper: Vec<&str> = ["env"].into_iter().chain(words.iter().map(String::as_str)).collect();
    place.up_by(&wrapper, &CALM)
}

fn rule(gateway: &Gateway<'_>, name: &str, topic: &str, actions: &Value) {
    let error = json!({ "republish": { "topic": format!("errors/{name}"), "roleArn": ROLE } });
    let body = json!({ "sql": format!("SELECT * FROM '{topic}'"), "awsIotSqlVersion": "2016-03-23", "actions": actions,
        "errorAction": error });
    gateway.iot("POST", &format!("/rules/{name}"), &body);
}

/// Checks the signature of a request by the gateway's own verifier, which is checked against AWS's cases.
fn signed(request: &Recorded, service: &str) {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let (method, headers) = (request.method.as_str(), request.headers.as_slice());
    let of = SignedRequest { method, path, query, headers, body: &request.body };
    let claim = Claim::read(&of).expect("it is signed").expect("the signature is whole");
    assert_eq!((claim.access_key.as_str(), claim.region.as_str(), claim.service.as_str()), (KEY, "us-east-1", service));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp(i64::try_from(now.as_millis()).unwrap());
    verify(&claim, &of, &Secret::new(SECRET), now).unwrap();
}

#[test]
fn every_action_speaks_the_protocol_of_its_service() {
    let recorder = Recorder::agreeing();
    let place = Place::new(SMALL);
    let url = recorder.url();
    let names = ["LAMBDA", "CLOUDWATCH", "CLOUDWATCH_LOGS", "DYNAMODB", "SNS", "SQS", "S3"]
        .map(|service| format!("AWS_ENDPOINT_URL_{service}"));
    let mut variables: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), url.as_str())).collect();
    variables.push(("AWS_ENDPOINT_URL", &url));
    let gateway = up(&place, &variables);
    let mut device = gateway.connect(&gateway.free_device("device"));
    let role = |mut action: Value| {
        let kind = action.as_object().unwrap().keys().next().unwrap().clone();
        action[&kind]["roleArn"] = ROLE.into();
        action
    };
    let open_search = json!({ "endpoint": url, "index": "i", "type": "_doc", "id": "1", "roleArn": ROLE });
    let dimensions = json!([{ "name": "thing", "value": "${clientid()}" }]);
    let property = json!([{ "propertyAlias": "/t", "propertyValues": [
        { "value": { "doubleValue": "${t}" }, "timestamp": { "timeInSeconds": "1" } }] }]);
    // The action, the service signed for, method, path, target, and what is in the body.
    let cases = [
        (
            json!({ "lambda": { "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f" } }),
            "lambda",
            "POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus%2Deast%2D1%3A123456789012%3Afunction%3Af/invocations",
            "",
            r#"{"t":1.5}"#,
        ),
        (
            json!({ "dynamoDBv2": { "putItem": { "tableName": "t" }, "roleArn": ROLE } }),
            "dynamodb",
            "POST /",
            "DynamoDB_20120810.PutItem",
            r#"{"N":"1.5"}"#,
        ),
        (
            role(json!({ "dynamoDB": { "tableName": "t", "hashKeyField": "id", "hashKeyValue": "${clientid()}" } })),
            "dynamodb",
            "POST /",
            "DynamoDB_20120810.PutItem",
            r#""id":{"S":"device"}"#,
        ),
        (
            role(json!({ "sns": { "targetArn": "arn:aws:sns:us-east-1:123456789012:t" } })),
            "sns",
            "POST /",
            "",
            "Action=Publish&",
        ),
        (
            role(json!({ "sqs": { "queueUrl": "https://sqs.us-east-1.amazonaws.com/1/q" } })),
            "sqs",
            "POST /",
            "AmazonSQS.SendMessage",
            "MessageBody",
        ),
        (
            role(json!({ "s3": { "bucketName": "b", "key": "a b/${clientid()}.json" } })),
            "s3",
            "PUT /b/a%20b/device.json",
            "",
            r#"{"t":1.5}"#,
        ),
        (
            role(json!({ "kinesis": { "streamName": "s", "partitionKey": "k" } })),
            "kinesis",
            "POST /",
            "Kinesis_20131202.PutRecord",
            "eyJ0IjoxLjV9",
        ),
        (
            role(json!({ "firehose": { "deliveryStreamName": "s" } })),
            "firehose",
            "POST /",
            "Firehose_20150804.PutRecord",
            "eyJ0IjoxLjV9",
        ),
        (
            role(json!({ "cloudwatchMetric": { "metricNamespace": "n", "metricName": "m", "metricValue": "${t}",
            "metricUnit": "Count" } })),
            "monitoring",
            "POST /",
            "",
            "MetricData.member.1.Value=1.5",
        ),
        (
            role(json!({ "cloudwatchAlarm": { "alarmName": "a", "stateReason": "r", "stateValue": "OK" } })),
            "monitoring",
            "POST /",
            "",
            "Action=SetAlarmState",
        ),
        (
            role(json!({ "cloudwatchLogs": { "logGroupName": "g" } })),
            "logs",
            "POST /",
            "Logs_20140328.PutLogEvents",
            r#""message":"{\"t\":1.5}""#,
        ),
        (
            role(json!({ "stepFunctions": { "stateMachineName": "m" } })),
            "states",
            "POST /",
            "AWSStepFunctions.StartExecution",
            "stateMachine:m",
        ),
        (
            role(json!({ "timestream": { "databaseName": "d", "tableName": "t", "dimensions": dimensions } })),
            "timestream",
            "POST /",
            "Timestream_20181101.WriteRecords",
            r#""MeasureValueType":"DOUBLE""#,
        ),
        (json!({ "openSearch": open_search }), "es", "PUT /i/_doc/1", "", r#"{"t":1.5}"#),
        (json!({ "elasticsearch": open_search }), "es", "PUT /i/_doc/1", "", r#"{"t":1.5}"#),
        (
            role(json!({ "iotEvents": { "inputName": "i" } })),
            "ioteventsdata",
            "POST /inputs/messages",
            "",
            "eyJ0IjoxLjV9",
        ),
        (
            role(json!({ "iotAnalytics": { "channelName": "c" } })),
            "iotanalytics",
            "POST /messages/batch",
            "",
            "eyJ0IjoxLjV9",
        ),
        (
            role(json!({ "iotSiteWise": { "putAssetPropertyValueEntries": property } })),
            "iotsitewise",
            "POST /properties",
            "",
            r#"{"doubleValue":1.5}"#,
        ),
        (
            role(json!({ "location": { "trackerName": "t", "deviceId": "d", "latitude": "1", "longitude": "2" } })),
            "geo",
            "POST /tracking/v0/trackers/t/positions",
            "",
            r#""Position":[2.0,1.0]"#,
        ),
    ];
    for (index, (action, service, line, target, part)) in cases.iter().enumerate() {
        rule(&gateway, &format!("r{index}"), &format!("in/{index}"), &json!([action]));
        device.publish(&format!("in/{index}"), r#"{"t":1.5}"#).unwrap();
        let request = recorder.next();
        assert_eq!(format!("{} {}", request.method, request.target), *line, "{action}");
        assert_eq!(request.header("x-amz-target"), *target, "{action}");
        assert!(request.text().contains(part), "{action}: {}", request.text());
        signed(&request, service);
    }
    let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
    assert!(counts.contains(r#"aws_iot{metric="TopicMatch",rule_name="r6"} 1"#), "{counts}");
    wait_for("all actions have succeeded", || {
        let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
        let succeeded = counts.lines().filter(|line| line.contains(r#"metric="Success""#)).count();
        (succeeded == cases.len() && counts.contains(r#"metric="Success",rule_name="r6",action_type="Kinesis"} 1"#))
            .then_some(())
    });
}

#[test]
fn salesforce_gets_the_payload_with_its_token_where_its_endpoint_is() {
    let recorder = Recorder::agreeing();
    let place = Place::new(SMALL);
    let gateway = up(&place, &[("AWS_ENDPOINT_URL_SALESFORCE", &recorder.url())]);
    let url = "https://ingestion-1a2b.c3d4.sfdcnow.com/streams/one/two/event";
    rule(
        &gateway,
        "told",
        "in",
        &json!([{ "salesforce": { "url": url, "token": "a-token-of-the-stream-that-is-long-enough" } }]),
    );
    let mut device = gateway.connect(&gateway.free_device("device"));
    device.publish("in", r#"{"t":1.5}"#).unwrap();
    let request = recorder.next();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/streams/one/two/event"));
    assert_eq!(request.header("authorization"), "Bearer a-token-of-the-stream-that-is-long-enough");
    assert_eq!(request.json(), json!({ "t": 1.5 }));
    assert!(!place.log().contains("a-token-of"), "{}", place.log());
}

#[test]
fn s3_takes_the_payload_as_it_is() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    assert_eq!(gateway.s3("PUT", "/readings", &[], b"").status, 200);
    let s3 = |bucket: &str| json!([{ "s3": { "bucketName": bucket, "key": "a b/${topic(2)}.bin", "roleArn": ROLE } }]);
    rule(&gateway, "kept", "in/+", &s3("readings"));
    rule(&gateway, "lost", "in/+", &s3("nowhere"));
    let mut device = gateway.observer(&["errors/#"]);
    device.publish("in/raw", [0xff, 0, 1]).unwrap();
    let failure = device.receive("errors/lost").json()["failures"][0].clone();
    assert_eq!((&failure["failedAction"], &failure["failedResource"]), (&"S3Action".into(), &"nowhere".into()));
    assert!(failure["errorMessage"].as_str().unwrap().contains("NoSuchBucket"), "{failure}");
    let kept = wait_for("the object is there", || {
        Some(gateway.s3("GET", "/readings/a%20b/raw.bin", &[], b"")).filter(|got| got.status == 200)
    });
    assert_eq!(kept.header("content-length"), "3");
    device.publish("in/json", r#"{ "a": 1 }"#).unwrap();
    let kept = wait_for("the object is there", || {
        Some(gateway.s3("GET", "/readings/a%20b/json.bin", &[], b"")).filter(|got| got.status == 200)
    });
    assert_eq!(serde_json::from_str::<Value>(&kept.body).unwrap(), json!({ "a": 1 }));
}

/// A failure that an answer makes, and how often the call was tried.
#[test]
fn what_passes_is_tried_again_and_what_lasts_is_not() {
    let cases = [
        (
            "throttled",
            400,
            r#"{"__type":"ThrottlingException","message":"slowly"}"#,
            3,
            "kinesis answered 400 ThrottlingException: slowly",
        ),
        ("trouble", 503, "", 3, "kinesis answered 503"),
        (
            "refused",
            400,
            r#"{"__type":"com.amazonaws.kinesis#ResourceNotFoundException","message":"no stream"}"#,
            1,
            "kinesis answered 400 ResourceNotFoundException: no stream",
        ),
    ];
    let recorder = Recorder::start(move |request| {
        let stream = request.json()["StreamName"].as_str().unwrap().to_owned();
        match cases.iter().find(|(name, ..)| *name == stream) {
            Some((_, status, body, ..)) => Reply::new(*status, *body),
            None => {
                static COUNT: AtomicUsize = AtomicUsize::new(0);
                if COUNT.fetch_add(1, Ordering::SeqCst) < 2 { Reply::new(500, "") } else { Reply::new(200, "{}") }
            }
        }
    });
    let place = Place::new(SMALL);
    let gateway = up(&place, &[("AWS_ENDPOINT_URL_KINESIS", &recorder.url())]);
    let mut device = gateway.observer(&["errors/#"]);
    let kinesis = |stream: &str| json!([{ "kinesis": { "streamName": stream, "roleArn": ROLE } }]);
    for (name, _, _, tries, message) in cases {
        rule(&gateway, name, &format!("in/{name}"), &kinesis(name));
        device.publish(&format!("in/{name}"), "{}").unwrap();
        let document = device.receive(&format!("errors/{name}")).json();
        assert_eq!(
            document["failures"],
            json!([{ "failedAction": "KinesisAction", "failedResource": name,
            "errorMessage": message }])
        );
        assert_eq!(recorder.rest().len(), tries, "{name}");
    }
    rule(&gateway, "mended", "in/mended", &kinesis("mended"));
    device.publish("in/mended", "{}").unwrap();
    for _ in 0..3 {
        let _ = recorder.next();
    }
    // An error action counts once its document is on its way, and the third try as a success.
    for line in [
        r#"metric="Failure",rule_name="refused",action_type="Kinesis"} 1"#,
        r#"metric="ErrorActionSuccess",rule_name="refused",action_type="Republish"} 1"#,
        r#"metric="Success",rule_name="mended",action_type="Kinesis"} 1"#,
    ] {
        wait_for(line, || gateway.send("GET", "/_drydock/metrics", &[], b"").body.contains(line).then_some(()));
    }
}

#[test]
fn all_failures_of_a_message_make_one_document_and_what_succeeds_is_not_in_it() {
    let recorder = Recorder::start(|request| match request.header("x-amz-target") {
        "Firehose_20150804.PutRecordBatch" => Reply::new(
            200,
            r#"{"FailedPutCount":1,"RequestResponses":[{"RecordId":"1"},{"ErrorCode":"InternalFailure","ErrorMessage":"lost"}]}"#,
        ),
        "Logs_20140328.PutLogEvents" => Reply::new(
            400,
            r#"{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}"#,
        ),
        _ => Reply::new(200, "{}"),
    });
    let place = Place::new(SMALL);
    let gateway = up(
        &place,
        &[("AWS_ENDPOINT_URL_FIREHOSE", &recorder.url()), ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &recorder.url())],
    );
    let mut device = gateway.observer(&["errors/#", "out"]);
    rule(
        &gateway,
        "many",
        "in",
        &json!([
            { "firehose": { "deliveryStreamName": "d", "batchMode": true, "roleArn": ROLE } },
            { "republish": { "topic": "out", "roleArn": ROLE } },
            { "cloudwatchLogs": { "logGroupName": "g", "roleArn": ROLE } },
            { "kinesis": { "streamName": "s", "roleArn": ROLE } },
            { "cloudwatchMetric": { "metricNamespace": "n", "metricName": "m", "metricValue": "${missing}", "metricUnit": "Count",
                "roleArn": ROLE } },
        ]),
    );
    device.publish("in", "[1,2]").unwrap();
    let document = device.receive("errors/many").json();
    let failures: Vec<(&str, &str)> = document["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| (failure["failedAction"].as_str().unwrap(), failure["errorMessage"].as_str().unwrap()))
        .collect();
    assert_eq!(failures.len(), 4, "{document:#}");
    assert_eq!(failures[0], ("FirehoseAction", "firehose refused an item: InternalFailure: lost"));
    assert_eq!(failures[1].0, "CloudwatchLogsAction");
    assert!(failures[1].1.contains("log group does not exist"), "{document:#}");
    assert_eq!(failures[2].0, "KinesisAction");
    assert!(failures[2].1.contains("AWS_ENDPOINT_URL_KINESIS"), "no endpoint is told with what to set: {document:#}");
    assert_eq!(failures[3], ("CloudwatchMetricAction", "the metric's value `` is not a number"));
    assert_eq!(document["sourceIp"], "127.0.0.1");
    // The stream of the log group was made before it was given up.
    let targets: Vec<String> = recorder.rest().iter().map(|r| r.header("x-amz-target").to_owned()).collect();
    assert!(targets.contains(&"Logs_20140328.CreateLogStream".to_owned()), "{targets:?}");
    assert_eq!(device.receive("out").json(), json!([1, 2]));
}

#[test]
fn an_error_action_that_fails_is_counted_and_told() {
    let place = Place::new(SMALL);
    let gateway = up(&place, &[]);
    let mut device = gateway.connect(&gateway.free_device("device"));
    let kinesis = json!({ "kinesis": { "streamName": "s", "roleArn": ROLE } });
    let body = json!({ "sql": "SELECT * FROM 'in'", "actions": [kinesis], "errorAction": kinesis });
    gateway.iot("POST", "/rules/lost", &body);
    device.publish("in", "{}").unwrap();
    wait_for("the failure of the error action is counted", || {
        let counts = gateway.send("GET", "/_drydock/metrics", &[], b"").body;
        counts.contains(r#"metric="ErrorActionFailure",rule_name="lost",action_type="Kinesis"} 1"#).then_some(())
    });
    place.told("the error action failed, too");
}

#[test]
fn executions_are_logged_as_aws_logs_them() {
    let place = Place::new(SMALL);
    let gateway = up(&place, &[]);
    gateway.iot("POST", "/v2LoggingOptions", &json!({ "roleArn": ROLE, "defaultLogLevel": "DEBUG" }));
    let mut device = gateway.observer(&["out", "errors/#"]);
    rule(
        &gateway,
        "logged",
        "in",
        &json!([
            { "republish": { "topic": "out", "roleArn": ROLE } },
            { "kinesis": { "streamName": "s", "roleArn": ROLE } },
        ]),
    );
    device.publish("in", "{}").unwrap();
    device.receive("errors/logged");
    let entries = || -> Vec<Value> {
        let said = gateway.send("GET", "/_drydock/logs", &[], b"").body;
        let lines = said.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter(|entry: &Value| entry["ruleName"] == "logged").collect()
    };
    let entries = wait_for("the error action is logged", || {
        let all = entries();
        (all.iter().filter(|entry| entry["eventType"] == "RuleExecution").count() == 3).then_some(all)
    });
    let found = |event: &str, action: &str, status: &str| {
        let mut all = entries.iter().filter(|entry| entry["eventType"] == event && entry["status"] == status);
        all.find(|entry| action.is_empty() || entry["ruleAction"] == action)
            .cloned()
            .unwrap_or_else(|| panic!("no {event} of {action} with {status} in {entries:#?}"))
    };
    let matched = found("RuleMatch", "", "Success");
    assert_eq!((&matched["clientId"], &matched["topicName"]), (&"observer".into(), &"in".into()));
    found("StartingRuleExecution", "KinesisAction", "Success");
    let republished = found("RuleExecution", "RepublishAction", "Success");
    assert_eq!(republished["resources"], json!({ "RepublishTopic": "out" }));
    let failed = found("RuleExecution", "KinesisAction", "Failure");
    assert!(failed["details"].as_str().unwrap().contains("no endpoint"), "{failed}");
}

#[test]
fn endpoints_of_the_configuration_hold_where_the_environment_is_silent() {
    let recorder = Recorder::agreeing();
    let place = Place::new(SMALL);
    let text = format!("[endpoints]\nkinesis = \"{0}\"\nsfn = \"http://127.0.0.1:1\"\n", recorder.url());
    std::fs::write(place.path().join("drydock.toml"), text).unwrap();
    let gateway = up(&place, &[("AWS_ENDPOINT_URL_SFN", &recorder.url())]);
    let mut device = gateway.connect(&gateway.free_device("device"));
    rule(
        &gateway,
        "both",
        "in",
        &json!([
            { "kinesis": { "streamName": "s", "roleArn": ROLE } },
            { "stepFunctions": { "stateMachineName": "m", "roleArn": ROLE } },
        ]),
    );
    device.publish("in", "{}").unwrap();
    let mut targets = [recorder.next(), recorder.next()].map(|request| request.header("x-amz-target").to_owned());
    targets.sort();
    assert_eq!(targets, ["AWSStepFunctions.StartExecution", "Kinesis_20131202.PutRecord"]);
}
