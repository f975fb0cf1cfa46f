//! Registration against a registry in memory, with a crash at every call.

use super::*;
use fleet::fakes::{Faults, Lists, Moment, Outbox, Part, Table};
use fleet::ports::Thing;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CHARGER: &str = include_str!("../../../../shared/fleet/tests/certificates/p256.pem");
pub(super) const WEAK: &str = include_str!("../../../../shared/fleet/tests/certificates/rsa1024.pem");
const TOASTER: &str = include_str!("../../../../shared/fleet/tests/certificates/unknown-model.pem");

/// AWS IoT as far as registration goes. It refuses what AWS refuses: things and principals that do not exist.
#[derive(Debug)]
pub(super) struct Iot {
    state: Part<State>,
    throttled: std::sync::atomic::AtomicBool,
    faults: Faults,
}

#[derive(Default, Clone, Debug, PartialEq)]
pub(super) struct State {
    pem: Option<String>,
    ca_active: Option<bool>,
    pub(super) status: Option<CertificateStatus>,
    /// Certificates of other ids that were given a status.
    others: BTreeMap<String, CertificateStatus>,
    things: BTreeMap<String, Thing>,
    groups: BTreeSet<(String, String)>,
    policies: BTreeSet<String>,
    principals: BTreeSet<String>,
    /// Whether the certificate was ever active without being complete.
    pub(super) connected_too_early: bool,
}

const ARN: &str = "arn:aws:iot:us-east-1:123456789012:cert/c";

impl DescribeCertificate for Iot {
    async fn describe_certificate(&self, _: &str) -> PortResult<Option<RegisteredCertificate>> {
        if self.throttled.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(PortError::new("DescribeCertificate", "rate exceeded").of_kind(ErrorKind::Throttled));
        }
        self.faults
            .run("DescribeCertificate", || {
                let state = self.state.lock();
                Some(RegisteredCertificate {
                    arn: ARN.into(),
                    pem: state.pem.clone()?,
                    ca_certificate_id: Some(event().ca_certificate_id),
                    status: state.status.clone()?,
                })
            })
            .await
    }
}

impl DescribeCaCertificate for Iot {
    async fn ca_is_active(&self, _: &str) -> PortResult<Option<bool>> {
        self.faults.ask("DescribeCACertificate", || self.state.lock().ca_active).await
    }
}

impl CreateThing for Iot {
    async fn create_thing(&self, name: &str, thing: &Thing) -> PortResult<Created> {
        self.faults
            .run("CreateThing", || {
                // "If this call is made multiple times using the same thing name and configuration, the call will succeed."
                let mut state = self.state.lock();
                let existing = state.things.entry(name.to_owned()).or_insert_with(|| thing.clone());
                if existing == thing { Created::Made } else { Created::ExistsOtherwise }
            })
            .await
    }
}

impl DescribeThing for Iot {
    async fn describe_thing(&self, name: &str) -> PortResult<Option<Thing>> {
        self.faults.run("DescribeThing", || self.state.lock().things.get(name).cloned()).await
    }
}

impl AddThingToGroup for Iot {
    async fn add_thing_to_group(&self, name: &str, group: &str) -> PortResult<()> {
        self.faults
            .run("AddThingToThingGroup", || {
                let mut state = self.state.lock();
                assert!(state.things.contains_key(name));
                state.groups.insert((name.to_owned(), group.to_owned()));
            })
            .await
    }
}

impl AttachPolicy for Iot {
    async fn attach_policy(&self, policy: &str, arn: &str) -> PortResult<()> {
        assert_eq!(arn, ARN);
        self.faults
            .run("AttachPolicy", || {
                self.state.lock().policies.insert(policy.to_owned());
            })
            .await
    }
}

impl AttachThingPrincipal for Iot {
    async fn attach_thing_principal(&self, thing: &str, arn: &str) -> PortResult<()> {
        assert_eq!(arn, ARN);
        self.faults
            .run("AttachThingPrincipal", || {
                let mut state = self.state.lock();
                assert!(state.things.contains_key(thing));
                state.principals.insert(thing.to_owned());
            })
            .await
    }
}

