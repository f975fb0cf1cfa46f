//! Claims at every interleaving: a device is in one home at the most, what is counted is there, and a request with a key is done once.

use super::tests::{World, key, request};
use super::*;
use fleet::fakes::Faults;
use fleet::homes::http::Reply;
use fleet::interleavings::{Invocation, Most, Scenario, check};
use serde_json::json;

/// Who asks at once.
struct Claims {
    name: &'static str,
    /// User, home, key.
    asked: Vec<(&'static str, char, Option<&'static str>)>,
}

/// A request; its number makes its ids.
#[derive(Debug, Clone)]
struct Job(u8, &'static str, char, Option<&'static str>);

impl Scenario for Claims {
    type World = World;
    type Job = Job;

    fn world(&self, faults: &Faults) -> World {
        let world = World::with(faults, false);
        world.home('a', &[("ali", "owner")]);
        world.home('b', &[("bob", "owner")]);
        world.device("SN-1", "pump-1", "ABCD-2345");
        world
    }

    fn jobs(&self) -> Vec<Job> {
        let numbered = self.asked.iter().enumerate();
        numbered.map(|(at, (user, home, key))| Job(u8::try_from(at).unwrap(), user, *home, *key)).collect()
    }

    fn invoke<'a>(&'a self, world: &'a World, Job(number, user, home, once): Job, now: i64) -> Invocation<'a> {
        Box::pin(async move {
            let body = json!({ "serialNumber": "SN-1", "code": "abcd2345", "name": "Pump" });
            let mut asked = request(user, "POST", &format!("/homes/{}/devices", key(home)), Some(&body));
            asked.headers.extend(once.map(|once| ("idempotency-key".to_owned(), once.to_owned())));
            let reply = serve(&world.ports(), &asked, &Moment { now, chance: [number; 40] }).await;
            match reply.status_code {
                // It is in a home by now, whether or not this request has put it there.
                201 | 409 => Ok(()),
                status => Err(format!("{status}: {}", reply.body)),
            }
        })
    }

    fn judge(&self, world: &World, _: usize) -> Result<(), String> {
        let rows = world.homes.rows();
        let is_in = rows.get("device#pump-1|home").and_then(|row| row.text("homeId")).ok_or("it is in no home")?;
        let mut devices = 0;
        for home in ['a', 'b'] {
            let home_id = key(home);
            let is_here = rows.contains_key(&format!("home#{home_id}|device#pump-1"));
            let counted = rows.get(&format!("home#{home_id}|home")).and_then(|row| row.number("devices"));
            if is_here != (home_id == is_in) || counted != Some(i64::from(is_here)) {
                return Err(format!(
                    "{}: home {home} has it: {is_here}, counts {counted:?}; it is in {is_in}",
                    self.name
                ));
            }
            devices += i32::from(is_here);
        }
        // Every answer that is kept is that of the request that was done.
        for (row_key, row) in rows.iter().filter(|(row_key, _)| row_key.contains("|key#")) {
            let reply: Reply =
                serde_json::from_str(row.text("reply").unwrap_or_default()).map_err(|e| e.to_string())?;
            if reply.status_code != 201 || !reply.body.contains("pump-1") {
                return Err(format!("{row_key} keeps {reply:?}"));
            }
        }
        (devices == 1).then_some(()).ok_or_else(|| format!("it is in {devices} homes"))
    }
}

#[test]
fn a_device_is_claimed_once() {
    let play = |name, asked| Claims { name, asked };
    let twins = play("one request twice", vec![("ali", 'a', Some("k")), ("ali", 'a', Some("k"))]);
    check("fleet-api: one request twice", &twins, Most::Faults(1));
    let rivals = play("two homes", vec![("ali", 'a', Some("k")), ("bob", 'b', Some("k"))]);
    check("fleet-api: two homes", &rivals, Most::Faults(1));
    let plain = play("no keys", vec![("ali", 'a', None), ("bob", 'b', None)]);
    check("fleet-api: two homes, no keys", &plain, Most::Crashes(1));
}
