//! Provisioning as devices and operators meet it: just in time, by "RegisterThing", and over MQTT with a claim.

use drydock_tests::bootstrap;
use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use drydock_tests::maker::Maker;
use drydock_tests::mqtt::Mqtt;
use drydock_tests::tls::Identity;
use serde_json::{Value, json};
use std::fs;

const ROLE: &str = "arn:aws:iam::123456789012:role/provisioning";
const CREATE: &str = "$aws/certificates/create/json";
const FROM_CSR: &str = "$aws/certificates/create-from-csr/json";
const PROVISION: &str = "$aws/provisioning-templates/fleet/provision/json";

/// A thing called like a parameter, its own certificate, and a policy for all that it does under its name.
fn template(name: &str, parameters: &Value) -> Value {
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:us-east-1:123456789012:client/${iot:Connection.Thing.ThingName}" },
        { "Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:us-east-1:123456789012:topic/dt/${iot:Connection.Thing.ThingName}/*" },
    ]});
    json!({
        "Parameters": parameters,
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": { "ThingName": { "Ref": name }, "ThingTypeName": "pump", "AttributePayload": { "line": "7" } },
                "OverrideSettings": { "AttributePayload": "FAIL", "ThingTypeName": "FAIL", "ThingGroups": "FAIL" },
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": { "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" }, "Status": "Active" },
            },
            "policy": { "Type": "AWS::IoT::Policy", "Properties": { "PolicyDocument": document.to_string() } },
        },
    })
}

fn jitp_template() -> String {
    let name = "AWS::IoT::Certificate::CommonName";
    template(name, &json!({ name: { "Type": "String" }, "AWS::IoT::Certificate::Id": { "Type": "String" } }))
        .to_string()
}

/// Makes the template `fleet`, which tells the device where to go, with a hook or without.
pub(super) fn fleet(gateway: &Gateway<'_>, hook: Option<&str>) {
    let mut body = template(
        "SerialNumber",
        &json!({ "SerialNumber": { "Type": "String" }, "Place": { "Type": "String", "Default": "here" } }),
    );
    body["DeviceConfiguration"] = json!({ "url": { "Fn::Sub": "https://${Place}.example.com" } });
    let mut request = json!({ "templateName": "fleet", "templateBody": body.to_string(), "provisioningRoleArn": ROLE, "enabled": true });
    if let Some(hook) = hook {
        request["preProvisioningHook"] = json!({ "payloadVersion": "2020-04-01", "targetArn": hook });
    }
    gateway.iot("POST", "/provisioning-templates", &request);
}

/// A connection with a provisioning claim for the template `fleet`.
fn claim(gateway: &Gateway<'_>, client_id: &str) -> (Mqtt, String) {
    let made = gateway.iot("POST", "/provisioning-templates/fleet/provisioning-claim", &Value::Null);
    let text = |pointer: &str| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
    let claim = Identity {
        name: client_id.to_owned(),
        id: text("/certificateId"),
        arn: String::new(),
        certificate: text("/certificatePem"),
        key: text("/keyPair/PrivateKey"),
    };
    (gateway.connect(&claim), claim.id)
}

/// Publishes a request and gives the answer, with `accepted` or `rejected`.
fn ask(device: &mut Mqtt, topic: &str, request: impl Into<Vec<u8>>) -> (String, Value) {
    device.publish(topic, request).unwrap();
    let answer = device.receive(topic);
    (answer.topic.rsplit('/').next().unwrap().to_owned(), answer.json())
}

fn accepted(device: &mut Mqtt, topic: &str, request: &Value) -> Value {
    let (outcome, answer) = ask(device, topic, request.to_string());
    assert_eq!(outcome, "accepted", "{topic} {request}: {answer}");
    answer
}

fn rejected(device: &mut Mqtt, topic: &str, request: &str, status: u16, code: &str) {
    let (outcome, answer) = ask(device, topic, request);
    let got = (outcome.as_str(), &answer["statusCode"], &answer["errorCode"]);
    assert_eq!(got, ("rejected", &json!(status), &json!(code)), "{topic} {request}: {answer}");
    assert!(answer["errorMessage"].as_str().is_some_and(|message| !message.is_empty()), "{answer}");
}

fn own(name: &str, keys: &Value) -> Identity {
    let text = |key: &str| keys[key].as_str().unwrap().to_owned();
    Identity {
        name: name.to_owned(),
        id: text("certificateId"),
        arn: String::new(),
        certificate: text("certificatePem"),
        key: text("privateKey"),
    }
}

