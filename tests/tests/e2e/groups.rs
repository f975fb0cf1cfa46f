//! Policies of thing groups, down the hierarchy to the devices ("Thing group policies": a group's policies apply to the things
//! in it and in its descendants, through the certificates that are attached to them).

use drydock_tests::gateway::{Place, SMALL};
use serde_json::{Value, json};

#[test]
fn a_device_may_do_what_a_group_above_it_may_do_for_as_long_as_it_is_in_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let device = gateway.device("pump-1", &json!([{ "Effect": "Allow", "Action": "iot:Connect", "Resource": "*" }]));
    gateway.iot("POST", "/things/pump-1", &json!({}));
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/pump-1/principals", &principal, &Value::Null).ok();

    let harbour = gateway.iot("POST", "/thing-groups/harbour", &json!({}))["thingGroupArn"].clone();
    gateway.iot("POST", "/thing-groups/pier", &json!({ "parentGroupName": "harbour" }));
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": "iot:Publish", "Resource": "*" }],
    });
    gateway.iot("POST", "/policies/talk", &json!({ "policyDocument": document.to_string() }));
    gateway.iot("PUT", "/target-policies/talk", &json!({ "target": harbour }));

    let mut outside = gateway.connect(&device);
    outside.publish("dt/pump-1", "1").expect_err("the device is in no group yet");

    let membership = json!({ "thingGroupName": "pier", "thingName": "pump-1" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &membership);
    let mut inside = gateway.connect(&device);
    inside.publish("dt/pump-1", "2").expect("the policy comes down from `harbour`");

    gateway.iot("PUT", "/thing-groups/removeThingFromThingGroup", &membership);
    inside.publish("dt/pump-1", "3").expect_err("the same connection, out of the group");
}

#[test]
fn a_group_that_is_not_there_takes_no_policy() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let document = json!({ "Version": "2012-10-17", "Statement": [] });
    gateway.iot("POST", "/policies/talk", &json!({ "policyDocument": document.to_string() }));
    let nobody = json!({ "target": "arn:aws:iot:us-east-1:123456789012:thinggroup/nobody" });
    gateway.call("iot", "PUT", "/target-policies/talk", &[], &nobody).refused(404, "ResourceNotFoundException", "");
}
