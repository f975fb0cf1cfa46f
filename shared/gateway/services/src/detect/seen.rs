//! What AWS IoT itself sees of devices in a period: the events of their connections, and what the broker counts.

use drydock_broker::{Broker, ClientUsage, Usage};
use drydock_core::Event;
use drydock_core::event::ClientIdentity;
use drydock_detect::{Activity, Traffic};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// The most devices of a period that are told apart; what others do is not counted.
const MOST: usize = 100_000;

/// What was heard of devices since the last period ended.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<SmolStr, Activity>);

/// Which device a client is: the thing that its certificate is exclusively attached to, else what its client id says.
fn device(client: &ClientIdentity) -> SmolStr {
    client.exclusive_thing.as_ref().map_or_else(|| client.client_id.clone(), |thing| thing.as_str().into())
}

impl Seen {
    fn of(&mut self, client: &ClientIdentity) -> Option<&mut Activity> {
        let device = device(client);
        if self.0.len() >= MOST && !self.0.contains_key(&device) {
            return None;
        }
        Some(self.0.entry(device).or_default())
    }

    /// Notes an event of a connection.
    pub(super) fn hears(&mut self, event: &Event) {
        match event {
            Event::ClientConnected { client, .. } => {
                if let Some(activity) = self.of(client) {
                    activity.attempts += 1;
                    activity.connected = true;
                    activity.addresses.insert(client.ip);
                    activity.away_since = None;
                }
            }
            Event::ClientDisconnected { client, at, .. } => {
                if let Some(activity) = self.of(client) {
                    activity.disconnects += 1;
                    activity.connected = true;
                    activity.addresses.insert(client.ip);
                    activity.away_since = Some(*at);
                }
            }
            Event::ConnectFailed { client, .. } => {
                if let Some(activity) = self.of(client) {
                    activity.attempts += 1;
                    let refused = Traffic { failures: 1, ..Traffic::default() };
                    count(activity, &SmolStr::default(), &refused);
                }
            }
            _ => {}
        }
    }

    /// Ends the period: what was heard, with what the broker counted and who is connected.
    pub(super) fn take(&mut self, broker: &Broker) -> BTreeMap<SmolStr, Activity> {
        for ClientUsage { client, topics } in broker.take_usage() {
            let Some(activity) = self.of(&client) else { continue };
            for (topic, usage) in topics {
                count(activity, &topic, &traffic(&usage));
            }
        }
        for connection in broker.connections().iter().filter(|connection| connection.connected) {
            if let Some(activity) = self.of(&connection.identity) {
                activity.connected = true;
                activity.addresses.insert(connection.identity.ip);
                activity.away_since = None;
            }
        }
        std::mem::take(&mut self.0)
    }
}

fn count(activity: &mut Activity, topic: &SmolStr, traffic: &Traffic) {
    match activity.traffic.iter_mut().find(|(of, _)| of == topic) {
        Some((_, known)) => known.add(traffic),
        None => activity.traffic.push((topic.clone(), *traffic)),
    }
}

fn traffic(usage: &Usage) -> Traffic {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Traffic {
        sent: count(usage.sent),
        least: count(usage.least),
        most: count(usage.most),
        received: count(usage.received),
        failures: count(usage.refused),
    }
}