fn status(gateway: &Gateway<'_>, certificate: &str) -> Value {
    let described = gateway.iot("GET", &format!("/certificates/{certificate}"), &Value::Null);
    described["certificateDescription"]["status"].clone()
}

fn register_ca(gateway: &Gateway<'_>, maker: &Maker, config: &Value) -> drydock_tests::http::Answer {
    let code = gateway.iot("GET", "/registrationcode", &Value::Null);
    let verification = maker.sign(code["registrationCode"].as_str().unwrap());
    let body = json!({
        "caCertificate": maker.pem(), "verificationCertificate": verification.certificate, "registrationConfig": config,
    });
    gateway.call("iot", "POST", "/cacertificate?setAsActive=true&allowAutoRegistration=true", &[], &body)
}

fn log_all(gateway: &Gateway<'_>) {
    let role = "arn:aws:iam::123456789012:role/logs";
    gateway.iot("POST", "/v2LoggingOptions", &json!({ "roleArn": role, "defaultLogLevel": "INFO" }));
}

/// The log entry of a device's provisioning that ended so, for its certificate.
fn logged(gateway: &Gateway<'_>, status: &str, certificate: &str) -> Value {
    let like = |entry: &Value| entry["status"] == status && entry["deviceCertificateId"] == certificate;
    gateway.logged("ProvisionDevice", like)
}

#[test]
fn a_device_is_provisioned_just_in_time_and_reconnects() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    log_all(&gateway);
    let (inline, named) = (Maker::new("Inline CA"), Maker::new("Named CA"));
    let malformed = json!({ "templateBody": "{}", "roleArn": ROLE });
    register_ca(&gateway, &inline, &malformed).refused(400, "InvalidRequestException", "it has no `Resources`");
    register_ca(&gateway, &inline, &json!({ "templateBody": jitp_template(), "roleArn": ROLE })).ok();
    let request = json!({
        "templateName": "jitp", "templateBody": jitp_template(), "provisioningRoleArn": ROLE, "enabled": true, "type": "JITP",
    });
    gateway.iot("POST", "/provisioning-templates", &request);
    register_ca(&gateway, &named, &json!({ "templateName": "jitp" })).ok();

    for (maker, name, template) in [(&inline, "pump-1", Value::Null), (&named, "pump-2", json!("jitp"))] {
        let device = maker.sign(name);
        gateway.try_connect(&device).err().expect("the first connection is refused");
        let mut connection = wait_for("the device is let in", || gateway.try_connect(&device).ok());
        connection.publish(&format!("dt/{name}/telemetry"), "1").unwrap();
        let thing = gateway.iot("GET", &format!("/things/{name}"), &Value::Null);
        assert_eq!((&thing["attributes"], &thing["thingTypeName"]), (&json!({ "line": "7" }), &json!("pump")));
        let principals = gateway.iot("GET", &format!("/things/{name}/principals"), &Value::Null);
        assert_eq!(principals["principals"].as_array().unwrap().len(), 1, "{principals}");
        let principal = principals["principals"][0].as_str().unwrap().rsplit('/').next().unwrap();
        let entry = logged(&gateway, "Success", principal);
        assert_eq!(entry["provisioningTemplateName"], template, "{entry}");
    }

    // Another device of the same name does not get the first one's thing: its certificate waits on.
    let second = inline.sign("pump-1");
    gateway.try_connect(&second).err().expect("the first connection is refused");
    place.told("the thing `pump-1` exists already");
    gateway.try_connect(&second).err().expect("it is not provisioned");
    let entry = gateway.logged("ProvisionDevice", |entry| entry["status"] == "Failure");
    assert_eq!((&entry["logLevel"], &entry["reason"]), (&json!("ERROR"), &json!("ResourceConflict")), "{entry}");
    assert!(entry["details"].as_str().unwrap().contains("`pump-1` exists already"), "{entry}");
}

#[test]
fn who_waits_to_be_provisioned_is_provisioned_by_a_restart() {
    let place = Place::new(SMALL);
    let options = ["--no-functions", "--data-dir", "data"];
    let gateway = place.up(&options);
    let maker = Maker::new("Inline CA");
    register_ca(&gateway, &maker, &json!({ "templateBody": jitp_template(), "roleArn": ROLE })).ok();
    gateway.iot("POST", "/things/pump-1", &json!({}));
    let device = maker.sign("pump-1");
    gateway.try_connect(&device).err().expect("the first connection is refused");
    place.told("the thing `pump-1` exists already");
    gateway.iot("DELETE", "/things/pump-1", &Value::Null);
    gateway.kill();
    let gateway = place.up(&options);
    // It is there before the gateway is up: nobody has to connect, or to wait.
    let principals = gateway.iot("GET", "/things/pump-1/principals", &Value::Null);
    assert_eq!(principals["principals"].as_array().unwrap().len(), 1, "{principals}");
    gateway.connect(&device).publish("dt/pump-1/telemetry", "1").unwrap();
}

