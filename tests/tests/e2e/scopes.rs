//! Accounts and regions: each has a state of its own, opened by the first request that is signed for it.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::{self, Answer};
use drydock_tests::sign::Keys;
use drydock_tests::tls::{self, Identity};
use serde_json::{Value, json};
use std::fs;

const OWN: &str = "123456789012";
const OTHER: &str = "210987654321";

/// A request that is signed in name, by a key of an account and for a region.
fn ask(
    gateway: &Gateway<'_>,
    (account, region): (&str, &str),
    service: &str,
    what: (&str, &str),
    body: &Value,
) -> Answer {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let mut headers = vec![("authorization", authorization.as_str())];
    let target = body.get("target").and_then(Value::as_str).unwrap_or_default();
    if !target.is_empty() {
        headers.extend([("x-amz-target", target), ("content-type", "application/x-amz-json-1.0")]);
    }
    let body = body.get("body").unwrap_or(body);
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    gateway.send(what.0, what.1, &headers, &body)
}

fn iot(gateway: &Gateway<'_>, scope: (&str, &str), method: &str, path: &str, body: Value) -> Value {
    ask(gateway, scope, "iot", (method, path), &body).ok()
}

fn things(gateway: &Gateway<'_>, scope: (&str, &str)) -> Vec<String> {
    let things = iot(gateway, scope, "GET", "/things", Value::Null);
    things["things"].as_array().unwrap().iter().map(|thing| thing["thingName"].as_str().unwrap().to_owned()).collect()
}

/// A device of a scope that may do everything.
fn device(gateway: &Gateway<'_>, scope: (&str, &str), name: &str) -> Identity {
    let made = iot(gateway, scope, "POST", "/keys-and-certificate?setAsActive=true", Value::Null);
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] });
    iot(gateway, scope, "POST", &format!("/policies/{name}"), json!({ "policyDocument": document.to_string() }));
    iot(gateway, scope, "PUT", &format!("/target-policies/{name}"), json!({ "target": text("/certificateArn") }));
    Identity {
        name: name.to_owned(),
        id: text("/certificateId"),
        arn: text("/certificateArn"),
        certificate: text("/certificatePem"),
        key: text("/keyPair/PrivateKey"),
    }
}

/// The accounts and regions that are open.
fn open(gateway: &Gateway<'_>) -> Vec<String> {
    let scopes = gateway.health()["scopes"].clone();
    let name = |one: &Value| format!("{}/{}", one["account"].as_str().unwrap(), one["region"].as_str().unwrap());
    scopes.as_array().unwrap().iter().map(name).collect()
}

#[test]
fn each_account_and_region_has_its_own_things() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let scopes = [(OWN, "us-east-1"), (OWN, "eu-west-1"), (OTHER, "us-east-1"), (OTHER, "cn-north-1")];
    for (n, scope) in scopes.into_iter().enumerate() {
        let made = iot(&gateway, scope, "POST", &format!("/things/pump-{n}"), json!({}));
        let partition = if scope.1 == "cn-north-1" { "aws-cn" } else { "aws" };
        assert_eq!(made["thingArn"], format!("arn:{partition}:iot:{}:{}:thing/pump-{n}", scope.1, scope.0));
    }
    for (n, scope) in scopes.into_iter().enumerate() {
        assert_eq!(things(&gateway, scope), [format!("pump-{n}")], "{scope:?}");
    }
    // Any other key is of the gateway's own account, and what is not signed of its own region, too.
    assert_eq!(things(&gateway, ("AKIAANYTHING", "eu-west-1")), ["pump-1"]);
    assert_eq!(gateway.send("GET", "/things", &[], b"").ok()["things"][0]["thingName"], "pump-0");
    // The template is in the gateway's own.
    let types =
        |scope| iot(&gateway, scope, "GET", "/thing-types", Value::Null)["thingTypes"].as_array().unwrap().len();
    assert_eq!((types(scopes[0]), types(scopes[1])), (1, 0));
    assert_eq!(open(&gateway)[0], format!("{OWN}/us-east-1"));
    assert_eq!(open(&gateway).len(), 4);
    place.told("account 123456789012 in eu-west-1 is open");

    // The services beside IoT, too.
    for scope in scopes {
        let create = json!({ "target": "AmazonSQS.CreateQueue", "body": { "QueueName": "alarms" } });
        let made = ask(&gateway, scope, "sqs", ("POST", "/"), &create).ok();
        assert!(made["QueueUrl"].as_str().unwrap().ends_with(&format!("/{}/alarms", scope.0)), "{made}");
    }
    let table = json!({ "target": "DynamoDB_20120810.CreateTable", "body": {
        "TableName": "readings", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
    } });
    let made = ask(&gateway, scopes[1], "dynamodb", ("POST", "/"), &table).ok();
    let arn = made["TableDescription"]["TableArn"].as_str().unwrap();
    assert_eq!(arn, format!("arn:aws:dynamodb:eu-west-1:{OWN}:table/readings"));
    let list = json!({ "target": "DynamoDB_20120810.ListTables", "body": {} });
    assert_eq!(ask(&gateway, scopes[0], "dynamodb", ("POST", "/"), &list).ok()["TableNames"], json!([]));
    let bucket = ask(&gateway, scopes[2], "s3", ("PUT", "/inputs"), &Value::Null);
    assert_eq!(bucket.status, 200, "{bucket:?}");
    assert_eq!(ask(&gateway, scopes[0], "s3", ("GET", "/inputs"), &Value::Null).status, 404);
    assert_eq!(ask(&gateway, scopes[2], "s3", ("GET", "/inputs"), &Value::Null).status, 200);

    // A reset is of one, unless all are meant.
    let reset = |scope, path| ask(&gateway, scope, "iot", ("POST", path), &Value::Null).ok();
    reset(scopes[1], "/_drydock/reset");
    assert_eq!((things(&gateway, scopes[1]).len(), things(&gateway, scopes[0]).len()), (0, 1));
    let exported = ask(&gateway, scopes[2], "iot", ("GET", "/_drydock/export"), &Value::Null).ok();
    assert_eq!((&exported["account"], &exported["region"]), (&json!(OTHER), &json!("us-east-1")));
    reset(scopes[0], "/_drydock/reset?all");
    assert!(scopes.into_iter().all(|scope| things(&gateway, scope).is_empty()));
    assert_eq!((types(scopes[0]), types(scopes[1])), (1, 0), "the template is back where it was");
}

