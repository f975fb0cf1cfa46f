//! Newtypes for the names of AWS IoT. A value of one of these types has passed AWS's pattern and length check, so code
//! behind the edge never checks again. Limits follow the service model and "AWS IoT Core endpoints and quotas".

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fmt;

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} `{text}` is not valid: it must be {rule}")]
pub struct InvalidName {
    /// What the text was meant to be, for example `thing name`.
    pub kind: &'static str,
    /// The text as given, cut to 160 characters.
    pub text: String,
    /// What AWS asks of it.
    pub rule: &'static str,
}

impl InvalidName {
    pub(crate) fn new(kind: &'static str, text: &str, rule: &'static str) -> Self {
        Self { kind, text: text.chars().take(160).collect(), rule }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, |$text:ident| $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "SmolStr", into = "SmolStr")]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks the text against AWS's limits.
            ///
            /// # Errors
            /// [`InvalidName`] with the rule that the text breaks.
            pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
                let $text = text.as_ref();
                if $check { Ok(Self(SmolStr::new($text))) } else { Err(InvalidName::new($kind, $text, $rule)) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<SmolStr> for $name {
            type Error = InvalidName;
            fn try_from(text: SmolStr) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for SmolStr {
            fn from(name: $name) -> SmolStr {
                name.0
            }
        }
    };
}

fn within(text: &str, min: usize, max: usize, allowed: impl Fn(char) -> bool) -> bool {
    (min..=max).contains(&text.chars().count()) && text.chars().all(allowed)
}

fn is_thing_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-')
}

name!(
    /// The name of a thing: `[a-zA-Z0-9:_-]{1,128}`.
    ThingName, "thing name", "1 to 128 characters of a-z, A-Z, 0-9, `:`, `_` and `-`", |t| within(t, 1, 128, is_thing_char)
);
name!(
    /// The name of a thing type: `[a-zA-Z0-9:_-]{1,128}`.
    ThingTypeName, "thing type name", "1 to 128 characters of a-z, A-Z, 0-9, `:`, `_` and `-`", |t| within(t, 1, 128, is_thing_char)
);
name!(
    /// The name of a thing group: `[a-zA-Z0-9:_-]{1,128}`.
    ThingGroupName, "thing group name", "1 to 128 characters of a-z, A-Z, 0-9, `:`, `_` and `-`", |t| within(t, 1, 128, is_thing_char)
);
name!(
    /// The name of a billing group: `[a-zA-Z0-9:_-]{1,128}`.
    BillingGroupName, "billing group name", "1 to 128 characters of a-z, A-Z, 0-9, `:`, `_` and `-`", |t| within(t, 1, 128, is_thing_char)
);
name!(
    /// The name of a thing attribute: `[a-zA-Z0-9_.,@/:#-]{1,128}`.
    AttributeName, "attribute name", "1 to 128 characters of a-z, A-Z, 0-9, and `_.,@/:#-`",
    |t| within(t, 1, 128, |c| c.is_ascii_alphanumeric() || "_.,@/:#-".contains(c))
);
name!(
    /// The value of a thing attribute: `[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}`. An empty value removes the attribute.
    AttributeValue, "attribute value", "at most 800 characters of a-z, A-Z, 0-9, and `_.,@/:#=[]-`",
    |t| within(t, 0, 800, |c| c.is_ascii_alphanumeric() || "_.,@/:#=[]-".contains(c))
);
name!(
    /// The name of an AWS IoT policy: `[\w+=,.@-]{1,128}`.
    PolicyName, "policy name", "1 to 128 characters of a-z, A-Z, 0-9, and `_+=,.@-`",
    |t| within(t, 1, 128, |c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
);
name!(
    /// The name of a topic rule: `[a-zA-Z0-9_]{1,128}`.
    RuleName, "rule name", "1 to 128 characters of a-z, A-Z, 0-9 and `_`", |t| within(t, 1, 128, |c| c.is_ascii_alphanumeric() || c == '_')
);
name!(
    /// The id of a device certificate or of a CA certificate: 64 lower-case hexadecimal digits, the SHA-256 of its DER.
    CertificateId, "certificate id", "64 hexadecimal digits, lower case", |t| within(t, 64, 64, |c| c.is_ascii_digit() || ('a'..='f').contains(&c))
);
impl CertificateId {
    /// The id of the certificate with this SHA-256 over its DER.
    #[must_use]
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        Self(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
    }
}

/// The first digits of a certificate id, enough for a person to tell two apart.
#[must_use]
pub fn short(id: &CertificateId) -> &str {
    id.as_str().get(..12).unwrap_or_default()
}

name!(
    /// An MQTT client id: 1 to 128 bytes of UTF-8, no control characters (quota "Client ID size").
    ClientId, "client id", "1 to 128 bytes of UTF-8 without control characters",
    |t| (1..=128).contains(&t.len()) && !t.chars().any(char::is_control)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_aws() {
        assert!(ThingName::new("dock-1:a_B").is_ok());
        assert!(ThingName::new("").is_err());
        assert!(ThingName::new("a".repeat(129)).is_err());
        assert!(ThingName::new("a b").is_err());
        assert!(AttributeValue::new("").is_ok());
        assert!(AttributeValue::new("a=[1]").is_ok());
        assert!(CertificateId::new("A".repeat(64)).is_err());
        assert_eq!(CertificateId::from_digest(&[0x0a; 32]), CertificateId::new("0a".repeat(32)).unwrap());
        assert!(ClientId::new("é".repeat(65)).is_err());
    }

    #[test]
    fn an_error_says_what_was_wrong() {
        let error = RuleName::new("no-dash").unwrap_err();
        assert_eq!(
            error.to_string(),
            "rule name `no-dash` is not valid: it must be 1 to 128 characters of a-z, A-Z, 0-9 and `_`"
        );
    }
}
