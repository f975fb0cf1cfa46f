//! Things. Source: the API reference of the operations; "AWS IoT Core thing registry limits and quotas".

use crate::support::{Account, NOW, certificate, payload, told};
use drydock_core::ErrorCode;
use drydock_model::iot::{
    CreateThingRequest, DeleteThingRequest, DeprecateThingTypeRequest, ListThingsRequest, UpdateThingRequest,
};

#[test]
fn creating_again_is_fine_only_with_the_same_configuration() {
    let mut account = Account::new();
    account.create_type("dock");
    account.events.clear();
    let id = account.create_typed("dock-1", Some("dock"), &[("room", "7")]).unwrap();
    assert_eq!(account.create_typed("dock-1", Some("dock"), &[("room", "7")]).unwrap(), id);
    assert_eq!(told(&mut account), ["dock-1 v1 Created", "dock-1 as dock Added"]);
    type Case<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)]);
    let different: [Case<'_>; 3] = [(None, &[("room", "7")]), (Some("dock"), &[]), (Some("dock"), &[("room", "8")])];
    for (thing_type, attributes) in different {
        let error = account.create_typed("dock-1", thing_type, attributes).unwrap_err();
        assert_eq!(error.code, ErrorCode::ResourceAlreadyExistsException);
        assert_eq!(error.resource.unwrap().1, "arn:aws:iot:us-east-1:123456789012:thing/dock-1");
    }
    let described = account.describe("dock-1").unwrap();
    assert_eq!(described.thing_id, Some(id));
    assert_eq!(described.version, Some(1));
    assert_eq!(described.default_client_id.as_deref(), Some("dock-1"));
    assert_eq!(described.thing_type_name.as_deref(), Some("dock"));
    assert_eq!(described.attributes, payload(&[("room", "7")], None).attributes);
    assert_eq!(described.thing_arn.as_deref(), Some("arn:aws:iot:us-east-1:123456789012:thing/dock-1"));
}

#[test]
fn what_cannot_be_created_is_refused() {
    use ErrorCode::{InvalidRequestException as Invalid, ResourceNotFoundException as NotFound};
    let many: Vec<String> = (0..51).map(|n| format!("a{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
    let long = "x".repeat(800);
    let large: Vec<(&str, &str)> = many.iter().map(|(name, _)| (*name, long.as_str())).collect();
    let mut account = Account::new();
    account.create_type("dock");
    account.create_type("old");
    let deprecate = DeprecateThingTypeRequest { thing_type_name: "old".into(), undo_deprecate: None };
    account.run(|book, _| book.deprecate_thing_type(&deprecate, NOW)).unwrap();
    type Case<'a> = (&'a str, Option<&'a str>, &'a [(&'a str, &'a str)], Option<ErrorCode>);
    let cases: [Case<'_>; 11] = [
        ("three without a type", None, &many[..3], None),
        ("four without a type", None, &many[..4], Some(Invalid)),
        ("fifty with a type", Some("dock"), &many[..50], None),
        ("fifty-one with a type", Some("dock"), &many, Some(Invalid)),
        ("fifty large ones are within 47 KB", Some("dock"), &large[..50], None),
        ("unknown type", Some("none"), &[], Some(NotFound)),
        ("deprecated type", Some("old"), &[], Some(Invalid)),
        ("attribute name", None, &[("a b", "x")], Some(Invalid)),
        ("attribute value", None, &[("a", "x y")], Some(Invalid)),
        ("too long a value", None, &[("a", &"x".repeat(801))], Some(Invalid)),
        ("an empty value is not an attribute", None, &[("a", ""), ("b", "x")], None),
    ];
    for (n, (case, thing_type, attributes, expected)) in cases.into_iter().enumerate() {
        let result = account.create_typed(&format!("t{n}"), thing_type, attributes);
        assert_eq!(result.map_err(|error| error.code).err(), expected, "{case}");
    }
    assert_eq!(account.describe("t10").unwrap().attributes, payload(&[("b", "x")], None).attributes);

    let grouped = CreateThingRequest {
        thing_name: "g".into(),
        billing_group_name: Some("b".into()),
        ..CreateThingRequest::default()
    };
    let error = account.run(|book, ids| book.create_thing(&grouped, NOW, ids)).unwrap_err();
    assert_eq!(error.code, NotFound, "there is no such billing group");
    assert_eq!(account.describe("g").unwrap_err().code, NotFound);
}

#[test]
fn an_update_merges_or_replaces_and_counts() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<bool>, &'a [(&'a str, &'a str)]);
    let cases: [Case<'_>; 5] = [
        ("replaces by default", &[("c", "3")], None, &[("c", "3")]),
        ("replaces", &[("a", "9")], Some(false), &[("a", "9")]),
        ("merges", &[("a", "9"), ("c", "3")], Some(true), &[("a", "9"), ("b", "2"), ("c", "3")]),
        ("an empty value removes", &[("a", "")], Some(true), &[("b", "2")]),
        ("nothing replaces all", &[], None, &[]),
    ];
    for (case, attributes, merge, expected) in cases {
        let mut account = Account::new();
        account.create("dock-1", &[("a", "1"), ("b", "2")]).unwrap();
        account.events.clear();
        let request = UpdateThingRequest {
            thing_name: "dock-1".into(),
            attribute_payload: Some(payload(attributes, merge)),
            ..UpdateThingRequest::default()
        };
        account.run(|book, _| book.update_thing(&request, NOW)).unwrap();
        let described = account.describe("dock-1").unwrap();
        assert_eq!(described.attributes, payload(expected, None).attributes, "{case}");
        assert_eq!(described.version, Some(2), "{case}");
        assert_eq!(told(&mut account), ["dock-1 v2 Updated", "authorization"], "{case}");
        // The index follows.
        for name in ["a", "b", "c"] {
            let value = expected.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
            let found = list(&account, ListThingsRequest { attribute_name: Some(name.into()), ..Default::default() });
            assert_eq!(found.len(), usize::from(value.is_some()), "{case}: {name}");
        }
    }
}

