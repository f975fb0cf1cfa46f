//! "TestAuthorization" and "GetEffectivePolicies" of the API reference, held against what the broker does.

use drydock_tests::gateway::{Gateway, Place, SMALL};
use serde_json::{Value, json};

const TOPIC: &str = "arn:aws:iot:us-east-1:123456789012:topic/";

fn policy(gateway: &Gateway<'_>, name: &str, statements: &Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    gateway.iot("POST", &format!("/policies/{name}"), &json!({ "policyDocument": document }));
}

fn attach(gateway: &Gateway<'_>, name: &str, target: &str) {
    gateway.iot("PUT", &format!("/target-policies/{name}"), &json!({ "target": target }));
}

fn names(policies: &Value) -> Vec<&str> {
    policies.as_array().unwrap().iter().map(|p| p["policyName"].as_str().unwrap()).collect()
}

#[test]
fn what_is_simulated_is_what_happens() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let own = format!("{TOPIC}${{iot:Connection.Thing.ThingName}}/*");
    let device = gateway.device("dock-1", &json!([{ "Effect": "Allow", "Action": ["iot:Connect"], "Resource": "*" }]));
    gateway.iot("POST", "/things/dock-1", &json!({}));
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/dock-1/principals", &principal, &Value::Null).ok();
    let harbour = gateway.iot("POST", "/thing-groups/harbour", &json!({}))["thingGroupArn"].clone();
    let harbour = harbour.as_str().unwrap();
    gateway.iot("POST", "/thing-groups/pier", &json!({ "parentGroupName": "harbour" }));
    gateway.iot(
        "PUT",
        "/thing-groups/addThingToThingGroup",
        &json!({ "thingGroupName": "pier", "thingName": "dock-1" }),
    );
    policy(
        &gateway,
        "talk",
        &json!([
            { "Effect": "Allow", "Action": "iot:Publish", "Resource": own },
            { "Effect": "Deny", "Action": "iot:Publish", "Resource": format!("{TOPIC}*/secret") },
        ]),
    );
    attach(&gateway, "talk", harbour);
    policy(
        &gateway,
        "more",
        &json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("{TOPIC}more") }]),
    );

    let test = |query: &str, body: Value| {
        gateway.iot("POST", &format!("/test-authorization{query}"), &body)["authResults"].clone()
    };
    let publish = |topics: &[&str]| {
        let info = |topic: &&str| json!({ "actionType": "PUBLISH", "resources": [format!("{TOPIC}{topic}")] });
        json!(topics.iter().map(info).collect::<Vec<_>>())
    };
    let topics = ["dock-1/state", "dock-1/secret", "dock-2/state", "more"];
    let results = test("?clientId=dock-1", json!({ "principal": device.arn, "authInfos": publish(&topics) }));
    let decisions: Vec<_> = results.as_array().unwrap().iter().map(|r| r["authDecision"].as_str().unwrap()).collect();
    assert_eq!(decisions, ["ALLOWED", "EXPLICIT_DENY", "IMPLICIT_DENY", "IMPLICIT_DENY"]);
    assert_eq!(names(&results[0]["allowed"]["policies"]), ["talk"]);
    assert_eq!(names(&results[1]["denied"]["explicitDeny"]["policies"]), ["talk"]);
    assert_eq!(results[0]["missingContextValues"], json!([]));
    for (topic, decision) in topics.iter().zip(&decisions) {
        let published = gateway.connect(&device).publish(topic, "1");
        assert_eq!(published.is_ok(), *decision == "ALLOWED", "{topic}: {decision}, and {published:?}");
    }

    // Without the client id no thing is attributed: no group's policy applies, unless it is added by name.
    let plain = test("", json!({ "principal": device.arn, "authInfos": publish(&["dock-1/state"]) }));
    assert_eq!(plain[0]["authDecision"], "IMPLICIT_DENY");
    let added = test(
        "",
        json!({
            "principal": device.arn, "authInfos": publish(&["dock-1/state", "more"]), "policyNamesToAdd": ["talk", "more"],
        }),
    );
    assert_eq!(added[0]["missingContextValues"], json!(["iot:Connection.Thing.ThingName"]), "{added}");
    assert_eq!(added[1]["authDecision"], "ALLOWED");
    let skipped = test(
        "?clientId=dock-1",
        json!({
            "principal": device.arn, "authInfos": publish(&["dock-1/state"]), "policyNamesToSkip": ["talk"],
        }),
    );
    assert_eq!(skipped[0]["authDecision"], "IMPLICIT_DENY");
    let group = test("", json!({ "principal": harbour, "authInfos": publish(&["a/secret"]) }));
    assert_eq!(group[0]["authDecision"], "EXPLICIT_DENY");

    let effective = |query: &str, body: Value| {
        let answer = gateway.iot("POST", &format!("/effective-policies{query}"), &body);
        answer["effectivePolicies"].clone()
    };
    let all = effective("?thingName=dock-1", json!({ "principal": device.arn }));
    assert_eq!(names(&all), ["dock-1", "talk"]);
    assert!(all[1]["policyDocument"].as_str().unwrap().contains("secret") && all[1]["policyArn"].is_string(), "{all}");
    assert_eq!(names(&effective("", json!({ "principal": device.arn }))), ["dock-1"]);
    let pier = "arn:aws:iot:us-east-1:123456789012:thinggroup/pier";
    assert_eq!(names(&effective("", json!({ "principal": pier }))), ["talk"], "a group inherits from those above it");
}

