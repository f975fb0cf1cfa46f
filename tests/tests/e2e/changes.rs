//! The backend's conditional writes on a real DynamoDB wire beside what the backend's own tests take them to do: every change
//! that `fleet` makes, and conditions of any shape, are rendered, carried out on the stand-in and compared, row by row.

use super::remembered::configured;
use drydock_tests::gateway::{Gateway, Place, SMALL};
use fleet::conditional::{Change, Condition, Item, Outcome, Value};
use fleet::connectivity::{Claim, Sighting, State, claim, confirm, connect_failed, flap, judge_claim, settle, take_up};
use fleet::detection::observation::{Did, added, additions, awaited, fill};
use fleet::detection::profile::Profile;
use fleet::detection::{period, state as detection};
use fleet::ports::{Thing, UpdateItem};
use fleet::registration::{Plan, Reason, Rejection, approval_record, attempt, device_record, joined_record, retired};
use fleet::telemetry::{History, Latest, Next, Reading, Thresholds, Untold};
use fleet_aws::dynamodb::{Client, Table};
use iot_events::{CertificateRegistered, ConnectFailed};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Runtime;

/// A table in memory and one on the stand-in, which must stay equal.
struct Both {
    runtime: Runtime,
    stand_in: Table,
    rows: RefCell<BTreeMap<String, Option<Item>>>,
    /// Each case has rows of its own.
    case: AtomicUsize,
}

impl Both {
    /// A table with this key, on a gateway.
    fn on(gateway: &Gateway<'_>, name: &str, keys: &[&str]) -> Self {
        let attributes: Vec<_> = keys.iter().map(|key| json!({ "AttributeName": key, "AttributeType": "S" })).collect();
        let kinds = ["HASH", "RANGE"];
        let schema: Vec<_> =
            keys.iter().zip(kinds).map(|(key, kind)| json!({ "AttributeName": key, "KeyType": kind })).collect();
        let table = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": attributes, "KeySchema": schema,
        });
        gateway.dynamodb("CreateTable", &table);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let config = runtime.block_on(configured(gateway));
        let stand_in = Table::new(&Client::new(&config), name.to_owned());
        Self { runtime, stand_in, rows: RefCell::default(), case: AtomicUsize::new(0) }
    }

    /// A name that no case had before.
    fn name(&self) -> String {
        format!("thing-{}", self.case.fetch_add(1, Ordering::Relaxed))
    }

    fn run(&self, change: &Change) -> Outcome {
        let key = format!("{:?}", change.key);
        let expected = change.apply(self.rows.borrow_mut().entry(key).or_default());
        match self.runtime.block_on(self.stand_in.update_item(change)) {
            Ok(found) => {
                assert_eq!(told(found, &expected, change), plain(expected.clone()), "{change:#?}");
            }
            Err(error) => panic!("{error}\n{change:#?}"),
        }
        expected
    }
}

/// What the stand-in tells, as [`plain`] has it. Its engine answers the key alone as what was there before where no row was,
/// DynamoDB nothing: there alone that is taken for nothing.
fn told(found: Outcome, expected: &Outcome, change: &Change) -> Outcome {
    let is_bare = |item: &Item| item.0.keys().all(|name| change.key.iter().any(|(key, _)| key == name));
    match (plain(found), expected) {
        (Outcome::Applied { before: Some(item) }, Outcome::Applied { before: None }) if is_bare(&item) => {
            Outcome::Applied { before: None }
        }
        (Outcome::Refused { current: Some(item) }, Outcome::Refused { current: None }) if is_bare(&item) => {
            Outcome::Refused { current: None }
        }
        (found, _) => found,
    }
}

