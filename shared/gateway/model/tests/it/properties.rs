//! Laws: JSON round trips of the shapes, and a router that answers whatever it is sent.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use bytes::Bytes;
use drydock_core::{ErrorCode, Timestamp};
use drydock_model::iot::*;
use drydock_model::schema::{Kind, Shape};
use drydock_model::{Operation, Request, Router, Service, Wire, iot, iot_data, operations};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-62_135_596_800_000_i64..253_402_300_800_000).prop_map(Timestamp)
}

prop_compose! {
    fn thing()(
        name in proptest::option::of(text()),
        type_name in proptest::option::of(text()),
        attributes in proptest::option::of(proptest::collection::btree_map(text(), text(), 0..4)),
        version in any::<i64>(),
    ) -> ThingAttribute {
        ThingAttribute {
            thing_name: name, thing_type_name: type_name, attributes, version: Some(version), ..ThingAttribute::default()
        }
    }
}

prop_compose! {
    fn certificate()(
        pem in proptest::option::of(text()),
        created in proptest::option::of(time()),
        status in proptest::sample::select(CertificateStatus::VALUES),
        generation in any::<i32>(),
        before in time(),
    ) -> CertificateDescription {
        CertificateDescription {
            certificate_pem: pem,
            creation_date: created,
            status: Some(status.1),
            customer_version: Some(generation),
            validity: Some(CertificateValidity { not_before: Some(before), not_after: None }),
            ..CertificateDescription::default()
        }
    }
}

proptest! {
    #[test]
    fn things_survive_json(things in proptest::collection::vec(thing(), 0..4), next_token in proptest::option::of(text())) {
        let response = ListThingsResponse { things: Some(things), next_token };
        prop_assert_eq!(ListThingsResponse::from_json(&response.to_json()).unwrap(), response);
    }

    #[test]
    fn certificates_survive_json(description in certificate()) {
        let response = DescribeCertificateResponse { certificate_description: Some(description) };
        prop_assert_eq!(DescribeCertificateResponse::from_json(&response.to_json()).unwrap(), response);
    }

    #[test]
    fn certificates_survive_text(description in certificate()) {
        let text = description.to_json().to_string();
        let json = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(CertificateDescription::from_json(&json).unwrap(), description);
    }

    #[test]
    fn numbers_and_blobs_survive_json(average in any::<f64>().prop_filter("NaN equals nothing", |n| !n.is_nan()),
                                      count in any::<i32>(), blob in proptest::collection::vec(any::<u8>(), 0..40)) {
        let statistics = Statistics { count: Some(count), average: Some(average), ..Statistics::default() };
        prop_assert_eq!(Statistics::from_json(&statistics.to_json()).unwrap(), statistics);
        let payload = CommandPayload { content: Some(Bytes::from(blob)), content_type: None };
        prop_assert_eq!(CommandPayload::from_json(&payload.to_json()).unwrap(), payload);
    }

    #[test]
    fn rules_survive_json(sql in text(), topic in text(), qos in any::<i32>(), headers in proptest::collection::vec((text(), text()), 0..3)) {
        let headers = headers.into_iter().map(|(key, value)| UserProperty { key, value }).collect();
        let republish = RepublishAction {
            topic,
            qos: Some(qos),
            headers: Some(MqttHeaders { user_properties: Some(headers), ..MqttHeaders::default() }),
            ..RepublishAction::default()
        };
        let rule = TopicRulePayload {
            sql,
            actions: vec![Action { republish: Some(republish), ..Action::default() }, Action::default()],
            ..TopicRulePayload::default()
        };
        prop_assert_eq!(TopicRulePayload::from_json(&rule.to_json()).unwrap(), rule);
    }

    #[test]
    fn any_request_is_answered(
        service in proptest::sample::select(&Service::ALL[..]),
        method in prop_oneof!["GET|POST|PUT|PATCH|DELETE", text()],
        path in prop_oneof!["(/(things|topics|jobs|shadow|[a%/+$.\u{e9}]{0,6})){0,5}", text()],
        query in prop_oneof!["(maxResults=[0-9]{0,3}|%[0-9A-F]{0,2}|[a-z]{0,3}=|&){0,4}", text()],
        header in prop_oneof!["[A-Za-z0-9+/=]{0,12}", text()],
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        answered(service, Request {
            method, path, query,
            headers: vec![("x-amz-mqtt5-user-properties".to_owned(), header)],
            body: Bytes::from(body),
        });
    }

    #[test]
    fn any_body_of_a_rule_is_answered(body in json_value()) {
        answered(Service::Iot, Request {
            method: "POST".to_owned(), path: "/rules/r".to_owned(), body: Bytes::from(body.to_string()), ..Request::default()
        });
    }
}

