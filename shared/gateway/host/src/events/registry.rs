//! What the registry tells on `$aws/events/…`: things, types and groups that come, change and go, and what belongs to what. Each
//! kind is off until `UpdateEventConfigurations` switches it on.
//!
//! Follows "Registry events" of the AWS IoT Core developer guide.

use drydock_core::event::registry::{GroupRef, GroupState, HierarchyState, MembershipState, ThingState, TypeState};
use drydock_core::event::{Change, Link};
use drydock_core::{Event, Scope, Timestamp};
use serde_json::{Map, Value, json};

/// The topic and the payload of an event of the registry, under an id of its own.
pub(super) fn message(scope: &Scope, id: &str, event: &Event) -> Option<(String, Value)> {
    let head = |event_type: &str, operation: &str, at: &Timestamp| {
        json!({
            "eventType": event_type,
            "eventId": id,
            "timestamp": at.millis(),
            "operation": operation.to_uppercase(),
            "accountId": scope.account,
        })
    };
    let (topic, head, body) = match event {
        Event::ThingChanged { thing, change, at } => {
            let operation = changed(*change);
            (format!("thing/{}/{operation}", thing.name), head("THING_EVENT", operation, at), of_thing(thing))
        }
        Event::ThingTypeChanged { thing_type, change, at } => {
            let operation = changed(*change);
            let topic = format!("thingType/{}/{operation}", thing_type.name);
            (topic, head("THING_TYPE_EVENT", operation, at), of_type(thing_type))
        }
        Event::ThingTypeAssociation { thing, thing_id, thing_type, link, at } => {
            let operation = linked(*link);
            let topic = format!("thingTypeAssociation/thing/{thing}/thingType/{thing_type}/{operation}");
            let body = json!({ "thingId": thing_id, "thingName": thing, "thingTypeName": thing_type });
            let mut head = head("THING_TYPE_ASSOCIATION_EVENT", operation, at);
            // Alone among them, this kind does not name the account.
            head.as_object_mut().and_then(|head| head.remove("accountId"));
            (topic, head, body)
        }
        Event::ThingGroupChanged { group, change, at } => {
            let operation = changed(*change);
            let topic = format!("thingGroup/{}/{operation}", group.group.name);
            (topic, head("THING_GROUP_EVENT", operation, at), of_group(scope, group))
        }
        Event::ThingGroupMembership { membership, link, at } => {
            let operation = linked(*link);
            let MembershipState { group, thing, .. } = membership.as_ref();
            let topic = format!("thingGroupMembership/thingGroup/{}/thing/{thing}/{operation}", group.name);
            (topic, head("THING_GROUP_MEMBERSHIP_EVENT", operation, at), of_membership(scope, membership))
        }
        Event::ThingGroupHierarchy { hierarchy, link, at } => {
            let operation = linked(*link);
            let HierarchyState { parent, child } = hierarchy.as_ref();
            let topic =
                format!("thingGroupHierarchy/thingGroup/{}/childThingGroup/{}/{operation}", parent.name, child.name);
            (topic, head("THING_GROUP_HIERARCHY_EVENT", operation, at), of_hierarchy(hierarchy))
        }
        _ => return None,
    };
    let mut all = Map::new();
    for part in [head, body] {
        if let Value::Object(part) = part {
            all.extend(part);
        }
    }
    Some((format!("$aws/events/{topic}"), Value::Object(all)))
}

fn changed(change: Change) -> &'static str {
    match change {
        Change::Created => "created",
        Change::Updated => "updated",
        Change::Deleted => "deleted",
    }
}

fn linked(link: Link) -> &'static str {
    match link {
        Link::Added => "added",
        Link::Removed => "removed",
    }
}

fn of_thing(thing: &ThingState) -> Value {
    json!({
        "thingId": thing.id,
        "thingName": thing.name,
        "versionNumber": thing.version,
        "thingTypeName": thing.thing_type,
        "attributes": thing.attributes,
    })
}

fn of_type(thing_type: &TypeState) -> Value {
    let propagating = thing_type.propagating.iter().map(|of| {
        let mut one = Map::new();
        one.insert("userPropertyKey".to_owned(), json!(of.key));
        for (name, value) in
            [("thingAttribute", &of.thing_attribute), ("connectionAttribute", &of.connection_attribute)]
        {
            if let Some(value) = value {
                one.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(one)
    });
    json!({
        "thingTypeId": thing_type.id,
        "thingTypeName": thing_type.name,
        "isDeprecated": thing_type.deprecated.is_some(),
        "deprecationDate": thing_type.deprecated.map(Timestamp::millis),
        "searchableAttributes": thing_type.searchable,
        "propagatingAttributes": propagating.collect::<Vec<_>>(),
        "description": thing_type.description,
    })
}

fn of_group(scope: &Scope, group: &GroupState) -> Value {
    let parent = group.above.last();
    let above = group
        .above
        .iter()
        .map(|GroupRef { name, id }| json!({ "groupArn": scope.thing_group(name).as_str(), "groupId": id }));
    json!({
        "thingGroupId": group.group.id,
        "thingGroupName": group.group.name,
        "versionNumber": group.version,
        "parentGroupName": parent.map(|parent| &parent.name),
        "parentGroupId": parent.map(|parent| parent.id),
        "description": group.description,
        "rootToParentThingGroups": above.collect::<Vec<_>>(),
        "attributes": group.attributes,
        // Static groups have none.
        "dynamicGroupMappingId": null,
    })
}

fn of_membership(scope: &Scope, membership: &MembershipState) -> Value {
    json!({
        "groupArn": scope.thing_group(&membership.group.name).as_str(),
        "groupId": membership.group.id,
        "thingArn": scope.thing(&membership.thing).as_str(),
        "thingId": membership.thing_id,
        "membershipId": membership.id,
    })
}

fn of_hierarchy(hierarchy: &HierarchyState) -> Value {
    json!({
        "thingGroupId": hierarchy.parent.id,
        "thingGroupName": hierarchy.parent.name,
        "childGroupId": hierarchy.child.id,
        "childGroupName": hierarchy.child.name,
    })
}