#[test]
fn groups_and_identities_have_policies_like_certificates() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let identity = "us-east-1:6f3e1b1a-0b3f-4ce0-9b8e-1a2b3c4d5e6f";
    policy(&gateway, "talk", &json!([{ "Effect": "Allow", "Action": "iot:Publish", "Resource": format!("{TOPIC}a") }]));
    attach(&gateway, "talk", identity);
    let harbour = gateway.iot("POST", "/thing-groups/harbour", &json!({}))["thingGroupArn"].clone();
    attach(&gateway, "talk", harbour.as_str().unwrap());
    let targets = gateway.iot("POST", "/policy-targets/talk", &Value::Null);
    assert_eq!(targets["targets"], json!([identity, harbour]));
    let pier =
        gateway.iot("POST", "/thing-groups/pier", &json!({ "parentGroupName": "harbour" }))["thingGroupArn"].clone();
    let attached = |target: &str, recursive: bool| {
        let path =
            format!("/attached-policies/{}?recursive={recursive}", target.replace(':', "%3A").replace('/', "%2F"));
        gateway.iot("POST", &path, &Value::Null)["policies"].clone()
    };
    assert_eq!(attached(pier.as_str().unwrap(), false), json!([]));
    assert_eq!(names(&attached(pier.as_str().unwrap(), true)), ["talk"]);
    assert_eq!(names(&attached(identity, false)), ["talk"]);
    let infos = json!([{ "actionType": "PUBLISH", "resources": [format!("{TOPIC}a")] }]);
    let pool = "us-east-1:11111111-2222-3333-4444-555555555555";
    let body = json!({ "principal": identity, "cognitoIdentityPoolId": pool, "authInfos": infos });
    assert_eq!(gateway.iot("POST", "/test-authorization", &body)["authResults"][0]["authDecision"], "ALLOWED");
    let body = json!({ "cognitoIdentityPoolId": pool, "authInfos": infos });
    assert_eq!(gateway.iot("POST", "/test-authorization", &body)["authResults"][0]["authDecision"], "IMPLICIT_DENY");
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let iot = |path: &str, body: Value| gateway.call("iot", "POST", path, &[], &body);
    let infos = |count: usize| json!(vec![json!({ "actionType": "PUBLISH", "resources": ["*"] }); count]);
    let unknown = format!("arn:aws:iot:us-east-1:123456789012:cert/{}", "a".repeat(64));
    let identity = "us-east-1:6f3e1b1a-0b3f-4ce0-9b8e-1a2b3c4d5e6f";
    let path = "/test-authorization";
    iot(path, json!({ "authInfos": infos(1) })).refused(400, "InvalidRequestException", "principal");
    iot(path, json!({ "principal": identity, "authInfos": infos(11) })).refused(
        400,
        "InvalidRequestException",
        "authInfos",
    );
    iot(path, json!({ "principal": identity })).refused(400, "InvalidRequestException", "authInfos");
    iot(path, json!({ "principal": "me", "authInfos": infos(1) })).refused(400, "InvalidRequestException", "`me`");
    iot(path, json!({ "principal": unknown, "authInfos": infos(1) })).refused(404, "ResourceNotFoundException", "");
    let body = json!({ "principal": identity, "authInfos": infos(1), "policyNamesToAdd": ["none"] });
    iot(path, body).refused(404, "ResourceNotFoundException", "none");
    let path = "/effective-policies";
    iot(path, json!({})).refused(400, "InvalidRequestException", "principal");
    iot(&format!("{path}?thingName=nothing"), json!({})).refused(404, "ResourceNotFoundException", "nothing");
}
