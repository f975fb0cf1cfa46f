//! What the life of a certificate, of its CA and of its attachments means to a connection that is up ("Managing device
//! certificates", "Manage your CA certificates", "Associating a principal to a thing").

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::maker::Maker;
use drydock_tests::tls::Identity;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Registers a CA, active and with auto-registration; gives its id.
fn register_ca(gateway: &Gateway<'_>, maker: &Maker) -> String {
    let code = gateway.iot("GET", "/registrationcode", &Value::Null);
    let verification = maker.sign(code["registrationCode"].as_str().unwrap());
    let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification.certificate });
    let ca = gateway.iot("POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &body);
    ca["certificateId"].as_str().unwrap().to_owned()
}

/// Registers a certificate as active and lets it do what the policy `observer` allows.
fn register(gateway: &Gateway<'_>, device: &Identity) -> String {
    let body = json!({ "certificatePem": device.certificate, "status": "ACTIVE" });
    let made = gateway.iot("POST", "/certificate/register", &body);
    gateway.iot("PUT", "/target-policies/observer", &json!({ "target": made["certificateArn"] }));
    made["certificateId"].as_str().unwrap().to_owned()
}

#[test]
fn a_connection_ends_with_the_validity_of_its_certificate() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let maker = Maker::new("Harbour CA");
    register_ca(&gateway, &maker);
    let mut observer = gateway.observer(&["$aws/events/presence/+/pump-1"]);

    let end = SystemTime::now() + Duration::from_secs(12);
    let device = maker.sign_until("pump-1", end);
    register(&gateway, &device);
    let mut connection = gateway.connect(&device);
    observer.receive("$aws/events/presence/connected/pump-1");
    connection.publish("dt/pump-1", "1").expect("the certificate is valid for some seconds more");
    connection.ended();
    let gone = observer.receive("$aws/events/presence/disconnected/pump-1").json();
    assert_eq!(gone["disconnectReason"], "AUTH_ERROR");
    let end = end.duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(gone["timestamp"].as_u64().unwrap() / 1000 > end, "not before the end of second {end}: {gone}");
    gateway.try_connect(&device).err().expect("an expired certificate connects nobody");
    place.told("expired: what is connected with it is cut");
}

#[test]
fn what_a_ca_has_registered_outlives_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let maker = Maker::new("Harbour CA");
    let ca = register_ca(&gateway, &maker);
    let _observer = gateway.observer(&[]);
    let device = maker.sign("pump-1");
    let id = register(&gateway, &device);
    let mut connection = gateway.connect(&device);

    gateway.iot("PUT", &format!("/cacertificate/{ca}?newStatus=INACTIVE"), &Value::Null);
    connection.publish("dt/pump-1", "1").expect("its certificate is as active as before");
    gateway.try_connect(&maker.sign("pump-2")).err().expect("nobody registers by an inactive CA");
    let body = json!({ "certificatePem": maker.sign("pump-3").certificate });
    let refused = gateway.call("iot", "POST", "/certificate/register", &[], &body);
    refused.refused(406, "CertificateStateException", "is not active");

    gateway.iot("DELETE", &format!("/cacertificate/{ca}"), &Value::Null);
    connection.publish("dt/pump-1", "2").expect("nor does it need its CA");
    connection.disconnect();
    gateway.connect(&device).publish("dt/pump-1", "3").expect("to connect, neither");
    let described = gateway.iot("GET", &format!("/certificates/{id}"), &Value::Null);
    assert_eq!(described["certificateDescription"]["caCertificateId"], ca.as_str());
}

#[test]
fn a_live_connection_is_the_thing_that_its_certificate_is_attached_to_now() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let own = "arn:aws:iot:us-east-1:123456789012:topic/dt/${iot:Connection.Thing.ThingName}";
    let device = gateway.device(
        "pump-1",
        &json!([
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" },
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": own },
        ]),
    );
    let principal = [("x-amzn-principal", device.arn.as_str())];
    let attach = |method: &str, thing: &str| {
        let exclusive = if method == "PUT" { "?thingPrincipalType=EXCLUSIVE_THING" } else { "" };
        gateway.call("iot", method, &format!("/things/{thing}/principals{exclusive}"), &principal, &Value::Null)
    };
    for thing in ["harbour", "pier"] {
        gateway.iot("POST", &format!("/things/{thing}"), &json!({}));
    }
    attach("PUT", "harbour").ok();
    let mut connection = gateway.connect(&device);
    connection.publish("dt/harbour", "1").expect("whatever its client id is, it is `harbour`");

    attach("PUT", "pier").refused(400, "InvalidRequestException", "");
    attach("DELETE", "harbour").ok();
    attach("PUT", "pier").ok();
    connection.publish("dt/pier", "2").expect("the same connection is `pier` now");
    connection.publish("dt/harbour", "3").expect_err("and `harbour` no more");
}