/// JSON that resembles a rule's payload: known names, any values.
fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        text().prop_map(serde_json::Value::from),
    ];
    let name = proptest::sample::select(
        &["sql", "actions", "lambda", "republish", "functionArn", "topic", "qos", "headers", "userProperties", "key"][..],
    );
    leaf.prop_recursive(5, 32, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..5).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

/// The request is answered with a status and, where it failed, with an error's name.
fn answered(service: Service, request: Request) {
    let mut router = Router::new();
    router
        .on::<iot::ops::CreateTopicRule>(|(), _| async { Ok(()) })
        .on::<iot::ops::ListThings>(|(), _| async { Ok(ListThingsResponse::default()) })
        .on::<iot::ops::CreateThing>(|(), _| async { Ok(CreateThingResponse::default()) })
        .on::<iot_data::ops::Publish>(|(), _| async { Ok(()) });
    let mut reply = router.call((), service, &request);
    let Poll::Ready(response) = reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("a handler that waits for nothing is pending")
    };
    let named = response
        .headers
        .iter()
        .any(|(name, value)| name == "x-amzn-errortype" && ErrorCode::from_name(value).is_some());
    assert_eq!(named, response.status >= 400, "{response:?}");
}

#[test]
fn every_pattern_compiles() {
    let mut seen = BTreeMap::new();
    for operation in operations() {
        for shape in [Some(operation.input_shape), operation.output_shape].into_iter().flatten() {
            collect_patterns(shape, &mut seen);
        }
    }
    assert!(seen.len() > 45, "only {} patterns", seen.len());
    for (aws, regex) in seen {
        assert!(regex::Regex::new(regex).is_ok(), "{aws} as {regex}");
    }
}

fn collect_patterns(shape: &'static Shape, seen: &mut BTreeMap<&'static str, &'static str>) {
    match shape.kind {
        Kind::String { pattern: Some(pattern), .. } => {
            seen.insert(pattern.aws, pattern.regex);
        }
        Kind::List(element) => collect_patterns(element, seen),
        Kind::Map(key, value) => {
            collect_patterns(key, seen);
            collect_patterns(value, seen);
        }
        Kind::Structure(members) => members.iter().for_each(|member| collect_patterns(member.shape, seen)),
        _ => {}
    }
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let keys = KeyPair { public_key: Some("public".to_owned()), private_key: Some("secret".to_owned()) };
    let shown = format!("{keys:?}");
    assert!(shown.contains("public") && !shown.contains("secret"), "{shown}");
}

#[test]
fn implemented_lists_what_has_a_handler() {
    let mut router: Router<()> = Router::new();
    router.on::<iot_data::ops::Publish>(|(), _| async { Ok(()) });
    router.on::<iot::ops::DeleteThing>(|(), _| async { Ok(DeleteThingResponse::default()) });
    let names: Vec<&str> = router.implemented().map(|operation| operation.name).collect();
    assert_eq!(names, ["DeleteThing", "Publish"]);
}

#[test]
fn the_operations_of_all_services_are_there() {
    let count = |service| operations().iter().filter(|operation| operation.service == service).count();
    assert_eq!(Service::ALL.map(count), [272, 11, 5]);
    assert_eq!(iot::ops::CreateThing::META.uri, "/things/{thingName}");
}

#[test]
fn an_enum_reads_and_writes_its_names() {
    for (name, value) in CertificateStatus::VALUES {
        assert_eq!(value.as_str(), *name);
        assert_eq!(name.parse::<CertificateStatus>().unwrap(), *value);
    }
    assert_eq!("active".parse::<CertificateStatus>().unwrap_err().to_string(), "`active` is not a `CertificateStatus`");
    assert_eq!(CertificateStatus::default().write(), "ACTIVE");
}

#[test]
fn json_that_does_not_fit_says_where() {
    let error = |json| TopicRulePayload::from_json(&json).unwrap_err().to_string();
    let lambda = serde_json::json!({"sql": "s", "actions": [{}, {"lambda": {"functionArn": 1}}]});
    assert_eq!(error(lambda), "expected a string, found a number at `actions.2.member.lambda.functionArn`");
    assert_eq!(error(serde_json::json!({"actions": []})), "value is missing at `sql`");
    assert_eq!(error(serde_json::json!([])), "expected an object, found a list");
}