#[test]
fn a_device_meets_the_region_that_knows_its_certificate_or_that_it_names() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let (own, other) = ((OWN, "us-east-1"), (OTHER, "eu-west-1"));
    let (here, there) = (device(&gateway, own, "pump-1"), device(&gateway, other, "pump-1"));
    // By an address: whoever knows the certificate has it.
    let (mut first, mut second) = (gateway.connect(&here), gateway.connect(&there));
    first.subscribe("dt/#");
    second.subscribe("dt/#");
    let publish = |scope, text: &str| ask(&gateway, scope, "iotdata", ("POST", "/topics/dt/a"), &json!(text)).ok();
    publish(own, "of its own");
    publish(other, "of the other");
    assert_eq!(first.receive("").json(), json!("of its own"));
    assert_eq!(
        second.receive("").json(),
        json!("of the other"),
        "the same client id in both, and neither ended the other"
    );

    // By a name: of the account and region that it names, and of no other.
    let https = |name: &str, identity: &Identity| {
        let config = identity.config(&gateway.root(), &["x-amzn-http-ca"]);
        let socket = gateway.tcp(gateway.port("tls"));
        let stream = tls::stream(config, name, socket);
        http::try_send(stream, "POST", "/topics/dt/named?qos=1", &[("host", name)], b"1")
            .ok()
            .map(|answer| answer.status)
    };
    let endpoint = |scope: (&str, &str)| format!("a{}-ats.iot.{}.amazonaws.com", scope.0, scope.1);
    assert_eq!(https(&endpoint(own), &here), Some(200));
    assert_eq!(https(&endpoint(other), &there), Some(200));
    assert_ne!(https(&endpoint(other), &here), Some(200), "it is of another account");
    assert_ne!(https(&endpoint(own), &there), Some(200), "it is of another account");
    // A prefix that says nothing of the account is of the gateway's own; what is not open is not opened by it.
    assert_eq!(https("abcdefghijklm-ats.iot.us-east-1.amazonaws.com", &here), Some(200));
    assert_eq!(https("abcdefghijklm-ats.iot.sa-east-1.amazonaws.com", &here), Some(200));
    assert_eq!(open(&gateway).len(), 2);
}

