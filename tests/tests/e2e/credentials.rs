//! The credentials provider ("Authorizing direct calls to AWS services using AWS IoT Core credential provider"): a device shows
//! its certificate and gets credentials by a role alias.

use drydock_tests::gateway::{Gateway, Place};
use drydock_tests::http::{self, Answer};
use drydock_tests::tls::Identity;
use serde_json::{Value, json};

const TEMPLATE: &str = r#"
Resources:
  Devices:
    Type: AWS::IAM::Role
    Properties:
      RoleName: devices
      MaxSessionDuration: 7200
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: credentials.iot.amazonaws.com }
            Action: sts:AssumeRole
            Condition:
              StringEquals: { aws:SourceAccount: !Ref AWS::AccountId }
              ArnLike: { aws:SourceArn: !Sub "arn:aws:iot:${AWS::Region}:${AWS::AccountId}:rolealias/*" }
  Rules:
    Type: AWS::IAM::Role
    Properties:
      RoleName: rules
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: iot.amazonaws.com }, Action: sts:AssumeRole }
  Cameras:
    Type: AWS::IoT::RoleAlias
    Properties:
      RoleAlias: cameras
      RoleArn: !GetAtt Devices.Arn
      CredentialDurationSeconds: 1800
"#;

fn ask(gateway: &Gateway<'_>, device: &Identity, alias: &str, thing: Option<&str>) -> Answer {
    let stream = device.stream(&gateway.root(), &["x-amzn-http-ca"], gateway.tcp(gateway.port("tls")));
    let header = thing.map(|thing| ("x-amzn-iot-thingname", thing));
    http::send(stream, "GET", &format!("/role-aliases/{alias}/credentials"), header.as_slice(), b"")
}

fn assume(resource: &str) -> Value {
    let resource = format!("arn:aws:iot:us-east-1:123456789012:rolealias/{resource}");
    json!([{ "Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": resource }])
}

#[test]
fn a_device_gets_credentials_for_what_its_policy_and_the_role_allow() {
    let place = Place::new(TEMPLATE);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let endpoint = gateway.iot("GET", "/endpoint?endpointType=iot:CredentialProvider", &Value::Null);
    assert_eq!(endpoint["endpointAddress"], format!("127.0.0.1:{}", gateway.port("tls")));

    let device = gateway.device("cam-1", &assume("*"));
    let given = ask(&gateway, &device, "cameras", None).ok()["credentials"].clone();
    assert!(given["accessKeyId"].as_str().is_some_and(|key| key.starts_with("ASIA") && key.len() == 20), "{given}");
    assert_eq!(given["secretAccessKey"].as_str().map(str::len), Some(40));
    assert!(given["sessionToken"].as_str().is_some_and(|token| token.len() >= 100), "{given}");
    let expiration = given["expiration"].as_str().unwrap();
    assert!(expiration.len() == 20 && expiration.ends_with('Z'), "{expiration}");
    let again = ask(&gateway, &device, "cameras", None).ok()["credentials"].clone();
    assert_ne!(again["accessKeyId"], given["accessKeyId"], "each time others");

    // The statuses, codes and texts are those that AWS's own session helper records of the service.
    let unable = (400, "InvalidRequestException", "Unable to assume the role, or the role to assume does not exist");
    let too_long = "The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role";
    for (alias, role, seconds) in [("doors", "rules", 900), ("locks", "nobody", 900), ("gates", "devices", 7201)] {
        let role = format!("arn:aws:iam::123456789012:role/{role}");
        let body = json!({ "roleArn": role, "credentialDurationSeconds": seconds });
        gateway.iot("POST", &format!("/role-aliases/{alias}"), &body);
    }
    for (alias, (status, code, text)) in [
        ("doors", unable),
        ("locks", unable),
        ("gates", (400, "InvalidRequestException", too_long)),
        ("nothing", (404, "ResourceNotFoundException", "Role alias does not exist")),
    ] {
        ask(&gateway, &device, alias, None).refused(status, code, text);
    }

    let other = gateway.device("cam-2", &assume("doors"));
    ask(&gateway, &other, "cameras", None).refused(403, "AccessDeniedException", "Access Denied");
    gateway.iot("PUT", &format!("/certificates/{}?newStatus=INACTIVE", other.id), &Value::Null);
    ask(&gateway, &other, "doors", None).refused(
        403,
        "AccessDeniedException",
        "Certificate is invalid on this endpoint",
    );
}

/// Roles are the template's, as functions are: no operation makes or deletes one, so a reset leaves them as they are.
#[test]
fn a_reset_leaves_the_templates_roles() {
    let place = Place::new(TEMPLATE);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    gateway.send("POST", "/_drydock/reset?to=empty", &[], b"").ok();
    let device = gateway.device("cam-1", &assume("*"));
    for (alias, role) in [("cameras", "devices"), ("locks", "nobody")] {
        let body = json!({ "roleArn": format!("arn:aws:iam::123456789012:role/{role}") });
        gateway.iot("POST", &format!("/role-aliases/{alias}"), &body);
    }
    ask(&gateway, &device, "cameras", None).ok();
    ask(&gateway, &device, "locks", None).refused(400, "InvalidRequestException", "Unable to assume the role");
}

#[test]
fn a_device_that_says_which_thing_it_is_has_to_be_attached_to_it() {
    let place = Place::new(TEMPLATE);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.device("cam-1", &assume("${iot:Connection.Thing.ThingName}"));
    for thing in ["cameras", "doors"] {
        gateway.iot("POST", &format!("/things/{thing}"), &json!({}));
    }
    let denied = |thing: Option<&str>, text: &str| {
        ask(&gateway, &device, "cameras", thing).refused(403, "AccessDeniedException", text);
    };
    denied(Some("cameras"), "Invalid thing name passed");
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/cameras/principals", &principal, &Value::Null).ok();
    ask(&gateway, &device, "cameras", Some("cameras")).ok();
    denied(Some("doors"), "Invalid thing name passed");
    denied(Some("nothing"), "Invalid thing name passed");
    // The variable has a value only where the device names a thing.
    denied(None, "Access Denied");
}
