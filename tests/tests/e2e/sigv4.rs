//! Signatures that are checked for real: where keys are configured, and those of keys that the gateway issued.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::{self, Answer};
use drydock_tests::sign::Keys;
use drydock_tests::websocket::WebSocket;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, SystemTime};

const CONFIG: &str = r#"
[[credentials]]
access_key_id = "AKIAFLEET"
secret_access_key = "the fleet's secret"

[[credentials]]
access_key_id = "ASIAFLEET"
secret_access_key = "a secret for today"
session_token = "today/only+"
"#;

fn place() -> Place {
    let place = Place::new(SMALL);
    fs::write(place.path().join("drydock.toml"), CONFIG).unwrap();
    place
}

fn fleet() -> Keys {
    Keys::new("AKIAFLEET", "the fleet's secret")
}

fn today() -> Keys {
    Keys { token: Some("today/only+".to_owned()), ..Keys::new("ASIAFLEET", "a secret for today") }
}

fn send(gateway: &Gateway<'_>, headers: &[(String, String)], method: &str, path: &str, body: &[u8]) -> Answer {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    gateway.send(method, path, &headers, body)
}

fn call(gateway: &Gateway<'_>, keys: &Keys, service: &str, method: &str, path: &str, body: &[u8]) -> Answer {
    send(gateway, &keys.headers(service, method, path, body), method, path, body)
}

#[test]
fn the_keys_of_the_configuration_and_no_others_are_let_in() {
    let place = place();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    for keys in [fleet(), today()] {
        call(&gateway, &keys, "iot", "GET", "/things?maxResults=5", b"").ok();
        call(&gateway, &keys, "iotdata", "POST", "/topics/a%2Fb%20c?qos=1", b"signed").ok();
    }
    let get = |keys: &Keys| call(&gateway, keys, "iot", "GET", "/things", b"");
    let invalid = "The security token included in the request is invalid.";
    get(&Keys::new("AKIANOBODY", "x")).refused(403, "UnrecognizedClientException", invalid);
    let stolen = Keys { token: Some("yesterday".to_owned()), ..today() };
    get(&stolen).refused(403, "UnrecognizedClientException", invalid);
    get(&Keys::new("AKIAFLEET", "a guess")).refused(
        403,
        "InvalidSignatureException",
        "The Canonical String for this request should have been\n'GET\n/things\n\nhost:127.0.0.1\n",
    );
    gateway.send("GET", "/things", &[], b"").refused(
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    );
    gateway.iot_answer("GET", "/things").refused(403, "IncompleteSignatureException", "'X-Amz-Date'");
    let health = "/_drydock/health";
    gateway.send("GET", health, &[], b"").refused(403, "MissingAuthenticationTokenException", "Missing");
    assert_eq!(call(&gateway, &fleet(), "iot", "GET", health, b"").ok()["status"], "up");
}

#[test]
fn a_signature_is_of_one_request_and_its_time() {
    let place = place();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let headers = fleet().headers("iotdata", "POST", "/topics/a?qos=1", b"signed");
    send(&gateway, &headers, "POST", "/topics/a?qos=1", b"signed").ok();
    for (path, body) in [("/topics/b?qos=1", "signed"), ("/topics/a?qos=0", "signed"), ("/topics/a?qos=1", "changed")] {
        let answer = send(&gateway, &headers, "POST", path, body.as_bytes());
        answer.refused(403, "InvalidSignatureException", "does not match the signature you provided");
        assert!(answer.body.contains("traceId"), "the data plane names a trace: {}", answer.body);
    }
    for (age, text) in [(600_i64, "Signature expired"), (-600, "Signature not yet current")] {
        let seconds = Duration::from_secs(age.unsigned_abs());
        let at = if age > 0 { SystemTime::now() - seconds } else { SystemTime::now() + seconds };
        let headers = fleet().headers_at("iot", "GET", "/things", b"", at);
        send(&gateway, &headers, "GET", "/things", b"").refused(403, "InvalidSignatureException", text);
    }
}

