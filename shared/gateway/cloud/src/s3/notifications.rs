//! Event notifications: who is told of which objects of a bucket.
//!
//! Follows "Amazon S3 Event Notifications" of the S3 user guide.

use drydock_core::Arn;
use serde::{Deserialize, Serialize};

/// The most that a bucket may have ("Amazon S3 Event Notifications").
const MOST: usize = 100;

/// The events that happen here. S3 has others, of what is not here: archives, replication, tags and the like.
pub(super) const EVENTS: &[&str] = &[
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
];

/// Who is told of a bucket's objects, and of which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The configuration's id, which the event repeats.
    pub id: String,
    /// What it is told of, for example `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// What the key has to begin with.
    pub prefix: String,
    /// What the key has to end with.
    pub suffix: String,
    /// The function, or a version or an alias of it; or the queue or the topic.
    pub target: Arn,
}

/// What has become of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happened {
    Put,
    Copied,
    Completed,
    Deleted,
    Marked,
}

impl Happened {
    /// As events name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Put => "ObjectCreated:Put",
            Self::Copied => "ObjectCreated:Copy",
            Self::Completed => "ObjectCreated:CompleteMultipartUpload",
            Self::Deleted => "ObjectRemoved:Delete",
            Self::Marked => "ObjectRemoved:DeleteMarkerCreated",
        }
    }
}

/// Whether an event, or all of a family where it ends in `*`, is or has another one.
fn covers(event: &str, other: &str) -> bool {
    event.strip_suffix('*').map_or(event == other, |family| other.starts_with(family))
}

impl Notification {
    pub(super) fn is_for(&self, key: &str, happened: Happened) -> bool {
        let name = happened.name();
        let wants = |event: &String| event.strip_prefix("s3:").is_some_and(|event| covers(event, name));
        self.events.iter().any(wants) && key.starts_with(&self.prefix) && key.ends_with(&self.suffix)
    }

    /// Whether there is an object of which both would be told the same.
    fn overlaps(&self, other: &Self) -> bool {
        let either = |a: &str, b: &str, is: fn(&str, &str) -> bool| is(a, b) || is(b, a);
        let events = self.events.iter().any(|a| other.events.iter().any(|b| either(a, b, covers)));
        events
            && either(&self.prefix, &other.prefix, |a, b| a.starts_with(b))
            && either(&self.suffix, &other.suffix, |a, b| a.ends_with(b))
    }
}

/// What is wrong with the notifications of a bucket ("PutBucketNotificationConfiguration"; the limits and what may not overlap:
/// "Configuring event notifications with object key name filtering").
pub(super) fn check(notifications: &[Notification]) -> Result<(), String> {
    if notifications.len() > MOST {
        return Err(format!("a bucket has at most {MOST} notification configurations"));
    }
    for (n, one) in notifications.iter().enumerate() {
        if one.prefix.len() > 1024 || one.suffix.len() > 1024 {
            return Err("the value of a filter rule has at most 1024 bytes".to_owned());
        }
        if let Some(other) = notifications.iter().take(n).find(|other| one.overlaps(other)) {
            return Err(format!(
                "Configurations overlap. Configurations on the same bucket cannot share a common event type: `{}` and `{}`",
                other.id, one.id
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(id: &str, event: &str, prefix: &str, suffix: &str) -> Notification {
        Notification {
            id: id.to_owned(),
            events: vec![event.to_owned()],
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            target: Arn::parse("arn:aws:lambda:us-east-1:123456789012:function:f").unwrap(),
        }
    }

    /// The examples of "Examples of object key name filtering with invalid notification configuration", and those that are valid.
    #[test]
    fn notifications_that_overlap_are_refused() {
        for (case, a, b, fine) in [
            ("the same event", ("s3:ObjectCreated:*", "", ""), ("s3:ObjectCreated:*", "", ""), false),
            ("all and one", ("s3:ObjectCreated:*", "", ""), ("s3:ObjectCreated:Put", "", ""), false),
            ("two", ("s3:ObjectCreated:Copy", "", ""), ("s3:ObjectCreated:Put", "", ""), true),
            ("families", ("s3:ObjectCreated:*", "", ""), ("s3:ObjectRemoved:*", "", ""), true),
            ("prefixes apart", ("s3:ObjectCreated:*", "images", ""), ("s3:ObjectCreated:*", "logs", ""), true),
            ("prefixes within", ("s3:ObjectCreated:*", "images", ""), ("s3:ObjectCreated:*", "images/a", ""), false),
            ("suffixes apart", ("s3:ObjectCreated:*", "", ".jpg"), ("s3:ObjectCreated:*", "", ".png"), true),
            ("suffixes within", ("s3:ObjectCreated:*", "", "jpg"), ("s3:ObjectCreated:*", "", "g"), false),
            ("a prefix and a suffix", ("s3:ObjectCreated:*", "i", ""), ("s3:ObjectCreated:*", "", ".jpg"), false),
        ] {
            let pair = [notification("a", a.0, a.1, a.2), notification("b", b.0, b.1, b.2)];
            assert_eq!(check(&pair).is_ok(), fine, "{case}");
        }
        let apart = |n: usize| notification("n", "s3:ObjectCreated:*", &format!("{n:03}/"), "");
        assert!(check(&(0..MOST).map(apart).collect::<Vec<_>>()).is_ok());
        assert!(check(&(0..=MOST).map(apart).collect::<Vec<_>>()).is_err());
    }
}
