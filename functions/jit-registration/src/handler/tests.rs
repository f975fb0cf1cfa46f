//! Registration against a registry in memory, with a crash at every call.

use super::*;
use fleet::fakes::{Faults, Lists, Moment, Outbox, Table, lock};
use fleet::ports::Thing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

const CHARGER: &str = include_str!("../../../../shared/fleet/tests/certificates/p256.pem");
const WEAK: &str = include_str!("../../../../shared/fleet/tests/certificates/rsa1024.pem");
const TOASTER: &str = include_str!("../../../../shared/fleet/tests/certificates/unknown-model.pem");

/// AWS IoT as far as registration goes. It refuses what AWS refuses: things and principals that do not exist.
#[derive(Default)]
struct Iot {
    state: Mutex<State>,
    faults: Faults,
}

#[derive(Default, Clone, Debug, PartialEq)]
struct State {
    pem: Option<String>,
    ca_active: Option<bool>,
    status: Option<CertificateStatus>,
    things: BTreeMap<String, Thing>,
    groups: BTreeSet<(String, String)>,
    policies: BTreeSet<String>,
    principals: BTreeSet<String>,
    /// Whether the certificate was ever active without being complete.
    connected_too_early: bool,
}

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:cert/c";

impl DescribeCertificate for Iot {
    async fn describe_certificate(&self, _: &str) -> PortResult<Option<RegisteredCertificate>> {
        self.faults.run("DescribeCertificate", || {
            let state = lock(&self.state);
            Some(RegisteredCertificate {
                arn: ARN.into(),
                pem: state.pem.clone()?,
                ca_certificate_id: Some(event().ca_certificate_id),
                status: state.status.clone()?,
            })
        })
    }
}

impl DescribeCaCertificate for Iot {
    async fn ca_is_active(&self, _: &str) -> PortResult<Option<bool>> {
        self.faults.run("DescribeCACertificate", || lock(&self.state).ca_active)
    }
}

impl CreateThing for Iot {
    async fn create_thing(&self, name: &str, thing: &Thing) -> PortResult<Created> {
        self.faults.run("CreateThing", || {
            // "If this call is made multiple times using the same thing name and configuration, the call will succeed."
            let mut state = lock(&self.state);
            let existing = state.things.entry(name.to_owned()).or_insert_with(|| thing.clone());
            if existing == thing { Created::Made } else { Created::ExistsOtherwise }
        })
    }
}

impl DescribeThing for Iot {
    async fn describe_thing(&self, name: &str) -> PortResult<Option<Thing>> {
        self.faults.run("DescribeThing", || lock(&self.state).things.get(name).cloned())
    }
}

impl AddThingToGroup for Iot {
    async fn add_thing_to_group(&self, name: &str, group: &str) -> PortResult<()> {
        self.faults.run("AddThingToThingGroup", || {
            let mut state = lock(&self.state);
            assert!(state.things.contains_key(name));
            state.groups.insert((name.to_owned(), group.to_owned()));
        })
    }
}

impl AttachPolicy for Iot {
    async fn attach_policy(&self, policy: &str, arn: &str) -> PortResult<()> {
        assert_eq!(arn, ARN);
        self.faults.run("AttachPolicy", || {
            lock(&self.state).policies.insert(policy.to_owned());
        })
    }
}

impl AttachThingPrincipal for Iot {
    async fn attach_thing_principal(&self, thing: &str, arn: &str) -> PortResult<()> {
        assert_eq!(arn, ARN);
        self.faults.run("AttachThingPrincipal", || {
            let mut state = lock(&self.state);
            assert!(state.things.contains_key(thing));
            state.principals.insert(thing.to_owned());
        })
    }
}

impl UpdateCertificate for Iot {
    async fn update_certificate(&self, _: &str, status: &CertificateStatus) -> PortResult<()> {
        self.faults.run("UpdateCertificate", || {
            let mut state = lock(&self.state);
            let complete = !state.things.is_empty() && !state.policies.is_empty() && !state.principals.is_empty();
            state.connected_too_early |= *status == CertificateStatus::Active && !complete;
            state.status = Some(status.clone());
        })
    }
}

struct World {
    faults: Faults,
    iot: Iot,
    lists: Lists,
    use_allow_list: bool,
    devices: Table,
    registrations: Table,
    alerts: Outbox<Alert>,
    rules: Rules,
}

fn event() -> CertificateRegistered {
    serde_json::from_str(include_str!("../../../../events/jit-registration-first-connection.json")).unwrap()
}

