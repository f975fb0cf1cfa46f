//! Topics and topic filters, and how one matches the other.
//!
//! Follows "MQTT topics" of the AWS IoT Core developer guide and its quotas: 256 bytes, 7 slashes. Two things differ from
//! the MQTT texts: `#` does not match its parent level, and the prefix `$aws/rules/<rule>/` counts towards neither limit.
//!
//! [`fault`]: which rule a topic breaks.

pub mod fault;

use crate::names::InvalidName;
use fault::TopicLimits;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fmt;

/// The most bytes in a topic or topic filter.
pub const MAX_TOPIC_BYTES: usize = 256;
/// The most slashes in a topic or topic filter.
pub const MAX_TOPIC_SLASHES: usize = 7;

const TOPIC_RULE: &str = "1 to 256 bytes of UTF-8 with at most 7 slashes, without `+`, `#` and U+0000";
const FILTER_RULE: &str = "1 to 256 bytes of UTF-8 with at most 7 slashes, `+` and `#` alone in their level, `#` last";

/// A topic that a message is published to.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Topic(SmolStr);

/// A topic filter that a client subscribes to, without a `$share/<name>/` prefix.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct TopicFilter(SmolStr);

/// Takes `$share/<name>/<filter>` apart into the name and the filter, which are not looked at; `None` where the text is not a
/// shared subscription.
#[must_use]
pub fn of_share(filter: &str) -> Option<(&str, &str)> {
    filter.strip_prefix("$share/").map(|rest| rest.split_once('/').unwrap_or((rest, "")))
}

impl Topic {
    /// Checks a topic against the MQTT grammar and AWS's limits.
    ///
    /// # Errors
    /// [`InvalidName`] where the topic is empty, too long, too deep, or holds a wildcard or U+0000.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
        let text = text.as_ref();
        let valid = fault::of_topic(text, TopicLimits::default()).is_none();
        if valid { Ok(Self(SmolStr::new(text))) } else { Err(InvalidName::new("topic", text, TOPIC_RULE)) }
    }

    /// The topic as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TopicFilter {
    /// Checks a topic filter against the MQTT grammar and AWS's limits.
    ///
    /// # Errors
    /// [`InvalidName`] where the filter is empty, too long, too deep, holds U+0000, or misplaces a wildcard.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidName> {
        let text = text.as_ref();
        let valid = fault::of_filter(text, TopicLimits::default()).is_none();
        if valid { Ok(Self(SmolStr::new(text))) } else { Err(InvalidName::new("topic filter", text, FILTER_RULE)) }
    }

    /// The filter as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the filter holds a wildcard.
    #[must_use]
    pub fn has_wildcard(&self) -> bool {
        self.0.contains(['+', '#'])
    }

    /// Whether a message on `topic` matches this filter.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        matches(&self.0, topic)
    }
}

/// Whether `filter` matches `topic`, by AWS's rules: `a/#` does not match `a`, and a wildcard in the first level does not
/// match a topic that starts with `$`.
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut filter_levels = filter.split('/');
    let mut topic_levels = topic.split('/');
    loop {
        match (filter_levels.next(), topic_levels.next()) {
            (Some("#"), Some(_)) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

/// The part of a topic that counts towards its limits: what follows `$aws/rules/<rule>/`, or all of it.
#[must_use]
pub fn without_basic_ingest(topic: &str) -> &str {
    basic_ingest(topic).map_or(topic, |(_, rest)| rest)
}

/// Splits a Basic Ingest topic `$aws/rules/<rule>/<rest>` into the rule's name and the rest.
#[must_use]
pub fn basic_ingest(topic: &str) -> Option<(&str, &str)> {
    let after = topic.strip_prefix("$aws/rules/")?;
    Some(after.split_once('/').unwrap_or((after, "")))
}

/// Whether a topic is one of Basic Ingest that names a rule; what follows the name may be missing, as in `$aws/rules/<rule>`.
#[must_use]
pub fn names_rule(topic: &str) -> bool {
    basic_ingest(topic).is_some_and(|(rule, _)| !rule.is_empty())
}

macro_rules! text_type {
    ($name:ident) => {
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
        impl TryFrom<SmolStr> for $name {
            type Error = InvalidName;
            fn try_from(text: SmolStr) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
        impl From<$name> for SmolStr {
            fn from(value: $name) -> SmolStr {
                value.0
            }
        }
    };
}

text_type!(Topic);
text_type!(TopicFilter);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A matcher written from the prose, by recursion, to hold the real one against.
    fn naive(filter: &[&str], topic: &[&str]) -> bool {
        match (filter, topic) {
            ([], []) => true,
            (["#"], rest) => !rest.is_empty(),
            (["+", f @ ..], [_, t @ ..]) => naive(f, t),
            ([a, f @ ..], [b, t @ ..]) => a == b && naive(f, t),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matches_as_the_prose_says(filter in "(a|b|\\+|)(/(a|b|\\+|)){0,3}(/#)?", topic in "(a|b|)(/(a|b|)){0,4}") {
            let f: Vec<_> = filter.split('/').collect();
            let t: Vec<_> = topic.split('/').collect();
            prop_assert_eq!(matches(&filter, &topic), naive(&f, &t));
        }
    }

    #[test]
    fn aws_differences() {
        assert!(!matches("sensor/#", "sensor"));
        assert!(matches("sensor/#", "sensor/"));
        assert!(matches("#", "a"));
        assert!(!matches("#", "$aws/events/x"));
        assert!(!matches("+/events/x", "$aws/events/x"));
        assert!(matches("$aws/events/#", "$aws/events/x"));
    }

    #[test]
    fn limits() {
        assert!(Topic::new("a/b/c/d/e/f/g/h").is_ok());
        assert!(Topic::new("a/b/c/d/e/f/g/h/i").is_err());
        assert!(Topic::new("$aws/rules/r/a/b/c/d/e/f/g/h").is_ok());
        assert!(Topic::new("$aws/rules/r").is_ok());
        assert!(Topic::new("$aws/rules/").is_err());
        assert!(Topic::new("$aws/rules/+").is_err());
        assert!(Topic::new("a/+").is_err());
        assert!(TopicFilter::new("a/#/b").is_err());
        assert!(TopicFilter::new("a#").is_err());
        assert!(TopicFilter::new("a/+/b/#").is_ok());
    }
}
