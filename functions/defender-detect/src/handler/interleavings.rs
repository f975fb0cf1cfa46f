//! Detection at every interleaving: whatever the order, what was told is what was counted before the period was judged.

use super::tests::{BEGIN, World, at_most, message, profile};
use super::*;
use fleet::detection::attribute::{ALARMS, CLOSED, MESSAGES, STATE, UNTOLD};
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, Scenario, check};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Periods that are over when the first event arrives, and the one that follows.
const LONG_AGO: i64 = BEGIN - 3 * 300_000;

/// Messages of one device, each with the period that it was sent in; at most one in a period is normal.
struct Messages(Vec<(&'static str, i64)>);

/// What the function is invoked with.
#[derive(Debug, Clone)]
enum Job {
    Message(&'static str, i64),
    Look(Look),
}

impl Scenario for Messages {
    type World = World;
    type Job = Job;

    fn world(&self, faults: &Faults) -> World {
        World::with(faults, profile(&json!([at_most("calm", "aws:num-messages-sent", 1)])))
    }

    fn jobs(&self) -> Vec<Job> {
        self.0.iter().map(|(id, period)| Job::Message(id, *period)).collect()
    }

    fn invoke<'a>(&'a self, world: &'a World, job: Job, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let ports = world.ports();
            let handled = match job {
                Job::Message(id, period) => {
                    let sent = message(id, LONG_AGO + period * 300_000, "dt/m/telemetry");
                    let sent: Message = serde_json::from_value(sent).unwrap();
                    let seen = Observation::from(sent);
                    let of = (seen.thing_name.as_str(), seen.period());
                    observe(&ports, &world.profile, of, &[&seen.did], now).await.map(drop).map_err(Into::into)
                }
                Job::Look(asked) => look(&ports, &world.profile, &asked, now).await.map(drop),
            };
            handled.map_err(|error: DetectionError| error.to_string())
        })
    }

    fn queued(&self, world: &World) -> Vec<Job> {
        std::iter::from_fn(|| world.looks.take(0)).map(|(look, _)| Job::Look(look)).collect()
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let rows = world.table.rows();
        let state = rows.get(&format!("m|{STATE}")).ok_or("no state")?;
        if state.0.contains_key(UNTOLD) || state.0.contains_key(ALARMS) {
            return Err(format!("something was begun and not ended: {state:?}"));
        }
        let sent = world.topic.sent();
        let mut told: Vec<Value> = Vec::new();
        for message in &sent {
            if !told.contains(message) {
                told.push(message.clone());
            }
        }
        if sent.len() - told.len() > faults {
            return Err(format!("told again {} times after {faults} faults", sent.len() - told.len()));
        }
        // Periods that were judged, with how many messages were counted in them.
        let violated = rows.iter().filter(|(key, row)| !key.ends_with(STATE) && row.0.contains_key(CLOSED));
        let violated = violated.filter(|(_, row)| row.numbers(MESSAGES).is_some_and(|counted| counted.len() > 1));
        let violated: BTreeSet<String> =
            violated.filter_map(|(key, _)| Some(key.split_once('|')?.1.trim_start_matches('0').to_owned())).collect();
        // A period that is still open has what came late: nothing is waiting for it.
        let events: Vec<&str> = told.iter().filter_map(|told| told["violationEventType"].as_str()).collect();
        let alternate = events.iter().enumerate().all(|(at, event)| *event == ["in-alarm", "alarm-cleared"][at % 2]);
        if !alternate || events.len() % 2 == 1 {
            return Err(format!("alarms do not begin and end in turns: {events:?}"));
        }
        if violated.is_empty() != events.is_empty() {
            return Err(format!("told {events:?}, and violated are {violated:?}"));
        }
        Ok(())
    }
}

#[test]
fn one_period() {
    check("detection: a message", &Messages(vec![("a", 0)]), Most::Faults(2));
    check("detection: a flood", &Messages(vec![("a", 0), ("b", 0)]), Most::Crashes(1));
    check("detection: a message, delivered twice", &Messages(vec![("a", 0), ("a", 0)]), Most::Faults(1));
}

#[test]
fn periods_in_their_order() {
    check("detection: two periods", &Messages(vec![("a", 0), ("b", 1)]), Most::Faults(1));
}
