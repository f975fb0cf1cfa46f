//! Templates that look values up where they come up.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use serde_json::{Value, json};

const LOOKED_UP: &str = "\
Resources:
  Site:
    Type: AWS::SSM::Parameter
    Properties: {Name: /fleet/site, Type: String, Value: north}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: broker/login, SecretString: '{\"user\":\"of-the-template\"}'}
  Pump:
    Type: AWS::IoT::Thing
    Properties:
      ThingName: pump-1
      AttributePayload:
        Attributes:
          site: '{{resolve:ssm:/fleet/site}}'
          user: !Sub '{{resolve:secretsmanager:${Login}:SecretString:user}}'
          key: '{{resolve:secretsmanager:fleet/key:SecretString:id}}'
";

fn secrets(gateway: &Gateway<'_>, operation: &str, body: &Value) -> Value {
    let target = format!("secretsmanager.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
    gateway.call("secretsmanager", "POST", "/", &headers, body).ok()
}

#[test]
fn values_of_secrets_and_parameters_come_in_where_the_template_comes_up() {
    let place = Place::new(SMALL);
    let options = ["--data-dir", "state", "--no-functions"];
    let gateway = place.up(&options);
    secrets(&gateway, "CreateSecret", &json!({ "Name": "other", "SecretString": "x" }));
    gateway.kill();
    std::fs::write(place.path().join("template.yaml"), LOOKED_UP).unwrap();

    // What is not there is told with its place and what to do, and left out where that is asked for.
    let told = place.up_fails(&options);
    for text in ["template.yaml:16:", "{{resolve:secretsmanager:fleet/key:SecretString:id}}", "create-secret"] {
        assert!(told.contains(text), "{text}: {told}");
    }
    let lenient = [&options[..], &["--lenient"]].concat();
    let gateway = place.up(&lenient);
    assert_eq!(gateway.iot("GET", "/things", &Value::Null)["things"], json!([]));
    place.told("Pump (AWS::IoT::Thing)");
    secrets(&gateway, "CreateSecret", &json!({ "Name": "fleet/key", "SecretString": "{\"id\":\"k-1\"}" }));
    gateway.kill();

    let gateway = place.up(&options);
    let wanted = json!({ "site": "north", "user": "of-the-template", "key": "k-1" });
    assert_eq!(gateway.iot("GET", "/things/pump-1", &Value::Null)["attributes"], wanted);
    let login = secrets(&gateway, "GetSecretValue", &json!({ "SecretId": "broker/login" }));
    assert_eq!(login["SecretString"], "{\"user\":\"of-the-template\"}");
    // What was put there since stays, until the template says another one.
    secrets(&gateway, "PutSecretValue", &json!({ "SecretId": "broker/login", "SecretString": "mine" }));
    gateway.kill();
    let gateway = place.up(&options);
    let login = |gateway: &Gateway<'_>| {
        secrets(gateway, "GetSecretValue", &json!({ "SecretId": "broker/login" }))["SecretString"].clone()
    };
    assert_eq!(login(&gateway), "mine");
    // A reset goes back to the template, and deletes what was made by hand.
    assert_eq!(gateway.send("POST", "/_drydock/reset", &[], b"").ok()["status"], "template");
    assert_eq!(login(&gateway), "{\"user\":\"of-the-template\"}");
    assert_eq!(gateway.iot("GET", "/things/pump-1", &Value::Null)["attributes"], wanted);
}
