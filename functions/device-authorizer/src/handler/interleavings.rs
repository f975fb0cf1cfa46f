//! The authorizer at every interleaving: a device that is let in is written down, however often it connects at once.

use super::tests::{MQTT, NOW, lists, rules};
use super::*;
use fleet::conditional::{Change, Outcome};
use fleet::fakes::{Faults, Lists, Table};
use fleet::interleavings::{Invocation, Most, Scenario, check};
use fleet::ports::Device;

#[derive(Debug)]
struct World {
    lists: Lists,
    devices: Devices,
}

/// The table, asked and written.
#[derive(Debug)]
struct Devices(Table, Faults);

impl FindDevice for Devices {
    async fn find_device(&self, thing_name: &str) -> PortResult<Option<Device>> {
        self.1.run("FindDevice", || self.0.row(thing_name).map(|_| Device::default())).await
    }
}

impl UpdateItem for Devices {
    async fn update_item(&self, change: &Change) -> PortResult<Outcome> {
        self.0.update_item(change).await
    }
}

struct Connects(usize);

impl Scenario for Connects {
    type World = World;
    type Job = &'static str;

    fn world(&self, faults: &Faults) -> World {
        let devices = Devices(Table::new(faults), faults.clone());
        World { lists: Lists { faults: faults.clone(), ..lists() }, devices }
    }

    fn jobs(&self) -> Vec<&'static str> {
        vec!["connects"; self.0]
    }

    fn invoke<'a>(&'a self, world: &'a World, _: &'static str, _: i64) -> Invocation<'a> {
        Box::pin(async move {
            let event = serde_json::from_str(MQTT).unwrap();
            let ports = Ports { keys: &world.lists, block_list: &world.lists };
            match authorize(&ports, &rules(), &event, NOW).await.map_err(|error| error.to_string())? {
                Verdict::Granted(grant) => {
                    write_down(&world.devices, &grant, NOW).await.map_err(|error| error.to_string())
                }
                Verdict::Denied(denial) => Err(denial.to_string()),
            }
        })
    }

    fn judge(&self, world: &World, _: usize) -> Result<(), String> {
        let row = world.devices.0.row("charger-0001").ok_or("no row")?;
        (row.text("joinedWith") == Some("token")).then_some(()).ok_or_else(|| format!("{row:?}"))
    }
}

#[test]
fn a_device_that_connects_again_and_again() {
    check("device-authorizer: two of one device", &Connects(2), Most::Faults(2));
    check("device-authorizer: three of one device", &Connects(3), Most::Faults(2));
}
