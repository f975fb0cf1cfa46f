//! Just-in-time registration as a device and an operator see it, with nobody but the test to activate the certificate
//! ("Register a client certificate when the client connects to AWS IoT just-in-time registration (JITR)").

use drydock_tests::gateway::{Place, SMALL};
use drydock_tests::maker::Maker;
use serde_json::{Value, json};

#[test]
fn a_certificate_registers_itself_and_lives_by_its_status() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let maker = Maker::new("Harbour CA");
    let code = gateway.iot("GET", "/registrationcode", &Value::Null);
    let verification = maker.sign(code["registrationCode"].as_str().unwrap());
    let body = json!({ "caCertificate": maker.pem(), "verificationCertificate": verification.certificate });
    let ca = gateway.iot("POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &body);
    let ca = ca["certificateId"].as_str().unwrap();
    let topic = format!("$aws/events/certificates/registered/{ca}");
    let mut observer = gateway.observer(&[&topic]);

    let device = maker.sign("pump-1");
    gateway.try_connect(&device).err().expect("a certificate that waits connects nobody");
    let event = observer.receive(&topic).json();
    let id = event["certificateId"].as_str().unwrap().to_owned();
    assert!(id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{event}");
    assert_eq!(event["caCertificateId"], ca);
    assert_eq!(event["certificateStatus"], "PENDING_ACTIVATION");
    assert_eq!(event["awsAccountId"], "123456789012");
    assert!(event["timestamp"].is_i64() || event["timestamp"].is_u64(), "{event}");
    let registered: u64 = event["certificateRegistrationTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(registered <= event["timestamp"].as_u64().unwrap(), "{event}");
    assert_eq!(event.as_object().unwrap().len(), 6, "{event}");

    let path = format!("/certificates/{id}");
    let described = gateway.iot("GET", &path, &Value::Null)["certificateDescription"].clone();
    assert_eq!((&described["status"], &described["caCertificateId"]), (&json!("PENDING_ACTIVATION"), &json!(ca)));

    // Each time that it is shown, it is told.
    gateway.try_connect(&device).err().expect("it still waits");
    assert_eq!(observer.receive(&topic).json()["certificateId"], id.as_str());

    let target = json!({ "target": described["certificateArn"] });
    gateway.iot("PUT", "/target-policies/observer", &target);
    gateway.iot("PUT", &format!("{path}?newStatus=ACTIVE"), &Value::Null);
    let mut connection = gateway.connect(&device);
    connection.publish("dt/pump-1", "1").unwrap();

    gateway.call("iot", "DELETE", &path, &[], &Value::Null).refused(406, "CertificateStateException", "");
    gateway.iot("PUT", &format!("{path}?newStatus=INACTIVE"), &Value::Null);
    connection.ended();
    gateway.try_connect(&device).err().expect("an inactive certificate connects nobody");
    assert!(observer.inbox.is_empty(), "an inactive certificate is not told: {:?}", observer.inbox);

    gateway.iot("POST", "/target-policies/observer", &target);
    gateway.iot("DELETE", &path, &Value::Null);
    gateway.call("iot", "GET", &path, &[], &Value::Null).refused(404, "ResourceNotFoundException", "");
}

#[test]
fn a_certificate_of_an_unknown_ca_registers_nothing() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    gateway.try_connect(&Maker::new("Strangers CA").sign("stranger")).err().expect("nobody knows this CA");
    assert_eq!(gateway.iot("GET", "/certificates", &Value::Null)["certificates"], json!([]));
}
