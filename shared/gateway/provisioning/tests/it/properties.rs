//! Whatever a template says, reading and evaluating it ends with a plan or an error, never with a panic.

use drydock_provisioning::{Dialect, Template};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// Words that the language knows, so that chance gets past the first check.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "Parameters", "Mappings", "Resources", "DeviceConfiguration", "Type", "String", "Default", "Properties",
            "OverrideSettings", "AWS::IoT::Thing", "AWS::IoT::Certificate", "AWS::IoT::Policy", "ThingName",
            "AttributePayload", "ThingGroups", "CertificateId", "Status", "PolicyDocument", "PolicyName", "Ref", "Fn::Join",
            "Fn::Select", "Fn::FindInMap", "Fn::Split", "Fn::Sub", "AWS::IoT::Certificate::Id", "REPLACE", "Serial",
        ]).prop_map(str::to_owned),
        1 => "[a-z$!{}:]{0,8}",
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        word().prop_map(Value::String),
        any::<i8>().prop_map(Value::from),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(word(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A template that is right but for one value, and for the thing's name where that is a parameter.
fn around(name: Value, value: Value) -> String {
    let thing = serde_json::json!({"Type": "AWS::IoT::Thing", "Properties": {
        "ThingName": name, "AttributePayload": {"value": value}}});
    serde_json::json!({"Parameters": {"Serial": {"Type": "String"}}, "Resources": {"thing": thing}}).to_string()
}

proptest! {
    #[test]
    fn a_body_is_read_or_refused(body in prop_oneof![".{0,64}", json().prop_map(|value| value.to_string())]) {
        for dialect in [Dialect::Fleet, Dialect::Jitp, Dialect::Registration] {
            if let Ok(template) = Template::parse(&body, dialect) {
                let _ = template.plan(&BTreeMap::new());
            }
        }
    }

    #[test]
    fn a_value_is_evaluated_or_refused(value in json(), serial in ".{0,12}") {
        if let Ok(template) = Template::parse(&around(serde_json::json!({"Ref": "Serial"}), value), Dialect::Registration) {
            let _ = template.plan(&BTreeMap::from([("Serial".to_owned(), serial)]));
        }
    }

    #[test]
    fn splitting_and_joining_gives_the_text_back(text in "[a-c,]{1,20}") {
        let value = serde_json::json!({"Fn::Join": [",", {"Fn::Split": [",", {"Ref": "Serial"}]}]});
        let template = Template::parse(&around("dock".into(), value), Dialect::Registration)
            .map_err(|e| TestCaseError::fail(e.to_string()))?;
        let plan = template.plan(&BTreeMap::from([("Serial".to_owned(), text.clone())])).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let attributes = plan.thing.and_then(|thing| thing.attributes).unwrap_or_default();
        prop_assert_eq!(attributes.get("value").map(|value| value.as_str()), Some(text.as_str()));
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = format!("{}1{}", "[".repeat(4000), "]".repeat(4000));
    let body = format!(r#"{{"Resources": {deep}}}"#);
    assert!(Template::parse(&body, Dialect::Fleet).is_err());
}
