//! Telemetry against tables, a queue and a topic in memory.

use super::*;
use fleet::alert::Alert;
use fleet::fakes::{Faults, Lists, Moment, Outbox, Table};
use fleet::ports::Device;

const READING: &str = include_str!("../../../../events/telemetry-reading.json");
const HOT: &str = include_str!("../../../../events/telemetry-hot.json");
const NOT_JSON: &str = include_str!("../../../../events/telemetry-not-json.json");
const BATCH: &str = include_str!("../../../../events/telemetry-batch.json");

#[derive(Debug)]
pub(super) struct World {
    faults: Faults,
    pub(super) latest: Table,
    pub(super) history: Table,
    devices: Lists,
    quarantine: Outbox<Quarantined>,
    pub(super) alerts: Outbox<Alert>,
    pub(super) settings: Settings,
}

pub(super) type TestPorts<'a> = Ports<'a, Table, Table, Lists, Outbox<Quarantined>, Outbox<Alert>>;

impl World {
    fn new() -> Self {
        Self::with(&Faults::default())
    }

    pub(super) fn with(faults: &Faults) -> Self {
        let faults = faults.clone();
        let mut devices = Lists { faults: faults.clone(), ..Lists::default() };
        let charger = Device { thing_type: Some("Charger".into()), ..Device::default() };
        devices.devices.insert("charger-0001".into(), charger);
        let thresholds = serde_json::json!({"Charger": [{"metric": "temperature", "above": 80, "clear": 75}]});
        Self {
            latest: Table::new(&faults),
            history: Table::apart(&faults),
            devices,
            quarantine: Outbox::new(&faults),
            alerts: Outbox::new(&faults),
            settings: Settings {
                window: Window { past: 30 * 86_400_000, future: 300_000 },
                history: History { days: 30 },
                thresholds: serde_json::from_value(thresholds).unwrap(),
            },
            faults,
        }
    }

    pub(super) fn ports(&self) -> TestPorts<'_> {
        Ports {
            latest: &self.latest,
            history: &self.history,
            devices: &self.devices,
            quarantine: &self.quarantine,
            alerts: &self.alerts,
        }
    }

    fn run<T>(&self, work: impl AsyncFnOnce(&TestPorts<'_>) -> T) -> T {
        let ports = self.ports();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work(&ports))
    }

    fn accept(&self, event: &str, now: i64) -> Result<Report, TelemetryError> {
        let Input::One(envelope) = serde_json::from_str(event).unwrap() else { panic!("a batch") };
        self.run(async |ports| accept(ports, &self.settings, &envelope, now).await)
    }

    fn states(&self) -> Vec<String> {
        let state = |alert: &Alert| match alert {
            Alert::Threshold { state, .. } => state.clone(),
            other => panic!("{other:?}"),
        };
        self.alerts.sent().iter().map(state).collect()
    }
}

/// The reading of the fixture, measured later and with another temperature.
fn later(event: &str, by: i64, temperature: f64) -> String {
    let mut envelope: TelemetryEnvelope = serde_json::from_str(event).unwrap();
    let mut payload: serde_json::Value = serde_json::from_slice(&envelope.payload).unwrap();
    payload["timestamp"] = (payload["timestamp"].as_i64().unwrap() + by).into();
    payload["temperature"] = temperature.into();
    envelope.payload = payload.to_string().into_bytes();
    envelope.received_at += by;
    serde_json::to_string(&envelope).unwrap()
}

#[test]
fn a_reading_becomes_the_latest_and_one_row_of_history() {
    let world = World::new();
    let report = world.accept(READING, 0).unwrap();
    assert!(matches!(report, Report::Stored { recency: Recency::Newest, .. }), "{report:?}");
    let row = world.latest.row("charger-0001").unwrap();
    assert_eq!(row.number("measuredAt"), Some(1_764_000_120_000));
    let history = world.history.rows();
    assert_eq!(history.len(), 1);
    assert!(history.keys().all(|key| key.starts_with("charger-0001|001764000120000#")), "{history:?}");
    assert!(matches!(world.accept(READING, 0).unwrap(), Report::Stored { recency: Recency::Same, .. }));
    assert_eq!(world.history.rows(), history);
}

#[test]
fn a_late_reading_is_history_only_and_moves_no_alarm() {
    let world = World::new();
    world.accept(READING, 0).unwrap();
    let report = world.accept(&later(READING, -1000, 99.0), 0).unwrap();
    assert!(matches!(report, Report::Stored { recency: Recency::Late, .. }), "{report:?}");
    assert_eq!(world.history.rows().len(), 2);
    assert_eq!(world.latest.row("charger-0001").unwrap().number("measuredAt"), Some(1_764_000_120_000));
    assert!(world.alerts.sent().is_empty());
}

#[test]
fn an_alarm_is_told_once_when_raised_and_once_when_cleared() {
    let world = World::new();
    for (by, temperature) in [(0, 92.25), (0, 92.25), (1000, 93.0), (2000, 76.0), (3000, 70.0), (4000, 60.0)] {
        world.accept(&later(HOT, by, temperature), 0).unwrap();
    }
    assert_eq!(world.states(), ["raised", "cleared"]);
}

#[test]
fn thresholds_are_the_device_types() {
    let mut world = World::new();
    world.devices.devices.clear();
    world.accept(HOT, 0).unwrap();
    assert!(world.alerts.sent().is_empty());
}

