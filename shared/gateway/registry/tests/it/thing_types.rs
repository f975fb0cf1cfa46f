//! Thing types. Source: "Thing types" of the developer guide, and the API reference of the operations.

use crate::support::{Account, NOW};
use drydock_core::event::Change;
use drydock_core::{ErrorCode, Event, Timestamp};
use drydock_model::iot::{
    CreateThingTypeRequest, DeleteThingRequest, DeleteThingTypeRequest, DeprecateThingTypeRequest,
    DescribeThingTypeRequest, ListThingTypesRequest, Mqtt5Configuration, PropagatingAttribute, ThingTypeProperties,
    UpdateThingTypeRequest,
};

fn properties(description: &str, searchable: usize) -> Option<ThingTypeProperties> {
    Some(ThingTypeProperties {
        thing_type_description: Some(description.into()),
        searchable_attributes: Some((0..searchable).map(|n| format!("a{n}")).collect()),
        mqtt5_configuration: None,
    })
}

fn create(name: &str, thing_type_properties: Option<ThingTypeProperties>) -> CreateThingTypeRequest {
    CreateThingTypeRequest { thing_type_name: name.into(), thing_type_properties, tags: None }
}

fn deprecate(account: &mut Account, undo: bool, now: Timestamp) {
    let request = DeprecateThingTypeRequest { thing_type_name: "dock".into(), undo_deprecate: Some(undo) };
    account.run(|book, _| book.deprecate_thing_type(&request, now)).unwrap();
}

fn delete(account: &mut Account, now: Timestamp) -> Result<(), drydock_core::ApiError> {
    let request = DeleteThingTypeRequest { thing_type_name: "dock".into() };
    account.run(|book, _| book.delete_thing_type(&request, now)).map(|_| ())
}

#[test]
fn a_type_is_created_once_and_updated() {
    let mut account = Account::new();
    let request = create("dock", properties("a dock", 3));
    let made = account.run(|book, ids| book.create_thing_type(&request, NOW, ids)).unwrap();
    assert_eq!(made.thing_type_arn.as_deref(), Some("arn:aws:iot:us-east-1:123456789012:thingtype/dock"));
    let again = account.run(|book, ids| book.create_thing_type(&request, NOW, ids)).unwrap();
    assert_eq!(again, made);
    let other = create("dock", properties("another", 3));
    let error = account.run(|book, ids| book.create_thing_type(&other, NOW, ids)).unwrap_err();
    assert_eq!(error.code, ErrorCode::ResourceAlreadyExistsException);

    let attribute = |key: &str| PropagatingAttribute {
        user_property_key: Some(key.into()),
        thing_attribute: Some("room".into()),
        connection_attribute: None,
    };
    let mqtt5 = |attributes: Vec<PropagatingAttribute>| {
        let mqtt5_configuration = Some(Mqtt5Configuration { propagating_attributes: Some(attributes) });
        Some(ThingTypeProperties { mqtt5_configuration, ..ThingTypeProperties::default() })
    };
    let update =
        |thing_type_properties| UpdateThingTypeRequest { thing_type_name: "dock".into(), thing_type_properties };
    let both = PropagatingAttribute { connection_attribute: Some("iot:ClientId".into()), ..attribute("k") };
    let unknown = PropagatingAttribute {
        thing_attribute: None,
        connection_attribute: Some("iot:Nothing".into()),
        ..attribute("k")
    };
    for (case, properties) in [
        ("four searchable attributes", properties("a dock", 4)),
        ("another description", properties("another", 3)),
        ("other searchable attributes", properties("a dock", 2)),
        ("an attribute that no connection has", mqtt5(vec![unknown])),
        ("twenty-one propagating attributes", mqtt5((0..21).map(|n| attribute(&format!("k{n}"))).collect())),
        ("no key", mqtt5(vec![PropagatingAttribute { user_property_key: None, ..attribute("k") }])),
        ("two sources", mqtt5(vec![both])),
    ] {
        let error = account.run(|book, _| book.update_thing_type(&update(properties), NOW)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequestException, "{case}");
    }
    let wanted = mqtt5((0..20).map(|n| attribute(&format!("k{n}"))).collect());
    account.run(|book, _| book.update_thing_type(&update(wanted.clone()), NOW)).unwrap();
    let asked = DescribeThingTypeRequest { thing_type_name: "dock".into() };
    let described = account.book.describe_thing_type(&asked).unwrap().reply;
    assert_eq!(described.thing_type_id, made.thing_type_id);
    let found = described.thing_type_properties.unwrap();
    assert_eq!(found.mqtt5_configuration, wanted.unwrap().mqtt5_configuration);
    assert_eq!(found.thing_type_description.as_deref(), Some("a dock"), "what was not given stays");
}

