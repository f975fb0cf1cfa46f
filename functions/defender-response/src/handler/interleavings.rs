//! Violations at every interleaving: a device is in quarantine exactly where something holds it, whatever the order and whatever fails.

use super::tests::{World, event};
use super::*;
use fleet::alert::Alert;
use fleet::conditional::Value;
use fleet::defender::watched::Told;
use fleet::fakes::Faults;
use fleet::interleavings::{Invocation, Most, Scenario, check, told};
use serde_json::json;

/// Events of devices, each a thing, a violation and what became of it; those that are equal are one event, delivered so often.
struct Play {
    events: Vec<(&'static str, &'static str, &'static str)>,
    /// Whether devices are asked to do something, too.
    remedies: bool,
    /// The devices that are in quarantine in the end.
    stays: &'static [&'static str],
    /// How many devices may come into quarantine.
    cap: i64,
}

impl Scenario for Play {
    type World = World;
    type Job = (&'static str, &'static str, &'static str);

    fn world(&self, faults: &Faults) -> World {
        let mut world = World::with(faults);
        world.settings.cap.devices = self.cap;
        let remedy = self.remedies.then(|| ("remedy", Value::Document(json!({ "name": "reboot" }))));
        let attributes: Vec<_> = [("respond", "quarantine".into())].into_iter().chain(remedy).collect();
        world.plan("behavior", &attributes);
        world
    }

    fn jobs(&self) -> Vec<Self::Job> {
        self.events.clone()
    }

    fn invoke<'a>(&'a self, world: &'a World, (thing, id, kind): Self::Job, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let minute = i64::from(kind != "in-alarm");
            let event = serde_json::from_value(event(thing, id, kind, minute)).map_err(|error| error.to_string())?;
            let answered = answer(&world.ports(), &world.settings, &event, now).await;
            answered.map(drop).map_err(|error| error.to_string())
        })
    }

    fn judge(&self, world: &World, faults: usize) -> Result<(), String> {
        let quarantined = world.quarantined();
        if self.stays.len() <= usize::try_from(self.cap).unwrap_or(0) && quarantined != self.stays {
            return Err(format!("in quarantine are {quarantined:?}"));
        }
        if quarantined.len() > usize::try_from(self.cap).unwrap_or(0) {
            return Err(format!("more than the cap are in quarantine: {quarantined:?}"));
        }
        let told = told(&world.alerts.sent(), faults)?;
        let mut things: Vec<_> = self.events.iter().map(|(thing, ..)| *thing).collect();
        things.sort_unstable();
        things.dedup();
        for thing in things {
            let row = world.devices.row(thing).ok_or("no row")?;
            let watched = Watched::read(&row).ok_or("a row that cannot be read")?;
            if watched.busy_until.is_some() || watched.next().is_some() {
                return Err(format!("something is left to do: {watched:?}"));
            }
            if (watched.quarantine == Place::In) != quarantined.iter().any(|other| other == thing) {
                return Err(format!("the row and the group disagree: {watched:?}, {quarantined:?}"));
            }
            // What was told last of quarantine is how it is.
            let of = |alert: &Alert| match alert {
                Alert::Violation(telling) if telling.thing_name == thing => Some(telling.what),
                _ => None,
            };
            let last = told.iter().filter_map(of).rfind(|what| matches!(what, Told::Quarantined | Told::Released));
            if (last == Some(Told::Quarantined)) != (watched.quarantine == Place::In) {
                return Err(format!("what was told last of {thing} is {last:?}: {watched:?}"));
            }
        }
        let asked = world.releases.sent();
        let mut releases: Vec<_> = asked.iter().map(|(release, _)| release.release_id.as_str()).collect();
        releases.sort_unstable();
        releases.dedup();
        if asked.len() > releases.len() + faults {
            return Err(format!("releases were asked for {} times: {releases:?}", asked.len()));
        }
        Ok(())
    }
}

fn play(events: &[(&'static str, &'static str, &'static str)], stays: &'static [&'static str]) -> Play {
    Play { events: events.to_vec(), remedies: false, stays, cap: 2 }
}

#[test]
fn a_violation() {
    let begins = ("a", "1", "in-alarm");
    check("violations: one", &play(&[begins], &["a"]), Most::Faults(2));
    check("violations: one, delivered twice", &play(&[begins, begins], &["a"]), Most::Faults(2));
    let remedied = Play { remedies: true, ..play(&[begins, begins], &["a"]) };
    check("violations: one with a remedy, delivered twice", &remedied, Most::Faults(1));
}

#[test]
fn a_violation_that_is_over() {
    let (begins, ends) = (("a", "1", "in-alarm"), ("a", "1", "alarm-cleared"));
    check("violations: one that is over", &play(&[begins, ends], &[]), Most::Faults(2));
    check("violations: one that is over, both twice", &play(&[begins, begins, ends, ends], &[]), Most::Faults(1));
    let remedied = Play { remedies: true, ..play(&[begins, ends], &[]) };
    check("violations: one with a remedy that is over", &remedied, Most::Faults(1));
}

#[test]
fn two_violations_of_a_device() {
    let both = [("a", "1", "in-alarm"), ("a", "2", "in-alarm"), ("a", "1", "alarm-cleared")];
    check("violations: two, one is over", &play(&both, &["a"]), Most::Crashes(1));
}

#[test]
fn two_devices_and_room_for_one() {
    let both = [("a", "1", "in-alarm"), ("b", "2", "in-alarm")];
    let narrow = Play { cap: 1, ..play(&both, &["a", "b"]) };
    check("violations: two devices and room for one", &narrow, Most::Faults(1));
}