#[test]
fn what_is_malformed_is_set_aside_whole_and_not_tried_again() {
    let world = World::new();
    let Report::Quarantined { reason, .. } = world.accept(NOT_JSON, 0).unwrap() else { panic!("stored") };
    assert!(reason.contains("not JSON"), "{reason}");
    assert!(world.history.rows().is_empty() && world.latest.rows().is_empty());
    let set_aside = &world.quarantine.sent()[0];
    let envelope: TelemetryEnvelope = serde_json::from_str(&set_aside.message).unwrap();
    assert_eq!(envelope, serde_json::from_str(NOT_JSON).unwrap());
    // If it cannot be set aside, it must come again rather than be lost.
    world.faults.restart();
    world.faults.fail(0, Moment::Before);
    assert_eq!(world.accept(NOT_JSON, 0).unwrap_err().name(), "QuarantineFailed");
}

#[test]
fn a_batch_fails_record_by_record() {
    let batch: SqsBatch = serde_json::from_str(BATCH).unwrap();
    let world = World::new();
    let run = |world: &World| world.run(async |ports| accept_batch(ports, &world.settings, &batch, 0).await);
    let (response, reports) = run(&world);
    assert_eq!(response, BatchResponse::default());
    assert!(matches!(reports[..], [Ok(Report::Stored { .. }), Ok(Report::Quarantined { thing_name: None, .. })]));
    let world = World::new();
    world.faults.fail(0, Moment::Before);
    let (response, reports) = run(&world);
    assert_eq!(response.batch_item_failures[0].item_identifier, batch.records[0].message_id);
    assert!(matches!(reports[..], [Err(_), Ok(_)]));
    assert_eq!(response.batch_item_failures.len(), 1);
}

#[test]
fn a_crash_at_any_call_loses_no_alert_and_no_reading() {
    let calm = World::new();
    calm.accept(HOT, 0).unwrap();
    for (number, call) in calm.faults.calls().iter().enumerate() {
        for moment in [Moment::Before, Moment::After] {
            let world = World::new();
            world.faults.fail(number, moment);
            world.accept(HOT, 0).unwrap_err();
            // Lambda invokes again a minute later.
            world.accept(HOT, 60_000).unwrap();
            assert_eq!(world.history.rows(), calm.history.rows(), "{call} {moment:?}");
            let ids: std::collections::BTreeSet<_> = world.alerts.sent().iter().map(Alert::id).collect();
            assert_eq!(ids.len(), 1, "{call} {moment:?}");
            assert_eq!(world.latest.row("charger-0001"), calm.latest.row("charger-0001"), "{call} {moment:?}");
        }
    }
}

#[test]
fn a_message_that_comes_again_while_its_alarm_is_being_told_must_come_once_more() {
    let world = World::new();
    let calm = World::new();
    calm.accept(HOT, 0).unwrap();
    let notify = calm.faults.calls().iter().position(|call| *call == "Notify").unwrap();
    world.faults.fail(notify, Moment::Before);
    world.accept(HOT, 0).unwrap_err();
    assert_eq!(world.accept(HOT, 1).unwrap_err().name(), "AlarmInProgress");
    // The next reading does not wait for it, and takes it up once the claim has run out. One that moves the alarm back waits.
    world.accept(&later(HOT, 1000, 92.0), 2).unwrap();
    assert_eq!(world.accept(&later(HOT, 1500, 20.0), 3).unwrap_err().name(), "AlarmInProgress");
    assert!(world.alerts.sent().is_empty());
    world.accept(&later(HOT, 2000, 92.0), 30_000).unwrap();
    assert_eq!(world.states(), ["raised", "cleared", "raised"]);
}

#[test]
fn a_device_that_sends_a_metric_a_message_has_all_of_them() {
    let world = World::new();
    let reading = |payload: &str, arrival: i64| TelemetryEnvelope {
        payload: payload.into(),
        received_at: 1_764_000_120_000 + arrival,
        ..serde_json::from_str(READING).unwrap()
    };
    for (payload, arrival, expected) in [
        (r#"{"timestamp":1764000120000,"temperature":20}"#, 0, Recency::Newest),
        (r#"{"timestamp":1764000120000,"humidity":40}"#, 1, Recency::Newest),
        (r#"{"timestamp":1764000119000,"humidity":41,"pressure":1013}"#, 2, Recency::Partly),
        (r#"{"timestamp":1764000118000,"pressure":1012}"#, 3, Recency::Late),
        (r#"{"timestamp":1764000120000,"temperature":21}"#, 4, Recency::Newest),
    ] {
        let report = world.run(async |ports| accept(ports, &world.settings, &reading(payload, arrival), 0).await);
        assert!(matches!(report, Ok(Report::Stored { recency, .. }) if recency == expected), "{payload}: {report:?}");
    }
    let row = world.latest.row("charger-0001").unwrap();
    let latest = serde_json::json!({"temperature": 21, "humidity": 40, "pressure": 1013});
    assert_eq!(row.document("reading"), latest.as_object());
    assert_eq!(row.number("measuredAt"), Some(1_764_000_120_000));
}

/// Whoever is told drops an alert whose id they have seen: a second crossing in one millisecond must not look like the first.
#[test]
fn crossings_of_one_millisecond_are_told_under_ids_of_their_own() {
    let world = World::new();
    for (arrival, temperature) in [(0, 92.0), (1, 20.0), (2, 93.0)] {
        let mut envelope: TelemetryEnvelope = serde_json::from_str(&later(HOT, 0, temperature)).unwrap();
        envelope.received_at += arrival;
        world.run(async |ports| accept(ports, &world.settings, &envelope, 0).await).unwrap();
    }
    assert_eq!(world.states(), ["raised", "cleared", "raised"]);
    let ids: std::collections::BTreeSet<_> = world.alerts.sent().iter().map(Alert::id).collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
}
