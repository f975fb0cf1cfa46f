//! Which rule a topic or a topic filter breaks, in words for whoever wrote it.
//!
//! Follows "MQTT topics" and "Reserved topics" of the AWS IoT Core developer guide, and its quotas.

use super::{MAX_TOPIC_BYTES, MAX_TOPIC_SLASHES, names_rule, without_basic_ingest};
use crate::reserved::{self, Reserved};

/// How long and how deep a topic or topic filter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicLimits {
    /// Bytes of UTF-8.
    pub bytes: u64,
    /// Slashes.
    pub slashes: u64,
}

impl Default for TopicLimits {
    /// AWS's own.
    fn default() -> Self {
        Self { bytes: MAX_TOPIC_BYTES as u64, slashes: MAX_TOPIC_SLASHES as u64 }
    }
}

/// The rule that a topic or topic filter breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicFault {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is too long.
    #[error("it has {bytes} bytes; the limit is {most}")]
    TooLong {
        /// Its bytes, as far as they count.
        bytes: u64,
        /// The most that there may be.
        most: u64,
    },
    /// It is too deep.
    #[error("it has {slashes} slashes; the limit is {most}")]
    TooDeep {
        /// Its slashes, as far as they count.
        slashes: u64,
        /// The most that there may be.
        most: u64,
    },
    /// It contains U+0000.
    #[error("it contains the character U+0000")]
    Null,
    /// A topic that a message is published to contains a wildcard.
    #[error("it contains the wildcard `{0}`")]
    Wildcard(char),
    /// A wildcard of a filter shares its level with other characters, or `#` is not in the last level.
    #[error("`{0}` has to stand alone in its level, and `#` in the last one")]
    Misplaced(char),
    /// It starts with `$`, and clients may subscribe to it but not publish.
    #[error("it is reserved: AWS IoT itself publishes there, clients may only subscribe")]
    OnlySubscribe,
    /// It starts with `$`, and clients may publish to it but not subscribe.
    #[error("it is reserved: clients may only publish there")]
    OnlyPublish,
    /// It starts with `$`, and is none of AWS's topics.
    #[error("topics that start with `$` are reserved, and this is not one of those that AWS IoT has")]
    Unknown,
    /// It is Basic Ingest without the name of a rule.
    #[error("it is reserved for Basic Ingest and names no rule")]
    NoRule,
    /// It starts with `$`, and nothing may be retained there.
    #[error("it is reserved: nothing can be retained there")]
    NotRetained,
}

impl TopicFault {
    /// What to do about it; empty where the fault itself says it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Empty | Self::Null => "",
            Self::TooLong { .. } => "shorten it, or move what varies into the payload",
            Self::TooDeep { .. } => {
                "use fewer levels: a leading slash counts, too, and `$aws/rules/NAME/` in front does not"
            }
            Self::Wildcard(_) => "publish to one topic: wildcards are for subscriptions alone",
            Self::Misplaced(_) => "write `a/+/b` or `a/b/#`",
            Self::OnlySubscribe => {
                "publish to the topic of the request, which has no `/accepted`, `/rejected` or `/delta`"
            }
            Self::OnlyPublish => "subscribe to the topics of the answers, such as `…/accepted` and `…/rejected`",
            Self::Unknown => {
                "look it up in \"Reserved topics\" of the AWS IoT Core developer guide, or leave the `$` out"
            }
            Self::NoRule => "publish to `$aws/rules/NAME/…` with the name of a rule",
            Self::NotRetained => "publish without RETAIN",
        }
    }
}

/// The rule of form or size that a topic breaks.
#[must_use]
pub fn of_topic(text: &str, limits: TopicLimits) -> Option<TopicFault> {
    if let Some(wildcard) = text.chars().find(|c| matches!(c, '+' | '#')) {
        return Some(TopicFault::Wildcard(wildcard));
    }
    // Basic Ingest to `$aws/rules/<rule>` alone is a topic, of which nothing counts.
    let counted = without_basic_ingest(text);
    if counted.is_empty() && names_rule(text) { null(text) } else { size(counted, limits).or_else(|| null(text)) }
}

/// The rule of form or size that a topic filter breaks, `$share/<name>/` taken off.
#[must_use]
pub fn of_filter(text: &str, limits: TopicLimits) -> Option<TopicFault> {
    let mut levels = text.split('/').peekable();
    while let Some(level) = levels.next() {
        let Some(wildcard) = level.chars().find(|c| matches!(c, '+' | '#')) else { continue };
        if level != "+" && (level != "#" || levels.peek().is_some()) {
            return Some(TopicFault::Misplaced(wildcard));
        }
    }
    size(without_basic_ingest(text), limits).or_else(|| null(text))
}

