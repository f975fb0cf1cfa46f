//! Names, ids, serial numbers and the like: what is there is valid. Each has a pattern, which the OpenAPI document shows; it is
//! checked by hand, as a function needs no engine of regular expressions for it.

use crate::naming::is_device_name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Defines a text that is valid once it is there.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The pattern (ECMA 262) of what is valid.
            pub const PATTERN: &'static str = $pattern;

            /// The text, if it is valid.
            #[must_use]
            pub fn read(text: &str) -> Option<Self> {
                let check: fn(&str) -> bool = $check;
                check(text).then(|| Self(text.to_owned()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                Self::read(&text).ok_or_else(|| format!("{} must match {}", $what, $pattern))
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        #[cfg(feature = "openapi")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

fn is_of(text: &str, length: std::ops::RangeInclusive<usize>, known: fn(u8) -> bool) -> bool {
    length.contains(&text.len()) && text.bytes().all(known)
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

text!(
    /// A name that people give: 1 to 64 characters, none of them a control character.
    GivenName,
    r"^[^\u0000-\u001f\u007f-\u009f]{1,64}$",
    "a name",
    |text| (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control)
);
text!(
    /// What the API calls what it makes.
    Id,
    "^[0-9a-f]{20}$",
    "an id",
    |text| is_of(text, 20..=20, is_hex)
);
text!(
    /// A user: a digest of the token's `sub`.
    UserId,
    "^[0-9a-f]{32}$",
    "the id of a user",
    |text| is_of(text, 32..=32, is_hex)
);
text!(
    /// A device: the name of its thing.
    DeviceId,
    "^(?!claim-)[a-zA-Z0-9:_-]{1,128}$",
    "the id of a device",
    is_device_name
);
text!(
    /// The serial number on a device.
    SerialNumber,
    r"^[A-Za-z0-9_.,@/:=-]{1,128}$",
    "a serial number",
    |text| is_of(text, 1..=128, |byte| byte.is_ascii_alphanumeric() || b"_.,@/:=-".contains(&byte))
);
text!(
    /// The code on a device. Case and hyphens do not count.
    ClaimCode,
    "^[A-Za-z0-9-]{4,64}$",
    "a code",
    |text| is_of(text, 4..=64, |byte| byte.is_ascii_alphanumeric() || byte == b'-')
);
text!(
    /// What a share link ends in: home, share and secret.
    ShareToken,
    "^[0-9a-f]{20}-[0-9a-f]{20}-[0-9a-f]{40}$",
    "a token of a share",
    |text| {
        let parts: Vec<&str> = text.split('-').collect();
        parts.iter().map(|part| part.len()).eq([20, 20, 40]) && parts.iter().all(|part| part.bytes().all(is_hex))
    }
);
text!(
    /// The value of an `Idempotency-Key`.
    IdempotencyKey,
    "^[!-~]{1,128}$",
    "an Idempotency-Key",
    |text| is_of(text, 1..=128, |byte| byte.is_ascii_graphic())
);

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of a hexadecimal text.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// What identifies a user: a digest, as a `sub` may be anything.
#[must_use]
pub fn user_id(subject: &str) -> UserId {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, subject.as_bytes());
    UserId(hex(digest.as_ref().get(..16).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_valid() {
        for name in ["K", "Küche 1", "👩‍🍳", &"ü".repeat(64)] {
            assert!(GivenName::read(name).is_some(), "{name}");
        }
        for name in ["", "a\nb", "\u{85}", &"x".repeat(65)] {
            assert!(GivenName::read(name).is_none(), "{name}");
        }
        assert!(Id::read("0123456789abcdef0123").is_some() && Id::read("0123456789ABCDEF0123").is_none());
        assert!(
            DeviceId::read("pump-1").is_some()
                && DeviceId::read("a/b").is_none()
                && DeviceId::read("claim-1").is_none()
        );
        let token = format!("{}-{}-{}", "a".repeat(20), "b".repeat(20), "c".repeat(40));
        assert!(ShareToken::read(&token).is_some() && ShareToken::read(&token[1..]).is_none());
        assert!(IdempotencyKey::read("a b").is_none() && IdempotencyKey::read("~").is_some());
        assert_eq!(unhex(&hex(b"\x00\xff!")), Some(b"\x00\xff!".to_vec()));
        assert_eq!((unhex("a"), unhex("zz")), (None, None));
    }

    #[test]
    fn two_users_differ() {
        assert_ne!(user_id("auth0|1"), user_id("auth0|2"));
        assert_eq!(user_id("auth0|1").as_str().len(), 32);
    }
}
