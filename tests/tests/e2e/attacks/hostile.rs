//! Peers that keep to no protocol: bytes at random, requests without an end, documents without a bottom.

use super::{ROLE, Siege, keys, republish};
use drydock_tests::gateway::{Gateway, authorization};
use drydock_tests::http;
use drydock_tests::websocket::WebSocket;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime};

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Reads what comes until the other side closes or says nothing for a while.
fn drain(stream: &mut TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let mut piece = [0; 4096];
    while matches!(stream.read(&mut piece), Ok(1..)) {}
}

/// Packets that are right but for some bytes, in a row behind a CONNECT.
pub(super) fn mqtt(siege: &Siege<'_>) {
    let packets: [&[u8]; 9] = [
        b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04evil",
        b"\x10\x13\0\x04MQTT\x05\x02\0\x3c\x03\x21\0\x05\0\x04evil",
        b"\x82\x08\0\x01\0\x03a/b\x01",
        b"\x32\x09\0\x03a/b\0\x01hi",
        b"\xa2\x07\0\x02\0\x03a/b",
        b"\x40\x02\0\x01",
        b"\x62\x02\0\x01",
        b"\xc0\0",
        b"\xe0\0",
    ];
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for _ in 0..300 {
        let mut bytes = packets[random.below(2)].to_vec();
        for _ in 0..random.below(8) {
            bytes.extend_from_slice(packets[random.below(packets.len())]);
        }
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = random.byte();
        }
        let mut raw = siege.open.raw();
        raw.send(&bytes);
        drain(&mut raw.0);
    }
}

/// Connections to the TLS ports that send nothing, half a ClientHello, or something else, all held at once.
pub(super) fn handshakes(siege: &Siege<'_>) {
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    let mut held = Vec::new();
    for port in ["tls", "mqtt"] {
        for n in 0..150 {
            let mut stream = siege.open.tcp(siege.open.port(port));
            let sent = match n % 5 {
                0 => Ok(()),
                1 => stream.write_all(hello),
                2 => stream.write_all(b"GET / HTTP/1.1\r\n\r\n"),
                3 => stream.write_all(&[0x16, 3, 1, 0xff, 0xff].repeat(2_000)),
                _ => stream.write_all(&[0x80; 20_000]),
            };
            // What is refused early may be closed by now.
            drop(sent);
            held.push(stream);
        }
    }
    assert_eq!(http::send(siege.open.anonymous(), "GET", "/nowhere", &[], b"").status, 403);
    drop(held);
}

/// Connections to every port that say nothing, or not enough to tell what they are.
pub(super) fn silent(siege: &Siege<'_>) -> Vec<TcpStream> {
    let open = &siege.open;
    let ports = [open.api_port(), open.port("tls"), open.port("mqtt"), open.port("plain")];
    let mut all = Vec::new();
    for (port, said) in ports.into_iter().flat_map(|port| [(port, ""), (port, "P"), (port, "PRI * HTTP/2.0\r\n")]) {
        let mut stream = open.tcp(port);
        stream.write_all(said.as_bytes()).unwrap();
        all.push(stream);
    }
    all
}

/// Waits for the end of a connection.
pub(super) fn is_closed(mut stream: TcpStream) {
    let read = stream.read_to_end(&mut Vec::new());
    let cut = |kind| matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
    assert!(read.as_ref().map_or_else(|error| cut(error.kind()), |_| true), "it is held open: {read:?}");
}

/// Requests whose head or body does not come to an end, all held at once.
pub(super) fn slow(siege: &Siege<'_>) {
    let mut held: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut stream = siege.keyed.tcp(siege.keyed.api_port());
            let sent: &[u8] = match n % 4 {
                0 => b"G",
                1 => b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: ",
                2 => b"POST /topics/a HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100000\r\n\r\nx",
                _ => b"POST /topics/a HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\nx",
            };
            stream.write_all(sent).unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        for stream in &mut held {
            let _ = stream.write_all(b"x");
        }
        assert_eq!(siege.keyed.send("GET", "/_drydock/health", &[], b"").status, 403);
    }
}

/// What is sent as it is, and answered with an error or not at all.
fn refused(gateway: &Gateway<'_>, what: &str, request: &[u8]) {
    let mut stream = gateway.tcp(gateway.api_port());
    // It may be refused before it is read to its end.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(answer.is_empty() || status.starts_with('4'), "{what}: {answer:.200}");
}

