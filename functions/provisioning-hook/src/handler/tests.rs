//! The hook against lists in memory.

use super::*;
use fleet::fakes::{Faults, Lists, Moment, Table};
use std::collections::BTreeMap;

pub(super) fn event(fixture: &str) -> PreProvisioning {
    serde_json::from_str(fixture).unwrap()
}

pub(super) const KNOWN: &str = include_str!("../../../../events/provisioning-hook-known-serial.json");
const BARE: &str = include_str!("../../../../events/provisioning-hook-no-serial.json");

fn rules() -> Rules {
    Rules {
        thing_types: BTreeMap::from([("charger".to_owned(), "fleet-charger".to_owned())]),
        default_thing_type: Some("fleet-device".to_owned()),
        ..Rules::default()
    }
}

async fn ask(lists: &Lists, event: &PreProvisioning) -> PortResult<Outcome> {
    ask_and_write(lists, &Table::new(&lists.faults), event).await
}

pub(super) async fn ask_and_write(lists: &Lists, devices: &Table, event: &PreProvisioning) -> PortResult<Outcome> {
    decide(&Ports { block_list: lists, allow_list: lists, devices }, &rules(), event, 5).await
}

#[tokio::test]
async fn a_device_on_the_list_is_told_its_name_and_type() {
    let lists = Lists { allowed: ["SN-0001".to_owned()].into(), ..Lists::default() };
    let outcome = ask(&lists, &event(KNOWN)).await.unwrap();
    let overrides = [("Model", "charger"), ("ThingName", "SN-0001"), ("ThingType", "fleet-charger")];
    let overrides = overrides.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let answer = PreProvisioningAnswer { allow_provisioning: true, parameter_overrides: overrides };
    assert_eq!(outcome, Outcome { answer, reasons: Vec::new() });
}

#[tokio::test]
async fn a_device_that_is_unknown_blocked_or_nameless_is_not_provisioned() {
    let unknown = ask(&Lists::default(), &event(KNOWN)).await.unwrap();
    assert!(!unknown.answer.allow_provisioning);
    assert_eq!(unknown.reasons, [Reason::NotAllowed("SN-0001".to_owned())]);

    let blocked = Lists {
        allowed: ["SN-0001".to_owned()].into(),
        blocked: BTreeMap::from([("serial#SN-0001".to_owned(), "stolen".to_owned())]),
        ..Lists::default()
    };
    let blocked = ask(&blocked, &event(KNOWN)).await.unwrap();
    assert!(matches!(blocked.reasons.as_slice(), [Reason::Blocked(_)]), "{blocked:?}");

    let nameless = ask(&Lists::default(), &event(BARE)).await.unwrap();
    assert_eq!(nameless.reasons, [Reason::NoSerial]);
}

#[tokio::test]
async fn a_list_that_cannot_be_asked_is_an_error_which_aws_takes_for_a_no() {
    let faults = Faults::default();
    faults.fail(1, Moment::Before);
    let lists = Lists { faults, ..Lists::default() };
    assert!(ask(&lists, &event(KNOWN)).await.is_err());
}

#[tokio::test]
async fn a_device_that_may_join_is_written_down_once() {
    let lists = Lists { allowed: ["SN-0001".to_owned()].into(), ..Lists::default() };
    let devices = Table::new(&lists.faults);
    ask_and_write(&lists, &devices, &event(KNOWN)).await.unwrap();
    let row = devices.row("SN-0001").unwrap();
    assert_eq!((row.text("thingType"), row.text("serialNumber")), (Some("fleet-charger"), Some("SN-0001")));
    let older = fleet::conditional::Item([("thingName".to_owned(), "SN-0001".into())].into());
    devices.put("SN-0001", older.clone());
    ask_and_write(&lists, &devices, &event(KNOWN)).await.unwrap();
    assert_eq!(devices.row("SN-0001"), Some(older));
}

#[tokio::test]
async fn what_a_device_makes_up_is_a_no_and_no_failure() {
    let mut sent: serde_json::Value = serde_json::from_str(KNOWN).unwrap();
    sent["parameters"] = serde_json::json!({"SerialNumber": null, "Model": 5, "Nested": {"a": 1}});
    sent["clientId"] = serde_json::Value::Null;
    let event: PreProvisioning = serde_json::from_value(sent).unwrap();
    assert_eq!(event.parameters, [("Model".to_owned(), "5".to_owned())].into());
    assert_eq!(ask(&Lists::default(), &event).await.unwrap().reasons, [Reason::NoSerial]);
    let none: PreProvisioning = serde_json::from_str(r#"{"parameters": null}"#).unwrap();
    assert!(!ask(&Lists::default(), &none).await.unwrap().answer.allow_provisioning);
    let claim: PreProvisioning = serde_json::from_str(r#"{"parameters": {"SerialNumber": "claim-1"}}"#).unwrap();
    let listed = Lists { allowed: ["claim-1".to_owned()].into(), ..Lists::default() };
    assert_eq!(ask(&listed, &claim).await.unwrap().reasons, [Reason::BadName("claim-1".to_owned())]);
}
