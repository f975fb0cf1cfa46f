//! The hook at every interleaving: a device that may join has its row, however often it asks at once.

use super::tests::{KNOWN, ask_and_write, event};
use fleet::fakes::{Faults, Lists, Table};
use fleet::interleavings::{Invocation, Most, Scenario, check};

#[derive(Debug)]
struct World {
    lists: Lists,
    devices: Table,
}

struct Asks(usize);

impl Scenario for Asks {
    type World = World;
    type Job = &'static str;

    fn world(&self, faults: &Faults) -> World {
        let lists = Lists { allowed: ["SN-0001".to_owned()].into(), faults: faults.clone(), ..Lists::default() };
        World { lists, devices: Table::new(faults) }
    }

    fn jobs(&self) -> Vec<&'static str> {
        vec!["asks"; self.0]
    }

    fn invoke<'a>(&'a self, world: &'a World, _: &'static str, _: i64) -> Invocation<'a> {
        Box::pin(async move {
            let outcome = ask_and_write(&world.lists, &world.devices, &event(KNOWN)).await;
            match outcome.map_err(|error| error.to_string())?.answer.allow_provisioning {
                true if world.devices.row("SN-0001").is_some() => Ok(()),
                answer => Err(format!("it answered {answer}, and the device has no row")),
            }
        })
    }

    fn judge(&self, world: &World, _: usize) -> Result<(), String> {
        let row = world.devices.row("SN-0001").ok_or("no row")?;
        (row.text("joinedWith") == Some("claim")).then_some(()).ok_or_else(|| format!("{row:?}"))
    }
}

#[test]
fn a_device_that_asks_again_and_again() {
    check("provisioning-hook: two of one device", &Asks(2), Most::Faults(2));
    check("provisioning-hook: three of one device", &Asks(3), Most::Faults(2));
}
