//! Connectivity against a table, a queue and topics in memory: any order, duplicates, lost answers.

use super::*;
use fleet::alert::Alert;
use fleet::batch::comes_again;
use fleet::connectivity::Indexed;
use fleet::connectivity::attribute::{ANNOUNCED, CONNECTED, EXPIRES_AT, LAST_FAILURE_ADDRESS};
use fleet::connectivity::reconcile::QUIET;
use fleet::fakes::{Certificates, Faults, Index, Lists, Moment, Outbox, Table};
use fleet::ports::ErrorKind;
use iot_events::{ConnectFailed, Connected, DisconnectReason, Disconnected};
use proptest::prelude::*;

#[derive(Debug)]
pub(super) struct World {
    faults: Faults,
    pub(super) clients: Table,
    lists: Lists,
    certificates: Certificates,
    pub(super) queue: Outbox<(Settle, u16)>,
    quarantine: Outbox<Quarantined>,
    pub(super) announcements: Outbox<Alert>,
    pub(super) alerts: Outbox<Alert>,
    pub(super) settings: Settings,
    now: i64,
}

pub(super) type TestPorts<'a> = Ports<
    'a,
    Table,
    Lists,
    Lists,
    Certificates,
    Outbox<(Settle, u16)>,
    Outbox<Quarantined>,
    Outbox<Alert>,
    Outbox<Alert>,
>;

impl World {
    fn new() -> Self {
        Self::with(&Faults::default())
    }

    pub(super) fn with(faults: &Faults) -> Self {
        let faults = faults.clone();
        let mut lists = Lists { faults: faults.clone(), ..Lists::default() };
        let switch = Device { thing_type: Some("Switch".into()), ..Device::default() };
        lists.devices.insert("c".into(), switch);
        Self {
            clients: Table::new(&faults),
            lists,
            certificates: Certificates::new(&faults),
            queue: Outbox::new(&faults),
            quarantine: Outbox::new(&faults),
            announcements: Outbox::new(&faults),
            alerts: Outbox::new(&faults),
            settings: Settings {
                grace: Grace::new("60", [("Switch", "30")]).unwrap(),
                flap_threshold: 3,
                flap_window_seconds: 600,
                reconciled_pages: 2,
            },
            now: 1_764_000_000_000,
            faults,
        }
    }

    pub(super) fn ports(&self) -> TestPorts<'_> {
        Ports {
            clients: &self.clients,
            devices: &self.lists,
            block_list: &self.lists,
            registry: &self.certificates,
            settle_queue: &self.queue,
            quarantine: &self.quarantine,
            announcements: &self.announcements,
            alerts: &self.alerts,
        }
    }

    fn run<T>(&self, work: impl AsyncFnOnce(&TestPorts<'_>) -> T) -> T {
        let ports = self.ports();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work(&ports))
    }

    fn see(&self, event: &Presence) -> PortResult<Report> {
        self.run(async |ports| observe(ports, &self.settings, event).await)
    }

    /// `None`: the message comes again.
    fn look(&self, settle: &Settle) -> Option<Settled> {
        let body = serde_json::to_string(settle).unwrap();
        let batch: SqsBatch =
            serde_json::from_value(serde_json::json!({"Records": [{"messageId": "m", "body": body}]})).unwrap();
        let (response, mut handled) =
            self.run(async |ports| handle_batch(ports, &self.settings, &batch, self.now).await);
        let handled = handled.pop().unwrap();
        assert_eq!(response.batch_item_failures.len(), usize::from(handled.is_err()));
        match handled {
            Ok(Handled::Settled(settled)) => Some(settled),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    /// Looks again at all that is queued, until nothing is.
    fn drain(&mut self) -> Vec<Settled> {
        let mut all = Vec::new();
        while let Some((settle, _)) = self.queue.take(0) {
            loop {
                if let Some(settled) = self.look(&settle) {
                    all.push(settled);
                    break;
                }
                // The visibility timeout, after which any claim has run out.
                self.now += 60_000;
            }
        }
        all
    }

    fn told(&self) -> Vec<&'static str> {
        self.announcements.sent().iter().map(Alert::kind).collect()
    }
}

pub(super) fn on(version: u64, session: &str) -> Presence {
    Presence::Connected(Connected {
        client_id: "c".into(),
        thing_name: None,
        timestamp: 1_764_000_000_000,
        session_identifier: session.into(),
        principal_identifier: "p".into(),
        ip_address: None,
        version_number: version,
    })
}

