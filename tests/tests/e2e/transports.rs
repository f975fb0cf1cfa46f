//! The port that HTTPS and MQTT share ("Device communication protocols").

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::http::{self, Answer};
use drydock_tests::maker::Maker;
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

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
    assert!(refused.is_err_and(|why| why.contains("BadUserNamePassword")), "AWS asks for `x-amzn-mqtt-ca`");
}

/// Registers a CA and returns its id.
fn register(gateway: &Gateway<'_>, maker: &Maker) -> String {
    let code = gateway.iot("GET", "/registrationcode", &Value::Null);
    let verification = maker.sign(code["registrationCode"].as_str().unwrap()).certificate;
    // The certificate alone, without the CAs above it.
    let end = "-----END CERTIFICATE-----\n";
    let verification = verification.split_inclusive(end).next().unwrap();
    let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification });
    let ca = gateway.iot("POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &body);
    ca["certificateId"].as_str().unwrap().to_owned()
}

#[test]
fn both_versions_of_tls_take_rsa_and_ecdsa_keys_of_a_registered_ca_below_others() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    // Keys that AWS IoT makes are RSA; those of the device maker are on P-256, here below an intermediate CA.
    let rsa = gateway.free_device("rsa");
    let root = Maker::new("Harbour root");
    register(&gateway, &root);
    let line = root.intermediate("Harbour line 1");
    let mut ecdsa = line.sign("ecdsa");
    gateway.try_connect(&ecdsa).err().expect("the root above the CA that signed it is not enough");
    let ca = register(&gateway, &line);
    gateway.try_connect(&ecdsa).err().expect("it registers itself, and waits");
    let listed = gateway.iot("GET", &format!("/certificates-by-ca/{ca}"), &Value::Null);
    ecdsa.id = listed["certificates"][0]["certificateId"].as_str().unwrap().to_owned();
    gateway.iot("PUT", &format!("/certificates/{}?newStatus=ACTIVE", ecdsa.id), &Value::Null);
    gateway.iot("PUT", "/target-policies/rsa", &json!({ "target": listed["certificates"][0]["certificateArn"] }));
    for device in [&rsa, &ecdsa] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            for (port, alpn) in [("mqtt", &[][..]), ("tls", &["x-amzn-mqtt-ca"])] {
                let config = device.config_of(&gateway.root(), alpn, &[version]);
                let connected = Mqtt::connect(&device.name, gateway.port(port), config);
                let mut connection = connected.unwrap_or_else(|e| panic!("{} {version:?} {port}: {e}", device.name));
                connection.publish("dt/key", "hello").unwrap();
                connection.disconnect();
            }
        }
    }
}

#[test]
fn https_needs_a_certificate_or_a_signature() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let answer = http::send(gateway.anonymous(), "POST", "/topics/dt/nobody", &[], b"x");
    answer.refused(403, "ForbiddenException", "Forbidden");
    assert!(answer.body.contains("traceId"), "{}", answer.body);
    let mqtt = gateway.anonymous();
    let mut connect = vec![0x10, 18, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 6];
    connect.extend_from_slice(b"nobody");
    let mut stream = mqtt;
    std::io::Write::write_all(&mut stream, &connect).unwrap();
    let mut read = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut read);
    assert!(read.is_empty(), "MQTT without a certificate has no answer: {read:?}");
}