pub(super) fn heads(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let head = |more: &str| format!("POST /nowhere HTTP/1.1\r\nhost: 127.0.0.1\r\n{more}\r\n\r\n");
    let many: String = (0..5_000).map(|n| format!("x-{n}: y\r\n")).collect();
    for (what, request) in [
        ("a header of a megabyte", head(&format!("x-a: {}", "y".repeat(1 << 20)))),
        ("thousands of headers", head(many.trim_end())),
        ("a path of a megabyte", format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "a".repeat(1 << 20))),
        ("two lengths", head("content-length: 1\r\ncontent-length: 2")),
        ("a length of letters", head("content-length: abc")),
        ("a negative length", head("content-length: -1")),
        ("a length beyond all numbers", head("content-length: 99999999999999999999999")),
        ("an unknown encoding", head("transfer-encoding: gzip")),
        ("a chunk beyond all numbers", format!("{}fffffffffffffffff\r\nx", head("transfer-encoding: chunked"))),
        ("a header without a name", head(": x")),
        ("a blank in a name", head("x a: b")),
        ("a NUL in a value", head("x-a: b\0c")),
        ("two hosts", "GET /things HTTP/1.1\r\nhost: 127.0.0.1\r\nhost: evil.example\r\n\r\n".to_owned()),
        ("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        ("a proxy's method", "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\n\r\n".to_owned()),
        ("a version that is none", "GET / HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n".to_owned()),
    ] {
        refused(gateway, what, request.as_bytes());
    }
    gateway.iot("POST", "/things/hidden", &serde_json::json!({}));
    // A body that ends by its chunks hides nothing: what is behind it is a request of its own, which nobody signed for this site.
    let hidden = "POST /_drydock/reset HTTP/1.1\r\nhost: evil.example\r\n\r\n";
    let both = head(&format!("transfer-encoding: chunked\r\ncontent-length: {}", 5 + hidden.len()));
    refused(gateway, "two kinds of length", format!("{both}0\r\n\r\n{hidden}").as_bytes());
    assert_eq!(gateway.iot("GET", "/thing-types", &serde_json::Value::Null)["thingTypes"].as_array().unwrap().len(), 1);
    // A reset brings the template's resources back, and no others.
    assert_eq!(gateway.iot("GET", "/things/hidden", &serde_json::Value::Null)["thingName"], "hidden");
}

pub(super) fn websockets(siege: &Siege<'_>) {
    let path = "/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K%2F20260101%2Fus-east-1%2Fiotdevicegateway%2Faws4_request";
    let frames: [&[u8]; 10] = [
        // Lengths beyond what there is, up to 2^64 - 1.
        b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x",
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0x",
        // Not masked.
        b"\x82\x02\xc0\0",
        // A ping of more than 125 bytes, and one in pieces.
        b"\x89\xfe\x01\0\0\0\0\0",
        b"\x09\x80\0\0\0\0",
        // Reserved bits and kinds.
        b"\xf2\x80\0\0\0\0",
        b"\x83\x80\0\0\0\0",
        // Goes on with nothing, and a close with half a code.
        b"\x80\x80\0\0\0\0",
        b"\x88\x81\0\0\0\0x",
        // Text.
        b"\x81\x81\0\0\0\0x",
    ];
    for frame in frames {
        let stream = siege.open.tcp(siege.open.api_port());
        let mut other = stream.try_clone().unwrap();
        let socket = WebSocket::open(stream, path, &[("sec-websocket-protocol", "mqtt")]);
        assert!(socket.is_ok(), "no WebSocket");
        let _ = other.write_all(frame);
        drain(&mut other);
    }
    // Pieces without a payload, a hundred thousand of them.
    let stream = siege.open.tcp(siege.open.api_port());
    let mut other = stream.try_clone().unwrap();
    let Ok(_socket) = WebSocket::open(stream, path, &[("sec-websocket-protocol", "mqtt")]) else {
        panic!("no WebSocket")
    };
    let _ = other.write_all(b"\x02\x80\0\0\0\0").and_then(|()| other.write_all(&b"\0\x80\0\0\0\0".repeat(100_000)));
    drain(&mut other);
}