/// An outcome with its numbers as both sides tell them: `92` where DynamoDB gives it, `92.0` where it was made.
fn plain(outcome: Outcome) -> Outcome {
    let item = |found: Option<Item>| {
        let mut item = found?;
        for value in item.0.values_mut() {
            if let Value::Document(document) = value {
                whole(document);
            }
        }
        Some(item)
    };
    match outcome {
        Outcome::Applied { before } => Outcome::Applied { before: item(before) },
        Outcome::Refused { current } => Outcome::Refused { current: item(current) },
    }
}

/// Up to where floating-point numbers are every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes numbers without a fraction as integers, where they are exactly those.
fn whole(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => members.iter_mut().for_each(|(_, member)| whole(member)),
        serde_json::Value::Array(items) => items.iter_mut().for_each(whole),
        serde_json::Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT) {
                *value = json!(float as i64);
            }
        }
        _ => {}
    }
}

fn cases(number: u32, mut case: impl FnMut(&mut TestRunner)) {
    case(&mut TestRunner::new(Config { cases: number, failure_persistence: None, ..Config::default() }));
}

fn condition() -> impl Strategy<Value = Condition> {
    let name = || prop::sample::select(vec!["a", "b", "alarm:t:above", "size"]);
    let value = prop_oneof![
        (0..3i64).prop_map(Value::from),
        prop::sample::select(vec!["x", "y"]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Document(json!({ "k": [1, "x", null] }))),
    ];
    let leaf = prop_oneof![
        name().prop_map(|name| Condition::Exists(name.into())),
        name().prop_map(|name| Condition::Missing(name.into())),
        (name(), value).prop_map(|(name, value)| Condition::equal(name, value)),
        (name(), 0..3i64).prop_map(|(name, value)| Condition::less(name, value)),
        (name(), 0..3i64).prop_map(|(name, value)| Condition::less_or_equal(name, value)),
        (name(), 0..3i64).prop_map(|(name, value)| Condition::greater(name, value)),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(Condition::negated),
        ]
    })
}