#[test]
fn an_update_changes_the_type_and_heeds_the_version() {
    let mut account = Account::new();
    account.create_type("dock");
    account.create_typed("dock-1", Some("dock"), &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]).unwrap();
    let update = |request: UpdateThingRequest| UpdateThingRequest { thing_name: "dock-1".into(), ..request };
    let invalid = ErrorCode::InvalidRequestException;
    for (case, request, expected) in [
        (
            "another version",
            UpdateThingRequest { expected_version: Some(2), ..Default::default() },
            Some(ErrorCode::VersionConflictException),
        ),
        (
            "four attributes need a type",
            UpdateThingRequest { remove_thing_type: Some(true), ..Default::default() },
            Some(invalid),
        ),
        (
            "both",
            UpdateThingRequest {
                remove_thing_type: Some(true),
                thing_type_name: Some("dock".into()),
                ..Default::default()
            },
            Some(invalid),
        ),
        (
            "unknown type",
            UpdateThingRequest { thing_type_name: Some("x".into()), ..Default::default() },
            Some(ErrorCode::ResourceNotFoundException),
        ),
        (
            "right version",
            UpdateThingRequest {
                expected_version: Some(1),
                remove_thing_type: Some(true),
                attribute_payload: Some(payload(&[("d", "")], Some(true))),
                ..Default::default()
            },
            None,
        ),
    ] {
        let result = account.run(|book, _| book.update_thing(&update(request), NOW));
        assert_eq!(result.map_err(|error| error.code).err(), expected, "{case}");
    }
    let described = account.describe("dock-1").unwrap();
    assert_eq!((described.thing_type_name, described.version), (None, Some(2)));
    let missing = UpdateThingRequest { thing_name: "none".into(), ..Default::default() };
    let error = account.run(|book, _| book.update_thing(&missing, NOW)).unwrap_err();
    assert_eq!(error.code, ErrorCode::ResourceNotFoundException);
}