pub(super) fn links(siege: &Siege<'_>) {
    let gateway = &siege.keyed;
    let good = keys().presigned("GET", "/inputs/secret", 60, SystemTime::now());
    let replaced = |name: &str, value: &str| {
        let pairs = good.split_once('?').map(|(path, query)| (path, query.split('&'))).unwrap();
        let query: Vec<String> = pairs
            .1
            .map(|pair| if pair.starts_with(&format!("{name}=")) { format!("{name}={value}") } else { pair.to_owned() })
            .collect();
        format!("{}?{}", pairs.0, query.join("&"))
    };
    let long = "9".repeat(400);
    for (name, value) in [
        ("X-Amz-Date", "20260101T000000"),
        ("X-Amz-Date", "99999999T999999Z"),
        ("X-Amz-Date", "-0260101T000000Z"),
        ("X-Amz-Date", "%00"),
        ("X-Amz-Date", "20260231T000000Z"),
        ("X-Amz-Expires", "-1"),
        ("X-Amz-Expires", "0"),
        ("X-Amz-Expires", long.as_str()),
        ("X-Amz-Expires", "604801"),
        ("X-Amz-Expires", "1e3"),
        ("X-Amz-Credential", "AKIAFLEET"),
        ("X-Amz-Credential", "AKIAFLEET%2F%2F%2F%2F%2F%2F%2F%2F%2F"),
        ("X-Amz-Credential", "%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"),
        ("X-Amz-Signature", ""),
        ("X-Amz-Signature", "%F0%9F%92%A3"),
        ("X-Amz-SignedHeaders", ""),
        ("X-Amz-SignedHeaders", "host%3Bhost"),
        ("X-Amz-SignedHeaders", "%3B%3B%3B"),
        ("X-Amz-Algorithm", "none"),
    ] {
        let answer = gateway.send("GET", &replaced(name, value), &[], b"");
        assert!(matches!(answer.status, 400 | 403), "{name}={value}: {answer:?}");
    }
    for more in ["&X-Amz-Expires=604800", "&X-Amz-Signature=0", "&x-amz-acl=public-read", "&versionId=1", "&%"] {
        let answer = gateway.send("GET", &format!("{good}{more}"), &[], b"");
        assert!(matches!(answer.status, 400 | 403), "{more}: {answer:?}");
    }
}

/// Whether there is a file of this name anywhere below a folder.
fn named_owned(folder: &std::path::Path) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        entry.file_name() == "owned"
            || (entry.file_type().is_ok_and(|kind| kind.is_dir()) && named_owned(&entry.path()))
    })
}

/// Keys that would leave the bucket if they were paths. Objects are kept where no key leads out.
pub(super) fn keys_of_objects(siege: &Siege<'_>) {
    let gateway = &siege.open;
    assert_eq!(gateway.s3("PUT", "/jail", &[], b"").status, 200);
    let long = "a/".repeat(600);
    for key in [
        "..%2f..%2f..%2fowned",
        "%2e%2e/%2e%2e/owned",
        "../../owned",
        "/etc/owned",
        "a%00b",
        "..",
        ".",
        "%2e%2e",
        "a/../../../owned",
        "owned%0a",
        "C:%5cowned",
        &long,
        "a//b",
        "%ff%fe",
        "%",
    ] {
        let put = gateway.s3("PUT", &format!("/jail/{key}"), &[], b"owned");
        assert!(put.status == 200 || (400..500).contains(&put.status), "{key}: {put:?}");
        let got = gateway.s3("GET", &format!("/jail/{key}"), &[], b"");
        assert!((got.status == 200 && got.body == "owned") == (put.status == 200), "{key}: {got:?}");
    }
    let passwd = gateway.s3("GET", "/jail/..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", &[], b"");
    assert_eq!(passwd.status, 404, "{passwd:?}");
    for bucket in ["..", "%2e%2e", "a%2fb", "A_B", &"b".repeat(300)] {
        let made = gateway.s3("PUT", &format!("/{bucket}"), &[], b"");
        assert!((400..500).contains(&made.status), "{bucket}: {made:?}");
    }
    assert!(!named_owned(siege.place.path()) && !std::path::Path::new("/etc/owned").exists());
}