#[test]
fn register_thing_makes_everything_or_says_why_not() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.free_device("pump-0");
    let mut body = template("Name", &json!({ "Name": { "Type": "String" }, "Cert": { "Type": "String" } }));
    body["Resources"]["certificate"]["Properties"]["CertificateId"] = json!({ "Ref": "Cert" });
    let register = |body: &Value, name: &str| {
        let request = json!({ "templateBody": body.to_string(), "parameters": { "Name": name, "Cert": device.id } });
        gateway.call("iot", "POST", "/things", &[], &request)
    };
    let made = register(&body, "pump-1").ok();
    let arns = &made["resourceArns"];
    assert_eq!(arns["thing"], "arn:aws:iot:us-east-1:123456789012:thing/pump-1");
    assert_eq!(arns["certificate"], device.arn.as_str());
    let policy = arns["policy"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(policy.len() == 64 && policy.bytes().all(|byte| byte.is_ascii_hexdigit()), "its name is a hash: {policy}");
    assert_eq!(made["certificatePem"], device.certificate.as_str());
    assert_eq!(register(&body, "pump-1").ok()["resourceArns"], *arns, "the same device may be registered again");

    // What exists and belongs to nobody of this kind is not taken over, unless the template says so.
    gateway.iot("POST", "/things/pump-2", &json!({ "attributePayload": { "attributes": { "line": "1", "a": "b" } } }));
    register(&body, "pump-2").refused(400, "ResourceRegistrationFailureException", "the thing `pump-2` exists already");
    let attributes = || gateway.iot("GET", "/things/pump-2", &Value::Null)["attributes"].clone();
    body["Resources"]["thing"]["Properties"]["ThingTypeName"] = Value::Null;
    for (setting, expected) in [
        ("DO_NOTHING", json!({ "line": "1", "a": "b" })),
        ("MERGE", json!({ "line": "7", "a": "b" })),
        ("REPLACE", json!({ "line": "7" })),
    ] {
        body["Resources"]["thing"]["OverrideSettings"] = json!({ "AttributePayload": setting });
        register(&body, "pump-2").ok();
        assert_eq!(attributes(), expected, "{setting}");
    }
    body["Resources"]["thing"]["Properties"]["ThingGroups"] = json!(["dock"]);
    register(&body, "pump-3").refused(400, "ResourceRegistrationFailureException", "there is no thing group `dock`");
    gateway.call("iot", "GET", "/things/pump-3", &[], &Value::Null).refused(404, "ResourceNotFoundException", "pump-3");
    register(&body, "a b").refused(400, "ResourceRegistrationFailureException", "thing name `a b` is not valid");
    body["Resources"]["thing"]["Type"] = json!("AWS::IoT::Rule");
    register(&body, "pump-3").refused(400, "InvalidRequestException", "`Resources.thing`");
}

