//! Connectivity at every interleaving: whatever the order, what was announced last agrees with the row.

use super::tests::{World, off, on};
use super::*;
use fleet::connectivity::Indexed;
use fleet::connectivity::attribute::{ANNOUNCED, ANNOUNCEMENT, ANNOUNCING, CONNECTED};
use fleet::connectivity::reconcile::QUIET;
use fleet::fakes::{Faults, Index};
use fleet::interleavings::{Invocation, Most, START, Scenario, check, told};

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

/// A row that an event made, and the next event, which may be lost: it comes late, or never. Meanwhile the clock has the row compared
/// with the index, which has the next event, several times.
struct Missed {
    /// What made the row, and what it had announced by then.
    row: Vec<Presence>,
    announced: Option<&'static str>,
    /// What comes late, in their true order.
    late: Vec<Presence>,
    /// What the index has: mostly of the last of them.
    index: Indexed,
    looks: usize,
    /// Whether the device is connected in the end.
    stays: bool,
}

#[derive(Debug, Clone)]
enum Late {
    Event(usize),
    Reconcile,
    Settle(Settle),
}

impl Scenario for Missed {
    type World = (World, Index);
    type Job = Late;

    fn world(&self, faults: &Faults) -> (World, Index) {
        let world = World::with(faults);
        let mut row = None;
        for event in &self.row {
            let sighting = match event {
                Presence::Connected(event) => Sighting::from(event),
                Presence::Disconnected(event) => Sighting::from(event),
                Presence::ConnectFailed(_) => continue,
            };
            let _outcome = sighting.change(true).apply(&mut row);
        }
        let mut row = row.unwrap();
        if let Some(announced) = self.announced {
            row.0.insert(ANNOUNCED.to_owned(), announced.into());
        }
        world.clients.put("c", row);
        (world, Index { pages: vec![vec![self.index.clone()]], faults: faults.clone() })
    }

    fn jobs(&self) -> Vec<Late> {
        (0..self.late.len()).map(Late::Event).chain((0..self.looks).map(|_| Late::Reconcile)).collect()
    }

    fn invoke<'a>(&'a self, (world, index): &'a (World, Index), job: Late, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let ports = world.ports();
            let handled = match job {
                Late::Event(at) => observe(&ports, &world.settings, &self.late[at]).await.map(drop).map_err(Into::into),
                // All is long ago by then.
                Late::Reconcile => {
                    let later = now + 2 * QUIET;
                    reconcile(&ports, index, &world.settings, later).await.map(drop).map_err(Into::into)
                }
                Late::Settle(settle) => look_again(&ports, &world.settings, &settle, now).await.map(drop),
            };
            handled.map_err(|error: ConnectivityError| error.to_string())
        })
    }

    fn queued(&self, (world, _): &(World, Index)) -> Vec<Late> {
        std::iter::from_fn(|| world.queue.take(0)).map(|(settle, _)| Late::Settle(settle)).collect()
    }

    fn judge(&self, (world, _): &(World, Index), faults: usize) -> Result<(), String> {
        let row = world.clients.row("c").ok_or("no row")?;
        if row.flag(CONNECTED) != Some(self.stays) {
            return Err(format!("the row is not that of the last event: {row:?}"));
        }
        if row.0.contains_key(ANNOUNCEMENT) || row.0.contains_key(ANNOUNCING) {
            return Err(format!("an announcement was begun and not ended: {row:?}"));
        }
        let kind =
            |announced: Option<&str>| if announced == Some("offline") { "deviceOffline" } else { "deviceOnline" };
        let mut before = kind(self.announced);
        let announced = told(&world.announcements.sent(), faults)?;
        for alert in &announced {
            if alert.kind() == before {
                return Err(format!("`{before}` was told twice in a row: {announced:?}"));
            }
            before = alert.kind();
        }
        if before != kind(row.text(ANNOUNCED)) || before != kind((!self.stays).then_some("offline")) {
            return Err(format!("the last that was told is `{before}`, and the row says {row:?}"));
        }
        Ok(())
    }
}

fn indexed(connected: bool) -> Indexed {
    Indexed { client_id: "c".into(), connected, since: Some(START), reason: None }
}

#[test]
fn an_event_that_never_comes_or_comes_late() {
    let gone = |late: Vec<Presence>, looks| Missed {
        row: vec![on(0, "a")],
        announced: None,
        late,
        index: indexed(false),
        looks,
        stays: false,
    };
    check("reconciliation: off is lost", &gone(vec![], 2), Most::Faults(2));
    check("reconciliation: off comes late", &gone(vec![off(0, "a")], 1), Most::Faults(2));
    let unsaid = Missed { index: Indexed { since: None, ..indexed(false) }, ..gone(vec![], 2) };
    check("reconciliation: off long ago is lost", &unsaid, Most::Faults(2));
    let back = |late: Vec<Presence>, looks| Missed {
        row: vec![on(0, "a"), off(0, "a")],
        announced: Some("offline"),
        late,
        index: indexed(true),
        looks,
        stays: true,
    };
    check("reconciliation: on is lost", &back(vec![], 2), Most::Faults(2));
    check("reconciliation: on comes late", &back(vec![on(1, "b")], 1), Most::Faults(2));
    // It was back before anyone was told, and two events were lost on the way.
    let quick = Missed { announced: None, ..back(vec![], 2) };
    check("reconciliation: nobody was told", &quick, Most::Faults(2));
    check("reconciliation: two are lost", &gone(vec![on(1, "b"), off(1, "b")], 1), Most::Faults(1));
}

#[test]
fn what_is_newer_than_the_index_stays() {
    // The index has a disconnect of long ago, and has missed that the device came back.
    let behind = Missed {
        row: vec![on(0, "a"), off(0, "a"), on(1, "b")],
        announced: None,
        late: vec![],
        index: Indexed { since: Some(START - 2 * QUIET), ..indexed(false) },
        looks: 2,
        stays: true,
    };
    check("reconciliation: the index has missed something", &behind, Most::Faults(2));
}
