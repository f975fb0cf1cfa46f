//! How long a device may be away before anyone is told.

use std::collections::BTreeMap;

/// The grace period of each thing type, in seconds, between [`Grace::MIN`] and [`Grace::MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grace {
    default: u16,
    by_type: BTreeMap<String, u16>,
}

/// A grace period that a queue cannot keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the grace period `{text}` of {of} is not valid: give whole seconds between {min} and {max}", min = Grace::MIN, max = Grace::MAX)]
pub struct BadGrace {
    /// As given.
    pub text: String,
    /// Which one.
    pub of: String,
}

impl Grace {
    /// The shortest period: shorter ones would announce ordinary reconnects.
    pub const MIN: u16 = 5;
    /// The longest period: SQS delays a message no longer.
    pub const MAX: u16 = 900;

    /// From configuration: the seconds for every type, and exceptions as thing type and seconds.
    ///
    /// # Errors
    /// [`BadGrace`] for a period that is not a number or out of bounds.
    pub fn new<'a>(default: &str, by_type: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, BadGrace> {
        let seconds = |text: &str, of: &str| {
            let parsed = text.trim().parse().ok().filter(|seconds| (Self::MIN..=Self::MAX).contains(seconds));
            parsed.ok_or_else(|| BadGrace { text: text.to_owned(), of: of.to_owned() })
        };
        Ok(Self {
            default: seconds(default, "every thing type")?,
            by_type: by_type
                .into_iter()
                .map(|(of, text)| Ok((of.trim().to_owned(), seconds(text, of)?)))
                .collect::<Result<_, _>>()?,
        })
    }

    /// The period for a thing of this type, in seconds.
    #[must_use]
    pub fn seconds(&self, thing_type: Option<&str>) -> u16 {
        thing_type.and_then(|thing_type| self.by_type.get(thing_type)).copied().unwrap_or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_by_type() {
        let grace = Grace::new("60", [("Switch", "5"), ("Charger", "900")]).unwrap();
        assert_eq!(grace.seconds(Some("Switch")), 5);
        assert_eq!(grace.seconds(Some("Charger")), 900);
        assert_eq!((grace.seconds(Some("Meter")), grace.seconds(None)), (60, 60));
        for bad in ["4", "901", "", "-1", "soon"] {
            assert!(Grace::new(bad, []).is_err(), "{bad}");
            assert!(Grace::new("60", [("Switch", bad)]).is_err(), "{bad}");
        }
    }
}
