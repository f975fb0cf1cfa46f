//! The registry over the API: what it tells on `$aws/events/…` ("Registry events"), and tags on all that can have them ("Tagging
//! your AWS IoT resources").

use drydock_tests::gateway::{Gateway, Place, SMALL};
use drydock_tests::mqtt::Mqtt;
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const TYPES: [&str; 6] =
    ["THING", "THING_TYPE", "THING_TYPE_ASSOCIATION", "THING_GROUP", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY"];

fn switch(gateway: &Gateway<'_>, types: &[&str], on: bool) {
    let all: serde_json::Map<String, Value> =
        types.iter().map(|of| ((*of).to_owned(), json!({ "Enabled": on }))).collect();
    gateway.iot("PATCH", "/event-configurations", &json!({ "eventConfigurations": all }));
}

/// The next event, which has to be on this topic and, but for its id and time, to be exactly this.
fn expect(observer: &mut Mqtt, topic: &str, expected: Value) {
    let message = observer.receive("$aws/events/");
    assert_eq!(message.topic, format!("$aws/events/{topic}"));
    let mut found = message.json();
    let members = found.as_object_mut().expect("an object");
    let id = members.remove("eventId").expect("an id");
    assert!(id.as_str().is_some_and(|id| id.len() == 36), "{id}");
    assert!(members.remove("timestamp").expect("a time").as_i64() > Some(1_700_000_000_000));
    assert_eq!(found, expected, "{topic}");
}

#[test]
fn each_event_is_told_as_the_guide_has_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let mut observer = gateway.observer(&[
        "$aws/events/thing/#",
        "$aws/events/thingType/#",
        "$aws/events/thingTypeAssociation/#",
        "$aws/events/thingGroup/#",
        "$aws/events/thingGroupMembership/#",
        "$aws/events/thingGroupHierarchy/#",
    ]);
    gateway.iot("POST", "/things/silent", &json!({}));
    switch(&gateway, &TYPES, true);

    let properties = json!({
        "thingTypeDescription": "a dock",
        "searchableAttributes": ["room"],
        "mqtt5Configuration": { "propagatingAttributes": [
            { "userPropertyKey": "room", "thingAttribute": "room" },
            { "userPropertyKey": "who", "connectionAttribute": "iot:ClientId" },
        ] },
    });
    let made = gateway.iot("POST", "/thing-types/dock", &json!({ "thingTypeProperties": properties }));
    let thing_type = |operation: &str, deprecated: Value| {
        json!({
            "eventType": "THING_TYPE_EVENT", "operation": operation, "accountId": ACCOUNT,
            "thingTypeId": made["thingTypeId"], "thingTypeName": "dock", "isDeprecated": !deprecated.is_null(),
            "deprecationDate": deprecated, "searchableAttributes": ["room"], "description": "a dock",
            "propagatingAttributes": [
                { "userPropertyKey": "room", "thingAttribute": "room" },
                { "userPropertyKey": "who", "connectionAttribute": "iot:ClientId" },
            ],
        })
    };
    expect(&mut observer, "thingType/dock/created", thing_type("CREATED", Value::Null));

    let thing = json!({ "thingTypeName": "dock", "attributePayload": { "attributes": { "room": "7" } } });
    let id = gateway.iot("POST", "/things/dock-1", &thing)["thingId"].clone();
    let thing = |operation: &str, version: i64, of: Value, room: &str| {
        json!({
            "eventType": "THING_EVENT", "operation": operation, "accountId": ACCOUNT, "thingId": id,
            "thingName": "dock-1", "versionNumber": version, "thingTypeName": of, "attributes": { "room": room },
        })
    };
    let association = |operation: &str| {
        json!({
            "eventType": "THING_TYPE_ASSOCIATION_EVENT", "operation": operation, "thingId": id,
            "thingName": "dock-1", "thingTypeName": "dock",
        })
    };
    expect(&mut observer, "thing/dock-1/created", thing("CREATED", 1, json!("dock"), "7"));
    let tied = "thingTypeAssociation/thing/dock-1/thingType/dock";
    expect(&mut observer, &format!("{tied}/added"), association("ADDED"));
    let update = json!({ "removeThingType": true, "attributePayload": { "attributes": { "room": "8" } } });
    gateway.iot("PATCH", "/things/dock-1", &update);
    expect(&mut observer, "thing/dock-1/updated", thing("UPDATED", 2, Value::Null, "8"));
    expect(&mut observer, &format!("{tied}/removed"), association("REMOVED"));

    gateway.iot("POST", "/thing-types/dock/deprecate", &json!({}));
    let seen = gateway.iot("GET", "/thing-types/dock", &Value::Null);
    let since = seen["thingTypeMetadata"]["deprecationDate"].as_f64().expect("a date");
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds are whole numbers")]
    let since = json!((since * 1000.0).round() as i64);
    expect(&mut observer, "thingType/dock/updated", thing_type("UPDATED", since));

    groups(&gateway, &mut observer, &id);

    gateway.iot("DELETE", "/things/dock-1", &Value::Null);
    expect(&mut observer, "thing/dock-1/deleted", thing("DELETED", 2, Value::Null, "8"));

    // What is switched off again is silent.
    switch(&gateway, &["THING"], false);
    gateway.iot("POST", "/things/dock-2", &json!({}));
    gateway.iot("POST", "/thing-groups/last", &json!({}));
    assert_eq!(observer.receive("$aws/events/").topic, "$aws/events/thingGroup/last/created");
    let settings = gateway.iot("GET", "/event-configurations", &Value::Null)["eventConfigurations"].clone();
    assert_eq!((&settings["THING"], &settings["THING_GROUP"]), (&json!({"Enabled": false}), &json!({"Enabled": true})));
}