#[test]
fn what_each_has_is_there_again_after_a_restart() {
    let place = Place::new(SMALL);
    let state = ["--data-dir", "state", "--no-functions"];
    let gateway = place.up(&state);
    let (own, other) = ((OWN, "us-east-1"), (OTHER, "eu-west-1"));
    iot(&gateway, own, "POST", "/things/here", json!({}));
    iot(&gateway, other, "POST", "/things/there", json!({}));
    let queue = json!({ "target": "AmazonSQS.CreateQueue", "body": { "QueueName": "alarms" } });
    ask(&gateway, other, "sqs", ("POST", "/"), &queue).ok();
    let there = device(&gateway, other, "there");
    gateway.stop();
    assert!(place.path().join("state/scopes/210987654321/eu-west-1").is_dir());
    assert_eq!(fs::read_to_string(place.path().join("state/scope")).unwrap().trim(), "123456789012/us-east-1");

    let gateway = place.up(&state);
    assert_eq!(open(&gateway).len(), 2, "what it has goes on without being asked for");
    let _ = gateway.connect(&there);
    assert_eq!((things(&gateway, own), things(&gateway, other)), (vec!["here".to_owned()], vec!["there".to_owned()]));
    let list = json!({ "target": "AmazonSQS.ListQueues", "body": {} });
    let listed = ask(&gateway, other, "sqs", ("POST", "/"), &list).ok();
    assert_eq!(listed["QueueUrls"].as_array().map(Vec::len), Some(1), "{listed}");
    gateway.stop();

    // Another one is the gateway's own now: each keeps what it has.
    let gateway = place.up(&["--data-dir", "state", "--no-functions", "--region", "eu-west-1", "--account", OTHER]);
    assert_eq!((things(&gateway, own), things(&gateway, other)), (vec!["here".to_owned()], vec!["there".to_owned()]));
    let listed = ask(&gateway, other, "sqs", ("POST", "/"), &list).ok();
    assert_eq!(listed["QueueUrls"].as_array().map(Vec::len), Some(1), "{listed}");
    gateway.stop();
    // The command line asks for one of them.
    let exported = place.run(&["export", "out", "--data-dir", "state", "--region", "us-east-1"]);
    assert!(exported.contains("account 123456789012 in us-east-1"), "{exported}");
}

#[test]
fn strangers_do_not_open_as_many_as_they_like() {
    let place = Place::empty();
    let gateway = place.up(&["--ephemeral"]);
    iot(&gateway, (OWN, "us-east-1"), "POST", "/things/here", json!({}));
    let answers: Vec<Answer> = (0..40)
        .map(|n| ask(&gateway, (&format!("{n:012}"), "us-east-1"), "iot", ("GET", "/things"), &Value::Null))
        .collect();
    assert!(answers.iter().take(32).all(|answer| answer.status == 200));
    for answer in answers.iter().skip(32) {
        answer.refused(400, "LimitExceededException", "32 accounts and regions");
    }
    assert_eq!(open(&gateway).len(), 33);
    assert_eq!(things(&gateway, (OWN, "us-east-1")), ["here"]);
    assert!(things(&gateway, ("000000000003", "us-east-1")).is_empty(), "those that are open are served");
    // In the form that the service's clients read.
    let refused = ask(&gateway, (OWN, "eu-west-9"), "sns", ("POST", "/?Action=ListTopics"), &Value::Null);
    assert!(refused.status == 400 && refused.body.contains("<Code>LimitExceeded"), "{refused:?}");
}

#[test]
fn a_region_is_opened_by_a_signature_that_holds() {
    let place = Place::empty();
    let keys = "[[credentials]]\naccess_key_id = \"AKIAFLEET\"\nsecret_access_key = \"the fleet's secret\"\n\
                [[credentials]]\naccess_key_id = \"210987654321\"\nsecret_access_key = \"of the other\"\n";
    fs::write(place.path().join("drydock.toml"), keys).unwrap();
    let gateway = place.up(&["--ephemeral"]);
    let signed = |keys: &Keys, service: &str, method: &str, path: &str, body: &[u8]| {
        let headers = keys.headers_of(("eu-west-1", "127.0.0.1"), service, method, path, body);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        gateway.send(method, path, &headers, body)
    };
    let fleet = Keys::new("AKIAFLEET", "the fleet's secret");
    let health = || signed(&fleet, "iot", "GET", "/_drydock/health", b"").ok()["scopes"].as_array().unwrap().len();
    for (service, method, path) in
        [("iot", "GET", "/things"), ("s3", "GET", "/"), ("sqs", "POST", "/"), ("iot", "POST", "/_drydock/reset")]
    {
        let refused = signed(&Keys::new("210987654321", "a guess"), service, method, path, b"");
        assert!(matches!(refused.status, 400 | 403), "{service}: {refused:?}");
        assert_eq!(health(), 1, "{service} opened one");
    }
    let made = signed(&fleet, "iot", "POST", "/things/pump-1", b"{}").ok();
    assert_eq!(made["thingArn"], "arn:aws:iot:eu-west-1:123456789012:thing/pump-1");
    assert_eq!(health(), 2);
    let made = signed(&Keys::new(OTHER, "of the other"), "iot", "POST", "/things/pump-1", b"{}").ok();
    assert_eq!(made["thingArn"], "arn:aws:iot:eu-west-1:210987654321:thing/pump-1");
    assert_eq!(health(), 3);
}