impl UpdateCertificate for Iot {
    async fn update_certificate(&self, id: &str, status: &CertificateStatus) -> PortResult<()> {
        self.faults
            .run("UpdateCertificate", || {
                let mut state = self.state.lock();
                if id != event().certificate_id {
                    state.others.insert(id.to_owned(), status.clone());
                    return;
                }
                let complete = !state.things.is_empty() && !state.policies.is_empty() && !state.principals.is_empty();
                state.connected_too_early |= *status == CertificateStatus::Active && !complete;
                state.status = Some(status.clone());
            })
            .await
    }
}

#[derive(Debug)]
pub(super) struct World {
    faults: Faults,
    iot: Iot,
    lists: Lists,
    use_allow_list: bool,
    pub(super) devices: Table,
    registrations: Table,
    pub(super) alerts: Outbox<Alert>,
    quarantine: Outbox<Quarantined>,
    rules: Rules,
}

/// When the function runs.
const NOW: i64 = 1_830_000_000_500;

fn event() -> CertificateRegistered {
    serde_json::from_str(include_str!("../../../../events/jit-registration-first-connection.json")).unwrap()
}

/// The fixture's event, at a time when the certificates are valid.
pub(super) fn presented() -> CertificateRegistered {
    CertificateRegistered { timestamp: 1_830_000_000_000, ..event() }
}

impl World {
    fn new(pem: &str) -> Self {
        Self::with(pem, &Faults::default())
    }

    pub(super) fn with(pem: &str, faults: &Faults) -> Self {
        let faults = faults.clone();
        let state = State {
            pem: Some(pem.to_owned()),
            ca_active: Some(true),
            status: Some(CertificateStatus::PendingActivation),
            ..State::default()
        };
        Self {
            iot: Iot { state: Part::new(&faults, state), throttled: false.into(), faults: faults.clone() },
            lists: Lists { faults: faults.clone(), ..Lists::default() },
            use_allow_list: false,
            devices: Table::new(&faults),
            registrations: Table::new(&faults),
            alerts: Outbox::new(&faults),
            quarantine: Outbox::new(&faults),
            rules: Rules {
                thing_types: [("charger".to_owned(), "Charger".to_owned())].into(),
                groups: vec!["all".to_owned()],
                policy: "device".to_owned(),
                ..Rules::default()
            },
            faults,
        }
    }

    pub(super) async fn take(&self, event: &CertificateRegistered, now: i64) -> PortResult<Outcome> {
        register(&self.ports(), &self.rules, event, now).await
    }

    fn ports(&self) -> Ports<'_, Iot, Lists, Lists, Table, Table, Outbox<Alert>> {
        Ports {
            registry: &self.iot,
            block_list: &self.lists,
            allow_list: self.use_allow_list.then_some(&self.lists),
            devices: &self.devices,
            registrations: &self.registrations,
            alerts: &self.alerts,
        }
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn register(&self) -> PortResult<Outcome> {
        self.register_at(NOW)
    }

    fn register_at(&self, now: i64) -> PortResult<Outcome> {
        Self::run(self.take(&presented(), now))
    }

    pub(super) fn state(&self) -> State {
        self.iot.state.lock().clone()
    }