fn groups(gateway: &Gateway<'_>, observer: &mut Mqtt, thing_id: &Value) {
    let arn = |resource: &str| format!("arn:aws:iot:us-east-1:{ACCOUNT}:{resource}");
    let root = gateway.iot("POST", "/thing-groups/harbour", &json!({}))["thingGroupId"].clone();
    let group = json!({
        "eventType": "THING_GROUP_EVENT", "operation": "CREATED", "accountId": ACCOUNT, "thingGroupId": root,
        "thingGroupName": "harbour", "versionNumber": 1, "parentGroupName": null, "parentGroupId": null,
        "description": null, "rootToParentThingGroups": [], "attributes": {}, "dynamicGroupMappingId": null,
    });
    expect(observer, "thingGroup/harbour/created", group);
    let body = json!({
        "parentGroupName": "harbour",
        "thingGroupProperties": { "thingGroupDescription": "a pier", "attributePayload": { "attributes": { "a": "1" } } },
    });
    let pier = gateway.iot("POST", "/thing-groups/pier", &body)["thingGroupId"].clone();
    let group = |operation: &str, version: i64, a: &str| {
        json!({
            "eventType": "THING_GROUP_EVENT", "operation": operation, "accountId": ACCOUNT, "thingGroupId": pier,
            "thingGroupName": "pier", "versionNumber": version, "parentGroupName": "harbour", "parentGroupId": root,
            "description": "a pier", "attributes": { "a": a }, "dynamicGroupMappingId": null,
            "rootToParentThingGroups": [{ "groupArn": arn("thinggroup/harbour"), "groupId": root }],
        })
    };
    let hierarchy = |operation: &str| {
        json!({
            "eventType": "THING_GROUP_HIERARCHY_EVENT", "operation": operation, "accountId": ACCOUNT,
            "thingGroupId": root, "thingGroupName": "harbour", "childGroupId": pier, "childGroupName": "pier",
        })
    };
    let below = "thingGroupHierarchy/thingGroup/harbour/childThingGroup/pier";
    expect(observer, "thingGroup/pier/created", group("CREATED", 1, "1"));
    expect(observer, &format!("{below}/added"), hierarchy("ADDED"));
    let update = json!({ "thingGroupProperties": { "attributePayload": { "attributes": { "a": "2" } } } });
    gateway.iot("PATCH", "/thing-groups/pier", &update);
    expect(observer, "thingGroup/pier/updated", group("UPDATED", 2, "2"));

    let member = json!({ "thingGroupName": "pier", "thingName": "dock-1" });
    let inside = "thingGroupMembership/thingGroup/pier/thing/dock-1";
    let mut ids = Vec::new();
    for (path, operation) in [("addThingToThingGroup", "ADDED"), ("removeThingFromThingGroup", "REMOVED")] {
        gateway.iot("PUT", &format!("/thing-groups/{path}"), &member);
        let message = observer.receive("$aws/events/");
        assert_eq!(message.topic, format!("$aws/events/{inside}/{}", operation.to_lowercase()));
        let mut body = message.json();
        let members = body.as_object_mut().expect("an object");
        members.remove("eventId").expect("an id");
        members.remove("timestamp").expect("a time");
        ids.push(members.remove("membershipId").expect("an id of the membership"));
        let expected = json!({
            "eventType": "THING_GROUP_MEMBERSHIP_EVENT", "operation": operation, "accountId": ACCOUNT,
            "groupArn": arn("thinggroup/pier"), "groupId": pier, "thingArn": arn("thing/dock-1"), "thingId": thing_id,
        });
        assert_eq!(body, expected);
    }
    assert_eq!(ids.first(), ids.last(), "it is the membership that ended");
    gateway.iot("DELETE", "/thing-groups/pier", &Value::Null);
    expect(observer, &format!("{below}/removed"), hierarchy("REMOVED"));
    expect(observer, "thingGroup/pier/deleted", group("DELETED", 2, "2"));
}

