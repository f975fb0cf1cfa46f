//! What a bucket tells functions, queues and topics of its objects.
//!
//! Follows "Event message structure" of the S3 user guide. What is to be told is on disk together with the change that it tells of,
//! and goes out before the request is answered: [`outbox`](super::outbox).

use super::S3;
use super::notifications::{Happened, Notification, check};
use super::object::ObjectRow;
use super::outbox::Telling;
use super::state::State;
use crate::error::CloudError;
use drydock_core::{Arn, Timestamp, Write};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// A key as HTML forms write it, but for the slashes.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

impl S3 {
    /// Has a bucket tell of its objects as a template says, and nobody else. To be called at each start: it is not kept, and what
    /// was configured by PutBucketNotificationConfiguration gives way.
    ///
    /// # Errors
    /// [`CloudError::Resource`] where there is no such bucket, or where the notifications cannot stand beside one another.
    pub async fn notify(&self, bucket: &str, notifications: Vec<Notification>) -> Result<(), CloudError> {
        check(&notifications).map_err(|why| CloudError::resource("bucket", bucket, why))?;
        let written = {
            let mut state = self.state();
            let writes = state.tell_of(bucket, notifications, false);
            let missing = || CloudError::resource("bucket", bucket, "there is no such bucket");
            let writes = writes.ok_or_else(missing)?;
            self.write(&state, writes)
        };
        written.await
    }

    /// What is to be told of an object, while the change is decided: with the writes that keep it until it is told. `version` is
    /// the one that was made or deleted, where any are kept, `row` what is there now.
    pub(super) fn telling(
        &self,
        state: &State,
        (bucket, key): (&str, &str),
        happened: Happened,
        (version, row): (Option<&str>, Option<&ObjectRow>),
    ) -> (Vec<Telling>, Vec<Write>) {
        let mut tellings = Vec::new();
        for notification in state.told(bucket, key, happened) {
            let body = self.event(notification, (bucket, key), happened, (version, row)).to_string();
            tellings.push(self.to_tell(bucket, &notification.target, body));
        }
        let writes = self.outbox.keep(&tellings);
        (tellings, writes)
    }

    pub(super) fn to_tell(&self, bucket: &str, to: &Arn, body: String) -> Telling {
        Telling { id: self.id(), from: self.arn(bucket), to: to.clone(), body }
    }

    /// The ARN of a bucket, which has neither region nor account.
    pub(super) fn arn(&self, bucket: &str) -> String {
        format!("arn:{}:s3:::{bucket}", self.context.config.scope.partition())
    }

    fn event(
        &self,
        notification: &Notification,
        (bucket, key): (&str, &str),
        what: Happened,
        (version, row): (Option<&str>, Option<&ObjectRow>),
    ) -> Value {
        let (scope, now) = (&self.context.config.scope, self.now());
        let mut object = json!({
            "key": utf8_percent_encode(key, KEY).to_string().replace(' ', "+"),
            "sequencer": self.sequencer(now),
        });
        if let (Some(row), Some(object)) = (row, object.as_object_mut()) {
            object.insert("size".to_owned(), json!(row.size));
            object.insert("eTag".to_owned(), json!(row.etag));
        }
        if let (Some(version), Some(object)) = (version, object.as_object_mut()) {
            object.insert("versionId".to_owned(), json!(version));
        }
        let account = scope.account.as_str();
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": scope.region.as_str(),
            "eventTime": now.to_string(),
            "eventName": what.name(),
            "userIdentity": { "principalId": account },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": { "x-amz-request-id": self.id(), "x-amz-id-2": self.id() },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": notification.id,
                "bucket": { "name": bucket, "ownerIdentity": { "principalId": account }, "arn": self.arn(bucket) },
                "object": object,
            },
        }] })
    }

    /// Greater than that of any earlier event: events are made while the state is locked, and two of a millisecond are counted.
    fn sequencer(&self, now: Timestamp) -> String {
        let count = self.sequence.fetch_add(1, Ordering::Relaxed) & 0xFF_FFFF;
        format!("{:012X}{count:06X}", now.0)
    }
}