#[test]
fn a_type_is_deleted_five_minutes_after_its_deprecation_when_no_thing_has_it() {
    let minutes = |n: i64| NOW.plus_millis(n * 60_000);
    let invalid = |result: Result<(), drydock_core::ApiError>, part: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequestException);
        assert!(error.message.contains(part), "{error}");
    };
    let mut account = Account::new();
    account.create_type("dock");
    account.create_typed("dock-1", Some("dock"), &[]).unwrap();
    invalid(delete(&mut account, minutes(60)), "deprecate it");
    deprecate(&mut account, false, NOW);
    invalid(delete(&mut account, minutes(4)), "Please wait for 5 minutes after deprecation and then retry");
    // Deprecating again does not begin the wait anew; taking it back does.
    deprecate(&mut account, false, minutes(3));
    invalid(delete(&mut account, minutes(5)), "such as `dock-1`");
    deprecate(&mut account, true, minutes(5));
    invalid(delete(&mut account, minutes(60)), "deprecate it");
    deprecate(&mut account, false, minutes(6));
    let thing = DeleteThingRequest { thing_name: "dock-1".into(), expected_version: None };
    account.run(|book, _| book.delete_thing(&thing, NOW)).unwrap();
    invalid(delete(&mut account, minutes(10)), "Please wait for 5 minutes after deprecation and then retry");
    account.events.clear();
    delete(&mut account, minutes(11)).unwrap();
    let [Event::ThingTypeChanged { thing_type, change: Change::Deleted, at }] = account.events.as_slice() else {
        panic!("{:?}", account.events)
    };
    assert_eq!((thing_type.name.as_str(), thing_type.deprecated, *at), ("dock", Some(minutes(6)), minutes(11)));
    assert_eq!(delete(&mut account, minutes(11)).unwrap_err().code, ErrorCode::ResourceNotFoundException);
}

#[test]
fn types_are_listed_by_name_in_pages() {
    let mut account = Account::new();
    for name in ["c", "a", "b"] {
        account.create_type(name);
    }
    let list = |next_token, thing_type_name: Option<&str>| {
        let thing_type_name = thing_type_name.map(Into::into);
        let request = ListThingTypesRequest { max_results: Some(2), next_token, thing_type_name };
        let page = account.book.list_thing_types(&request).unwrap().reply;
        let names = page.thing_types.unwrap().into_iter().map(|of| of.thing_type_name.unwrap());
        (names.collect::<Vec<_>>().join(" "), page.next_token)
    };
    let (first, next) = list(None, None);
    assert_eq!(first, "a b");
    assert_eq!(list(next, None), ("c".into(), None));
    assert_eq!(list(None, Some("b")), ("b".into(), None));
    assert_eq!(list(None, Some("x")), (String::new(), None));
}

#[test]
fn searchable_attributes_are_answered_in_order_whatever_their_own_was() {
    let mut account = Account::new();
    let of = |names: [&str; 2]| {
        let searchable_attributes = Some(names.map(str::to_owned).to_vec());
        create("dock", Some(ThingTypeProperties { searchable_attributes, ..ThingTypeProperties::default() }))
    };
    let made = account.run(|book, ids| book.create_thing_type(&of(["wattage", "model"]), NOW, ids)).unwrap();
    let again = account.run(|book, ids| book.create_thing_type(&of(["model", "wattage"]), NOW, ids)).unwrap();
    assert_eq!(again.thing_type_id, made.thing_type_id, "the same type");
    let asked = DescribeThingTypeRequest { thing_type_name: "dock".into() };
    let described = account.book.describe_thing_type(&asked).unwrap().reply;
    let found = described.thing_type_properties.unwrap().searchable_attributes;
    assert_eq!(found, Some(["model", "wattage"].map(str::to_owned).to_vec()));
}