/// "Adding propagating attributes for message enrichment": messages of a type's things carry the attributes that it names.
#[test]
fn messages_carry_what_the_type_of_their_thing_propagates() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let propagating = |attributes: Value| json!({ "thingTypeProperties": { "mqtt5Configuration": { "propagatingAttributes": attributes } } });
    gateway.iot("POST", "/thing-types/dock", &json!({}));
    let thing = json!({ "thingTypeName": "dock", "attributePayload": { "attributes": { "room": "7" } } });
    gateway.iot("POST", "/things/dock-1", &thing);
    let device = gateway.free_device("dock-1");
    let principal = [("x-amzn-principal", device.arn.as_str())];
    gateway.call("iot", "PUT", "/things/dock-1/principals", &principal, &Value::Null).ok();
    let rule = json!({
        "sql": "SELECT get_user_properties('room') AS room, get_user_properties('who') AS who, get_user_properties('no') AS no FROM 'dt/+'",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{ "republish": { "topic": "out/${topic(2)}", "roleArn": "arn:aws:iam::123456789012:role/rules" } }],
    });
    gateway.iot("POST", "/rules/enriched", &rule);
    let mut observer = gateway.observer(&["out/+"]);
    let mut connection = gateway.connect(&device);
    connection.publish("dt/plain", "{}").expect("a free device");
    assert_eq!(observer.receive("out/plain").json(), json!({}));

    // The connection stays: the change reaches it.
    let attributes = json!([
        { "userPropertyKey": "room", "thingAttribute": "room" },
        { "userPropertyKey": "who", "connectionAttribute": "iot:ClientId" },
        { "userPropertyKey": "no", "thingAttribute": "floor" },
    ]);
    gateway.iot("PATCH", "/thing-types/dock", &propagating(attributes));
    connection.publish("dt/rich", "{}").expect("a free device");
    assert_eq!(observer.receive("out/rich").json(), json!({ "room": ["7"], "who": ["dock-1"] }));
}

