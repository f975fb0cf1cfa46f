//! What the registry tells of itself. Source: "Registry events" and "Enable events for AWS IoT" of the developer guide.

use crate::support::{Account, NOW, payload, told};
use drydock_model::iot::{
    AddThingToThingGroupRequest, Configuration, CreateThingGroupRequest, DeleteThingGroupRequest, DeleteThingRequest,
    DeprecateThingTypeRequest, DescribeEventConfigurationsRequest, EventType, ThingGroupProperties,
    UpdateEventConfigurationsRequest, UpdateThingGroupRequest, UpdateThingRequest,
};

#[test]
fn things_types_and_what_ties_them() {
    let mut account = Account::new();
    account.create_type("dock");
    account.create_type("pump");
    assert_eq!(told(&mut account), ["type dock Created", "type pump Created"]);
    account.create_typed("t", Some("dock"), &[("room", "7")]).unwrap();
    assert_eq!(told(&mut account), ["t v1 Created", "t as dock Added"]);
    let update = |thing_type: Option<&str>, remove| UpdateThingRequest {
        thing_name: "t".into(),
        thing_type_name: thing_type.map(Into::into),
        remove_thing_type: Some(remove),
        ..UpdateThingRequest::default()
    };
    account.run(|book, _| book.update_thing(&update(Some("dock"), false), NOW)).unwrap();
    assert_eq!(told(&mut account), ["t v2 Updated", "authorization"], "the type is the same");
    account.run(|book, _| book.update_thing(&update(Some("pump"), false), NOW)).unwrap();
    assert_eq!(told(&mut account), ["t v3 Updated", "t as dock Removed", "t as pump Added", "authorization"]);
    account.run(|book, _| book.update_thing(&update(None, true), NOW)).unwrap();
    assert_eq!(told(&mut account), ["t v4 Updated", "t as pump Removed", "authorization"]);
    for undo in [false, false, true] {
        let request = DeprecateThingTypeRequest { thing_type_name: "dock".into(), undo_deprecate: Some(undo) };
        account.run(|book, _| book.deprecate_thing_type(&request, NOW)).unwrap();
    }
    assert_eq!(told(&mut account), ["type dock Updated", "type dock Updated"], "the second changed nothing");
}

#[test]
fn groups_their_tree_and_who_is_in_them() {
    let mut account = Account::new();
    for (name, parent) in [("r", None), ("m", Some("r")), ("c", Some("m"))] {
        let request = CreateThingGroupRequest {
            thing_group_name: name.into(),
            parent_group_name: parent.map(Into::into),
            ..CreateThingGroupRequest::default()
        };
        account.run(|book, ids| book.create_thing_group(&request, NOW, ids)).unwrap();
    }
    assert_eq!(
        told(&mut account),
        [
            "group /r v1 Created",
            "group /r/m v1 Created",
            "m below r Added",
            "group /r/m/c v1 Created",
            "c below m Added"
        ]
    );
    let update = UpdateThingGroupRequest {
        thing_group_name: "c".into(),
        thing_group_properties: ThingGroupProperties {
            attribute_payload: Some(payload(&[("a", "1")], None)),
            thing_group_description: None,
        },
        expected_version: None,
    };
    account.run(|book, _| book.update_thing_group(&update, NOW)).unwrap();
    assert_eq!(told(&mut account), ["group /r/m/c v2 Updated"]);
    for thing in ["t", "u"] {
        account.create(thing, &[]).unwrap();
        let request = AddThingToThingGroupRequest {
            thing_name: Some(thing.into()),
            thing_group_name: Some("c".into()),
            ..AddThingToThingGroupRequest::default()
        };
        account.run(|book, ids| book.add_thing_to_thing_group(&request, NOW, ids)).unwrap();
    }
    told(&mut account);
    let gone = DeleteThingRequest { thing_name: "u".into(), expected_version: None };
    account.run(|book, _| book.delete_thing(&gone, NOW)).unwrap();
    assert_eq!(told(&mut account), ["u in c Removed", "u v1 Deleted", "authorization"]);
    let delete = DeleteThingGroupRequest { thing_group_name: "c".into(), expected_version: None };
    account.run(|book, _| book.delete_thing_group(&delete, NOW)).unwrap();
    assert_eq!(told(&mut account), ["t in c Removed", "authorization", "c below m Removed", "group /r/m/c v2 Deleted"]);
}

#[test]
fn every_kind_is_off_until_it_is_switched_on() {
    let mut account = Account::new();
    let on = |account: &Account| {
        let all = account.book.describe_event_configurations(&DescribeEventConfigurationsRequest {}).reply;
        let all = all.event_configurations.unwrap();
        assert_eq!(all.len(), EventType::VALUES.len());
        let on = all.into_iter().filter(|(_, of)| of.enabled == Some(true)).map(|(name, _)| name);
        on.collect::<Vec<_>>().join(" ")
    };
    let update = |names: &[(&str, Option<bool>)]| UpdateEventConfigurationsRequest {
        event_configurations: Some(
            names.iter().map(|(name, enabled)| ((*name).to_owned(), Configuration { enabled: *enabled })).collect(),
        ),
    };
    assert_eq!(on(&account), "");
    account.run(|book, _| book.update_event_configurations(&update(&[("THING", Some(true))]), NOW)).unwrap();
    let both = update(&[("JOB", Some(true)), ("THING_GROUP", Some(true))]);
    account.run(|book, _| book.update_event_configurations(&both, NOW.plus_millis(1))).unwrap();
    assert_eq!(on(&account), "JOB THING THING_GROUP", "what is not named stays");
    account.run(|book, _| book.update_event_configurations(&update(&[("JOB", None)]), NOW.plus_millis(2))).unwrap();
    assert_eq!(on(&account), "THING THING_GROUP");
    assert!(account.book.tells(EventType::Thing) && !account.book.tells(EventType::Job));
    let dates = account.book.describe_event_configurations(&DescribeEventConfigurationsRequest {}).reply;
    assert_eq!((dates.creation_date, dates.last_modified_date), (Some(NOW), Some(NOW.plus_millis(2))));
    assert!(account.run(|book, _| book.update_event_configurations(&update(&[("BIRD", Some(true))]), NOW)).is_err());
}
