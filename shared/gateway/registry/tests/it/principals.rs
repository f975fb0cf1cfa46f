//! Principals and attribution. Source: the API reference of "AttachThingPrincipal" and the lists; "Exclusive things" and "Thing
//! policy variables" of the developer guide.

use crate::support::{Account, NOW, certificate, payload};
use drydock_core::{ErrorCode, Event, ThingName};
use drydock_model::iot::ThingPrincipalType::{ExclusiveThing, NonExclusiveThing};
use drydock_model::iot::{
    AttachThingPrincipalRequest, DetachThingPrincipalRequest, ListPrincipalThingsRequest, ListPrincipalThingsV2Request,
    ListThingPrincipalsRequest, ListThingPrincipalsV2Request, ThingPrincipalType, UpdateThingRequest,
};

const COGNITO: &str = "us-east-1:7a4b2c1d-0000-4000-8000-123456789abc";

fn things(account: &Account, principal: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let request = ListPrincipalThingsRequest { max_results: Some(2), next_token, principal: principal.into() };
        let page = account.book.list_principal_things(&request).unwrap().reply;
        found.extend(page.things.unwrap());
        next_token = page.next_token;
        if next_token.is_none() {
            found.sort();
            return found;
        }
    }
}

fn principals(account: &Account, thing: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next_token = None;
    loop {
        let request = ListThingPrincipalsRequest { max_results: Some(2), next_token, thing_name: thing.into() };
        let page = account.book.list_thing_principals(&request).unwrap().reply;
        found.extend(page.principals.unwrap());
        next_token = page.next_token;
        if next_token.is_none() {
            return found;
        }
    }
}

#[test]
fn attachments_are_found_from_both_ends_in_pages() {
    let mut account = Account::new();
    for n in 0..5 {
        account.create(&format!("t{n}"), &[]).unwrap();
        account.attach(&format!("t{n}"), &certificate(7), None).unwrap();
        account.attach("t0", &certificate(n), None).unwrap();
    }
    account.attach("t0", COGNITO, None).unwrap();
    assert_eq!(things(&account, &certificate(7)), ["t0", "t1", "t2", "t3", "t4"]);
    let mut expected: Vec<String> = [0, 1, 2, 3, 4, 7].map(certificate).into();
    expected.push(COGNITO.into());
    assert_eq!(principals(&account, "t0"), expected);
    assert_eq!((account.book.things_of(&certificate(7)), account.book.things_of(COGNITO)), (5, 1));
    assert_eq!(account.book.things_of("nobody"), 0);

    // Attaching again changes nothing.
    account.events.clear();
    account.attach("t0", COGNITO, Some(NonExclusiveThing)).unwrap();
    assert!(account.events.is_empty());

    let detach = |thing: &str| DetachThingPrincipalRequest { thing_name: thing.into(), principal: COGNITO.into() };
    account.run(|book, _| book.detach_thing_principal(&detach("t0"))).unwrap();
    assert_eq!(account.events, [Event::AuthorizationChanged]);
    assert_eq!(principals(&account, "t0").len(), 6);
    for (case, thing) in [("not attached", "t0"), ("no thing", "none")] {
        let error = account.run(|book, _| book.detach_thing_principal(&detach(thing))).unwrap_err();
        assert_eq!(error.code, ErrorCode::ResourceNotFoundException, "{case}");
    }
}

#[test]
fn attaching_needs_both_ends() {
    let mut account = Account::new();
    account.create("t", &[]).unwrap();
    for (thing, exists) in [("t", false), ("none", true)] {
        let request = AttachThingPrincipalRequest {
            thing_name: thing.into(),
            principal: certificate(1),
            thing_principal_type: None,
        };
        let error = account.run(|book, _| book.attach_thing_principal(&request, exists)).unwrap_err();
        assert_eq!(error.code, ErrorCode::ResourceNotFoundException);
    }
}

