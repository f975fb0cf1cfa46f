//! Dynamic thing groups: they follow their query as the fleet changes and over a kill, are told of, and continuous jobs follow them.

use drydock_tests::gateway::{Gateway, Place, SMALL, wait_for};
use serde_json::{Value, json};

const CALM: [&str; 2] = ["--ephemeral", "--no-functions"];
const DURABLE: [&str; 3] = ["--data-dir", "state", "--no-functions"];

fn index(gateway: &Gateway<'_>) {
    let config = json!({ "thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS" });
    gateway.iot("POST", "/indexing/config", &json!({ "thingIndexingConfiguration": config }));
}

fn room(gateway: &Gateway<'_>, name: &str, temperature: &str) {
    let body = json!({ "attributePayload": { "attributes": { "temperature": temperature } } });
    gateway.iot("POST", &format!("/things/{name}"), &body);
}

fn set(gateway: &Gateway<'_>, name: &str, temperature: &str) {
    let body = json!({ "attributePayload": { "attributes": { "temperature": temperature } } });
    gateway.iot("PATCH", &format!("/things/{name}"), &body);
}

fn members(gateway: &Gateway<'_>, group: &str) -> Vec<String> {
    let listed = gateway.iot("GET", &format!("/thing-groups/{group}/things"), &Value::Null);
    let mut names: Vec<String> =
        listed["things"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn has(gateway: &Gateway<'_>, group: &str, names: &[&str]) {
    wait_for(&format!("{group} to have {names:?}"), || (members(gateway, group) == names).then_some(()));
}

fn is_active(gateway: &Gateway<'_>, group: &str) {
    wait_for("an active group", || {
        (gateway.iot("GET", &format!("/thing-groups/{group}"), &Value::Null)["status"] == "ACTIVE").then_some(())
    });
}

#[test]
fn a_group_has_what_its_query_finds_and_is_told_of() {
    let place = Place::new(SMALL);
    let gateway = place.up(&DURABLE);
    let warm = json!({ "queryString": "attributes.temperature>60" });
    let off = gateway.call("iot", "POST", "/dynamic-thing-groups/warm", &[], &warm);
    off.refused(400, "InvalidRequestException", "fleet indexing is off");
    index(&gateway);
    let on = json!({ "eventConfigurations": { "THING_GROUP_MEMBERSHIP": { "Enabled": true } } });
    gateway.iot("PATCH", "/event-configurations", &on);
    let mut observer = gateway.observer(&["$aws/events/thingGroupMembership/#"]);
    room(&gateway, "cellar", "12");
    room(&gateway, "kitchen", "64");
    let made = gateway.iot("POST", "/dynamic-thing-groups/warm", &warm);
    assert_eq!((&made["indexName"], &made["queryVersion"]), (&json!("AWS_Things"), &json!("2017-09-30")));
    has(&gateway, "warm", &["kitchen"]);
    is_active(&gateway, "warm");
    let told = observer.receive("$aws/events/thingGroupMembership/thingGroup/warm/thing/kitchen/added").json();
    assert_eq!(told["operation"], "ADDED");
    set(&gateway, "cellar", "61");
    has(&gateway, "warm", &["cellar", "kitchen"]);
    set(&gateway, "kitchen", "20");
    has(&gateway, "warm", &["cellar"]);
    observer.receive("$aws/events/thingGroupMembership/thingGroup/warm/thing/kitchen/removed");
    room(&gateway, "attic", "90");
    has(&gateway, "warm", &["attic", "cellar"]);

    // By another query.
    let update = json!({
        "queryString": "attributes.temperature>65",
        "thingGroupProperties": { "thingGroupDescription": "Warmer than 65" },
    });
    assert_eq!(gateway.iot("PATCH", "/dynamic-thing-groups/warm", &update)["version"], 2);
    has(&gateway, "warm", &["attic"]);
    is_active(&gateway, "warm");
    gateway.kill();
    let gateway = place.up(&DURABLE);
    assert_eq!(members(&gateway, "warm"), ["attic"]);
    let described = gateway.iot("GET", "/thing-groups/warm", &Value::Null);
    assert_eq!(described["queryString"], "attributes.temperature>65");
    set(&gateway, "cellar", "66");
    has(&gateway, "warm", &["attic", "cellar"]);
    gateway.iot("DELETE", "/things/attic", &Value::Null);
    has(&gateway, "warm", &["cellar"]);

    // A group whose query finds what is not in it has an end, and sees static groups.
    let not = json!({ "queryString": "NOT thingGroupNames:other AND NOT thingGroupNames:static" });
    gateway.iot("POST", "/dynamic-thing-groups/other", &not);
    has(&gateway, "other", &["cellar", "kitchen"]);
    gateway.iot("POST", "/thing-groups/static", &json!({}));
    let member = json!({ "thingName": "kitchen", "thingGroupName": "static" });
    gateway.iot("PUT", "/thing-groups/addThingToThingGroup", &member);
    has(&gateway, "other", &["cellar"]);
    gateway.iot("DELETE", "/dynamic-thing-groups/other", &Value::Null);
    gateway.iot_answer("GET", "/thing-groups/other").refused(404, "ResourceNotFoundException", "other");
    gateway.stop();
}

#[test]
fn what_dynamic_groups_cannot_have_is_refused() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    index(&gateway);
    room(&gateway, "cellar", "70");
    gateway.iot("POST", "/dynamic-thing-groups/warm", &json!({ "queryString": "attributes.temperature>60" }));
    gateway.iot("POST", "/dynamic-thing-groups/gone", &json!({ "queryString": "connectivity.connected:false" }));
    gateway.iot("POST", "/thing-groups/static", &json!({}));
    let refused = |method: &str, path: &str, body: Value, status: u16, code: &str, part: &str| {
        gateway.call("iot", method, path, &[], &body).refused(status, code, part);
    };
    let invalid = "InvalidRequestException";
    let member = json!({ "thingName": "cellar", "thingGroupName": "warm" });
    refused("PUT", "/thing-groups/addThingToThingGroup", member.clone(), 400, invalid, "dynamic");
    refused("PUT", "/thing-groups/removeThingFromThingGroup", member, 400, invalid, "dynamic");
    refused("POST", "/thing-groups/child", json!({ "parentGroupName": "warm" }), 400, invalid, "child groups");
    refused(
        "PATCH",
        "/thing-groups/warm",
        json!({ "thingGroupProperties": {} }),
        400,
        invalid,
        "UpdateDynamicThingGroup",
    );
    refused("DELETE", "/thing-groups/warm", Value::Null, 400, invalid, "DeleteDynamicThingGroup");
    refused("DELETE", "/dynamic-thing-groups/static", Value::Null, 400, invalid, "static");
    let other = json!({ "queryString": "a" });
    refused("POST", "/dynamic-thing-groups/warm", other.clone(), 409, "ResourceAlreadyExistsException", "different");
    refused("POST", "/dynamic-thing-groups/static", other, 409, "ResourceAlreadyExistsException", "different");
    refused(
        "POST",
        "/dynamic-thing-groups/x",
        json!({ "queryString": "a b c d e f" }),
        400,
        "InvalidQueryException",
        "5 terms",
    );
    refused(
        "POST",
        "/dynamic-thing-groups/x",
        json!({ "queryString": "a AND" }),
        400,
        "InvalidQueryException",
        "character 6",
    );
    let violated = json!({ "queryString": "deviceDefender.violationCount>0" });
    refused("POST", "/dynamic-thing-groups/x", violated, 400, "InvalidQueryException", "not indexed");
    let target = json!({ "target": "arn:aws:iot:us-east-1:123456789012:thinggroup/warm" });
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "iot:*", "Resource": "*" }] });
    gateway.iot("POST", "/policies/all", &json!({ "policyDocument": document.to_string() }));
    refused("PUT", "/target-policies/all", target, 400, invalid, "cannot have policies");
    // What a group uses of the configuration stays.
    let without = json!({ "thingIndexingConfiguration": { "thingIndexingMode": "REGISTRY_AND_SHADOW" } });
    refused("POST", "/indexing/config", without.clone(), 400, invalid, "the dynamic thing group `gone`");
    gateway.iot("DELETE", "/dynamic-thing-groups/gone", &Value::Null);
    gateway.iot("POST", "/indexing/config", &without);
    let off = json!({ "thingIndexingConfiguration": { "thingIndexingMode": "OFF" } });
    refused("POST", "/indexing/config", off, 400, invalid, "the dynamic thing group `warm`");
    gateway.stop();
}