pub(super) fn nested(siege: &Siege<'_>) {
    let gateway = &siege.open;
    let deep =
        |open: &str, inside: &str, close: &str| [open.repeat(20_000), inside.to_owned(), close.repeat(20_000)].concat();
    let json = deep("[", "", "]");
    let objects = deep(r#"{"a":"#, "1", "}");
    let fails = |what: &str, answer: http::Answer| {
        assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    };
    let raw = |service: &str, method: &str, path: &str, target: &str, body: &str| {
        let headers = [("authorization", &*authorization("us-east-1", service)), ("x-amz-target", target)];
        gateway.send(method, path, &headers, body.as_bytes())
    };
    for body in [&json, &objects] {
        fails("iot", raw("iot", "POST", "/things/deep", "", &format!(r#"{{"attributePayload":{body}}}"#)));
        fails(
            "shadow",
            raw("iotdata", "POST", "/things/deep/shadow", "", &format!(r#"{{"state":{{"desired":{body}}}}}"#)),
        );
        fails("dynamodb", raw("dynamodb", "POST", "/", "DynamoDB_20120810.PutItem", &format!(r#"{{"Item":{body}}}"#)));
        fails("sqs", raw("sqs", "POST", "/", "AmazonSQS.SendMessage", &format!(r#"{{"MessageAttributes":{body}}}"#)));
        fails(
            "secrets",
            raw("secretsmanager", "POST", "/", "secretsmanager.CreateSecret", &format!(r#"{{"Name":{body}}}"#)),
        );
        let policy = json!({ "policyDocument": body });
        fails("a policy", gateway.call("iot", "POST", "/policies/deep", &[], &policy));
        let template = json!({ "templateName": "deep", "templateBody": body, "provisioningRoleArn": ROLE });
        fails("a provisioning template", gateway.call("iot", "POST", "/provisioning-templates", &[], &template));
    }
    // Each within what a rule may have, so that it is the depth that counts.
    let few =
        |open: &str, inside: &str, close: &str| [open.repeat(3_000), inside.to_owned(), close.repeat(3_000)].concat();
    for sql in [
        format!("SELECT {} FROM 'a'", deep("(", "1", ")")),
        format!("SELECT {}1 FROM 'a'", "- ".repeat(20_000)),
        format!("SELECT * FROM 'a' WHERE {}TRUE", "NOT ".repeat(20_000)),
        format!("SELECT {} FROM 'a'", deep("abs(", "1", ")")),
        format!("SELECT {} FROM 'a'", deep("[", "1", "]")),
        format!("SELECT {} FROM 'a'", few("{'a':", "1", "}")),
        format!("SELECT {} FROM 'a'", few("(SELECT VALUE a FROM ", "a", ")")),
        format!("SELECT {} FROM 'a'", few("CASE a WHEN ", "1", " THEN 1 END")),
        format!("SELECT a{} FROM 'a'", ".a".repeat(50_000)),
        format!("SELECT 1{} FROM 'a'", " + 1".repeat(25_000)),
    ] {
        let rule = json!({ "sql": sql, "awsIotSqlVersion": "2016-03-23", "actions": republish("b") });
        fails(&format!("{sql:.40}"), gateway.call("iot", "POST", "/rules/deep", &[], &rule));
    }
    let table = json!({ "TableName": "deep", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "S" }] });
    gateway.dynamodb("CreateTable", &table);
    let nots = |count: usize| format!("{}k = k", "NOT ".repeat(count));
    let path = format!("a{}", ".a".repeat(20_000));
    for (operation, name, expression) in [
        ("Scan", "FilterExpression", deep("(", "k = k", ")")),
        ("Scan", "FilterExpression", nots(20_000)),
        ("Scan", "FilterExpression", nots(1_000)),
        ("Scan", "FilterExpression", format!("{}k = k{}", "(".repeat(2_000), ")".repeat(2_000))),
        ("Scan", "ProjectionExpression", path),
        ("Scan", "FilterExpression", deep("size(", "k", ")")),
    ] {
        let body = json!({ "TableName": "deep", name: expression }).to_string();
        fails(operation, raw("dynamodb", "POST", "/", &format!("DynamoDB_20120810.{operation}"), &body));
    }
    assert_eq!(gateway.s3("PUT", "/deep", &[], b"").status, 200);
    for body in [
        deep("<a>", "", "</a>"),
        deep("<Delete>", "", "</Delete>"),
        "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><Delete><Object><Key>&b;</Key></Object></Delete>"
            .to_owned(),
    ] {
        let answer = gateway.s3("POST", "/deep?delete", &[], body.as_bytes());
        assert!(!answer.body.contains("root:"), "{answer:?}");
        fails("xml", answer);
    }
    // In the name of a device, over MQTT: nobody may answer, and nobody may fall over.
    let mut device = gateway.connect(&gateway.free_device("nested"));
    for topic in ["$aws/things/nested/shadow/update", "$aws/certificates/create-from-csr/json", "a"] {
        device.publish(topic, objects.clone()).unwrap();
        device.publish(topic, json.clone()).unwrap();
    }
    device.publish("$aws/certificates/create-from-csr/cbor", vec![0x81; 100_000]).unwrap();
    device.publish("$aws/certificates/create/cbor", vec![0xbf; 100_000]).unwrap();
    device.publish("still/there", "1").unwrap();
}