pub(super) fn off(version: u64, session: &str) -> Presence {
    Presence::Disconnected(Disconnected {
        client_id: "c".into(),
        thing_name: None,
        timestamp: 1_764_000_000_000,
        session_identifier: session.into(),
        principal_identifier: "p".into(),
        client_initiated_disconnect: false,
        disconnect_reason: Some(DisconnectReason::ConnectionLost),
        version_number: version,
    })
}

#[test]
fn events_of_each_kind_are_read_from_the_fixtures() {
    let input: Input = serde_json::from_str(include_str!("../../../../events/connectivity-settle-batch.json")).unwrap();
    let Input::Batch(batch) = input else { panic!("no batch") };
    assert!(serde_json::from_str::<Settle>(&batch.records[0].body).is_ok());
    for text in [
        include_str!("../../../../events/connectivity-connected.json"),
        include_str!("../../../../events/connectivity-disconnected.json"),
        include_str!("../../../../events/connectivity-connect-failed.json"),
    ] {
        let Input::Presence(event) = serde_json::from_str(text).unwrap() else { panic!("no presence") };
        World::new().see(&event).unwrap();
    }
    let error = serde_json::from_str::<Input>(r#"{"eventType":"connected"}"#).unwrap_err().to_string();
    assert!(error.contains("clientId"), "{error}");
}

#[test]
fn offline_is_announced_once_after_the_grace_period_of_the_type_and_online_after_that() {
    let mut world = World::new();
    world.see(&on(0, "a")).unwrap();
    assert_eq!(world.drain(), [], "nobody was told that it was away");
    let report = world.see(&off(0, "a")).unwrap();
    assert!(matches!(report, Report::Seen { settle_in: Some(30), freshness: Freshness::New, .. }), "{report:?}");
    assert!(world.told().is_empty());
    world.drain();
    assert_eq!(world.told(), ["deviceOffline"]);
    let report = world.see(&on(1, "b")).unwrap();
    assert!(matches!(report, Report::Seen { settle_in: Some(0), .. }), "{report:?}");
    world.drain();
    assert_eq!(world.told(), ["deviceOffline", "deviceOnline"]);
}

#[test]
fn duplicates_are_announced_once() {
    let mut world = World::new();
    for event in [on(0, "a"), off(0, "a"), off(0, "a"), on(0, "a"), off(0, "a")] {
        world.see(&event).unwrap();
    }
    assert!(world.queue.sent().len() > 1);
    world.drain();
    assert_eq!(world.told(), ["deviceOffline"]);
    world.see(&off(0, "a")).unwrap();
    assert_eq!(world.queue.sent(), []);
}

#[test]
fn what_comes_back_within_the_grace_period_flaps_and_is_told_once_per_window() {
    let mut world = World::new();
    for version in 0..5 {
        world.see(&on(version, &format!("s{version}"))).unwrap();
        world.see(&off(version, &format!("s{version}"))).unwrap();
    }
    world.see(&on(5, "s5")).unwrap();
    let (first, _) = world.queue.sent()[0].clone();
    let settled = world.drain();
    let alerted: Vec<_> = settled.iter().map(|s| matches!(s, Settled::Flapped { alerted: true, .. })).collect();
    assert_eq!(alerted, [false, false, true, false, false]);
    assert!(world.told().is_empty());
    assert!(matches!(&world.alerts.sent()[..], [Alert::DeviceFlapping { times: 3, .. }]));
    // A message that the queue delivers twice counts once.
    world.look(&first);
    assert_eq!(world.clients.row("c").unwrap().numbers("flaps").map(std::collections::BTreeSet::len), Some(5));
}

#[test]
fn a_refused_attempt_is_counted_once_and_only_for_a_client_that_is_known() {
    let world = World::new();
    let failed = |session: &str| {
        Presence::ConnectFailed(ConnectFailed {
            client_id: "c".into(),
            thing_name: None,
            timestamp: 1,
            session_identifier: session.into(),
            principal_identifier: "p".into(),
            ip_address: None,
            connect_failure_reason: "AUTHORIZATION_FAILED".into(),
        })
    };
    world.see(&failed("x")).unwrap();
    assert!(world.clients.rows().is_empty());
    world.see(&on(0, "a")).unwrap();
    for session in ["x", "x", "y"] {
        world.see(&failed(session)).unwrap();
    }
    let row = world.clients.row("c").unwrap();
    assert_eq!((row.number("connectFailures"), row.flag(CONNECTED)), (Some(2), Some(true)));
}

#[test]
fn a_message_that_cannot_be_read_is_set_aside_and_its_neighbours_are_done() {
    let world = World::new();
    let batch: SqsBatch =
        serde_json::from_str(include_str!("../../../../events/connectivity-settle-batch.json")).unwrap();
    let (response, settled) = world.run(async |ports| handle_batch(ports, &world.settings, &batch, world.now).await);
    assert_eq!(response, BatchResponse::default());
    assert!(
        matches!(settled[..], [Ok(Handled::Settled(Settled::NothingToDo)), Ok(Handled::Quarantined)]),
        "{settled:?}"
    );
    assert_eq!(world.quarantine.sent()[0].message, "not json");
}

#[test]
fn a_crash_at_any_call_loses_no_announcement_and_repeats_one_only_if_it_hit_between_telling_and_noting() {
    let events = [on(0, "a"), off(0, "a")];
    let calm = {
        let mut world = World::new();
        events.iter().for_each(|event| drop(world.see(event).unwrap()));
        world.drain();
        world.faults.calls()
    };
    for (number, call) in calm.iter().enumerate() {
        for moment in [Moment::Before, Moment::After] {
            let mut world = World::new();
            world.faults.fail(number, moment);
            for event in &events {
                // Lambda invokes again.
                if world.see(event).is_err() {
                    world.see(event).unwrap();
                }
            }
            world.drain();
            let told = world.told();
            let repeated = *call == "Notify" && moment == Moment::After || number + 1 == calm.len();
            assert_eq!(told, vec!["deviceOffline"; if repeated { told.len() } else { 1 }], "{call} {moment:?}");
            assert!((1..=2).contains(&told.len()), "{call} {moment:?}");
            let ids: std::collections::BTreeSet<_> = world.announcements.sent().iter().map(Alert::id).collect();
            assert_eq!(ids.len(), 1, "copies of one announcement have one id");
        }
    }
}

#[test]
fn a_client_that_is_no_device_is_followed_and_forgotten_and_nobody_is_told() {
    let mut world = World::new();
    world.lists.devices.clear();
    for event in [on(0, "a"), off(0, "a")] {
        let report = world.see(&event).unwrap();
        assert!(matches!(report, Report::Seen { settle_in: None, .. }), "{report:?}");
    }
    let row = world.clients.row("c").unwrap();
    assert_eq!(row.flag(CONNECTED), Some(false));
    assert_eq!(row.number(EXPIRES_AT), Some(1_764_000_000 + 7 * 86_400));
    // Once it has joined, its row stays.
    world.lists.devices.insert("c".into(), Device::default());
    world.see(&on(1, "b")).unwrap();
    assert_eq!(world.clients.row("c").unwrap().number(EXPIRES_AT), None);
    world.drain();
    assert!(world.told().is_empty());
}

#[test]
fn a_takeover_is_no_flap_whichever_event_comes_first() {
    let Presence::Disconnected(end) = off(0, "a") else { unreachable!() };
    let taken =
        Presence::Disconnected(Disconnected { disconnect_reason: Some(DisconnectReason::DuplicateClientId), ..end });
    for events in [[on(0, "a"), taken.clone(), on(1, "b")], [on(0, "a"), on(1, "b"), taken]] {
        let mut world = World::new();
        events.iter().for_each(|event| drop(world.see(event).unwrap()));
        let settled = world.drain();
        assert!(!settled.iter().any(|settled| matches!(settled, Settled::Flapped { .. })), "{settled:?}");
        assert_eq!(world.clients.row("c").unwrap().numbers("flaps"), None);
    }
}

#[test]
fn a_flap_counts_whether_its_disconnect_or_the_connect_behind_it_comes_first() {
    for events in [[on(0, "a"), off(0, "a"), on(1, "b")], [on(0, "a"), on(1, "b"), off(0, "a")]] {
        let mut world = World::new();
        events.iter().for_each(|event| drop(world.see(event).unwrap()));
        world.drain();
        assert_eq!(world.clients.row("c").unwrap().numbers("flaps"), Some(&[1].into()));
    }
}

#[test]
fn flaps_before_an_announced_return_count() {
    let mut world = World::new();
    world.see(&on(0, "a")).unwrap();
    world.see(&off(0, "a")).unwrap();
    world.drain();
    // It is back, gone and back again before anyone looks; its return is announced first.
    for event in [on(1, "b"), off(1, "b"), on(2, "c")] {
        world.see(&event).unwrap();
    }
    let (flapped, _) = world.queue.sent().into_iter().find(|(settle, _)| settle.target == Target::Offline).unwrap();
    let (back, _) = world.queue.sent().pop().unwrap();
    assert_eq!(world.look(&back), Some(Settled::Announced { client_id: "c".into(), target: Target::Online }));
    assert_eq!(world.look(&flapped), Some(Settled::Flapped { client_id: "c".into(), alerted: false }));
}

#[test]
fn a_refused_attempt_says_where_it_came_from() {
    let world = World::new();
    world.see(&on(0, "a")).unwrap();
    let event = Presence::ConnectFailed(ConnectFailed {
        client_id: "c".into(),
        thing_name: None,
        timestamp: 5,
        session_identifier: "x".into(),
        principal_identifier: "p".into(),
        ip_address: Some("192.0.2.7".into()),
        connect_failure_reason: "AUTHORIZATION_FAILED".into(),
    });
    world.see(&event).unwrap();
    assert_eq!(world.clients.row("c").unwrap().text(LAST_FAILURE_ADDRESS), Some("192.0.2.7"));
}

#[test]
fn a_device_that_is_blocked_after_it_joined_is_stopped_when_it_connects() {
    let certificate = "ab".repeat(32);
    let Presence::Connected(event) = on(0, "a") else { unreachable!() };
    let event = Presence::Connected(Connected { principal_identifier: certificate.clone(), ..event });
    let serial = Device { serial_number: Some("SN-1".into()), ..Device::default() };
    for entry in ["serial#SN-1".to_owned(), format!("certificate#{certificate}"), "thing#c".to_owned()] {
        let mut world = World::new();
        world.lists.devices.insert("c".into(), serial.clone());
        assert!(matches!(world.see(&event), Ok(Report::Seen { blocked: false, .. })));
        assert_eq!(world.certificates.status(&certificate), None);
        world.lists.blocked.insert(entry.clone(), "stolen".into());
        assert!(matches!(world.see(&event), Ok(Report::Seen { blocked: true, .. })), "{entry}");
        assert_eq!(world.certificates.status(&certificate), Some(CertificateStatus::Revoked));
        let sent = world.alerts.sent();
        assert!(matches!(&sent[..], [Alert::DeviceBlocked { entry: told, .. }] if *told == entry), "{sent:?}");
    }
}

#[test]
fn presence_comes_by_a_queue_too_and_what_can_never_work_is_set_aside() {
    let world = World::new();
    let body = serde_json::to_string(&on(0, "a")).unwrap();
    let records = serde_json::json!({"Records": [{"messageId": "m", "body": body}]});
    let batch: SqsBatch = serde_json::from_value(records).unwrap();
    let (response, handled) = world.run(async |ports| handle_batch(ports, &world.settings, &batch, world.now).await);
    assert!(matches!(handled[..], [Ok(Handled::Observed(Report::Seen { connected: true, .. }))]), "{handled:?}");
    assert_eq!(response, BatchResponse::default());
    let denied = PortError::new("UpdateItem", "not allowed").of_kind(ErrorKind::Permanent);
    let result: Result<(), _> = Err(ConnectivityError::from(denied));
    let again = world.run(async |ports| comes_again(ports.quarantine, &batch.records[0], &result).await);
    assert!(!again);
    assert_eq!(world.quarantine.sent()[0].message, batch.records[0].body);
}

/// What may happen next in a random history.
#[derive(Debug, Clone)]
enum Act {
    /// Deliver the undelivered event at this place.
    Deliver(usize),
    /// Deliver again the delivered event at this place.
    Again(usize),
    /// Deliver the queued message at this place.
    Look(usize),
    /// The next call but so many fails.
    Fault(usize, bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => any::<usize>().prop_map(Act::Deliver),
        1 => any::<usize>().prop_map(Act::Again),
        4 => any::<usize>().prop_map(Act::Look),
        1 => (0..4usize, any::<bool>()).prop_map(|(call, after)| Act::Fault(call, after)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Whatever the order of events, second looks and failures: in the end the row is the newest event's, the last
    /// announcement agrees with it (or none was due), and no two different announcements say the same in a row.
    #[test]
    fn what_was_announced_agrees_with_the_row_in_the_end(acts in proptest::collection::vec(act(), 0..60), versions in 1..5u64, stays in any::<bool>()) {
        let mut world = World::new();
        let mut waiting: Vec<_> = (0..versions).flat_map(|v| [on(v, &format!("s{v}")), off(v, &format!("s{v}"))]).collect();
        if stays {
            waiting.pop();
        }
        let mut delivered: Vec<Presence> = Vec::new();
        let deliver = |world: &World, event: &Presence| while world.see(event).is_err() {};
        for act in acts {
            match act {
                Act::Deliver(at) if !waiting.is_empty() => {
                    let event = waiting.remove(at % waiting.len());
                    deliver(&world, &event);
                    delivered.push(event);
                }
                Act::Again(at) if !delivered.is_empty() => deliver(&world, &delivered[at % delivered.len()]),
                Act::Look(at) => {
                    let queued = world.queue.sent().len();
                    if queued > 0 && let Some((settle, _)) = world.queue.take(at % queued) {
                        while world.look(&settle).is_none() {
                            world.now += 60_000;
                        }
                    }
                }
                Act::Fault(ahead, after) => {
                    world.faults.fail(world.faults.calls().len() + ahead, if after { Moment::After } else { Moment::Before });
                }
                _ => {}
            }
        }
        waiting.iter().for_each(|event| deliver(&world, event));
        world.drain();
        let row = world.clients.row("c").unwrap();
        prop_assert_eq!(row.flag(CONNECTED), Some(stays));
        let told = world.announcements.sent();
        let announced = row.text(ANNOUNCED);
        match told.last() {
            Some(last) => {
                let expected = if stays { ("deviceOnline", Some("online")) } else { ("deviceOffline", Some("offline")) };
                prop_assert_eq!((last.kind(), announced), expected);
            }
            None => prop_assert!(stays && announced.is_none()),
        }
    }
}

fn reconciled(world: &World, index: &Index, now: i64) -> PortResult<Reconciled> {
    world.run(async |ports| reconcile(ports, index, &world.settings, now).await)
}

#[test]
fn the_index_is_looked_through_some_pages_at_a_time() {
    let world = World::new();
    let device = |name: &str| Indexed {
        client_id: name.to_owned(),
        connected: false,
        since: Some(1_764_000_000_000),
        reason: None,
    };
    let pages = vec![vec![device("a"), device("b")], vec![device("c")], vec![device("d")]];
    let index = Index { pages, faults: world.faults.clone() };
    assert!(matches!(world.see(&on(0, "s")), Ok(Report::Seen { .. })));
    let later = 1_764_000_000_000 + 2 * QUIET;
    let first = Reconciled { looked: true, compared: 3, repaired: 1, settled: 1, ended: false };
    assert_eq!(reconciled(&world, &index, later).unwrap(), first, "two pages, and `c` was seen to connect");
    assert_eq!(world.clients.row("c").unwrap().flag(CONNECTED), Some(false));
    let (settle, delay) = world.queue.take(0).unwrap();
    assert_eq!((settle.sequence, settle.target, delay), (1, Target::Offline, 30));
    let second = Reconciled { looked: true, compared: 1, ended: true, ..Reconciled::default() };
    assert_eq!(reconciled(&world, &index, later + 1).unwrap(), second);
    // It begins anew, and finds that nobody was told.
    let again = Reconciled { looked: true, compared: 3, settled: 1, ..Reconciled::default() };
    assert_eq!(reconciled(&world, &index, later + 2).unwrap(), again);
    // What is not indexed says nothing.
    let none = Index { pages: Vec::new(), faults: world.faults.clone() };
    let _rest = reconciled(&world, &index, later + 3).unwrap();
    assert_eq!(reconciled(&world, &none, later + 4).unwrap(), Reconciled::default());
}

#[test]
fn the_clock_has_rows_compared() {
    let read = |text: &str| serde_json::from_str::<Input>(text);
    assert!(matches!(read(include_str!("../../../../events/connectivity-reconcile.json")), Ok(Input::Reconcile)));
    assert!(read(r#"{"command":"forget"}"#).unwrap_err().to_string().contains("reconcile"));
}
