//! Violations against tables, groups and topics in memory.

use super::*;
use fleet::alert::Alert;
use fleet::conditional::{Item, Value};
use fleet::defender::watched::Told;
use fleet::fakes::{Defender, Faults, Outbox, Table};
use fleet::release::Definition;
use serde_json::json;

pub(super) const NOW: i64 = 1_764_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) devices: Table,
    pub(super) plans: Table,
    pub(super) groups: Defender,
    pub(super) releases: Outbox<(Definition, String)>,
    quarantine: Outbox<Quarantined>,
    pub(super) alerts: Outbox<Alert>,
    pub(super) settings: Settings,
}

/// All of it in memory.
pub(super) struct Memory;

impl Outside for Memory {
    type Devices = Table;
    type Plans = Table;
    type Groups = Defender;
    type Releases = Outbox<(Definition, String)>;
    type Quarantine = Outbox<Quarantined>;
    type Alerts = Outbox<Alert>;
}

impl World {
    pub(super) fn with(faults: &Faults) -> Self {
        Self {
            devices: Table::new(faults),
            plans: Table::apart(faults),
            groups: Defender::new(faults, &["a", "b", "c"]),
            releases: Outbox::new(faults),
            quarantine: Outbox::new(faults),
            alerts: Outbox::new(faults),
            settings: Settings {
                group: "quarantine".into(),
                group_arn: "arn:aws:iot:us-east-1:123456789012:thinggroup/quarantine".into(),
                policy: "quarantined".into(),
                cap: Cap { devices: 2, window_seconds: 3600 },
            },
        }
    }

    fn new() -> Self {
        Self::with(&Faults::default())
    }

    pub(super) fn plan(&self, about: &str, attributes: &[(&str, Value)]) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.plans.put(about, Item(attributes.chain([("about".to_owned(), about.into())]).collect()));
    }

    pub(super) fn ports(&self) -> Ports<'_, Memory> {
        Ports {
            devices: &self.devices,
            plans: &self.plans,
            groups: &self.groups,
            releases: &self.releases,
            quarantine: &self.quarantine,
            alerts: &self.alerts,
        }
    }

    fn take(&self, body: &str) -> Handled {
        let batch = serde_json::from_value(json!({ "Records": [{ "messageId": "m", "body": body }] })).unwrap();
        let ports = self.ports();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (response, mut handled) = runtime.block_on(handle_batch(&ports, &self.settings, &batch, NOW));
        assert!(response.batch_item_failures.is_empty(), "{handled:?}");
        handled.pop().unwrap().unwrap()
    }

    fn hear(&self, thing: &str, id: &str, kind: &str, minute: i64) -> Handled {
        self.take(&event(thing, id, kind, minute).to_string())
    }

    fn told(&self, thing: &str) -> Vec<Told> {
        let sent = self.alerts.sent();
        let of = |alert: Alert| match alert {
            Alert::Violation(telling) => (telling.thing_name == thing).then_some(telling.what),
            other => panic!("{other:?}"),
        };
        sent.into_iter().filter_map(of).collect()
    }

    pub(super) fn quarantined(&self) -> Vec<String> {
        self.groups.group("quarantine").into_iter().collect()
    }
}

pub(super) fn event(thing: &str, id: &str, kind: &str, minute: i64) -> serde_json::Value {
    json!({
        "violationEventTime": NOW + minute * 60_000, "thingName": thing,
        "behavior": { "name": "floods", "metric": "aws:num-messages-sent", "criteria": {} },
        "violationEventType": kind, "metricValue": { "count": 900 }, "violationId": id,
        "securityProfileName": "devices",
    })
}

#[test]
fn without_a_plan_people_are_told() {
    let world = World::new();
    world.hear("a", "1", "in-alarm", 0);
    world.hear("a", "1", "alarm-cleared", 5);
    assert_eq!(world.told("a"), [Told::Violated, Told::Over]);
    assert!(world.quarantined().is_empty() && world.groups.policies().is_empty());
}

#[test]
fn a_device_is_quarantined_until_nothing_holds_it() {
    let world = World::new();
    world.plan("behavior#devices", &[("respond", "quarantine".into())]);
    world.hear("a", "1", "in-alarm", 0);
    assert_eq!(world.quarantined(), ["a"]);
    assert_eq!(world.groups.policies(), [("quarantined".to_owned(), world.settings.group_arn.clone())].into());
    world.hear("a", "2", "in-alarm", 5);
    world.hear("a", "1", "alarm-cleared", 10);
    assert_eq!(world.quarantined(), ["a"], "the second violation holds it");
    assert_eq!(world.hear("a", "1", "in-alarm", 0), Handled::Known, "an old message comes again");
    world.hear("a", "2", "alarm-invalidated", 15);
    assert!(world.quarantined().is_empty());
    assert_eq!(
        world.told("a"),
        [Told::Violated, Told::Quarantined, Told::Violated, Told::Over, Told::Over, Told::Released]
    );
    let row = world.devices.row("a").unwrap();
    let done = Watched::read(&row).unwrap().violations.get("1").unwrap().done.clone();
    assert_eq!((done, row.flag("quarantined")), (vec!["quarantined".to_owned()], Some(false)));
}

#[test]
fn no_more_devices_than_the_cap_come_into_quarantine_in_a_window() {
    let world = World::new();
    world.plan("behavior", &[("respond", "quarantine".into())]);
    for thing in ["a", "b", "c"] {
        world.hear(thing, &format!("v-{thing}"), "in-alarm", 0);
    }
    assert_eq!(world.quarantined(), ["a", "b"]);
    assert_eq!(world.told("c"), [Told::Violated, Told::HeldBack]);
    // In the next window there is room.
    world.hear("c", "later", "in-alarm", 60);
    assert_eq!(world.quarantined(), ["a", "b", "c"]);
}

#[test]
fn a_device_is_asked_to_do_something() {
    let world = World::new();
    let remedy = Value::Document(json!({ "name": "factory-reset" }));
    world.plan("behavior#devices#floods", &[("respond", "quarantine".into()), ("remedy", remedy.clone())]);
    world.hear("a", "1", "in-alarm", 0);
    world.hear("a", "1", "in-alarm", 0);
    let asked = world.releases.sent();
    let [(release, by)] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((release.check(), by.as_str()), (Ok(()), "defender-response"));
    assert_eq!(world.groups.group(&release.release_id), ["a".to_owned()].into());
    assert_eq!(world.told("a"), [Told::Violated, Told::Quarantined, Told::Remedied]);
    world.plan("behavior#devices#floods", &[("respond", "remedy".into()), ("remedy", remedy)]);
    world.hear("b", "2", "in-alarm", 0);
    assert_eq!((world.releases.sent().len(), world.quarantined().len()), (2, 1), "a remedy is no quarantine");
}

#[test]
fn a_client_that_is_not_in_the_registry_is_told() {
    let world = World::new();
    world.plan("behavior", &[("respond", "quarantine".into())]);
    let handled = world.hear("stranger", "1", "in-alarm", 0);
    assert!(matches!(handled, Handled::Answered { held_back: true, .. }), "{handled:?}");
    assert_eq!(world.told("stranger"), [Told::Violated, Told::HeldBack]);
    world.hear("stranger", "1", "alarm-cleared", 5);
    assert_eq!(world.told("stranger").last(), Some(&Told::Over));
}

#[test]
fn what_is_not_a_violation_is_set_aside() {
    let world = World::new();
    assert_eq!(world.take("[]"), Handled::Quarantined);
    assert!(world.quarantine.sent().first().unwrap().reason.contains("not a violation"));
}