    pub(super) fn record(&self) -> Option<fleet::conditional::Item> {
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
    assert_eq!(calls[..2], ["UpdateItem", "DescribeCertificate"], "the attempt is noted before anything is asked");
    let writes: Vec<_> =
        calls.iter().filter(|call| !call.starts_with("Describe") && !call.starts_with("Find")).collect();
    assert_eq!(
        writes,
        [
            &"UpdateItem",
            &"CreateThing",
            &"AddThingToThingGroup",
            &"AttachPolicy",
            &"AttachThingPrincipal",
            &"UpdateItem",
            &"UpdateItem",
            &"UpdateCertificate",
            &"UpdateItem"
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
            // The status is given in the call before the last; the last notes that.
            let decided = number + 2 == calls.len() && moment == Moment::After || number + 1 == calls.len();
            let expected_status =
                if decided { undisturbed.state().status } else { Some(CertificateStatus::PendingActivation) };
            assert_eq!(world.state().status, expected_status, "{call} {moment:?}");
            world.faults.restart();
            // The queue delivers the event again.
            match world.register_at(NOW + 180_000).unwrap() {
                // The answer was lost, and the certificate is where it should be.
                Outcome::AlreadyDecided(_) => assert!(decided, "{call} {moment:?}"),
                Outcome::NotNow => assert!(number + 1 == calls.len() && moment == Moment::After, "{call} {moment:?}"),
                outcome => assert_eq!(&outcome, expected, "{call} {moment:?}"),
            }
            assert_eq!(world.state(), undisturbed.state(), "{call} {moment:?}");
            assert_eq!(world.devices.rows(), undisturbed.devices.rows(), "{call} {moment:?}");
            let (record, calm) = (world.record().unwrap(), undisturbed.record().unwrap());
            assert_eq!((record.text("outcome"), record.text("reasons")), (calm.text("outcome"), calm.text("reasons")));
            assert!(record.number("doneAt").is_some() && record.number("claimedUntil").is_none(), "{call} {moment:?}");
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
        world.iot.state.lock().status = Some(status.clone());
        assert_eq!(world.register().unwrap(), Outcome::AlreadyDecided(status));
        assert_eq!(world.faults.calls(), ["UpdateItem", "DescribeCertificate", "UpdateItem"]);
    }
    let world = World::new(CHARGER);
    world.iot.state.lock().pem = None;
    assert_eq!(world.register().unwrap(), Outcome::Gone);
}

#[test]
fn known_bad_is_revoked_and_unknown_waits_both_told_and_recorded() {
    let blocked = || {
        let mut world = World::new(CHARGER);
        world.lists.blocked.insert("serial#SN-0001".into(), "stolen from the warehouse".into());
        world
    };
    let unlisted = || World { use_allow_list: true, ..World::new(CHARGER) };
    let unknown_ca = || {
        let world = World::new(CHARGER);
        world.iot.state.lock().ca_active = None;
        world
    };
    for (world, status, why) in [
        (blocked(), CertificateStatus::Revoked, "stolen from the warehouse"),
        (World::new(WEAK), CertificateStatus::Revoked, "RSA of 1024 bits"),
        (World::new(TOASTER), CertificateStatus::PendingActivation, "toaster"),
        (unlisted(), CertificateStatus::PendingActivation, "not on the allow list"),
        (unknown_ca(), CertificateStatus::PendingActivation, "not one of the fleet's"),
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
    world.iot.state.lock().things.insert("charger-0001".into(), thing.clone());
    assert!(matches!(world.register().unwrap(), Outcome::Registered { .. }));
    assert_eq!(world.state().things["charger-0001"], thing);
}

#[test]
fn a_different_thing_of_that_name_is_a_conflict_and_is_left_alone() {
    let world = World::new(CHARGER);
    let thing = Thing { thing_type: Some("Switch".into()), attributes: BTreeMap::new() };
    world.iot.state.lock().things.insert("charger-0001".into(), thing.clone());
    let Outcome::Rejected(rejection) = world.register().unwrap() else { panic!("registered") };
    assert!(matches!(rejection.reasons[..], [Reason::ThingConflict { .. }]));
    let state = world.state();
    assert_eq!(state.status, Some(CertificateStatus::Inactive));
    assert_eq!(state.things["charger-0001"], thing);
    assert!(state.policies.is_empty() && state.principals.is_empty());
    assert_eq!(world.alerts.sent().len(), 1);
}

#[test]
fn a_device_that_is_listed_later_joins_when_it_comes_again_and_is_told_of_once() {
    let mut world = World { use_allow_list: true, ..World::new(CHARGER) };
    assert!(matches!(world.register().unwrap(), Outcome::Rejected(_)));
    world.faults.restart();
    assert_eq!(world.register_at(NOW + 5_000).unwrap(), Outcome::NotNow, "it rests");
    assert_eq!(world.faults.calls(), ["UpdateItem"], "a device that hammers costs one write an attempt");
    assert!(matches!(world.register_at(NOW + 61_000).unwrap(), Outcome::Rejected(_)));
    assert_eq!(world.alerts.sent().len(), 1);
    world.lists.allowed.insert("SN-0001".into());
    assert!(matches!(world.register_at(NOW + 200_000).unwrap(), Outcome::Registered { .. }));
    assert_eq!(world.state().status, Some(CertificateStatus::Active));
}

#[test]
fn a_certificate_of_another_fleets_ca_is_left_alone() {
    let mut world = World::new(CHARGER);
    world.rules.trusted_cas = vec!["ab".repeat(32)];
    assert_eq!(world.register().unwrap(), Outcome::NotOurs);
    assert!(world.faults.calls().is_empty());
    world.rules.trusted_cas.push(event().ca_certificate_id);
    assert!(matches!(world.register().unwrap(), Outcome::Registered { .. }));
}

#[test]
fn an_event_that_is_repeated_asks_the_control_plane_nothing_and_one_of_a_deleted_certificate_starts_over() {
    let world = World::new(CHARGER);
    world.register().unwrap();
    world.faults.restart();
    assert_eq!(world.register_at(NOW + 500_000).unwrap(), Outcome::NotNow);
    assert_eq!(world.faults.calls(), ["UpdateItem"]);
    // A person deleted the certificate, and the device came back.
    world.iot.state.lock().status = Some(CertificateStatus::PendingActivation);
    let anew = CertificateRegistered { timestamp: NOW + 600_000, ..presented() };
    let outcome = World::run(world.take(&anew, NOW + 600_100)).unwrap();
    assert!(matches!(outcome, Outcome::Registered { .. }), "{outcome:?}");
}

#[test]
fn a_device_with_a_new_certificate_loses_its_old_one() {
    let world = World::new(CHARGER);
    let old = "cd".repeat(32);
    let row = [("thingName", "charger-0001"), ("certificateId", old.as_str())];
    let row = row.map(|(name, value)| (name.to_owned(), value.into()));
    world.devices.put("charger-0001", fleet::conditional::Item(row.into()));
    assert!(matches!(world.register().unwrap(), Outcome::Registered { .. }));
    assert_eq!(world.state().others, [(old, CertificateStatus::Inactive)].into());
    let row = world.devices.row("charger-0001").unwrap();
    assert_eq!(row.text("certificateId"), Some(event().certificate_id.as_str()));
}

#[test]
fn a_throttle_ends_the_batch_and_is_no_failure_and_what_cannot_be_read_is_set_aside() {
    let world = World::new(CHARGER);
    let body = serde_json::to_string(&presented()).unwrap();
    let records = serde_json::json!({"Records": [
        {"messageId": "m0", "body": "{}"}, {"messageId": "m1", "body": body}, {"messageId": "m2", "body": body},
    ]});
    let batch: SqsBatch = serde_json::from_value(records).unwrap();
    world.iot.throttled.store(true, std::sync::atomic::Ordering::Relaxed);
    let run = || World::run(register_batch(&world.ports(), &world.quarantine, &world.rules, &batch, NOW));
    let (response, all) = run();
    let again: Vec<_> = response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
    assert_eq!(again, ["m1", "m2"]);
    assert!(matches!(&all[..], [Ok((_, Outcome::Quarantined)), Err(error)] if error.kind == ErrorKind::Throttled));
    assert_eq!(world.quarantine.sent()[0].message, "{}");
}
