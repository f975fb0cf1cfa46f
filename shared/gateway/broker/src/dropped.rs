//! Messages that did not arrive.

/// Why a message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The session's queue is full.
    QueueFull,
    /// The connection is over its publish rate.
    Throttled,
    /// The message's expiry passed.
    Expired,
    /// The receiver lacks `iot:Receive`.
    NotAuthorized,
    /// The packet would be larger than the receiver takes.
    TooLarge,
    /// It was not acknowledged within the retry window.
    RetriesExceeded,
    /// An MQTT 3.1.1 client asked for QoS 2.
    QosNotSupported,
    /// The account holds as many retained messages as it may.
    RetainedQuota,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::QueueFull,
        Self::Throttled,
        Self::Expired,
        Self::NotAuthorized,
        Self::TooLarge,
        Self::RetriesExceeded,
        Self::QosNotSupported,
        Self::RetainedQuota,
    ];

    /// A stable name for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "QUEUE_FULL",
            Self::Throttled => "THROTTLED",
            Self::Expired => "EXPIRED",
            Self::NotAuthorized => "NOT_AUTHORIZED",
            Self::TooLarge => "TOO_LARGE",
            Self::RetriesExceeded => "RETRIES_EXCEEDED",
            Self::QosNotSupported => "QOS_NOT_SUPPORTED",
            Self::RetainedQuota => "RETAINED_QUOTA",
        }
    }
}

/// A message that did not arrive.
#[derive(Debug, Clone, Copy)]
pub struct Dropped<'a> {
    /// The client id of the session it was for, or from.
    pub client_id: &'a str,
    /// The topic.
    pub topic: &'a str,
    /// Why.
    pub reason: DropReason,
    /// Whether it was on its way in from the client, not out to it.
    pub inbound: bool,
}
