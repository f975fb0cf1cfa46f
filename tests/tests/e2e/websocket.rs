//! MQTT over WebSocket ("MQTT" under "Device communication protocols"; chapter 6 of both MQTT texts), by presigned requests.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::sign::Keys;
use drydock_tests::websocket::{Kind, WebSocket};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::SystemTime;

const MQTT: (&str, &str) = ("sec-websocket-protocol", "mqtt");
/// SUBSCRIBE to `ws/in` at QoS 1, packet 1.
const SUBSCRIBE: &[u8] = b"\x82\x0a\0\x01\0\x05ws/in\x01";
/// PUBLISH to `ws/in` at QoS 0.
const PUBLISH: &[u8] = b"\x30\x09\0\x05ws/inhi";

fn connect(client_id: &str) -> Vec<u8> {
    let length = u8::try_from(client_id.len()).unwrap();
    let mut packet = vec![0x10, 12 + length, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, length];
    packet.extend_from_slice(client_id.as_bytes());
    packet
}

fn any_key() -> String {
    Keys::new("ANYKEY", "any").websocket("iotdevicegateway", SystemTime::now(), false)
}

fn open(gateway: &Gateway<'_>) -> WebSocket<TcpStream> {
    let opened = WebSocket::open(gateway.tcp(gateway.api_port()), &any_key(), &[MQTT]);
    opened.unwrap_or_else(|answer| panic!("{answer:?}"))
}

/// MQTT-6.0.0-2: packets do not have to fit the frames.
#[test]
fn packets_share_frames_and_span_them() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut socket = open(&gateway);
    // A CONNECT over two frames of one message, with a ping between them; then two packets in one frame.
    let packet = connect("ws-1");
    socket.send(Kind::Binary, false, &packet[..5]);
    socket.send(Kind::Ping, true, b"there?");
    assert_eq!(socket.receive(), (Kind::Pong as u8, b"there?".to_vec()));
    socket.send(Kind::Continuation, true, &packet[5..]);
    assert_eq!(socket.receive_bytes(), [0x20, 2, 0, 0]);
    socket.send_bytes(&[SUBSCRIBE, &PUBLISH[..3]].concat());
    assert_eq!(socket.receive_bytes(), [0x90, 3, 0, 1, 1]);
    socket.send_bytes(&PUBLISH[3..]);
    assert_eq!(socket.receive_bytes(), PUBLISH);
    gateway.publish("ws/in", "by HTTP", false);
    let received = socket.receive_bytes();
    assert!(received.ends_with(b"by HTTP"), "{received:?}");
}

/// MQTT-6.0.0-1: what is not a binary frame ends the connection.
#[test]
fn a_close_frame_is_a_goodbye_and_a_text_frame_an_error() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["$aws/events/presence/#"]);
    for (client_id, kind, payload, code, reason) in [
        ("ws-close", Kind::Close, &b"\x03\xe8"[..], [3, 0xe8], "CLIENT_INITIATED_DISCONNECT"),
        ("ws-text", Kind::Text, b"no bytes", [3, 0xeb], "CONNECTION_LOST"),
    ] {
        let mut socket = open(&gateway);
        socket.send_bytes(&connect(client_id));
        assert_eq!(socket.receive_bytes(), [0x20, 2, 0, 0]);
        let connected = observer.receive(&format!("$aws/events/presence/connected/{client_id}")).json();
        assert_eq!(connected["principalIdentifier"], "ANYKEY");
        socket.send(kind, true, payload);
        assert_eq!(socket.receive(), (Kind::Close as u8, code.to_vec()));
        let gone = observer.receive(&format!("$aws/events/presence/disconnected/{client_id}")).json();
        assert_eq!(gone["disconnectReason"], reason, "{gone}");
        assert_eq!(gone["clientInitiatedDisconnect"], json!(kind == Kind::Close), "{gone}");
    }
}

/// MQTT-6.0.0-3 and -4: the subprotocol is `mqtt`, asked for and answered.
#[test]
fn it_opens_on_the_tls_port_and_only_when_asked_for_in_full() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.free_device("device");
    let tls = |alpn: &[&str]| device.stream(&gateway.root(), alpn, gateway.tcp(gateway.port("tls")));
    for (alpn, protocol) in [(&[][..], "mqtt"), (&["http/1.1"], "mqttv3.1, mqtt")] {
        let opened = WebSocket::open(tls(alpn), &any_key(), &[("sec-websocket-protocol", protocol)]);
        let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
        socket.send_bytes(&connect("ws-tls"));
        assert_eq!(socket.receive_bytes(), [0x20, 2, 0, 0], "{alpn:?}");
    }
    let refused = |alpn: &[&str], path: &str, headers: &[(&str, &str)]| {
        let Err(answer) = WebSocket::open(tls(alpn), path, headers) else { panic!("`{path}` opened") };
        answer
    };
    refused(&[], &any_key(), &[]).refused(400, "InvalidRequestException", "Sec-WebSocket-Protocol");
    // With this protocol the certificate is meant, and a certificate opens no WebSocket.
    refused(&["x-amzn-http-ca"], "/mqtt", &[MQTT]).refused(403, "ForbiddenException", "Forbidden");
    let control = Keys::new("ANYKEY", "any").websocket("iot", SystemTime::now(), false);
    let answer = refused(&[], &control, &[MQTT]);
    answer.refused(403, "InvalidSignatureException", "correct service: 'iotdevicegateway'");
}

/// The Device SDKs' MQTT 3.1.1 clients name their authorizer in the CONNECT, behind a request that says nothing. Where the
/// CONNECT says nothing either, nobody can let the device in.
#[test]
fn without_a_signature_the_connect_decides() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let options = json!({
        "roleArn": "arn:aws:iam::123456789012:role/logs", "defaultLogLevel": "ERROR",
        "eventConfigurations": [{ "eventType": "Connection.AuthNError" }],
    });
    gateway.iot("POST", "/v2LoggingOptions", &options);
    let device = gateway.free_device("device");
    for alpn in [&[][..], &["http/1.1"]] {
        let stream = device.stream(&gateway.root(), alpn, gateway.tcp(gateway.port("tls")));
        let opened = WebSocket::open(stream, "/mqtt", &[MQTT]);
        let mut socket = opened.unwrap_or_else(|answer| panic!("{answer:?}"));
        socket.send_bytes(&connect("ws-nobody"));
        assert_eq!(socket.receive_bytes(), [0x20, 2, 0, 4], "{alpn:?}");
        assert_eq!(socket.receive().0, Kind::Close as u8);
    }
    assert_eq!(gateway.health()["connections"], Value::from(0));
    let entry = gateway.logged("Connection.AuthNError", |entry| entry["clientId"] == "ws-nobody");
    assert_eq!(entry["reason"], "CUSTOM_AUTHORIZER_NOT_FOUND", "{entry}");
    assert_eq!(entry["authenticationType"], "CUSTOM_AUTH", "{entry}");
    let told = place.told("CUSTOM_AUTHORIZER_NOT_FOUND");
    assert!(told.contains("name it as x-amz-customauthorizer-name"), "{told}");
}