#[test]
fn each_service_refuses_in_its_own_form() {
    let place = place();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let wrong = Keys::new("AKIAFLEET", "a guess");
    let call = |service: &str, body: &str| call(&gateway, &wrong, service, "POST", "/", body.as_bytes());
    let dynamodb = call("dynamodb", "{}");
    assert_eq!(dynamodb.status, 400);
    assert!(dynamodb.body.contains("com.amazon.coral.service#InvalidSignatureException"), "{}", dynamodb.body);
    for service in ["sns", "sts"] {
        let answer = call(service, "Action=GetCallerIdentity");
        assert_eq!(answer.status, 403, "{service}");
        assert!(answer.body.contains("<Code>SignatureDoesNotMatch</Code>"), "{service}: {}", answer.body);
    }
}

#[test]
fn https_and_websockets_are_checked_as_well() {
    let place = place();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let https = |keys: &Keys| {
        let headers = keys.headers("iotdevicegateway", "POST", "/topics/a", b"x");
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        http::send(gateway.anonymous(), "POST", "/topics/a", &headers, b"x")
    };
    https(&today()).ok();
    https(&Keys::new("AKIAFLEET", "a guess")).refused(403, "InvalidSignatureException", "does not match");

    let open = |path: &str| WebSocket::open(gateway.anonymous(), path, &[("sec-websocket-protocol", "mqtt")]).err();
    let now = SystemTime::now();
    for service in ["iotdevicegateway", "iotdata"] {
        for keys in [fleet(), today()] {
            assert!(open(&keys.websocket(service, now, true)).is_none(), "{service} {}", keys.id);
        }
    }
    let refused = |path: &str, code: &str, text: &str| match open(path) {
        Some(answer) => answer.refused(403, code, text),
        None => panic!("`{path}` opened"),
    };
    // AWS IoT has the token added behind the signature: one that is signed, as in requests to APIs, is refused.
    let signed = today().websocket("iotdevicegateway", now, false);
    refused(&signed, "InvalidSignatureException", "does not match");
    let old = now - Duration::from_secs(600);
    refused(&fleet().websocket("iotdevicegateway", old, false), "InvalidSignatureException", "Signature expired");
    let guess = Keys::new("AKIAFLEET", "a guess").websocket("iotdevicegateway", now, false);
    refused(&guess, "InvalidSignatureException", "does not match");
    let nobody = Keys::new("AKIANOBODY", "x").websocket("iotdevicegateway", now, false);
    refused(&nobody, "UnrecognizedClientException", "is invalid");
}

/// The reasons of the log entry `Connection.AuthNError` that begin with `SECURITY_TOKEN`.
#[test]
fn a_signature_that_does_not_hold_on_the_data_plane_is_logged() {
    let place = place();
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let options = json!({
        "roleArn": "arn:aws:iam::123456789012:role/logs", "defaultLogLevel": "ERROR",
        "eventConfigurations": [{ "eventType": "Connection.AuthNError" }],
    });
    call(&gateway, &fleet(), "iot", "POST", "/v2LoggingOptions", options.to_string().as_bytes()).ok();
    let wrong = Keys::new("AKIAFLEET", "a guess");
    for (keys, key, reason) in [
        (Keys::new("AKIANOBODY", "x"), "AKIANOBODY", "SECURITY_TOKEN_INVALID"),
        (wrong, "AKIAFLEET", "SECURITY_TOKEN_SIGNATURE_MISMATCH"),
    ] {
        let refused = call(&gateway, &keys, "iotdata", "POST", "/topics/a?qos=1", b"1");
        assert_eq!(refused.status, 403, "{refused:?}");
        let url = keys.websocket("iotdevicegateway", SystemTime::now(), false);
        let opened = WebSocket::open(gateway.tcp(gateway.api_port()), &url, &[("sec-websocket-protocol", "mqtt")]);
        assert!(opened.is_err(), "{key}");
        for protocol in ["HTTP", "MQTT"] {
            let like = |entry: &Value| entry["principalId"] == key && entry["protocol"] == protocol;
            let ask = |path: &str| call(&gateway, &fleet(), "iot", "GET", path, b"");
            let entry = gateway.logged_by("Connection.AuthNError", ask, like);
            assert_eq!((&entry["reason"], &entry["authenticationType"]), (&json!(reason), &json!("AWS_SIGV4")));
            assert!(!entry.to_string().contains("Canonical"), "{entry}");
        }
    }
}