/// The rule that a topic breaks which a client publishes to, reserved topics among them.
#[must_use]
pub fn of_publish(topic: &str, retain: bool, limits: TopicLimits) -> Option<TopicFault> {
    of_topic(topic, limits).or_else(|| match Reserved::read(topic) {
        Ok(Some(_)) if retain => Some(TopicFault::NotRetained),
        Ok(_) => None,
        Err(_) if topic.starts_with("$aws/rules/") => Some(TopicFault::NoRule),
        Err(_) if reserved::may_subscribe(topic) => Some(TopicFault::OnlySubscribe),
        Err(_) => Some(TopicFault::Unknown),
    })
}

/// The rule that a topic filter breaks which a client subscribes to, `$share/<name>/` taken off, reserved topics among them.
#[must_use]
pub fn of_subscribe(filter: &str, limits: TopicLimits) -> Option<TopicFault> {
    of_filter(filter, limits).or_else(|| {
        if reserved::may_subscribe(filter) {
            return None;
        }
        let only_publish = matches!(Reserved::read(filter), Ok(Some(_)));
        Some(if only_publish { TopicFault::OnlyPublish } else { TopicFault::Unknown })
    })
}

fn null(text: &str) -> Option<TopicFault> {
    text.contains('\0').then_some(TopicFault::Null)
}

fn size(counted: &str, limits: TopicLimits) -> Option<TopicFault> {
    // AWS's own topics for the answers to commands, `$aws/commands/things/<thing>/executions/<id>/response/accepted/json`, are a
    // level deeper than a topic may be.
    let most = limits.slashes + u64::from(counted.starts_with("$aws/commands/"));
    let bytes = counted.len() as u64;
    let slashes = counted.bytes().filter(|b| *b == b'/').count() as u64;
    if bytes == 0 {
        Some(TopicFault::Empty)
    } else if bytes > limits.bytes {
        Some(TopicFault::TooLong { bytes, most: limits.bytes })
    } else if slashes > most {
        Some(TopicFault::TooDeep { slashes, most })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_told_which_rule_it_breaks() {
        let long = "a".repeat(257);
        for (topic, retain, expected) in [
            ("dt/a", true, None),
            ("a/b/c/d/e/f/g/h", false, None),
            ("a/b/c/d/e/f/g/h/i", false, Some(TopicFault::TooDeep { slashes: 8, most: 7 })),
            ("$aws/rules/r/a/b/c/d/e/f/g/h", false, None),
            ("$aws/rules/r", false, None),
            (long.as_str(), false, Some(TopicFault::TooLong { bytes: 257, most: 256 })),
            ("", false, Some(TopicFault::Empty)),
            ("a\0", false, Some(TopicFault::Null)),
            ("$aws/rules/r\0", false, Some(TopicFault::Null)),
            ("cmd/+/x", false, Some(TopicFault::Wildcard('+'))),
            ("$aws/things/t/shadow/update", false, None),
            ("$aws/things/t/shadow/update", true, Some(TopicFault::NotRetained)),
            ("$aws/things/t/shadow/update/delta", false, Some(TopicFault::OnlySubscribe)),
            ("$aws/rules//a", false, Some(TopicFault::NoRule)),
            ("$aws/thing/t/shadow/update", false, Some(TopicFault::Unknown)),
            ("$SYS/a", false, Some(TopicFault::Unknown)),
        ] {
            assert_eq!(of_publish(topic, retain, TopicLimits::default()), expected, "{topic}");
        }
    }

    #[test]
    fn a_filter_is_told_which_rule_it_breaks() {
        for (filter, expected) in [
            ("a/+/#", None),
            ("#", None),
            ("a/#/b", Some(TopicFault::Misplaced('#'))),
            ("a+/b", Some(TopicFault::Misplaced('+'))),
            ("a/b/c/d/e/f/g/h/#", Some(TopicFault::TooDeep { slashes: 8, most: 7 })),
            ("", Some(TopicFault::Empty)),
            ("$aws/things/t/shadow/update", Some(TopicFault::OnlyPublish)),
            ("$aws/things/t/shadow/#", None),
            ("$SYS/#", Some(TopicFault::Unknown)),
        ] {
            assert_eq!(of_subscribe(filter, TopicLimits::default()), expected, "{filter}");
        }
    }
}