#[test]
fn a_device_with_a_claim_gets_a_certificate_of_its_own() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    fleet(&gateway, None);
    log_all(&gateway);
    // The claim is in no list, and its answers come without a subscription.
    let (mut device, claim_id) = claim(&gateway, "fresh");
    assert_eq!(gateway.iot("GET", "/certificates", &Value::Null)["certificates"], json!([]));
    gateway.call("iot", "GET", &format!("/certificates/{claim_id}"), &[], &Value::Null).refused(
        404,
        "ResourceNotFoundException",
        "",
    );

    let keys = accepted(&mut device, CREATE, &json!({}));
    let own = own("SN-1", &keys);
    assert_eq!(status(&gateway, &own.id), "PENDING_ACTIVATION");
    gateway.try_connect(&own).err().expect("what waits connects nobody");
    let token = &keys["certificateOwnershipToken"];
    let request =
        json!({ "certificateOwnershipToken": token, "parameters": { "SerialNumber": "SN-1", "Place": "harbour" } });
    let answer = accepted(&mut device, PROVISION, &request);
    assert_eq!(answer, json!({ "thingName": "SN-1", "deviceConfiguration": { "url": "https://harbour.example.com" } }));
    assert_eq!(status(&gateway, &own.id), "ACTIVE");
    let entry = logged(&gateway, "Success", &own.id);
    assert_eq!(entry["provisioningTemplateName"], "fleet", "{entry}");
    rejected(&mut device, PROVISION, &request.to_string(), 400, "InvalidCertificateOwnershipToken");
    let entry = gateway.logged("ProvisionDevice", |entry| entry["reason"] == "InvalidCertificateOwnershipToken");
    assert_eq!(entry["deviceCertificateId"], Value::Null, "the token is for none: {entry}");
    assert!(!entry.to_string().contains(token.as_str().unwrap()), "{entry}");
    let mut connection = gateway.connect(&own);
    connection.publish("dt/SN-1/telemetry", "1").unwrap();

    // A second device cannot take the first one's name; its token stays good for another.
    let keys = accepted(&mut device, CREATE, &json!({}));
    let parameters = |serial: &str| json!({ "certificateOwnershipToken": keys["certificateOwnershipToken"], "parameters": { "SerialNumber": serial } });
    rejected(&mut device, PROVISION, &parameters("SN-1").to_string(), 409, "ResourceConflict");
    assert_eq!(accepted(&mut device, PROVISION, &parameters("SN-2"))["thingName"], "SN-2");

    // A claim does nothing but provision.
    device.publish("dt/SN-1/telemetry", "1").expect_err("a claim publishes nothing else");
}

#[test]
fn a_claim_certificate_of_the_users_own_and_cbor() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    fleet(&gateway, None);
    let mut device = gateway.connect(&gateway.free_device("batch-claim"));
    let cbor = |value: &Value| {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).unwrap();
        bytes
    };
    let mut ask = |topic: &str, request: Vec<u8>| -> (String, Value) {
        device.publish(topic, request).unwrap();
        let answer = device.receive(topic);
        (answer.topic, ciborium::from_reader(answer.payload.as_slice()).unwrap())
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let (topic, made) =
        ask("$aws/certificates/create-from-csr/cbor", cbor(&json!({ "certificateSigningRequest": csr })));
    assert_eq!(topic, "$aws/certificates/create-from-csr/cbor/accepted", "{made}");
    assert!(made.get("privateKey").is_none(), "{made}");
    let provision = "$aws/provisioning-templates/fleet/provision/cbor";
    let request = json!({ "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": { "SerialNumber": "SN-9" } });
    let (topic, answer) = ask(provision, cbor(&request));
    assert_eq!(
        (topic.as_str(), &answer["thingName"]),
        ("$aws/provisioning-templates/fleet/provision/cbor/accepted", &json!("SN-9"))
    );
    let own = Identity {
        name: "SN-9".to_owned(),
        id: String::new(),
        arn: String::new(),
        certificate: made["certificatePem"].as_str().unwrap().to_owned(),
        key: key.serialize_pem(),
    };
    gateway.connect(&own).publish("dt/SN-9/telemetry", "1").unwrap();
    for malformed in [&b"\xff"[..], b"{}", b"\x81\x01", b"\xa1\x61\x61"] {
        let (topic, answer) = ask(provision, malformed.to_vec());
        assert!(topic.ends_with("/rejected"), "{malformed:?}: {answer}");
        assert_eq!((&answer["statusCode"], &answer["errorCode"]), (&json!(400), &json!("InvalidPayload")), "{answer}");
    }
}

