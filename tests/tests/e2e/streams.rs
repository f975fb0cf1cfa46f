//! Streams: files of S3 in blocks over MQTT, to whoever asks. Which blocks of a file are sent has cases of its own
//! (`shared/gateway/ota/cases`).

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::mqtt::Mqtt;
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];

fn arn(resource: &str) -> String {
    format!("arn:aws:iot:us-east-1:123456789012:{resource}")
}

/// Makes a bucket `fw`, and puts an object.
fn put(gateway: &Gateway<'_>, key: &str, body: &[u8]) {
    gateway.s3("PUT", "/firmware", &[], b"").ok();
    let put = gateway.s3("PUT", &format!("/firmware/{key}"), &[], body);
    assert_eq!(put.status, 200, "{}", put.body);
}

fn stream(gateway: &Gateway<'_>, id: &str, files: &Value) -> Value {
    let body = json!({ "files": files, "roleArn": "arn:aws:iam::123456789012:role/files", "description": "firmware" });
    gateway.iot("POST", &format!("/streams/{id}"), &body)
}

fn file(id: i32, key: &str) -> Value {
    json!({ "fileId": id, "s3Location": { "bucket": "firmware", "key": key } })
}

/// Bytes of which no two blocks are alike.
fn firmware(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251 + at / 4096) as u8).collect()
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

fn rejected(device: &mut Mqtt, thing: &str, what: &str, payload: &str, code: &str) -> Value {
    device.publish(&format!("$aws/things/{thing}/streams/s/{what}/json"), payload.to_owned()).unwrap();
    let answer = device.receive(&format!("$aws/things/{thing}/streams/s/rejected/json")).json();
    assert_eq!(answer["o"], code, "{answer}");
    answer
}

