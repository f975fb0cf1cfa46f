//! Devices of homes. A device is in one home at the most: a row of its own says in which.

use super::home::{self, Counted};
use super::resource::{Claim, Connectivity, Device, DeviceChange, State, StateRequest};
use super::room;
use super::row;
use super::state::{Presence, Shadow, contains, status};
use super::text::{DeviceId, Id, UserId};
use crate::EpochMillis;
use crate::conditional::{Change, Condition, Item};
use crate::transaction::Step;
use serde_json::{Map, Value};

const ROOM_ID: &str = "roomId";
/// How long the link of an answer leads somewhere, in seconds.
const CHANGE_KEPT: i64 = 86_400;

fn key(home_id: &Id, device_id: &DeviceId) -> Change {
    row::change(row::home(home_id.as_str()), sort(device_id))
}

/// The sort key of a home's device.
#[must_use]
pub fn sort(device_id: &DeviceId) -> String {
    format!("{}{device_id}", row::DEVICE)
}

/// Puts a device into a home: [which home it is in](CLAIMED), the home's count, [the room](CLAIMED_ROOM), then the device.
#[must_use]
pub fn claim(home_id: &Id, device_id: &DeviceId, asked: &Claim, by: &UserId, now: EpochMillis) -> Vec<Step> {
    let is_in = row::change(row::device(device_id.as_str()), row::HOME)
        .when(Condition::Missing(row::THERE))
        .set("homeId", home_id.as_str())
        .set("claimedAt", now);
    let room_id = asked.room_id.as_ref();
    let device = key(home_id, device_id)
        .set("deviceId", device_id.as_str())
        .set(row::NAME, asked.name.as_str())
        .set_or_remove(ROOM_ID, room_id.map(Id::as_str))
        .set("serialNumber", asked.serial_number.as_str())
        .set("claimedBy", by.as_str())
        .set(row::CREATED_AT, now)
        .set(row::VERSION, 1);
    let mut steps =
        vec![Step::Change(is_in), Step::Change(home::one_more(home_id, Counted::Devices)), Step::Change(device)];
    steps.extend(room_id.map(|room_id| room::count(home_id, room_id, 1)));
    steps
}

/// The step of [`claim`] that is refused where the device is in a home.
pub const CLAIMED: usize = 0;
/// The step of [`claim`] that is refused where the home may have no more devices.
pub const CLAIMED_COUNT: usize = 1;
/// The step of [`claim`] that is refused where there is no such room.
pub const CLAIMED_ROOM: usize = 3;

/// What is kept of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub device_id: DeviceId,
    /// What it is called.
    pub name: String,
    /// The room that it is in.
    pub room_id: Option<Id>,
    /// The serial number on it.
    pub serial_number: String,
    /// When it came into the home.
    pub claimed_at: EpochMillis,
    /// Counts the changes of name and room.
    pub version: i64,
}

impl Kept {
    /// A device as its row has it.
    #[must_use]
    pub fn read(row: &Item) -> Option<Self> {
        Some(Self {
            device_id: DeviceId::read(row.text("deviceId")?)?,
            name: row.text(row::NAME)?.to_owned(),
            room_id: row.text(ROOM_ID).and_then(Id::read),
            serial_number: row.text("serialNumber")?.to_owned(),
            claimed_at: row.number(row::CREATED_AT)?,
            version: row.number(row::VERSION)?,
        })
    }

    /// That it is the device that was read, in the room where it was.
    fn as_read(&self, home_id: &Id) -> Change {
        key(home_id, &self.device_id).when(Condition::equal(row::VERSION, self.version))
    }

    /// Changes it: the device, then the room that it leaves, and the one that it comes into.
    #[must_use]
    pub fn change(&self, home_id: &Id, asked: &DeviceChange) -> (Self, Vec<Step>) {
        let room_id = asked.room_id.clone().unwrap_or_else(|| self.room_id.clone());
        let name = asked.name.as_ref().map_or_else(|| self.name.clone(), ToString::to_string);
        let change = self
            .as_read(home_id)
            .set(row::NAME, name.as_str())
            .set_or_remove(ROOM_ID, room_id.as_ref().map(Id::as_str))
            .count(row::VERSION, 1);
        let mut steps = vec![Step::Change(change)];
        if room_id != self.room_id {
            // The later step is refused where there is no such room; the device is in the other.
            steps.extend(self.room_id.iter().map(|old| room::count(home_id, old, -1)));
            steps.extend(room_id.iter().map(|new| room::count(home_id, new, 1)));
        }
        (Self { name, room_id, version: self.version.saturating_add(1), ..self.clone() }, steps)
    }

    /// Takes it out of its home: the device, which home it is in, the home's count, the room's.
    #[must_use]
    pub fn take_away(&self, home_id: &Id) -> Vec<Step> {
        let is_in = row::change(row::device(self.device_id.as_str()), row::HOME)
            .when(Condition::equal("homeId", home_id.as_str()));
        let mut steps = vec![
            Step::Delete(self.as_read(home_id)),
            Step::Delete(is_in),
            Step::Change(home::one_less(home_id, Counted::Devices)),
        ];
        steps.extend(self.room_id.iter().map(|room_id| room::count(home_id, room_id, -1)));
        steps
    }

    /// The device as callers see it.
    #[must_use]
    pub fn shown(self, shadow: &Shadow, presence: Option<Presence>) -> Device {
        Device {
            device_id: self.device_id,
            name: self.name,
            room_id: self.room_id,
            serial_number: self.serial_number,
            claimed_at: self.claimed_at,
            connectivity: Connectivity {
                connected: presence.map(|presence| presence.connected),
                since: presence.map(|presence| presence.since),
            },
            state: State {
                desired: shadow.desired.clone(),
                reported: shadow.reported.clone(),
                version: shadow.version,
                is_confirmed: contains(&shadow.reported, &shadow.desired),
            },
        }
    }
}

/// The tag of a device: its version, and what changes by itself.
#[must_use]
pub fn tag(version: i64, device: &Device) -> String {
    let is_connected = device.connectivity.connected.map_or(-1, i64::from);
    format!("{version}.{}.{is_connected}.{}", device.state.version, device.connectivity.since.unwrap_or(0))
}

/// Keeps what a device was wanted to be, for the link of an answer. As text: not every number of JSON is one of DynamoDB's.
#[must_use]
pub fn keep_change(
    home_id: &Id,
    change_id: &Id,
    device: &DeviceId,
    desired: &Map<String, Value>,
    now: EpochMillis,
) -> Change {
    row::change(row::home(home_id.as_str()), format!("{}{change_id}", row::CHANGE))
        .set("changeId", change_id.as_str())
        .set("deviceId", device.as_str())
        .set("desired", Value::Object(desired.clone()).to_string())
        .set(row::CREATED_AT, now)
        .set(row::EXPIRES_AT, now.div_euclid(1000).saturating_add(CHANGE_KEPT))
}

/// What a device was wanted to be, and what became of that; `None` where the row is another device's, or has ended.
#[must_use]
pub fn read_change(row: &Item, device: &DeviceId, shadow: &Shadow, now: EpochMillis) -> Option<StateRequest> {
    let desired = serde_json::from_str::<Map<String, Value>>(row.text("desired")?).ok()?;
    let is_live = row.text("deviceId") == Some(device.as_str()) && row.number(row::EXPIRES_AT)? > now.div_euclid(1000);
    is_live.then_some(())?;
    Some(StateRequest {
        change_id: Id::read(row.text("changeId")?)?,
        device_id: device.clone(),
        status: status(&desired, shadow),
        desired,
        requested_at: row.number(row::CREATED_AT)?,
    })
}