#[test]
fn conditions_of_any_shape_hold_on_the_wire_where_they_hold_in_memory() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let both = Both::on(&gateway, "conditions", &["thingName"]);
    let set = prop::collection::vec((prop::sample::select(vec!["a", "b", "alarm:t:above", "size"]), 0..3i64), 1..3);
    cases(200, |runner| {
        let change = prop::collection::vec((condition(), set.clone(), any::<bool>()), 1..4);
        runner
            .run(&change, |changes| {
                let name = both.name();
                for (condition, set, removes) in changes {
                    let mut change =
                        Change::of("thingName", name.as_str()).when(condition).count("n", 1).collect("s", 4);
                    let mut names = std::collections::BTreeSet::new();
                    for (attribute, value) in set {
                        if names.insert(attribute) {
                            change = if removes { change.remove(attribute) } else { change.set(attribute, value) };
                        }
                    }
                    both.run(&change);
                }
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn telemetry_is_written_as_it_is_meant() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let (latest_rows, history_rows) =
        (Both::on(&gateway, "latest", &["thingName"]), Both::on(&gateway, "history", &["thingName", "measured"]));
    let limits = json!({"*": [
        {"metric": "t", "above": 80, "clear": 75}, {"metric": "battery.voltage", "below": 3},
    ]});
    let thresholds: Thresholds = serde_json::from_value(limits).unwrap();
    let reading = (0..3i64, 0..2i64, 0..4usize, prop::sample::select(vec![20.5, 78.0, 80.0, 92.25]), any::<bool>());
    cases(60, |runner| {
        runner
            .run(&prop::collection::vec(reading.clone(), 1..8), |readings| {
                let thing_name = latest_rows.name();
                for (at, received, kind, value, tells) in readings {
                    let values = match kind {
                        0 => json!({ "t": value }),
                        1 => json!({ "battery": { "voltage": value / 10.0 }, "on": true, "note": null }),
                        2 => json!({ "t": value, "h": [1, 2.5, "x"] }),
                        _ => (0..60).map(|n| (format!("m{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into(),
                    };
                    let reading = Reading {
                        thing_name: thing_name.clone(),
                        measured_at: 1_764_000_000_000 + at,
                        received_at: 1_764_000_000_000 + received,
                        values: values.as_object().unwrap().clone(),
                    };
                    history_rows.run(&History { days: 30 }.keep(&reading));
                    let latest = Latest::of(&reading, thresholds.of(None));
                    let mut change = latest.first_try();
                    let row = loop {
                        match latest.judge(&change, latest_rows.run(&change)) {
                            Next::Write(next) => change = next,
                            Next::Done(_, row) => break row.unwrap(),
                            Next::Full => panic!("full"),
                        }
                    };
                    if let (true, Some(untold)) = (tells, Untold::first(&thing_name, &row)) {
                        latest_rows.run(&untold.claim(5, 10));
                        latest_rows.run(&untold.claim(6, 10));
                        latest_rows.run(&untold.confirm());
                        latest_rows.run(&untold.confirm());
                    }
                }
                Ok(())
            })
            .unwrap();
    });
}

/// What `fleet` was once caught at: a condition of one part, which was rendered in two pairs of parentheses.
#[test]
fn an_alarm_that_was_raised_is_cleared() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let rows = Both::on(&gateway, "latest", &["thingName"]);
    let thresholds: Thresholds =
        serde_json::from_value(json!({"*": [{"metric": "t", "above": 80, "clear": 75}]})).unwrap();
    let mut told = Vec::new();
    for (at, value) in [(1, 92), (2, 20), (3, 21)] {
        let values = json!({ "t": value }).as_object().unwrap().clone();
        let reading = Reading { thing_name: "x".into(), measured_at: at, received_at: at, values };
        let latest = Latest::of(&reading, thresholds.of(None));
        let mut change = latest.first_try();
        let row = loop {
            match latest.judge(&change, rows.run(&change)) {
                Next::Write(next) => change = next,
                Next::Done(_, row) => break row.unwrap(),
                Next::Full => panic!("full"),
            }
        };
        for untold in Untold::all("x", &row) {
            assert!(matches!(rows.run(&untold.claim(at, 10)), Outcome::Applied { .. }));
            told.push(untold.alert().subject());
            assert!(matches!(rows.run(&untold.confirm()), Outcome::Applied { .. }));
        }
    }
    assert_eq!(told, ["t:above raised at 92: x", "t:above cleared at 20: x"]);
}

#[test]
fn connectivity_is_written_as_it_is_meant() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let rows = Both::on(&gateway, "connectivity", &["clientId"]);
    let act = (0..4i64, 0..2i64, any::<bool>(), 0..3usize, 0..40i64);
    cases(60, |runner| {
        runner
            .run(&prop::collection::vec(act.clone(), 1..10), |acts| {
                let client_id = rows.name();
                let mut settles: Vec<settle::Settle> = Vec::new();
                for (version, phase, is_device, pick, now) in acts {
                    let sighting = Sighting {
                        client_id: client_id.clone(),
                        thing_name: is_device.then(|| client_id.clone()),
                        sequence: version * 2 + phase,
                        session: format!("s{version}"),
                        principal: "p".into(),
                        at: 1_764_000_000_000 + version * 700_000,
                        state: if phase == 0 { State::Online(Some("192.0.2.1".into())) } else { State::Offline(None) },
                    };
                    settles.extend(sighting.judge(&rows.run(&sighting.change(is_device))).settle);
                    let failed = ConnectFailed {
                        client_id: client_id.clone(),
                        thing_name: None,
                        timestamp: now,
                        session_identifier: format!("f{}", now / 10),
                        principal_identifier: "p".into(),
                        ip_address: None,
                        connect_failure_reason: "AUTHORIZATION_FAILED".into(),
                    };
                    rows.run(&connect_failed(&failed));
                    let Some(settle) = settles.get(pick) else { continue };
                    match judge_claim(settle, &rows.run(&claim(settle, now, 10)), now) {
                        Claim::Announce if pick == 0 => drop(rows.run(&confirm(settle))),
                        Claim::TakeUp(begun) => {
                            rows.run(&take_up(&begun, now, 10));
                            rows.run(&confirm(&begun));
                        }
                        Claim::Superseded => {
                            let Some(flap) = flap(settle, 600) else { continue };
                            rows.run(&flap.count());
                            rows.run(&flap.open_window());
                            let _ = flap.alert(&rows.run(&flap.count()), 1);
                            rows.run(&flap.alerted());
                        }
                        Claim::Announce | Claim::InProgress | Claim::NothingToDo => {}
                    }
                }
                Ok(())
            })
            .unwrap();
    });
}

/// Behaviors of which each measures something else.
fn profile() -> Profile {
    let less = |name: &str, metric: &str, value: serde_json::Value, seconds: Option<i64>| {
        json!({ "name": name, "metric": metric,
            "criteria": { "comparisonOperator": "less-than", "value": value, "durationSeconds": seconds } })
    };
    let few = json!({ "count": 1 });
    let mut scoped = less("scoped", "aws:num-messages-sent", few.clone(), Some(600));
    scoped["metricDimension"] = json!({ "dimensionName": "a", "operator": "NOT_IN" });
    let text = json!({
        "securityProfileName": "p", "dimensions": { "a": ["a/+"] }, "customMetrics": { "temperature": "number" },
        "behaviors": [
            less("sent", "aws:num-messages-sent", few.clone(), Some(300)),
            scoped,
            less("size", "aws:message-byte-size", json!({ "count": 20 }), None),
            less("connects", "aws:num-connection-attempts", few.clone(), Some(300)),
            less("ends", "aws:num-disconnects", few.clone(), Some(300)),
            less("refusals", "aws:num-authorization-failures", few, Some(300)),
            less("cold", "temperature", json!({ "number": 20.0 }), None),
            { "name": "home", "metric": "aws:source-ip-address",
                "criteria": { "comparisonOperator": "in-cidr-set", "value": { "cidrs": ["192.0.2.0/24"] } } },
        ],
    });
    Profile::read(&text.to_string()).unwrap()
}

#[test]
fn detection_is_written_as_it_is_meant() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let rows = Both::on(&gateway, "detection", &["thingName", "row"]);
    let profile = profile();
    let report = |id: i64| {
        let report = json!({ "header": { "report_id": id, "version": "1.0" },
            "custom_metrics": { "temperature": [{ "number": 19.0 + id as f64 }] } });
        Did::Reported(Box::new(
            behaviors::report::Report::read(behaviors::report::Format::Json, report.to_string().as_bytes()).unwrap(),
        ))
    };
    let act = (0..7usize, 0..4i64, 0..4i64);
    cases(40, |runner| {
        runner
            .run(&prop::collection::vec(act.clone(), 1..12), |acts| {
                let thing = rows.name();
                for (kind, of, digest) in acts {
                    let did = match kind {
                        0 => {
                            Did::Sent { digest, topic: if digest < 2 { "a/b" } else { "c" }.into(), bytes: digest * 10 }
                        }
                        1 => Did::Tried { digest, address: Some(format!("198.51.100.{digest}")), refused: digest > 2 },
                        2 => Did::Ended { digest, refused: digest > 2 },
                        3 => report(digest),
                        _ => {
                            judge(&rows, &profile, (&thing, of), (digest, kind));
                            continue;
                        }
                    };
                    // Two messages of one batch go into one set at once.
                    let other = Did::Sent { digest: digest + 10, topic: "a/b".into(), bytes: 15 };
                    for addition in additions(&profile, &thing, of, &[&did, &other]) {
                        let outcome = rows.run(&addition.change);
                        let added = added(&addition, &outcome);
                        if let Some(set) = addition.set.filter(|_| digest == 3) {
                            rows.run(&fill(&thing, of, &set));
                        }
                        if added.unawaited {
                            rows.run(&detection::begin(&thing, of));
                            rows.run(&detection::open(&thing, of));
                            rows.run(&awaited(&thing, of));
                        }
                    }
                }
                Ok(())
            })
            .unwrap();
    });
}

/// Looks at a device; where `kind` says so, what was found is not told at once.
fn judge(rows: &Both, profile: &Profile, (thing, of): (&str, i64), (now, kind): (i64, usize)) {
    for _ in 0..8 {
        let known = detection::state(&rows.run(&detection::begin(thing, of)), of);
        match known.next(of, now) {
            detection::Next::Done => {
                if let Some(next) = known.to_follow() {
                    rows.run(&detection::followed(thing, next));
                }
                return;
            }
            detection::Next::InProgress => return,
            detection::Next::TakeUp => {
                rows.run(&known.take_up(thing, now, 1));
                rows.run(&known.told(thing));
            }
            detection::Next::Judge(next) => {
                let closed = |of: i64| period::closed(rows.run(&period::close(thing, of)));
                let seen: Vec<Option<Item>> = (next - 1..=next).map(closed).collect();
                let after = known.judge(profile, thing, next, &seen);
                let committed = rows.run(&known.commit(thing, &after, now, 1));
                assert!(matches!(committed, Outcome::Applied { .. }), "nobody else judges: {known:?}");
                if !after.untold.is_empty() && kind < 6 {
                    rows.run(&after.told(thing));
                }
            }
        }
    }
}

#[test]
fn registrations_are_written_as_they_are_meant() {
    let place = Place::new(SMALL);
    let gateway = place.up(&["--ephemeral", "--no-functions"]);
    let registrations = Both::on(&gateway, "registrations", &["certificateId"]);
    let devices = Both::on(&gateway, "devices", &["thingName"]);
    let event: CertificateRegistered =
        serde_json::from_str(include_str!("../../../events/jit-registration-first-connection.json")).unwrap();
    let plan = Plan {
        thing_name: "charger-0001".into(),
        thing: Thing { thing_type: Some("Charger".into()), ..Thing::default() },
        model: None,
        serial_number: "SN-1".into(),
        groups: Vec::new(),
        policy: "device".into(),
    };
    let rejection = Rejection { reasons: vec![Reason::NoName] };
    let act = (0..7usize, 0..3i64, 0..2usize);
    cases(60, |runner| {
        runner
            .run(&prop::collection::vec(act.clone(), 1..12), |acts| {
                let event = CertificateRegistered { certificate_id: registrations.name(), ..event.clone() };
                let plan = Plan { thing_name: devices.name(), ..plan.clone() };
                let (id, ca) = (&event.certificate_id, &event.ca_certificate_id);
                let certificate = |which: usize| format!("{id}-{which}");
                for (kind, at, which) in acts {
                    let now = event.timestamp + (at - 1) * 20;
                    let rejected = fleet::registration::rejection_record(
                        id,
                        ca,
                        Some("x").filter(|_| which == 0),
                        &rejection,
                        now,
                    );
                    match kind {
                        0 => drop(attempt::judge(&event, registrations.run(&attempt::begin(&event, now, 10)))),
                        1 => drop(registrations.run(&attempt::done(id, now))),
                        2 => drop(registrations.run(&rejected)),
                        3 => drop(registrations.run(&attempt::rest(rejected, now))),
                        4 => drop(registrations.run(&approval_record(id, ca, &plan, now))),
                        5 => {
                            let id = certificate(which);
                            let written = devices.run(&device_record(&id, &plan, now, None));
                            if let Some(old) = retired(&written) {
                                devices.run(&device_record(&id, &plan, now, Some(old)));
                            }
                        }
                        _ => drop(devices.run(&joined_record(
                            &plan.thing_name,
                            "claim",
                            &[("model", "m"), ("x", "")],
                            now,
                        ))),
                    }
                }
                Ok(())
            })
            .unwrap();
    });
}