#[test]
fn a_device_gets_a_file_in_blocks() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    let image = firmware(300_000);
    put(&gateway, "image.bin", &image);
    put(&gateway, "notes.txt", b"notes");
    let made = stream(&gateway, "s", &json!([file(0, "image.bin"), file(7, "notes.txt")]));
    let expected =
        json!({ "streamId": "s", "streamArn": arn("stream/s"), "description": "firmware", "streamVersion": 1 });
    assert_eq!(made, expected);
    let mut device = gateway.connect(&gateway.free_device("a"));
    device.publish("$aws/things/a/streams/s/describe/json", json!({ "c": "t" }).to_string()).unwrap();
    let told = device.receive("$aws/things/a/streams/s/description/json").json();
    assert_eq!(told, json!({ "c": "t", "s": 1, "d": "firmware", "r": [{ "f": 0, "z": 300_000 }, { "f": 7, "z": 5 }] }));

    // Three requests of at most 128 KB each, until all of it is there.
    let (mut got, mut next) = (Vec::new(), 0);
    while got.len() < image.len() {
        let ask = json!({ "c": "t", "s": 1, "f": 0, "l": 32_768, "o": next, "n": 4 });
        device.publish("$aws/things/a/streams/s/get/json", ask.to_string()).unwrap();
        let blocks = (image.len() - got.len()).div_ceil(32_768).min(4);
        for _ in 0..blocks {
            let block = device.receive("$aws/things/a/streams/s/data/json").json();
            assert_eq!((&block["c"], &block["f"], &block["i"]), (&json!("t"), &json!(0), &json!(next)));
            let bytes = base64(block["p"].as_str().unwrap());
            assert_eq!(block["l"], bytes.len());
            got.extend(bytes);
            next += 1;
        }
    }
    assert!(got == image, "the file is as it was put");

    // The largest block is more than a client may publish, in base64.
    device.publish("$aws/things/a/streams/s/get/json", json!({ "f": 0, "l": 131_072, "n": 1 }).to_string()).unwrap();
    let whole = device.receive("$aws/things/a/streams/s/data/json").json();
    assert!(base64(whole["p"].as_str().unwrap()) == image[..131_072]);

    let mut ask = Vec::new();
    let request = json!({ "c": "t", "f": 7, "l": 256 });
    ciborium::into_writer(&request, &mut ask).unwrap();
    device.publish("$aws/things/a/streams/s/get/cbor", ask).unwrap();
    let block = device.receive("$aws/things/a/streams/s/data/cbor");
    let block: ciborium::Value = ciborium::from_reader(block.payload.as_slice()).unwrap();
    let member =
        |name: &str| block.as_map().unwrap().iter().find(|(key, _)| key.as_text() == Some(name)).unwrap().1.clone();
    assert_eq!((member("p"), member("i")), (ciborium::Value::Bytes(b"notes".to_vec()), 0.into()));

    rejected(&mut device, "a", "get", r#"{"f": 1, "l": 256, "c": "u"}"#, "ResourceNotFound");
    let why = rejected(&mut device, "a", "get", r#"{"f": 0, "l": 1, "c": "u"}"#, "BlockSizeOutOfBounds");
    assert_eq!(why["c"], "u");
    rejected(&mut device, "a", "describe", "{", "InvalidJson");
    device.publish("$aws/things/a/streams/s/get/xml", "{}").unwrap();
    assert_eq!(device.receive("$aws/things/a/streams/s/rejected/json").json()["o"], "InvalidTopic");
    gateway.kill();

    let gateway = place.up(&DURABLE);
    let mut device = gateway.connect(&gateway.free_device("b"));
    device.publish("$aws/things/b/streams/s/get/json", json!({ "f": 7, "l": 256 }).to_string()).unwrap();
    let block = device.receive("$aws/things/b/streams/s/data/json").json();
    assert_eq!(base64(block["p"].as_str().unwrap()), b"notes", "after a kill");
}

#[test]
fn what_has_changed_is_not_sent_for_what_it_was() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    put(&gateway, "image.bin", b"first");
    stream(&gateway, "s", &json!([file(0, "image.bin")]));
    let mut device = gateway.connect(&gateway.free_device("a"));
    put(&gateway, "image.bin", b"second");
    rejected(&mut device, "a", "get", r#"{"f": 0, "l": 256}"#, "ETagMismatch");
    let updated = gateway.iot("PUT", "/streams/s", &json!({ "files": [file(0, "image.bin")] }));
    assert_eq!(updated["streamVersion"], 2);
    rejected(&mut device, "a", "get", r#"{"s": 1, "f": 0, "l": 256}"#, "VersionMismatch");
    device.publish("$aws/things/a/streams/s/get/json", json!({ "s": 2, "f": 0, "l": 256 }).to_string()).unwrap();
    let block = device.receive("$aws/things/a/streams/s/data/json").json();
    assert_eq!(base64(block["p"].as_str().unwrap()), b"second");

    // A version stays what it is.
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    gateway.s3("PUT", "/firmware?versioning", &[], on.as_bytes()).ok();
    put(&gateway, "image.bin", b"third");
    let list = gateway.s3("GET", "/firmware?versions", &[], b"").body;
    let version = list.split("<VersionId>").nth(1).unwrap().split('<').next().unwrap();
    let located = json!({ "bucket": "firmware", "key": "image.bin", "version": version });
    gateway.iot("PUT", "/streams/s", &json!({ "files": [{ "fileId": 0, "s3Location": located }] }));
    put(&gateway, "image.bin", b"fourth");
    device.publish("$aws/things/a/streams/s/get/json", json!({ "f": 0, "l": 256 }).to_string()).unwrap();
    let block = device.receive("$aws/things/a/streams/s/data/json").json();
    assert_eq!(base64(block["p"].as_str().unwrap()), b"third");
    let deleted = gateway.s3("DELETE", &format!("/firmware/image.bin?versionId={version}"), &[], b"");
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    rejected(&mut device, "a", "get", r#"{"f": 0, "l": 256}"#, "ResourceNotFound");
    gateway.iot("DELETE", "/streams/s", &Value::Null);
    rejected(&mut device, "a", "describe", "{}", "ResourceNotFound");
}

#[test]
fn blocks_go_to_whoever_asked_and_to_nobody_else() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    put(&gateway, "image.bin", b"image");
    stream(&gateway, "s", &json!([file(0, "image.bin")]));
    let mut observer = gateway.observer(&["$aws/things/a/streams/s/data/json", "seen"]);
    let mut a = gateway.connect(&gateway.free_device("a"));
    a.publish("$aws/things/a/streams/s/get/json", json!({ "f": 0, "l": 256 }).to_string()).unwrap();
    a.receive("$aws/things/a/streams/s/data/json");
    a.publish("seen", "").unwrap();
    observer.receive("seen");
    assert!(observer.inbox.is_empty(), "{:?}", observer.inbox);
    // Policies hold as for any topic: who may not publish there is cut, and who may not receive hears nothing.
    let own = json!([
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": arn("topic/$aws/things/deaf/streams/*") },
        { "Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": arn("topic/own") },
        { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": arn("topicfilter/own") },
    ]);
    let mut deaf = gateway.connect(&gateway.device("deaf", &own));
    deaf.subscribe("own");
    deaf.publish("$aws/things/deaf/streams/s/get/json", json!({ "f": 0, "l": 256 }).to_string()).unwrap();
    let untrusted = deaf.publish("$aws/things/a/streams/s/get/json", json!({ "f": 0, "l": 256 }).to_string());
    assert!(untrusted.is_err(), "another's topic");
    assert!(deaf.inbox.is_empty(), "{:?}", deaf.inbox);
}

#[test]
fn streams_have_tags_and_a_role_that_trusts() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    put(&gateway, "image.bin", b"image");
    let body = json!({
        "files": [file(0, "image.bin")], "roleArn": "arn:aws:iam::123456789012:role/files",
        "tags": [{ "Key": "fleet", "Value": "north" }],
    });
    gateway.iot("POST", "/streams/s", &body);
    let tags = gateway.iot("GET", &format!("/tags?resourceArn={}", arn("stream/s")), &Value::Null);
    assert_eq!(tags["tags"], json!([{ "Key": "fleet", "Value": "north" }]));
    gateway.iot("DELETE", "/streams/s", &Value::Null);
    let gone = gateway.iot_answer("GET", &format!("/tags?resourceArn={}", arn("stream/s")));
    gone.refused(404, "ResourceNotFoundException", "stream/s");
    let missing = json!({ "files": [file(0, "no.bin")], "roleArn": "arn:aws:iam::123456789012:role/files" });
    gateway.call("iot", "POST", "/streams/t", &[], &missing).refused(404, "ResourceNotFoundException", "no.bin");
}
