//! What requests and answers are made of. Times are in milliseconds since 1970.

use super::problem::{Kind, Problem};
use super::role::Role;
use super::state::{Desired, Status};
use super::text::{ClaimCode, DeviceId, GivenName, Id, SerialNumber, ShareToken, UserId};
use crate::EpochMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Defines what requests and answers are made of.
macro_rules! resources {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(resources!(@ $kind $(#[$doc])* $name { $($(#[$field_doc])* $field: $type,)* });)*
    };
    (@ asks $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
    (@ says $(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

resources! {
    /// A home to be made.
    asks NewHome {
        /// What it is called.
        name: GivenName,
        /// What its first owner is called by the other members.
        #[serde(default)]
        your_name: Option<GivenName>,
    }

    /// A home's new name.
    asks HomeChange {
        /// What it is called.
        name: GivenName,
    }

    /// A home.
    says Home {
        /// Its id.
        home_id: Id,
        /// What it is called.
        name: String,
        /// What you may do in it.
        role: Role,
        /// When it was made.
        created_at: EpochMillis,
    }

    /// A room to be made.
    asks NewRoom {
        /// What it is called.
        name: GivenName,
    }

    /// A room's new name.
    asks RoomChange {
        /// What it is called.
        name: GivenName,
    }

    /// A room.
    says Room {
        /// Its id.
        room_id: Id,
        /// What it is called.
        name: String,
    }

    /// A member's new role.
    asks MemberChange {
        /// What the member may do.
        role: Role,
    }

    /// A member of a home.
    says Member {
        /// The user.
        user_id: UserId,
        /// What the others call the member.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// What the member may do.
        role: Role,
        /// Since when.
        joined_at: EpochMillis,
        /// Whether it is you.
        is_you: bool,
    }

    /// A link to be made that makes whoever has it a member.
    asks NewShare {
        /// What the new member may do.
        role: Role,
        /// How long the link is good for; a day where it is not given.
        #[serde(default)]
        expires_in_seconds: Option<ShareSeconds>,
    }

    /// A link that makes whoever has it a member, once.
    says Share {
        /// Its id.
        share_id: Id,
        /// What the new member may do.
        role: Role,
        /// How long the link is good for.
        expires_at: EpochMillis,
        /// What the link ends in. It is shown once, as it is not kept.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<ShareToken>,
    }

    /// What a link ended in.
    asks AcceptShare {
        /// The token.
        token: ShareToken,
        /// What you are called by the other members.
        #[serde(default)]
        your_name: Option<GivenName>,
    }

    /// A device to be put into a home, with the proof that it is at hand.
    asks Claim {
        /// The serial number on the device.
        serial_number: SerialNumber,
        /// The code on the device.
        code: ClaimCode,
        /// What it is called.
        name: GivenName,
        /// The room that it is in.
        #[serde(default)]
        room_id: Option<Id>,
    }

    /// What becomes different of a device. A member that is left out stays as it is.
    asks DeviceChange {
        /// What it is called.
        #[serde(default)]
        name: Option<GivenName>,
        /// The room that it is in; `null`: none.
        #[serde(default, deserialize_with = "given")]
        room_id: Option<Option<Id>>,
    }

    /// A device.
    says Device {
        /// Its id: the name of its thing.
        device_id: DeviceId,
        /// What it is called.
        name: String,
        /// The room that it is in.
        #[serde(skip_serializing_if = "Option::is_none")]
        room_id: Option<Id>,
        /// The serial number on it.
        serial_number: String,
        /// When it came into the home.
        claimed_at: EpochMillis,
        /// Whether it is connected.
        connectivity: Connectivity,
        /// What it is and what it is wanted to be.
        state: State,
    }

    /// Whether a device is connected.
    says Connectivity {
        /// Whether it is; `null` where it has never been.
        connected: Option<bool>,
        /// Since when that is so.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<EpochMillis>,
    }

    /// What a device is and what it is wanted to be.
    says State {
        /// What it is wanted to be.
        desired: Map<String, Value>,
        /// What it says that it is.
        reported: Map<String, Value>,
        /// Counts the changes of both; 0 where there was none.
        version: i64,
        /// Whether it says that it is all that it is wanted to be.
        is_confirmed: bool,
    }

    /// What a device is wanted to be.
    asks StateChange {
        /// What becomes different of it.
        desired: Desired,
    }

    /// What a device was wanted to be, and what became of that.
    says StateRequest {
        /// Its id.
        change_id: Id,
        /// The device.
        device_id: DeviceId,
        /// What was asked for.
        desired: Map<String, Value>,
        /// What became of it.
        status: Status,
        /// When it was asked for.
        requested_at: EpochMillis,
    }
}

/// How long a link is good for, in seconds: a minute to a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct ShareSeconds(i64);

impl ShareSeconds {
    const MIN: i64 = 60;
    const MAX: i64 = 7 * 86_400;
    /// A day.
    pub const DAY: Self = Self(86_400);

    /// In seconds.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for ShareSeconds {
    type Error = String;

    fn try_from(seconds: i64) -> Result<Self, String> {
        let is_valid = (Self::MIN..=Self::MAX).contains(&seconds);
        is_valid
            .then_some(Self(seconds))
            .ok_or_else(|| format!("a link is good for {} to {} seconds", Self::MIN, Self::MAX))
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for ShareSeconds {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ShareSeconds".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": Self::MIN, "maximum": Self::MAX })
    }
}

/// Tells a member that is null from one that is left out.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The body of a request.
///
/// # Errors
/// `bad-request` where it is not JSON, `unprocessable` where it is other JSON than is expected.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // What the caller wrote comes back to the caller alone, in JSON, and no more of it than helps.
    let why = |kind, error: &serde_json::Error| {
        Problem::detail(kind, error.to_string().chars().take(300).collect::<String>())
    };
    let value: Value = serde_json::from_slice(body).map_err(|error| why(Kind::BadRequest, &error))?;
    // A list of the members' values would do for serde.
    if !value.is_object() {
        return Err(Problem::detail(Kind::Unprocessable, "the body must be an object"));
    }
    T::deserialize(value).map_err(|error| why(Kind::Unprocessable, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_what_is_expected_or_a_problem() {
        let kind = |body: &str| read::<DeviceChange>(body.as_bytes()).map_err(|problem| problem.kind);
        assert_eq!(kind("{}"), Ok(DeviceChange { name: None, room_id: None }));
        assert_eq!(kind(r#"{"roomId":null}"#), Ok(DeviceChange { name: None, room_id: Some(None) }));
        for (body, expected) in [
            ("", Kind::BadRequest),
            ("{", Kind::BadRequest),
            ("{}x", Kind::BadRequest),
            ("[]", Kind::Unprocessable),
            ("1", Kind::Unprocessable),
            (r#"{"name":1}"#, Kind::Unprocessable),
            (r#"{"name":""}"#, Kind::Unprocessable),
            (r#"{"nmae":"x"}"#, Kind::Unprocessable),
            (r#"{"roomId":"../x"}"#, Kind::Unprocessable),
        ] {
            assert_eq!(kind(body), Err(expected), "{body}");
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(kind(&deep).is_err());
    }
}