#[test]
fn every_rejection_has_its_code() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    fleet(&gateway, None);
    let mut device = gateway.connect(&gateway.free_device("batch-claim"));
    let device = &mut device;
    rejected(device, CREATE, "{", 400, "InvalidPayload");
    rejected(device, FROM_CSR, "{}", 400, "InvalidCertificateSigningRequest");
    rejected(device, FROM_CSR, r#"{"certificateSigningRequest": "rubbish"}"#, 400, "InvalidCertificateSigningRequest");
    rejected(device, PROVISION, "[]", 400, "InvalidPayload");
    rejected(device, PROVISION, "{}", 400, "InvalidCertificateOwnershipToken");
    rejected(device, PROVISION, r#"{"certificateOwnershipToken": "made up"}"#, 400, "InvalidCertificateOwnershipToken");
    let token = accepted(device, CREATE, &json!({}))["certificateOwnershipToken"].clone();
    let request =
        |parameters: Value| json!({ "certificateOwnershipToken": token, "parameters": parameters }).to_string();
    rejected(device, PROVISION, &request(json!({ "SerialNumber": 7 })), 400, "InvalidParameters");
    rejected(device, PROVISION, &request(json!({})), 400, "InvalidParameters");
    rejected(device, PROVISION, &request(json!({ "SerialNumber": "a b" })), 400, "InvalidParameters");
    let other = "$aws/provisioning-templates/nothing/provision/json";
    rejected(device, other, &request(json!({ "SerialNumber": "SN-1" })), 404, "ResourceNotFound");
    // The device does not choose which certificate is activated.
    let smuggled = json!({ "SerialNumber": "SN-1", "AWS::IoT::Certificate::Id": "c0".repeat(32) });
    let (outcome, answer) = ask(device, PROVISION, request(smuggled));
    assert_eq!((outcome.as_str(), &answer["thingName"]), ("accepted", &json!("SN-1")), "{answer}");

    gateway.iot("PATCH", "/provisioning-templates/fleet", &json!({ "enabled": false }));
    let token = accepted(device, CREATE, &json!({}))["certificateOwnershipToken"].clone();
    let request = json!({ "certificateOwnershipToken": token, "parameters": { "SerialNumber": "SN-2" } });
    rejected(device, PROVISION, &request.to_string(), 400, "InvalidRequest");
}

const HOOKED: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Pump:
    Type: AWS::IoT::ThingType
    Properties:
      ThingTypeName: pump
  Hook:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: hook
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: hook/
  HookPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Hook.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !Sub arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:provisioningtemplate/fleet
";

/// Lets the serial numbers that begin with `SN-` in, and says where they are.
const HOOK: &str = r#"case "$event" in
    *'"SerialNumber":"SN-'*) answer='{"allowProvisioning":true,"parameterOverrides":{"Place":"yard"}}' ;;
    *'"SerialNumber":"broken'*) answer='{"secret":"of the function"}' ;;
    *) answer='{"allowProvisioning":false}' ;;
  esac"#;