#[test]
fn an_exclusive_attachment_is_the_only_one_of_its_principal() {
    let (exclusive, shared) = (Some(ExclusiveThing), Some(NonExclusiveThing));
    type Kind = Option<ThingPrincipalType>;
    let cases: [(&str, Kind, &str, Kind, bool); 7] = [
        ("t1", shared, "t2", shared, true),
        ("t1", None, "t2", None, true),
        ("t1", exclusive, "t2", shared, false),
        ("t1", exclusive, "t2", exclusive, false),
        ("t1", shared, "t2", exclusive, false),
        ("t1", shared, "t1", exclusive, true),
        ("t1", exclusive, "t1", shared, true),
    ];
    for (first, kind, second, then, fine) in cases {
        let mut account = Account::new();
        account.create("t1", &[]).unwrap();
        account.create("t2", &[]).unwrap();
        account.attach(first, &certificate(1), kind).unwrap();
        let result = account.attach(second, &certificate(1), then);
        assert_eq!(result.is_ok(), fine, "{first} {kind:?} then {second} {then:?}");
        if let Err(error) = result {
            assert_eq!(error.code, ErrorCode::InvalidRequestException);
            assert!(error.message.contains("to the thing `t1`"), "{error}");
        }
    }
}

#[test]
fn the_second_versions_of_the_lists_tell_the_kind() {
    let mut account = Account::new();
    account.create("t1", &[]).unwrap();
    account.create("t2", &[]).unwrap();
    account.attach("t1", &certificate(1), Some(ExclusiveThing)).unwrap();
    account.attach("t1", &certificate(2), None).unwrap();
    account.attach("t2", &certificate(2), None).unwrap();
    for (filter, expected) in [
        (None, vec![(certificate(1), ExclusiveThing), (certificate(2), NonExclusiveThing)]),
        (Some(ExclusiveThing), vec![(certificate(1), ExclusiveThing)]),
        (Some(NonExclusiveThing), vec![(certificate(2), NonExclusiveThing)]),
    ] {
        let request = ListThingPrincipalsV2Request {
            thing_name: "t1".into(),
            thing_principal_type: filter,
            ..ListThingPrincipalsV2Request::default()
        };
        let reply = account.book.list_thing_principals_v2(&request).unwrap().reply;
        let objects = reply.thing_principal_objects.unwrap().into_iter();
        let found: Vec<_> = objects.map(|object| (object.principal, object.thing_principal_type.unwrap())).collect();
        assert_eq!(found, expected);
    }
    for (principal, filter, expected) in [
        (certificate(1), None, vec!["t1"]),
        (certificate(2), None, vec!["t1", "t2"]),
        (certificate(2), Some(ExclusiveThing), vec![]),
    ] {
        let request = ListPrincipalThingsV2Request {
            principal,
            thing_principal_type: filter,
            ..ListPrincipalThingsV2Request::default()
        };
        let reply = account.book.list_principal_things_v2(&request).unwrap().reply;
        let objects = reply.principal_thing_objects.unwrap().into_iter();
        assert_eq!(objects.map(|object| object.thing_name).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_connection_belongs_to_the_exclusive_thing_or_to_the_one_of_its_client_id() {
    let mut account = Account::new();
    account.create_type("dock");
    account.create_typed("t1", Some("dock"), &[("room", "7")]).unwrap();
    account.create("t2", &[]).unwrap();
    account.create("t3", &[]).unwrap();
    let (exclusive, shared, stranger) = (certificate(1), certificate(2), certificate(3));
    account.attach("t1", &exclusive, Some(ExclusiveThing)).unwrap();
    account.attach("t2", &shared, None).unwrap();
    account.attach("t1", &shared, None).unwrap();
    for (principal, client_id, expected) in [
        (&exclusive, "t1", Some(("t1", true))),
        (&exclusive, "t2", Some(("t1", true))),
        (&exclusive, "anything at all", Some(("t1", true))),
        (&shared, "t1", Some(("t1", false))),
        (&shared, "t2", Some(("t2", false))),
        (&shared, "t3", None),
        (&shared, "nothing", None),
        (&stranger, "t1", None),
    ] {
        let found = account.book.attribute(principal, client_id);
        let found = found.as_ref().map(|of| (of.thing.as_str(), of.exclusive));
        assert_eq!(found, expected, "{principal} as {client_id}");
    }
    // A certificate's id does as well as its ARN.
    let id = exclusive.rsplit('/').next().unwrap();
    let attributed = account.book.attribute(id, "x").unwrap();
    assert_eq!(attributed.facts.thing_type.unwrap().as_str(), "dock");
    assert_eq!(attributed.facts.attributes, [("room".into(), "7".into())]);

    let update = UpdateThingRequest {
        thing_name: "t1".into(),
        attribute_payload: Some(payload(&[("room", "8")], None)),
        ..UpdateThingRequest::default()
    };
    account.run(|book, _| book.update_thing(&update, NOW)).unwrap();
    let facts = account.book.facts(&ThingName::new("t1").unwrap()).unwrap();
    assert_eq!(facts.attributes, [("room".into(), "8".into())]);
}