/// The fixture's event, at a time when the certificates are valid.
fn presented() -> CertificateRegistered {
    CertificateRegistered { timestamp: 1_830_000_000_000, ..event() }
}

impl World {
    fn new(pem: &str) -> Self {
        let faults = Faults::default();
        let state = State {
            pem: Some(pem.to_owned()),
            ca_active: Some(true),
            status: Some(CertificateStatus::PendingActivation),
            ..State::default()
        };
        Self {
            iot: Iot { state: Mutex::new(state), faults: faults.clone() },
            lists: Lists { faults: faults.clone(), ..Lists::default() },
            use_allow_list: false,
            devices: Table::new(&faults),
            registrations: Table::new(&faults),
            alerts: Outbox::new(&faults),
            rules: Rules {
                thing_types: [("charger".to_owned(), "Charger".to_owned())].into(),
                groups: vec!["all".to_owned()],
                policy: "device".to_owned(),
                ..Rules::default()
            },
            faults,
        }
    }

    fn register(&self) -> PortResult<Outcome> {
        let ports = Ports {
            registry: &self.iot,
            block_list: &self.lists,
            allow_list: self.use_allow_list.then_some(&self.lists),
            devices: &self.devices,
            registrations: &self.registrations,
            alerts: &self.alerts,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(register(&ports, &self.rules, &presented()))
    }

    fn state(&self) -> State {
        lock(&self.iot.state).clone()
    }

    fn record(&self) -> Option<fleet::conditional::Item> {
        self.registrations.row(&event().certificate_id)
    }
}

#[test]
fn a_device_is_registered_in_order_and_activated_last() {
    let world = World::new(CHARGER);
    assert_eq!(world.register().unwrap(), Outcome::Registered { thing_name: "charger-0001".into() });
    let state = world.state();
    assert_eq!(state.status, Some(CertificateStatus::Active));
    assert_eq!(state.things["charger-0001"].thing_type.as_deref(), Some("Charger"));
    assert_eq!(state.groups, [("charger-0001".to_owned(), "all".to_owned())].into());
    assert_eq!((state.policies, state.principals), (["device".into()].into(), ["charger-0001".into()].into()));
    assert_eq!(world.devices.row("charger-0001").unwrap().text("thingType"), Some("Charger"));
    assert_eq!(world.record().unwrap().text("outcome"), Some("approved"));
    let calls = world.faults.calls();
    assert_eq!(calls.last(), Some(&"UpdateCertificate"));
    let writes: Vec<_> =
        calls.iter().filter(|call| !call.starts_with("Describe") && !call.starts_with("Find")).collect();
    assert_eq!(
        writes,
        [
            &"CreateThing",
            &"AddThingToThingGroup",
            &"AttachPolicy",
            &"AttachThingPrincipal",
            &"UpdateItem",
            &"UpdateItem",
            &"UpdateCertificate"
        ]
    );
    assert!(world.alerts.sent().is_empty());
}

/// Fails each call in turn, before and after its effect; the next event must leave what an undisturbed run leaves.
fn crash_everywhere(make: impl Fn() -> World, expected: &Outcome) {
    let undisturbed = make();
    undisturbed.register().unwrap();
    let calls = undisturbed.faults.calls();
    for (number, call) in calls.iter().enumerate() {
        for moment in [Moment::Before, Moment::After] {
            let world = make();
            world.faults.fail(number, moment);
            let error = world.register().unwrap_err();
            assert_eq!(error.cause.to_string().contains("before"), moment == Moment::Before);
            let last = number + 1 == calls.len();
            if !(last && moment == Moment::After) {
                assert_eq!(world.state().status, Some(CertificateStatus::PendingActivation), "{call} {moment:?}");
            }
            world.faults.restart();
            let outcome = world.register().unwrap();
            match outcome {
                // The answer to the last call was lost, and the certificate is where it should be.
                Outcome::AlreadyDecided(_) => assert!(last && moment == Moment::After, "{call} {moment:?}"),
                outcome => assert_eq!(&outcome, expected, "{call} {moment:?}"),
            }
            assert_eq!(world.state(), undisturbed.state(), "{call} {moment:?}");
            assert_eq!(world.devices.rows(), undisturbed.devices.rows(), "{call} {moment:?}");
            assert_eq!(world.registrations.rows(), undisturbed.registrations.rows(), "{call} {moment:?}");
            assert!(!world.state().connected_too_early);
            // An alert may come twice, as the same alert, but never not at all.
            let ids: BTreeSet<_> = world.alerts.sent().iter().map(Alert::id).collect();
            let wanted: BTreeSet<_> = undisturbed.alerts.sent().iter().map(Alert::id).collect();
            assert_eq!(ids, wanted, "{call} {moment:?}");
        }
    }
}

#[test]
fn a_crash_between_any_two_steps_of_a_registration_is_mended_by_the_next_event() {
    crash_everywhere(|| World::new(CHARGER), &Outcome::Registered { thing_name: "charger-0001".into() });
}

#[test]
fn a_crash_between_any_two_steps_of_a_rejection_is_mended_by_the_next_event() {
    let rejection = Rejection { reasons: vec![Reason::WeakKey("RSA of 1024 bits".into())] };
    crash_everywhere(|| World::new(WEAK), &Outcome::Rejected(rejection));
}

#[test]
fn an_event_for_a_decided_certificate_changes_nothing() {
    for status in [CertificateStatus::Active, CertificateStatus::Inactive, CertificateStatus::Revoked] {
        let world = World::new(CHARGER);
        lock(&world.iot.state).status = Some(status.clone());
        assert_eq!(world.register().unwrap(), Outcome::AlreadyDecided(status));
        assert_eq!(world.faults.calls(), ["DescribeCertificate"]);
    }
    let world = World::new(CHARGER);
    lock(&world.iot.state).pem = None;
    assert_eq!(world.register().unwrap(), Outcome::Gone);
}

#[test]
fn known_bad_is_revoked_and_unknown_is_inactive_both_told_and_recorded() {
    let blocked = || {
        let mut world = World::new(CHARGER);
        world.lists.blocked.insert("serial#SN-0001".into(), "stolen from the warehouse".into());
        world
    };
    let unlisted = || World { use_allow_list: true, ..World::new(CHARGER) };
    let unknown_ca = || {
        let world = World::new(CHARGER);
        lock(&world.iot.state).ca_active = None;
        world
    };
    for (world, status, why) in [
        (blocked(), CertificateStatus::Revoked, "stolen from the warehouse"),
        (World::new(WEAK), CertificateStatus::Revoked, "RSA of 1024 bits"),
        (World::new(TOASTER), CertificateStatus::Inactive, "toaster"),
        (unlisted(), CertificateStatus::Inactive, "not on the allow list"),
        (unknown_ca(), CertificateStatus::Inactive, "not one of the fleet's"),
    ] {
        assert!(matches!(world.register().unwrap(), Outcome::Rejected(_)), "{why}");
        let state = world.state();
        assert_eq!(state.status, Some(status.clone()), "{why}");
        assert!(state.things.is_empty() && state.policies.is_empty(), "{why}");
        let [Alert::RegistrationRejected { reasons, status: told, .. }] = &world.alerts.sent()[..] else {
            panic!("not one alert: {why}")
        };
        assert!(reasons.join(" ").contains(why), "{reasons:?}");
        assert_eq!(told, status.as_str());
        let record = world.record().unwrap();
        assert_eq!((record.text("outcome"), record.text("status")), (Some("rejected"), Some(status.as_str())));
        assert!(record.text("reasons").unwrap().contains(why));
    }
}

#[test]
fn a_device_on_the_allow_list_joins() {
    let mut world = World { use_allow_list: true, ..World::new(CHARGER) };
    world.lists.allowed.insert("SN-0001".into());
    assert!(matches!(world.register().unwrap(), Outcome::Registered { .. }));
}

#[test]
fn a_thing_that_exists_with_more_attributes_is_the_same_thing() {
    let world = World::new(CHARGER);
    let attributes = [("serialNumber", "SN-0001"), ("model", "charger"), ("site", "north")];
    let thing = Thing {
        thing_type: Some("Charger".into()),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    lock(&world.iot.state).things.insert("charger-0001".into(), thing.clone());
    assert!(matches!(world.register().unwrap(), Outcome::Registered { .. }));
    assert_eq!(world.state().things["charger-0001"], thing);
}

#[test]
fn a_different_thing_of_that_name_is_a_conflict_and_is_left_alone() {
    let world = World::new(CHARGER);
    let thing = Thing { thing_type: Some("Switch".into()), attributes: BTreeMap::new() };
    lock(&world.iot.state).things.insert("charger-0001".into(), thing.clone());
    let Outcome::Rejected(rejection) = world.register().unwrap() else { panic!("registered") };
    assert!(matches!(rejection.reasons[..], [Reason::ThingConflict { .. }]));
    let state = world.state();
    assert_eq!(state.status, Some(CertificateStatus::Inactive));
    assert_eq!(state.things["charger-0001"], thing);
    assert!(state.policies.is_empty() && state.principals.is_empty());
    assert_eq!(world.alerts.sent().len(), 1);
}