#[test]
fn a_thing_is_deleted_when_nothing_is_attached() {
    let mut account = Account::new();
    account.create("dock-1", &[("a", "1")]).unwrap();
    account.attach("dock-1", &certificate(1), None).unwrap();
    account.events.clear();
    let delete = |expected_version| DeleteThingRequest { thing_name: "dock-1".into(), expected_version };
    let error = account.run(|book, _| book.delete_thing(&delete(None), NOW)).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequestException);
    assert!(
        error.message.contains("Cannot delete. Thing dock-1 is still attached to one or more principals"),
        "{error}"
    );
    let detach =
        drydock_model::iot::DetachThingPrincipalRequest { thing_name: "dock-1".into(), principal: certificate(1) };
    account.run(|book, _| book.detach_thing_principal(&detach)).unwrap();
    let error = account.run(|book, _| book.delete_thing(&delete(Some(7)), NOW)).unwrap_err();
    assert_eq!(error.code, ErrorCode::VersionConflictException);
    account.events.clear();
    account.run(|book, _| book.delete_thing(&delete(Some(1)), NOW)).unwrap();
    assert_eq!(told(&mut account), ["dock-1 v1 Deleted", "authorization"]);
    account.run(|book, _| book.delete_thing(&delete(None), NOW)).unwrap();
    assert!(account.book.is_empty());
    assert!(list(&account, ListThingsRequest { attribute_name: Some("a".into()), ..Default::default() }).is_empty());
}

/// Every page of a list, in pages of three.
fn list(account: &Account, request: ListThingsRequest) -> Vec<String> {
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let request = ListThingsRequest { max_results: Some(3), next_token, ..request.clone() };
        let page = account.book.list_things(&request).unwrap().reply;
        let things = page.things.unwrap();
        assert!(things.len() <= 3);
        found.extend(things.into_iter().map(|thing| thing.thing_name.unwrap()));
        next_token = page.next_token;
        if next_token.is_none() {
            return found;
        }
    }
}

#[test]
fn lists_filter_and_page() {
    let mut account = Account::new();
    account.create_type("dock");
    account.create_type("pump");
    for n in 0..8 {
        let thing_type = if n % 2 == 0 { "dock" } else { "pump" };
        let attributes = [("room", format!("{}", n / 4)), ("serial", format!("SN-{n}"))];
        let attributes = attributes.each_ref().map(|(name, value)| (*name, value.as_str()));
        account.create_typed(&format!("t{n}"), Some(thing_type), &attributes).unwrap();
    }
    account.create("plain", &[("floor", "1")]).unwrap();
    let filter = |name: Option<&str>, value: Option<&str>, prefix: bool, thing_type: Option<&str>| ListThingsRequest {
        attribute_name: name.map(Into::into),
        attribute_value: value.map(Into::into),
        use_prefix_attribute_value: Some(prefix),
        thing_type_name: thing_type.map(Into::into),
        ..ListThingsRequest::default()
    };
    for (request, expected) in [
        (filter(None, None, false, None), "plain t0 t1 t2 t3 t4 t5 t6 t7"),
        (filter(None, None, false, Some("dock")), "t0 t2 t4 t6"),
        (filter(None, None, false, Some("none")), ""),
        (filter(Some("room"), Some("1"), false, None), "t4 t5 t6 t7"),
        (filter(Some("room"), None, false, None), "t0 t1 t2 t3 t4 t5 t6 t7"),
        (filter(Some("serial"), Some("SN-"), true, None), "t0 t1 t2 t3 t4 t5 t6 t7"),
        (filter(Some("serial"), Some("SN-"), false, None), ""),
        (filter(Some("serial"), Some("SN-3"), false, None), "t3"),
        (filter(Some("floor"), Some("1"), false, None), "plain"),
        (filter(Some("none"), Some("1"), true, None), ""),
    ] {
        let mut found = list(&account, request.clone());
        found.sort();
        assert_eq!(found.join(" "), expected, "{request:?}");
    }
    let error = account.book.list_things(&filter(None, Some("1"), false, None)).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidRequestException);
    let both = filter(Some("room"), Some("1"), false, Some("pump"));
    let error = account.book.list_things(&both).unwrap_err();
    let text = "Listing things by the combination of attribute and thing type is not supported";
    assert_eq!((error.code, error.message.as_ref()), (ErrorCode::InvalidRequestException, text));
    for token in ["zz", &drydock_core::page::token("ListThingTypes", "a")] {
        let request = ListThingsRequest { next_token: Some(token.into()), ..ListThingsRequest::default() };
        let error = account.book.list_things(&request).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequestException);
    }
}
