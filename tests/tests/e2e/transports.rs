//! The port that HTTPS and MQTT share ("Device communication protocols").

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::{self, Answer};
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls::Identity;
use serde_json::json;

fn https(gateway: &Gateway<'_>, device: &Identity, alpn: &[&str], topic: &str) -> Answer {
    let stream = device.stream(&gateway.root(), alpn, gateway.tcp(gateway.port("tls")));
    http::send(stream, "POST", &format!("/topics/{topic}?qos=1"), &[], b"by HTTPS")
}

#[test]
fn https_publishes_what_the_policy_allows() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&["dt/#"]);
    let resource = "arn:aws:iot:us-east-1:123456789012:topic/dt/mine";
    let device =
        gateway.device("device", &json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": resource }]));
    for alpn in [&[][..], &["x-amzn-http-ca"], &["http/1.1"]] {
        let answer = https(&gateway, &device, alpn, "dt/mine").ok();
        assert_eq!(answer["message"], "OK", "{alpn:?}");
        assert_eq!(observer.receive("dt/").payload, b"by HTTPS", "{alpn:?}");
    }
    let answer = https(&gateway, &device, &["x-amzn-http-ca"], "dt/another");
    assert!(matches!(answer.status, 401 | 403), "{answer:?}");
    gateway.publish("dt/end", "the end", false);
    assert_eq!(observer.receive("dt/").topic, "dt/end", "what was refused reaches nobody");
}

#[test]
fn mqtt_speaks_on_the_shared_port_with_and_without_alpn() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.free_device("device");
    for alpn in [&[][..], &["x-amzn-mqtt-ca"]] {
        let connected = Mqtt::connect("device", gateway.port("tls"), device.config(&gateway.root(), alpn));
        let mut connection = connected.unwrap_or_else(|e| panic!("{alpn:?}: {e}"));
        connection.subscribe("echo");
        connection.publish("echo", "hello").unwrap();
        assert_eq!(connection.receive("echo").payload, b"hello", "{alpn:?}");
        connection.disconnect();
    }
}

#[test]
fn the_alpn_of_custom_authorizers_lets_no_certificate_in() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.free_device("device");
    let refused = Mqtt::connect("device", gateway.port("tls"), device.config(&gateway.root(), &["mqtt"]));
    assert!(refused.is_err_and(|why| why.contains("NotAuthorized")), "AWS asks for `x-amzn-mqtt-ca`");
}
