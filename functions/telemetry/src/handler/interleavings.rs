//! Telemetry at every interleaving: whatever the order, the row and what was told are those of the readings in their order.

use super::tests::World;
use super::*;
use fleet::alert::Alert;
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, START, Scenario, check, told};
use fleet::telemetry::Alarm;

const ALARM: &str = "temperature:above";

/// Messages of one device: when each was measured, and what it says.
struct Messages<const N: usize>([(i64, &'static str); N]);

impl<const N: usize> Messages<N> {
    fn envelope(&self, at: usize) -> TelemetryEnvelope {
        let (measured, values) = self.0[at];
        TelemetryEnvelope {
            thing_name: "charger-0001".into(),
            topic: "dt/charger-0001/telemetry".into(),
            client_id: None,
            received_at: START + at as i64,
            trace_id: None,
            payload: format!(r#"{{"timestamp":{},{values}}}"#, START + measured).into_bytes(),
        }
    }

    fn readings(&self) -> Vec<Reading> {
        let window = Window { past: 1_000_000, future: 1_000_000 };
        let mut all: Vec<_> =
            self.jobs().into_iter().map(|at| Reading::parse(&self.envelope(at), window).unwrap()).collect();
        all.sort_by_key(Reading::order);
        all
    }
}

impl<const N: usize> Scenario for Messages<N> {
    type World = World;
    type Job = usize;

    fn world(&self, faults: &Faults) -> World {
        World::with(faults)
    }

    /// A message that is delivered twice is one job twice.
    fn jobs(&self) -> Vec<usize> {
        self.0.iter().map(|message| self.0.iter().position(|first| first == message).unwrap()).collect()
    }

    fn invoke<'a>(&'a self, world: &'a World, job: usize, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let envelope = self.envelope(job);
            let report = accept(&world.ports(), &world.settings, &envelope, now).await;
            report.map(drop).map_err(|error| error.to_string())
        })
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let readings = self.readings();
        let row = world.latest.row("charger-0001").ok_or("no row")?;
        let mut latest = serde_json::Map::new();
        readings.iter().for_each(|reading| latest.extend(reading.values.clone()));
        if row.document("reading") != Some(&latest) {
            return Err(format!("the latest reading is not {latest:?}: {row:?}"));
        }
        let kept: std::collections::BTreeSet<_> =
            readings.iter().map(|reading| (reading.measured_at, reading.digest())).collect();
        if world.history.rows().len() != kept.len() {
            return Err(format!("the history is not {kept:?}"));
        }
        let mut demanded = readings.iter().filter_map(|reading| match reading.number("temperature")? {
            hot if hot > 80.0 => Some(Alarm::Raised),
            cool if cool <= 75.0 => Some(Alarm::Cleared),
            _ => None,
        });
        let last = demanded.next_back().unwrap_or(Alarm::Cleared);
        let alarm = row.text(&format!("alarm:{ALARM}")).and_then(Alarm::read).unwrap_or(Alarm::Cleared);
        if alarm != last {
            return Err(format!("the alarm is {alarm:?}, not {last:?}: {row:?}"));
        }
        let told = told(&world.alerts.sent(), faults)?;
        let mut before = Alarm::Cleared.as_str().to_owned();
        for alert in &told {
            let Alert::Threshold { state, .. } = alert else { return Err(format!("told {alert:?}")) };
            if *state == before {
                return Err(format!("two crossings in one direction, a crossing between them is lost: {told:?}"));
            }
            before.clone_from(state);
        }
        if before != alarm.as_str() {
            return Err(format!("the last that was told is `{before}`, the row says {alarm:?}: {row:?}"));
        }
        if row.number("crossings").unwrap_or(0) != i64::try_from(told.len()).unwrap() {
            return Err(format!("a crossing of the row was not told: {row:?}, {told:?}"));
        }
        Ok(())
    }
}

const HOT: &str = r#""temperature":90"#;
const COOL: &str = r#""temperature":20"#;
const BETWEEN: &str = r#""temperature":78"#;

#[test]
fn two_readings() {
    check("telemetry: hot, then cool", &Messages([(0, HOT), (1, COOL)]), Most::Faults(2));
    check("telemetry: hot and cool in one millisecond", &Messages([(0, HOT), (0, COOL)]), Most::Faults(2));
    check("telemetry: one message twice", &Messages([(0, HOT), (0, HOT)]), Most::Faults(2));
}

#[test]
fn three_readings_at_once() {
    check("telemetry: hot, cool, hot", &Messages([(0, HOT), (1, COOL), (2, HOT)]), Most::Faults(1));
    check("telemetry: hot, between, cool", &Messages([(0, HOT), (1, BETWEEN), (2, COOL)]), Most::Faults(1));
    check("telemetry: three of one millisecond", &Messages([(0, COOL), (0, HOT), (0, BETWEEN)]), Most::Faults(1));
    check("telemetry: one message twice", &Messages([(0, HOT), (0, HOT), (1, COOL)]), Most::Faults(1));
    let apart = Messages([(0, HOT), (0, r#""humidity":40"#), (1, r#""temperature":20,"humidity":41"#)]);
    check("telemetry: a metric a message", &apart, Most::Faults(1));
}
