//! The hook against lists in memory.

use super::*;
use fleet::fakes::{Faults, Lists, Moment};
use std::collections::BTreeMap;

fn event(fixture: &str) -> PreProvisioning {
    serde_json::from_str(fixture).unwrap()
}

const KNOWN: &str = include_str!("../../../../events/provisioning-hook-known-serial.json");
const BARE: &str = include_str!("../../../../events/provisioning-hook-no-serial.json");

fn rules() -> Rules {
    Rules {
        thing_types: BTreeMap::from([("charger".to_owned(), "fleet-charger".to_owned())]),
        default_thing_type: Some("fleet-device".to_owned()),
        ..Rules::default()
    }
}

async fn ask(lists: &Lists, event: &PreProvisioning) -> PortResult<Outcome> {
    decide(&Ports { block_list: lists, allow_list: lists }, &rules(), event).await
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