#[test]
fn tags_are_on_what_was_made_with_them_and_go_with_it() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let tags = json!([{ "Key": "team", "Value": "north" }]);
    let document = json!({ "Version": "2012-10-17", "Statement": [] }).to_string();
    let rule = json!({ "sql": "SELECT * FROM 'a'", "actions": [] });
    let authorizer = json!({
        "authorizerFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f", "signingDisabled": true, "tags": tags,
    });
    let alias = json!({ "roleArn": "arn:aws:iam::123456789012:role/devices", "tags": tags });
    let made = [
        ("thingtype/t", "/thing-types/t", json!({ "tags": tags })),
        ("thinggroup/g", "/thing-groups/g", json!({ "tags": tags })),
        ("billinggroup/b", "/billing-groups/b", json!({ "tags": tags })),
        ("policy/p", "/policies/p", json!({ "policyDocument": document, "tags": tags })),
        ("authorizer/a", "/authorizer/a", authorizer),
        ("rolealias/ra", "/role-aliases/ra", alias),
        ("rule/r", "/rules/r", rule),
    ];
    let arn = |resource: &str| format!("arn:aws:iot:us-east-1:{ACCOUNT}:{resource}");
    let encoded = |resource: &str| arn(resource).replace('/', "%2F").replace(':', "%3A");
    let tags_of = |resource: &str| {
        let answer = gateway.call("iot", "GET", &format!("/tags?resourceArn={}", encoded(resource)), &[], &Value::Null);
        let tags = answer.ok()["tags"].clone();
        let tags = tags.as_array().expect("a list").iter().map(|tag| format!("{}={}", tag["Key"], tag["Value"]));
        tags.collect::<Vec<_>>().join(" ").replace('"', "")
    };
    for (resource, path, body) in &made {
        gateway.call("iot", "POST", path, &[("x-amz-tagging", "team=north")], body).ok();
        assert_eq!(tags_of(resource), "team=north", "{resource}");
        let more = json!({ "resourceArn": arn(resource), "tags": [{ "Key": "stage", "Value": "test" }] });
        gateway.iot("POST", "/tags", &more);
        gateway.iot("POST", "/untag", &json!({ "resourceArn": arn(resource), "tagKeys": ["team"] }));
        assert_eq!(tags_of(resource), "stage=test", "{resource}");
        if !resource.starts_with("thingtype") {
            gateway.call("iot", "DELETE", path, &[], &Value::Null).ok();
            gateway.call("iot", "POST", path, &[], &without_tags(body)).ok();
            assert_eq!(tags_of(resource), "", "{resource}: the new one has none of the old one's");
        }
    }
    let many: Vec<_> = (0..51).map(|n| json!({ "Key": format!("k{n}") })).collect();
    let put = |resource: &str, tags: &[Value]| {
        gateway.call("iot", "POST", "/tags", &[], &json!({ "resourceArn": arn(resource), "tags": tags }))
    };
    put("policy/p", &many).refused(400, "InvalidRequestException", "51 tags are too many");
    put("policy/p", &many[..50]).ok();
    put("policy/p", &many[50..]).refused(410, "LimitExceededException", "at most 50");
    put("policy/p", &[json!({ "Key": "aws:x" })]).refused(400, "InvalidRequestException", "AWS's own");
    put("policy/none", &many[..1]).refused(404, "ResourceNotFoundException", "policy/none");
    put("thing/t", &many[..1]).refused(400, "InvalidRequestException", "not of a kind that can be tagged");
    let reserved = json!({ "tags": [{ "Key": "aws:x" }] });
    gateway.call("iot", "POST", "/thing-groups/h", &[], &reserved).refused(400, "InvalidRequestException", "AWS's own");
    let missing = gateway.call("iot", "GET", "/thing-groups/h", &[], &Value::Null);
    missing.refused(404, "ResourceNotFoundException", "h");
}

fn without_tags(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("tags");
    }
    body
}