#[test]
fn a_thing_is_in_ten_groups_and_a_continuous_job_follows() {
    let place = Place::new(SMALL);
    let gateway = place.up(&CALM);
    index(&gateway);
    room(&gateway, "cellar", "70");
    let add = |group: &str, over: bool| {
        let member = json!({ "thingName": "cellar", "thingGroupName": group, "overrideDynamicGroups": over });
        gateway.call("iot", "PUT", "/thing-groups/addThingToThingGroup", &[], &member)
    };
    for group in 1..=8 {
        gateway.iot("POST", &format!("/thing-groups/s{group}"), &json!({}));
        add(&format!("s{group}"), false).ok();
    }
    for group in ["first", "second"] {
        gateway.iot(
            "POST",
            &format!("/dynamic-thing-groups/{group}"),
            &json!({ "queryString": "attributes.temperature>60" }),
        );
        has(&gateway, group, &["cellar"]);
    }
    // There is no room for a third one, nor for a static group: but for one that may push the newest out.
    gateway.iot("POST", "/dynamic-thing-groups/third", &json!({ "queryString": "attributes.temperature>60" }));
    is_active(&gateway, "third");
    assert_eq!(members(&gateway, "third"), Vec::<String>::new());
    gateway.iot("POST", "/thing-groups/s9", &json!({}));
    add("s9", false).refused(400, "InvalidRequestException", "at most 10");
    add("s9", true).ok();
    has(&gateway, "second", &[]);
    assert_eq!(members(&gateway, "first"), ["cellar"]);
    let away = json!({ "thingName": "cellar", "thingGroupName": "s9" });
    gateway.iot("PUT", "/thing-groups/removeThingFromThingGroup", &away);
    has(&gateway, "second", &["cellar"]);

    let job = json!({
        "targets": ["arn:aws:iot:us-east-1:123456789012:thinggroup/first"],
        "document": "{}",
        "targetSelection": "CONTINUOUS",
    });
    gateway.iot("PUT", "/jobs/cool", &job);
    let queued = |names: &[&str]| {
        wait_for(&format!("executions on {names:?}"), || {
            let listed = gateway.iot("GET", "/jobs/cool/things?status=QUEUED", &Value::Null);
            let arns = listed["executionSummaries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["thingArn"].as_str().unwrap().to_owned());
            let mut found: Vec<String> = arns.map(|arn| arn.rsplit('/').next().unwrap().to_owned()).collect();
            found.sort();
            (found == names).then_some(())
        });
    };
    queued(&["cellar"]);
    room(&gateway, "attic", "80");
    queued(&["attic", "cellar"]);
    gateway.stop();
}
