//! The one table of the API, `HomesTable`, by its two keys, `pk` and `sk`:
//!
//! | `pk` | `sk` | what the row is | written |
//! |---|---|---|---|
//! | `home#<home>` | `home` | the home: `name`, `version`, and how many `owners`, `members`, `rooms`, `devices`, `scenes`, `shares` it has | with whatever it counts |
//! | `home#<home>` | `member#<user>` | a member: `role`, `name`, `version`; asked for by every request | with the next |
//! | `user#<user>` | `home#<home>` | that the user is a member there, for the list of homes | with the member |
//! | `home#<home>` | `room#<room>` | a room: `name`, `version`, how many `devices` are in it | with the home's count |
//! | `home#<home>` | `device#<thing>` | a device of the home: `name`, `roomId`, `version`, `serialNumber` | with the next, and the counts |
//! | `device#<thing>` | `home` | which home the device is in: `homeId`. A device is in one at most | with the device of the home |
//! | `home#<home>` | `share#<share>` | who has the link becomes a member: `role`, `secretHash`, `expiresAt` | with the home's count |
//! | `home#<home>` | `scene#<scene>` | a scene: `name`, `version`, what devices are wanted to be | with the home's count |
//! | `home#<home>` | `change#<change>` | what a device was wanted to be, for the link of an answer; ends at `expiresAt` | with the answer that is kept |
//! | `user#<user>` | `key#<digest>` | the answer to a request with an `Idempotency-Key`; ends at `expiresAt` | with what the request has done |
//! | `serial#<serial number>` | `code` | how possession is proved: `thingName`, `salt`, `hash`, `iterations` | by the maker of the device |
//! | `serial#…`, `user#<user>` | `attempts#<window>` | how many claims were tried; ends at `expiresAt` | before each claim |
//!
//! What two rows say together is written in one transaction. A user is a digest of the token's `sub`.

use crate::conditional::{Change, Name};

/// The partition key.
pub const PARTITION: &str = "pk";
/// The sort key.
pub const SORT: &str = "sk";
/// The attribute with the version, which each change counts up.
pub const VERSION: &str = "version";
/// When DynamoDB deletes the row, in seconds since 1970.
pub const EXPIRES_AT: &str = "expiresAt";
/// The attribute with a name that people give.
pub const NAME: &str = "name";
/// When the row was made, in milliseconds since 1970.
pub const CREATED_AT: &str = "createdAt";

/// The home's own row, and the one of a device that says which home it is in.
pub const HOME: &str = "home";
/// How the proof of possession is checked.
pub const CODE: &str = "code";
/// What the sort keys of rows of a kind begin with.
pub const MEMBER: &str = "member#";
/// See [`MEMBER`].
pub const ROOM: &str = "room#";
/// See [`MEMBER`].
pub const DEVICE: &str = "device#";
/// See [`MEMBER`].
pub const SHARE: &str = "share#";
/// See [`MEMBER`].
pub const SCENE: &str = "scene#";
/// See [`MEMBER`].
pub const CHANGE: &str = "change#";
/// See [`MEMBER`]; in the partition of a user.
pub const HOME_OF: &str = "home#";
/// See [`MEMBER`]; in the partition of a user.
pub const KEY: &str = "key#";

/// The partition of a home.
#[must_use]
pub fn home(home_id: &str) -> String {
    format!("home#{home_id}")
}

/// The partition of a user.
#[must_use]
pub fn user(user_id: &str) -> String {
    format!("user#{user_id}")
}

/// The partition of a device.
#[must_use]
pub fn device(thing_name: &str) -> String {
    format!("device#{thing_name}")
}

/// The partition of a serial number.
#[must_use]
pub fn serial(serial_number: &str) -> String {
    format!("serial#{serial_number}")
}

/// A change of the row with this key that does nothing yet.
#[must_use]
pub fn change(partition: impl Into<String>, sort: impl Into<String>) -> Change {
    Change::of(PARTITION, partition.into()).and_key(SORT, sort.into())
}

/// A change of a home's own row.
#[must_use]
pub fn of_home(home_id: &str) -> Change {
    change(home(home_id), HOME)
}

/// That a row is there, as a condition names it.
pub const THERE: Name = Name::Borrowed(PARTITION);
