//! Connectivity at every interleaving: whatever the order, what was announced last agrees with the row.

use super::tests::{World, off, on};
use super::*;
use fleet::connectivity::attribute::{ANNOUNCED, ANNOUNCEMENT, ANNOUNCING, CONNECTED};
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, Scenario, check, told};

/// Events of one client, in their true order.
struct Events(Vec<Presence>);

/// What the function is invoked with.
#[derive(Debug, Clone)]
enum Job {
    Event(usize),
    Settle(Settle),
}

impl Scenario for Events {
    type World = World;
    type Job = Job;

    fn world(&self, faults: &Faults) -> World {
        World::with(faults)
    }

    /// An event that is delivered twice is one job twice.
    fn jobs(&self) -> Vec<Job> {
        let first = |event| self.0.iter().position(|other| other == event).map(Job::Event);
        self.0.iter().filter_map(first).collect()
    }

    fn invoke<'a>(&'a self, world: &'a World, job: Job, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let ports = world.ports();
            let handled = match job {
                Job::Event(at) => observe(&ports, &world.settings, &self.0[at]).await.map(drop).map_err(Into::into),
                Job::Settle(settle) => look_again(&ports, &world.settings, &settle, now).await.map(drop),
            };
            handled.map_err(|error: ConnectivityError| error.to_string())
        })
    }

    fn queued(&self, world: &World) -> Vec<Job> {
        std::iter::from_fn(|| world.queue.take(0)).map(|(settle, _)| Job::Settle(settle)).collect()
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let row = world.clients.row("c").ok_or("no row")?;
        let stays = matches!(self.0.last(), Some(Presence::Connected(_)));
        if row.flag(CONNECTED) != Some(stays) {
            return Err(format!("the row is not that of the last event: {row:?}"));
        }
        if row.0.contains_key(ANNOUNCEMENT) || row.0.contains_key(ANNOUNCING) {
            return Err(format!("an announcement was begun and not ended: {row:?}"));
        }
        let announced = told(&world.announcements.sent(), faults)?;
        let mut before = "deviceOnline";
        for alert in &announced {
            if alert.kind() == before {
                return Err(format!("`{before}` was told twice in a row: {announced:?}"));
            }
            before = alert.kind();
        }
        let says = match row.text(ANNOUNCED) {
            Some("offline") => "deviceOffline",
            _ => "deviceOnline",
        };
        if before != says || before != if stays { "deviceOnline" } else { "deviceOffline" } {
            return Err(format!("the last that was told is `{before}`, and the row says {row:?}"));
        }
        // Each disconnect was either told, or seen to be over before that: none is lost.
        let mut accounted: std::collections::BTreeSet<i64> = row.numbers("flaps").cloned().unwrap_or_default();
        accounted.extend(announced.iter().filter_map(|alert| match alert {
            fleet::alert::Alert::DeviceOffline(change) => Some(change.sequence),
            _ => None,
        }));
        for event in &self.0 {
            let Presence::Disconnected(event) = event else { continue };
            let sequence = i64::try_from(event.version_number).unwrap() * 2 + 1;
            let already = row.text(ANNOUNCED) == Some("offline") && row.number("sequence") == Some(sequence);
            if !accounted.contains(&sequence) && !already {
                return Err(format!("the disconnect {sequence} is lost: {row:?}, {announced:?}"));
            }
        }
        let flapping = world.alerts.sent();
        told(&flapping, faults).map(drop)
    }
}

#[test]
fn one_connection() {
    check("connectivity: on, off", &Events(vec![on(0, "a"), off(0, "a")]), Most::Faults(2));
    check("connectivity: off, delivered twice", &Events(vec![off(0, "a"), off(0, "a")]), Most::Faults(2));
}

#[test]
fn away_and_back() {
    check("connectivity: off, on", &Events(vec![off(0, "a"), on(1, "b")]), Most::Faults(2));
    check("connectivity: on, off, on", &Events(vec![on(0, "a"), off(0, "a"), on(1, "b")]), Most::Faults(1));
    check("connectivity: off, on, off", &Events(vec![off(0, "a"), on(1, "b"), off(1, "b")]), Most::Faults(1));
}