#[test]
fn the_hook_has_the_last_word() {
    let place = Place::new(HOOKED);
    let folder = place.path().join("hook");
    fs::create_dir(&folder).unwrap();
    bootstrap::write(&folder, HOOK);
    let gateway = place.up(&["--ephemeral"]);
    fleet(&gateway, Some("arn:aws:lambda:us-east-1:123456789012:function:hook"));
    let (mut device, claim_id) = claim(&gateway, "fresh");
    let keys = accepted(&mut device, CREATE, &json!({}));
    let request = |serial: &str| json!({ "certificateOwnershipToken": keys["certificateOwnershipToken"], "parameters": { "SerialNumber": serial } });
    rejected(&mut device, PROVISION, &request("stranger").to_string(), 403, "AccessDenied");
    // What a hook that fails says may be a secret: it is in the logs, and the device gets AWS's text.
    device.publish(PROVISION, request("broken").to_string()).unwrap();
    let told = device.receive(&format!("{PROVISION}/rejected")).json();
    assert_eq!(told, json!({ "statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "Access denied" }));
    place.told("did not answer as a hook does");
    assert_eq!(status(&gateway, keys["certificateId"].as_str().unwrap()), "PENDING_ACTIVATION");
    let answer = accepted(&mut device, PROVISION, &request("SN-1"));
    assert_eq!(answer["deviceConfiguration"]["url"], "https://yard.example.com");

    let events = fs::read_to_string(folder.join("events")).unwrap();
    let seen: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert_eq!(
        seen,
        json!({
            "claimCertificateId": claim_id, "certificateId": keys["certificateId"], "certificatePem": keys["certificatePem"],
            "templateArn": "arn:aws:iot:us-east-1:123456789012:provisioningtemplate/fleet", "clientId": "fresh",
            "parameters": { "SerialNumber": "stranger" },
        })
    );

    // A hook that may not be invoked is a no, too.
    let hook =
        json!({ "preProvisioningHook": { "targetArn": "arn:aws:lambda:us-east-1:123456789012:function:nobody" } });
    gateway.iot("PATCH", "/provisioning-templates/fleet", &hook);
    let keys = accepted(&mut device, CREATE, &json!({}));
    let request = json!({ "certificateOwnershipToken": keys["certificateOwnershipToken"], "parameters": { "SerialNumber": "SN-2" } });
    rejected(&mut device, PROVISION, &request.to_string(), 403, "AccessDenied");
}

/// Two connections with one claim take turns with one client id: each gets its own keys and no others.
#[test]
fn an_answer_goes_to_the_connection_that_asked_or_nowhere() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let claim = gateway.free_device("same");
    for _ in 0..5 {
        let mut first = gateway.connect(&claim);
        first.publish(CREATE, "{}").unwrap();
        let mut second = gateway.connect(&claim);
        let keys = accepted(&mut second, CREATE, &json!({}));
        assert_eq!(keys.as_object().unwrap().len(), 4, "{keys}");
        // What was meant for the first would have come before this.
        second.publish("dt/same", "1").unwrap();
        assert!(second.inbox.is_empty(), "{:?}", second.inbox);
        second.disconnect();
    }
}

#[test]
fn what_was_provisioned_or_promised_survives_a_kill() {
    let place = Place::new(SMALL);
    let options = ["--no-functions", "--data-dir", "data"];
    let gateway = place.up(&options);
    fleet(&gateway, None);
    let mut device = gateway.connect(&gateway.free_device("batch-claim"));
    let keys = accepted(&mut device, CREATE, &json!({}));
    gateway.kill();
    let gateway = place.up(&options);
    let mut device = gateway
        .connect(&gateway.device("second-claim", &json!([{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }])));
    let request = json!({ "certificateOwnershipToken": keys["certificateOwnershipToken"], "parameters": { "SerialNumber": "SN-1" } });
    assert_eq!(accepted(&mut device, PROVISION, &request)["thingName"], "SN-1");
    gateway.kill();
    let gateway = place.up(&options);
    gateway.connect(&own("SN-1", &keys)).publish("dt/SN-1/telemetry", "1").unwrap();
}

const SIGNED: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Pump:
    Type: AWS::IoT::ThingType
    Properties:
      ThingTypeName: pump
  Signer:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: signer
      Runtime: provided.al2023
      Handler: bootstrap
      CodeUri: signer/
  SignerPermission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt Signer.Arn
      Action: lambda:InvokeFunction
      Principal: iot.amazonaws.com
      SourceArn: !Sub arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:certificateprovider:own
";

#[test]
fn a_certificate_provider_signs_in_aws_iots_stead() {
    let place = Place::new(SIGNED);
    let folder = place.path().join("signer");
    fs::create_dir(&folder).unwrap();
    bootstrap::write(&folder, r#"answer=$(<"${BASH_SOURCE[0]%/*}/answer")"#);
    let maker = Maker::new("Own CA");
    let signed = maker.sign("SN-5");
    let answers = |certificate: &str| {
        fs::write(folder.join("answer"), json!({ "certificatePem": certificate }).to_string()).unwrap();
    };
    answers(&maker.sign("SN-5").certificate);
    let gateway = place.up(&["--ephemeral"]);
    fleet(&gateway, None);
    let function = "arn:aws:lambda:us-east-1:123456789012:function:signer";
    let provider =
        json!({ "lambdaFunctionArn": function, "accountDefaultForOperations": ["CreateCertificateFromCsr"] });
    gateway.iot("POST", "/certificate-providers/own", &provider);
    let mut device = gateway.connect(&gateway.free_device("batch-claim"));

    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "SN-5");
    let key = rcgen::KeyPair::from_pem(&signed.key).unwrap();
    let csr = json!({ "certificateSigningRequest": params.serialize_request(&key).unwrap().pem().unwrap() });
    // A certificate for another key is none for this device.
    rejected(&mut device, FROM_CSR, &csr.to_string(), 403, "AccessDenied");
    answers(&signed.certificate);
    let made = accepted(&mut device, FROM_CSR, &csr);
    assert_eq!(made["certificatePem"].as_str().unwrap().trim(), signed.certificate.trim());
    let events = fs::read_to_string(folder.join("events")).unwrap();
    let seen: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&seen["clientId"], &seen["certificateSigningRequest"]),
        (&json!("batch-claim"), &csr["certificateSigningRequest"])
    );
    assert_eq!(seen["principalId"].as_str().map(str::len), Some(64));

    let request = json!({ "certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": { "SerialNumber": "SN-5" } });
    assert_eq!(accepted(&mut device, PROVISION, &request)["thingName"], "SN-5");
    gateway.connect(&signed).publish("dt/SN-5/telemetry", "1").unwrap();
    // Keys that AWS IoT makes it signs itself.
    assert_ne!(accepted(&mut device, CREATE, &json!({}))["certificatePem"], signed.certificate.as_str());
}
