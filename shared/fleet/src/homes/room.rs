//! Rooms. A room's row counts the devices in it, so that none is taken away from under them.

use super::home::{self, Counted};
use super::resource::{Room, RoomChange};
use super::row;
use super::text::{GivenName, Id};
use crate::conditional::{Change, Condition, Item};
use crate::transaction::Step;

const DEVICES: &str = "devices";

fn key(home_id: &Id, room_id: &Id) -> Change {
    row::change(row::home(home_id.as_str()), format!("{}{room_id}", row::ROOM))
}

/// Makes a room: the home's count, then the room.
#[must_use]
pub fn make(home_id: &Id, room_id: &Id, name: &GivenName) -> Vec<Step> {
    let room = key(home_id, room_id)
        .when(Condition::Missing(row::THERE))
        .set("roomId", room_id.as_str())
        .set(row::NAME, name.as_str())
        .set(row::VERSION, 1)
        .set(DEVICES, 0);
    vec![Step::Change(home::one_more(home_id, Counted::Rooms)), Step::Change(room)]
}

/// Names a room anew.
#[must_use]
pub fn rename(home_id: &Id, room_id: &Id, asked: &RoomChange, version: Option<i64>) -> Change {
    let condition = match version {
        Some(version) => Condition::equal(row::VERSION, version),
        None => Condition::Exists(row::THERE),
    };
    key(home_id, room_id).when(condition).set(row::NAME, asked.name.as_str()).count(row::VERSION, 1)
}

/// Takes an empty room away: the room, then the home's count.
#[must_use]
pub fn take_away(home_id: &Id, room_id: &Id, version: Option<i64>) -> Vec<Step> {
    let mut conditions = vec![Condition::equal(DEVICES, 0)];
    conditions.extend(version.map(|version| Condition::equal(row::VERSION, version)));
    vec![
        Step::Delete(key(home_id, room_id).when(Condition::All(conditions))),
        Step::Change(home::one_less(home_id, Counted::Rooms)),
    ]
}

/// A device comes into the room, or leaves it.
#[must_use]
pub fn count(home_id: &Id, room_id: &Id, by: i64) -> Step {
    Step::Change(key(home_id, room_id).when(Condition::Exists(row::THERE)).count(DEVICES, by))
}

/// A room as its row has it.
#[must_use]
pub fn read(row: &Item) -> Option<Room> {
    Some(Room { room_id: Id::read(row.text("roomId")?)?, name: row.text(row::NAME)?.to_owned() })
}
